//! The function's environment, read once. A bad value names its variable and what was
//! expected of it.

use aws_credential_types::Credentials;
use redtrail_aws::{clients::Connection, dynamodb::TableNames};
use redtrail_core::item::Retention;
use redtrail_model::Table;
use thiserror::Error;

/// Every variable the function reads beside those that Lambda itself sets.
pub const VARIABLES: [&str; 8] = [
    "PRINCIPALS_TABLE",
    "RESOURCES_TABLE",
    "DIRECTORY_TABLE",
    "LEDGER_TABLE",
    "RETENTION_DAYS",
    "REDSHIFT_ACCOUNT_IDS",
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
            redshift_accounts: account_ids(optional("REDSHIFT_ACCOUNT_IDS"))?,
        })
    }
}

fn retention(days: Option<String>) -> Result<Retention, InvalidVariable> {
    let Some(days) = days else { return Ok(Retention::Forever) };
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

fn account_ids(list: Option<String>) -> Result<Vec<String>, InvalidVariable> {
    let list = list.unwrap_or_default();
    let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| {
        if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(id.to_owned())
        } else {
            Err(InvalidVariable {
                variable: "REDSHIFT_ACCOUNT_IDS".to_owned(),
                expected: "account ids of twelve digits, separated by commas",
                found: id.to_owned(),
            })
        }
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
            ("TRAIL_BUCKET_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
        ])
        .unwrap();
        assert_eq!(config.retention, Retention::Days(400));
        assert_eq!(config.redshift_accounts, ["000000000001", "000000000002"]);
        assert_eq!(config.connection.s3_region, "us-east-1");
        assert_eq!(config.connection.s3_endpoint.as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(config.connection.dynamodb_endpoint.as_deref(), Some("http://127.0.0.1:1"));
    }

    #[test]
    fn err_names_the_variable() {
        for (name, value) in [
            ("PRINCIPALS_TABLE", ""),
            ("AWS_REGION", " "),
            ("RETENTION_DAYS", "a year"),
            ("RETENTION_DAYS", "-1"),
            ("REDSHIFT_ACCOUNT_IDS", "12345"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().variable, name);
        }
    }
}
