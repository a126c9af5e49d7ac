//! What reconciliation says of a place.

use redtrail_core::{
    coverage::proven_up_to,
    digest_entry::{DigestEntry, DigestVerdict},
};
use redtrail_digest::{Reconciled, place::Place};
use redtrail_model::EventTime;
use serde::Serialize;

use crate::digest_report::{PlaceMembers, PlaceTold, Sentences};

pub(crate) const SENTENCES: Sentences = Sentences {
    valid: "valid: all that CloudTrail delivered was ingested, unaltered, and nothing else",
    invalid: "invalid: something was deleted, altered or added",
    unproven: "unproven: nothing is known to be wrong, but not all is ingested, or proven",
};

/// What became of a place's digests and logs.
#[derive(Debug, Serialize)]
pub(crate) struct PlaceReconciled {
    #[serde(flatten, with = "PlaceMembers")]
    place: Place,
    digests: Digests,
    logs: Logs,
    /// Up to when the digests prove, from the beginning of the time asked for, that all was
    /// ingested.
    proven_up_to: Option<EventTime>,
    #[serde(skip)]
    entries: Vec<DigestEntry>,
}

#[derive(Debug, Default, Serialize)]
struct Digests {
    proven: u64,
    incomplete: u64,
    broken: u64,
}

#[derive(Debug, Default, Serialize)]
struct Logs {
    listed: u64,
    missing: u64,
    /// Those of them that were handed to the ingest queue.
    handed_back: u64,
    altered: u64,
    rejected: u64,
    unlisted: u64,
}

impl PlaceReconciled {
    pub(crate) fn new(place: &Place) -> Self {
        Self {
            place: place.clone(),
            digests: Digests::default(),
            logs: Logs::default(),
            proven_up_to: None,
            entries: Vec::new(),
        }
    }

    /// Adds the results of a part of the time.
    pub(crate) fn add(&mut self, reconciled: Reconciled, handed_back: u64) {
        for entry in &reconciled.entries {
            match entry.digest_verdict {
                DigestVerdict::Proven => self.digests.proven += 1,
                DigestVerdict::Incomplete => self.digests.incomplete += 1,
                DigestVerdict::Broken => self.digests.broken += 1,
            }
            self.logs.listed += entry.logs_listed;
            self.logs.missing += entry.logs_missing;
            self.logs.altered += entry.logs_altered;
            self.logs.rejected += entry.logs_rejected;
            self.logs.unlisted += entry.logs_unlisted;
        }
        self.logs.handed_back += handed_back;
        self.entries.extend(reconciled.entries);
    }

    /// All parts of the time from `since` on are there.
    pub(crate) fn finish(&mut self, since: Option<EventTime>) {
        self.entries
            .sort_by(|one, other| one.object_key.cmp(&other.object_key));
        self.proven_up_to = proven_up_to(&self.entries, since);
    }
}

impl PlaceTold for PlaceReconciled {
    fn lines(&self) -> Vec<String> {
        let Digests {
            proven,
            incomplete,
            broken,
        } = self.digests;
        let up_to = match self.proven_up_to {
            Some(up_to) => format!(", up to {up_to}"),
            None => String::new(),
        };
        let logs = &self.logs;
        let mut of_logs = format!("  logs: {} listed", logs.listed);
        for (count, what) in [
            (logs.missing, "missing"),
            (logs.handed_back, "of them handed back"),
            (logs.altered, "altered"),
            (logs.rejected, "rejected"),
            (logs.unlisted, "not CloudTrail's"),
        ] {
            if count > 0 {
                of_logs.push_str(&format!(", {count} {what}"));
            }
        }
        vec![
            format!("{}:", self.place),
            format!("  digests: {proven} proven{up_to}; {incomplete} incomplete, {broken} broken"),
            of_logs,
        ]
    }
}
