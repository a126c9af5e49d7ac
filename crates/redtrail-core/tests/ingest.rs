//! One object from its address to durable items, when all goes well and when the edges
//! fail at any point: the tables come out the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support {
    pub(crate) mod block_on;
    pub(crate) mod edges;
    pub(crate) mod objects;
}

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use redtrail_core::{
    directory::Remembered,
    edge::{EdgeError, EdgeErrorKind, ItemStore, LogSource, Unless},
    ingest::{IngestError, Report, Schedule, Settings, ingest},
    item::{Item, Put},
    ledger::{VOLATILE, Verdict},
    log_reader::{Limits, Rejected},
    memory::{MemorySource, MemoryStore, MemoryTimer},
    object::ObjectAddress,
    retention::{Retention, Retentions},
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::gzip;
use serde_json::{Value, json};
use support::{
    block_on::block_on,
    edges::{Failing, Opening, Scripted},
    objects::{document, event, mixed_records},
};

const BUCKET: &str = "trail";
const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_aaaaaaaaaaaaaaaa.json.gz";
const ROOMY: Limits = Limits {
    max_plain_bytes: 1 << 30,
    max_record_bytes: 1 << 20,
    max_held_bytes: 1 << 30,
};
/// Not even one record fits.
const TIGHT: Limits = Limits {
    max_held_bytes: 100,
    ..ROOMY
};

fn address() -> ObjectAddress {
    ObjectAddress {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        version_id: None,
    }
}

fn run<L: LogSource, S: ItemStore>(
    source: &L,
    store: &S,
    limits: Limits,
    retention: Retention,
) -> Result<Report, IngestError> {
    let remembered = Remembered::default();
    run_again(source, store, limits, retention, &remembered, false)
}

fn run_again<L: LogSource, S: ItemStore>(
    source: &L,
    store: &S,
    limits: Limits,
    retention: Retention,
    remembered: &Remembered,
    force: bool,
) -> Result<Report, IngestError> {
    let started = Instant::now();
    let settings = Settings {
        selector: &Selector::default(),
        remembered,
        limits,
        retentions: Retentions {
            events: retention,
            ..Retentions::default()
        },
        schedule: Schedule {
            now: "2026-03-02T12:00:00Z".parse().unwrap(),
            started,
            until: started + Duration::from_secs(5),
            save_until: started + Duration::from_secs(6),
        },
        force,
    };
    let writer = Writer {
        store,
        timer: &MemoryTimer::starting_at(started),
        effort: &Effort::default(),
    };
    block_on(ingest(source, writer, &address(), settings))
}

/// Ingests one object into tables of its own.
fn ingested(records: &[String], limits: Limits, retention: Retention) -> (Report, MemoryStore) {
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(records).as_bytes()));
    let store = MemoryStore::default();
    let report = run(&source, &store, limits, retention).unwrap();
    (report, store)
}

/// The items of a table as JSON, under its partition and sort keys.
fn rows(store: &MemoryStore, table: Table) -> BTreeMap<(String, String), Value> {
    let schema = table.schema();
    let of_table = store.items().into_iter().filter(|(of, _)| *of == table);
    of_table
        .map(|(_, item): (Table, Item)| {
            let row: Value = serde_dynamo::from_item(item).unwrap();
            let key = |name: &str| row[name].as_str().unwrap().to_owned();
            ((key(schema.partition_key), key(schema.sort_key)), row)
        })
        .collect()
}

/// How many items are not the ledger's.
fn event_items(store: &MemoryStore) -> usize {
    store
        .items()
        .iter()
        .filter(|(table, _)| *table != Table::Ledger)
        .count()
}

/// Every item, without what tells of one run.
fn lasting(store: &MemoryStore) -> Vec<(Table, Item)> {
    let mut items = store.items();
    for (_, item) in &mut items {
        for attribute in VOLATILE {
            item.inner_mut().remove(attribute);
        }
    }
    items
}

