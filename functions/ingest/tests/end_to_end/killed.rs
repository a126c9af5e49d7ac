//! SIGKILL at the nth request of the function, before it is carried out or after, and then
//! the same messages again: the tables are those of one run that nobody disturbed.

use std::{
    collections::BTreeMap,
    env,
    sync::{Arc, Mutex},
};

use redtrail_local::{Fault, FaultProxy, LocalAws, ProxiedRequest};
use redtrail_model::Table;
use redtrail_trailgen::{LogObject, Trail, TrailOptions};
use serde_json::Value;

use crate::world::{Dump, PATIENCE, World, failed, filled, sqs_event, start_function};

/// How many points a run kills at; `REDTRAIL_KILLS` asks for more.
const KILLS: usize = 24;

/// What the function was about to do when it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Reading,
    BeforeTheFirstWrite,
    BetweenBatches,
    BeforeTheLedger,
    BeforeTheAnswer,
}

/// A point to kill at.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Of the request, from 1.
    number: u64,
    is_applied: bool,
    stage: Stage,
}

/// One with many events, one with few.
fn objects() -> Vec<LogObject> {
    let mut trail = Trail::with_options(TrailOptions {
        seed: 11,
        redshift_share: 1.0,
        ..TrailOptions::default()
    });
    vec![trail.object(400), trail.object(30)]
}

/// The tables of one run without a fault, and every request it made.
async fn undisturbed(objects: &[LogObject]) -> (Dump, Vec<ProxiedRequest>) {
    let aws = filled(objects).await;
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let proxy = proxy(&aws, move |request| {
        seen.lock().unwrap().push(request.clone());
        None
    })
    .await;
    let function = start_behind(&aws, &proxy).await;
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let outcome = function.invoke(sqs_event(&keys), PATIENCE).await;
    assert_eq!(failed(&outcome), Some(Vec::new()), "{outcome:?}");
    let world = World { aws, function };
    let dump = world.dump().await;
    world.stop().await;
    proxy.stop().await;
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    (dump, requests)
}

async fn proxy(
    aws: &LocalAws,
    plan: impl Fn(&ProxiedRequest) -> Option<Fault> + Send + Sync + 'static,
) -> FaultProxy {
    FaultProxy::start(&aws.s3_endpoint(), &aws.dynamodb_endpoint(), plan)
        .await
        .unwrap()
}

async fn start_behind(aws: &LocalAws, proxy: &FaultProxy) -> redtrail_local::Bootstrap {
    let variables = [
        ("AWS_ENDPOINT_URL_S3", proxy.s3_endpoint()),
        ("AWS_ENDPOINT_URL_DYNAMODB", proxy.dynamodb_endpoint()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, url)| (*name, url.as_str()));
    start_function(aws, &variables).await
}

/// All points of a run, before and after each request.
fn points(requests: &[ProxiedRequest], ledger: &str) -> Vec<Point> {
    let is_write = |request: &&ProxiedRequest| request.operation == "BatchWriteItem";
    let is_last = |request: &ProxiedRequest| request.tables == [ledger];
    let first_write = requests.iter().find(is_write).unwrap().number;
    let last = requests.iter().map(|request| request.number).max();
    let both = requests.iter().filter(|request| request.number > 0);
    both.flat_map(|request| [(request, false), (request, true)])
        .map(|(request, is_applied)| Point {
            number: request.number,
            is_applied,
            stage: match request {
                request if Some(request.number) == last && is_applied => Stage::BeforeTheAnswer,
                request if is_write(&request) && is_last(request) => Stage::BeforeTheLedger,
                request if request.number < first_write => Stage::Reading,
                request if request.number == first_write && !is_applied => {
                    Stage::BeforeTheFirstWrite
                }
                _ => Stage::BetweenBatches,
            },
        })
        .collect()
}

