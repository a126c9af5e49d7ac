//! A wire that fails by chance, and messages that are sent again until all are done: the
//! tables are those of one run on a good wire.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::{Duration, Instant},
};

use redtrail_core::object::ObjectAddress;
use redtrail_local::{Counts, Fault, FaultProxy, LocalAws, ProxiedRequest, RandomFaults};
use redtrail_model::Table;
use redtrail_notification::IngestRequest;
use redtrail_trailgen::{LogObject, Trail, TrailOptions};
use serde_json::json;

use crate::world::{BUCKET, Dump, PATIENCE, World, failed, filled, sqs_event, start_function};

/// Kinds of faults that a wire can have: see `RandomFaults`.
const KINDS: usize = 8;
/// How long the soak lasts, in seconds; `REDTRAIL_SOAK_SECONDS` asks for more.
const SOAK_SECONDS: u64 = 4;
/// The time an invocation has that does not need much.
const TIGHT: Duration = Duration::from_secs(6);
/// What the function's memory may grow by while it soaks.
const GROWTH_KIB: u64 = 8 * 1024;

fn objects() -> Vec<LogObject> {
    let mut trail = Trail::with_options(TrailOptions {
        seed: 17,
        redshift_share: 0.5,
        ..TrailOptions::default()
    });
    [60, 300, 8, 120]
        .map(|records| trail.object(records))
        .into()
}

fn by_chance(seed: u64, rate: f64) -> impl Fn(&ProxiedRequest) -> Option<Fault> {
    let faults = RandomFaults { seed, rate };
    move |request| faults.fault(request)
}

