//! No more than so many objects a second.

use std::time::Duration;

use tokio::time::Instant;

/// When the next objects may go.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Between two objects; none without a cap.
    interval: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// At most `rate` objects a second.
    pub(crate) fn new(rate: Option<u32>) -> Self {
        Self {
            interval: rate.map(|rate| Duration::from_secs(1) / rate.max(1)),
            next: Instant::now(),
        }
    }

    /// When the next `count` objects may go together. What was not used of the time before is
    /// lost: there are no bursts.
    pub(crate) fn due(&mut self, count: u32) -> Instant {
        let due = self.next.max(Instant::now());
        self.next = due + self.interval.unwrap_or_default() * count;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_no_more_than_the_rate() {
        let mut pace = Pace::new(Some(4));
        let first = pace.due(1);
        assert_eq!(pace.due(1) - first, Duration::from_millis(250));
        assert_eq!(pace.due(4) - first, Duration::from_millis(500));
        assert_eq!(pace.due(1) - first, Duration::from_millis(1500));
    }

    #[test]
    fn ok_without_a_cap_at_once() {
        let mut pace = Pace::new(None);
        let due = (0..1000).map(|_| pace.due(50)).last().unwrap();
        assert!(due <= Instant::now());
    }
}
