//! Digests held against a ledger that ingesting made: what was not ingested, or not so, is
//! found and handed back, and nothing is found where nothing is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::support::{Heard, bucket, keys, range, ready};
use jiff::SignedDuration;
use redtrail_core::{
    digest_entry::{DigestEntry, DigestVerdict},
    directory::Remembered,
    edge::{EdgeError, ItemStore, ObjectIdentity},
    ingest::{Schedule, Settings, ingest},
    ledger::{LedgerEntry, LedgerKey, Verdict},
    log_key::LogKey,
    log_reader::Limits,
    memory::{MemorySource, MemoryStore, MemoryTimer},
    object::ObjectAddress,
    retention::{Retention, Retentions},
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_digest::{
    Reconciled, Reconciler, TimeRange,
    discover::{Wanted, places},
    edge::Ledger,
    memory::MemoryBucket,
};
use redtrail_model::Table;
use redtrail_trailgen::{
    digest::{Mix, Tampering},
    gzip,
};

/// A trail, and what was ingested of it.
struct World {
    mix: Mix,
    bucket: MemoryBucket,
    source: MemorySource,
    store: MemoryStore,
}

struct StoreLedger<'s>(&'s MemoryStore);

impl Ledger for StoreLedger<'_> {
    async fn entries(
        &self,
        folder: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<LedgerEntry>, EdgeError> {
        let items = self.0.partition(Table::Ledger, folder).into_iter();
        let entries = items.map(|item| serde_dynamo::from_item(item).unwrap());
        let is_between = |entry: &LedgerEntry| {
            let name = entry.key.object_key.split('#').next().unwrap();
            (first..=last).contains(&name)
        };
        Ok(entries.filter(is_between).collect())
    }
}

impl World {
    fn new(mix: Mix) -> Self {
        let source = MemorySource::default();
        for (key, object) in &mix.objects {
            source.insert(&mix.bucket, key, object.bytes.clone());
        }
        Self {
            bucket: bucket(&mix),
            source,
            store: MemoryStore::default(),
            mix,
        }
    }

    fn logs(&self) -> Vec<String> {
        let keys = self.mix.objects.keys();
        keys.filter(|key| LogKey::parse(key).is_ok())
            .cloned()
            .collect()
    }

    fn address(&self, key: &str) -> ObjectAddress {
        ObjectAddress {
            bucket: self.mix.bucket.clone(),
            key: key.to_owned(),
            version_id: None,
        }
    }

    /// As the function does it.
    fn ingest<'k>(&self, keys: impl IntoIterator<Item = &'k String>) {
        let started = Instant::now();
        let later = |seconds| started + Duration::from_secs(seconds);
        for key in keys {
            let settings = Settings {
                selector: &Selector::default(),
                remembered: &Remembered::default(),
                limits: Limits::default(),
                retentions: Retentions::default(),
                schedule: Schedule {
                    now: "2026-03-02T12:00:00Z".parse().unwrap(),
                    started,
                    until: later(5),
                    save_until: later(6),
                },
                force: false,
            };
            let writer = Writer {
                store: &self.store,
                timer: &MemoryTimer::starting_at(started),
                effort: &Effort::default(),
            };
            ready(ingest(&self.source, writer, &self.address(key), settings)).unwrap();
        }
    }

    fn reconcile(&self, range: TimeRange) -> (Vec<Reconciled>, Heard) {
        let keys = keys(&self.mix);
        let ledger = StoreLedger(&self.store);
        let reconciler = Reconciler {
            bucket: &self.bucket,
            bucket_name: &self.mix.bucket,
            original_bucket: None,
            keys: &keys,
            ledger: &ledger,
            retention: Retention::Days(400),
        };
        let wanted = Wanted {
            prefix: self.mix.plan.prefix.clone(),
            ..Wanted::default()
        };
        let mut heard = Heard::default();
        let reconciled = ready(async {
            let mut reconciled = Vec::new();
            for place in places(&self.bucket, &wanted).await.unwrap() {
                reconciled.push(
                    reconciler
                        .reconcile(&place, range, &mut heard)
                        .await
                        .unwrap(),
                );
            }
            reconciled
        });
        (reconciled, heard)
    }

    /// Of the one place there is, over all its time.
    fn whole(&self) -> Reconciled {
        self.over(range(&self.mix))
    }

    /// The same over a part of the time.
    fn over(&self, range: TimeRange) -> Reconciled {
        let (mut reconciled, heard) = self.reconcile(range);
        assert_eq!(reconciled.len(), 1);
        let reconciled = reconciled.remove(0);
        assert_eq!(reconciled.counts, heard.counts());
        reconciled
    }
}