/// The ledger item of the object.
fn ledger_item(store: &MemoryStore) -> Option<Value> {
    let folder = format!("{BUCKET}/{}/", KEY.rsplit_once('/').unwrap().0);
    let [item] = &store.partition(Table::Ledger, &folder)[..] else {
        return None;
    };
    Some(serde_dynamo::from_item(item.clone()).unwrap())
}

#[test]
fn ok_tables_and_report_agree() {
    let records = mixed_records();
    let (report, store) = ingested(&records, ROOMY, Retention::Forever);
    let tally = report.tally;
    assert!(tally.adds_up(), "{tally:?}");
    assert_eq!(tally.read, records.len() as u64);
    assert_eq!(
        (tally.duplicate, tally.quarantined, tally.expired),
        (1, 2, 0)
    );
    assert!(tally.stored > 10 && tally.not_selected > 10, "{tally:?}");
    assert_eq!(report.verdict, Verdict::Partial);
    assert!(!report.read_twice);
    assert_eq!(rows(&store, Table::Principals).len() as u64, tally.stored);
    assert_eq!(
        event_items(&store) as u64,
        report.items,
        "no item replaced another"
    );

    let ledger = ledger_item(&store).unwrap();
    assert_eq!(ledger["verdict"], "partial");
    for (attribute, count) in [
        ("records_read", tally.read),
        ("records_selected", tally.selected),
        ("records_not_selected", tally.not_selected),
        ("records_quarantined", tally.quarantined),
        ("records_duplicate", tally.duplicate),
    ] {
        assert_eq!(ledger[attribute], count, "{attribute}");
    }
}

/// Whatever was written when it failed, the ledger item was not, and doing it all again
/// gives the tables of one clean run.
#[test]
fn ok_done_again_after_any_failure() {
    let records = mixed_records();
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&records).as_bytes()));
    for limits in [ROOMY, TIGHT] {
        let (_, clean) = ingested(&records, limits, Retention::Forever);
        let total = clean.items().len();
        for (taken, backwards) in (0..total).flat_map(|taken| [(taken, false), (taken, true)]) {
            let store = MemoryStore::default();
            let failing = Failing {
                store: &store,
                left: AtomicUsize::new(taken),
                backwards,
            };
            let error = run(&source, &failing, limits, Retention::Forever).unwrap_err();
            assert_eq!(error.kind(), EdgeErrorKind::OutOfTime);
            assert_eq!(store.items().len(), taken);
            assert_eq!(ledger_item(&store), None, "after {taken} of {total} items");
            run(&source, &store, limits, Retention::Forever).unwrap();
            assert!(
                lasting(&store) == lasting(&clean),
                "after {taken} of {total} items"
            );
        }
    }
}

/// A store whose event tables and directory take so many items and then no more.
struct Stuck<'a> {
    store: &'a MemoryStore,
    left: AtomicUsize,
}

impl ItemStore for Stuck<'_> {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        let mut left_over = Vec::new();
        for (position, put) in batch.iter().enumerate() {
            let left = self.left.load(Ordering::Relaxed);
            if put.table == Table::Ledger || left > 0 {
                self.left.store(left.saturating_sub(1), Ordering::Relaxed);
                self.store.write(std::slice::from_ref(put)).await?;
            } else {
                left_over.push(position);
            }
        }
        Ok(left_over)
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        self.store.put_unless(put, unless).await
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        self.store.get(table, keys).await
    }
}

