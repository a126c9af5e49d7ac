//! Lambda's Runtime API on loopback, for one runtime at a time and buffered responses:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.
//! Knows nothing of the process that asks.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot, watch};

use crate::environment::REGION;
use crate::error::LocalError;
use crate::http_server::{HttpServer, LOOPBACK};

/// What Lambda takes at most, as the payload of an invocation and as its response: 6 MB.
pub const MAXIMUM_PAYLOAD: usize = 6 * 1024 * 1024;

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// A Runtime API that hands invocations to whatever runtime asks for the next one.
#[derive(Debug)]
pub struct RuntimeApi {
    server: HttpServer,
    invocations: mpsc::UnboundedSender<Invocation>,
    init_error: watch::Receiver<Option<RuntimeError>>,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvocationOutcome {
    /// The function's response.
    Response(Vec<u8>),
    /// The function failed; `body` is its error document as it sent it.
    Error { error_type: String, body: Vec<u8> },
    /// The runtime gave up before it took any invocation.
    InitError { error_type: String, body: Vec<u8> },
    /// The process ended before it answered, with this status. Lambda calls it `Runtime.ExitError`.
    Exited(String),
    /// No answer in time.
    TimedOut,
}

#[derive(Debug)]
struct Invocation {
    request_id: String,
    payload: Bytes,
    deadline: SystemTime,
    answer: oneshot::Sender<InvocationOutcome>,
}

#[derive(Clone, Debug)]
struct RuntimeError {
    error_type: String,
    body: Vec<u8>,
}

/// What the requests share: invocations not taken yet, and answers not given yet.
struct State {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    running: Mutex<HashMap<String, oneshot::Sender<InvocationOutcome>>>,
    init_error: watch::Sender<Option<RuntimeError>>,
}

impl RuntimeApi {
    /// Starts on any free port of 127.0.0.1.
    pub async fn start() -> Result<Self, LocalError> {
        let (invocations, waiting) = mpsc::unbounded_channel();
        let (init_error_sender, init_error) = watch::channel(None);
        let state = Arc::new(State {
            waiting: tokio::sync::Mutex::new(waiting),
            running: Mutex::default(),
            init_error: init_error_sender,
        });
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(state.answer(request).await) }
        });
        Ok(Self {
            server: HttpServer::start(LOOPBACK, service).await?,
            invocations,
            init_error,
        })
    }

    /// Host and port, as `AWS_LAMBDA_RUNTIME_API` gives them to a runtime.
    pub fn endpoint(&self) -> String {
        self.server.address().to_string()
    }

    /// Gives the runtime an invocation and waits for its outcome. The runtime's deadline is
    /// `timeout` from now. Invocations are handed out in the order they came; one whose caller no
    /// longer waits is not handed out.
    pub async fn invoke(&self, payload: impl Into<Bytes>, timeout: Duration) -> InvocationOutcome {
        let payload = payload.into();
        if payload.len() > MAXIMUM_PAYLOAD {
            return InvocationOutcome::Error {
                error_type: "RequestTooLargeException".to_owned(),
                body: Vec::new(),
            };
        }
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation {
            request_id: request_id(),
            payload,
            deadline: SystemTime::now() + timeout,
            answer,
        };
        let mut init_error = self.init_error.clone();
        // Fails only when the server has ended; the answer's sender is dropped with it.
        self.invocations.send(invocation).ok();
        tokio::select! {
            Ok(outcome) = answered => outcome,
            Ok(error) = init_error.wait_for(Option::is_some) => {
                let error = error.clone();
                let (error_type, body) =
                    error.map_or_else(Default::default, |error| (error.error_type, error.body));
                InvocationOutcome::InitError { error_type, body }
            }
            () = tokio::time::sleep(timeout) => InvocationOutcome::TimedOut,
        }
    }

    /// Ends the server.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Some(path) = head.uri.path().strip_prefix("/2018-06-01/runtime/") else {
            return problem(StatusCode::NOT_FOUND, "InvalidPath");
        };
        let segments: Vec<&str> = path.split('/').collect();
        match (&head.method, segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["init", "error"]) => self.init_error(&head.headers, body).await,
            (&Method::POST, ["invocation", request_id, "response"]) => {
                self.response(request_id, body).await
            }
            (&Method::POST, ["invocation", request_id, "error"]) => {
                self.error(request_id, &head.headers, body).await
            }
            _ => problem(StatusCode::NOT_FOUND, "InvalidPath"),
        }
    }

    /// Waits for an invocation. When the runtime hangs up meanwhile, none is lost: this future is
    /// dropped before it takes one.
    async fn next(&self) -> Response<Full<Bytes>> {
        loop {
            let Some(invocation) = self.waiting.lock().await.recv().await else {
                return problem(StatusCode::INTERNAL_SERVER_ERROR, "ContainerError");
            };
            if invocation.answer.is_closed() {
                continue;
            }
            let response = invocation_response(&invocation);
            self.running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(invocation.request_id, invocation.answer);
            return response;
        }
    }

    async fn response(&self, request_id: &str, body: Incoming) -> Response<Full<Bytes>> {
        match read(body).await {
            Ok(body) => self.finish(request_id, InvocationOutcome::Response(body)),
            Err(refusal) => {
                if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    let outcome = InvocationOutcome::Error {
                        error_type: "Function.ResponseSizeTooLarge".to_owned(),
                        body: Vec::new(),
                    };
                    self.finish(request_id, outcome);
                }
                refusal
            }
        }
    }

    async fn error(
        &self,
        request_id: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Response<Full<Bytes>> {
        match read(body).await {
            Ok(body) => {
                let error_type = error_type(headers, &body);
                self.finish(request_id, InvocationOutcome::Error { error_type, body })
            }
            Err(refusal) => refusal,
        }
    }

    async fn init_error(&self, headers: &HeaderMap, body: Incoming) -> Response<Full<Bytes>> {
        match read(body).await {
            Ok(body) => {
                let error_type = error_type(headers, &body);
                self.init_error
                    .send_replace(Some(RuntimeError { error_type, body }));
                accepted()
            }
            Err(refusal) => refusal,
        }
    }

    fn finish(&self, request_id: &str, outcome: InvocationOutcome) -> Response<Full<Bytes>> {
        let answer = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(request_id);
        match answer.map(|answer| answer.send(outcome)) {
            Some(Ok(())) => accepted(),
            // Never handed out, answered before, or too late.
            Some(Err(_)) | None => problem(StatusCode::BAD_REQUEST, "InvalidRequestID"),
        }
    }
}

