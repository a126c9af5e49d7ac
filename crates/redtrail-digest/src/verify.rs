//! Verifies what a place of a trail holds: its digests newest to oldest, the logs they list,
//! and that no other objects lie among these.

use std::collections::{BTreeMap, HashSet};

use futures_util::{StreamExt, stream};
use jiff::{Span, Timestamp, civil::Date};
use redtrail_core::{edge::EdgeError, log_key::LogKey};
use sha2::{Digest, Sha256};

use crate::{
    chain::Chain,
    digest_file::{HASH_ALGORITHM, LogEntry, log_entries, parse},
    edge::{DigestDone, Evidence, ListedLog, PublicKeys, TrailBucket, Watch, Wrong},
    finding::{Finding, FindingCounts, FindingKind},
    index::DigestIndex,
    judge::{BucketNames, Court, Judgement, Reading},
    key_ring::KeyRing,
    object_name::{ChainName, DigestName, day_of, log_time},
    place::{Place, day_path},
    range::{DELIVERED_EARLIER, DELIVERED_LATER, TimeRange},
    unpack::{Content, unpack},
};

/// Digests read ahead of the one that is judged; each may take `MAX_DIGEST_BYTES`.
const DIGESTS_AHEAD: usize = 4;
/// Far beyond what CloudTrail delivers in an hour: it is some sixty thousand logs.
const MAX_DIGEST_BYTES: u64 = 32 << 20;

/// What was proven of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceSummary {
    pub place: Place,
    pub chains: Vec<ChainSummary>,
    /// Logs that have the content CloudTrail delivered.
    pub proven_logs: u64,
    /// Logs whose digest is not due yet.
    pub awaiting_logs: u64,
}

/// What was proven of a chain of digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSummary {
    pub name: ChainName,
    pub digests: u64,
    pub proven_digests: u64,
    /// The times that proven digests cover, newest first.
    pub proven: Vec<(Timestamp, Timestamp)>,
}

/// Verifies places of one bucket.
#[derive(Debug)]
pub struct Verifier<'v, B, K, E> {
    bucket: &'v B,
    keys: &'v K,
    evidence: &'v E,
    names: BucketNames,
    range: TimeRange,
    rings: BTreeMap<String, KeyRing<'v, K>>,
}

impl<'v, B: TrailBucket, K: PublicKeys, E: Evidence> Verifier<'v, B, K, E> {
    /// Verifies digests by `keys`, and holds the logs that they list against `evidence`.
    pub fn new(
        bucket: &'v B,
        keys: &'v K,
        evidence: &'v E,
        names: BucketNames,
        range: TimeRange,
    ) -> Self {
        Self {
            bucket,
            keys,
            evidence,
            names,
            range,
            rings: BTreeMap::new(),
        }
    }

    /// Verifies a place and tells `watch` what is found.
    ///
    /// # Errors
    /// When bucket or keys cannot be had; what was found before has been told.
    pub async fn verify(
        &mut self,
        place: &Place,
        watch: &mut impl Watch,
    ) -> Result<PlaceSummary, EdgeError> {
        let index = DigestIndex::of(self.bucket, place, &self.range).await?;
        watch.digests_to_come(index.digests.len() as u64);
        let mut site = Site::new(place, self.range, &index);
        if index.is_cut {
            watch.finding(site.finding(FindingKind::TooManyDigests));
        }
        if !index.has_main_chain() {
            watch.finding(Finding {
                count: self.range.hours(),
                time: self.range.clip(self.range.since, self.range.until),
                ..site.finding(FindingKind::NoDigest)
            });
        }
        let bucket = self.bucket;
        let digests = index
            .digests
            .iter()
            .filter_map(|(end, chain)| Some((*end, *chain, index.chains.get(*chain)?)));
        let mut readings = stream::iter(digests)
            .map(|(end, number, chain)| async move {
                let key = DigestName::key(place, chain, end);
                let content = Content::Kept {
                    max_bytes: MAX_DIGEST_BYTES,
                };
                let read = unpack(bucket, &key, content).await?;
                let name = DigestName {
                    chain: chain.clone(),
                    end,
                };
                Ok::<_, EdgeError>((number, Reading { key, name, read }))
            })
            .buffered(DIGESTS_AHEAD);
        while let Some(reading) = readings.next().await {
            let (number, reading) = reading?;
            // What a digest lists was delivered before its end, and a day's margin is cheap.
            let day = day_of(reading.name.end);
            while let Some(done) = site.next_day.filter(|next| *next > tomorrow(day)) {
                site.list_logs(bucket, self.evidence, done, watch).await?;
            }
            let done = self.digest(&mut site, number, &reading, watch).await?;
            done.into_iter().for_each(|done| watch.digest_done(done));
        }
        while let Some(day) = site.next_day {
            site.list_logs(bucket, self.evidence, day, watch).await?;
        }
        for chain in &site.chains {
            chain
                .finish()
                .into_iter()
                .for_each(|finding| watch.finding(finding));
        }
        Ok(site.summary())
    }

