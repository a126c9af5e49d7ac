//! How long items are kept: until DynamoDB's time to live removes them, some days after the
//! time in their attribute.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>

use redtrail_model::EventTime;

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// How long the items of one kind are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retention {
    /// Days from the item's own time.
    Days(u32),
    #[default]
    Forever,
}

/// How long each kind is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retentions {
    /// Events, in both tables, from the event's time.
    pub events: Retention,
    /// The directory's facts of a day or an event, from that day or event.
    pub directory: Retention,
    /// What became of objects, from the day of their delivery.
    pub ledger: Retention,
}

impl Retention {
    /// When what is of that time expires, in seconds since 1970.
    pub fn expires_at(self, time: EventTime) -> Option<i64> {
        self.after(time.epoch_seconds())
    }

    /// When what is of that day (UTC), and of no certain time of it, expires.
    pub fn expires_after_day(self, time: EventTime) -> Option<i64> {
        let seconds = time.epoch_seconds();
        self.after(seconds - seconds.rem_euclid(SECONDS_OF_A_DAY) + SECONDS_OF_A_DAY)
    }

    /// Whether what is of that time is past its retention.
    pub fn is_expired(self, time: EventTime, now: EventTime) -> bool {
        self.expires_at(time)
            .is_some_and(|at| at <= now.epoch_seconds())
    }

    fn after(self, seconds: i64) -> Option<i64> {
        match self {
            Self::Forever => None,
            Self::Days(days) => Some(seconds + i64::from(days) * SECONDS_OF_A_DAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_what_is_of_one_day_expires_together() {
        let day = |time: &str| Retention::Days(2).expires_after_day(time.parse().unwrap());
        let midnight: EventTime = "2026-03-05T00:00:00Z".parse().unwrap();
        assert_eq!(day("2026-03-02T00:00:00Z"), Some(midnight.epoch_seconds()));
        assert_eq!(day("2026-03-02T23:59:59.999Z"), day("2026-03-02T00:00:00Z"));
        assert_eq!(day("1969-12-31T23:00:00Z"), Some(2 * 86_400));
        assert!(Retention::Days(4000) < Retention::Forever);
    }
}
