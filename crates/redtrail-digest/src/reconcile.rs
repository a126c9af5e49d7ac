//! A trail's digests held against the ledger: of each hour, whether everything that CloudTrail
//! delivered was ingested, unaltered, and what is to be handed back.

use std::{collections::BTreeMap, mem};

use jiff::Timestamp;
use redtrail_core::{
    digest_entry::{DigestEntry, DigestVerdict},
    edge::{EdgeError, EdgeErrorKind},
    item::Put,
    log_key::{file_name, name_time},
    object::ObjectAddress,
    retention::Retention,
};
use redtrail_model::EventTime;

use crate::{
    edge::{DigestDone, Ledger, PublicKeys, TrailBucket, Watch},
    finding::{Finding, FindingCounts, FindingKind, Verdict},
    in_ledger::InLedger,
    judge::BucketNames,
    object_name::DigestName,
    place::Place,
    range::{DIGEST_HOUR, TimeRange, hours, shifted},
    verify::{PlaceSummary, Verifier},
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
    pub summary: PlaceSummary,
    /// One for each digest that ends in the time asked for.
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
        let summary = verifier.verify(place, &mut hearing).await?;
        let is_settled = hearing.is_settled();
        let counts = mem::take(&mut hearing.counts);
        let to_ingest = hearing
            .to_ingest
            .iter()
            .map(|key| self.object(key))
            .collect();
        Ok(Reconciled {
            entries: self.entries(place, &hearing),
            to_ingest,
            counts,
            is_settled,
            summary,
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
        let entry = |digest| entry(&folder, digest, hearing, self.retention);
        let mut entries: Vec<DigestEntry> = hearing.digests.iter().filter_map(entry).collect();
        for time in &hearing.unlisted {
            let of_hour = |entry: &&mut DigestEntry| {
                !entry.is_backfill && entry.digest_start <= *time && *time < entry.digest_end
            };
            if let Some(entry) = entries.iter_mut().find(of_hour) {
                entry.logs_unlisted += 1;
            }
        }
        entries
    }
}

fn entry<W>(
    folder: &str,
    digest: &DigestDone,
    hearing: &Hearing<'_, W>,
    retention: Retention,
) -> Option<DigestEntry> {
    let (start, end) = (event_time(digest.start)?, event_time(digest.end)?);
    let wrong = hearing.wrong.get(&digest.key).copied();
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
    let (digest_verdict, reason) = match (digest.is_proven, wrong) {
        (true, None) if all == 0 => (DigestVerdict::Proven, None),
        (true, None) => (DigestVerdict::Incomplete, None),
        (_, wrong) => (DigestVerdict::Broken, wrong.or(digest.found)),
    };
    Some(DigestEntry {
        is_backfill: digest.is_backfill,
        digest_verdict,
        reason: reason.map(|kind| kind.name().to_owned()),
        logs_listed: digest.logs,
        logs_missing: all - logs_altered - logs_rejected,
        logs_altered,
        logs_rejected,
        expires_at: retention.expires_after_day(end),
        ..DigestEntry::new(folder, &digest.key, start, end)
    })
}

fn event_time(time: Timestamp) -> Option<EventTime> {
    EventTime::from_epoch_millis(time.as_millisecond())
}

/// What was told of the time asked for. What concerns the witness alone is not passed on.
struct Hearing<'h, W> {
    place: &'h Place,
    range: TimeRange,
    watch: &'h mut W,
    digests: Vec<DigestDone>,
    /// What was found on logs of the digest that is being looked at.
    pending: Vec<Finding>,
    /// Digests with which something is wrong.
    wrong: BTreeMap<String, FindingKind>,
    to_ingest: Vec<String>,
    /// The times of objects that no digest lists.
    unlisted: Vec<EventTime>,
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
            wrong: BTreeMap::new(),
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

    fn is_settled(&self) -> bool {
        let will_change = |kind: &FindingKind| {
            matches!(
                kind,
                FindingKind::LogNotIngested
                    | FindingKind::LogWaiting
                    | FindingKind::LogUnreadable
                    | FindingKind::DigestUnreadable
            )
        };
        !self.digests.iter().any(|digest| {
            digest.found.iter().any(will_change) || digest.found_on_logs.0.keys().any(will_change)
        })
    }
}

impl<W: Watch> Hearing<'_, W> {
    fn pass_on(&mut self, finding: Finding) {
        self.counts += &finding;
        if let Some(key) = &finding.key {
            match finding.kind {
                FindingKind::LogNotIngested if self.to_ingest.len() < MOST_HANDED_BACK => {
                    self.to_ingest.push(key.clone());
                }
                FindingKind::LogUnlisted => self.unlisted.extend(name_time(file_name(key))),
                kind if kind.verdict() == Verdict::Invalid => {
                    self.wrong.entry(key.clone()).or_insert(kind);
                }
                _ => {}
            }
        }
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
}

impl<W: Watch> Watch for Hearing<'_, W> {
    fn finding(&mut self, finding: Finding) {
        let Some(finding) = self.clipped(finding) else {
            return;
        };
        let end = |key: &String| Some(DigestName::parse(self.place, key)?.end);
        match (finding.kind, finding.key.as_ref().and_then(end)) {
            (FindingKind::LogUnlisted, _) => {
                let time = finding
                    .key
                    .as_deref()
                    .and_then(|key| name_time(file_name(key)));
                let time = time.map(EventTime::epoch_millis);
                let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
                if time.is_none_or(|time| self.holds(time)) {
                    self.pass_on(finding);
                }
            }
            (FindingKind::LogUnproven, _) => self.pass_on(finding),
            (_, Some(end)) => {
                if finding.time.is_some() || self.holds_end(end) {
                    self.pass_on(finding);
                }
            }
            (_, None) if finding.key.is_some() => self.pending.push(finding),
            (_, None) => self.pass_on(finding),
        }
    }

    fn digests_to_come(&mut self, count: u64) {
        self.watch.digests_to_come(count);
    }

    fn digest_done(&mut self, done: DigestDone) {
        let pending = mem::take(&mut self.pending);
        if self.holds_end(done.end) {
            pending
                .into_iter()
                .for_each(|finding| self.pass_on(finding));
            self.digests.push(done.clone());
        }
        self.watch.digest_done(done);
    }
}