/// An object that is never finished in one run is finished all the same, and what was durable
/// is not written again: by a container that remembers what it wrote.
#[test]
fn ok_goes_on_where_it_stopped() {
    let records: Vec<String> = (0..400)
        .map(|n| event(&format!("e{n}"), "2026-03-02T09:00:00Z"))
        .collect();
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&records).as_bytes()));
    for limits in [ROOMY, TIGHT] {
        let (_, clean) = ingested(&records, limits, Retention::Forever);
        let store = MemoryStore::default();
        let remembered = Remembered::default();
        let mut durable = 0;
        let mut runs = 0;
        let report = loop {
            runs += 1;
            let stuck = Stuck {
                store: &store,
                left: AtomicUsize::new(250),
            };
            let tried = run_again(
                &source,
                &stuck,
                limits,
                Retention::Forever,
                &remembered,
                false,
            );
            match tried {
                Ok(report) => break report,
                Err(error) => {
                    let IngestError::PutOff { events_durable, .. } = error else {
                        panic!("{error:?}")
                    };
                    assert!(events_durable > durable, "{events_durable} after {durable}");
                    durable = events_durable;
                    let entry = ledger_item(&store).unwrap();
                    assert_eq!(entry["verdict"], "waiting");
                    assert_eq!(entry["events_durable"], durable);
                }
            }
        };
        assert!((3..8).contains(&runs), "{runs} runs");
        assert_eq!(report.resumed_after, durable);
        assert_eq!((report.tally.read, report.tally.stored), (400, 400));
        assert!(report.items < 400, "{} items in the last run", report.items);
        assert_eq!(lasting(&store), lasting(&clean));
    }
}

/// Twenty records of 100 KiB are less than what else may wait.
#[test]
fn ok_large_records_do_not_wait_for_many() {
    let filling = format!(r#"{{"x":"{}","#, "x".repeat(100 << 10));
    let records: Vec<String> = (0..20)
        .map(|n| event(&format!("e{n}"), "2026-03-02T09:00:00Z").replacen('{', &filling, 1))
        .collect();
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&records).as_bytes()));
    let store = MemoryStore::default();
    let stuck = Stuck {
        store: &store,
        left: AtomicUsize::new(30),
    };
    let error = run(&source, &stuck, ROOMY, Retention::Forever).unwrap_err();
    let IngestError::PutOff { events_durable, .. } = error else {
        panic!("{error:?}")
    };
    assert!((3..20).contains(&events_durable), "{events_durable}");
}

/// A store that has forgotten, in what it tells, what it holds.
struct Forgetful<'a>(Stuck<'a>);

impl ItemStore for Forgetful<'_> {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        self.0.write(batch).await
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        self.0.put_unless(put, unless).await
    }

    async fn get(&self, _: Table, _: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        Ok(None)
    }
}

/// A message may be delivered to two invocations at once: the one that finishes the object
/// deletes it, and the other, which runs out of time after that, must not take that back.
#[test]
fn ok_put_off_after_another_finished_it() {
    let records: Vec<String> = (0..400)
        .map(|n| event(&format!("e{n}"), "2026-03-02T09:00:00Z"))
        .collect();
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&records).as_bytes()));
    let store = MemoryStore::default();
    run(&source, &store, ROOMY, Retention::Forever).unwrap();
    let finished = store.items();
    let late = Forgetful(Stuck {
        store: &store,
        left: AtomicUsize::new(250),
    });
    let error = run(&source, &late, ROOMY, Retention::Forever).unwrap_err();
    assert_eq!(error.kind(), EdgeErrorKind::OutOfTime);
    assert!(store.items() == finished);
}

/// The ledger knows these very bytes, not their name.
#[test]
fn ok_another_object_of_that_name_is_read_from_its_beginning() {
    let source = MemorySource::default();
    let store = MemoryStore::default();
    for id in ["a", "b"] {
        let records = [event(id, "2026-03-02T09:00:00Z")];
        source.insert(BUCKET, KEY, gzip(document(&records).as_bytes()));
        let report = run(&source, &store, ROOMY, Retention::Forever).unwrap();
        assert!(!report.was_finished && report.resumed_after == 0);
        assert_eq!(report.tally.stored, 1);
    }
    assert_eq!(rows(&store, Table::Principals).len(), 2);
}

