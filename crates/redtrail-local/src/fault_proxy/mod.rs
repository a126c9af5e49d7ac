//! A proxy in front of the embedded S3 and DynamoDB that makes the wire fail: at the requests that
//! a plan names, and as AWS or a network may do at any request. Every other request and answer goes
//! through as it is.

mod answer;
mod batch;
mod cut_body;
mod fault;
mod random;
mod refusal;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Uri};
use tokio::sync::mpsc;

use self::answer::Answerer;
pub use self::fault::{Fault, FaultKind, ThroughputLimit};
pub use self::random::RandomFaults;
pub use self::request::{AwsService, ProxiedRequest, Put};
use crate::error::LocalError;
use crate::http_server::{HttpServer, LOOPBACK};

/// One proxy with two addresses, one for S3 and one for DynamoDB, until it is stopped or dropped.
/// Requests to both are numbered together, so that the nth request of a process can be named.
pub struct FaultProxy {
    s3: HttpServer,
    dynamodb: HttpServer,
    answerer: Arc<Answerer>,
    held: tokio::sync::Mutex<mpsc::UnboundedReceiver<ProxiedRequest>>,
}

/// What has passed through a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by operation, with a fault or without.
    pub requests: BTreeMap<String, u64>,
    /// Faults by kind: those that happened. One that a request gives no occasion for, such as
    /// cutting an empty body, does not.
    pub faults: BTreeMap<FaultKind, u64>,
}

impl FaultProxy {
    /// Starts on free ports of 127.0.0.1 in front of two endpoints. `plan` is asked about every
    /// request, when all of it has arrived and before it goes on.
    pub async fn start<P>(
        s3_endpoint: &str,
        dynamodb_endpoint: &str,
        plan: P,
    ) -> Result<Self, LocalError>
    where
        P: Fn(&ProxiedRequest) -> Option<Fault> + Send + Sync + 'static,
    {
        let (held_sender, held) = mpsc::unbounded_channel();
        let answerer = Arc::new(Answerer::new(Box::new(plan), held_sender));
        Ok(Self {
            s3: serve(&answerer, AwsService::S3, s3_endpoint).await?,
            dynamodb: serve(&answerer, AwsService::DynamoDb, dynamodb_endpoint).await?,
            answerer,
            held: tokio::sync::Mutex::new(held),
        })
    }

    pub fn s3_endpoint(&self) -> String {
        format!("http://{}", self.s3.address())
    }

    pub fn dynamodb_endpoint(&self) -> String {
        format!("http://{}", self.dynamodb.address())
    }

    pub fn counts(&self) -> Counts {
        self.answerer.counts().clone()
    }

    /// Waits for the next request that is held, by [`Fault::HoldBefore`] or
    /// [`Fault::HoldAfterApply`]: the moment to kill whoever sent it.
    pub async fn held(&self) -> ProxiedRequest {
        let next = self.held.lock().await.recv().await;
        next.expect("the sender lives as long as the proxy")
    }

    /// Ends the proxy and whatever request it was serving; the servers behind it go on.
    pub async fn stop(self) {
        self.s3.stop().await;
        self.dynamodb.stop().await;
    }
}

async fn serve(
    answerer: &Arc<Answerer>,
    aws_service: AwsService,
    endpoint: &str,
) -> Result<HttpServer, LocalError> {
    let attempt = format!("put a proxy in front of {endpoint}");
    let upstream: Uri = endpoint.parse().map_err(LocalError::request(attempt))?;
    let answerer = Arc::clone(answerer);
    let service = service_fn(move |request: Request<Incoming>| {
        let answerer = Arc::clone(&answerer);
        let upstream = upstream.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let number = answerer.next_number();
            let request = ProxiedRequest::new(number, aws_service, Request::from_parts(head, body));
            answerer.answer(&upstream, request).await
        }
    });
    HttpServer::start(LOOPBACK, service).await
}
