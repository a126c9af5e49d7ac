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
    inspect::Verdict,
    inspect_s3::Told,
    output::{RowForm, json_remark, remark},
    stored_size::{Objects, size},
    trail_s3::TrailUrl,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Places with hours that had no object which are written out for reading, and spans of one.
const MOST_WRITTEN: usize = 20;
const MOST_SPANS_WRITTEN: usize = 5;

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
    failed: u64,
    /// Times in the names of objects.
    first_object: Option<String>,
    last_object: Option<String>,
    records_read: u64,
    records_selected: u64,
    events_shown: u64,
    hours: u64,
    /// Places that had no object in some hours; null if reading stopped before the end.
    without_objects: Option<Vec<Quiet>>,
    digests: &'static str,
    #[serde(skip)]
    seen: BTreeMap<Place, Hours>,
    #[serde(skip)]
    start: Timestamp,
    #[serde(skip)]
    progress: ProgressBar,
}

/// A place, and whole hours in which nothing was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Quiet {
    /// Of the place of an organization trail: beside it another trail may deliver the same account.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    account: String,
    region: String,
    hours_without_objects: u64,
    spans: Vec<Span>,
}

/// Hours on end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Span {
    from: String,
    until: String,
}

/// Hours with objects, counted from 0, as spans: each its first hour and the one after it.
#[derive(Default)]
struct Hours {
    spans: Vec<(u64, u64)>,
}

impl Hours {
    fn seen(&mut self, hour: u64) {
        match self.spans.last_mut() {
            Some((from, until)) if (*from..*until).contains(&hour) => {}
            Some((_, until)) if *until == hour => *until += 1,
            _ => self.spans.push((hour, hour + 1)),
        }
    }

