//! Bad and odd objects through the whole function: each is answered for, in the ledger with its
//! verdict, and counted; what is good in it is in the tables.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    env, fs,
    process::Command,
    time::{Duration, Instant},
};

use redtrail_core::{
    directory::Remembered,
    edge::{EdgeError, ItemStore, Unless},
    item::{Item, Put},
    log_reader::Limits,
    memory::{MemorySource, MemoryStore, MemoryTimer},
    retention::Retentions,
    select::Selector,
};
use redtrail_function::{clock::Clock, metrics::Metrics};
use redtrail_ingest::handler::Handler;
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::catalogue::{Case, Expected, SECRET, bombs, cases};
use serde_json::{Value, json};

const BUCKET: &str = "trail";

const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";

fn handler<S: ItemStore>(source: MemorySource, store: S) -> Handler<MemorySource, S, MemoryTimer> {
    Handler {
        source,
        store,
        timer: MemoryTimer::starting_at(Instant::now()),
        selector: Selector::default(),
        remembered: Remembered::default(),
        limits: Limits::default(),
        retentions: Retentions::default(),
    }
}

/// Sends the object, and gives the answer and what was counted.
async fn told<S: ItemStore>(bytes: Vec<u8>, store: S) -> (Value, Value, S) {
    let source = MemorySource::default();
    source.insert(BUCKET, KEY, bytes);
    let handler = handler(source, store);
    let body = json!({"s3Bucket": BUCKET, "s3ObjectKey": [KEY]}).to_string();
    let payload = json!({"Records": [
        {"messageId": "m", "eventSource": "aws:sqs", "body": body},
    ]});
    let now: EventTime = "2026-03-02T10:00:00Z".parse().unwrap();
    let clock = Clock {
        now,
        deadline: Instant::now() + Duration::from_secs(600),
    };
    let mut metrics = Metrics::default();
    let answer = handler
        .handle(payload.to_string().as_bytes(), clock, &mut metrics)
        .await
        .unwrap();
    let line = serde_json::from_str(&metrics.line("f", 0).unwrap()).unwrap();
    (answer, line, handler.store)
}

/// The counts of the catalogue as the function must have counted.
fn check_counts(case: &Case, line: &Value) {
    let count = |name: &str| line[name].as_u64().unwrap_or_default();
    let name = &case.name;
    match &case.expected {
        Expected::Rejected(_) | Expected::RejectedSomehow => {
            assert_eq!(count("ObjectsRejected"), 1, "{name}: {line}");
            assert_eq!(count("RecordsRead"), 0, "{name}: {line}");
        }
        Expected::Read(counts) => {
            let of_records = [
                ("RecordsRead", counts.read()),
                ("RecordsSelected", counts.selected()),
                ("RecordsNotSelected", counts.not_selected),
                ("RecordsQuarantined", counts.quarantined()),
                ("RecordsDuplicate", counts.duplicate),
            ];
            for (metric, expected) in of_records {
                assert_eq!(count(metric), expected, "{name}: {metric} in {line}");
            }
            let stored = count("RecordsStored") + count("RecordsExpired");
            assert_eq!(
                stored + counts.duplicate,
                counts.selected(),
                "{name}: {line}"
            );
        }
    }
}

#[tokio::test]
async fn ok_every_case_is_answered_for() {
    for case in cases() {
        let (answer, line, store) = told(case.bytes(), MemoryStore::default()).await;
        // A bad object is told and put on file; to send it again would not mend it.
        assert_eq!(answer, json!({"batchItemFailures": []}), "{}", case.name);
        check_counts(&case, &line);
        let items = store.items();
        let rows = |table| items.iter().filter(move |(of, _)| *of == table);
        let entries = rows(Table::Ledger)
            .map(|(_, item)| serde_dynamo::from_item::<_, Value>(item.clone()).unwrap());
        let entries: Vec<Value> = entries.collect();
        let entry = entries
            .iter()
            .find(|row| row["verdict"].is_string())
            .unwrap();
        let listed: Vec<&Value> = entries
            .iter()
            .filter(|row| row["verdict"].is_null())
            .collect();
        match &case.expected {
            Expected::Rejected(reason) => {
                assert_eq!(entry["reason"], *reason, "{}", case.name);
                assert_eq!(listed.len(), 1, "{}", case.name);
            }
            Expected::RejectedSomehow => assert_eq!(listed.len(), 1, "{}", case.name),
            Expected::Read(counts) => {
                assert_eq!(entry["records_read"], counts.read(), "{}", case.name);
                assert_eq!(
                    listed.len() as u64,
                    counts.quarantined().min(100),
                    "{}",
                    case.name
                );
                let reasons: BTreeSet<&str> = listed
                    .iter()
                    .map(|row| row["reason"].as_str().unwrap())
                    .collect();
                let expected: BTreeSet<&str> = counts
                    .quarantined
                    .iter()
                    .map(|(reason, _)| *reason)
                    .collect();
                assert_eq!(reasons, expected, "{}", case.name);
            }
        }
        let events = rows(Table::Principals).count() as u64;
        let stored = line["RecordsStored"].as_u64().unwrap_or_default();
        assert_eq!(events, stored, "{}", case.name);
        let has_secret = format!("{items:?}").contains(SECRET);
        assert!(!has_secret, "{}", case.name);
    }
}

/// Takes everything and keeps nothing, so that only the function's own memory counts.
struct Forgetful;

impl ItemStore for Forgetful {
    async fn write(&self, _: &[Put]) -> Result<Vec<usize>, EdgeError> {
        Ok(vec![])
    }

    async fn put_unless(&self, _: &Put, _: Unless) -> Result<bool, EdgeError> {
        Ok(true)
    }

    async fn get(&self, _: Table, _: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        Ok(None)
    }
}

const ONE_BOMB: &str = "REDTRAIL_BOMB";

/// Runs one bomb, which lies in a file, where this test is a child of the next.
#[tokio::test]
async fn ok_one_bomb() {
    let Some(path) = env::var_os(ONE_BOMB) else {
        return;
    };
    let bytes = fs::read(&path).unwrap();
    let (answer, line, Forgetful) = told(bytes, Forgetful).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    println!("\n{line}");
}

/// The operating system grants 64 MiB for all data of the process: whoever asks for more is
/// ended.
#[test]
fn ok_no_bomb_takes_64_mib() {
    let folder = tempfile::tempdir().unwrap();
    for case in bombs() {
        let path = folder.path().join(&case.name);
        fs::write(&path, case.bytes()).unwrap();
        let output = Command::new("sh")
            .args([
                "-c",
                "ulimit -d 65536 && exec \"$0\" --exact --nocapture ok_one_bomb",
            ])
            .arg(env::current_exe().unwrap())
            .env(ONE_BOMB, &path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", case.name);
        let told = String::from_utf8_lossy(&output.stdout);
        let line = told.lines().find(|line| line.starts_with('{')).unwrap();
        check_counts(&case, &serde_json::from_str(line).unwrap());
    }
}
