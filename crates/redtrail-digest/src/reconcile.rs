//! A trail's digests held against the ledger: of each hour, whether everything that CloudTrail
//! delivered was ingested, unaltered, and what is to be handed back.

use std::{collections::BTreeSet, mem};

use jiff::Timestamp;
use redtrail_core::{
    digest_entry::{DigestEntry, DigestVerdict},
    edge::{EdgeError, EdgeErrorKind},
    item::Put,
    object::ObjectAddress,
    retention::Retention,
};
use redtrail_model::EventTime;

use crate::{
    edge::{DigestDone, Ledger, PublicKeys, TrailBucket, Watch},
    finding::{Finding, FindingCounts, FindingKind, Verdict},
    in_ledger::InLedger,
    judge::BucketNames,
    object_name::{DigestName, log_time},
    place::Place,
    range::{DIGEST_HOUR, TimeRange, hours, shifted},
    verify::Verifier,
};

/// Objects of one place and window that are handed back: the others are at the next time, or
/// by a backfill. It bounds what is held.
const MOST_HANDED_BACK: usize = 10_000;

/// Holds the digests of one bucket against the ledger.
#[derive(Clone, Debug)]
pub struct Reconciler<'r, B, K, L> {
    pub bucket: &'r B,
    /// The bucket's name, as the ledger has it.
    pub bucket_name: &'r str,
    /// The bucket that CloudTrail delivers to, when this is a replica of it.
    pub original_bucket: Option<&'r str>,
    pub keys: &'r K,
    pub ledger: &'r L,
    /// How long the results are kept.
    pub retention: Retention,
}

/// What was found of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Keys of the digests that end in the time asked for and are there.
    pub digests: Vec<String>,
    /// What is known now of digests that end in the time asked for: of those that could not be
    /// read, or not be judged, nothing is.
    pub entries: Vec<DigestEntry>,
    /// Logs that are to be ingested.
    pub to_ingest: Vec<ObjectAddress>,
    pub counts: FindingCounts,
    /// Whether looking again would show the same: nothing is on its way, nothing could not be
    /// read.
    pub is_settled: bool,
}

impl Reconciled {
    /// The items of the results.
    ///
    /// # Errors
    /// Never for results as redtrail makes them: each field has a form in DynamoDB.
    pub fn puts(&self) -> Result<Vec<Put>, EdgeError> {
        let puts = self.entries.iter().map(DigestEntry::put);
        puts.collect::<Result<_, _>>().map_err(|error| EdgeError {
            attempted: "make an item of a digest's result".to_owned(),
            kind: EdgeErrorKind::Refused,
            source: Some(error.into()),
        })
    }
}

