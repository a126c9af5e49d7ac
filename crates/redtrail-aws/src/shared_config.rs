//! The client of a person at a terminal: region and credentials from the environment and
//! the AWS configuration files, as the AWS CLI finds them, with profiles and SSO.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, config::Region};
use aws_smithy_http_client::Builder;

use crate::clients::http_client;

/// A DynamoDB client. What is given goes before what is configured.
pub async fn dynamodb(region: Option<String>, endpoint_url: Option<String>) -> Client {
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
    Client::new(&config.load().await)
}

fn is_loopback(url: &str) -> bool {
    ["http://127.", "http://localhost:", "http://[::1]"]
        .iter()
        .any(|start| url.starts_with(start))
}
