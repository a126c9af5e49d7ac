//! What a backfill would cost, from a sample of its objects: they are read and made into items as
//! the function does it, and the items are weighed instead of written.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use redtrail_core::{
    batch::put_bytes,
    edge::{EdgeError, ItemStore, Unless},
    item::{Item, Put},
};
use redtrail_model::Table;
use serde::Serialize;

use crate::{
    backfill_report::Report,
    backfill_run::{Sink, Wanted},
    failure::Failure,
    stored_size::{Objects, size},
};

/// Objects of the sample.
pub(crate) const SAMPLE: usize = 200;
/// The sample's bytes as stored at most, beyond its first object.
pub(crate) const SAMPLE_BYTES: u64 = 256 * 1024 * 1024;
/// A million write units on demand in us-east-1, in dollars, by AWS's list of prices:
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>
pub(crate) const DOLLARS_A_MILLION: f64 = 0.625;
/// The same trail gives the same sample.
const SEED: u64 = 53;
/// What one write unit pays for.
const UNIT_BYTES: usize = 1024;
/// Half the width of an interval that holds 95 % of a normal distribution, in standard errors.
const ERRORS: f64 = 1.96;

/// Counts objects, and draws some of them, each as likely as any other.
pub(crate) struct Sample {
    pub(crate) wanted: Objects,
    drawn: Vec<Wanted>,
    dice: Rng,
}

impl Sample {
    pub(crate) fn new() -> Self {
        Self {
            wanted: Objects::default(),
            drawn: Vec::new(),
            dice: Rng::with_seed(SEED),
        }
    }

    /// Those that are to be read: no more bytes than the bound.
    pub(crate) fn within_bytes(mut self) -> Vec<Wanted> {
        // The first seats are those of the first objects, mostly.
        self.dice.shuffle(&mut self.drawn);
        let mut bytes = 0;
        let count = self.drawn.iter().take_while(|wanted| {
            bytes += wanted.bytes;
            bytes <= SAMPLE_BYTES
        });
        let count = count.count().max(1);
        self.drawn.truncate(count);
        self.drawn
    }
}

impl Sink for Sample {
    async fn take(&mut self, objects: Vec<Wanted>, _: &mut Report) -> Result<(), Failure> {
        for wanted in objects {
            self.wanted.add(wanted.bytes);
            if self.drawn.len() < SAMPLE {
                self.drawn.push(wanted);
                continue;
            }
            let place = self.dice.u64(..self.wanted.objects);
            let place = usize::try_from(place).ok();
            if let Some(seat) = place.and_then(|place| self.drawn.get_mut(place)) {
                *seat = wanted;
            }
        }
        Ok(())
    }
}

/// A store that keeps nothing and counts the write units that DynamoDB would take, those of
/// indexes among them.
#[derive(Debug, Default)]
pub(crate) struct Scales {
    units: AtomicU64,
}

impl Scales {
    /// Write units since this was last asked.
    pub(crate) fn take(&self) -> u64 {
        self.units.swap(0, Ordering::Relaxed)
    }

    fn weigh(&self, put: &Put) {
        let has = |name: &str| put.get(name).is_some();
        let indexes = put.table.schema().indexes.iter();
        let indexes = indexes.filter(|index| has(index.partition_key) && has(index.sort_key));
        let units = put_bytes(put).div_ceil(UNIT_BYTES) * (1 + indexes.count());
        self.units.fetch_add(units as u64, Ordering::Relaxed);
    }
}

impl ItemStore for Scales {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        for put in batch {
            self.weigh(put);
        }
        Ok(Vec::new())
    }

    async fn put_unless(&self, put: &Put, _: Unless) -> Result<bool, EdgeError> {
        self.weigh(put);
        Ok(true)
    }

    async fn get(&self, _: Table, _: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        Ok(None)
    }
}

/// A sum that a sample tells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) expected: f64,
    /// Nineteen samples of twenty would say a sum between these, were their means normally
    /// distributed; of few objects that hold much, the true one may well be higher.
    pub(crate) low: f64,
    /// Nothing where one object tells of many.
    pub(crate) high: Option<f64>,
}

impl Estimate {
    /// Of `objects`, of which some come to these.
    pub(crate) fn of(of_sample: &[u64], objects: u64) -> Self {
        #![allow(clippy::cast_precision_loss, reason = "an estimate")]
        let (n, all) = (of_sample.len() as f64, objects as f64);
        if of_sample.is_empty() {
            return Self {
                expected: 0.0,
                low: 0.0,
                high: (objects == 0).then_some(0.0),
            };
        }
        let sum: u64 = of_sample.iter().sum();
        let mean = sum as f64 / n;
        let squares = of_sample.iter().map(|x| (*x as f64 - mean).powi(2));
        let variance = squares.sum::<f64>() / (n - 1.0).max(1.0);
        // What was read is known: with all objects in the sample there is nothing to guess.
        let unread = (1.0 - n / all).max(0.0);
        let error = ERRORS * all * (variance / n * unread).sqrt();
        let expected = mean * all;
        let is_told = n > 1.0 || n >= all;
        let low = if is_told { expected - error } else { 0.0 };
        Self {
            expected,
            low: low.max(sum as f64),
            high: is_told.then_some(expected + error),
        }
    }

    /// Each multiplied.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            expected: self.expected * factor,
            low: self.low * factor,
            high: self.high.map(|high| high * factor),
        }
    }
}

