//! A stand-in for one queue of SQS: it takes messages and keeps them, for tests to look at.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::LocalError;
use crate::http_server::{HttpServer, LOOPBACK};

/// What SQS takes in one request: so many messages, and of so many bytes together.
const MAXIMUM_ENTRIES: usize = 10;
const MAXIMUM_BYTES: usize = 1024 * 1024;
/// JSON may write a byte as six.
const MAXIMUM_BODY: usize = 7 * MAXIMUM_BYTES;

/// A queue on loopback, until it is stopped or dropped.
#[derive(Debug)]
pub struct SqsServer {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<String>,
    requests: usize,
    entries_to_fail: usize,
    requests_to_refuse: usize,
    refusal: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    queue_url: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
}

/// The code of an error, in JSON's protocol and in the older one.
type Refusal = (String, String);

impl SqsServer {
    /// Starts on any free port of 127.0.0.1.
    pub async fn start() -> Result<Self, LocalError> {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let service = service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(answer(request, &state).await) }
        });
        Ok(Self {
            server: HttpServer::start(LOOPBACK, service).await?,
            state,
        })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The one queue that is here.
    pub fn queue_url(&self) -> String {
        format!("{}/123456789012/redtrail", self.endpoint())
    }

    /// The bodies of all messages so far, in the order they came.
    pub fn messages(&self) -> Vec<String> {
        lock(&self.state).messages.clone()
    }

    /// How many requests came, refused ones too.
    pub fn requests(&self) -> usize {
        lock(&self.state).requests
    }

    /// The next messages of batches fail as by a fault of SQS's own.
    pub fn fail_entries(&self, count: usize) {
        lock(&self.state).entries_to_fail = count;
    }

    /// The next requests are refused whole, with this code: `RequestThrottled`, `AccessDenied`.
    pub fn refuse(&self, count: usize, code: &str) {
        let mut state = lock(&self.state);
        state.requests_to_refuse = count;
        code.clone_into(&mut state.refusal);
    }

    /// Ends the server and whatever request it was serving.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Incoming>, state: &Mutex<State>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").cloned();
    let target = target.as_ref().and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix("AmazonSQS."));
    let body = match Limited::new(body, MAXIMUM_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return problem(&of_queue("BatchRequestTooLong")),
    };
    let mut state = lock(state);
    state.requests += 1;
    if state.requests_to_refuse > 0 {
        state.requests_to_refuse -= 1;
        let code = state.refusal.clone();
        return problem(&(code.clone(), code));
    }
    let answer = match operation {
        Some("SendMessageBatch") => read(&body).and_then(|sent| state.send_batch(sent)),
        Some("SendMessage") => read(&body).and_then(|sent| state.send(sent)),
        _ => Err(of_queue("UnsupportedOperation")),
    };
    match answer {
        Ok(answer) => respond(StatusCode::OK, &answer),
        Err(refusal) => problem(&refusal),
    }
}

impl State {
    fn send_batch(&mut self, sent: SendMessageBatch) -> Result<Value, Refusal> {
        exists(&sent.queue_url)?;
        let bytes: usize = sent
            .entries
            .iter()
            .map(|entry| entry.message_body.len())
            .sum();
        let ids: HashSet<&str> = sent.entries.iter().map(|entry| entry.id.as_str()).collect();
        let refusal = match sent.entries.len() {
            0 => Some("EmptyBatchRequest"),
            count if count > MAXIMUM_ENTRIES => Some("TooManyEntriesInBatchRequest"),
            count if ids.len() < count => Some("BatchEntryIdsNotDistinct"),
            _ if bytes > MAXIMUM_BYTES => Some("BatchRequestTooLong"),
            _ => None,
        };
        if let Some(code) = refusal {
            return Err(of_queue(code));
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in sent.entries {
            if self.entries_to_fail > 0 {
                self.entries_to_fail -= 1;
                failed.push(json!({
                    "Id": entry.id,
                    "SenderFault": false,
                    "Code": "InternalError",
                }));
            } else if !entry.message_body.chars().all(is_allowed) {
                failed.push(json!({
                    "Id": entry.id,
                    "SenderFault": true,
                    "Code": "InvalidMessageContents",
                }));
            } else {
                let mut taken = self.take(entry.message_body);
                taken["Id"] = entry.id.into();
                successful.push(taken);
            }
        }
        let mut answer = json!({ "Successful": successful });
        if !failed.is_empty() {
            answer["Failed"] = failed.into();
        }
        Ok(answer)
    }

    fn send(&mut self, sent: SendMessage) -> Result<Value, Refusal> {
        exists(&sent.queue_url)?;
        if sent.message_body.len() > MAXIMUM_BYTES {
            return Err(same("InvalidParameterValue"));
        }
        if !sent.message_body.chars().all(is_allowed) {
            return Err(same("InvalidMessageContents"));
        }
        Ok(self.take(sent.message_body))
    }

    fn take(&mut self, body: String) -> Value {
        let digest = Md5::digest(body.as_bytes());
        self.messages.push(body);
        json!({
            "MessageId": format!("00000000-0000-4000-8000-{:012}", self.messages.len()),
            "MD5OfMessageBody": hex::encode(digest),
        })
    }
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| same("MissingParameter"))
}

fn exists(queue_url: &str) -> Result<(), Refusal> {
    if queue_url.ends_with("/123456789012/redtrail") {
        return Ok(());
    }
    Err((
        "QueueDoesNotExist".to_owned(),
        "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
    ))
}

/// The characters of XML 1.0, which alone SQS takes.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn of_queue(code: &str) -> Refusal {
    (code.to_owned(), format!("AWS.SimpleQueueService.{code}"))
}

fn same(code: &str) -> Refusal {
    (code.to_owned(), code.to_owned())
}

fn problem((code, query_code): &Refusal) -> Response<Full<Bytes>> {
    let status = match code.as_str() {
        "AccessDenied" | "AccessDeniedException" => StatusCode::FORBIDDEN,
        "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let document = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": code });
    let mut response = respond(status, &document);
    if let Ok(value) = HeaderValue::try_from(format!("{query_code};Sender")) {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

fn respond(status: StatusCode, document: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(document.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
