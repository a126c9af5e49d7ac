//! The AWS edge: the only crate that names an AWS SDK. Log objects come from S3, items go
//! to DynamoDB, and questions are asked of the tables.

pub mod answer;
pub mod clients;
pub mod dynamodb;
pub mod names;
pub mod newest;
pub mod query;
pub mod s3;
pub mod shared_config;
