//! What the whole function takes of memory on logs as large as CloudTrail writes them: its
//! clients and root certificates, the object's stream, the rows that wait and those in flight.

use std::{env, time::Duration};

use aws_sdk_dynamodb::types::Select;
use redtrail_model::Table;
use redtrail_trailgen::{Trail, TrailOptions};

use crate::world::{BUCKET, World, failed, sqs_event};

/// Of one object, and of as many as a queue hands over at a time.
const MOST_OF_ONE_KIB: u64 = 32 * 1024;
const MOST_OF_TEN_KIB: u64 = 48 * 1024;
/// The size at which CloudTrail ends an object, before compression:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>
const LARGEST_MEGABYTES: u64 = 50;
const LONGEST: Duration = Duration::from_secs(180);

/// Objects at once, megabytes of each, and the share of its records that is of the family.
type Logs = (usize, u64, f64);

/// `REDTRAIL_LARGEST_LOGS` asks for those that take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn ok_legal_logs_take_little_memory() {
    let mut all: Vec<Logs> = vec![(1, LARGEST_MEGABYTES, 0.01), (10, 4, 0.2)];
    if env::var_os("REDTRAIL_LARGEST_LOGS").is_some() {
        all.extend([
            (1, LARGEST_MEGABYTES, 0.2),
            (1, LARGEST_MEGABYTES, 1.0),
            (10, LARGEST_MEGABYTES, 0.2),
        ]);
    }
    for logs in all {
        let peak = peak_kib(logs).await;
        let (objects, megabytes, share) = logs;
        println!("{objects} of {megabytes} MB, {share} of it Redshift's: {peak} KiB at most");
        let most = if objects == 1 {
            MOST_OF_ONE_KIB
        } else {
            MOST_OF_TEN_KIB
        };
        assert!(peak <= most, "{peak} KiB for {logs:?}");
    }
}

async fn peak_kib((objects, megabytes, share): Logs) -> u64 {
    let world = World::start().await;
    let mut trail = Trail::with_options(TrailOptions {
        seed: 23,
        redshift_share: share,
        ..TrailOptions::default()
    });
    let folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02";
    let name = "111122223333_CloudTrail_us-east-1_20260302T0905Z";
    let keys: Vec<String> = (0..objects)
        .map(|place| format!("{folder}/{name}_{place:016}.json.gz"))
        .collect();
    let mut selected = 0;
    for key in &keys {
        let mut body = Vec::new();
        let written = trail.write_gzip_object(megabytes * 1_000_000, &mut body, |_| {});
        selected += written.unwrap().selected;
        world.aws.put_object(BUCKET, key, &body).await.unwrap();
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let outcome = world.function.invoke(sqs_event(&keys), LONGEST).await;
    assert_eq!(failed(&outcome), Some(Vec::new()), "{outcome:?}");
    let peak = world.memory_kib("VmHWM");
    let rows = world.aws.dynamodb_client().scan().select(Select::Count);
    let rows = rows.table_name(world.aws.table_name(Table::Principals));
    let mut pages = rows.into_paginator().send();
    let mut events = 0;
    while let Some(page) = pages.next().await {
        events += page.unwrap().count;
    }
    assert_eq!(u64::try_from(events).unwrap(), selected);
    world.stop().await;
    peak
}
