//! Which deliveries a question about the ledger is about: days, and whose they are.

use clap::Args;
use jiff::{Timestamp, ToSpan, civil::Date};
use redtrail_core::{log_key::LogKey, object::ObjectAddress};
use redtrail_model::EventTime;

use crate::{
    failure::Failure,
    tables::{event_time, window},
    words::account_id,
};

/// Days asked for when none are named, today among them.
const DAYS_BY_DEFAULT: i64 = 7;
/// Each day is a Query of its own.
const MOST_DAYS: i32 = 3660;

/// Days and whose deliveries.
#[derive(Args, Clone, Debug)]
pub(crate) struct Scope {
    /// Only objects delivered on this day (UTC) or later; by default the last seven days
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only objects delivered up to this day
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Only objects in this bucket
    #[arg(long)]
    bucket: Option<String>,

    /// Only objects of these accounts
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = account_id)]
    account: Vec<String>,

    /// Only objects of these Regions
    #[arg(long, value_delimiter = ',')]
    region: Vec<String>,
}

/// Days of delivery, both ends among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) first: Date,
    pub(crate) last: Date,
    /// Nobody named them.
    pub(crate) is_default: bool,
}

impl Days {
    pub(crate) fn iter(self) -> impl Iterator<Item = Date> {
        let last = self.last;
        self.first
            .series(1.day())
            .take_while(move |day| *day <= last)
    }
}

impl Scope {
    /// No day is named: by `--since` or `--until`.
    pub(crate) fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// The days asked for, when it is `now`; no further than tomorrow, when nothing can have
    /// been delivered yet.
    pub(crate) fn days(&self, now: Timestamp) -> Result<Days, Failure> {
        let window = window(self.since.as_deref(), self.until.as_deref(), now)?;
        let today = day(event_time(now)?)?;
        let before = |time: EventTime| EventTime::from_epoch_millis(time.epoch_millis() - 1);
        let last = match window.until.and_then(before) {
            Some(until) => day(until)?.min(today.saturating_add(1.day())),
            None => today,
        };
        let first = match window.since {
            Some(since) => day(since)?,
            None => last.saturating_sub((DAYS_BY_DEFAULT - 1).days()),
        };
        let days = last.since(first).map(|span| span.get_days());
        if days.is_ok_and(|days| days < MOST_DAYS) {
            return Ok(Days {
                first,
                last,
                is_default: self.is_open(),
            });
        }
        Err(Failure::usage(
            format!("from {first} to {last} are more than {MOST_DAYS} days"),
            "Ask for fewer at a time: each is a Query of its own.",
        ))
    }

    /// Whether deliveries to that bucket, of that account and Region, are asked for.
    pub(crate) fn holds(&self, bucket: &str, account: &str, region: &str) -> bool {
        let among = |wanted: &[String], text: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == text)
        };
        self.bucket.as_deref().is_none_or(|wanted| wanted == bucket)
            && among(&self.account, account)
            && among(&self.region, region)
    }

    pub(crate) fn holds_object(&self, object: &ObjectAddress) -> bool {
        LogKey::parse(&object.key)
            .is_ok_and(|key| self.holds(&object.bucket, key.account, key.region))
    }
}

fn day(time: EventTime) -> Result<Date, Failure> {
    let text = time.to_string();
    let day = text.get(..10).and_then(|day| day.parse().ok());
    day.ok_or_else(|| Failure::usage(format!("{text} is on no day"), "Give another time."))
}
