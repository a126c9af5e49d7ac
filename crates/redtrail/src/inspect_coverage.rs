//! How far an answer read straight from S3 reaches: which objects there were, and which hours had
//! none. That none was deleted or altered, only digests prove.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IsTerminal},
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use redtrail_core::{log_key::LogKey, object::ObjectAddress};
use redtrail_digest::{log_list::ListedLog, place::Place};
use redtrail_model::EventTime;
use serde::Serialize;

use crate::{
    backfill_report::{Objects, size},
    inspect::Verdict,
    inspect_s3::Told,
    output::{RowForm, json_remark, remark},
    trail_s3::TrailUrl,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Places with hours that had no object which are written out for reading.
const MOST_WRITTEN: usize = 20;

/// What was read.
#[derive(Serialize)]
pub(crate) struct InspectCoverage {
    place: String,
    accounts: BTreeSet<String>,
    regions: BTreeSet<String>,
    since: Option<EventTime>,
    until: Option<EventTime>,
    #[serde(flatten)]
    read: Objects,
    accepted: u64,
    partial: u64,
    rejected: u64,
    /// Times in the names of objects.
    first_object: Option<String>,
    last_object: Option<String>,
    records_read: u64,
    records_selected: u64,
    events_shown: u64,
    hours: u64,
    /// Places that had no object in some hours.
    without_objects: Vec<Quiet>,
    digests: &'static str,
    #[serde(skip)]
    seen: BTreeMap<(String, String), Hours>,
    #[serde(skip)]
    start: Timestamp,
    #[serde(skip)]
    progress: ProgressBar,
}

/// A place, and hours in which nothing was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Quiet {
    account: String,
    region: String,
    hours_without_objects: u64,
    first: String,
}

/// Hours with objects: how many, and the first without as far as they are in order.
#[derive(Default)]
struct Hours {
    count: u64,
    /// The hour of the last object, from 0.
    last: Option<u64>,
    first_quiet: Option<u64>,
}

impl Hours {
    fn seen(&mut self, hour: u64) {
        let next = self.last.map_or(0, |last| last + 1);
        if self.last.is_some_and(|last| hour <= last) {
            return;
        }
        if hour > next && self.first_quiet.is_none() {
            self.first_quiet = Some(next);
        }
        self.count += 1;
        self.last = Some(hour);
    }

    /// How many of so many hours had none, and the first of them.
    fn quiet(&self, hours: u64) -> Option<(u64, u64)> {
        let next = self.last.map_or(0, |last| last + 1);
        let first = self.first_quiet.unwrap_or(next);
        let count = hours.saturating_sub(self.count);
        (count > 0 && first < hours).then_some((count, first))
    }
}

impl InspectCoverage {
    pub(crate) fn of_object(object: &ObjectAddress) -> Self {
        Self::new(object.to_string())
    }

    pub(crate) fn of_trail(
        trail: &TrailUrl,
        places: &[Place],
        since: EventTime,
        until: EventTime,
    ) -> Self {
        let start = timestamp(since);
        let hours = timestamp(until).duration_since(start).as_secs().max(0);
        let mut coverage = Self {
            since: Some(since),
            until: Some(until),
            // Begun ones are no whole hours: nothing need have come in them yet.
            hours: hours.unsigned_abs() / HOUR.as_secs().unsigned_abs(),
            start,
            progress: bar(),
            ..Self::new(format!("s3://{}/{}", trail.bucket, trail.prefix))
        };
        for place in places {
            coverage.accounts.insert(place.account.clone());
            coverage.regions.insert(place.region.clone());
            let place = (place.account.clone(), place.region.clone());
            coverage.seen.insert(place, Hours::default());
        }
        coverage
    }

    fn new(place: String) -> Self {
        Self {
            place,
            accounts: BTreeSet::new(),
            regions: BTreeSet::new(),
            since: None,
            until: None,
            read: Objects::default(),
            accepted: 0,
            partial: 0,
            rejected: 0,
            first_object: None,
            last_object: None,
            records_read: 0,
            records_selected: 0,
            events_shown: 0,
            hours: 0,
            without_objects: Vec::new(),
            digests: "not_checked",
            seen: BTreeMap::new(),
            start: Timestamp::UNIX_EPOCH,
            progress: ProgressBar::hidden(),
        }
    }

