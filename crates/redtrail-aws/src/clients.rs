//! The SDK clients, made once from settings that were read once.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Builder,
    tls::{self, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;

/// Where and as whom to call AWS.
#[derive(Clone, Debug)]
pub struct Connection {
    pub credentials: Credentials,
    /// The function's own Region.
    pub region: String,
    /// Region of the trail's bucket.
    pub s3_region: String,
    /// Region of the tables.
    pub dynamodb_region: String,
    /// Another address than AWS's own, e.g. an embedded server's.
    pub s3_endpoint: Option<String>,
    pub dynamodb_endpoint: Option<String>,
    pub sqs_endpoint: Option<String>,
    pub cloudtrail_endpoint: Option<String>,
}

/// An HTTP client that trusts the system's root certificates and also speaks plain HTTP
/// to endpoints that ask for it.
pub fn http_client() -> SharedHttpClient {
    Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// The S3 client. Buckets of an endpoint of one's own are named in the path.
pub fn s3(connection: &Connection, http: SharedHttpClient) -> aws_sdk_s3::Client {
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(connection.s3_region.clone()))
        .credentials_provider(connection.credentials.clone())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard());
    if let Some(endpoint) = &connection.s3_endpoint {
        config = config.endpoint_url(endpoint).force_path_style(true);
    }
    aws_sdk_s3::Client::from_conf(config.build())
}

/// The DynamoDB client of a store. It never retries by itself: the store does, with a bound on time.
pub fn dynamodb(connection: &Connection, http: SharedHttpClient) -> aws_sdk_dynamodb::Client {
    dynamodb_retrying(connection, http, RetryConfig::disabled())
}

/// The DynamoDB client of a reader.
pub fn dynamodb_for_reader(
    connection: &Connection,
    http: SharedHttpClient,
) -> aws_sdk_dynamodb::Client {
    dynamodb_retrying(connection, http, RetryConfig::standard())
}

fn dynamodb_retrying(
    connection: &Connection,
    http: SharedHttpClient,
    retry: RetryConfig,
) -> aws_sdk_dynamodb::Client {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(connection.dynamodb_region.clone()))
        .credentials_provider(connection.credentials.clone())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .timeout_config(timeouts())
        .retry_config(retry);
    if let Some(endpoint) = &connection.dynamodb_endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The SQS client, of the function's own Region.
pub fn sqs(connection: &Connection, http: SharedHttpClient) -> aws_sdk_sqs::Client {
    let mut config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(connection.region.clone()))
        .credentials_provider(connection.credentials.clone())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard());
    if let Some(endpoint) = &connection.sqs_endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// The CloudTrail client. Its Region is that of each question.
pub fn cloudtrail(connection: &Connection, http: SharedHttpClient) -> aws_sdk_cloudtrail::Client {
    let mut config = aws_sdk_cloudtrail::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(connection.region.clone()))
        .credentials_provider(connection.credentials.clone())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard());
    if let Some(endpoint) = &connection.cloudtrail_endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_cloudtrail::Client::from_conf(config.build())
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .build()
}
