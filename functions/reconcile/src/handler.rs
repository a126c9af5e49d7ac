//! One invocation: every digest that is announced is looked at with its hour's neighbours, its
//! result is written to the ledger, and what is missing is handed back to be ingested.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use redtrail_core::{
    edge::{Announce, EdgeError, EdgeErrorKind, ItemStore, Timer, error_chain, within},
    log_key::NotALog,
    retention::Retention,
    writer::{Effort, Writer},
};
use redtrail_digest::{
    CachedKeys, Reconciled, Reconciler, TimeRange, digest_place,
    edge::{Ledger, PublicKeys, TrailBucket},
    finding::FindingKind,
    place::Place,
};
use redtrail_function::{
    clock::Clock,
    messages::{tell_passed_over, tell_unreadable},
    metrics::{ACCESS_DENIED, Metrics},
};
use redtrail_model::EventTime;
use redtrail_notification::{Invocation, InvocationFailed, Message, Outcome, PassedOver, Reason};
use serde_json::Value;

use crate::{
    metrics,
    tell::{Teller, tell_entry},
};

/// The time kept back of an invocation, for the answer.
const RESERVE: Duration = Duration::from_millis(1500);
/// Digests at work at once: with those read ahead, of 32 MiB each at most, they fit the memory.
const DIGESTS_AT_ONCE: usize = 2;
/// A digest whose hour ended longer ago than this is none of now.
const RECENT: SignedDuration = SignedDuration::from_hours(3);
/// A digest is looked at with the one before: of that it is known only now whether objects lie
/// among its logs that no digest lists.
const WINDOW: SignedDuration = SignedDuration::from_hours(2);

/// The function, over any bucket, ledger, store, queue and clock.
pub struct Handler<O, L, K, S, Q, T> {
    /// Gives the bucket of a name.
    pub open: O,
    /// Gives the ledger as it is now.
    pub ledger: L,
    pub keys: CachedKeys<K>,
    pub store: S,
    pub queue: Q,
    pub timer: T,
    pub original_bucket: Option<String>,
    pub retention: Retention,
}

/// A digest that was announced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Announced {
    bucket: String,
    digest: Named,
    /// The digest of the key decoded, where AWS does not say whether it was encoded.
    alternative: Option<Named>,
}

/// A digest as its key tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    key: String,
    place: Place,
    end: Timestamp,
}

impl Named {
    fn of(key: &str) -> Option<Self> {
        let (place, end) = digest_place(key)?;
        Some(Self {
            key: key.to_owned(),
            place,
            end,
        })
    }

    /// Of several digests of one hour that are announced, the range is the same.
    fn range(&self, now: Timestamp) -> TimeRange {
        TimeRange {
            since: self.end.saturating_sub(WINDOW).unwrap_or(self.end),
            until: self.end,
            now,
        }
    }
}

impl Announced {
    /// What a function that reads logs passes over is what this one reads.
    fn of(passed_over: &PassedOver) -> Option<Self> {
        if passed_over.reason != Reason::NotALog(NotALog::Digest) {
            return None;
        }
        let of = |key: &Option<String>| Named::of(key.as_deref()?);
        let mut named = [of(&passed_over.key), of(&passed_over.alternative_key)]
            .into_iter()
            .flatten();
        Some(Self {
            bucket: passed_over.bucket.clone()?,
            digest: named.next()?,
            alternative: named.next(),
        })
    }
}

/// What became of a digest.
enum Tried {
    Reconciled(Reconciled),
    NotThere,
    /// Its result would have expired.
    Expired,
}

