//! The embedded DynamoDB: dynoxide behind its own HTTP server.

use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use dynoxide::Database;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::LocalError;
use crate::http_server::listen;

/// Where the tables live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DynamoDbStorage {
    /// Gone with the server.
    Memory,
    /// An SQLite file, made when it is not there yet.
    File(PathBuf),
}

/// A DynamoDB on this machine, until it is stopped or dropped.
#[derive(Debug)]
pub struct DynamoDbServer {
    address: SocketAddr,
    /// Sending or dropping it ends the server.
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), String>>,
}

impl DynamoDbServer {
    /// Starts on an address, whose port 0 is any free one.
    pub async fn start(
        storage: &DynamoDbStorage,
        address: SocketAddrV4,
    ) -> Result<Self, LocalError> {
        let database = match storage {
            DynamoDbStorage::Memory => Database::memory(),
            DynamoDbStorage::File(path) => Database::new(&path.to_string_lossy()),
        };
        let database = database.map_err(|error| LocalError::Database {
            source: Box::new(error),
        })?;
        let (listener, address) = listen(address).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move {
            stopped.await.ok();
        };
        let serving = tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener, database, stopped,
        ));
        Ok(Self {
            address,
            stop,
            serving,
        })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server once the requests it is serving are answered.
    pub async fn stop(self) {
        drop(self.stop);
        self.serving.await.ok();
    }
}
