//! A burst on one key, as a backfill makes one, beside objects of other keys. Each key takes what
//! DynamoDB's key ranges take: 1,000 writes a second.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>

use std::time::Duration;

use redtrail_core::ledger::LedgerEntry;
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::{Trail, TrailOptions};
use serde_json::json;

use crate::{
    dump::keys,
    model,
    run::World,
    trail::{Element, SimObject, event, good_object},
};

const WRITES_A_SECOND: u32 = 1000;
/// Events of one principal on one cluster.
const BURST: usize = 12_000;
/// What they cannot take less than: the first thousand is written at once.
const BURST_TAKES: Duration = Duration::from_secs(11);
/// As in `template.yaml`.
const INVOCATIONS: u64 = 10;
const SEEDS: u64 = 3;

/// When the last object of each kind was in the ledger, after the run began.
#[derive(Debug)]
struct Finished {
    others: Duration,
    burst: Duration,
}

fn others(seed: u64, count: usize) -> Vec<SimObject> {
    let mut trail = Trail::with_options(TrailOptions {
        seed,
        // Few enough that no key of the directory is busy as well.
        redshift_share: 0.04,
        ..TrailOptions::default()
    });
    let object = |number| {
        let elements = (0..53).map(|_| Element::from(trail.record()));
        good_object(&format!("other{number:011}"), elements.collect())
    };
    (0..count).map(object).collect()
}

/// The burst, in so many objects.
fn burst(count: usize) -> Vec<SimObject> {
    let object = |number| {
        let id = |event| format!("burst-{number}-{event}");
        let elements =
            (0..BURST / count).map(|of| event("2026-03-02T09:00:00Z", &id(of), &json!({})));
        good_object(&format!("burst{number:011}"), elements.collect())
    };
    (0..count).map(object).collect()
}

/// One run, with so many invocations at a time.
fn finished(seed: u64, objects: &[SimObject], invocations: u64) -> Finished {
    fastrand::seed(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let items = World::bounded(objects, WRITES_A_SECOND)
        .run(invocations, &mut rng)
        .unwrap();
    assert_eq!(model::difference(&items, objects), None, "seed {seed}");
    let began: EventTime = "2026-03-02T12:00:00Z".parse().unwrap();
    let mut finished = Finished {
        others: Duration::ZERO,
        burst: Duration::ZERO,
    };
    for (table, item) in &items {
        let [folder, object] = keys(*table, item);
        if *table != Table::Ledger || folder.contains('#') {
            continue;
        }
        let entry: LedgerEntry = serde_dynamo::from_item(item.clone()).unwrap();
        let millis = entry.finished_at.epoch_millis() - began.epoch_millis();
        let after = Duration::from_millis(millis.try_into().unwrap());
        let last = match object.contains("_burst") {
            true => &mut finished.burst,
            false => &mut finished.others,
        };
        *last = after.max(*last);
    }
    finished
}

#[test]
fn ok_a_burst_on_one_key_delays_no_object_beside_it() {
    for seed in 0..SEEDS {
        let others = others(seed, 50);
        let all = [others.clone(), burst(10)].concat();
        // None waits for an invocation.
        let invocations = all.len() as u64;
        let alone = finished(seed, &others, invocations);
        let beside = finished(seed, &all, invocations);
        println!("at work at once, seed {seed}: alone {alone:?}, with the burst {beside:?}");
        assert!(beside.burst >= BURST_TAKES, "seed {seed}: {beside:?}");
        let bound = alone.others + Duration::from_millis(50);
        assert!(beside.others <= bound, "seed {seed}: {alone:?}, {beside:?}");
    }
}

/// An invocation ends with the last of its objects. While all of them have one of the burst, what
/// is still in the queue waits.
#[test]
fn ok_in_the_queue_nothing_waits_longer_than_the_burst_takes() {
    for seed in 0..SEEDS {
        let others = others(seed, 200);
        let all = [others.clone(), burst(40)].concat();
        let alone = finished(seed, &others, INVOCATIONS);
        let with_burst = finished(seed, &all, INVOCATIONS);
        println!("in one queue, seed {seed}: alone {alone:?}, with the burst {with_burst:?}");
        assert!(
            with_burst.burst >= BURST_TAKES,
            "seed {seed}: {with_burst:?}"
        );
        let bound = with_burst.burst + alone.others;
        assert!(
            with_burst.others <= bound,
            "seed {seed}: {alone:?}, {with_burst:?}"
        );
    }
}
