//! A store that fails on demand, as DynamoDB and the way to it do: no stand-in for DynamoDB
//! throttles, leaves items over, or fails after it has written.

use std::{
    collections::BTreeMap,
    slice,
    sync::Mutex,
    time::{Duration, Instant},
};

use redtrail_model::Table;

use super::locked;
use crate::{
    edge::{EdgeError, EdgeErrorKind, ItemStore, Timer, Unless},
    item::{Item, Put},
};

/// A store with faults before it.
#[derive(Clone, Debug)]
pub struct FaultyStore<S, T, F> {
    pub store: S,
    pub timer: T,
    pub faults: F,
}

/// Who decides what befalls each request.
pub trait Faults: Sync {
    fn on_write(&self, batch: &[Put]) -> WriteFate;
    fn on_get(&self, table: Table, keys: [&str; 2]) -> ReadFate;
}

/// What befalls a BatchWriteItem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteFate {
    /// Time that passes before anything is written.
    pub before: Duration,
    pub written: Written,
    /// Time that passes before the answer.
    pub after: Duration,
}

/// What of a batch is written, and what is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Written {
    #[default]
    All,
    /// All but these positions, and the answer says so.
    AllBut(Vec<usize>),
    /// These positions, but the answer is a failure.
    Failed {
        kind: EdgeErrorKind,
        written: Vec<usize>,
    },
}

/// What befalls a GetItem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadFate {
    pub before: Duration,
    pub failed: Option<EdgeErrorKind>,
}

impl<S: ItemStore, T: Timer, F: Faults> ItemStore for FaultyStore<S, T, F> {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        let fate = self.faults.on_write(batch);
        self.wait(fate.before).await;
        let (positions, answer) = match fate.written {
            Written::All => ((0..batch.len()).collect(), Ok(Vec::new())),
            Written::AllBut(left) => {
                let others = (0..batch.len()).filter(|position| !left.contains(position));
                (others.collect(), Ok(left))
            }
            Written::Failed { kind, written } => (written, Err(failed("write items", kind))),
        };
        let written: Vec<Put> = positions
            .into_iter()
            .filter_map(|position| batch.get(position).cloned())
            .collect();
        if !written.is_empty() {
            self.store.write(&written).await?;
        }
        self.wait(fate.after).await;
        answer
    }

    /// Its fate is that of a batch of one. Of a single item nothing is left over: it is throttled.
    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        let fate = self.faults.on_write(slice::from_ref(put));
        self.wait(fate.before).await;
        let reason = "KeyRangeThroughputExceeded";
        let failure = match &fate.written {
            Written::AllBut(left) if !left.is_empty() => Some(EdgeErrorKind::Throttled { reason }),
            Written::Failed { kind, .. } => Some(*kind),
            Written::All | Written::AllBut(_) => None,
        };
        let is_carried_out = match &fate.written {
            Written::Failed { written, .. } => !written.is_empty(),
            Written::All | Written::AllBut(_) => failure.is_none(),
        };
        let put = match is_carried_out {
            true => self.store.put_unless(put, unless).await?,
            false => false,
        };
        self.wait(fate.after).await;
        match failure {
            Some(kind) => Err(failed("put an item", kind)),
            None => Ok(put),
        }
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        let fate = self.faults.on_get(table, keys);
        self.wait(fate.before).await;
        match fate.failed {
            Some(kind) => Err(failed("read an item", kind)),
            None => self.store.get(table, keys).await,
        }
    }
}

impl<S, T: Timer, F> FaultyStore<S, T, F> {
    async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            self.timer.sleep_until(self.timer.now() + time).await;
        }
    }
}

fn failed(attempted: &str, kind: EdgeErrorKind) -> EdgeError {
    EdgeError {
        attempted: attempted.to_owned(),
        kind,
        source: None,
    }
}

/// A bound on writes to one partition key, as DynamoDB's on one key range: a busy key leaves
/// items over.
#[derive(Debug)]
pub struct KeyRate {
    /// Writes that one key takes in a second.
    pub writes_a_second: u32,
    /// By table and partition key: when its second began, and the writes since.
    taken: Mutex<BTreeMap<(Table, String), (Instant, u32)>>,
}

impl KeyRate {
    pub fn new(writes_a_second: u32) -> Self {
        Self {
            writes_a_second,
            taken: Mutex::default(),
        }
    }

    /// The positions of `batch` that are left over at `now`; the others are reckoned as written.
    pub fn left_over(&self, batch: &[Put], now: Instant) -> Vec<usize> {
        let mut taken = locked(&self.taken);
        let mut left = Vec::new();
        for (position, put) in batch.iter().enumerate() {
            let [partition, _] = put.keys();
            let second = taken
                .entry((put.table, partition.to_owned()))
                .or_insert((now, 0));
            if now.saturating_duration_since(second.0) >= Duration::from_secs(1) {
                *second = (now, 0);
            }
            if second.1 < self.writes_a_second {
                second.1 += 1;
            } else {
                left.push(position);
            }
        }
        left
    }
}
