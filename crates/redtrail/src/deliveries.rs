//! What the ledger's entries of a day add up to. No table and no clock.

use redtrail_core::ledger::{LedgerEntry, Verdict};
use redtrail_model::EventTime;
use serde::Serialize;

/// Objects and what was in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Deliveries {
    pub(crate) objects: u64,
    pub(crate) accepted: u64,
    pub(crate) partial: u64,
    pub(crate) rejected: u64,
    pub(crate) waiting: u64,
    pub(crate) records_read: u64,
    pub(crate) records_selected: u64,
    pub(crate) records_quarantined: u64,
    /// Times in the objects' names.
    pub(crate) first_delivery: Option<EventTime>,
    pub(crate) last_delivery: Option<EventTime>,
    #[serde(flatten)]
    pub(crate) longest: Option<Interval>,
}

/// A time without an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Interval {
    #[serde(rename = "longest_interval_seconds")]
    pub(crate) seconds: i64,
    /// The time of the object before it.
    #[serde(rename = "longest_interval_from")]
    pub(crate) from: EventTime,
}

impl Deliveries {
    /// Of a day's entries; `before` is the time of the last object before them.
    pub(crate) fn of(entries: &[LedgerEntry], before: Option<EventTime>) -> Self {
        let mut sum = Self::default();
        for entry in entries {
            sum.count(entry);
        }
        let mut times: Vec<EventTime> = entries.iter().filter_map(LedgerEntry::made_at).collect();
        times.sort_unstable();
        sum.first_delivery = times.first().copied();
        sum.last_delivery = times.last().copied();
        let earlier = before.into_iter().chain(times.iter().copied());
        let later = times.iter().skip(usize::from(before.is_none()));
        for (from, to) in earlier.zip(later) {
            sum.longest = longer(sum.longest, Interval::between(from, *to));
        }
        sum
    }

    fn count(&mut self, entry: &LedgerEntry) {
        self.objects += 1;
        *match entry.verdict {
            Verdict::Accepted => &mut self.accepted,
            Verdict::Partial => &mut self.partial,
            Verdict::Rejected => &mut self.rejected,
            Verdict::Waiting => &mut self.waiting,
        } += 1;
        if let Some(content) = &entry.content {
            self.records_read += content.records_read;
            self.records_selected += content.records_selected;
            self.records_quarantined += content.records_quarantined;
        }
    }

    /// Adds those of another day or trail.
    pub(crate) fn add(&mut self, other: &Self) {
        self.objects += other.objects;
        self.accepted += other.accepted;
        self.partial += other.partial;
        self.rejected += other.rejected;
        self.waiting += other.waiting;
        self.records_read += other.records_read;
        self.records_selected += other.records_selected;
        self.records_quarantined += other.records_quarantined;
        let first = [self.first_delivery, other.first_delivery];
        self.first_delivery = first.into_iter().flatten().min();
        self.last_delivery = self.last_delivery.max(other.last_delivery);
        if let Some(interval) = other.longest {
            self.longest = longer(self.longest, interval);
        }
    }
}

impl Interval {
    fn between(from: EventTime, to: EventTime) -> Self {
        Self {
            seconds: to.epoch_seconds().saturating_sub(from.epoch_seconds()),
            from,
        }
    }
}

fn longer(one: Option<Interval>, other: Interval) -> Option<Interval> {
    match one {
        Some(one) if one.seconds >= other.seconds => Some(one),
        _ => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(minute: &str, verdict: &str) -> LedgerEntry {
        let mut entry = json!({
            "folder": "trail/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/",
            "object_key": format!("111122223333_CloudTrail_us-east-1_20260302T{minute}Z_a.json.gz#v"),
            "verdict": verdict,
            "finished_at": "2026-03-02T10:00:00.000Z", "duration_ms": 1,
            "schema_version": 1, "rules_version": 1, "redtrail_version": "0.1.0",
        });
        if matches!(verdict, "accepted" | "partial") {
            let content = json!({
                "sha256": "", "plain_bytes": 9, "records_read": 10, "records_selected": 3,
                "records_not_selected": 5, "records_quarantined": 2, "records_duplicate": 0,
                "records_conflicting": 0,
            });
            let members = content.as_object().unwrap().clone();
            entry.as_object_mut().unwrap().extend(members);
        }
        serde_json::from_value(entry).unwrap()
    }

    fn time(clock: &str) -> EventTime {
        format!("2026-03-02T{clock}:00Z").parse().unwrap()
    }

    #[test]
    fn ok_a_day_adds_up() {
        let day = Deliveries::of(
            &[
                entry("0910", "partial"),
                entry("0905", "accepted"),
                entry("0940", "rejected"),
                entry("0940", "waiting"),
            ],
            None,
        );
        let counts = [
            day.objects,
            day.accepted,
            day.partial,
            day.rejected,
            day.waiting,
        ];
        assert_eq!(counts, [4, 1, 1, 1, 1]);
        let records = [
            day.records_read,
            day.records_selected,
            day.records_quarantined,
        ];
        assert_eq!(records, [20, 6, 4]);
        assert_eq!(day.first_delivery, Some(time("09:05")));
        assert_eq!(day.last_delivery, Some(time("09:40")));
        let pause = Interval {
            seconds: 30 * 60,
            from: time("09:10"),
        };
        assert_eq!(day.longest, Some(pause));
    }

    #[test]
    fn ok_an_interval_reaches_back_to_the_day_before() {
        let before: EventTime = "2026-02-27T23:55:00Z".parse().unwrap();
        let day = Deliveries::of(&[entry("0005", "accepted")], Some(before));
        let pause = Interval {
            seconds: 2 * 24 * 3600 + 600,
            from: before,
        };
        assert_eq!(day.longest, Some(pause));
        assert_eq!(Deliveries::of(&[], Some(before)), Deliveries::default());
        assert_eq!(
            Deliveries::of(&[entry("0005", "accepted")], None).longest,
            None
        );
    }

    #[test]
    fn ok_sums_of_days() {
        let mut sum = Deliveries::default();
        let day = Deliveries::of(&[entry("0905", "accepted"), entry("0910", "partial")], None);
        sum.add(&day);
        assert_eq!(sum, day);
        sum.add(&Deliveries::default());
        assert_eq!(sum, day);
        sum.add(&day);
        assert_eq!(
            (sum.objects, sum.records_read, sum.longest),
            (4, 40, day.longest)
        );
    }
}
