//! Items into the store until all of them are durable: several batches in flight, what is
//! left over tried again with full jitter, and a busy key waiting for itself alone.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::{
    batch::Queue,
    edge::{EdgeError, EdgeErrorKind, ItemStore, Timer, Unless, error_chain, within},
    item::Put,
};

/// Batches at the store at once, of one call. How many of them it sends is its own affair.
const BATCHES_IN_FLIGHT: usize = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// AWS advises to stop at about a minute; one call is given less than an invocation.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// Writes to one store.
pub struct Writer<'a, S, T> {
    pub store: &'a S,
    pub timer: &'a T,
    pub effort: &'a Effort,
}

impl<S, T> Clone for Writer<'_, S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Writer<'_, S, T> {}

impl<S: ItemStore, T: Timer> Writer<'_, S, T> {
    /// Writes every item, replacing those with the same keys; of two puts with one key the
    /// later one counts. After `Ok` all of them are durable; after an error any of them may be.
    ///
    /// # Errors
    /// What retrying cannot mend, at once; else at `until`, or as soon as nothing more can be
    /// done before it.
    pub async fn put_all(&self, puts: Vec<Put>, until: Instant) -> Result<(), EdgeError> {
        let mut queue = Queue::new(puts);
        let mut in_flight = FuturesUnordered::new();
        let mut failures = 0;
        let mut last_error = None;
        loop {
            let now = self.timer.now();
            if now >= until {
                return Err(out_of_time(last_error));
            }
            while in_flight.len() < BATCHES_IN_FLIGHT
                && let Some(batch) = queue.next_batch(now)
            {
                in_flight.push(async move { (self.store.write(&batch).await, batch) });
            }
            let due = queue.next_due();
            if in_flight.is_empty() {
                match due {
                    None => return Ok(()),
                    // Whatever is left would be tried too late.
                    Some(due) if due >= until => return Err(out_of_time(last_error)),
                    Some(due) => self.timer.sleep_until(due).await,
                }
                continue;
            }
            let can_send_more = in_flight.len() < BATCHES_IN_FLIGHT;
            let wake = due.filter(|_| can_send_more).unwrap_or(until).min(until);
            let Some(Some((written, batch))) = within(self.timer, wake, in_flight.next()).await
            else {
                continue;
            };
            let now = self.timer.now();
            self.effort.tell(written.as_ref().map(Vec::len));
            match written {
                Ok(unprocessed) => {
                    failures = 0;
                    queue.left_over(batch, &unprocessed, |attempt| now + backoff(attempt));
                }
                Err(error) if error.kind.is_retryable() => {
                    queue.put_back(batch, now + backoff(failures));
                    failures += 1;
                    last_error = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes one item unless what stands there must not be replaced; whether it was written.
    ///
    /// # Errors
    /// As [`put_all`](Self::put_all).
    pub async fn put_unless(
        &self,
        put: &Put,
        unless: Unless,
        until: Instant,
    ) -> Result<bool, EdgeError> {
        let mut failures = 0;
        let mut last_error = None;
        loop {
            let sent = self.store.put_unless(put, unless);
            let Some(sent) = within(self.timer, until, sent).await else {
                return Err(out_of_time(last_error));
            };
            self.effort.tell(sent.as_ref().map(|_| 0));
            let again_at = self.timer.now() + backoff(failures);
            match sent {
                Err(error) if error.kind.is_retryable() => last_error = Some(error),
                sent => return sent,
            }
            if again_at >= until {
                return Err(out_of_time(last_error));
            }
            self.timer.sleep_until(again_at).await;
            failures += 1;
        }
    }
}

/// A random time up to a bound that doubles with each attempt: full jitter.
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
fn backoff(attempt: u32) -> Duration {
    let bound = FIRST_BACKOFF
        .saturating_mul(1 << attempt.min(16))
        .min(LONGEST_BACKOFF);
    bound.mul_f64(fastrand::f64())
}

fn out_of_time(last: Option<EdgeError>) -> EdgeError {
    EdgeError {
        attempted: "write all items in the time given".to_owned(),
        kind: EdgeErrorKind::OutOfTime,
        source: last.map(Into::into),
    }
}

/// What writing took, summed up over as many calls as share it.
#[derive(Debug, Default)]
pub struct Effort(Mutex<Exertions>);

/// The sums of an [`Effort`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exertions {
    /// Requests sent.
    pub batches: u64,
    /// Items that the store left over in its answers.
    pub unprocessed: u64,
    /// Requests that failed but for their rate.
    pub failed: u64,
    /// Requests refused for their rate, by the limit that was exceeded.
    pub throttled: BTreeMap<&'static str, u64>,
    /// The last of these failures, in words.
    pub last_error: Option<String>,
}

impl Effort {
    pub fn sums(&self) -> Exertions {
        self.locked().clone()
    }

    /// Of one request: how many items it left over, or why it failed.
    fn tell(&self, sent: Result<usize, &EdgeError>) {
        let mut sums = self.locked();
        sums.batches += 1;
        match sent {
            Ok(unprocessed) => sums.unprocessed += unprocessed as u64,
            Err(error) => {
                match error.kind {
                    EdgeErrorKind::Throttled { reason } => {
                        *sums.throttled.entry(reason).or_default() += 1;
                    }
                    _ => sums.failed += 1,
                }
                sums.last_error = Some(error_chain(error));
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Exertions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
