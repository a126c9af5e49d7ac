//! What goes wrong in a run, how often, and what was seen of it: all by one seed.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::Mutex,
    time::{Duration, Instant},
};

use redtrail_core::edge::Timer;

use crate::executor::Clock;

/// Things that go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    ObjectMissingAtFirst,
    SourceUnavailable,
    SourceSlowDown,
    SourceDenied,
    SourceDelay,
    BodyCutShort,
    BodyBreaksOff,
    BodyGarbledOnce,
    ObjectChanged,
    LookUpFails,
    LookUpStale,
    WriteFails,
    WrittenThenFails,
    PartlyWrittenThenFails,
    ItemsUnprocessed,
    KeyHot,
    WriteThrottled,
    WriteDenied,
    WriteDelay,
    AnswerDelay,
    StoreSlow,
    Crash,
    DeliveredTwiceAtOnce,
    DeliveredAfterDelete,
}

pub(crate) const FAULTS: [Fault; 24] = [
    Fault::ObjectMissingAtFirst,
    Fault::SourceUnavailable,
    Fault::SourceSlowDown,
    Fault::SourceDenied,
    Fault::SourceDelay,
    Fault::BodyCutShort,
    Fault::BodyBreaksOff,
    Fault::BodyGarbledOnce,
    Fault::ObjectChanged,
    Fault::LookUpFails,
    Fault::LookUpStale,
    Fault::WriteFails,
    Fault::WrittenThenFails,
    Fault::PartlyWrittenThenFails,
    Fault::ItemsUnprocessed,
    Fault::KeyHot,
    Fault::WriteThrottled,
    Fault::WriteDenied,
    Fault::WriteDelay,
    Fault::AnswerDelay,
    Fault::StoreSlow,
    Fault::Crash,
    Fault::DeliveredTwiceAtOnce,
    Fault::DeliveredAfterDelete,
];

/// How often each thing was seen.
pub(crate) type Counts = BTreeMap<String, u64>;

/// The weather of a run.
pub(crate) struct Weather {
    pub(crate) clock: Clock,
    rates: BTreeMap<Fault, f64>,
    calm_from: Instant,
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    counts: Counts,
    trace: DefaultHasher,
    lines: Option<Vec<String>>,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) fn calm(rng: fastrand::Rng) -> Self {
        let clock = Clock::new();
        Self {
            calm_from: clock.now(),
            clock,
            rates: BTreeMap::new(),
            state: Mutex::new(State {
                rng,
                counts: Counts::new(),
                trace: DefaultHasher::new(),
                lines: None,
            }),
        }
    }

    /// About a third of all faults, each at a rate of its own, for some minutes.
    pub(crate) fn rough(mut rng: fastrand::Rng, tell: bool) -> Self {
        let mut rates = BTreeMap::new();
        for fault in FAULTS {
            if rng.f64() < 0.35 {
                rates.insert(fault, rng.f64() * rng.f64() * 0.5);
            }
        }
        let minutes = rng.u64(1..10);
        let calm = Self::calm(rng);
        calm.state.lock().unwrap().lines = tell.then(Vec::new);
        Self {
            rates,
            calm_from: calm.clock.now() + Duration::from_secs(60 * minutes),
            ..calm
        }
    }

    /// Whether it happens now; it is counted if so.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let Some(rate) = self.rates.get(&fault) else {
            return false;
        };
        let strikes = !self.is_calm() && self.state.lock().unwrap().rng.f64() < *rate;
        if strikes {
            self.count(&format!("fault {fault:?}"));
        }
        strikes
    }

    /// Whether it belongs to this run.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.rates.contains_key(&fault) && !self.is_calm()
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.clock.now() >= self.calm_from
    }

    pub(crate) fn number(&self, range: Range<u64>) -> u64 {
        self.state.lock().unwrap().rng.u64(range)
    }

    pub(crate) fn chance(&self, probability: f64) -> bool {
        self.state.lock().unwrap().rng.f64() < probability
    }

    pub(crate) fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        self.state.lock().unwrap().rng.shuffle(items);
    }

    pub(crate) fn pick<T: Copy>(&self, items: &[T]) -> T {
        let any = self.number(0..items.len() as u64);
        items[usize::try_from(any).unwrap()]
    }

    /// Some of the positions below `length`: seldom none, never all.
    pub(crate) fn some_of(&self, length: usize) -> Vec<usize> {
        let share = self.number(1..100);
        let mut some: Vec<usize> = (0..length)
            .filter(|_| self.number(0..100) < share)
            .collect();
        if some.len() == length {
            some.pop();
        }
        some
    }

    pub(crate) fn count(&self, what: &str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&self, what: &str, times: u64) {
        if times > 0 {
            let counts = &mut self.state.lock().unwrap().counts;
            *counts.entry(what.to_owned()).or_default() += times;
        }
    }

    /// One line of what happens.
    pub(crate) fn note(&self, line: &str) {
        let at = self.clock.elapsed();
        let mut state = self.state.lock().unwrap();
        (at, line).hash(&mut state.trace);
        if let Some(lines) = &mut state.lines {
            lines.push(format!("{:>10.3} {line}", at.as_secs_f64()));
        }
    }

    /// A hash of all that happened.
    pub(crate) fn trace(&self) -> u64 {
        self.state.lock().unwrap().trace.finish()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap().lines.clone().unwrap_or_default()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state.lock().unwrap().counts.clone()
    }
}
