//! The AWS edge: the only crate that names an AWS SDK.

pub mod query;