async fn behind(
    aws: LocalAws,
    plan: impl Fn(&ProxiedRequest) -> Option<Fault> + Send + Sync + 'static,
) -> (World, FaultProxy) {
    let proxy = FaultProxy::start(&aws.s3_endpoint(), &aws.dynamodb_endpoint(), plan)
        .await
        .unwrap();
    let urls = [proxy.s3_endpoint(), proxy.dynamodb_endpoint()];
    let variables = [
        ("AWS_ENDPOINT_URL_S3", urls[0].as_str()),
        ("AWS_ENDPOINT_URL_DYNAMODB", urls[1].as_str()),
    ];
    let function = start_function(&aws, &variables).await;
    (World { aws, function }, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_a_bad_wire_changes_nothing() {
    let objects = objects();
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let aws = filled(&objects).await;
    let function = start_function(&aws, &[]).await;
    let clean = World { aws, function };
    assert_eq!(clean.announce(&keys).await, Vec::<usize>::new());
    let expected = clean.dump().await;
    clean.stop().await;

    let mut met = Counts::default();
    for seed in [1, 2, 3] {
        let (world, proxy) = behind(filled(&objects).await, by_chance(seed, 0.2)).await;
        let mut left = keys.clone();
        for _ in 0..20 {
            let outcome = world.function.invoke(sqs_event(&left), PATIENCE).await;
            let failures = failed(&outcome);
            let failures = failures.unwrap_or_else(|| panic!("seed {seed}: {outcome:?}"));
            left = failures.into_iter().map(|place| left[place]).collect();
            if left.is_empty() {
                break;
            }
        }
        assert!(left.is_empty(), "seed {seed}: {left:?} never succeed");
        assert!(world.dump().await == expected, "seed {seed}");
        for (kind, count) in proxy.counts().faults {
            *met.faults.entry(kind).or_default() += count;
        }
        world.stop().await;
        proxy.stop().await;
    }
    assert_eq!(met.faults.len(), KINDS, "{met:?}");
}

/// Why requests were refused is said and counted, so that an operator need not guess.
#[tokio::test(flavor = "multi_thread")]
async fn ok_what_held_writing_up_is_told() {
    let objects = objects();
    let aws = filled(&objects).await;
    let (world, proxy) = behind(aws, by_chance(5, 0.5)).await;
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    world.function.invoke(sqs_event(&keys), PATIENCE).await;
    let World { aws, function } = world;
    let said = function.stop().await.stdout;
    let told = said
        .iter()
        .find(|line| line.contains("writing was held up"));
    let told = told.unwrap_or_else(|| panic!("{said:?}"));
    assert!(told.contains("Exceeded"), "no limit is named: {told}");
    let metrics = said.iter().find(|line| line.contains("CloudWatchMetrics"));
    let metrics: serde_json::Value = serde_json::from_str(metrics.unwrap()).unwrap();
    for name in ["BatchesThrottled", "ItemsUnprocessed", "BatchesFailed"] {
        assert!(metrics[name].as_u64().unwrap() > 0, "{name}: {metrics}");
    }
    aws.stop().await.unwrap();
    proxy.stop().await;
}

/// A key that DynamoDB never takes delays the object it stands in and no other, and the
/// function answers in time.
#[tokio::test(flavor = "multi_thread")]
async fn ok_a_busy_key_delays_its_own_object_alone() {
    let objects = objects();
    let [others @ .., last] = &objects[..] else {
        panic!("no objects")
    };
    let elsewhere: BTreeSet<&str> = others
        .iter()
        .flat_map(|object| &object.truth)
        .map(|event| event.principal.as_str())
        .collect();
    let own = last.truth.iter().map(|event| event.principal.as_str());
    let busy = own
        .into_iter()
        .find(|key| !elsewhere.contains(key))
        .unwrap();
    let busy = busy.to_owned();

    let aws = filled(&objects).await;
    let plan = move |request: &ProxiedRequest| {
        request.unprocessed(|put| put.text("principal") == Some(&busy))
    };
    let (world, proxy) = behind(aws, plan).await;
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let outcome = world.function.invoke(sqs_event(&keys), TIGHT).await;
    assert_eq!(failed(&outcome), Some(vec![keys.len() - 1]), "{outcome:?}");
    let ledger = ledger(&world.dump().await);
    assert_eq!(
        ledger
            .values()
            .filter(|verdict| *verdict == "accepted")
            .count(),
        others.len()
    );

    // When it is taken again, the tables are whole.
    let World { aws, function } = world;
    function.stop().await;
    let function = start_function(&aws, &[]).await;
    let world = World { aws, function };
    assert_eq!(world.announce(&keys).await, Vec::<usize>::new());
    let ledger = self::ledger(&world.dump().await);
    assert!(
        ledger.values().all(|verdict| verdict == "accepted"),
        "{ledger:?}"
    );
    world.stop().await;
    proxy.stop().await;
}

/// The verdicts on objects, by file name.
fn ledger(dump: &Dump) -> BTreeMap<String, String> {
    let entries = dump
        .iter()
        .filter(|((table, ..), _)| *table == Table::Ledger);
    entries
        .map(|((.., name), item)| (name.clone(), item["verdict"].as_str().unwrap().to_owned()))
        .collect()
}

/// The same objects over and over on a bad wire: all comes right, and memory stays flat.
#[tokio::test(flavor = "multi_thread")]
async fn ok_soaks_with_flat_memory() {
    let seconds = env::var("REDTRAIL_SOAK_SECONDS");
    let seconds = seconds.map_or(SOAK_SECONDS, |seconds| seconds.parse().unwrap());
    let objects = objects();
    let (world, proxy) = behind(filled(&objects).await, by_chance(9, 0.05)).await;
    let addresses = objects.iter().map(|object| ObjectAddress {
        bucket: BUCKET.to_owned(),
        key: object.key.clone(),
        version_id: None,
    });
    let request = serde_json::to_string(&IngestRequest::new(addresses, true)).unwrap();
    let event = json!({"Records": [
        {"messageId": "0", "eventSource": "aws:sqs", "body": request},
    ]});
    let event = event.to_string().into_bytes();

    let started = Instant::now();
    let total = Duration::from_secs(seconds);
    let (mut invocations, mut failures, mut warm) = (0_u64, 0_u64, None);
    while started.elapsed() < total {
        let outcome = world.function.invoke(event.clone(), PATIENCE).await;
        let left = failed(&outcome).unwrap_or_else(|| panic!("{outcome:?}"));
        failures += left.len() as u64;
        invocations += 1;
        world.function.take_stdout();
        if warm.is_none() && started.elapsed() > total / 4 {
            warm = Some(world.memory_kib("VmRSS"));
        }
    }
    let (warm, end) = (warm.unwrap(), world.memory_kib("VmRSS"));
    println!(
        "{invocations} invocations in {seconds} s, {failures} of them given back, {} faults; \
         resident memory {warm} KiB, then {end} KiB",
        proxy.counts().faults.values().sum::<u64>()
    );
    // A body that breaks off is given back, and four are read in each invocation.
    assert!(
        failures * 2 <= invocations,
        "{failures} of {invocations} failed"
    );
    assert!(end < warm + GROWTH_KIB, "from {warm} to {end} KiB");
    world.stop().await;
    proxy.stop().await;
}
