//! One run: containers that take messages from the queue until none is left, in whatever
//! weather.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use redtrail_core::{
    directory::Remembered,
    edge::{Timer, within},
    item::Item,
    log_reader::Limits,
    retention::{Retention, Retentions},
    select::Selector,
};
use redtrail_function::metrics::Metrics;
use redtrail_ingest::handler::Handler;
use redtrail_model::{EventTime, Table};
use redtrail_notification::InvocationFailed;
use serde_json::Value;

use crate::{
    executor::{Clock, Task},
    fuse::{Fuse, Stage},
    queue::Queue,
    sabotage::Sabotage,
    source::{Bucket, SimSource},
    store::{Replaced, SimStore, Tables, tables},
    trail::SimObject,
    weather::Weather,
};

/// What one metric of the function says of a code path.
const PATHS: [(&str, &str); 9] = [
    ("ObjectsAccepted", "path accepted"),
    ("ObjectsRejected", "path rejected"),
    ("ObjectsFinishedBefore", "path finished before"),
    ("ObjectsFailed", "path failed"),
    ("ObjectsPutOff", "path put off"),
    ("RecordsQuarantined", "path quarantined"),
    ("RecordsDuplicate", "path duplicate"),
    ("RecordsConflicting", "path conflicting"),
    ("RecordsExpired", "path expired"),
];

/// The whole of AWS, for one run.
pub(crate) struct World {
    pub(crate) weather: Arc<Weather>,
    bucket: Arc<Bucket>,
    tables: Arc<Tables>,
    replaced: Arc<Replaced>,
    queue: Queue,
    limits: Limits,
    timeout: Duration,
    sabotage: Option<Arc<Sabotage>>,
    violations: Mutex<Vec<String>>,
}

impl World {
    /// Everything is as it should be, and each object comes once.
    pub(crate) fn clean(objects: &[SimObject]) -> Self {
        let weather = Arc::new(Weather::calm(fastrand::Rng::with_seed(0)));
        let queue = Queue::orderly(&weather, objects);
        let roomy = Limits::default();
        Self::new(weather, queue, objects, roomy, Duration::from_secs(900))
    }

    /// As [`clean`](Self::clean), with the timeout of `template.yaml`, and keys that take so many
    /// writes a second.
    pub(crate) fn bounded(objects: &[SimObject], key_rate: u32) -> Self {
        let mut world = Self::clean(objects);
        world.tables = Arc::new(tables(&world.weather, Some(key_rate)));
        world.timeout = Duration::from_secs(300);
        world
    }

    pub(crate) fn rough(weather: Weather, objects: &[SimObject]) -> Self {
        let weather = Arc::new(weather);
        let timeout = Duration::from_secs(weather.pick(&[6, 15, 60]));
        let limits = Limits {
            max_held_bytes: weather.pick(&[8 << 20, 100_000, 10_000, 100]),
            ..Limits::default()
        };
        let queue = Queue::busy(&weather, objects, timeout);
        Self::new(weather, queue, objects, limits, timeout)
    }

    fn new(
        weather: Arc<Weather>,
        queue: Queue,
        objects: &[SimObject],
        limits: Limits,
        timeout: Duration,
    ) -> Self {
        Self {
            bucket: Arc::new(Bucket::new(&weather, objects)),
            tables: Arc::new(tables(&weather, None)),
            replaced: Arc::default(),
            queue,
            limits,
            timeout,
            sabotage: None,
            violations: Mutex::default(),
            weather,
        }
    }

    pub(crate) fn with(self, sabotage: Option<Sabotage>) -> Self {
        Self {
            sabotage: sabotage.map(Arc::new),
            ..self
        }
    }

