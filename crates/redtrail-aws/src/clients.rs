//! The SDK clients, made once from settings that were read once.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
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
    let region = &connection.s3_region;
    let endpoint = connection.s3_endpoint.as_ref();
    let config = config(connection, region, endpoint, http, RetryConfig::standard());
    let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(endpoint.is_some());
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
    let region = &connection.dynamodb_region;
    let endpoint = connection.dynamodb_endpoint.as_ref();
    aws_sdk_dynamodb::Client::new(&config(connection, region, endpoint, http, retry))
}

/// The SQS client, of the function's own Region.
pub fn sqs(connection: &Connection, http: SharedHttpClient) -> aws_sdk_sqs::Client {
    let region = &connection.region;
    let endpoint = connection.sqs_endpoint.as_ref();
    let retry = RetryConfig::standard();
    aws_sdk_sqs::Client::new(&config(connection, region, endpoint, http, retry))
}

/// The CloudTrail client. Its Region is that of each question.
pub fn cloudtrail(connection: &Connection, http: SharedHttpClient) -> aws_sdk_cloudtrail::Client {
    let region = &connection.region;
    let endpoint = connection.cloudtrail_endpoint.as_ref();
    let retry = RetryConfig::standard();
    aws_sdk_cloudtrail::Client::new(&config(connection, region, endpoint, http, retry))
}

fn config(
    connection: &Connection,
    region: &str,
    endpoint: Option<&String>,
    http: SharedHttpClient,
    retry: RetryConfig,
) -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(connection.credentials.clone());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .timeout_config(timeouts())
        .retry_config(retry);
    config.set_endpoint_url(endpoint.cloned());
    config.build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .build()
}