#[test]
fn ok_of_two_records_with_one_id_the_first_counts_and_the_conflict_is_told() {
    let first = event("a", "2026-03-02T09:00:00Z");
    let other = first.replace("sales", "finance");
    let records = [first.clone(), other, first];
    for limits in [ROOMY, TIGHT] {
        let (report, store) = ingested(&records, limits, Retention::Forever);
        assert_eq!((report.tally.duplicate, report.tally.conflicting), (2, 1));
        let resources = rows(&store, Table::Resources);
        let keys: Vec<&str> = resources.keys().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            ["arn:aws:redshift:us-east-1:111122223333:cluster:sales"]
        );
        assert_eq!(ledger_item(&store).unwrap()["records_conflicting"], 1);
    }
}

#[test]
fn ok_delivered_twice() {
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&mixed_records()).as_bytes()));
    let store = MemoryStore::default();
    let first = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    let items = lasting(&store);
    let again = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    assert!(again.was_finished && again.items == 0);
    assert_eq!((again.verdict, again.tally.read), (first.verdict, 0));
    let remembered = Remembered::default();
    let forced = run_again(
        &source,
        &store,
        ROOMY,
        Retention::Forever,
        &remembered,
        true,
    );
    let forced = forced.unwrap();
    assert_eq!(forced, first);
    assert_eq!(lasting(&store), items);
}

#[test]
fn ok_outgrowing_the_bound_changes_no_item() {
    let (held, expected) = ingested(&mixed_records(), ROOMY, Retention::Forever);
    let (again, found) = ingested(&mixed_records(), TIGHT, Retention::Forever);
    assert!(again.read_twice);
    assert_eq!(
        Report {
            read_twice: false,
            ..again
        },
        held
    );
    assert_eq!(lasting(&found), lasting(&expected));
}

/// The second reading asks for the very bytes that were proven.
#[test]
fn ok_the_second_reading_names_what_the_first_found() {
    let stored = gzip(document(&mixed_records()).as_bytes());
    let source = Scripted::new([Opening::whole(&stored), Opening::whole(&stored)]);
    run(&source, &MemoryStore::default(), TIGHT, Retention::Forever).unwrap();
    let [None, Some(exactly)] = &source.asked()[..] else {
        panic!("{:?}", source.asked())
    };
    assert_eq!(exactly.version_id.as_deref(), Some("v1"));
    assert_eq!(exactly.etag, Some(format!("\"{}\"", stored.len())));
}

#[test]
fn err_replaced_between_the_readings() {
    let first = gzip(document(&mixed_records()).as_bytes());
    let mut records = mixed_records();
    records.swap(0, 1);
    let broken = [&first[..first.len() - 8], &[0; 8]].concat();
    for second in [
        gzip(document(&records).as_bytes()),
        gzip(b"{\"Records\":[]}"),
        broken,
    ] {
        let source = Scripted::new([Opening::whole(&first), Opening::whole(&second)]);
        let store = MemoryStore::default();
        let error = run(&source, &store, TIGHT, Retention::Forever).unwrap_err();
        let not_whole = matches!(error, IngestError::CutShort { .. });
        assert!(
            not_whole || error.kind() == EdgeErrorKind::Changed,
            "{error:?}"
        );
        assert_eq!(ledger_item(&store), None);
    }
}

/// A body that ends early says nothing of the object.
#[test]
fn err_cut_short_is_no_bad_object() {
    let stored = gzip(document(&mixed_records()).as_bytes());
    let whole = || Opening::whole(&stored);
    for length in [0, 1, 900, 1000, stored.len() - 1] {
        for cut in [
            Opening::short(&stored, length),
            Opening::broken(&stored, length),
        ] {
            for (openings, limits) in [(vec![cut.clone()], ROOMY), (vec![whole(), cut], TIGHT)] {
                let store = MemoryStore::default();
                let source = Scripted::new(openings);
                let error = run(&source, &store, limits, Retention::Forever).unwrap_err();
                assert_eq!(error.kind(), EdgeErrorKind::Retryable, "{error:?}");
                assert!(rows(&store, Table::Ledger).is_empty());
            }
        }
    }
    // Broken in its first piece, and cut short behind it: still not proven bad.
    let mut bad = stored.clone();
    bad[20] ^= 0xff;
    let source = Scripted::new([Opening::short(&bad, bad.len() - 1)]);
    let error = run(&source, &MemoryStore::default(), ROOMY, Retention::Forever).unwrap_err();
    assert!(matches!(error, IngestError::CutShort { .. }), "{error:?}");
}

