//! The clients of a person at a terminal: region and credentials from the environment and
//! the AWS configuration files, as the AWS CLI finds them, with profiles and SSO.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::Builder;

use crate::clients::http_client;

/// A DynamoDB client. What is given goes before what is configured.
pub async fn dynamodb(
    region: Option<String>,
    endpoint_url: Option<String>,
) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&config(region, endpoint_url).await)
}

/// A DynamoDB client for a store, which retries by itself, with a bound on time.
pub async fn dynamodb_for_store(
    region: Option<String>,
    endpoint_url: Option<String>,
) -> aws_sdk_dynamodb::Client {
    let config = config(region, endpoint_url).await;
    let config = aws_sdk_dynamodb::config::Builder::from(&config);
    let config = config.retry_config(RetryConfig::disabled());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// An S3 client. What is given goes before what is configured. Buckets of an endpoint of
/// one's own are named in the path.
pub async fn s3(region: Option<String>, endpoint_url: Option<String>) -> aws_sdk_s3::Client {
    let is_own_endpoint = endpoint_url.is_some();
    let config = config(region, endpoint_url).await;
    let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(is_own_endpoint);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// A CloudTrail client. What is given goes before what is configured.
pub async fn cloudtrail(
    region: Option<String>,
    endpoint_url: Option<String>,
) -> aws_sdk_cloudtrail::Client {
    aws_sdk_cloudtrail::Client::new(&config(region, endpoint_url).await)
}

/// An SQS client. What is given goes before what is configured.
pub async fn sqs(region: Option<String>, endpoint_url: Option<String>) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&config(region, endpoint_url).await)
}

/// Region, credentials and HTTP client for any client. What is given goes before what is
/// configured.
pub async fn config(region: Option<String>, endpoint_url: Option<String>) -> SdkConfig {
    let http_client = match &endpoint_url {
        // Without TLS no root certificates are read, which takes longer than all the rest.
        Some(url) if is_loopback(url) => Builder::new().build_http(),
        _ => http_client(),
    };
    let mut config = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client);
    if let Some(region) = region {
        config = config.region(Region::new(region));
    }
    if let Some(url) = endpoint_url {
        config = config.endpoint_url(url);
    }
    config.load().await
}

fn is_loopback(url: &str) -> bool {
    ["http://127.", "http://localhost:", "http://[::1]"]
        .iter()
        .any(|start| url.starts_with(start))
}