    async fn digest(
        &mut self,
        site: &mut Site<'_>,
        number: usize,
        reading: &Reading,
        watch: &mut impl Watch,
    ) -> Result<Option<DigestDone>, EdgeError> {
        let Some(chain) = site.chains.get_mut(number) else {
            return Ok(None);
        };
        let region = &site.place.region;
        if !self.rings.contains_key(region) {
            let ring = KeyRing::of(self.keys, region, &self.range).await?;
            self.rings.insert(region.clone(), ring);
        }
        let Some(keys) = self.rings.get_mut(region) else {
            return Ok(None);
        };
        let mut court = Court {
            place: site.place,
            buckets: &self.names,
            keeps_metadata: self.bucket.keeps_metadata(),
            keys,
        };
        let judgement = court.judge(reading, chain.expected(&reading.key)).await?;
        let Judgement {
            digest,
            found,
            is_replica,
        } = judgement;
        let mut done = DigestDone {
            key: digest.key.clone(),
            is_backfill: chain.name.is_backfill,
            start: digest.start,
            end: digest.end,
            is_proven: digest.is_proven && !is_replica,
            found: found.first().map(|(kind, _)| *kind),
            logs: 0,
            found_on_logs: FindingCounts::default(),
        };
        for (kind, detail) in found {
            watch.finding(Finding {
                key: Some(reading.key.clone()),
                detail,
                ..chain.finding(kind)
            });
        }
        if is_replica {
            chain.count_replica(&digest.bucket);
            done.found.get_or_insert(FindingKind::LooksLikeReplica);
        }
        let is_proven = digest.is_proven;
        chain
            .accept(digest)
            .into_iter()
            .for_each(|finding| watch.finding(finding));
        if let (true, Ok(unpacked)) = (is_proven, &reading.read) {
            let mut tell = |finding: Finding| {
                done.found_on_logs += &finding;
                watch.log_finding(finding);
            };
            done.logs = site
                .logs(self.evidence, number, &unpacked.plain, &mut tell)
                .await?;
        }
        Ok(Some(done))
    }
}

/// A place while it is verified.
struct Site<'s> {
    place: &'s Place,
    range: TimeRange,
    chains: Vec<Chain>,
    /// The day whose logs are to be listed next; days are taken newest first.
    next_day: Option<Date>,
    /// The keys that proven digests list, hashed, by the day of their folder.
    listed: BTreeMap<Date, HashSet<u128>>,
    proven_logs: u64,
    awaiting_logs: u64,
}

impl<'s> Site<'s> {
    fn new(place: &'s Place, range: TimeRange, index: &DigestIndex) -> Self {
        let chain = |name: &ChainName| Chain::new(name.clone(), place.clone(), range);
        Self {
            place,
            range,
            chains: index.chains.iter().map(chain).collect(),
            // Late in a day logs come into the next day's folder.
            next_day: Some(tomorrow(day_of(range.until.min(range.now)))),
            listed: BTreeMap::new(),
            proven_logs: 0,
            awaiting_logs: 0,
        }
    }

