//! What a warm container has written to the directory already. Writing it again would
//! change nothing, but cost.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_dynamo::AttributeValue;
use sha2::{Digest, Sha256};

use crate::{hash, item::Put};

/// Facts remembered at most: about 3 MiB. Beyond it all are forgotten, and written once more.
const MAX_REMEMBERED: usize = 100_000;

/// Directory items known to be durable.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<HashSet<Fact>>);

impl Remembered {
    /// Those of `puts` that are neither known to be durable nor `met` before, each once.
    pub fn fresh(&self, mut puts: Vec<Put>, met: &mut HashSet<Fact>) -> Vec<Put> {
        let remembered = self.locked();
        puts.retain(|put| {
            let fact = Fact::of(put);
            !remembered.contains(&fact) && met.insert(fact)
        });
        puts
    }

    /// Remembers that these are durable.
    pub fn remember(&self, durable: impl IntoIterator<Item = Fact>) {
        let mut remembered = self.locked();
        for fact in durable {
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(fact);
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashSet<Fact>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of a directory item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fact([u8; 16]);

impl Fact {
    pub fn of(put: &Put) -> Self {
        Self(hash_of(put))
    }
}

/// Of the item's keys: they fix its content.
fn hash_of(put: &Put) -> [u8; 16] {
    let schema = put.table.schema();
    let mut hash = Sha256::new();
    for name in [schema.partition_key, schema.sort_key] {
        if let Some(AttributeValue::S(text)) = put.get(name) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    hash::short(hash)
}