impl<B: TrailBucket, K: PublicKeys, L: Ledger> Reconciler<'_, B, K, L> {
    /// Reconciles the digests of a place that end after `range.since` and up to
    /// `range.until`. The digest before them is looked at, too: it bears witness.
    ///
    /// # Errors
    /// When bucket, keys or ledger cannot be had; what was found before has been told.
    pub async fn reconcile(
        &self,
        place: &Place,
        range: TimeRange,
        watch: &mut impl Watch,
    ) -> Result<Reconciled, EdgeError> {
        let evidence = InLedger {
            bucket: self.bucket,
            bucket_name: self.bucket_name,
            ledger: self.ledger,
            range,
        };
        let names = BucketNames {
            here: Some(self.bucket_name.to_owned()),
            original: self.original_bucket.map(str::to_owned),
        };
        let with_witness = TimeRange {
            since: shifted(range.since, -DIGEST_HOUR),
            ..range
        };
        let mut verifier = Verifier::new(self.bucket, self.keys, &evidence, names, with_witness);
        let mut hearing = Hearing::new(place, range, watch);
        verifier.verify(place, &mut hearing).await?;
        let is_settled = hearing.is_settled();
        let counts = mem::take(&mut hearing.counts);
        let to_ingest = hearing
            .to_ingest
            .iter()
            .map(|key| self.object(key))
            .collect();
        Ok(Reconciled {
            digests: hearing
                .asked_for()
                .map(|digest| digest.key.clone())
                .collect(),
            entries: self.entries(place, &hearing),
            to_ingest,
            counts,
            is_settled,
        })
    }

    fn object(&self, key: &str) -> ObjectAddress {
        ObjectAddress {
            bucket: self.bucket_name.to_owned(),
            key: key.to_owned(),
            version_id: None,
        }
    }

    fn entries<W>(&self, place: &Place, hearing: &Hearing<'_, W>) -> Vec<DigestEntry> {
        let folder = format!("{}/{}", self.bucket_name, place.log_folder());
        let of_digest = |digest| self.entry(&folder, place, digest, hearing);
        let mut entries: Vec<DigestEntry> = hearing.asked_for().filter_map(of_digest).collect();
        for key in &hearing.missing {
            entries.extend(self.entry_of_missing(&folder, place, key));
        }
        for time in &hearing.unlisted {
            let key = hearing.covering(*time).map(|digest| digest.key.as_str());
            let counts = |entry: &&mut DigestEntry| Some(entry.full_object_key.as_str()) == key;
            if let Some(entry) = entries.iter_mut().find(counts) {
                entry.logs_unlisted += 1;
            }
        }
        entries
    }

    /// What is known of a digest, if anything is.
    fn entry<W>(
        &self,
        folder: &str,
        place: &Place,
        digest: &DigestDone,
        hearing: &Hearing<'_, W>,
    ) -> Option<DigestEntry> {
        let of = |kind| {
            digest
                .found_on_logs
                .0
                .get(&kind)
                .copied()
                .unwrap_or_default()
        };
        let logs_altered = of(FindingKind::LogAltered);
        let logs_rejected = of(FindingKind::LogRejected);
        let all: u64 = digest.found_on_logs.0.values().sum();
        let (digest_verdict, reason) = match (digest.is_proven, digest.found) {
            // It may be proven another time, or is already.
            (true, _) if of(FindingKind::LogUnreadable) > 0 => return None,
            (false, Some(found)) if found.verdict() != Verdict::Invalid => return None,
            (true, _) if hearing.unlinked.contains(&digest.key) => {
                (DigestVerdict::Broken, Some(FindingKind::LinkBroken))
            }
            (true, _) if all == 0 => (DigestVerdict::Proven, None),
            (true, _) => (DigestVerdict::Incomplete, None),
            (false, found) => (DigestVerdict::Broken, found),
        };
        Some(DigestEntry {
            digest_verdict,
            reason: reason.map(|kind| kind.name().to_owned()),
            logs_listed: digest.logs,
            logs_missing: all - logs_altered - logs_rejected,
            logs_altered,
            logs_rejected,
            ..self.new_entry(folder, place, &digest.key, digest.start, digest.end)?
        })
    }

    /// Of a digest that another one links to, and that is not there.
    fn entry_of_missing(&self, folder: &str, place: &Place, key: &str) -> Option<DigestEntry> {
        let end = DigestName::parse(place, key)?.end;
        Some(DigestEntry {
            digest_verdict: DigestVerdict::Broken,
            reason: Some(FindingKind::DigestMissing.name().to_owned()),
            ..self.new_entry(folder, place, key, shifted(end, -DIGEST_HOUR), end)?
        })
    }

    fn new_entry(
        &self,
        folder: &str,
        place: &Place,
        key: &str,
        start: Timestamp,
        end: Timestamp,
    ) -> Option<DigestEntry> {
        let chain = DigestName::parse(place, key)?.chain;
        let trail = format!("{}_{}", chain.trail, chain.home_region);
        let (start, end) = (EventTime::at(start)?, EventTime::at(end)?);
        Some(DigestEntry {
            is_backfill: chain.is_backfill,
            expires_at: self.retention.expires_after_day(end),
            ..DigestEntry::new(folder, key, &trail, start, end)
        })
    }
}

/// What was told. What concerns the witness alone is not passed on.
struct Hearing<'h, W> {
    place: &'h Place,
    range: TimeRange,
    watch: &'h mut W,
    digests: Vec<DigestDone>,
    /// What was found on logs of the digest that is being looked at.
    pending: Vec<Finding>,
    /// Digests that do not link to the one before.
    unlinked: BTreeSet<String>,
    /// Digests that others link to and that are not there.
    missing: BTreeSet<String>,
    to_ingest: Vec<String>,
    /// The times of objects that no digest lists, asked for or not.
    unlisted: Vec<Timestamp>,
    counts: FindingCounts,
}