impl<B, V, O, L, K, S, Q, T> Handler<O, L, K, S, Q, T>
where
    B: TrailBucket,
    V: Ledger,
    O: Fn(&str) -> B,
    L: Fn(Clock) -> V,
    K: PublicKeys,
    S: ItemStore,
    Q: Announce,
    T: Timer,
{
    /// Processes one payload.
    ///
    /// # Errors
    /// When something failed that the caller cannot be given back in part, so that Lambda
    /// tries the whole invocation again.
    pub async fn handle(
        &self,
        payload: &[u8],
        clock: Clock,
        metrics: &mut Metrics,
    ) -> Result<Value, InvocationFailed> {
        let invocation = redtrail_notification::read(payload);
        let digests: BTreeSet<Announced> = invocation
            .messages
            .iter()
            .flat_map(|message| self.announced(message, metrics))
            .collect();
        let outcomes = self.digests(&digests, clock, metrics).await;
        let outcomes = outcomes_of_messages(&invocation, &outcomes);
        invocation.answer(&outcomes)
    }

    /// The digests that a message announces; of all else it is told that there is nothing to do.
    fn announced(&self, message: &Message, metrics: &mut Metrics) -> Vec<Announced> {
        tell_unreadable(message, metrics);
        let mut digests = Vec::new();
        for passed_over in &message.announced.passed_over {
            match Announced::of(passed_over) {
                Some(digest) => digests.push(digest),
                None => tell_passed_over(passed_over, metrics),
            }
        }
        // A topic announces logs as well, which are the other function's.
        let logs = message.announced.objects.len() as u64;
        if logs > 0 {
            metrics.add(redtrail_function::metrics::OBJECTS_PASSED_OVER, logs);
        }
        digests
    }

    async fn digests(
        &self,
        digests: &BTreeSet<Announced>,
        clock: Clock,
        metrics: &mut Metrics,
    ) -> BTreeMap<Announced, Outcome> {
        let ledger = (self.ledger)(clock);
        let effort = Effort::default();
        // Boxed: the clients' futures nest deeper than the compiler follows.
        let mut tried = stream::iter(digests.iter().cloned())
            .map(|digest| {
                let (ledger, effort) = (&ledger, &effort);
                Box::pin(async move {
                    let mut teller = Teller::default();
                    let trying = self.attempt(&digest, ledger, clock, effort, &mut teller);
                    let until = clock.before_end(RESERVE);
                    let tried = within(&self.timer, until, trying).await;
                    let tried = tried.unwrap_or_else(|| Err(out_of_time(&digest)));
                    (digest, tried, teller)
                })
            })
            .buffer_unordered(DIGESTS_AT_ONCE);
        let mut outcomes = BTreeMap::new();
        while let Some((digest, tried, teller)) = tried.next().await {
            teller.finish();
            metrics.add(metrics::CHAINS_BROKEN, teller.broken);
            let outcome = match tried {
                Ok(tried) => told(&digest, &tried, clock, metrics),
                Err(error) => failed(&digest, &error, metrics),
            };
            if let Outcome::Failed(_) = outcome {
                metrics.add(metrics::DIGESTS_GIVEN_BACK, 1);
            }
            outcomes.insert(digest, outcome);
        }
        outcomes
    }

    async fn attempt(
        &self,
        digest: &Announced,
        ledger: &V,
        clock: Clock,
        effort: &Effort,
        teller: &mut Teller,
    ) -> Result<Tried, EdgeError> {
        let bucket = (self.open)(&digest.bucket);
        let reconciler = Reconciler {
            bucket: &bucket,
            bucket_name: &digest.bucket,
            original_bucket: self.original_bucket.as_deref(),
            keys: &self.keys,
            ledger,
            retention: self.retention,
        };
        for named in [Some(&digest.digest), digest.alternative.as_ref()]
            .into_iter()
            .flatten()
        {
            let end = EventTime::at(named.end);
            if end.is_none_or(|end| self.retention.is_expired(end, clock.now)) {
                return Ok(Tried::Expired);
            }
            let range = named.range(clock.now.timestamp());
            let mut found = reconciler.reconcile(&named.place, range, teller).await?;
            if found.counts.0.contains_key(&FindingKind::KeyUnknown) {
                // It may have come since the keys were asked for.
                self.keys.forget();
                *teller = Teller::default();
                found = reconciler.reconcile(&named.place, range, teller).await?;
            }
            self.settle(&found, clock, effort).await?;
            if found.digests.contains(&named.key) {
                return Ok(Tried::Reconciled(found));
            }
        }
        Ok(Tried::NotThere)
    }

    /// Hands back what is missing, and writes what was found.
    async fn settle(
        &self,
        found: &Reconciled,
        clock: Clock,
        effort: &Effort,
    ) -> Result<(), EdgeError> {
        self.queue.announce(&found.to_ingest, false).await?;
        let writer = Writer {
            store: &self.store,
            timer: &self.timer,
            effort,
        };
        writer
            .put_all(found.puts()?, clock.before_end(RESERVE))
            .await
    }
}

