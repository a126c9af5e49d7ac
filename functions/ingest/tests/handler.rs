//! Every payload of events/ through the handler, over a source and a store in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use redtrail_core::{
    directory::Remembered,
    log_reader::Limits,
    memory::{MemorySource, MemoryStore, MemoryTimer},
    retention::Retentions,
    select::Selector,
};
use redtrail_function::{clock::Clock, metrics::Metrics};
use redtrail_ingest::handler::Handler;
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::sample;
use serde_json::{Value, json};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

type MemoryHandler = Handler<MemorySource, MemoryStore, MemoryTimer>;

fn handler() -> MemoryHandler {
    let source = MemorySource::default();
    for object in sample::objects() {
        source.insert(sample::BUCKET, object.key, object.body());
    }
    Handler {
        source,
        store: MemoryStore::default(),
        timer: MemoryTimer::starting_at(Instant::now()),
        selector: Selector::default(),
        remembered: Remembered::default(),
        limits: Limits::default(),
        retentions: Retentions::default(),
    }
}

fn clock() -> Clock {
    let now: EventTime = "2026-03-02T10:00:00Z".parse().unwrap();
    Clock {
        now,
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

#[tokio::test]
async fn ok_every_trigger_writes_what_it_announces() {
    let mut payloads = 0;
    for entry in fs::read_dir(repository().join("events")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        payloads += 1;
        let handler = handler();
        let payload = fs::read(&path).unwrap();
        let answer = handler
            .handle(&payload, clock(), &mut Metrics::default())
            .await
            .unwrap();
        let objects: Vec<_> = redtrail_notification::read(&payload)
            .messages
            .into_iter()
            .flat_map(|message| message.announced.objects)
            .collect();
        match name.split('-').next() {
            Some("sqs") => assert_eq!(answer, json!({"batchItemFailures": []}), "{name}"),
            Some("s3") if name.contains("batch") => {
                assert!(
                    answer["results"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|result| { result["resultCode"] == "Succeeded" })
                );
            }
            _ => assert_eq!(answer, Value::Null, "{name}"),
        }
        let items = handler.store.items();
        let ledger = items
            .iter()
            .filter(|(table, _)| *table == Table::Ledger)
            .count();
        let mut distinct = objects.clone();
        distinct.sort_by(|a, b| a.address.cmp(&b.address));
        distinct.dedup_by(|a, b| a.address == b.address);
        assert_eq!(ledger, distinct.len(), "{name}: one ledger item an object");
        let events = items
            .iter()
            .filter(|(table, _)| *table == Table::Principals)
            .count();
        assert_eq!(events > 0, !objects.is_empty(), "{name}");
    }
    assert!(payloads > 20, "{payloads} payloads");
}

/// What each failure of an object gives back.
async fn batch(keys: &[&str], handler: &MemoryHandler) -> (Value, Metrics) {
    let records: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| {
            json!({
                "messageId": format!("message-{index}"),
                "eventSource": "aws:sqs",
                "body": json!({"s3Bucket": sample::BUCKET, "s3ObjectKey": [key]}).to_string(),
            })
        })
        .collect();
    let payload = json!({ "Records": records }).to_string();
    let mut metrics = Metrics::default();
    let answer = handler
        .handle(payload.as_bytes(), clock(), &mut metrics)
        .await
        .unwrap();
    (answer, metrics)
}

#[tokio::test]
async fn ok_only_what_failed_comes_back() {
    let handler = handler();
    let samples = sample::objects();
    let good = samples
        .iter()
        .find(|object| object.kind == sample::Kind::Log)
        .unwrap();
    let bad = samples
        .iter()
        .find(|object| object.kind == sample::Kind::Truncated)
        .unwrap();
    let missing = good.key.replace("0905Z", "0906Z");
    let (answer, metrics) = batch(&[bad.key, &missing, good.key], &handler).await;
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "message-1"}]})
    );
    let line: Value = serde_json::from_str(&metrics.line("f", 0).unwrap()).unwrap();
    assert_eq!(line["ObjectsAccepted"], 1);
    assert_eq!(line["ObjectsRejected"], 1);
    assert_eq!(line["ObjectsFailed"], 1);
    assert_eq!(
        line["RecordsRead"].as_u64().unwrap(),
        [
            "RecordsSelected",
            "RecordsNotSelected",
            "RecordsQuarantined"
        ]
        .map(|name| line[name].as_u64().unwrap())
        .into_iter()
        .sum::<u64>()
    );
    let rejected = handler
        .store
        .partition(Table::Ledger, "rejected#2026-03-02");
    assert_eq!(rejected.len(), 1);
}