/// `count` of all points: the rare stages whole, the others spread evenly.
fn chosen(points: &[Point], count: usize) -> Vec<Point> {
    let mut of_stage: BTreeMap<Stage, Vec<Point>> = BTreeMap::new();
    for point in points {
        of_stage.entry(point.stage).or_default().push(*point);
    }
    let share = count.div_ceil(of_stage.len());
    let mut chosen = Vec::new();
    let mut stages: Vec<_> = of_stage.into_values().collect();
    stages.sort_by_key(Vec::len);
    let many = stages.pop().unwrap_or_default();
    for points in stages {
        let step = points.len().div_ceil(share).max(1);
        chosen.extend(points.iter().step_by(step));
    }
    let left = count.saturating_sub(chosen.len()).max(1);
    let step = (many.len() / left).max(1);
    chosen.extend(many.iter().step_by(step));
    chosen
}

fn is_in_ledger(object: &LogObject, dump: &Dump) -> bool {
    let (_, file) = object.key.rsplit_once('/').unwrap();
    let mut entries = dump.keys().filter(|(table, ..)| *table == Table::Ledger);
    entries.any(|(_, _, object_key)| object_key.starts_with(file))
}

/// The object's items in the event tables.
fn rows<'d>(
    object: &'d LogObject,
    dump: &'d Dump,
) -> impl Iterator<Item = (&'d (Table, String, String), &'d Value)> {
    let is_of_events = |table| matches!(table, Table::Principals | Table::Resources);
    dump.iter().filter(move |((table, ..), item)| {
        is_of_events(*table) && item["object_key"] == object.key.as_str()
    })
}

async fn check(point: Point, objects: &[LogObject], expected: &Dump) {
    let aws = filled(objects).await;
    let at = point.number;
    let fault = if point.is_applied {
        Fault::HoldAfterApply
    } else {
        Fault::HoldBefore
    };
    let proxy = proxy(&aws, move |request| {
        (request.number == at).then(|| fault.clone())
    })
    .await;
    let function = start_behind(&aws, &proxy).await;
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    tokio::select! {
        held = tokio::time::timeout(PATIENCE, proxy.held()) => drop(held.unwrap()),
        outcome = function.invoke(sqs_event(&keys), PATIENCE) => {
            panic!("{point:?}: not killed in time: {outcome:?}")
        }
    }
    function.kill().await;
    function.stop().await;

    let function = start_function(&aws, &[]).await;
    let world = World { aws, function };
    let half = world.dump().await;
    assert!(half.len() <= expected.len(), "{point:?}");
    for object in objects.iter().filter(|object| is_in_ledger(object, &half)) {
        assert!(
            rows(object, expected).all(|(key, item)| half.get(key) == Some(item)),
            "{point:?}: the ledger comes last"
        );
    }
    assert_eq!(
        world.announce(&keys).await,
        Vec::<usize>::new(),
        "{point:?}"
    );
    let dump = world.dump().await;
    let differs = dump
        .iter()
        .filter(|(key, item)| expected.get(key) != Some(item));
    let differs: Vec<_> = differs.map(|(key, _)| key).take(3).collect();
    assert!(
        differs.is_empty() && dump.len() == expected.len(),
        "{point:?}: {differs:?}"
    );
    world.stop().await;
    proxy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_killed_at_any_request_and_told_again() {
    let count = env::var("REDTRAIL_KILLS").map_or(KILLS, |count| count.parse().unwrap());
    let objects = objects();
    let (expected, requests) = undisturbed(&objects).await;
    for object in &objects {
        assert!(is_in_ledger(object, &expected));
        assert_ne!(rows(object, &expected).count(), 0);
    }
    let points = points(&requests, "redtrail-ledger");
    let chosen = chosen(&points, count);
    let mut stages: BTreeMap<Stage, usize> = BTreeMap::new();
    for point in chosen {
        *stages.entry(point.stage).or_default() += 1;
        check(point, &objects, &expected).await;
    }
    assert_eq!(stages.len(), 5, "every stage: {stages:?}");
    println!("killed at {stages:?} of {} points", points.len());
}
