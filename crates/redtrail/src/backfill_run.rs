//! A backfill under way: what the trail holds and the ledger does not, a portion at a time. It
//! keeps no marker of its own, so that it can end anywhere and begin anew.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use redtrail_aws::reader::Reader;
use redtrail_core::{
    edge::ObjectIdentity,
    ledger::{LedgerEntry, LedgerKey, Standing},
    log_key::{file_name, folder},
    object::ObjectAddress,
    retention::Retention,
};
use redtrail_digest::{
    edge::TrailBucket,
    log_list::{ListedLog, LogList, NamedTime},
    place::Place,
};

use crate::{backfill_report::Report, failure::Failure, tables::unanswered, trail_s3::unread};

/// Objects handed on at a time: what a listing's page has, so that as much is held again.
pub(crate) const PORTION: usize = 1000;
/// Questions to the ledger at once. A page of a quiet trail is of many days, each a Query.
const QUERIES_AT_ONCE: usize = 16;

/// An object that is to be ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) address: ObjectAddress,
    pub(crate) bytes: u64,
    /// The ledger has it as finished: it is to be read all the same.
    pub(crate) again: bool,
}

/// What the ledger has.
pub(crate) trait Known {
    /// Of the objects of a day's folder whose names stand from `first` to `last`.
    async fn entries(
        &self,
        folder: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<LedgerEntry>, Failure>;
}

/// Where wanted objects go.
pub(crate) trait Sink {
    /// Sees to all of these, and tells the report what became of them.
    ///
    /// # Errors
    /// When going on is of no use.
    async fn take(&mut self, objects: Vec<Wanted>, report: &mut Report) -> Result<(), Failure>;
}

/// What is to be backfilled.
pub(crate) struct Backfill<'a, B, K> {
    pub(crate) bucket: &'a B,
    pub(crate) bucket_name: &'a str,
    pub(crate) places: &'a [Place],
    pub(crate) named: NamedTime,
    pub(crate) known: &'a K,
    /// How long events are kept now.
    pub(crate) retention: Retention,
    /// What is finished is ingested again.
    pub(crate) again: bool,
    /// Objects handed on at a time.
    pub(crate) portion: usize,
}

impl<B: TrailBucket, K: Known> Backfill<'_, B, K> {
    /// Hands to `sink` what the ledger does not have.
    pub(crate) async fn run(
        &self,
        sink: &mut impl Sink,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let mut waiting = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            let mut list = LogList::new(self.bucket, place, self.named);
            while let Some(logs) = list.next().await.map_err(unread)? {
                let share = self.share(logs.last().map(|log| log.named));
                waiting.extend(self.unfinished(logs, report).await?);
                report.reached(index, share);
                if waiting.len() >= self.portion {
                    Self::hand_on(std::mem::take(&mut waiting), sink, report).await?;
                }
            }
            report.reached(index + 1, 0.0);
            if waiting.is_empty() {
                report.portion_done();
            }
        }
        Self::hand_on(waiting, sink, report).await
    }

    async fn hand_on(
        objects: Vec<Wanted>,
        sink: &mut impl Sink,
        report: &mut Report,
    ) -> Result<(), Failure> {
        report.portion(objects.len());
        sink.take(objects, report).await?;
        report.portion_done();
        Ok(())
    }

    /// How much of a place's time lies before then.
    fn share(&self, reached: Option<Timestamp>) -> f64 {
        let (from, to) = self.named.ends();
        let all = to.duration_since(from).as_secs_f64();
        let before = reached.map_or(0.0, |time| time.duration_since(from).as_secs_f64());
        (before / all).clamp(0.0, 1.0)
    }

    /// Those that the ledger does not have as finished.
    async fn unfinished(
        &self,
        logs: Vec<ListedLog>,
        report: &mut Report,
    ) -> Result<Vec<Wanted>, Failure> {
        for log in &logs {
            report.listed(log.object.bytes);
        }
        let folders =
            logs.chunk_by(|one, next| folder(&one.object.key) == folder(&next.object.key));
        let asked = stream::iter(folders.map(|logs| self.known_of(logs)));
        let known: Vec<HashMap<String, Vec<LedgerEntry>>> =
            asked.buffered(QUERIES_AT_ONCE).try_collect().await?;
        let known = known.into_iter().flatten().collect::<HashMap<_, _>>();
        let mut wanted = Vec::new();
        for log in logs {
            let identity = ObjectIdentity {
                etag: log.object.etag.clone(),
                version_id: None,
                stored_bytes: Some(log.object.bytes),
            };
            let entries = known.get(&log.object.key).map_or(&[][..], Vec::as_slice);
            let is_finished =
                |entry: &&LedgerEntry| entry.standing(&identity) == Standing::Finished;
            let finished = || entries.iter().filter(is_finished);
            if !self.again && finished().any(|entry| self.is_kept(entry)) {
                report.was_known(log.object.bytes);
                continue;
            }
            let again = finished().next().is_some();
            wanted.push(Wanted {
                address: self.address(&log.object.key),
                bytes: log.object.bytes,
                again,
            });
        }
        Ok(wanted)
    }

    /// Whether the object's events were kept for as long as they would be now: those that had
    /// expired then, or have since, may be wanted again.
    fn is_kept(&self, entry: &LedgerEntry) -> bool {
        let kept = entry
            .events_kept_days
            .map_or(Retention::Forever, Retention::Days);
        kept >= self.retention
    }

    /// What the ledger has of the logs of one folder, by their keys.
    async fn known_of(
        &self,
        logs: &[ListedLog],
    ) -> Result<HashMap<String, Vec<LedgerEntry>>, Failure> {
        let mut known: HashMap<String, Vec<LedgerEntry>> = HashMap::new();
        let (Some(first), Some(last)) = (logs.first(), logs.last()) else {
            return Ok(known);
        };
        let key = |log: &ListedLog| {
            LedgerKey::of(&self.address(&log.object.key), &ObjectIdentity::default())
        };
        let (first_key, last_key) = (key(first), key(last));
        let entries = self
            .known
            .entries(
                &first_key.folder,
                &first_key.object_key,
                &last_key.object_key,
            )
            .await?;
        for entry in entries {
            // The bucket may have versions, which a listing does not tell.
            let name = entry.key.object_key.split('#').next().unwrap_or_default();
            let key = format!("{}{name}", folder(&first.object.key));
            known.entry(key).or_default().push(entry);
        }
        debug_assert!(
            logs.iter()
                .all(|log| !file_name(&log.object.key).contains('#'))
        );
        Ok(known)
    }

    fn address(&self, key: &str) -> ObjectAddress {
        ObjectAddress {
            bucket: self.bucket_name.to_owned(),
            key: key.to_owned(),
            version_id: None,
        }
    }
}

impl Known for Reader {
    async fn entries(
        &self,
        folder: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<LedgerEntry>, Failure> {
        let entries = self.entries_between(folder, first, last).await;
        entries.map_err(unanswered)
    }
}
