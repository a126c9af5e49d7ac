//! What the whole function takes of memory on logs as large as CloudTrail writes them: its
//! clients and root certificates, the object's stream, the rows that wait and those in flight.

use std::{env, time::Duration};

use aws_sdk_dynamodb::types::Select;
use redtrail_model::Table;
use redtrail_trailgen::{Trail, TrailOptions, catalogue};

use crate::world::{BUCKET, World, failed, sqs_event};

/// Of one object, and of as many as a queue hands over at a time.
const MOST_OF_ONE_KIB: u64 = 32 * 1024;
const MOST_OF_TEN_KIB: u64 = 48 * 1024;
const MOST_OF_BOMBS_KIB: u64 = 64 * 1024;
/// The size at which CloudTrail ends an object, before compression:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>
const LARGEST_MEGABYTES: u64 = 50;
/// Asks for what takes minutes: the largest logs and all bombs but one.
const THOROUGH: &str = "REDTRAIL_LARGEST_LOGS";
/// Those of which ten at once take most.
const LARGEST_BOMBS: [&str; 3] = ["bomb-dense-records", "bomb-elements", MANY_EVENTS];
/// Ten of it are a million events, which would take long to write: they have expired.
const MANY_EVENTS: &str = "bomb-many-ids";
const LONGEST: Duration = Duration::from_secs(180);

/// Objects at once, megabytes of each, and the share of its records that is of the family.
type Logs = (usize, u64, f64);

#[tokio::test(flavor = "multi_thread")]
async fn ok_legal_logs_take_little_memory() {
    let mut all: Vec<Logs> = vec![(1, LARGEST_MEGABYTES, 0.01), (10, 4, 0.2)];
    if env::var_os(THOROUGH).is_some() {
        all.extend([
            (1, LARGEST_MEGABYTES, 0.2),
            (1, LARGEST_MEGABYTES, 1.0),
            (10, LARGEST_MEGABYTES, 0.2),
        ]);
    }
    for logs in all {
        let (objects, megabytes, share) = logs;
        let mut trail = Trail::with_options(TrailOptions {
            seed: 23,
            redshift_share: share,
            ..TrailOptions::default()
        });
        let mut selected = 0;
        let mut object = || {
            let mut body = Vec::new();
            let written = trail.write_gzip_object(megabytes * 1_000_000, &mut body, |_| {});
            selected += written.unwrap().selected;
            body
        };
        let bodies: Vec<_> = (0..objects).map(|_| object()).collect();
        let world = World::start().await;
        let peak = peak_kib(&world, &bodies).await;
        assert_eq!(events(&world).await, selected);
        world.stop().await;
        println!("{objects} of {megabytes} MB, {share} of it Redshift's: {peak} KiB at most");
        let most = if objects == 1 {
            MOST_OF_ONE_KIB
        } else {
            MOST_OF_TEN_KIB
        };
        assert!(peak <= most, "{peak} KiB for {logs:?}");
    }
}

/// Ten copies of one, all at work at once.
#[tokio::test(flavor = "multi_thread")]
async fn ok_ten_bombs_at_once_take_no_more_than_one_may() {
    let thorough = env::var_os(THOROUGH).is_some();
    let mut tried = 0;
    for bomb in catalogue::bombs() {
        let is_large = LARGEST_BOMBS.contains(&&*bomb.name);
        tried += usize::from(is_large);
        if !is_large && !thorough {
            continue;
        }
        let (name, body) = (&bomb.name, bomb.bytes());
        let expired = [("RETENTION_DAYS", "1")];
        let world = World::with(match &**name {
            MANY_EVENTS => &expired,
            _ => &[],
        });
        let world = world.await;
        let peak = peak_kib(&world, &vec![body; 10]).await;
        println!("ten of {name}: {peak} KiB at most");
        assert!(peak <= MOST_OF_BOMBS_KIB, "{peak} KiB for {name}");
        world.stop().await;
    }
    assert_eq!(tried, LARGEST_BOMBS.len());
}

/// At work on these objects at once.
async fn peak_kib(world: &World, objects: &[Vec<u8>]) -> u64 {
    let folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02";
    let name = "111122223333_CloudTrail_us-east-1_20260302T0905Z";
    let keys: Vec<String> = (0..objects.len())
        .map(|place| format!("{folder}/{name}_{place:016}.json.gz"))
        .collect();
    for (key, body) in keys.iter().zip(objects) {
        world.aws.put_object(BUCKET, key, body).await.unwrap();
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let outcome = world.function.invoke(sqs_event(&keys), LONGEST).await;
    assert_eq!(failed(&outcome), Some(Vec::new()), "{outcome:?}");
    world.memory_kib("VmHWM")
}

/// How many events the tables hold.
async fn events(world: &World) -> u64 {
    let rows = world.aws.dynamodb_client().scan().select(Select::Count);
    let rows = rows.table_name(world.aws.table_name(Table::Principals));
    let mut pages = rows.into_paginator().send();
    let mut events = 0;
    while let Some(page) = pages.next().await {
        events += page.unwrap().count;
    }
    u64::try_from(events).unwrap()
}
