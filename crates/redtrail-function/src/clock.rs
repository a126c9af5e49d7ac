//! The time, read at the edge alone.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redtrail_model::EventTime;

/// What an invocation is given of time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub now: EventTime,
    /// When Lambda will end the invocation.
    pub deadline: Instant,
}

impl Clock {
    /// Of an invocation that Lambda ends at `deadline`, in milliseconds since 1970.
    ///
    /// # Panics
    /// In the year 10000.
    pub fn of_invocation(deadline: u64) -> Self {
        let now = epoch();
        Self {
            now: i64::try_from(now.as_millis())
                .ok()
                .and_then(EventTime::from_epoch_millis)
                .expect("the clock stands before the year 10000"),
            deadline: Instant::now() + Duration::from_millis(deadline).saturating_sub(now),
        }
    }

    /// So long before the end.
    pub fn before_end(&self, reserve: Duration) -> Instant {
        self.deadline.checked_sub(reserve).unwrap_or(self.deadline)
    }
}

/// Since 1970.
pub(crate) fn epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
