//! The edges: where log objects come from, where items go, and the clock. The code between
//! knows nothing else of the world.

use std::{error::Error, future::Future, pin::pin, time::Instant};

use bytes::Bytes;
use futures_util::future::{Either, select};
use redtrail_model::Table;
use thiserror::Error;

use crate::{
    item::{Item, Put},
    object::ObjectAddress,
};

/// Where log objects are read.
pub trait LogSource: Sync {
    type Body: LogBody;

    /// Opens an object. With `exactly`, only those very bytes will do: that version with
    /// that ETag.
    fn open(
        &self,
        object: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> impl Future<Output = Result<Self::Body, EdgeError>> + Send;
}

/// An object being read.
pub trait LogBody: Send {
    fn identity(&self) -> &ObjectIdentity;

    /// The next bytes; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, EdgeError>> + Send;
}

/// Which bytes an object's name stood for when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectIdentity {
    pub etag: Option<String>,
    pub version_id: Option<String>,
    /// Size as stored, in bytes.
    pub stored_bytes: Option<u64>,
}

/// Where items are written.
pub trait ItemStore: Sync {
    /// Puts the items of one batch, as [`batch`](crate::batch) bounds it, replacing those with the
    /// same keys. Gives the positions of those that the store did not process; all others are
    /// durable. After an error any of them may be.
    fn write(&self, batch: &[Put]) -> impl Future<Output = Result<Vec<usize>, EdgeError>> + Send;

    /// Puts one item, replacing the one with the same keys unless that is what `unless` says.
    /// Gives whether it was put.
    fn put_unless(
        &self,
        put: &Put,
        unless: Unless,
    ) -> impl Future<Output = Result<bool, EdgeError>> + Send;

    /// The item with this partition key and sort key. It may be as it was a moment ago.
    fn get(
        &self,
        table: Table,
        keys: [&str; 2],
    ) -> impl Future<Output = Result<Option<Item>, EdgeError>> + Send;
}

/// An item that a new one must not replace: it has the new one's values of all attributes in
/// `same`, and another value of `differs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unless {
    pub same: &'static [&'static str],
    pub differs: &'static str,
}

impl Unless {
    /// Whether `there` is such an item, for `new`.
    pub fn is(self, there: &Item, new: &Item) -> bool {
        let (there, new) = (there.inner(), new.inner());
        let is_same = |name: &&str| new.contains_key(*name) && new.get(*name) == there.get(*name);
        self.same.iter().all(is_same) && there.get(self.differs) != new.get(self.differs)
    }
}

/// Where objects are announced to be ingested.
pub trait Announce: Sync {
    /// With `force`, they are read even if the ledger has them as finished.
    fn announce(
        &self,
        objects: &[ObjectAddress],
        force: bool,
    ) -> impl Future<Output = Result<(), EdgeError>> + Send;
}

/// What time it is, and waiting.
pub trait Timer: Sync {
    fn now(&self) -> Instant;

    /// Returns at `at`, or at once when that has passed.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send;
}

/// What `future` gives, if it gives it before `until`.
pub async fn within<F: Future>(timer: &impl Timer, until: Instant, future: F) -> Option<F::Output> {
    let (future, sleep) = (pin!(future), pin!(timer.sleep_until(until)));
    match select(future, sleep).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Something an edge could not do.
#[derive(Debug, Error)]
#[error("could not {attempted}")]
pub struct EdgeError {
    /// What was attempted, and on what: `fetch s3://bucket/key`.
    pub attempted: String,
    pub kind: EdgeErrorKind,
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeErrorKind {
    /// Timed out, cut off, unavailable: the same may succeed later.
    Retryable,
    /// Refused for its rate; the same may succeed later.
    Throttled {
        /// Which limit was exceeded, in the service's own word.
        reason: &'static str,
    },
    /// The time given was up before it was done; the same may succeed later.
    OutOfTime,
    /// Not permitted, until a person changes a policy. Retrying at once is no use.
    Denied {
        /// The IAM action that is missing, as far as the service tells.
        permission: &'static str,
    },
    /// There is no such object or table.
    Missing,
    /// The object was replaced between two readings of it.
    Changed,
    /// The service refuses what was sent, whenever it is sent.
    Refused,
}

impl EdgeErrorKind {
    /// Whether the same may succeed later with nobody mending anything.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Retryable | Self::Throttled { .. } | Self::OutOfTime
        )
    }

    /// The kind as a word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
            Self::Throttled { .. } => "throttled",
            Self::OutOfTime => "out_of_time",
            Self::Denied { .. } => "denied",
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Refused => "refused",
        }
    }
}

/// An error and its causes as one line: `outer: inner: innermost`.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
