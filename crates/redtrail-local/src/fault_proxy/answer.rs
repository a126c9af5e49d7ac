//! How a proxied request is answered: as the server does, or as the plan says.

use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;

use super::batch::{self, Divided};
use super::cut_body::CutBody;
use super::fault::{Fault, FaultKind};
use super::request::ProxiedRequest;
use super::{Counts, refusal};

type Plan = dyn Fn(&ProxiedRequest) -> Option<Fault> + Send + Sync;
pub(super) type Cause = Box<dyn Error + Send + Sync>;
pub(super) type Answer = Response<BoxBody<Bytes, Cause>>;

/// What the requests of a proxy share.
pub(super) struct Answerer {
    plan: Box<Plan>,
    client: Client<HttpConnector, Full<Bytes>>,
    next_number: AtomicU64,
    counts: Mutex<Counts>,
    held: mpsc::UnboundedSender<ProxiedRequest>,
}

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
#[error("the plan resets the connection")]
struct Reset;

impl Answerer {
    pub(super) fn new(plan: Box<Plan>, held: mpsc::UnboundedSender<ProxiedRequest>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            plan,
            client: Client::builder(TokioExecutor::new()).build(connector),
            next_number: AtomicU64::new(1),
            counts: Mutex::default(),
            held,
        }
    }

    pub(super) fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error leaves the request without an answer.
    pub(super) async fn answer(
        &self,
        upstream: &Uri,
        request: ProxiedRequest,
    ) -> Result<Answer, Cause> {
        let operation = request.operation.clone();
        *self.counts().requests.entry(operation).or_default() += 1;
        let Some(fault) = (self.plan)(&request) else {
            return self.forward(upstream, &request).await;
        };
        let kind = fault.kind();
        match fault {
            Fault::Status500 => {
                self.count(kind);
                Ok(refusal::internal_error(&request).map(whole))
            }
            Fault::Status503 => {
                self.count(kind);
                Ok(refusal::unavailable(&request).map(whole))
            }
            Fault::Throttle(limit) => {
                self.count(kind);
                Ok(refusal::throttled(&request, limit).map(whole))
            }
            Fault::Delay(delay) => {
                self.count(kind);
                self.forward_later(upstream, &request, delay).await
            }
            Fault::ResetBefore => {
                self.count(kind);
                Err(Reset.into())
            }
            Fault::ResetAfterApply => {
                self.forward_whole(upstream, &request).await?;
                self.count(kind);
                Err(Reset.into())
            }
            Fault::CutBody(length) => {
                let (mut head, body) = self.forward_whole(upstream, &request).await?.into_parts();
                if body.is_empty() {
                    return Ok(Response::from_parts(head, whole(body)));
                }
                self.count(kind);
                head.headers.insert(CONTENT_LENGTH, body.len().into());
                let cut = CutBody::new(body.slice(..length.min(body.len() - 1)));
                Ok(Response::from_parts(head, cut.map_err(Into::into).boxed()))
            }
            Fault::Unprocessed(positions) => {
                let Some(divided) = batch::divide(&request.body, &positions) else {
                    return self.forward(upstream, &request).await;
                };
                self.count(kind);
                self.leave_unprocessed(upstream, request, divided).await
            }
            Fault::HoldBefore => {
                self.count(kind);
                self.hold(request).await
            }
            Fault::HoldAfterApply => {
                self.forward_whole(upstream, &request).await?;
                self.count(kind);
                self.hold(request).await
            }
        }
    }

    async fn forward(&self, upstream: &Uri, request: &ProxiedRequest) -> Result<Answer, Cause> {
        self.forward_later(upstream, request, Duration::ZERO).await
    }

    /// What was received whole is carried out even when its sender goes away meanwhile, as AWS
    /// does; hence a task of its own.
    async fn forward_later(
        &self,
        upstream: &Uri,
        request: &ProxiedRequest,
        delay: Duration,
    ) -> Result<Answer, Cause> {
        let forwarding = self.client.request(request.to(upstream)?);
        let forwarding = tokio::spawn(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            forwarding.await
        });
        let answer = forwarding.await??;
        Ok(answer.map(|body| body.map_err(Into::into).boxed()))
    }

    /// Forwards and waits for the end of the answer: it is applied then.
    async fn forward_whole(
        &self,
        upstream: &Uri,
        request: &ProxiedRequest,
    ) -> Result<Response<Bytes>, Cause> {
        let (head, body) = self.forward(upstream, request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    async fn leave_unprocessed(
        &self,
        upstream: &Uri,
        mut request: ProxiedRequest,
        divided: Divided,
    ) -> Result<Answer, Cause> {
        let answer = if let Some(body) = divided.forwarded {
            request.replace_body(body);
            self.forward_whole(upstream, &request).await?
        } else {
            let mut answer = Response::new(Bytes::from_static(b"{}"));
            let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
            answer.headers_mut().insert(CONTENT_TYPE, content_type);
            answer
        };
        if answer.status() != StatusCode::OK {
            return Ok(answer.map(whole));
        }
        let (mut head, body) = answer.into_parts();
        let body = batch::merge(&body, divided.left)?;
        // They are of the body as the server made it.
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove("x-amz-crc32");
        Ok(Response::from_parts(head, whole(body)))
    }

    /// Never answers: the future is dropped when the client hangs up or the proxy ends.
    async fn hold(&self, request: ProxiedRequest) -> Result<Answer, Cause> {
        // Fails only when nobody can ask any more.
        self.held.send(request).ok();
        pending().await
    }

    fn count(&self, kind: FaultKind) {
        *self.counts().faults.entry(kind).or_default() += 1;
    }
}

fn whole(body: Bytes) -> BoxBody<Bytes, Cause> {
    Full::new(body).map_err(Into::into).boxed()
}