async fn read(body: Incoming) -> Result<Vec<u8>, Response<Full<Bytes>>> {
    match Limited::new(body, MAXIMUM_PAYLOAD).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
        )),
        Err(_) => Err(problem(StatusCode::BAD_REQUEST, "InvalidBody")),
    }
}

/// What the error document calls itself; runtimes often send a constant in the header.
fn error_type(headers: &HeaderMap, body: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ErrorDocument {
        error_type: String,
    }
    if let Ok(document) = serde_json::from_slice::<ErrorDocument>(body) {
        return document.error_type;
    }
    let header = headers.get(ERROR_TYPE).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(header.unwrap_or(b"Unhandled")).into_owned()
}

fn invocation_response(invocation: &Invocation) -> Response<Full<Bytes>> {
    let deadline = invocation
        .deadline
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let mut response = Response::new(Full::new(invocation.payload.clone()));
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            invocation.request_id.clone(),
        ),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:{REGION}:123456789012:function:redtrail-ingest"),
        ),
        ("lambda-runtime-trace-id", trace_id(invocation.deadline)),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    with_json(response)
}

fn accepted() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
    *response.status_mut() = StatusCode::ACCEPTED;
    with_json(response)
}

fn problem(status: StatusCode, error_type: &str) -> Response<Full<Bytes>> {
    let document = serde_json::json!({"errorType": error_type, "errorMessage": error_type});
    let mut response = Response::new(Full::from(document.to_string()));
    *response.status_mut() = status;
    with_json(response)
}

