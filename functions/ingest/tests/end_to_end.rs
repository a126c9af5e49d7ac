//! The real binary behind a Lambda Runtime API, with a real S3 and a real DynamoDB on
//! loopback: what a user relies on, seen from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use redtrail_core::ledger::VOLATILE;
use redtrail_local::{Bootstrap, InvocationOutcome, LocalAws, LocalAwsOptions};
use redtrail_model::{TABLES, Table};
use redtrail_trailgen::{Trail, TrailOptions, Truth, gzip, sample};
use serde_json::{Value, json};
use tempfile::TempDir;

const TEMPLATE: &str = include_str!("../../../template.yaml");
const BUCKET: &str = "trail-of-tests";
const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    aws: LocalAws,
    function: Bootstrap,
}

impl World {
    async fn start() -> Self {
        let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        let function = start_function(&aws).await;
        Self { aws, function }
    }

    /// Puts objects, each at its key.
    async fn put<'a>(&self, objects: impl IntoIterator<Item = (&'a str, Vec<u8>)>) {
        let folder = TempDir::new().unwrap();
        for (key, body) in objects {
            let path = folder.path().join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, body).unwrap();
        }
        self.aws.put_folder(BUCKET, folder.path()).await.unwrap();
    }

    /// Announces one object a message, and gives back the places of those that failed.
    async fn announce(&self, keys: &[&str]) -> Vec<usize> {
        let outcome = self.function.invoke(sqs_event(keys), PATIENCE).await;
        let InvocationOutcome::Response(body) = outcome else {
            panic!("{outcome:?}: {:?}", self.function.take_stdout());
        };
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap();
        failures
            .iter()
            .map(|failure| failure["itemIdentifier"].as_str().unwrap().parse().unwrap())
            .collect()
    }

    /// Every item of every table, by table and keys, without what tells of one run.
    async fn dump(&self) -> BTreeMap<(Table, String, String), Value> {
        let mut all = BTreeMap::new();
        for schema in &TABLES {
            let scan = self
                .aws
                .dynamodb_client()
                .scan()
                .table_name(self.aws.table_name(schema.table));
            let mut pages = scan.into_paginator().send();
            while let Some(page) = pages.next().await {
                for item in page.unwrap().items.unwrap_or_default() {
                    let mut item: Value = serde_dynamo::from_item(item).unwrap();
                    for attribute in VOLATILE {
                        item.as_object_mut().unwrap().remove(attribute);
                    }
                    let key = |name: &str| item[name].as_str().unwrap().to_owned();
                    let place = (
                        schema.table,
                        key(schema.partition_key),
                        key(schema.sort_key),
                    );
                    assert!(all.insert(place, item).is_none());
                }
            }
        }
        all
    }

    async fn stop(self) {
        self.function.stop().await;
        self.aws.stop().await.unwrap();
    }
}

async fn start_function(aws: &LocalAws) -> Bootstrap {
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    aws.start_function(bootstrap, &[("RETENTION_DAYS", "0")])
        .await
        .unwrap()
}

fn sqs_event(keys: &[&str]) -> Vec<u8> {
    let records: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| {
            json!({
                "messageId": index.to_string(),
                "eventSource": "aws:sqs",
                "body": json!({"s3Bucket": BUCKET, "s3ObjectKey": [key]}).to_string(),
            })
        })
        .collect();
    json!({ "Records": records }).to_string().into_bytes()
}