    /// Judges the logs that a proven digest lists, and gives their number.
    async fn logs<E: Evidence>(
        &mut self,
        evidence: &E,
        number: usize,
        plain: &[u8],
        tell: &mut impl FnMut(Finding),
    ) -> Result<u64, EdgeError> {
        let (Some(chain), Ok((header, log_files))) = (self.chains.get(number), parse(plain)) else {
            return Ok(0);
        };
        let mut entries = Vec::new();
        let mut malformed = 0;
        let mut why = None;
        let whole = log_entries(log_files, |entry| match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                malformed += 1;
                why.get_or_insert(error);
            }
        });
        if let Err(error) = whole {
            malformed += 1;
            why.get_or_insert(error);
        }
        for entry in &entries {
            if let Ok(key) = LogKey::parse(&entry.object) {
                let listed = self.listed.entry(key.delivery_day).or_default();
                listed.insert(short_hash(&entry.object));
            }
        }
        let count = malformed + entries.len() as u64;
        if !evidence.is_asked_for(header.end) {
            return Ok(count);
        }
        if let Some(why) = why {
            tell(Finding {
                count: malformed,
                key: Some(header.object.clone()),
                detail: Some(why.to_string()),
                ..chain.finding(FindingKind::LogEntryMalformed)
            });
        }
        let mut listed = Vec::with_capacity(entries.len());
        for entry in entries {
            match misplaced(&entry, &header.bucket) {
                Some(wrong) => tell(finding_on_log(chain, entry.object, wrong)),
                None => listed.push(ListedLog {
                    key: entry.object,
                    sha256: entry.hash,
                }),
            }
        }
        let judged = evidence.judge(&listed).await?;
        for (log, wrong) in listed.into_iter().zip(judged) {
            match wrong {
                None => self.proven_logs += 1,
                Some(wrong) => tell(finding_on_log(chain, log.key, wrong)),
            }
        }
        Ok(count)
    }

    /// Lists a day's logs, and finds those that no digest lists.
    async fn list_logs<B: TrailBucket, E: Evidence>(
        &mut self,
        bucket: &B,
        evidence: &E,
        day: Date,
        watch: &mut impl Watch,
    ) -> Result<(), EdgeError> {
        let first = day_of(self.range.since);
        self.next_day = day.yesterday().ok().filter(|day| *day >= first);
        let listed = self.listed.remove(&day).unwrap_or_default();
        let prefix = self.place.log_folder() + &day_path(day);
        let mut unproven = 0;
        let mut unlisted = HashSet::new();
        let mut after = None;
        loop {
            let page = bucket.page(&prefix, after.as_deref()).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.key.clone());
            for object in &page {
                // A folder that someone made in the console.
                let is_folder = object.key.ends_with('/') && object.bytes == 0;
                if is_folder || listed.contains(&short_hash(&object.key)) {
                    continue;
                }
                match self.state(&object.key, day) {
                    LogState::NotAskedFor => {}
                    LogState::Awaiting => self.awaiting_logs += 1,
                    LogState::Unproven => unproven += 1,
                    LogState::Proven => {
                        unlisted.insert(short_hash(&object.key));
                        watch.finding(Finding {
                            key: Some(object.key.clone()),
                            ..self.finding(FindingKind::LogUnlisted)
                        });
                    }
                }
            }
        }
        for key in evidence.known(&prefix).await? {
            let is_told = !unlisted.insert(short_hash(&key));
            let is_accounted_for = listed.contains(&short_hash(&key)) || is_told;
            if !is_accounted_for && self.state(&key, day) == LogState::Proven {
                watch.finding(Finding {
                    key: Some(key),
                    detail: Some("it is gone again".to_owned()),
                    ..self.finding(FindingKind::LogUnlisted)
                });
            }
        }
        if unproven > 0 {
            watch.finding(Finding {
                count: unproven,
                key: Some(prefix),
                ..self.finding(FindingKind::LogUnproven)
            });
        }
        Ok(())
    }

    /// What is known of the time of an object that no digest lists.
    fn state(&self, key: &str, folder_day: Date) -> LogState {
        let Some(time) = log_time(key) else {
            return self.state_of_day(folder_day);
        };
        if time < self.range.since || time >= self.range.until {
            return LogState::NotAskedFor;
        }
        let mut main = self.main_chains().peekable();
        if self.main_chains().any(|chain| chain.awaits(time)) {
            return LogState::Awaiting;
        }
        let is_open = self.chains.iter().any(|chain| chain.leaves_open(time));
        let is_proven = main.peek().is_some()
            && main.all(|chain| {
                chain
                    .proven
                    .contains(time, DELIVERED_EARLIER, DELIVERED_LATER)
            });
        if is_proven && !is_open {
            LogState::Proven
        } else {
            LogState::Unproven
        }
    }

    /// Of an object whose name tells no time: any hour of its folder's day may be its own.
    fn state_of_day(&self, day: Date) -> LogState {
        let day_begins = |day: Date| {
            let midnight = day.to_zoned(jiff::tz::TimeZone::UTC);
            midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
        };
        let Some((from, to)) = self.range.clip(day_begins(day), day_begins(tomorrow(day))) else {
            return LogState::NotAskedFor;
        };
        let is_proven = self.main_chains().any(|chain| {
            chain
                .proven
                .0
                .iter()
                .any(|(start, end)| *start < to && from < *end)
        });
        if is_proven {
            LogState::Proven
        } else {
            LogState::Unproven
        }
    }

    fn main_chains(&self) -> impl Iterator<Item = &Chain> {
        self.chains
            .iter()
            .filter(|chain| !chain.name.is_backfill && chain.digests > 0)
    }

    fn finding(&self, kind: FindingKind) -> Finding {
        Finding {
            kind,
            place: self.place.clone(),
            chain: None,
            count: 1,
            key: None,
            time: None,
            detail: None,
        }
    }

    fn summary(self) -> PlaceSummary {
        let chains = self.chains.into_iter().filter(|chain| chain.digests > 0);
        PlaceSummary {
            place: self.place.clone(),
            chains: chains
                .map(|chain| ChainSummary {
                    name: chain.name,
                    digests: chain.digests,
                    proven_digests: chain.proven_digests,
                    proven: chain.proven.0,
                })
                .collect(),
            proven_logs: self.proven_logs,
            awaiting_logs: self.awaiting_logs,
        }
    }
}

