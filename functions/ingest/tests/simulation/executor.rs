//! Runs futures on one thread, in an order that a seed fixes, by a clock that stands still
//! while anything can go on and then jumps to whatever waits for it next.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use redtrail_core::edge::Timer;

/// A run that takes more steps than this goes round in circles: in the worst weather of some thousand seeds
/// one took more than 300,000 and came to its end.
const MAX_STEPS: u64 = 2_000_000;

/// What runs.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The clock, and the way to start a task.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<State>>);

type Spawned = Pin<Box<dyn Future<Output = ()> + Send>>;

struct State {
    started: Instant,
    now: Instant,
    sleepers: BTreeMap<(Instant, u64), Waker>,
    ready: Vec<u64>,
    spawned: Vec<(u64, Spawned)>,
    last_id: u64,
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Clock {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            started: now,
            now,
            sleepers: BTreeMap::new(),
            ready: Vec::new(),
            spawned: Vec::new(),
            last_id: 0,
        })))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        let state = self.state();
        state.now - state.started
    }

    /// Starts a task that runs to its end whatever becomes of the one that started it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state();
        let id = state.next_id();
        state.spawned.push((id, Box::pin(task)));
        state.ready.push(id);
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.sleep_until(self.now() + time).await;
    }

    /// Runs `tasks` and all that they start until none of them can go on.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub(crate) fn run(
        &self,
        tasks: impl IntoIterator<Item = Task>,
        rng: &mut fastrand::Rng,
    ) -> Result<(), String> {
        let mut all: BTreeMap<u64, Task> = BTreeMap::new();
        for task in tasks {
            let mut state = self.state();
            let id = state.next_id();
            state.ready.push(id);
            all.insert(id, task);
        }
        for _ in 0..MAX_STEPS {
            let mut state = self.state();
            for (id, task) in state.spawned.drain(..) {
                all.insert(id, task);
            }
            if state.ready.is_empty() {
                let Some((at, _)) = state.sleepers.keys().next().copied() else {
                    return Ok(());
                };
                state.now = at;
                let later = state.sleepers.split_off(&(at, u64::MAX));
                let due = std::mem::replace(&mut state.sleepers, later);
                drop(state);
                due.into_values().for_each(Waker::wake);
                continue;
            }
            let any = rng.usize(..state.ready.len());
            let id = state.ready.swap_remove(any);
            drop(state);
            let Some(task) = all.get_mut(&id) else {
                continue;
            };
            let waker = Waker::from(Arc::new(TaskWaker {
                id,
                state: Arc::clone(&self.0),
            }));
            if task
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                all.remove(&id);
            }
        }
        Err(format!("no end after {MAX_STEPS} steps"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        self.state().now
    }

    async fn sleep_until(&self, at: Instant) {
        let id = self.state().next_id();
        let sleep = Sleep {
            clock: self.clone(),
            key: (at, id),
        };
        poll_fn(|context| sleep.poll(context)).await;
    }
}

struct Sleep {
    clock: Clock,
    key: (Instant, u64),
}

impl Sleep {
    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.key.0 {
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.clock.state().sleepers.remove(&self.key);
        // What a waker holds may need the state when it goes.
        drop(waker);
    }
}

struct TaskWaker {
    id: u64,
    state: Arc<Mutex<State>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut state = self.state.lock().unwrap();
        if !state.ready.contains(&self.id) {
            state.ready.push(self.id);
        }
    }
}

/// An answer from one task to another, which need not wait for it.
pub(crate) struct Answer<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Answer<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((None, None))))
    }

    pub(crate) fn give(&self, value: T) {
        let mut state = self.0.lock().unwrap();
        state.0 = Some(value);
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) async fn receive(&self) -> T {
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            match state.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    state.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
