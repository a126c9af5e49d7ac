//! A backfill that is ended anywhere and run again leaves the tables as one clean run does.

use std::{
    collections::BTreeMap,
    future::{Future, pending, poll_fn},
    pin::pin,
    sync::atomic::{AtomicI64, Ordering},
    task::Poll,
    time::Instant,
};

use bytes::Bytes;
use fastrand::Rng;
use redtrail_aws::timer::TokioTimer;
use redtrail_core::{
    directory::Remembered,
    edge::{EdgeError, ItemStore, LogBody, LogSource, ObjectIdentity, Unless},
    item::{Item, Put},
    ledger::{LedgerEntry, VOLATILE},
    memory::{MemoryBody, MemorySource, MemoryStore},
    object::ObjectAddress,
    retention::{Retention, Retentions},
    select::Selector,
    writer::Effort,
};
use redtrail_digest::{
    discover::{Wanted as Places, places},
    edge::{DigestMetadata, ListedObject, OpenObject, TrailBucket},
    log_list::NamedTime,
    memory::{MemoryBucket, MemoryObject},
    place::Place,
};
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::{Trail, TrailOptions, gzip};
use serde_dynamo::AttributeValue;

use crate::{
    backfill_here::{Here, Work},
    backfill_report::{Counts, Report},
    backfill_run::{Backfill, Known},
    failure::Failure,
    pace::Pace,
};

const BUCKET: &str = "trail";
/// So that a backfill is of several.
const PORTION: usize = 5;
const OBJECTS: usize = 24;
const RECORDS: usize = 12;
const INTERRUPTIONS: u64 = 100;

/// Counts down what is asked of the world. At nought nothing is answered any more, as when the
/// process has been killed.
struct Fuse(AtomicI64);

impl Fuse {
    fn of(steps: i64) -> Self {
        Self(AtomicI64::new(steps))
    }

    async fn step(&self) {
        if self.0.fetch_sub(1, Ordering::Relaxed) <= 0 {
            pending::<()>().await;
        }
    }

    fn is_blown(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 0
    }
}

/// All there is, behind one fuse.
struct World<'w> {
    trail: &'w AllOfIt,
    tables: &'w MemoryStore,
    fuse: Fuse,
}

struct AllOfIt {
    bucket: MemoryBucket,
    source: MemorySource,
    places: Vec<Place>,
}

struct FusedBody<'w> {
    body: MemoryBody,
    fuse: &'w Fuse,
}

impl TrailBucket for World<'_> {
    type Body = MemoryObject;

    fn keeps_metadata(&self) -> bool {
        true
    }

    async fn open(&self, key: &str) -> Result<OpenObject<MemoryObject>, EdgeError> {
        self.trail.bucket.open(key).await
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, EdgeError> {
        self.fuse.step().await;
        self.trail.bucket.page(prefix, after).await
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        self.trail.bucket.folders(prefix).await
    }
}

impl<'w> LogSource for &'w World<'_> {
    type Body = FusedBody<'w>;

    async fn open(
        &self,
        object: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> Result<FusedBody<'w>, EdgeError> {
        self.fuse.step().await;
        let body = self.trail.source.open(object, exactly).await?;
        Ok(FusedBody {
            body,
            fuse: &self.fuse,
        })
    }
}

impl LogBody for FusedBody<'_> {
    fn identity(&self) -> &ObjectIdentity {
        self.body.identity()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        self.fuse.step().await;
        self.body.next().await
    }
}

impl ItemStore for World<'_> {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        self.fuse.step().await;
        let written = self.tables.write(batch).await;
        // Written, but whoever asked never learns of it.
        self.fuse.step().await;
        written
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        self.fuse.step().await;
        self.tables.put_unless(put, unless).await
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        self.fuse.step().await;
        self.tables.get(table, keys).await
    }
}

impl Known for World<'_> {
    async fn entries(
        &self,
        folder: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<LedgerEntry>, Failure> {
        self.fuse.step().await;
        let items = self.tables.partition(Table::Ledger, folder);
        let entries = items.into_iter().map(|item| {
            let entry: LedgerEntry = serde_dynamo::from_item(item).unwrap();
            entry
        });
        let is_asked = |entry: &LedgerEntry| {
            let name = entry.key.object_key.split('#').next().unwrap();
            (first..=last).contains(&name)
        };
        Ok(entries.filter(is_asked).collect())
    }
}

/// A trail of some days, two of whose objects are bad.
fn trail(seed: u64) -> AllOfIt {
    let mut made = Trail::with_options(TrailOptions {
        seed,
        redshift_share: 0.5,
        ..TrailOptions::default()
    });
    let mut bucket = MemoryBucket::default();
    let source = MemorySource::default();
    for number in 0..OBJECTS {
        let object = made.object(RECORDS);
        let bytes = match number {
            5 => gzip(b"{\"Records\":[{\"eventSource\":7},5]}"),
            9 => b"no log".to_vec(),
            _ => object.gzip(),
        };
        bucket.insert(&object.key, bytes.clone(), DigestMetadata::default());
        source.insert(BUCKET, &object.key, bytes);
    }
    let places = now_or_never(places(&bucket, &Places::default())).unwrap();
    AllOfIt {
        bucket,
        source,
        places: places.unwrap(),
    }
}

fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    use futures_util::FutureExt;
    future.now_or_never()
}