fn out_of_time(digest: &Announced) -> EdgeError {
    EdgeError {
        attempted: format!("reconcile the digest of {} in time", digest.digest.place),
        kind: EdgeErrorKind::OutOfTime,
        source: None,
    }
}

fn told(digest: &Announced, tried: &Tried, clock: Clock, metrics: &mut Metrics) -> Outcome {
    let reconciled = match tried {
        Tried::Reconciled(reconciled) => reconciled,
        Tried::Expired => {
            metrics.add(redtrail_function::metrics::OBJECTS_PASSED_OVER, 1);
            return Outcome::Succeeded("past the ledger's retention".to_owned());
        }
        Tried::NotThere => {
            metrics.add(metrics::DIGESTS_NOT_FOUND, 1);
            let Named { key, .. } = &digest.digest;
            tracing::error!(bucket = digest.bucket, key, "the digest is not there");
            return Outcome::Failed(format!("s3://{}/{key} is not there", digest.bucket));
        }
    };
    metrics.add(metrics::DIGESTS_READ, 1);
    if clock.now.timestamp().duration_since(digest.digest.end) < RECENT {
        metrics.add(metrics::RECENT_DIGESTS, 1);
    }
    for entry in &reconciled.entries {
        tell_entry(entry, metrics);
    }
    let handed_back = reconciled.to_ingest.len() as u64;
    metrics.add(metrics::LOGS_HANDED_BACK, handed_back);
    if reconciled.is_settled {
        return Outcome::Succeeded(format!("{} digests told", reconciled.entries.len()));
    }
    // It comes again, and is then proven, or still not.
    Outcome::Failed(format!(
        "not all is ingested yet; {handed_back} logs handed back"
    ))
}

fn failed(digest: &Announced, error: &EdgeError, metrics: &mut Metrics) -> Outcome {
    let permission = match error.kind {
        EdgeErrorKind::Denied { permission } => {
            metrics.add(ACCESS_DENIED, 1);
            Some(permission)
        }
        _ => None,
    };
    let kind = error.kind.name();
    let error = error_chain(error);
    tracing::error!(
        bucket = digest.bucket,
        account = digest.digest.place.account,
        region = digest.digest.place.region,
        end = %digest.digest.end,
        kind,
        permission,
        error,
        "digest failed"
    );
    Outcome::Failed(format!("{}: {error}", digest.digest.place))
}

/// Of each message the worst that became of its digests.
fn outcomes_of_messages(
    invocation: &Invocation,
    outcomes: &BTreeMap<Announced, Outcome>,
) -> Vec<Outcome> {
    let of_message = |message: &Message| {
        let digests = message
            .announced
            .passed_over
            .iter()
            .filter_map(Announced::of);
        let outcomes: Vec<&Outcome> = digests.filter_map(|digest| outcomes.get(&digest)).collect();
        let failed = outcomes
            .iter()
            .find(|outcome| matches!(outcome, Outcome::Failed(_)));
        let outcome = failed.or(outcomes.first()).copied().cloned();
        outcome.unwrap_or_else(|| Outcome::Succeeded("nothing to do".to_owned()))
    };
    invocation.messages.iter().map(of_message).collect()
}
