//! The time asked for, and how hours of it are counted.

use jiff::{SignedDuration, Timestamp};

/// How long after its end a digest may come: the newest one is younger, or it is late.
pub(crate) const DIGEST_DUE: SignedDuration = SignedDuration::from_hours(2);
/// A log's name may say a time that is this much before its delivery, which is what digests
/// go by, and names are rounded to five minutes.
pub(crate) const DELIVERED_LATER: SignedDuration = SignedDuration::from_mins(15);
pub(crate) const DELIVERED_EARLIER: SignedDuration = SignedDuration::from_mins(5);
/// A digest covers an hour.
pub(crate) const DIGEST_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Around the time asked for, about as the AWS CLI asks for keys.
const KEYS_BEFORE: SignedDuration = SignedDuration::from_hours(2);
const KEYS_AFTER: SignedDuration = SignedDuration::from_hours(3);

/// From `since` on, up to but without `until`; looked at when it is `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    pub since: Timestamp,
    pub until: Timestamp,
    pub now: Timestamp,
}

impl TimeRange {
    /// The time in which public keys were in use that may be needed.
    pub fn of_keys(&self) -> (Timestamp, Timestamp) {
        let until = self.until.min(self.now);
        (
            shifted(self.since, -KEYS_BEFORE),
            shifted(until, KEYS_AFTER),
        )
    }

    /// The part of a time that was asked for; `None` when it is nothing.
    pub(crate) fn clip(&self, from: Timestamp, to: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (from, to) = (from.max(self.since), to.min(self.until).min(self.now));
        (from < to).then_some((from, to))
    }

    /// Hours asked for, begun ones included.
    pub fn hours(&self) -> u64 {
        hours(self.since, self.until.min(self.now))
    }
}

/// Hours between two times, begun ones included.
pub(crate) fn hours(from: Timestamp, to: Timestamp) -> u64 {
    let seconds = to.duration_since(from).as_secs().max(0);
    seconds.unsigned_abs().div_ceil(3600)
}

/// `time` and so much more or less, as far as times go.
pub(crate) fn shifted(time: Timestamp, by: SignedDuration) -> Timestamp {
    let limit = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    time.checked_add(by).unwrap_or(limit)
}
