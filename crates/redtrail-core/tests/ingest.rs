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
    batch::batches,
    directory::Remembered,
    edge::{EdgeError, EdgeErrorKind, ItemStore, LogSource},
    ingest::{IngestError, Report, Settings, ingest},
    item::{Item, Put, Retention},
    ledger::Verdict,
    log_reader::{Limits, Rejected},
    memory::{MemorySource, MemoryStore},
    object::ObjectAddress,
    select::Selector,
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
    let settings = Settings {
        selector: &Selector::default(),
        remembered: &Remembered::default(),
        limits,
        retention,
        now: "2026-03-02T12:00:00Z".parse().unwrap(),
        until: Instant::now() + Duration::from_secs(60),
    };
    block_on(ingest(source, store, &address(), settings))
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
            assert_eq!(error.kind(), EdgeErrorKind::Retryable);
            assert_eq!(store.items().len(), taken);
            assert_eq!(ledger_item(&store), None, "after {taken} of {total} items");
            run(&source, &store, limits, Retention::Forever).unwrap();
            assert!(
                store.items() == clean.items(),
                "after {taken} of {total} items"
            );
        }
    }
}

#[test]
fn ok_delivered_twice() {
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, gzip(document(&mixed_records()).as_bytes()));
    let store = MemoryStore::default();
    let first = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    let items = store.items();
    assert_eq!(
        run(&source, &store, ROOMY, Retention::Forever).unwrap(),
        first
    );
    assert_eq!(store.items(), items);
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
    assert_eq!(found.items(), expected.items());
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
    assert_eq!(report.rejected, Some(Rejected::Truncated));
    assert_eq!(event_items(&store), 0);
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

/// A store that remembers the largest portion it was given.
#[derive(Default)]
struct Portions {
    store: MemoryStore,
    largest: AtomicUsize,
}

impl ItemStore for Portions {
    async fn put_all(&self, puts: Vec<Put>, until: Instant) -> Result<(), EdgeError> {
        self.largest.fetch_max(puts.len(), Ordering::Relaxed);
        // As the real store does, so that its cost is part of the test.
        let batches = batches(puts);
        self.store.put_all(batches.concat(), until).await
    }
}

#[test]
fn ok_events_that_touch_very_much_are_written_in_bounded_portions() {
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
    let store = Portions::default();
    let report = run(&source, &store, ROOMY, Retention::Forever).unwrap();
    assert_eq!(report.tally.stored, 200);
    assert_eq!(rows(&store.store, Table::Resources).len(), 200 * 100);
    let largest = store.largest.into_inner();
    assert!(largest < 3000, "{largest} items at once");
}