    /// An object was read, or could not be.
    pub(crate) fn object(&mut self, log: &ListedLog, told: &Told) {
        self.read.add(log.object.bytes);
        self.records_read += told.tally.read;
        self.records_selected += told.tally.selected;
        self.events_shown += told.shown;
        *match told.verdict {
            Verdict::Accepted => &mut self.accepted,
            Verdict::Partial => &mut self.partial,
            Verdict::Rejected | Verdict::Skipped => &mut self.rejected,
        } += 1;
        self.progress.inc(1);
        let Ok(key) = LogKey::parse(&log.object.key) else {
            return;
        };
        self.accounts.insert(key.account.to_owned());
        self.regions.insert(key.region.to_owned());
        let named = log.named.to_string();
        if self
            .first_object
            .as_ref()
            .is_none_or(|first| named < *first)
        {
            self.first_object = Some(named.clone());
        }
        if self.last_object.as_ref().is_none_or(|last| named > *last) {
            self.last_object = Some(named);
        }
        let seconds = log.named.duration_since(self.start).as_secs();
        let hour = seconds.max(0).unsigned_abs() / HOUR.as_secs().unsigned_abs();
        let place = (key.account.to_owned(), key.region.to_owned());
        if let Some(hours) = self.seen.get_mut(&place).filter(|_| hour < self.hours) {
            hours.seen(hour);
        }
    }

    /// Runs what writes, the bar out of its way.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        self.progress.suspend(write);
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.rejected == 0
    }

    /// Says it on standard error.
    pub(crate) fn tell(&mut self, form: RowForm) {
        self.progress.finish_and_clear();
        for ((account, region), hours) in &self.seen {
            if let Some((count, first)) = hours.quiet(self.hours) {
                let first = i64::try_from(first).unwrap_or_default();
                let first = self.start + SignedDuration::from_hours(first);
                self.without_objects.push(Quiet {
                    account: account.clone(),
                    region: region.clone(),
                    hours_without_objects: count,
                    first: first.to_string(),
                });
            }
        }
        if form == RowForm::Jsonl {
            json_remark(&serde_json::json!({
                "coverage": &*self,
                "complete": self.is_complete(),
            }));
            return;
        }
        for line in self.lines() {
            remark(&line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let ends = match (&self.first_object, &self.last_object) {
            (Some(first), Some(last)) => format!(", named from {first} to {last}"),
            _ => String::new(),
        };
        lines.push(format!(
            "{}: {} accounts, {} Regions; {} objects read ({}){ends}: {} accepted, {} partial, {} \
             rejected; {} records, {} of Redshift, {} shown.",
            self.place,
            self.accounts.len(),
            self.regions.len(),
            self.read.objects,
            size(self.read.bytes),
            self.accepted,
            self.partial,
            self.rejected,
            self.records_read,
            self.records_selected,
            self.events_shown,
        ));
        for quiet in self.without_objects.iter().take(MOST_WRITTEN) {
            lines.push(format!(
                "{} {}: no object in {} of {} hours, first from {} on.",
                quiet.account, quiet.region, quiet.hours_without_objects, self.hours, quiet.first
            ));
        }
        if self.without_objects.len() > MOST_WRITTEN {
            let more = self.without_objects.len() - MOST_WRITTEN;
            lines.push(format!(
                "And {more} more places without objects in some hours."
            ));
        }
        lines.push(
            "No digest was checked: that no object is missing or altered, `redtrail verify` proves."
                .to_owned(),
        );
        lines
    }
}

fn timestamp(time: EventTime) -> Timestamp {
    Timestamp::from_millisecond(time.epoch_millis()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A bar while standard error is a terminal and the answer goes elsewhere.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{spinner} {pos} objects, {per_sec}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_objects() {
        for (seen, hours, expected) in [
            (&[][..], 0, None),
            (&[], 3, Some((3, 0))),
            (&[0, 0, 1, 2], 3, None),
            (&[0, 2], 3, Some((1, 1))),
            (&[1, 2], 3, Some((1, 0))),
            (&[0, 1], 3, Some((1, 2))),
            (&[0, 3, 6], 8, Some((5, 1))),
        ] {
            let mut sum = Hours::default();
            for hour in seen {
                sum.seen(*hour);
            }
            assert_eq!(sum.quiet(hours), expected, "{seen:?} of {hours}");
        }
    }
}
