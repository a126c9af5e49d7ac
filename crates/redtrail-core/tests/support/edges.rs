//! Edges that fail where they are told to.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, ItemStore, LogBody, LogSource, ObjectIdentity, Unless},
    item::{Item, Put},
    memory::MemoryStore,
    object::ObjectAddress,
};
use redtrail_model::Table;

fn retryable(attempted: &str) -> EdgeError {
    EdgeError {
        attempted: attempted.to_owned(),
        kind: EdgeErrorKind::Retryable,
        source: None,
    }
}

/// One opening of the object: what is promised, and what comes.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    identity: ObjectIdentity,
    bytes: Bytes,
    ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// As if it were whole.
    Quietly,
    WithAnError,
}

impl Opening {
    pub(crate) fn whole(bytes: &[u8]) -> Self {
        let identity = ObjectIdentity {
            etag: Some(format!("\"{}\"", bytes.len())),
            version_id: Some("v1".to_owned()),
            stored_bytes: Some(bytes.len() as u64),
        };
        Self {
            identity,
            bytes: Bytes::copy_from_slice(bytes),
            ends: Ends::Quietly,
        }
    }

    /// The body ends after so many bytes, as if it were whole.
    pub(crate) fn short(bytes: &[u8], length: usize) -> Self {
        let whole = Self::whole(bytes);
        Self {
            bytes: whole.bytes.slice(..length),
            ..whole
        }
    }

    /// The body breaks off after so many bytes.
    pub(crate) fn broken(bytes: &[u8], length: usize) -> Self {
        Self {
            ends: Ends::WithAnError,
            ..Self::short(bytes, length)
        }
    }
}

/// A source that is opened just as often as it has openings.
pub(crate) struct Scripted {
    openings: Mutex<VecDeque<Opening>>,
    asked: Mutex<Vec<Option<ObjectIdentity>>>,
}

impl Scripted {
    pub(crate) fn new(openings: impl IntoIterator<Item = Opening>) -> Self {
        Self {
            openings: Mutex::new(openings.into_iter().collect()),
            asked: Mutex::default(),
        }
    }

    /// Which exact bytes each opening asked for.
    pub(crate) fn asked(&self) -> Vec<Option<ObjectIdentity>> {
        self.asked.lock().unwrap().clone()
    }
}

impl LogSource for Scripted {
    type Body = Opening;

    async fn open(
        &self,
        _: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> Result<Opening, EdgeError> {
        self.asked.lock().unwrap().push(exactly.cloned());
        Ok(self
            .openings
            .lock()
            .unwrap()
            .pop_front()
            .expect("the object is opened once too often"))
    }
}

impl LogBody for Opening {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        if self.bytes.is_empty() {
            return match self.ends {
                Ends::Quietly => Ok(None),
                Ends::WithAnError => Err(retryable("read on")),
            };
        }
        let length = self.bytes.len().min(1000);
        Ok(Some(self.bytes.split_to(length)))
    }
}

/// A store that takes so many items, in either order, and then fails. What it took stays.
pub(crate) struct Failing<'a> {
    pub(crate) store: &'a MemoryStore,
    pub(crate) left: AtomicUsize,
    pub(crate) backwards: bool,
}

impl ItemStore for Failing<'_> {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        let mut puts = batch.to_vec();
        if self.backwards {
            puts.reverse();
        }
        for put in puts {
            let left = self.left.load(Ordering::Relaxed);
            self.left.store(
                left.checked_sub(1).ok_or(retryable("write"))?,
                Ordering::Relaxed,
            );
            self.store.write(&[put]).await?;
        }
        Ok(Vec::new())
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        let left = self.left.load(Ordering::Relaxed).checked_sub(1);
        let left = left.ok_or(retryable("write"))?;
        self.left.store(left, Ordering::Relaxed);
        self.store.put_unless(put, unless).await
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        self.store.get(table, keys).await
    }
}
