//! Objects read from an S3 that has them, has them not, denies and breaks off.

use redtrail_aws::{
    clients::{self, http_client},
    s3::S3Source,
};
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, LogBody, LogSource, ObjectIdentity},
    object::ObjectAddress,
};

use crate::{
    connection,
    http_server::{Answer, Server},
};

const READ: EdgeErrorKind = EdgeErrorKind::Denied {
    permission: "s3:GetObject",
};
const DECRYPT: EdgeErrorKind = EdgeErrorKind::Denied {
    permission: "kms:Decrypt",
};

fn address(version: Option<&str>) -> ObjectAddress {
    ObjectAddress {
        bucket: "trail".to_owned(),
        key: "AWSLogs/a b+c/é.json.gz".to_owned(),
        version_id: version.map(str::to_owned),
    }
}

/// Opens the object and reads it to its end.
async fn fetch(
    server: &Server,
    version: Option<&str>,
    exactly: Option<&ObjectIdentity>,
) -> Result<(ObjectIdentity, Vec<u8>), EdgeError> {
    let source = S3Source::new(clients::s3(&connection(server), http_client()));
    let mut body = source.open(&address(version), exactly).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok((body.identity().clone(), bytes))
}

fn object(body: &[u8]) -> Answer {
    Answer::reply(200, body).with_header("etag", "\"e1\"")
}

#[tokio::test]
async fn ok_the_announced_version_is_read() {
    let server = Server::start(|_| object(b"abc").with_header("x-amz-version-id", "v+7")).await;
    let (identity, bytes) = fetch(&server, Some("v+7"), None).await.unwrap();
    assert_eq!(bytes, b"abc");
    let expected = ObjectIdentity {
        etag: Some("\"e1\"".to_owned()),
        version_id: Some("v+7".to_owned()),
        stored_bytes: Some(3),
    };
    assert_eq!(identity, expected);
    let [request] = &server.requests()[..] else {
        panic!("one request is enough")
    };
    let (path, query) = request.path.split_once('?').unwrap();
    assert_eq!(path, "/trail/AWSLogs/a%20b%2Bc/%C3%A9.json.gz");
    assert!(
        query.split('&').any(|part| part == "versionId=v%2B7"),
        "{query}"
    );
    assert_eq!(request.headers.get("if-match"), None);
}

#[tokio::test]
async fn ok_the_second_reading_is_of_the_same_bytes() {
    let identity = |version: Option<&str>| ObjectIdentity {
        etag: Some("\"e1\"".to_owned()),
        version_id: version.map(str::to_owned),
        stored_bytes: Some(3),
    };
    // With versioning suspended an object may be replaced under the version `null`.
    for version in [None, Some("v7"), Some("null")] {
        let server = Server::start(|_| object(b"abc")).await;
        fetch(&server, None, Some(&identity(version)))
            .await
            .unwrap();
        let [request] = &server.requests()[..] else {
            panic!("one request is enough")
        };
        let sent = request
            .path
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("versionId="));
        assert_eq!(sent, version);
        assert_eq!(request.headers["if-match"], "\"e1\"", "{version:?}");
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Answer::reply(status, xml).with_header("content-type", "application/xml")
}

#[tokio::test]
async fn err_named_by_what_can_be_done() {
    let no_key = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: \
                  kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k because no \
                  identity-based policy allows the kms:Decrypt action";
    for (status, code, message, kind) in [
        (
            404,
            "NoSuchKey",
            "The specified key does not exist.",
            EdgeErrorKind::Missing,
        ),
        (404, "NoSuchVersion", ".", EdgeErrorKind::Missing),
        (404, "NoSuchBucket", ".", EdgeErrorKind::Missing),
        (403, "AccessDenied", "Access Denied", READ),
        (403, "AccessDenied", no_key, DECRYPT),
        (400, "KMS.DisabledException", "key is disabled", DECRYPT),
        (
            400,
            "KMS.KMSInvalidStateException",
            "pending deletion",
            DECRYPT,
        ),
        (412, "PreconditionFailed", ".", EdgeErrorKind::Changed),
        (
            403,
            "InvalidObjectState",
            "archived",
            EdgeErrorKind::Refused,
        ),
        (400, "ExpiredToken", ".", EdgeErrorKind::Retryable),
        (403, "RequestTimeTooSkewed", ".", EdgeErrorKind::Retryable),
    ] {
        let server = Server::start(move |_| error(status, code, message)).await;
        let found = fetch(&server, None, None).await.unwrap_err();
        assert_eq!(found.kind, kind, "{code}: {message}");
        assert_eq!(
            found.to_string(),
            format!("could not fetch {}", address(None))
        );
        if kind != EdgeErrorKind::Retryable {
            assert_eq!(server.requests().len(), 1, "{code} is retried in place");
        }
    }
}

#[tokio::test]
async fn err_slow_down_is_tried_a_few_times() {
    let server =
        Server::start(|_| error(503, "SlowDown", "Please reduce your request rate.")).await;
    let found = fetch(&server, None, None).await.unwrap_err();
    assert_eq!(found.kind, EdgeErrorKind::Retryable);
    let requests = server.requests().len();
    assert!((2..=5).contains(&requests), "{requests} requests");
}

/// A body that breaks off is an error: what came of it is no object.
#[tokio::test]
async fn err_a_body_shorter_than_promised() {
    for length in [0, 1, 70_000] {
        let server = Server::start(move |_| object(&vec![7; length]).promising(length + 1)).await;
        let found = fetch(&server, None, None).await.unwrap_err();
        assert_eq!(found.kind, EdgeErrorKind::Retryable, "{length} bytes");
    }
}
