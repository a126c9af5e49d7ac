//! A trail: log objects of many accounts and Regions, one after the other, or one
//! object as large as is wanted, written without holding it.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use crate::{
    cast::Cast,
    dice::Dice,
    event::{Event, Record, Truth},
    family::Estate,
    gzip::{gzip, gzip_into},
    ordinary::ordinary,
    place::Place,
    shape::{HardShape, hard_record, white_space},
};

/// What kind of trail to make.
#[derive(Clone, Debug)]
pub struct TrailOptions {
    /// The same seed and options give the same trail, byte for byte.
    pub seed: u64,
    /// An organization trail has the organization's id in its keys.
    pub organization: Option<String>,
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// The share of records that belong to the Redshift family, 0 to 1.
    pub redshift_share: f64,
    /// The share of records in a hard shape, 0 to 1.
    pub hard_share: f64,
    /// The hard shapes to choose from.
    pub hard_shapes: Vec<HardShape>,
    /// The first events happen at this time.
    pub start: Timestamp,
}

impl Default for TrailOptions {
    /// An organization trail with the share of Redshift events that real trails show.
    fn default() -> Self {
        Self {
            seed: 0,
            organization: Some("o-exampleorg".into()),
            accounts: ["111122223333", "444455556666", "123456789012"]
                .map(Into::into)
                .into(),
            regions: ["us-east-1", "eu-west-1", "us-west-2"]
                .map(Into::into)
                .into(),
            redshift_share: 0.0003,
            hard_share: 0.0,
            hard_shapes: HardShape::ALL.into(),
            start: Timestamp::from_second(1_772_442_000).expect("March 2026 is a time"),
        }
    }
}

/// A source of log objects.
#[derive(Clone, Debug)]
pub struct Trail {
    options: TrailOptions,
    dice: Dice,
    scenes: Vec<Scene>,
    /// The end of the last delivery's five minutes.
    clock: Timestamp,
}

#[derive(Clone, Debug)]
struct Scene {
    place: Place,
    cast: Cast,
    estate: Estate,
}

/// A log object, before compression.
#[derive(Clone, Debug)]
pub struct LogObject {
    /// The object's key in the bucket.
    pub key: String,
    /// The document.
    pub plain: Vec<u8>,
    /// How many elements `Records` has.
    pub records: usize,
    /// The Redshift family events, in the order of their records.
    pub truth: Vec<Truth>,
}

impl LogObject {
    /// The object's body.
    pub fn gzip(&self) -> Vec<u8> {
        gzip(&self.plain)
    }
}

/// What was written of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub bytes: u64,
    pub records: u64,
    /// How many of them belong to the Redshift family.
    pub selected: u64,
}

const DELIVERY: SignedDuration = SignedDuration::from_mins(5);

impl Trail {
    /// A realistic trail.
    pub fn new(seed: u64) -> Self {
        Self::with_options(TrailOptions {
            seed,
            ..TrailOptions::default()
        })
    }

    pub fn with_options(options: TrailOptions) -> Self {
        let mut dice = Dice::new(options.seed);
        let mut scenes = Vec::new();
        for account in &options.accounts {
            for region in &options.regions {
                let place = Place::new(account, region);
                scenes.push(Scene {
                    cast: Cast::new(&place, options.start, &mut dice),
                    estate: Estate::new(&place, &mut dice),
                    place,
                });
            }
        }
        assert!(!scenes.is_empty(), "a trail needs an account and a Region");
        Self {
            clock: options.start,
            options,
            dice,
            scenes,
        }
    }

