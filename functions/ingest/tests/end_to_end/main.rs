//! The real binary behind a Lambda Runtime API, with a real S3 and a real DynamoDB on
//! loopback: what a user relies on, seen from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod killed;
mod memory;
mod world;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use redtrail_local::{InvocationOutcome, LocalAws, LocalAwsOptions};
use redtrail_model::Table;
use redtrail_trailgen::{Trail, TrailOptions, Truth, gzip, sample};
use serde_json::{Value, json};

use world::{Dump, PATIENCE, TEMPLATE, World};

/// What the tables say of the events, against what is known of them.
fn assert_truth(dump: &Dump, truth: &[Truth]) {
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

/// A Python with boto3.
fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python/bin/python");
    assert!(
        python.exists(),
        "{} is not there: `make python` prepares it from tests/python/requirements.txt",
        python.display()
    );
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
