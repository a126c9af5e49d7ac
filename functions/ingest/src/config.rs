//! The function's environment, read once. A bad value names its variable and what was
//! expected of it.

use aws_credential_types::Credentials;
use redtrail_aws::{clients::Connection, dynamodb::TableNames};
use redtrail_core::item::Retention;
use redtrail_model::{Table, is_account_id};
use thiserror::Error;

/// The variables that a stack sets for the function. It also reads those that Lambda sets,
/// `RUST_LOG`, and `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3` and
/// `AWS_ENDPOINT_URL_DYNAMODB` where it runs against other servers than AWS's.
pub const VARIABLES: [&str; 11] = [
    "PRINCIPALS_TABLE",
    "RESOURCES_TABLE",
    "DIRECTORY_TABLE",
    "LEDGER_TABLE",
    "RETENTION_DAYS",
    "DIRECTORY_RETENTION_DAYS",
    "LEDGER_RETENTION_DAYS",
    "REDSHIFT_ACCOUNT_IDS",
    "REDSHIFT_SERVICE_NAMES",
    "TRAIL_BUCKET_REGION",
    "TABLES_REGION",
];

/// What the function is set up to do.
#[derive(Clone, Debug)]
pub struct Config {
    pub connection: Connection,
    pub tables: TableNames,
    /// `RETENTION_DAYS`: days from an event's time until it expires; 0 or unset keeps
    /// events for ever.
    pub retention: Retention,
    /// `REDSHIFT_ACCOUNT_IDS`: further account ids of Redshift's own, separated by commas.
    pub redshift_accounts: Vec<String>,
    /// `REDSHIFT_SERVICE_NAMES`: further services of the family, as `eventSource` spells
    /// them, separated by commas.
    pub redshift_services: Vec<String>,
}

/// A variable of the environment is missing or makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("environment variable {variable}: expected {expected}, found {found}")]
pub struct InvalidVariable {
    pub variable: String,
    pub expected: &'static str,
    pub found: String,
}

impl Config {
    /// The settings that `variable` gives by name.
    ///
    /// # Errors
    /// When a variable is missing or makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidVariable> {
        let optional = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let required = |name: &str, expected: &'static str| {
            optional(name).ok_or_else(|| InvalidVariable {
                variable: name.to_owned(),
                expected,
                found: "nothing".to_owned(),
            })
        };
        let table = |table: Table| required(table.schema().variable, "the name of a table");

        let region = required("AWS_REGION", "a Region")?;
        let endpoint = |name: &str| optional(name).or_else(|| optional("AWS_ENDPOINT_URL"));
        let connection = Connection {
            credentials: Credentials::new(
                required("AWS_ACCESS_KEY_ID", "an access key id")?,
                required("AWS_SECRET_ACCESS_KEY", "a secret access key")?,
                optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            s3_region: optional("TRAIL_BUCKET_REGION").unwrap_or_else(|| region.clone()),
            dynamodb_region: optional("TABLES_REGION").unwrap_or(region),
            s3_endpoint: endpoint("AWS_ENDPOINT_URL_S3"),
            dynamodb_endpoint: endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
        };
        Ok(Self {
            connection,
            tables: TableNames {
                principals: table(Table::Principals)?,
                resources: table(Table::Resources)?,
                directory: table(Table::Directory)?,
                ledger: table(Table::Ledger)?,
            },
            retention: retention(optional("RETENTION_DAYS"))?,
            redshift_accounts: list(
                "REDSHIFT_ACCOUNT_IDS",
                optional,
                is_account_id,
                "account ids of twelve digits, separated by commas",
            )?,
            redshift_services: list(
                "REDSHIFT_SERVICE_NAMES",
                optional,
                |name| name.contains(".amazonaws.") && !name.contains(char::is_whitespace),
                "services such as redshift.amazonaws.com, separated by commas",
            )?,
        })
    }
}

fn retention(days: Option<String>) -> Result<Retention, InvalidVariable> {
    let Some(days) = days else {
        return Ok(Retention::Forever);
    };
    match days.trim().parse::<u32>() {
        Ok(0) => Ok(Retention::Forever),
        Ok(days) => Ok(Retention::Days(days)),
        Err(_) => Err(InvalidVariable {
            variable: "RETENTION_DAYS".to_owned(),
            expected: "a whole number of days, 0 to keep events for ever",
            found: days,
        }),
    }
}

/// The values of a list separated by commas, each of which `is_valid` must hold for.
fn list(
    variable: &str,
    value: impl Fn(&str) -> Option<String>,
    is_valid: impl Fn(&str) -> bool,
    expected: &'static str,
) -> Result<Vec<String>, InvalidVariable> {
    let list = value(variable).unwrap_or_default();
    let values = list
        .split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty());
    values
        .map(|value| {
            let invalid = || InvalidVariable {
                variable: variable.to_owned(),
                expected,
                found: value.to_owned(),
            };
            is_valid(value)
                .then(|| value.to_owned())
                .ok_or_else(invalid)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, InvalidVariable> {
        Config::read(|name| {
            let changed = changes.iter().find(|(changed, _)| *changed == name);
            match (changed, name) {
                (Some((_, value)), _) => Some((*value).to_owned()),
                (None, "AWS_REGION") => Some("eu-west-1".to_owned()),
                (None, name) if name.ends_with("_TABLE") || name.contains("ACCESS_KEY") => {
                    Some(name.to_lowercase())
                }
                _ => None,
            }
        })
    }

    #[test]
    fn ok_least() {
        let config = read(&[]).unwrap();
        assert_eq!(config.tables.of(Table::Ledger), "ledger_table");
        assert_eq!(config.retention, Retention::Forever);
        assert_eq!(config.connection.dynamodb_region, "eu-west-1");
        assert_eq!(config.connection.s3_endpoint, None);
    }

    #[test]
    fn ok_everything() {
        let config = read(&[
            ("RETENTION_DAYS", "400"),
            ("REDSHIFT_ACCOUNT_IDS", "000000000001, 000000000002"),
            ("REDSHIFT_SERVICE_NAMES", "redshift.example.amazonaws.com"),
            ("TRAIL_BUCKET_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
        ])
        .unwrap();
        assert_eq!(config.retention, Retention::Days(400));
        assert_eq!(config.redshift_accounts, ["000000000001", "000000000002"]);
        assert_eq!(config.redshift_services, ["redshift.example.amazonaws.com"]);
        assert_eq!(config.connection.s3_region, "us-east-1");
        assert_eq!(
            config.connection.s3_endpoint.as_deref(),
            Some("http://127.0.0.1:2")
        );
        assert_eq!(
            config.connection.dynamodb_endpoint.as_deref(),
            Some("http://127.0.0.1:1")
        );
    }

    #[test]
    fn err_names_the_variable() {
        for (name, value) in [
            ("PRINCIPALS_TABLE", ""),
            ("AWS_REGION", " "),
            ("RETENTION_DAYS", "a year"),
            ("RETENTION_DAYS", "-1"),
            ("REDSHIFT_ACCOUNT_IDS", "12345"),
            ("REDSHIFT_SERVICE_NAMES", "redshift"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().variable, name);
        }
    }
}