#[test]
fn ok_rejected_after_a_second_fetch() {
    let bad = gzip(br#"{"Records":[{"eventSource":"redshift.amazonaws.com"}]"#);
    let source = Scripted::new([Opening::whole(&bad), Opening::whole(&bad)]);
    let store = MemoryStore::default();
    let report = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    assert_eq!(source.asked(), [None, None]);
    assert_eq!(report.verdict, Verdict::Rejected);
    assert_eq!(report.reason, Some(Rejected::Truncated.to_string()));
    assert!(rows(&store, Table::Principals).is_empty());
    let ledger = ledger_item(&store).unwrap();
    assert_eq!(
        (&ledger["verdict"], &ledger["reason"]),
        (&json!("rejected"), &json!("truncated"))
    );
    let listed = store.partition(Table::Ledger, "rejected#2026-03-02");
    let [listed] = <[Item; 1]>::try_from(listed).unwrap();
    let listed: Value = serde_dynamo::from_item(listed).unwrap();
    assert_eq!(
        (&listed["object_bucket"], &listed["full_object_key"]),
        (&json!(BUCKET), &json!(KEY))
    );
    assert_eq!(
        (&listed["object_version"], &listed["reason"]),
        (&json!("v1"), &json!("truncated"))
    );
}

#[test]
fn ok_bad_once_and_good_when_fetched_again() {
    let good = gzip(document(&mixed_records()).as_bytes());
    let mut bad = good.clone();
    bad[100] ^= 1;
    let store = MemoryStore::default();
    let source = Scripted::new([Opening::whole(&bad), Opening::whole(&good)]);
    let report = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    assert_eq!(report.verdict, Verdict::Partial);
    assert!(
        store
            .partition(Table::Ledger, "rejected#2026-03-02")
            .is_empty()
    );
}

#[test]
fn ok_events_of_unknown_operations_are_stored_and_counted() {
    let known = event("known", "2026-03-02T11:00:00Z");
    let mut unknown: Value = serde_json::from_str(&event("new", "2026-03-02T11:00:01Z")).unwrap();
    unknown["eventName"] = "OperationOfTomorrow".into();
    let records = [known, unknown.to_string()];
    for limits in [ROOMY, TIGHT] {
        let (report, store) = ingested(&records, limits, Retention::Forever);
        assert_eq!((report.tally.stored, report.unknown_operations), (2, 1));
        let principals = rows(&store, Table::Principals);
        let flagged = principals
            .values()
            .filter(|row| row["flags"] == json!(["unknown_operation"]));
        assert_eq!(flagged.count(), 1);
    }
}

#[test]
fn ok_expired_events_are_counted_and_not_written() {
    let records = [
        event("old", "2026-03-01T11:59:59Z"),
        event("new", "2026-03-01T12:00:01Z"),
        event("old", "2026-03-01T11:59:59Z"),
    ];
    for limits in [ROOMY, TIGHT] {
        let (report, store) = ingested(&records, limits, Retention::Days(1));
        let tally = report.tally;
        assert_eq!((tally.selected, tally.stored), (3, 1));
        assert_eq!((tally.expired, tally.duplicate), (1, 1));
        assert!(tally.adds_up());
        let principals = rows(&store, Table::Principals);
        let kept: Vec<&Value> = principals.values().collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0]["event_key"], "2026-03-01T12:00:01.000Z#new");
        let time: EventTime = "2026-03-02T12:00:01Z".parse().unwrap();
        assert_eq!(kept[0]["expires_at"], time.epoch_seconds());
        assert_eq!(rows(&store, Table::Resources).len(), 1);
    }
}

