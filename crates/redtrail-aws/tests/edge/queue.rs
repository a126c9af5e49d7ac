//! Objects announced to a queue that fails in part and as a whole.

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::{BehaviorVersion, Region, retry::RetryConfig};
use redtrail_aws::{clients::http_client, queue::IngestQueue};
use redtrail_core::{
    edge::{Announce, EdgeErrorKind, error_chain},
    object::ObjectAddress,
};
use redtrail_local::SqsServer;
use serde_json::json;

fn queue(server: &SqsServer, url: &str) -> IngestQueue {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            None,
            None,
            "test",
        ))
        .http_client(http_client())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(server.endpoint());
    IngestQueue::new(aws_sdk_sqs::Client::from_conf(config.build()), url)
}

fn objects(count: usize) -> Vec<ObjectAddress> {
    let object = |index| ObjectAddress {
        bucket: "trail".to_owned(),
        key: format!(
            "a b+%/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/\
             111122223333_CloudTrail_us-east-1_20260302T0905Z_{index:016}.json.gz"
        ),
        version_id: None,
    };
    (0..count).map(object).collect()
}

/// What the function makes of the messages, in the event that Lambda makes of them.
fn read(messages: &[String]) -> Vec<ObjectAddress> {
    let records = messages.iter().map(|body| {
        json!({
            "messageId": "1", "receiptHandle": "h", "body": body, "attributes": {},
            "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:redtrail",
            "awsRegion": "us-east-1",
        })
    });
    let event = json!({ "Records": records.collect::<Vec<_>>() });
    let invocation = redtrail_notification::read(event.to_string().as_bytes());
    let announced = invocation.messages.iter().flat_map(|message| {
        assert!(message.announced.unreadable.is_empty());
        assert!(message.announced.passed_over.is_empty());
        message.announced.objects.iter()
    });
    announced
        .inspect(|object| assert!(!object.force))
        .map(|object| object.address.clone())
        .collect()
}

#[tokio::test]
async fn ok_the_function_reads_what_was_announced() {
    let server = SqsServer::start().await.unwrap();
    let queue = queue(&server, &server.queue_url());
    let objects = objects(123);
    queue.announce(&objects, false).await.unwrap();
    assert_eq!(server.requests(), 3);
    assert_eq!(read(&server.messages()), objects);
    queue.announce(&[], false).await.unwrap();
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn ok_what_was_not_taken_is_sent_again() {
    let server = SqsServer::start().await.unwrap();
    let queue = queue(&server, &server.queue_url());
    server.fail_entries(14);
    let objects = objects(50);
    queue.announce(&objects, false).await.unwrap();
    assert_eq!(server.requests(), 3);
    let mut read = read(&server.messages());
    read.sort();
    assert_eq!(read, objects);
}

#[tokio::test]
async fn err_never_taken() {
    let server = SqsServer::start().await.unwrap();
    let queue = queue(&server, &server.queue_url());
    server.fail_entries(usize::MAX);
    let error = queue.announce(&objects(7), false).await.unwrap_err();
    assert_eq!(error.kind, EdgeErrorKind::Retryable);
    let told = error_chain(&error);
    assert!(told.contains("2 messages to http"), "{told}");
    assert!(told.ends_with(": InternalError"), "{told}");
    assert_eq!(server.requests(), 5);
}

#[tokio::test]
async fn err_refused() {
    let server = SqsServer::start().await.unwrap();
    let denied = |permission| EdgeErrorKind::Denied { permission };
    let throttled = |reason| EdgeErrorKind::Throttled { reason };
    for (code, expected) in [
        ("AccessDenied", denied("sqs:SendMessage")),
        ("AccessDeniedException", denied("sqs:SendMessage")),
        ("KMS.AccessDeniedException", denied("kms:GenerateDataKey")),
        ("KMS.DisabledException", EdgeErrorKind::Refused),
        ("RequestThrottled", throttled("RequestThrottled")),
        ("InternalFailure", EdgeErrorKind::Retryable),
    ] {
        server.refuse(1, code);
        let queue = queue(&server, &server.queue_url());
        let error = queue.announce(&objects(1), false).await.unwrap_err();
        assert_eq!(error.kind, expected, "{code}: {}", error_chain(&error));
    }
    let elsewhere = queue(
        &server,
        &format!("{}/123456789012/other", server.endpoint()),
    );
    let error = elsewhere.announce(&objects(1), false).await.unwrap_err();
    assert_eq!(error.kind, EdgeErrorKind::Missing);
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn err_nobody_there() {
    let server = SqsServer::start().await.unwrap();
    let queue = queue(&server, &server.queue_url());
    server.stop().await;
    let error = queue.announce(&objects(1), false).await.unwrap_err();
    assert_eq!(error.kind, EdgeErrorKind::Retryable);
}