#[tokio::test]
async fn err_direct_invocations_fail_as_a_whole() {
    let handler = handler();
    for payload in [
        "{}",
        "null",
        "[]",
        r#"{"Records":[]}"#,
        r#"{"s3Bucket":"b"}"#,
    ] {
        let answer = handler
            .handle(payload.as_bytes(), clock(), &mut Metrics::default())
            .await;
        assert!(answer.is_err(), "{payload}");
    }
    let key = sample::objects()[0].key.replace("0905Z", "0906Z");
    let missing = json!({"s3Bucket": sample::BUCKET, "s3ObjectKey": [key]}).to_string();
    assert!(
        handler
            .handle(missing.as_bytes(), clock(), &mut Metrics::default())
            .await
            .is_err()
    );
    assert!(handler.store.items().is_empty());
}

#[tokio::test]
async fn ok_out_of_time_gives_everything_back() {
    let handler = handler();
    let keys: Vec<&str> = sample::objects().iter().map(|object| object.key).collect();
    let payload = json!({"Records": [{
        "messageId": "m",
        "eventSource": "aws:sqs",
        "body": json!({"s3Bucket": sample::BUCKET, "s3ObjectKey": keys}).to_string(),
    }]})
    .to_string();
    let late = Clock {
        deadline: Instant::now(),
        ..clock()
    };
    let answer = handler
        .handle(payload.as_bytes(), late, &mut Metrics::default())
        .await
        .unwrap();
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "m"}]})
    );
}

fn lines(metrics: &Metrics) -> Value {
    serde_json::from_str(&metrics.line("f", 0).unwrap()).unwrap()
}

/// An operation that the rules do not know is kept, and counted so that somebody adds it.
#[tokio::test]
async fn ok_operations_that_the_rules_do_not_know_are_counted() {
    let handler = handler();
    let record = json!({
        "eventSource": "redshift.amazonaws.com", "eventName": "BrandNewOperation",
        "eventID": "e1", "eventTime": "2026-03-02T09:00:00Z", "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root"},
    });
    let document = json!({"Records": [record]}).to_string();
    let key = sample::objects()[0].key.replace("0905Z", "0907Z");
    let object = redtrail_trailgen::gzip(document.as_bytes());
    handler.source.insert(sample::BUCKET, &key, object);
    let (_, metrics) = batch(&[&key], &handler).await;
    assert_eq!(lines(&metrics)["UnknownOperations"], 1);
    assert_eq!(lines(&metrics)["RecordsStored"], 1);
}

/// An object told of again is known as finished, unless a person asks for it all the same.
#[tokio::test]
async fn ok_told_again_is_cheap_and_can_be_forced() {
    let handler = handler();
    let samples = sample::objects();
    let key = samples[0].key;
    let (_, first) = batch(&[key], &handler).await;
    let (again, metrics) = batch(&[key], &handler).await;
    assert_eq!(again, json!({"batchItemFailures": []}));
    let told = lines(&metrics);
    assert_eq!(
        (&told["ObjectsFinishedBefore"], &told["RecordsRead"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(told["BatchesWritten"], 0);

    let object = json!({"bucket": sample::BUCKET, "key": key});
    let payload = json!({"redtrailIngest": {"objects": [object], "force": true}}).to_string();
    let mut metrics = Metrics::default();
    let answer = handler
        .handle(payload.as_bytes(), clock(), &mut metrics)
        .await;
    assert_eq!(answer, Ok(Value::Null));
    assert_eq!(lines(&metrics)["RecordsRead"], lines(&first)["RecordsRead"]);
}