#[test]
fn ok_quarantined_elements_are_listed_without_their_content() {
    let secret = r#"{"eventSource":"redshift.amazonaws.com","masterUserPassword":"hunter2","#;
    let broken = format!("{secret}}}");
    let records = [event("a", "2026-03-02T09:00:00Z"), broken.clone()];
    let (report, store) = ingested(&records, ROOMY, Retention::Forever);
    assert_eq!(report.verdict, Verdict::Partial);
    assert_eq!((report.tally.stored, report.tally.quarantined), (1, 1));
    let listed = store.partition(Table::Ledger, "quarantine#2026-03-02");
    let [listed] = <[Item; 1]>::try_from(listed).unwrap();
    let listed: Value = serde_dynamo::from_item(listed).unwrap();
    let place = document(&records).find(&broken).unwrap();
    assert_eq!(listed["reason"], "malformed");
    assert_eq!(
        (&listed["record_index"], &listed["byte_offset"]),
        (&json!(1), &json!(place))
    );
    assert_eq!(listed["record_bytes"], broken.len());
    assert!(!format!("{:?}", store.items()).contains("hunter2"));
}

#[test]
fn ok_at_most_a_hundred_quarantine_rows() {
    // Some are found while reading, some while normalizing.
    let bad = ["7", r#"{"eventSource":"redshift.amazonaws.com"}"#].map(str::to_owned);
    let records: Vec<String> = bad.into_iter().cycle().take(250).collect();
    for limits in [ROOMY, TIGHT] {
        let (report, store) = ingested(&records, limits, Retention::Forever);
        assert_eq!((report.tally.read, report.tally.quarantined), (250, 250));
        let listed: Vec<u64> = store
            .partition(Table::Ledger, "quarantine#2026-03-02")
            .into_iter()
            .map(|item| serde_dynamo::from_item::<_, Value>(item).unwrap())
            .map(|row| row["record_index"].as_u64().unwrap())
            .collect();
        assert_eq!(listed, (0..100).collect::<Vec<_>>());
        assert_eq!(ledger_item(&store).unwrap()["records_quarantined"], 250);
    }
}

/// A store that counts what it is given.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    batches: AtomicUsize,
    items: AtomicUsize,
}

impl ItemStore for Counting {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(batch.len(), Ordering::Relaxed);
        self.store.write(batch).await
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        self.store.put_unless(put, unless).await
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        self.store.get(table, keys).await
    }
}

#[test]
fn ok_batches_are_full_when_much_waits() {
    let record = |number: usize| {
        let identifiers: Vec<Value> = (0..100)
            .map(|snapshot| {
                json!({
                    "snapshotIdentifier": format!("s-{number}-{snapshot}"),
                    "snapshotClusterIdentifier": "sales",
                })
            })
            .collect();
        json!({
            "eventID": format!("e{number}"),
            "eventTime": "2026-03-02T09:00:00Z",
            "eventSource": "redshift.amazonaws.com",
            "eventName": "BatchDeleteClusterSnapshots",
            "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333",
            "requestParameters": {"identifiers": identifiers},
        })
        .to_string()
    };
    let records: Vec<String> = (0..200).map(record).collect();
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&records).as_bytes()));
    let store = Counting::default();
    let report = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    assert_eq!(report.tally.stored, 200);
    assert_eq!(rows(&store.store, Table::Resources).len(), 200 * 100);
    let (items, batches) = (store.items.into_inner(), store.batches.into_inner());
    assert!(
        items as f64 / batches as f64 >= 24.5,
        "{items} items in {batches} batches"
    );
}