fn with_json(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// A random UUID, version 4.
fn request_id() -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..1 << 48),
    )
}

fn trace_id(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    format!(
        "Root=1-{seconds:08x}-{:024x};Parent={:016x};Sampled=0",
        fastrand::u128(..1 << 96),
        fastrand::u64(..),
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// An answer of the server, to a request written by hand.
    struct Answer {
        status: u16,
        head: String,
        body: String,
    }

    impl Answer {
        fn header(&self, name: &str) -> &str {
            self.head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .unwrap()
                .1
        }
    }

    async fn send(
        api: &RuntimeApi,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Answer {
        let mut stream = TcpStream::connect(api.endpoint()).await.unwrap();
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            api.endpoint(),
            body.len(),
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may refuse a body before it has all of it.
        stream.write_all(body).await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    async fn next(api: &RuntimeApi) -> Answer {
        send(api, "GET", "invocation/next", "", b"").await
    }

    async fn post(api: &RuntimeApi, path: &str, body: &[u8]) -> Answer {
        send(api, "POST", path, "", body).await
    }

    #[tokio::test]
    async fn ok_a_response() {
        let api = RuntimeApi::start().await.unwrap();
        let before = SystemTime::now();
        let runtime = async {
            let invocation = next(&api).await;
            assert_eq!(invocation.status, 200);
            assert_eq!(invocation.body, r#"{"a":1}"#);
            let deadline: u64 = invocation
                .header("Lambda-Runtime-Deadline-Ms")
                .parse()
                .unwrap();
            let left = Duration::from_millis(deadline + 1)
                .checked_sub(before.duration_since(UNIX_EPOCH).unwrap())
                .unwrap();
            assert!(left >= PATIENCE && left < PATIENCE * 2, "{left:?}");
            let arn = invocation.header("Lambda-Runtime-Invoked-Function-Arn");
            assert!(arn.starts_with("arn:aws:lambda:"), "{arn}");
            let trace_id = invocation.header("Lambda-Runtime-Trace-Id");
            assert!(trace_id.starts_with("Root=1-"), "{trace_id}");
            let request_id = invocation.header("Lambda-Runtime-Aws-Request-Id");
            let answer = post(&api, &format!("invocation/{request_id}/response"), b"[2]").await;
            assert_eq!(answer.status, 202);
            let again = post(&api, &format!("invocation/{request_id}/response"), b"[3]").await;
            assert_eq!(again.status, 400);
            assert!(again.body.contains("InvalidRequestID"));
        };
        let (outcome, ()) = tokio::join!(api.invoke(r#"{"a":1}"#, PATIENCE), runtime);
        assert_eq!(outcome, InvocationOutcome::Response(b"[2]".to_vec()));
    }

    #[tokio::test]
    async fn ok_an_error_named_by_its_document_or_by_the_header() {
        let rows = [
            (
                r#"{"errorType":"Throttled","errorMessage":"m"}"#,
                "Throttled",
            ),
            ("not JSON", "Function.Reason"),
        ];
        for (body, expected) in rows {
            let api = RuntimeApi::start().await.unwrap();
            let runtime = async {
                let invocation = next(&api).await;
                let request_id = invocation.header("Lambda-Runtime-Aws-Request-Id");
                let path = format!("invocation/{request_id}/error");
                let header = "Lambda-Runtime-Function-Error-Type: Function.Reason\r\n";
                let answer = send(&api, "POST", &path, header, body.as_bytes()).await;
                assert_eq!(answer.status, 202);
            };
            let (outcome, ()) = tokio::join!(api.invoke("{}", PATIENCE), runtime);
            let expected = InvocationOutcome::Error {
                error_type: expected.to_owned(),
                body: body.as_bytes().to_vec(),
            };
            assert_eq!(outcome, expected);
        }
    }

    #[tokio::test]
    async fn ok_an_init_error_ends_every_invocation() {
        let api = RuntimeApi::start().await.unwrap();
        let body = br#"{"errorType":"Runtime.Config"}"#;
        let (early, answer) =
            tokio::join!(api.invoke("{}", PATIENCE), post(&api, "init/error", body));
        assert_eq!(answer.status, 202);
        let expected = InvocationOutcome::InitError {
            error_type: "Runtime.Config".to_owned(),
            body: body.to_vec(),
        };
        assert_eq!(early, expected);
        assert_eq!(api.invoke("{}", PATIENCE).await, expected);
    }

    #[tokio::test]
    async fn ok_timed_out_is_not_handed_out_and_not_answered_late() {
        let api = RuntimeApi::start().await.unwrap();
        let short = Duration::from_millis(20);
        assert_eq!(api.invoke("1", short).await, InvocationOutcome::TimedOut);
        let (outcome, taken) = tokio::join!(api.invoke("2", Duration::from_secs(1)), next(&api));
        assert_eq!(taken.body, "2");
        assert_eq!(outcome, InvocationOutcome::TimedOut);
        let request_id = taken.header("Lambda-Runtime-Aws-Request-Id");
        let late = post(&api, &format!("invocation/{request_id}/response"), b"{}").await;
        assert_eq!(late.status, 400);
    }

    #[tokio::test]
    async fn ok_a_runtime_that_hung_up_loses_no_invocation() {
        let api = RuntimeApi::start().await.unwrap();
        let gone = tokio::time::timeout(Duration::from_millis(50), next(&api)).await;
        assert!(gone.is_err());
        // Long enough for the server to see the closed connection.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let runtime = async {
            let invocation = next(&api).await;
            let request_id = invocation.header("Lambda-Runtime-Aws-Request-Id");
            post(&api, &format!("invocation/{request_id}/response"), b"{}").await;
        };
        let (outcome, ()) = tokio::join!(api.invoke("{}", PATIENCE), runtime);
        assert_eq!(outcome, InvocationOutcome::Response(b"{}".to_vec()));
    }

    #[tokio::test]
    async fn err_too_large() {
        let api = RuntimeApi::start().await.unwrap();
        let largest = vec![b' '; MAXIMUM_PAYLOAD];
        for (length, expected) in [
            (MAXIMUM_PAYLOAD, InvocationOutcome::Response(largest)),
            (
                MAXIMUM_PAYLOAD + 1,
                InvocationOutcome::Error {
                    error_type: "Function.ResponseSizeTooLarge".to_owned(),
                    body: Vec::new(),
                },
            ),
        ] {
            let runtime = async {
                let invocation = next(&api).await;
                let request_id = invocation.header("Lambda-Runtime-Aws-Request-Id");
                let path = format!("invocation/{request_id}/response");
                let mut stream = TcpStream::connect(api.endpoint()).await.unwrap();
                let head = format!(
                    "POST /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n\
                     Content-Length: {length}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&vec![b' '; length]).await.ok();
                stream
            };
            let (outcome, _stream) = tokio::join!(api.invoke("{}", PATIENCE), runtime);
            assert!(outcome == expected, "{length} bytes");
        }
        let payload = vec![b' '; MAXIMUM_PAYLOAD + 1];
        assert!(matches!(
            api.invoke(payload, PATIENCE).await,
            InvocationOutcome::Error { error_type, .. } if error_type == "RequestTooLargeException"
        ));
    }

    #[tokio::test]
    async fn err_unknown_paths_and_ids() {
        let api = RuntimeApi::start().await.unwrap();
        assert_eq!(
            post(&api, "invocation/none/response", b"{}").await.status,
            400
        );
        assert_eq!(post(&api, "invocation/next", b"").await.status, 404);
        assert_eq!(send(&api, "GET", "restore/next", "", b"").await.status, 404);
    }
}