    /// Spans of so many hours that had none.
    fn quiet(&self, hours: u64) -> Vec<(u64, u64)> {
        // Names that are not CloudTrail's may stand in any order.
        let mut seen = self.spans.clone();
        seen.sort_unstable();
        let mut quiet = Vec::new();
        let mut next = 0;
        for (from, until) in seen.into_iter().chain([(hours, hours)]) {
            if from > next {
                quiet.push((next, from));
            }
            next = next.max(until);
        }
        quiet
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
        let start = since.timestamp();
        let hours = until.timestamp().duration_since(start).as_secs().max(0);
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
            coverage.seen.insert(place.clone(), Hours::default());
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
            failed: 0,
            first_object: None,
            last_object: None,
            records_read: 0,
            records_selected: 0,
            events_shown: 0,
            hours: 0,
            without_objects: None,
            digests: "not_checked",
            seen: BTreeMap::new(),
            start: Timestamp::UNIX_EPOCH,
            progress: ProgressBar::hidden(),
        }
    }

    /// An object was read, or could not be; where it was listed, of that place.
    pub(crate) fn object(&mut self, place: Option<&Place>, log: &ListedLog, told: &Told) {
        self.read.add(log.object.bytes);
        self.records_read += told.tally.read;
        self.records_selected += told.tally.selected;
        self.events_shown += told.shown;
        *match told.verdict {
            Verdict::Accepted => &mut self.accepted,
            Verdict::Partial => &mut self.partial,
            Verdict::Rejected => &mut self.rejected,
            Verdict::Failed | Verdict::Skipped => &mut self.failed,
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
        // The list begins before the time: what was called in it may stand in earlier objects.
        let Ok(seconds) = u64::try_from(log.named.duration_since(self.start).as_secs()) else {
            return;
        };
        let hour = seconds / HOUR.as_secs().unsigned_abs();
        let hours = place.and_then(|place| self.seen.get_mut(place));
        if let Some(hours) = hours.filter(|_| log.named >= self.start && hour < self.hours) {
            hours.seen(hour);
        }
    }

    /// Runs what writes, the bar out of its way.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        self.progress.suspend(write);
    }

    /// Whether every object could be read, though perhaps not all of their records.
    pub(crate) fn is_sound(&self) -> bool {
        self.rejected == 0 && self.failed == 0
    }

    /// Says it on standard error; `is_whole` unless reading stopped before the end.
    pub(crate) fn tell(&mut self, form: RowForm, is_whole: bool) {
        self.progress.finish_and_clear();
        // Where reading stopped, nothing is known of the hours behind.
        self.without_objects = is_whole.then(|| self.quiet());
        if form == RowForm::Jsonl {
            json_remark(&serde_json::json!({
                "coverage": &*self,
                "all_read": is_whole && self.is_sound() && self.partial == 0,
            }));
            return;
        }
        for line in self.lines() {
            remark(&line);
        }
        if !is_whole {
            remark("Reading stopped before the end of the trail: this is not all of it.");
        }
    }

    fn quiet(&self) -> Vec<Quiet> {
        let time = |hour: u64| {
            let hours = i64::try_from(hour).unwrap_or_default();
            (self.start + SignedDuration::from_hours(hours)).to_string()
        };
        let mut places = Vec::new();
        for (place, hours) in &self.seen {
            let spans = hours.quiet(self.hours);
            if spans.is_empty() {
                continue;
            }
            places.push(Quiet {
                organization: place.organization.clone(),
                account: place.account.clone(),
                region: place.region.clone(),
                hours_without_objects: spans.iter().map(|(from, until)| until - from).sum(),
                spans: spans
                    .into_iter()
                    .map(|(from, until)| Span {
                        from: time(from),
                        until: time(until),
                    })
                    .collect(),
            });
        }
        places
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let ends = match (&self.first_object, &self.last_object) {
            (Some(first), Some(last)) => format!(", named from {first} to {last}"),
            _ => String::new(),
        };
        // Of an object that was named, no listing told the size.
        let bytes = match self.read.bytes {
            0 => String::new(),
            bytes => format!(" ({})", size(bytes)),
        };
        lines.push(format!(
            "{}: {} accounts, {} Regions; {} objects read{bytes}{ends}: {} accepted, {} partial, {} \
             rejected, {} failed; {} records, {} of Redshift, {} shown.",
            self.place,
            self.accounts.len(),
            self.regions.len(),
            self.read.objects,
            self.accepted,
            self.partial,
            self.rejected,
            self.failed,
            self.records_read,
            self.records_selected,
            self.events_shown,
        ));
        let quiet = self.without_objects.as_deref().unwrap_or_default();
        for quiet in quiet.iter().take(MOST_WRITTEN) {
            lines.push(quiet.line(self.hours));
        }
        if quiet.len() > MOST_WRITTEN {
            let more = quiet.len() - MOST_WRITTEN;
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

impl Quiet {
    fn line(&self, hours: u64) -> String {
        let mut line = String::new();
        if let Some(organization) = &self.organization {
            line.push_str(organization);
            line.push(' ');
        }
        line.push_str(&format!(
            "{} {}: no object in {} of {hours} hours: ",
            self.account, self.region, self.hours_without_objects
        ));
        let spans: Vec<String> = self
            .spans
            .iter()
            .take(MOST_SPANS_WRITTEN)
            .map(|span| format!("{} to {}", span.from, span.until))
            .collect();
        line.push_str(&spans.join(", "));
        match self.spans.len().saturating_sub(MOST_SPANS_WRITTEN) {
            0 => line.push('.'),
            more => line.push_str(&format!(
                ", and {more} more times (--output jsonl has all)."
            )),
        }
        line
    }
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
            (&[][..], 0, &[][..]),
            (&[], 3, &[(0, 3)]),
            (&[0, 0, 1, 2], 3, &[]),
            (&[0, 2], 3, &[(1, 2)]),
            (&[1, 2], 3, &[(0, 1)]),
            (&[0, 1], 3, &[(2, 3)]),
            (&[0, 3, 6], 8, &[(1, 3), (4, 6), (7, 8)]),
            (&[6, 0, 3, 0], 8, &[(1, 3), (4, 6), (7, 8)]),
        ] {
            let mut sum = Hours::default();
            for hour in seen {
                sum.seen(*hour);
            }
            assert_eq!(sum.quiet(hours), expected, "{seen:?} of {hours}");
        }
    }
}