    /// The next log object, of that many records.
    pub fn object(&mut self, records: usize) -> LogObject {
        let scene = self.dice.below(self.scenes.len());
        let (start, end) = (self.clock, self.clock + DELIVERY);
        self.clock = end;
        let mut truth = Vec::new();
        let mut document = String::from(r#"{"Records":["#);
        for index in 0..records {
            if index > 0 {
                self.separator(&mut document);
            }
            let step = DELIVERY * i32::try_from(index).unwrap_or(i32::MAX)
                / i32::try_from(records).unwrap_or(i32::MAX);
            let record = self.next_record(scene, start + step);
            document.push_str(&record.json);
            truth.extend(record.truth);
        }
        document.push_str("]}\n");
        let key = self.key(&self.scenes[scene].place.clone(), end);
        LogObject {
            key,
            plain: document.into_bytes(),
            records,
            truth,
        }
    }

    /// The next log object, of about as many records as real ones have: half of them
    /// hold up to 53.
    pub fn typical_object(&mut self) -> LogObject {
        let records = (53.0 * (1.1 * self.dice.normal()).exp()).clamp(1.0, 5000.0);
        self.object(records as usize)
    }

    /// Writes one document of at least `bytes` bytes, uncompressed, telling the truth
    /// about each family event as it goes. Nothing of the document is held.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_object(
        &mut self,
        bytes: u64,
        out: &mut impl Write,
        mut tell: impl FnMut(Truth),
    ) -> io::Result<Written> {
        const STEP: SignedDuration = SignedDuration::from_millis(40);
        let scene = self.dice.below(self.scenes.len());
        let mut written = Written::default();
        let mut text = String::from(r#"{"Records":["#);
        loop {
            if written.records > 0 {
                self.separator(&mut text);
            }
            let record = self.next_record(scene, self.clock);
            self.clock += STEP;
            text.push_str(&record.json);
            written.records += 1;
            if let Some(truth) = record.truth {
                written.selected += 1;
                tell(truth);
            }
            let done = written.bytes + text.len() as u64 + 3 >= bytes;
            if done {
                text.push_str("]}\n");
            }
            if done || text.len() > 64 * 1024 {
                out.write_all(text.as_bytes())?;
                written.bytes += text.len() as u64;
                text.clear();
            }
            if done {
                return Ok(written);
            }
        }
    }

    /// [`Trail::write_object`], gzipped.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_gzip_object(
        &mut self,
        bytes: u64,
        out: impl Write,
        tell: impl FnMut(Truth),
    ) -> io::Result<Written> {
        gzip_into(out, |encoder| self.write_object(bytes, encoder, tell))
    }

    /// One record on its own.
    pub fn record(&mut self) -> Record {
        let scene = self.dice.below(self.scenes.len());
        self.next_record(scene, self.clock)
    }

    /// One record in these hard shapes; of the Redshift family or of any other service.
    pub fn hard_record(&mut self, shapes: &[HardShape], redshift: bool) -> Record {
        let scene = self.dice.below(self.scenes.len());
        let event = self.event(scene, self.clock, redshift);
        self.harden(scene, event, self.clock, shapes)
    }

    fn next_record(&mut self, scene: usize, time: Timestamp) -> Record {
        // Records of an object are only roughly in the order of their times.
        let time = if self.dice.chance(0.1) {
            time - SignedDuration::from_secs(self.dice.between(1, 90))
        } else {
            time
        };
        let redshift = self.dice.chance(self.options.redshift_share);
        let event = self.event(scene, time, redshift);
        if self.dice.chance(self.options.hard_share) {
            let shapes = self.choose_shapes();
            return self.harden(scene, event, time, &shapes);
        }
        event
            .stamp(time, &self.scenes[scene].place, &mut self.dice)
            .compact()
    }

    fn event(&mut self, scene: usize, time: Timestamp, redshift: bool) -> Event {
        let Scene {
            place,
            cast,
            estate,
        } = &mut self.scenes[scene];
        if redshift {
            estate.event(place, cast, time, &mut self.dice)
        } else {
            ordinary(place, cast, time, &mut self.dice)
        }
    }

    fn harden(
        &mut self,
        scene: usize,
        event: Event,
        time: Timestamp,
        shapes: &[HardShape],
    ) -> Record {
        let place = &self.scenes[scene].place;
        let stamp = |event: Event, dice: &mut Dice| event.stamp(time, place, dice);
        hard_record(event, shapes, stamp, place, &mut self.dice)
    }

    /// One shape, often two; the huge one seldom, or it would drown all else.
    fn choose_shapes(&mut self) -> Vec<HardShape> {
        let Self { options, dice, .. } = self;
        let choices = &options.hard_shapes;
        (0..dice.between(1, 3))
            .filter_map(|_| {
                let shape = choices.get(dice.below(choices.len())).copied()?;
                let kept = shape != HardShape::Huge || choices.len() == 1 || dice.chance(0.1);
                kept.then_some(shape)
            })
            .collect()
    }

    fn separator(&mut self, out: &mut String) {
        let spaces = self.options.hard_share > 0.0
            && self.options.hard_shapes.contains(&HardShape::WhiteSpace);
        if spaces {
            white_space(&mut self.dice, out);
        }
        out.push(',');
        if spaces {
            white_space(&mut self.dice, out);
        }
    }

    fn key(&mut self, place: &Place, delivered: Timestamp) -> String {
        let organization = match &self.options.organization {
            Some(id) => format!("{id}/"),
            None => String::new(),
        };
        let Place { account, region } = place;
        format!(
            "AWSLogs/{organization}{account}/CloudTrail/{region}/{}/{account}_CloudTrail_{region}_{}_{}.json.gz",
            delivered.strftime("%Y/%m/%d"),
            delivered.strftime("%Y%m%dT%H%MZ"),
            self.dice.mixed(16),
        )
    }
}