fn sum(entries: &[DigestEntry], of: fn(&DigestEntry) -> u64) -> u64 {
    entries.iter().map(of).sum()
}

#[test]
fn all_is_proven_where_all_was_ingested() {
    for seed in 0..200 {
        let world = World::new(Mix::clean(seed));
        world.ingest(&world.logs());
        let whole = world.whole();
        assert_eq!(whole.counts.0, BTreeMap::new(), "seed {seed}");
        assert!(whole.is_settled && whole.to_ingest.is_empty());
        for entry in &whole.entries {
            assert_eq!(entry.digest_verdict, DigestVerdict::Proven, "seed {seed}");
            assert!(entry.expires_at.is_some());
        }
        let digests = world.mix.objects.len() - world.logs().len();
        assert_eq!(whole.entries.len(), digests, "seed {seed}");
        let listed = sum(&whole.entries, |entry| entry.logs_listed);
        assert_eq!(listed, world.logs().len() as u64, "seed {seed}");

        // The same comes of looking at each digest as it comes.
        for entry in &whole.entries {
            let window = window_of(entry, &world.mix);
            let (_, heard) = world.reconcile(window);
            // The first windows begin before the first digest.
            let is_first = window.since < world.mix.plan.first;
            let names: Vec<&str> = heard.names().into_keys().collect();
            let expected: &[&str] = match (is_first, world.mix.plan.goes_on_before) {
                (false, _) => &[],
                (true, false) => &["unproven_start"],
                (true, true) => &["digest_missing"],
            };
            assert_eq!(names, expected, "seed {seed}");
        }
        assert_eq!(
            one_by_one(&world, &whole.entries),
            by_key(&whole.entries),
            "seed {seed}"
        );
    }
}

/// As the function looks at a digest when it comes.
fn window_of(entry: &DigestEntry, mix: &Mix) -> TimeRange {
    let until = entry.digest_end.timestamp();
    TimeRange {
        since: until - SignedDuration::from_hours(2),
        until,
        now: mix.now,
    }
}

#[test]
fn what_was_not_ingested_is_handed_back_and_then_all_is_proven() {
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let world = World::new(Mix::clean(seed));
        let (dropped, kept): (Vec<String>, Vec<String>) = world
            .logs()
            .into_iter()
            .partition(|_| random.u8(..100) < 30);
        world.ingest(&kept);
        let found = world.whole();
        let handed_back: BTreeSet<_> = found
            .to_ingest
            .iter()
            .map(|object| object.key.clone())
            .collect();
        assert_eq!(
            handed_back,
            dropped.iter().cloned().collect(),
            "seed {seed}"
        );
        assert_eq!(found.is_settled, dropped.is_empty());
        let count = dropped.len() as u64;
        assert_eq!(sum(&found.entries, |entry| entry.logs_missing), count);
        for entry in &found.entries {
            let expected = match entry.logs_missing {
                0 => DigestVerdict::Proven,
                _ => DigestVerdict::Incomplete,
            };
            assert_eq!(entry.digest_verdict, expected, "seed {seed}");
        }
        world.ingest(&handed_back);
        let mended = world.whole();
        assert!(
            mended.is_settled && mended.counts.0.is_empty(),
            "seed {seed}"
        );
        let is_proven = |entry: &DigestEntry| entry.digest_verdict == DigestVerdict::Proven;
        assert!(mended.entries.iter().all(is_proven));
    }
}