/// What the tables say of the events, against what is known of them.
fn assert_truth(dump: &BTreeMap<(Table, String, String), Value>, truth: &[Truth]) {
    let ids = |table: Table| -> BTreeSet<(String, String)> {
        let rows = dump.iter().filter(|((of, ..), _)| *of == table);
        rows.map(|((_, key, event_key), _)| {
            let (_, event_id) = event_key.split_once('#').unwrap();
            (event_id.to_owned(), key.clone())
        })
        .collect()
    };
    let principals: BTreeSet<_> = truth
        .iter()
        .map(|event| (event.event_id.clone(), event.principal.clone()))
        .collect();
    assert_eq!(ids(Table::Principals), principals);
    let resources = ids(Table::Resources);
    for event in truth {
        for resource in &event.resources {
            let row = (event.event_id.clone(), resource.clone());
            assert!(
                resources.contains(&row),
                "{} has no row under {resource}",
                event.event_name
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_the_sample_comes_back_from_both_tables_and_from_boto3() {
    let world = World::start().await;
    let samples = sample::objects();
    world
        .put(samples.iter().map(|object| (object.key, object.body())))
        .await;
    let keys: Vec<&str> = samples.iter().map(|object| object.key).collect();
    assert_eq!(world.announce(&keys).await, Vec::<usize>::new());
    let once = world.dump().await;
    assert_truth(&once, &sample::truth());

    let rejected: Vec<_> = once
        .iter()
        .filter(|((table, partition, _), _)| {
            *table == Table::Ledger && partition.starts_with("rejected#")
        })
        .collect();
    assert_eq!(rejected.len(), 1, "the truncated object alone");

    // The same again, and in another order: the same tables.
    let backwards: Vec<&str> = keys.iter().rev().copied().collect();
    assert_eq!(world.announce(&backwards).await, Vec::<usize>::new());
    assert_eq!(world.dump().await, once);

    read_with_boto3(&world.aws);
    world.stop().await;
}

/// A reader in another language, which knows docs/tables.md and nothing else.
fn read_with_boto3(aws: &LocalAws) {
    let known = |event: &Truth| {
        json!({
            "event_id": event.event_id,
            "event_name": event.event_name,
            "principal": event.principal,
            "resources": event.resources,
        })
    };
    let truth: Vec<Value> = sample::truth().iter().map(known).collect();
    let read = Command::new(python())
        .arg(repository().join("tests/python/read_tables.py"))
        .arg(Value::from(truth).to_string())
        .envs(aws.environment().iter())
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    assert!(String::from_utf8_lossy(&read.stdout).contains("all read with boto3"));
}

/// A Python with boto3, made once below the build's own folder.
fn python() -> PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = environment.join("bin/python");
    let requirements = repository().join("tests/python/requirements.txt");
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    if !python.exists() {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment));
    }
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(requirements));
    python
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_only_what_failed_comes_back_and_a_bad_object_harms_nobody() {
    let world = World::start().await;
    let mut trail = Trail::with_options(TrailOptions {
        seed: 7,
        redshift_share: 0.3,
        ..TrailOptions::default()
    });
    let (first, second) = (trail.object(40), trail.object(40));
    let corrupt = first.key.replace(".json.gz", "x.json.gz");
    let mut flipped = gzip(&first.plain);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    let missing = second.key.replace(".json.gz", "y.json.gz");
    world
        .put([
            (first.key.as_str(), gzip(&first.plain)),
            (corrupt.as_str(), flipped),
            (second.key.as_str(), gzip(&second.plain)),
        ])
        .await;
    let keys = [corrupt.as_str(), &first.key, &missing, &second.key];
    assert_eq!(
        world.announce(&keys).await,
        [2],
        "the missing object alone comes back"
    );
    let truth: Vec<Truth> = first.truth.iter().chain(&second.truth).cloned().collect();
    assert_truth(&world.dump().await, &truth);

    let unknown = world
        .function
        .invoke(r#"{"hello":"world"}"#, PATIENCE)
        .await;
    assert!(
        matches!(unknown, InvocationOutcome::Error { .. }),
        "{unknown:?}"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_killed_in_the_middle_of_an_object_and_told_again() {
    let clean = World::start().await;
    let mut trail = Trail::with_options(TrailOptions {
        seed: 11,
        redshift_share: 1.0,
        ..TrailOptions::default()
    });
    let object = trail.object(4000);
    clean
        .put([(object.key.as_str(), gzip(&object.plain))])
        .await;
    assert_eq!(clean.announce(&[&object.key]).await, Vec::<usize>::new());
    let expected = clean.dump().await;
    clean.stop().await;

    let mut world = World::start().await;
    world
        .put([(object.key.as_str(), gzip(&object.plain))])
        .await;
    let event = sqs_event(&[&object.key]);
    let written = async {
        loop {
            let dump = world.dump().await;
            if !dump.is_empty() {
                break dump.len();
            }
        }
    };
    let items = tokio::select! {
        items = written => items,
        outcome = world.function.invoke(event, PATIENCE) => panic!("not killed in time: {outcome:?}"),
    };
    world.function.kill().await;
    let half = world.dump().await;
    assert!(
        items > 0 && half.len() < expected.len(),
        "{} of {} items",
        half.len(),
        expected.len()
    );
    assert!(
        half.keys().all(|(table, ..)| *table != Table::Ledger),
        "the ledger comes last"
    );

    world.function = start_function(&world.aws).await;
    assert_eq!(world.announce(&[&object.key]).await, Vec::<usize>::new());
    assert_eq!(world.dump().await, expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_an_object_with_more_than_is_held_is_read_twice() {
    let world = World::start().await;
    let mut trail = Trail::with_options(TrailOptions {
        seed: 13,
        redshift_share: 1.0,
        ..TrailOptions::default()
    });
    let object = trail.object(7000);
    assert!(object.plain.len() > 9 << 20, "{} bytes", object.plain.len());
    world
        .put([(object.key.as_str(), gzip(&object.plain))])
        .await;
    assert_eq!(world.announce(&[&object.key]).await, Vec::<usize>::new());
    assert_truth(&world.dump().await, &object.truth);
    // What a function has said is complete once it has ended.
    let said = world.function.stop().await.stdout;
    let told = said
        .iter()
        .find(|line| line.contains(r#""message":"object""#))
        .unwrap();
    assert!(told.contains(r#""read_twice":true"#), "{told}");
    world.aws.stop().await.unwrap();
}

#[tokio::test]
async fn err_a_missing_variable_is_named() {
    let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap();
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    let function = aws
        .start_function(bootstrap, &[("LEDGER_TABLE", "")])
        .await
        .unwrap();
    function.exited().await;
    let ended = function.stop().await;
    assert!(
        ended
            .stdout
            .iter()
            .any(|line| line.contains("LEDGER_TABLE")),
        "{:?}",
        ended.stdout
    );
    aws.stop().await.unwrap();
}
