//! How S3 and DynamoDB word their refusals.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::fault::ThroughputLimit;
use super::request::{AwsService, ProxiedRequest};
use crate::environment::REGION;

/// Of the embedded DynamoDB's tables.
const ACCOUNT: &str = "000000000000";

pub(super) fn internal_error(request: &ProxiedRequest) -> Response<Bytes> {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    match request.service {
        AwsService::S3 => s3_error(status, "InternalError", "It failed inside. Try again."),
        AwsService::DynamoDb => dynamodb_error(status, "InternalServerError", json!({})),
    }
}

pub(super) fn unavailable(request: &ProxiedRequest) -> Response<Bytes> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    match request.service {
        AwsService::S3 => s3_error(status, "ServiceUnavailable", "It is unavailable for now."),
        AwsService::DynamoDb => dynamodb_error(status, "ServiceUnavailable", json!({})),
    }
}

pub(super) fn throttled(request: &ProxiedRequest, limit: ThroughputLimit) -> Response<Bytes> {
    if request.service == AwsService::S3 {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return s3_error(status, "SlowDown", "Please reduce your request rate.");
    }
    let reason = reason(request, limit);
    let reasons: Vec<Value> = request
        .tables
        .iter()
        .map(|table| format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"))
        .map(|resource| json!({ "reason": reason, "resource": resource }))
        .collect();
    // The service's model spells the member differently in one of them.
    let (exception, member) = match limit {
        ThroughputLimit::ProvisionedThroughput => (
            "ProvisionedThroughputExceededException",
            "ThrottlingReasons",
        ),
        ThroughputLimit::AccountLimit => ("RequestLimitExceeded", "ThrottlingReasons"),
        ThroughputLimit::KeyRangeThroughput | ThroughputLimit::MaxOnDemandThroughput => {
            ("ThrottlingException", "throttlingReasons")
        }
    };
    let details = json!({ member: reasons });
    dynamodb_error(StatusCode::BAD_REQUEST, exception, details)
}

fn reason(request: &ProxiedRequest, limit: ThroughputLimit) -> String {
    let direction = match request.operation.as_str() {
        "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan" => "Read",
        _ => "Write",
    };
    let limit = match limit {
        ThroughputLimit::ProvisionedThroughput => "ProvisionedThroughputExceeded",
        ThroughputLimit::KeyRangeThroughput => "KeyRangeThroughputExceeded",
        ThroughputLimit::AccountLimit => "AccountLimitExceeded",
        ThroughputLimit::MaxOnDemandThroughput => "MaxOnDemandThroughputExceeded",
    };
    format!("Table{direction}{limit}")
}

fn s3_error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    response(status, "application/xml", body)
}

fn dynamodb_error(status: StatusCode, exception: &str, details: Value) -> Response<Bytes> {
    let mut body = details;
    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{exception}"));
    body["message"] = json!("refused as planned");
    response(status, "application/x-amz-json-1.0", body.to_string())
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