/// What is known of a log that no digest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogState {
    NotAskedFor,
    /// Its digest is not due yet.
    Awaiting,
    /// Its time is not proven.
    Unproven,
    /// Its time is proven: CloudTrail did not deliver it.
    Proven,
}

fn finding_on_log(chain: &Chain, key: String, wrong: Wrong) -> Finding {
    Finding {
        key: Some(key),
        detail: wrong.detail,
        ..chain.finding(wrong.kind)
    }
}

/// What is wrong with an entry itself, which belongs to a digest that was signed for a bucket.
fn misplaced(entry: &LogEntry, signed_bucket: &str) -> Option<Wrong> {
    let (kind, detail) = if entry.bucket != signed_bucket {
        let why = format!("in the bucket {}", entry.bucket);
        (FindingKind::LogElsewhere, why)
    } else if entry.hash_algorithm != HASH_ALGORITHM {
        let why = format!("hashAlgorithm is {}", entry.hash_algorithm);
        (FindingKind::AlgorithmUnknown, why)
    } else {
        return None;
    };
    Some(Wrong {
        kind,
        detail: Some(detail),
    })
}

fn tomorrow(day: Date) -> Date {
    day.saturating_add(Span::new().days(1))
}

/// Enough of a key's SHA-256 to tell it from any other.
fn short_hash(key: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(key).into();
    hash.iter()
        .take(16)
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}