/// What there is to do, and what it would cost.
#[derive(Serialize)]
pub(crate) struct Cost {
    pub(crate) to_ingest: Objects,
    pub(crate) sample: Objects,
    pub(crate) sample_failed: u64,
    pub(crate) events: Estimate,
    pub(crate) write_units: Estimate,
    pub(crate) dollars: Estimate,
    pub(crate) dollars_a_million_write_units: f64,
}

impl Cost {
    /// For reading.
    pub(crate) fn lines(&self) -> Vec<String> {
        if self.to_ingest.objects == 0 {
            return vec!["There is nothing left to ingest.".to_owned()];
        }
        let sum = |name: &str, estimate: Estimate, decimals: usize| {
            let Estimate {
                expected,
                low,
                high,
            } = estimate;
            let high = high.map_or("unknown".to_owned(), |high| format!("{high:.decimals$}"));
            format!("  {name:<12}{expected:>14.decimals$}   ({low:.decimals$} to {high})")
        };
        let which = if self.sample.objects == self.to_ingest.objects {
            "all of them were read".to_owned()
        } else {
            format!(
                "from {} of them ({}), drawn by equal chance",
                self.sample.objects,
                size(self.sample.bytes)
            )
        };
        let mut lines = vec![
            format!(
                "{} objects ({}) are to be ingested; {which}:",
                self.to_ingest.objects,
                size(self.to_ingest.bytes)
            ),
            sum("events", self.events, 0),
            sum("write units", self.write_units, 0),
            sum("dollars", self.dollars, 2),
            format!(
                "at {} dollars a million write units{}; Lambda, S3, SQS and storage come on top.",
                self.dollars_a_million_write_units,
                if self.dollars_a_million_write_units == DOLLARS_A_MILLION {
                    ", DynamoDB's list price on demand in us-east-1"
                } else {
                    ""
                }
            ),
        ];
        if self.sample_failed > 0 {
            lines.push(format!(
                "{} more objects of the sample could not be read.",
                self.sample_failed
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use redtrail_core::object::ObjectAddress;

    use super::*;

    fn wanted(number: u64, bytes: u64) -> Wanted {
        Wanted {
            address: ObjectAddress {
                bucket: "trail".to_owned(),
                key: number.to_string(),
                version_id: None,
            },
            bytes,
            again: false,
        }
    }

    async fn sample(objects: u64, bytes: u64) -> Sample {
        let mut sample = Sample::new();
        let objects = (0..objects).map(|number| wanted(number, bytes)).collect();
        sample.take(objects, &mut Report::new(1)).await.unwrap();
        sample
    }

    #[tokio::test]
    async fn ok_few_objects_are_all_of_them() {
        for count in [0, 1, 7, SAMPLE as u64] {
            let sample = sample(count, 10).await;
            assert_eq!(sample.wanted.objects, count);
            assert_eq!(sample.wanted.bytes, 10 * count);
            assert_eq!(sample.within_bytes().len() as u64, count);
        }
    }

    #[tokio::test]
    async fn ok_many_objects_are_drawn_evenly() {
        let count = 20_000;
        let drawn = sample(count, 1).await.within_bytes();
        assert_eq!(drawn.len(), SAMPLE);
        let numbers = drawn
            .iter()
            .map(|wanted| wanted.address.key.parse::<u64>().unwrap());
        let sum: u64 = numbers.sum();
        // The standard error of the mean is 408.
        let mean = sum / SAMPLE as u64;
        assert!((8000..12_000).contains(&mean), "{mean}");
    }

    #[tokio::test]
    async fn ok_the_bound_on_bytes_favours_none() {
        // Of 150 a quarter fits: without an order of their own it would be the first ones.
        let drawn = sample(150, SAMPLE_BYTES / 38).await.within_bytes();
        let numbers = drawn
            .iter()
            .map(|wanted| wanted.address.key.parse::<u64>().unwrap());
        let late = numbers.filter(|number| *number >= 75).count();
        assert!((8..=30).contains(&late), "{late} of {}", drawn.len());
    }

    #[tokio::test]
    async fn ok_no_more_bytes_than_the_bound() {
        let drawn = sample(100, SAMPLE_BYTES / 4).await.within_bytes();
        assert_eq!(drawn.len(), 4);
        let drawn = sample(100, 2 * SAMPLE_BYTES).await.within_bytes();
        assert_eq!(drawn.len(), 1);
    }

    #[test]
    fn ok_estimates() {
        // All of them are known.
        let all = Estimate::of(&[1, 2, 3, 4], 4);
        assert_eq!((all.low, all.expected, all.high), (10.0, 10.0, Some(10.0)));
        // All alike leave no doubt.
        let alike = Estimate::of(&[5; 10], 1000);
        assert_eq!(
            (alike.low, alike.expected, alike.high),
            (5000.0, 5000.0, Some(5000.0))
        );
        // Mean 1, variance 1.0 (n - 1 = 3: 4/3), n = 4 of 100.
        let some = Estimate::of(&[0, 2, 0, 2], 100);
        let error = 1.96 * 100.0 * (4.0_f64 / 3.0 / 4.0 * 0.96).sqrt();
        assert!(
            (some.high.unwrap() - (100.0 + error)).abs() < 1e-9,
            "{some:?}"
        );
        // It is never less than what was seen.
        assert_eq!(some.low, 4.0);
        assert_eq!(Estimate::of(&[], 0).expected, 0.0);
        // One tells nothing of how the others differ.
        let one = Estimate::of(&[7], 100);
        assert_eq!((one.low, one.expected, one.high), (7.0, 700.0, None));
        assert_eq!(Estimate::of(&[7], 1).high, Some(7.0));
    }
}