#[test]
fn what_was_ingested_otherwise_is_told_by_its_kind() {
    let world = World::new(Mix::clean(7));
    let logs = world.logs();
    let [altered, rejected, waiting] = [&logs[0], &logs[1], &logs[2]];
    let insert = |key: &str, bytes: &[u8]| {
        let bytes = bytes.to_vec();
        world.source.insert(&world.mix.bucket, key, bytes);
    };
    insert(altered, &gzip(br#"{"Records":[]}"#));
    insert(rejected, b"no gzip");
    world.ingest(&logs);
    // As an invocation leaves it that ran out of time.
    let identity = ObjectIdentity::default();
    let key = LedgerKey::of(&world.address(waiting), &identity);
    let entry = world
        .store
        .get(Table::Ledger, [&key.folder, &key.object_key]);
    let mut entry: LedgerEntry = serde_dynamo::from_item(ready(entry).unwrap().unwrap()).unwrap();
    entry.verdict = Verdict::Waiting;
    entry.content = None;
    ready(world.store.write(&[entry.put().unwrap()])).unwrap();

    let found = world.whole();
    assert_eq!(
        names(&found),
        [("log_altered", 1), ("log_waiting", 1), ("log_rejected", 1)].into()
    );
    // None of them is mended by reading it again.
    assert_eq!(found.to_ingest, []);
    assert!(!found.is_settled, "one is on its way");
    assert_eq!(sum(&found.entries, |entry| entry.logs_altered), 1);
    assert_eq!(sum(&found.entries, |entry| entry.logs_rejected), 1);
    assert_eq!(sum(&found.entries, |entry| entry.logs_missing), 1);
}

fn names(found: &Reconciled) -> BTreeMap<&'static str, u64> {
    let counts = found.counts.0.iter();
    counts.map(|(kind, count)| (kind.name(), *count)).collect()
}

/// Ingesting sees what lies in the bucket, so that what was tampered with before shows in the
/// ledger.
#[test]
fn tampering_is_found_through_the_ledger() {
    let check = |mix: Mix, context: &str| {
        let world = World::new(mix);
        world.ingest(&world.logs());
        let found = world.whole();
        let mut expected = world.mix.expected.clone();
        // It is never told alone.
        expected.remove("log_unproven");
        let of = |tampering| {
            let all = world.mix.tamperings.iter();
            all.filter(|one| **one == tampering).count() as u64
        };
        // What is no gzip member was rejected; that it was no gzip at all is no harm to the content.
        let damaged = expected.remove("log_damaged").unwrap_or_default();
        let damaged = damaged - of(Tampering::LogUncompressed);
        if damaged > 0 {
            expected.insert("log_rejected", damaged);
        }
        assert_eq!(
            names(&found),
            expected,
            "{context}: {:?}",
            world.mix.tamperings
        );
        let unlisted = expected.get("log_unlisted").copied().unwrap_or_default();
        let told = sum(&found.entries, |entry| entry.logs_unlisted);
        assert_eq!(told, unlisted - of(Tampering::UnlistedOddName), "{context}");
        assert_eq!(found.to_ingest, [], "{context}");
    };
    for tampering in Tampering::ALL {
        for seed in 0..5 {
            check(Mix::single(seed, tampering), &format!("seed {seed}"));
        }
    }
    for seed in 0..200 {
        check(Mix::tampered(seed), &format!("mix {seed}"));
    }
}

/// The results of each digest looked at as it comes, the last one of each.
fn one_by_one(world: &World, digests: &[DigestEntry]) -> BTreeMap<String, DigestEntry> {
    let windows = digests.iter().map(|digest| window_of(digest, &world.mix));
    in_windows(world, windows)
}

fn in_windows(
    world: &World,
    windows: impl Iterator<Item = TimeRange>,
) -> BTreeMap<String, DigestEntry> {
    let since = world.mix.since.as_millisecond();
    let results = windows.flat_map(|window| world.over(window).entries);
    // One before the first may be missed.
    let results = results.filter(|entry| entry.digest_end.epoch_millis() > since);
    by_key(&results.collect::<Vec<_>>())
}

fn by_key(entries: &[DigestEntry]) -> BTreeMap<String, DigestEntry> {
    let entries = entries.iter().cloned();
    entries
        .map(|entry| (entry.object_key.clone(), entry))
        .collect()
}

#[test]
fn what_is_found_does_not_hang_on_the_time_asked_for() {
    for seed in 0..20 {
        // Two trails whose hours end at other minutes.
        let [mut mix, second] = Mix::two_trails(seed);
        mix.objects.extend(second.objects);
        mix.now = mix.now.max(second.now);
        let forged: Vec<String> = (0..6)
            .map(|number| mix.plan.first + SignedDuration::from_mins(7 + 50 * number))
            .map(|time| log_key(&mix, time))
            .collect();
        for key in &forged {
            let object = mix.objects.values().next().unwrap().clone();
            mix.objects.insert(key.clone(), object);
        }
        let world = World::new(mix);
        world.ingest(&world.logs());
        let whole = world.whole();
        let expected = by_key(&whole.entries);
        assert_eq!(one_by_one(&world, &whole.entries), expected, "seed {seed}");
        assert!(
            sum(&whole.entries, |entry| entry.logs_unlisted) > 0,
            "seed {seed}"
        );
        // Parts that begin anywhere.
        let now = world.mix.now;
        let begins = (0..12).map(|number| -13 + 97 * number);
        let parts = begins.map(|minutes| {
            let since = world.mix.since + SignedDuration::from_mins(minutes);
            let until = since + SignedDuration::from_mins(97);
            TimeRange { since, until, now }
        });
        let parts = in_windows(&world, parts);
        assert_eq!(parts, expected, "seed {seed}");
    }
}

/// The key of a log of that minute that CloudTrail did not deliver.
fn log_key(mix: &Mix, time: jiff::Timestamp) -> String {
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let is_log = |key: &&String| LogKey::parse(key).is_ok();
    let log = mix.objects.keys().find(is_log).unwrap();
    let (account, region) = (&mix.plan.account, &mix.plan.region);
    let (before, _) = log.split_once("/CloudTrail/").unwrap();
    format!(
        "{before}/CloudTrail/{region}/{}/{account}_CloudTrail_{region}_{}Z_forged.json.gz",
        time.strftime("%Y/%m/%d"),
        time.strftime("%Y%m%dT%H%M"),
    )
}

#[test]
fn what_was_ingested_and_is_gone_again_is_found() {
    let mut mix = Mix::busy(5, 6, 2);
    let forged = log_key(&mix, mix.plan.first + SignedDuration::from_mins(150));
    let object = mix.objects.values().next().unwrap().clone();
    let world = World::new(mix);
    let bytes = gzip(br#"{"Records":[]}"#);
    world.source.insert(&world.mix.bucket, &forged, bytes);
    world.ingest(world.logs().iter().chain([&forged]));
    let found = world.whole();
    assert_eq!(names(&found), [("log_unlisted", 1)].into());
    assert_eq!(sum(&found.entries, |entry| entry.logs_unlisted), 1);
    // What lies there still is told once.
    mix = Mix::busy(5, 6, 2);
    mix.objects.insert(forged.clone(), object);
    let world = World::new(mix);
    world.ingest(world.logs().iter());
    assert_eq!(names(&world.whole()), [("log_unlisted", 1)].into());
}

#[test]
fn nothing_is_handed_back_or_written_on_the_word_of_a_replica() {
    let world = World::new(Mix::single(3, Tampering::Replica));
    let found = world.whole();
    assert_eq!((found.to_ingest, found.entries), (vec![], vec![]));
    assert!(found.is_settled && !found.digests.is_empty());
}

#[test]
fn a_digest_of_late_logs_that_is_gone_leaves_a_result() {
    let world = World::new(Mix::single(3, Tampering::BackfillDigestDeleted));
    world.ingest(&world.logs());
    let found = world.whole();
    let missing: Vec<&DigestEntry> = found
        .entries
        .iter()
        .filter(|entry| entry.reason.as_deref() == Some("digest_missing"))
        .collect();
    assert_eq!(missing.len(), 1);
    assert!(missing[0].is_backfill && missing[0].digest_verdict == DigestVerdict::Broken);
    assert!(!found.digests.contains(&missing[0].full_object_key));
}