fn time(text: &str) -> EventTime {
    text.parse().unwrap()
}

/// Runs a backfill until it is done (then with its counts) or cut off after so many steps; and
/// how many it took.
async fn backfill(trail: &AllOfIt, tables: &MemoryStore, steps: i64) -> (Option<Counts>, i64) {
    backfill_keeping(Retention::Days(4000), trail, tables, steps).await
}

/// The same where events are kept so long.
async fn backfill_keeping(
    events: Retention,
    trail: &AllOfIt,
    tables: &MemoryStore,
    steps: i64,
) -> (Option<Counts>, i64) {
    let world = World {
        trail,
        tables,
        fuse: Fuse::of(steps),
    };
    let source = &world;
    let retentions = Retentions {
        events,
        ..Retentions::default()
    };
    let (selector, remembered) = (Selector::default(), Remembered::default());
    let started = Instant::now();
    let mut here = Here {
        work: Work {
            source: &source,
            store: &world,
            timer: &TokioTimer,
            selector: &selector,
            remembered: &remembered,
            retentions,
            effort: Effort::default(),
            now: time("2026-03-09T00:00:00Z"),
            started,
        },
        pace: Pace::new(None),
    };
    let run = Backfill {
        bucket: &world,
        bucket_name: BUCKET,
        places: &trail.places,
        named: NamedTime::of_events(time("2026-03-01T00:00:00Z"), time("2026-03-09T00:00:00Z")),
        known: &world,
        retention: retentions.events,
        again: false,
        portion: PORTION,
    };
    let mut report = Report::new(trail.places.len());
    let ended = {
        let mut running = pin!(run.run(&mut here, &mut report));
        poll_fn(|context| match running.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if world.fuse.is_blown() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    };
    let left = world.fuse.0.load(Ordering::Relaxed);
    let counts = ended.map(|result| {
        result.unwrap();
        report.counts.clone()
    });
    (counts, steps - left)
}

/// What the tables hold, without what differs from run to run.
fn items(tables: &MemoryStore) -> Vec<(Table, BTreeMap<String, AttributeValue>)> {
    let items = tables.items().into_iter().map(|(table, item)| {
        let attributes = item.into_inner().into_iter();
        let attributes = attributes.filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
        (table, attributes.collect())
    });
    items.collect()
}

#[tokio::test]
async fn ok_ended_anywhere_it_goes_on_to_the_same_end() {
    let mut was_cut_off = 0;
    for seed in 1..=INTERRUPTIONS {
        let trail = trail(seed % 10);
        let clean = MemoryStore::default();
        let (counts, steps) = backfill(&trail, &clean, i64::MAX).await;
        let counts = counts.unwrap();
        assert_eq!(counts.ingested.objects, OBJECTS as u64, "seed {seed}");
        assert_eq!((counts.rejected, counts.failed), (1, 0), "seed {seed}");
        assert_eq!(counts.ingested_before.objects, 0, "seed {seed}");

        let mut dice = Rng::with_seed(seed);
        let tables = MemoryStore::default();
        let mut before = 0;
        // Once or several times, each within as many steps as a clean run takes.
        for _ in 0..dice.u8(1..=3) {
            let (counts, _) = backfill(&trail, &tables, dice.i64(0..steps)).await;
            was_cut_off += u32::from(counts.is_none());
            let ledger = tables.items().into_iter();
            let finished = ledger
                .filter(|(table, item)| {
                    *table == Table::Ledger && item.inner().contains_key("stored_bytes")
                })
                .count();
            assert!(finished >= before, "seed {seed}");
            before = finished;
        }
        let (counts, _) = backfill(&trail, &tables, i64::MAX).await;
        let counts = counts.unwrap();
        assert_eq!(counts.listed.objects, OBJECTS as u64, "seed {seed}");
        assert_eq!(counts.ingested_before.objects, before as u64, "seed {seed}");
        assert_eq!(
            counts.ingested.objects + counts.ingested_before.objects,
            OBJECTS as u64,
            "seed {seed}"
        );
        assert!(items(&tables) == items(&clean), "seed {seed}");

        // And once more there is nothing to do.
        let (counts, _) = backfill(&trail, &tables, i64::MAX).await;
        assert_eq!(counts.unwrap().ingested.objects, 0, "seed {seed}");
    }
    assert!(was_cut_off >= 100, "{was_cut_off}");
}

#[tokio::test]
async fn ok_what_was_kept_for_a_shorter_time_is_ingested_again() {
    let trail = trail(1);
    let tables = MemoryStore::default();
    let keeping = async |days: Option<u32>| {
        let events = days.map_or(Retention::Forever, Retention::Days);
        let (counts, _) = backfill_keeping(events, &trail, &tables, i64::MAX).await;
        counts.unwrap()
    };
    // So short that all of them had expired.
    assert!(keeping(Some(1)).await.events_expired > 0);
    let events = || {
        tables
            .items()
            .iter()
            .filter(|(table, _)| *table == Table::Principals)
            .count()
    };
    assert_eq!(events(), 0);
    assert_eq!(keeping(Some(1)).await.ingested.objects, 0);
    assert_eq!(keeping(None).await.ingested.objects, OBJECTS as u64);
    assert!(events() > 0);
    assert_eq!(keeping(Some(4000)).await.ingested.objects, 0);
}
