//! What can go wrong while starting and filling the servers.

use std::error::Error;
use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;

/// A server could not be started, or not be filled.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("could not listen on {address}")]
    Listen {
        address: SocketAddrV4,
        source: io::Error,
    },
    #[error("could not use the folder {}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("could not serve the folder {} as S3", path.display())]
    S3Folder {
        path: PathBuf,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("could not open the database of the embedded DynamoDB")]
    Database {
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("could not start {}", path.display())]
    Start { path: PathBuf, source: io::Error },
    #[error("could not read the template")]
    Template { source: serde_yaml_ng::Error },
    #[error("could not read the table {logical_id} of the template")]
    DeclaredTable {
        logical_id: String,
        source: serde_yaml_ng::Error,
    },
    #[error("the template declares no table {logical_id}")]
    UndeclaredTable { logical_id: &'static str },
    #[error("the table {name} is there already, with other keys than the template's")]
    OtherKeys { name: String },
    /// A request to one of the servers failed; `attempt` says which.
    #[error("could not {attempt}")]
    Request {
        attempt: String,
        source: Box<dyn Error + Send + Sync>,
    },
}

impl LocalError {
    /// For `map_err` on the result of an SDK call.
    pub(crate) fn request<E>(attempt: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let attempt = attempt.into();
        move |source| Self::Request {
            attempt,
            source: source.into(),
        }
    }
}
