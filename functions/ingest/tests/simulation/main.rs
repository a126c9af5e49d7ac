//! The whole function over S3, tables, queue and clock that are simulated: whatever fails,
//! whenever, and however often an object is announced, the tables end up as if every event
//! had been delivered once. One seed is one run.
//!
//! `REDTRAIL_RUNS` says how many runs; `REDTRAIL_SEED` repeats one, with all that happens in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod burst;
mod dump;
mod executor;
mod fuse;
mod model;
mod queue;
mod run;
mod sabotage;
mod source;
mod store;
mod trail;
mod weather;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use fuse::STAGES;
use run::World;
use sabotage::{ALL_BROKEN, Broken, Sabotage};
use weather::{Counts, FAULTS, Weather};

/// Seeds within which a broken writer must be found out.
const SABOTAGE_RUNS: u64 = 1000;

/// What the function must have gone through.
const PATHS: [&str; 12] = [
    "accepted",
    "rejected",
    "finished before",
    "finished meanwhile",
    "failed",
    "put off",
    "resumed",
    "read twice",
    "quarantined",
    "duplicate",
    "conflicting",
    "expired",
];

/// What one seed gave.
struct Outcome {
    counts: Counts,
    trace: u64,
    lines: Vec<String>,
    /// What is wrong.
    wrong: Option<String>,
}

fn outcome(seed: u64, broken: Option<Broken>, tell: bool) -> Outcome {
    // The writer's own jitter is of the same seed.
    fastrand::seed(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let objects = trail::objects(seed, &mut rng);
    let clean = World::clean(&objects)
        .run(1, &mut rng)
        .expect("nothing fails when nothing goes wrong");
    let sabotage = broken.map(|broken| Sabotage::new(broken, &clean));
    let weather = Weather::rough(rng.fork(), tell);
    let containers = rng.u64(1..5);
    let world = World::rough(weather, &objects).with(sabotage);
    let weather = std::sync::Arc::clone(&world.weather);
    let wrong = match world.run(containers, &mut rng) {
        Err(violation) => Some(violation),
        Ok(items) => {
            let of_truth = model::difference(&items, &objects);
            of_truth.or_else(|| dump::difference(&items, &clean, &objects))
        }
    };
    Outcome {
        counts: weather.counts(),
        trace: weather.trace(),
        lines: weather.lines(),
        wrong,
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

/// Runs seeds from 0 on as many threads as there are cores, until `stop` says so.
fn runs(count: u64, broken: Option<Broken>) -> (Counts, Vec<(u64, String)>) {
    let next = AtomicU64::new(0);
    let sums = Mutex::new((Counts::new(), Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count || !sums.lock().unwrap().1.is_empty() {
                return;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| outcome(seed, broken, false)));
            let mut sums = sums.lock().unwrap();
            match outcome {
                Ok(outcome) => {
                    for (what, times) in outcome.counts {
                        *sums.0.entry(what).or_default() += times;
                    }
                    sums.1.extend(outcome.wrong.map(|wrong| (seed, wrong)));
                }
                Err(_) => sums.1.push((seed, "a panic".to_owned())),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    sums.into_inner().unwrap()
}

#[test]
fn ok_nothing_lost_and_nothing_doubled() {
    if let Some(seed) = variable("REDTRAIL_SEED") {
        let outcome = outcome(seed, None, true);
        let told = outcome.lines.join("\n");
        assert_eq!(outcome.wrong, None, "seed {seed}\n{told}");
        return;
    }
    let count = variable("REDTRAIL_RUNS").unwrap_or(1000);
    let (counts, wrong) = runs(count, None);
    if let Some((seed, wrong)) = wrong.first() {
        panic!(
            "seed {seed}: {wrong}\nrepeat it: REDTRAIL_SEED={seed} cargo test --release --workspace --test simulation"
        );
    }
    let faults = FAULTS.map(|fault| format!("fault {fault:?}"));
    let stages = STAGES.map(|stage| format!("crash {stage:?}"));
    let paths = PATHS.map(|path| format!("path {path}"));
    // Once in two hundred runs is often enough to meet every combination of some of them.
    let few = faults
        .into_iter()
        .chain(stages)
        .chain(paths)
        .map(|what| (counts.get(&what).copied().unwrap_or_default(), what))
        .filter(|(times, _)| *times < count / 200);
    assert_eq!(
        few.collect::<Vec<_>>(),
        [],
        "seen too seldom in {count} runs, of {counts:#?}"
    );
}

#[test]
fn ok_one_seed_is_one_run() {
    for seed in 0..20 {
        let [one, other] = [(); 2].map(|()| outcome(seed, None, false));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.counts, other.counts, "seed {seed}");
    }
}

#[test]
fn err_every_broken_writer_is_found_out() {
    for broken in ALL_BROKEN {
        let (_, wrong) = runs(SABOTAGE_RUNS, Some(broken));
        assert!(!wrong.is_empty(), "{broken:?} is not found out");
    }
}
