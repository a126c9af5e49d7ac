//! SDK clients for the embedded servers: fixed credentials, plain HTTP, no look at the machine's
//! own AWS configuration.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb as dynamodb;
use aws_sdk_s3 as s3;
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::environment::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

/// A client of an S3 endpoint, which addresses buckets by path.
pub fn s3_client(endpoint: &str) -> s3::Client {
    let config = s3::Config::builder()
        .behavior_version(s3::config::BehaviorVersion::latest())
        .region(s3::config::Region::new(REGION))
        .credentials_provider(credentials())
        .http_client(http_client())
        .endpoint_url(endpoint)
        .force_path_style(true)
        // A checksum by trailer adds a second Content-Encoding header, which s3s refuses.
        .request_checksum_calculation(s3::config::RequestChecksumCalculation::WhenRequired)
        .build();
    s3::Client::from_conf(config)
}

/// A client of a DynamoDB endpoint.
pub fn dynamodb_client(endpoint: &str) -> dynamodb::Client {
    let config = dynamodb::Config::builder()
        .behavior_version(dynamodb::config::BehaviorVersion::latest())
        .region(dynamodb::config::Region::new(REGION))
        .credentials_provider(credentials())
        .http_client(http_client())
        .endpoint_url(endpoint)
        .build();
    dynamodb::Client::from_conf(config)
}

fn credentials() -> Credentials {
    Credentials::new(
        ACCESS_KEY_ID,
        SECRET_ACCESS_KEY,
        None,
        None,
        "redtrail-local",
    )
}

/// Without TLS no root certificates are read, which takes longer than all the rest.
fn http_client() -> SharedHttpClient {
    Builder::new().build_http()
}
