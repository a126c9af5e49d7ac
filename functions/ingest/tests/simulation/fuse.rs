//! Where an invocation crashes: before or after any call to the world outside.

use std::{
    iter::repeat_n,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use crate::weather::{Fault, Weather};

/// Where an invocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Open,
    LookUp,
    Read,
    FirstWrite,
    BetweenWrites,
    LedgerWrite,
    PutOff,
    Answer,
}

pub(crate) const STAGES: [Stage; 8] = [
    Stage::Open,
    Stage::LookUp,
    Stage::Read,
    Stage::FirstWrite,
    Stage::BetweenWrites,
    Stage::LedgerWrite,
    Stage::PutOff,
    Stage::Answer,
];

/// What is chosen from: each once, and a put-off, to which few invocations come, three times.
fn choices() -> Vec<Stage> {
    let times = |stage| if stage == Stage::PutOff { 3 } else { 1 };
    let stages = STAGES.into_iter();
    stages
        .flat_map(|stage| repeat_n(stage, times(stage)))
        .collect()
}

/// Burns down with each step of an invocation.
#[derive(Default)]
pub(crate) struct Fuse(Mutex<State>);

#[derive(Default)]
struct State {
    steps_left: Option<u64>,
    /// Only steps of this stage count.
    only: Option<Stage>,
    is_blown: bool,
    has_written: bool,
}

impl Fuse {
    /// For a new invocation.
    pub(crate) fn light(&self, weather: &Weather) {
        let crashes = weather.has(Fault::Crash) && weather.chance(0.4);
        let only = weather.chance(0.7).then(|| weather.pick(&choices()));
        let most = match only {
            Some(Stage::Answer | Stage::PutOff) => 1,
            Some(Stage::FirstWrite | Stage::LedgerWrite) => 4,
            _ => weather.pick(&[8, 40, 200]),
        };
        let steps = weather.number(0..most);
        *self.0.lock().unwrap() = State {
            steps_left: crashes.then_some(steps),
            only,
            ..State::default()
        };
    }

    /// One step; the last one never returns.
    pub(crate) async fn step(&self, stage: Stage, weather: &Weather) {
        if self.burns_down(stage, weather) {
            std::future::pending::<()>().await;
        }
    }

    fn burns_down(&self, stage: Stage, weather: &Weather) -> bool {
        let mut state = self.0.lock().unwrap();
        if state.is_blown || state.only.is_some_and(|only| only != stage) {
            return state.is_blown;
        }
        match &mut state.steps_left {
            Some(0) => {
                state.is_blown = true;
                weather.count(&format!("fault {:?}", Fault::Crash));
                weather.count(&format!("crash {stage:?}"));
                weather.note(&format!("crash at {stage:?}"));
            }
            Some(steps) => *steps -= 1,
            None => {}
        }
        state.is_blown
    }

    /// The stage of a write that is none to the ledger's entries.
    pub(crate) fn write_stage(&self) -> Stage {
        let mut state = self.0.lock().unwrap();
        match std::mem::replace(&mut state.has_written, true) {
            false => Stage::FirstWrite,
            true => Stage::BetweenWrites,
        }
    }

    fn is_blown(&self) -> bool {
        self.0.lock().unwrap().is_blown
    }

    /// What `future` gives, or `None` when the fuse has burned down: it goes no further.
    pub(crate) async fn guard<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = Box::pin(future);
        std::future::poll_fn(move |context: &mut Context<'_>| {
            match Pin::new(&mut future).poll(context) {
                _ if self.is_blown() => Poll::Ready(None),
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
