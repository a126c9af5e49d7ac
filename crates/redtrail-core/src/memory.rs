//! A source and a store in memory, equal citizens of the real ones: for tests, and for
//! anyone who wants to run the whole path without a network.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use redtrail_model::Table;

use crate::{
    edge::{EdgeError, EdgeErrorKind, ItemStore, LogBody, LogSource, ObjectIdentity, Timer},
    item::{Item, Put},
    object::ObjectAddress,
};

/// Pieces in which an object's bytes arrive.
const PIECE_BYTES: usize = 16 * 1024;

/// Objects by bucket and key.
#[derive(Debug, Default)]
pub struct MemorySource {
    objects: Mutex<BTreeMap<(String, String), Bytes>>,
}

impl MemorySource {
    pub fn insert(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        locked(&self.objects).insert((bucket.to_owned(), key.to_owned()), bytes.into());
    }
}

/// An object of a [`MemorySource`], being read.
#[derive(Debug)]
pub struct MemoryBody {
    identity: ObjectIdentity,
    rest: Bytes,
}

impl LogSource for MemorySource {
    type Body = MemoryBody;

    async fn open(
        &self,
        object: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> Result<MemoryBody, EdgeError> {
        let error = |kind| EdgeError {
            attempted: format!("fetch {object}"),
            kind,
            source: None,
        };
        let place = (object.bucket.clone(), object.key.clone());
        let bytes = locked(&self.objects).get(&place).cloned();
        let bytes = bytes.ok_or_else(|| error(EdgeErrorKind::Missing))?;
        let identity = ObjectIdentity {
            etag: Some(format!("\"{}\"", crate::hash::hex(&digest(&bytes)))),
            version_id: None,
            stored_bytes: Some(bytes.len() as u64),
        };
        if exactly.is_some_and(|exactly| *exactly != identity) {
            return Err(error(EdgeErrorKind::Changed));
        }
        Ok(MemoryBody {
            identity,
            rest: bytes,
        })
    }
}

impl LogBody for MemoryBody {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let length = PIECE_BYTES.min(self.rest.len());
        Ok(Some(self.rest.split_to(length)))
    }
}

/// Tables by their keys.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<BTreeMap<(Table, String, String), Item>>,
}

impl MemoryStore {
    /// Every item, in the order of table, partition key and sort key.
    pub fn items(&self) -> Vec<(Table, Item)> {
        let tables = locked(&self.tables);
        tables
            .iter()
            .map(|((table, ..), item)| (*table, item.clone()))
            .collect()
    }

    /// The items of one partition, in the order of their sort keys.
    pub fn partition(&self, table: Table, partition: &str) -> Vec<Item> {
        let tables = locked(&self.tables);
        tables
            .iter()
            .filter(|((of, key, _), _)| *of == table && key == partition)
            .map(|(_, item)| item.clone())
            .collect()
    }
}

impl ItemStore for MemoryStore {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        let mut tables = locked(&self.tables);
        for put in batch {
            let [partition, sort] = put.keys();
            if partition.is_empty() || sort.is_empty() {
                return Err(EdgeError {
                    attempted: "write an item without its keys".to_owned(),
                    kind: EdgeErrorKind::Refused,
                    source: None,
                });
            }
            let place = (put.table, partition.to_owned(), sort.to_owned());
            tables.insert(place, put.item.clone());
        }
        Ok(Vec::new())
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        let [partition, sort] = keys.map(str::to_owned);
        Ok(locked(&self.tables).get(&(table, partition, sort)).cloned())
    }
}

/// A clock that stands still until something waits for it: then it jumps there.
#[derive(Debug)]
pub struct MemoryTimer(Mutex<Instant>);

impl MemoryTimer {
    pub fn starting_at(start: Instant) -> Self {
        Self(Mutex::new(start))
    }
}

impl Timer for MemoryTimer {
    fn now(&self) -> Instant {
        *locked(&self.0)
    }

    async fn sleep_until(&self, at: Instant) {
        let mut now = locked(&self.0);
        *now = at.max(*now);
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
