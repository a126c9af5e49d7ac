//! A request as a plan sees it.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::{Method, Request, Uri};
use serde_json::{Map, Value};

use super::answer::Cause;
use super::batch;
use super::fault::Fault;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsService {
    S3,
    DynamoDb,
}

/// A request that has arrived whole and has not gone on.
#[derive(Clone, Debug)]
pub struct ProxiedRequest {
    /// Counted from 1, over both services.
    pub number: u64,
    pub service: AwsService,
    /// As AWS calls it: `GetObject`, `BatchWriteItem`.
    pub operation: String,
    /// The tables that it names; none for S3.
    pub tables: Vec<String>,
    /// What a `BatchWriteItem` or `PutItem` puts, table by table.
    pub puts: Vec<Put>,
    pub body: Bytes,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// An item on its way into a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    pub table: String,
    /// As DynamoDB writes items in JSON: `{"event_key": {"S": "…"}}`.
    pub item: Map<String, Value>,
}

impl Put {
    /// The value of an attribute that is a text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.item.get(attribute)?.get("S")?.as_str()
    }
}

impl ProxiedRequest {
    pub(super) fn new(number: u64, service: AwsService, request: Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        let mut proxied = Self {
            number,
            service,
            operation: String::new(),
            tables: Vec::new(),
            puts: Vec::new(),
            body,
            method: head.method,
            uri: head.uri,
            headers: head.headers,
        };
        match service {
            AwsService::S3 => proxied.operation = proxied.s3_operation(),
            AwsService::DynamoDb => {
                proxied.operation = proxied.dynamodb_operation();
                let input = serde_json::from_slice(&proxied.body).unwrap_or_default();
                proxied.tables = batch::tables(&input);
                proxied.puts = batch::puts(&input);
            }
        }
        proxied
    }

    /// The path as it was sent: for S3 bucket and key, percent-encoded.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The fault that leaves those puts of a `BatchWriteItem` unprocessed for which `which` holds;
    /// none if it holds for none. Asked at every request, it makes an item that is never written.
    pub fn unprocessed(&self, mut which: impl FnMut(&Put) -> bool) -> Option<Fault> {
        if self.operation != "BatchWriteItem" {
            return None;
        }
        let puts = self.puts.iter().enumerate();
        let positions: BTreeSet<usize> = puts
            .filter(|(_, put)| which(put))
            .map(|(position, _)| position)
            .collect();
        (!positions.is_empty()).then_some(Fault::Unprocessed(positions))
    }

    pub(super) fn replace_body(&mut self, body: Bytes) {
        self.headers.insert(CONTENT_LENGTH, body.len().into());
        self.body = body;
    }

    /// The same request for another server. `Host` stays as the client has signed it.
    pub(super) fn to(&self, upstream: &Uri) -> Result<Request<Full<Bytes>>, Cause> {
        let mut uri = upstream.clone().into_parts();
        uri.path_and_query = self.uri.path_and_query().cloned();
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from_parts(uri)?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    fn dynamodb_operation(&self) -> String {
        let target = self.headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.rsplit('.').next());
        operation.unwrap_or_default().to_owned()
    }

    fn s3_operation(&self) -> String {
        let query = self.uri.query().unwrap_or_default();
        // Some SDKs name it for some operations.
        if let Some(named) = query.split('&').find_map(|pair| pair.strip_prefix("x-id=")) {
            return named.to_owned();
        }
        let path = self.path().trim_start_matches('/');
        let (_bucket, key) = path.split_once('/').unwrap_or_default();
        let operation = match (&self.method, key.is_empty()) {
            (&Method::GET, false) => "GetObject",
            (&Method::HEAD, false) => "HeadObject",
            (&Method::PUT, false) => "PutObject",
            (&Method::GET, true) if query.contains("list-type=2") => "ListObjectsV2",
            (method, _) => method.as_str(),
        };
        operation.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(method: &str, target: &str) -> String {
        let request = Request::builder().method(method).uri(target);
        let request = request.body(Bytes::new()).unwrap();
        ProxiedRequest::new(1, AwsService::S3, request).operation
    }

    #[test]
    fn ok_operations_of_s3() {
        assert_eq!(
            s3("GET", "/trail/AWSLogs/1.json.gz?x-id=GetObject"),
            "GetObject"
        );
        assert_eq!(s3("GET", "/trail/AWSLogs/1.json.gz"), "GetObject");
        assert_eq!(s3("HEAD", "/trail/AWSLogs/1.json.gz"), "HeadObject");
        assert_eq!(s3("GET", "/trail?list-type=2&prefix=a%2F"), "ListObjectsV2");
        assert_eq!(s3("GET", "/trail/?list-type=2"), "ListObjectsV2");
        assert_eq!(s3("GET", "/"), "GET");
    }
}
