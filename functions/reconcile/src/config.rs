//! What the function is set up to do, from its environment.

use redtrail_aws::clients::Connection;
use redtrail_core::retention::Retention;
use redtrail_function::environment::{Environment, InvalidVariable};
use redtrail_model::Table;

/// The variables that a stack sets for the function. It also reads those that Lambda sets,
/// `RUST_LOG`, and `AWS_ENDPOINT_URL` and its like for S3, DynamoDB, SQS and CloudTrail where it
/// runs against other servers than AWS's.
pub const VARIABLES: [&str; 6] = [
    "LEDGER_TABLE",
    "LEDGER_RETENTION_DAYS",
    "INGEST_QUEUE_URL",
    "ORIGINAL_BUCKET",
    "TRAIL_BUCKET_REGION",
    "TABLES_REGION",
];

/// What the function is set up to do.
#[derive(Clone, Debug)]
pub struct Config {
    pub connection: Connection,
    /// `LEDGER_TABLE`: the name of the ledger.
    pub ledger: String,
    /// `LEDGER_RETENTION_DAYS`: days from a digest's time until its result expires; 0 or unset
    /// keeps it for ever.
    pub retention: Retention,
    /// `INGEST_QUEUE_URL`: where missing objects are handed back.
    pub queue_url: String,
    /// `ORIGINAL_BUCKET`: the bucket that CloudTrail delivers to, where the one that is read is
    /// a replica of it.
    pub original_bucket: Option<String>,
}

impl Config {
    /// The settings that `variable` gives by name.
    ///
    /// # Errors
    /// When a variable is missing or makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidVariable> {
        let environment = Environment(variable);
        Ok(Self {
            connection: environment.connection()?,
            ledger: environment.table(Table::Ledger)?,
            retention: environment.retention("LEDGER_RETENTION_DAYS")?,
            queue_url: environment.required("INGEST_QUEUE_URL", "the URL of a queue")?,
            original_bucket: environment.optional("ORIGINAL_BUCKET"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changed: &str, to: &str) -> Result<Config, InvalidVariable> {
        Config::read(|name| match name {
            name if name == changed => Some(to.to_owned()),
            "TABLES_REGION" | "ORIGINAL_BUCKET" | "LEDGER_RETENTION_DAYS" => None,
            name if name.starts_with("AWS_ENDPOINT") => None,
            name => Some(name.to_lowercase()),
        })
    }

    #[test]
    fn ok_least_and_most() {
        let config = read("", "").unwrap();
        assert_eq!(config.ledger, "ledger_table");
        assert_eq!(config.retention, Retention::Forever);
        assert_eq!(config.original_bucket, None);
        let config = read("ORIGINAL_BUCKET", "trail").unwrap();
        assert_eq!(config.original_bucket.as_deref(), Some("trail"));
        let config = read("LEDGER_RETENTION_DAYS", "7").unwrap();
        assert_eq!(config.retention, Retention::Days(7));
    }

    #[test]
    fn err_names_the_variable() {
        for (name, value) in [
            ("LEDGER_TABLE", ""),
            ("INGEST_QUEUE_URL", " "),
            ("LEDGER_RETENTION_DAYS", "a year"),
            ("AWS_REGION", ""),
        ] {
            assert_eq!(read(name, value).unwrap_err().variable, name);
        }
    }
}