impl<'h, W> Hearing<'h, W> {
    fn new(place: &'h Place, range: TimeRange, watch: &'h mut W) -> Self {
        Self {
            place,
            range,
            watch,
            digests: Vec::new(),
            pending: Vec::new(),
            unlinked: BTreeSet::new(),
            missing: BTreeSet::new(),
            to_ingest: Vec::new(),
            unlisted: Vec::new(),
            counts: FindingCounts::default(),
        }
    }

    /// Whether a digest with that end was asked for.
    fn holds_end(&self, end: Timestamp) -> bool {
        self.range.since < end && end <= self.range.until
    }

    /// Whether that time of delivery was asked for.
    fn holds(&self, time: Timestamp) -> bool {
        self.range.since <= time && time < self.range.until
    }

    fn asked_for(&self) -> impl Iterator<Item = &DigestDone> {
        self.digests
            .iter()
            .filter(|digest| self.holds_end(digest.end))
    }

    /// The digest that an object of that time is counted in: it is the same whatever else is
    /// asked for, for of all that cover the time it is the one that ends first.
    fn covering(&self, time: Timestamp) -> Option<&DigestDone> {
        let covers =
            |digest: &&DigestDone| !digest.is_backfill && digest.start <= time && time < digest.end;
        let covering = self.digests.iter().filter(covers);
        covering.min_by_key(|digest| (digest.end, &digest.key))
    }

    fn is_settled(&self) -> bool {
        let will_change = |kind: &FindingKind| {
            matches!(
                kind,
                FindingKind::LogNotIngested | FindingKind::LogWaiting | FindingKind::LogUnreadable
            )
        };
        !self.asked_for().any(|digest| {
            let on_logs = digest.found_on_logs.0.keys().any(will_change);
            digest.found == Some(FindingKind::DigestUnreadable) || (digest.is_proven && on_logs)
        })
    }
}

impl<W: Watch> Hearing<'_, W> {
    fn pass_on(&mut self, finding: Finding) {
        self.counts += &finding;
        self.watch.finding(finding);
    }

    /// Of a finding about a time what of it was asked for.
    fn clipped(&self, mut finding: Finding) -> Option<Finding> {
        let Some((from, to)) = finding.time else {
            return Some(finding);
        };
        if from == to {
            return self.holds(from).then_some(finding);
        }
        if from < self.range.since {
            finding.time = Some((self.range.since, to));
            finding.count = hours(self.range.since, to);
        }
        (finding.count > 0).then_some(finding)
    }

    /// An object that no digest lists.
    fn unlisted(&mut self, finding: Finding) {
        let time = finding.key.as_deref().and_then(log_time);
        self.unlisted.extend(time);
        if time.is_none_or(|time| self.holds(time)) {
            self.pass_on(finding);
        }
    }
}

impl<W: Watch> Watch for Hearing<'_, W> {
    fn finding(&mut self, finding: Finding) {
        match finding.kind {
            FindingKind::LogUnlisted => return self.unlisted(finding),
            // It comes with what leaves their time unproven, and tells no more than the day.
            FindingKind::LogUnproven => return,
            _ => {}
        }
        let Some(finding) = self.clipped(finding) else {
            return;
        };
        let name = finding.key.as_ref();
        let name = name.and_then(|key| Some((key, DigestName::parse(self.place, key)?.end)));
        if let Some((key, end)) = name {
            if !self.holds_end(end) {
                // The time it is about may be asked for all the same.
                if finding.time.is_some() {
                    self.pass_on(finding);
                }
                return;
            }
            match finding.kind {
                FindingKind::LinkBroken => self.unlinked.insert(key.clone()),
                FindingKind::DigestMissing => self.missing.insert(key.clone()),
                _ => false,
            };
        }
        self.pass_on(finding);
    }

    fn log_finding(&mut self, finding: Finding) {
        self.pending.push(finding);
    }

    fn digests_to_come(&mut self, count: u64) {
        self.watch.digests_to_come(count);
    }

    fn digest_done(&mut self, done: DigestDone) {
        for finding in mem::take(&mut self.pending) {
            // Nothing is done on the word of a digest that proves nothing.
            if finding.kind == FindingKind::LogNotIngested
                && done.is_proven
                && self.to_ingest.len() < MOST_HANDED_BACK
            {
                self.to_ingest.extend(finding.key.clone());
            }
            self.counts += &finding;
            self.watch.log_finding(finding);
        }
        self.digests.push(done.clone());
        self.watch.digest_done(done);
    }
}