    /// Lets so many containers work until all is acknowledged, and gives what the tables hold.
    ///
    /// # Errors
    /// When an invocation did what it must never do.
    pub(crate) fn run(
        self,
        containers: u64,
        rng: &mut fastrand::Rng,
    ) -> Result<Vec<(Table, Item)>, String> {
        let world = Arc::new(self);
        let task = |_| Box::pin(consume(Arc::clone(&world))) as Task;
        let containers: Vec<Task> = (0..containers).map(task).collect();
        world.weather.clock.run(containers, rng)?;
        if let Some(violation) = world.violations.lock().unwrap().first() {
            return Err(violation.clone());
        }
        if world.queue.next_visible().is_some() {
            return Err("messages are left".to_owned());
        }
        Ok(world.tables.store.items())
    }

    fn container(&self, fuse: &Arc<Fuse>) -> Handler<SimSource, SimStore, Clock> {
        Handler {
            source: SimSource {
                bucket: Arc::clone(&self.bucket),
                fuse: Arc::clone(fuse),
            },
            store: SimStore {
                weather: Arc::clone(&self.weather),
                tables: Arc::clone(&self.tables),
                replaced: Arc::clone(&self.replaced),
                fuse: Arc::clone(fuse),
                sabotage: self.sabotage.clone(),
            },
            timer: self.weather.clock.clone(),
            selector: Selector::default(),
            remembered: Remembered::default(),
            limits: self.limits,
            retentions: Retentions {
                events: Retention::Days(365),
                directory: Retention::Days(400),
                ledger: Retention::Forever,
            },
        }
    }

    fn handler_clock(&self) -> redtrail_function::clock::Clock {
        let start: EventTime = "2026-03-02T12:00:00Z".parse().unwrap();
        let elapsed = i64::try_from(self.weather.clock.elapsed().as_millis()).unwrap();
        redtrail_function::clock::Clock {
            now: EventTime::from_epoch_millis(start.epoch_millis() + elapsed).unwrap(),
            deadline: self.weather.clock.now() + self.timeout,
        }
    }

    fn tell(&self, answer: &Result<Value, InvocationFailed>, metrics: &Metrics) {
        self.weather.note(&format!("answer {answer:?}"));
        let line = metrics.line("f", 0).unwrap_or_default();
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        for (metric, path) in PATHS {
            let count = line[metric].as_u64().unwrap_or_default();
            self.weather.add(path, count);
        }
    }

    /// Which of these messages come again.
    fn failed(&self, ids: &[usize], answer: Result<Value, InvocationFailed>) -> BTreeSet<usize> {
        let acknowledges_all = |sabotage: &Arc<Sabotage>| sabotage.acknowledges_all();
        if self.sabotage.as_ref().is_some_and(acknowledges_all) {
            return BTreeSet::new();
        }
        let Ok(answer) = answer else {
            return ids.iter().copied().collect();
        };
        let failures = answer["batchItemFailures"].as_array().unwrap();
        let id = |failure: &Value| failure["itemIdentifier"].as_str()?.parse().ok();
        failures
            .iter()
            .map(|failure| id(failure).unwrap())
            .collect()
    }
}

async fn consume(world: Arc<World>) {
    let weather = Arc::clone(&world.weather);
    let clock = &weather.clock;
    let fuse = Arc::new(Fuse::default());
    let mut container = world.container(&fuse);
    loop {
        let Some((ids, payload)) = world.queue.receive() else {
            let Some(at) = world.queue.next_visible() else {
                return;
            };
            clock
                .sleep_until(at.max(clock.now() + Duration::from_millis(1)))
                .await;
            continue;
        };
        fuse.light(&weather);
        let payload = payload.to_string();
        let time = world.handler_clock();
        let mut metrics = Metrics::default();
        let handled = fuse.guard(async {
            let answer = container
                .handle(payload.as_bytes(), time, &mut metrics)
                .await;
            world.tell(&answer, &metrics);
            fuse.step(Stage::Answer, &weather).await;
            answer
        });
        match within(clock, time.deadline, handled).await {
            Some(Some(answer)) => world.queue.settle(&ids, &world.failed(&ids, answer)),
            // What it had begun is gone; its messages come again after the timeout.
            Some(None) => container = world.container(&fuse),
            None => {
                let violation = "an invocation did not answer before its deadline";
                world.violations.lock().unwrap().push(violation.to_owned());
                return;
            }
        }
    }
}
