//! Embedded S3, DynamoDB, SQS and Lambda on loopback, for the demo, for tests and for local runs.
//! Clients, boto3 and the real `bootstrap` talk to them over the wire, as they talk to AWS.
//! The tables are those of the template; this crate declares none of its own.

mod bootstrap;
mod clients;
mod dynamodb;
mod environment;
mod error;
mod fault_proxy;
mod http_server;
mod listed_etags;
mod local_aws;
mod public_keys;
mod runtime_api;
mod s3;
mod sqs;
mod tables;

pub use bootstrap::{Bootstrap, Ended};
pub use clients::{dynamodb_client, s3_client};
pub use dynamodb::{DynamoDbServer, DynamoDbStorage};
pub use environment::{ACCESS_KEY_ID, Environment, REGION, SECRET_ACCESS_KEY};
pub use error::LocalError;
pub use fault_proxy::{
    AwsService, Counts, Fault, FaultKind, FaultProxy, ProxiedRequest, Put, RandomFaults,
    ThroughputLimit,
};
pub use http_server::LOOPBACK;
pub use local_aws::{LocalAws, LocalAwsOptions, Storage};
pub use public_keys::PublicKeysServer;
pub use runtime_api::{InvocationOutcome, MAXIMUM_PAYLOAD, RuntimeApi};
pub use s3::{S3Server, StoredObject};
pub use sqs::SqsServer;
pub use tables::{DeclaredTable, declared_tables};
