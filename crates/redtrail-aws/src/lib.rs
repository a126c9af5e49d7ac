//! The AWS edge: the only crate that names an AWS SDK. Log objects come from S3, items go
//! to DynamoDB, questions are asked of the tables, CloudTrail gives its public keys, and the
//! function's queue takes what it shall read.

pub mod answer;
pub mod clients;
pub mod coverage;
pub mod directory;
pub mod dynamodb;
pub mod find;
pub mod last_use;
pub mod ledger;
pub mod names;
pub mod newest;
pub mod public_keys;
pub mod query;
pub mod queue;
pub mod reader;
pub mod s3;
pub mod shared_config;
pub mod subject;
pub mod timer;
pub mod trail_bucket;
