//! The two edges: where log objects come from and where items go. The code between
//! knows nothing else of the world.

use std::{error::Error, future::Future, time::Instant};

use bytes::Bytes;
use thiserror::Error;

use crate::{item::Put, object::ObjectAddress};

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
    /// Writes every item, replacing those with the same keys. After `Ok` all of them are
    /// durable; after an error any of them may be. Gives up at `until`.
    fn put_all(
        &self,
        puts: Vec<Put>,
        until: Instant,
    ) -> impl Future<Output = Result<(), EdgeError>> + Send;
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
    /// Throttled, timed out, cut off: the same may succeed later.
    Retryable,
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
    /// The kind as a word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
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
