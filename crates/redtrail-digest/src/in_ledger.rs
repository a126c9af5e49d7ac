//! Logs held against the ledger: was what the digest lists ingested? Only of those that the
//! ledger does not have is the bucket asked.

use std::collections::HashMap;

use jiff::Timestamp;
use redtrail_core::{
    edge::EdgeError,
    hash::hex,
    ledger::{LedgerEntry, Verdict},
    log_key::{LogKey, file_name, folder},
};

use crate::{
    edge::{Evidence, Ledger, ListedLog, TrailBucket, Wrong},
    finding::FindingKind,
    in_bucket::InBucket,
    range::TimeRange,
};

/// Logs looked up at a time.
const PORTION: usize = 1000;
/// No name stands before the one or after the other.
const FIRST_NAME: &str = "\0";
const LAST_NAME: &str = "\u{10ffff}";

/// Looks each log up.
#[derive(Debug)]
pub(crate) struct InLedger<'e, B, L> {
    pub(crate) bucket: &'e B,
    /// The bucket's name, as the ledger has it.
    pub(crate) bucket_name: &'e str,
    pub(crate) ledger: &'e L,
    /// The digests that are asked for end in it.
    pub(crate) range: TimeRange,
}

impl<B: TrailBucket, L: Ledger> Evidence for InLedger<'_, B, L> {
    fn is_asked_for(&self, end: Timestamp) -> bool {
        self.range.since < end && end <= self.range.until
    }

    /// What of the folder was ingested, though it may be gone.
    async fn known(&self, folder: &str) -> Result<Vec<String>, EdgeError> {
        let day = format!("{}/{folder}", self.bucket_name);
        let entries = self.ledger.entries(&day, FIRST_NAME, LAST_NAME).await?;
        // Of what was rejected nothing is in the tables.
        let is_stored = |entry: &LedgerEntry| entry.verdict != Verdict::Rejected;
        let names = entries.into_iter().filter(is_stored).filter_map(|entry| {
            let name = entry.key.object_key.split('#').next()?;
            Some(format!("{folder}{name}"))
        });
        Ok(names.collect())
    }

    async fn judge(&self, logs: &[ListedLog]) -> Result<Vec<Option<Wrong>>, EdgeError> {
        let mut judged = vec![None; logs.len()];
        // Other kinds of objects are not ingested: of those the bucket alone tells.
        let (mut in_order, others): (Vec<usize>, Vec<usize>) = (0..logs.len()).partition(|at| {
            logs.get(*at)
                .is_some_and(|log| LogKey::parse(&log.key).is_ok())
        });
        self.ask_bucket(logs, others, &mut judged, None).await?;
        in_order.sort_by_key(|at| logs.get(*at).map(|log| &log.key));
        for portion in in_order.chunks(PORTION) {
            let portion = portion.iter().filter_map(|at| Some((*at, logs.get(*at)?)));
            let portion: Vec<(usize, &ListedLog)> = portion.collect();
            let mut unknown = Vec::new();
            let is_of_one_folder = |one: &(usize, &ListedLog), next: &(usize, &ListedLog)| {
                folder(&one.1.key) == folder(&next.1.key)
            };
            for of_folder in portion.chunk_by(is_of_one_folder) {
                let entries = self.entries(of_folder).await?;
                for (at, log) in of_folder {
                    match entries.get(file_name(&log.key)) {
                        None => unknown.push(*at),
                        Some(entries) => set(&mut judged, *at, wrong(entries, log)),
                    }
                }
            }
            let not_ingested = Wrong {
                kind: FindingKind::LogNotIngested,
                detail: None,
            };
            self.ask_bucket(logs, unknown, &mut judged, Some(not_ingested))
                .await?;
        }
        Ok(judged)
    }
}

impl<B: TrailBucket, L: Ledger> InLedger<'_, B, L> {
    /// Judges those of `logs` by what lies in the bucket; what is as its digest says is `otherwise`.
    async fn ask_bucket(
        &self,
        logs: &[ListedLog],
        which: Vec<usize>,
        judged: &mut [Option<Wrong>],
        otherwise: Option<Wrong>,
    ) -> Result<(), EdgeError> {
        let asked: Vec<ListedLog> = which
            .iter()
            .filter_map(|at| logs.get(*at).cloned())
            .collect();
        let found = InBucket(self.bucket).judge(&asked).await?;
        for (at, found) in which.into_iter().zip(found) {
            set(judged, at, found.or_else(|| otherwise.clone()));
        }
        Ok(())
    }

    /// The entries of logs of one folder, which come in order, by the names of their files.
    async fn entries(
        &self,
        logs: &[(usize, &ListedLog)],
    ) -> Result<HashMap<String, Vec<LedgerEntry>>, EdgeError> {
        let mut by_name: HashMap<String, Vec<LedgerEntry>> = HashMap::new();
        let (Some((_, first)), Some((_, last))) = (logs.first(), logs.last()) else {
            return Ok(by_name);
        };
        let day = format!("{}/{}", self.bucket_name, folder(&first.key));
        let (first, last) = (file_name(&first.key), file_name(&last.key));
        for entry in self.ledger.entries(&day, first, last).await? {
            let name = entry.key.object_key.split('#').next().unwrap_or_default();
            // Whoever can write to the bucket has any number of others between them.
            let is_listed = logs
                .binary_search_by_key(&name, |(_, log)| file_name(&log.key))
                .is_ok();
            if is_listed {
                by_name.entry(name.to_owned()).or_default().push(entry);
            }
        }
        Ok(by_name)
    }
}

fn set(judged: &mut [Option<Wrong>], at: usize, wrong: Option<Wrong>) {
    if let Some(place) = judged.get_mut(at) {
        *place = wrong;
    }
}

/// What is wrong with a log of which these versions were read.
fn wrong(versions: &[LedgerEntry], log: &ListedLog) -> Option<Wrong> {
    let of = |kind, detail: Option<String>| Some(Wrong { kind, detail });
    let expected = hex(&log.sha256);
    let mut contents = versions.iter().filter_map(|entry| entry.content.as_ref());
    if let Some(other) = contents.clone().find(|content| content.sha256 != expected) {
        let why = format!("ingested with the SHA-256 {}", other.sha256);
        return of(FindingKind::LogAltered, Some(why));
    }
    if contents.next().is_some() {
        return None;
    }
    let is_waiting = |entry: &LedgerEntry| entry.verdict == Verdict::Waiting;
    if versions.iter().any(is_waiting) {
        return of(FindingKind::LogWaiting, None);
    }
    let reason = versions.iter().find_map(|entry| entry.reason.clone());
    of(FindingKind::LogRejected, reason)
}
