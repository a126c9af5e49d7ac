//! Logs held against the ledger: was what the digest lists ingested? Only of those that the
//! ledger does not have is the bucket asked.

use std::collections::HashMap;

use redtrail_core::{
    edge::EdgeError,
    hash::hex,
    ledger::{LedgerEntry, Verdict},
    log_key::{file_name, folder},
};

use crate::{
    edge::{Evidence, Ledger, ListedLog, TrailBucket, Wrong},
    finding::FindingKind,
    in_bucket::InBucket,
};

/// Logs looked up at a time, which bounds the entries in memory.
const PORTION: usize = 1000;

/// Looks each log up.
#[derive(Debug)]
pub(crate) struct InLedger<'e, B, L> {
    pub(crate) bucket: &'e B,
    /// The bucket's name, as the ledger has it.
    pub(crate) bucket_name: &'e str,
    pub(crate) ledger: &'e L,
}

impl<B: TrailBucket, L: Ledger> Evidence for InLedger<'_, B, L> {
    async fn judge(&self, logs: &[ListedLog]) -> Result<Vec<Option<Wrong>>, EdgeError> {
        let mut order: Vec<usize> = (0..logs.len()).collect();
        order.sort_by_key(|at| logs.get(*at).map(|log| &log.key));
        let mut judged = vec![None; logs.len()];
        for portion in order.chunks(PORTION) {
            let mut unknown = Vec::new();
            let portion: Vec<_> = portion
                .iter()
                .filter_map(|at| Some((*at, logs.get(*at)?)))
                .collect();
            for of_folder in
                portion.chunk_by(|(_, one), (_, next)| folder(&one.key) == folder(&next.key))
            {
                let entries = self.entries(of_folder).await?;
                for (at, log) in of_folder {
                    match entries.get(file_name(&log.key)) {
                        None => unknown.push(*at),
                        Some(entries) => set(&mut judged, *at, wrong(entries, log)),
                    }
                }
            }
            let asked: Vec<ListedLog> = unknown
                .iter()
                .filter_map(|at| logs.get(*at).cloned())
                .collect();
            let found = InBucket(self.bucket).judge(&asked).await?;
            for (at, found) in unknown.into_iter().zip(found) {
                let not_ingested = || Wrong {
                    kind: FindingKind::LogNotIngested,
                    detail: None,
                };
                set(&mut judged, at, Some(found.unwrap_or_else(not_ingested)));
            }
        }
        Ok(judged)
    }
}

impl<B: TrailBucket, L: Ledger> InLedger<'_, B, L> {
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
            by_name.entry(name.to_owned()).or_default().push(entry);
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
