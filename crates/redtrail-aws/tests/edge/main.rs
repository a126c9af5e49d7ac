//! The edges against servers that answer as DynamoDB and S3 document it, and as
//! networks do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dynamodb;
mod http_server;
mod newest;
mod queue;
mod s3;

use aws_credential_types::Credentials;
use redtrail_aws::clients::Connection;

use http_server::Server;

fn connection(server: &Server) -> Connection {
    Connection {
        credentials: Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"),
        region: "us-east-1".to_owned(),
        s3_region: "us-east-1".to_owned(),
        dynamodb_region: "us-east-1".to_owned(),
        s3_endpoint: Some(server.url.clone()),
        dynamodb_endpoint: Some(server.url.clone()),
        sqs_endpoint: None,
        cloudtrail_endpoint: None,
    }
}
