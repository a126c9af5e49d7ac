//! A source and a store in memory, equal citizens of the real ones: for tests, and for
//! anyone who wants to run the whole path without a network.

mod faulty;
mod refusal;
mod store;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;

use crate::{
    edge::{EdgeError, EdgeErrorKind, LogBody, LogSource, ObjectIdentity, Timer},
    object::ObjectAddress,
};

pub use faulty::{Faults, FaultyStore, KeyRate, ReadFate, WriteFate, Written};
pub use refusal::{Refusal, check_batch, check_keys};
pub use store::MemoryStore;

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
