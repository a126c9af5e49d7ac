//! What the function is set up to do, from its environment.

use redtrail_aws::{clients::Connection, dynamodb::TableNames};
use redtrail_core::retention::Retentions;
use redtrail_function::environment::{Environment, InvalidVariable};
use redtrail_model::{Table, is_account_id};

/// The variables that a stack sets for the function. It also reads those that Lambda sets,
/// `RUST_LOG`, and `AWS_ENDPOINT_URL` and its like for S3 and DynamoDB where it runs against
/// other servers than AWS's.
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
    /// events for ever. `DIRECTORY_RETENTION_DAYS` and `LEDGER_RETENTION_DAYS`: the same for
    /// the directory and the ledger, at least as long.
    pub retentions: Retentions,
    /// `REDSHIFT_ACCOUNT_IDS`: further account ids of Redshift's own, separated by commas.
    pub redshift_accounts: Vec<String>,
    /// `REDSHIFT_SERVICE_NAMES`: further services of the family, as `eventSource` spells
    /// them, separated by commas.
    pub redshift_services: Vec<String>,
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
            tables: TableNames {
                principals: environment.table(Table::Principals)?,
                resources: environment.table(Table::Resources)?,
                directory: environment.table(Table::Directory)?,
                ledger: environment.table(Table::Ledger)?,
            },
            retentions: retentions(&environment)?,
            redshift_accounts: list(
                "REDSHIFT_ACCOUNT_IDS",
                &environment,
                is_account_id,
                "account ids of twelve digits, separated by commas",
            )?,
            redshift_services: list(
                "REDSHIFT_SERVICE_NAMES",
                &environment,
                |name| name.contains(".amazonaws.") && !name.contains(char::is_whitespace),
                "services such as redshift.amazonaws.com, separated by commas",
            )?,
        })
    }
}

fn retentions(
    environment: &Environment<impl Fn(&str) -> Option<String>>,
) -> Result<Retentions, InvalidVariable> {
    let events = environment.retention("RETENTION_DAYS")?;
    // What events leave behind must be found as long as they are.
    let as_long = |name| {
        let retention = environment.retention(name)?;
        if retention >= events {
            return Ok(retention);
        }
        Err(InvalidVariable {
            variable: String::from(name),
            expected: "at least RETENTION_DAYS, or 0 to keep it for ever",
            found: environment.optional(name).unwrap_or_default(),
        })
    };
    Ok(Retentions {
        events,
        directory: as_long("DIRECTORY_RETENTION_DAYS")?,
        ledger: as_long("LEDGER_RETENTION_DAYS")?,
    })
}

/// The values of a list separated by commas, each of which `is_valid` must hold for.
fn list(
    variable: &str,
    environment: &Environment<impl Fn(&str) -> Option<String>>,
    is_valid: impl Fn(&str) -> bool,
    expected: &'static str,
) -> Result<Vec<String>, InvalidVariable> {
    let list = environment.optional(variable).unwrap_or_default();
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
    use redtrail_core::retention::Retention;

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
        assert_eq!(config.retentions, Retentions::default());
        assert_eq!(config.connection.dynamodb_region, "eu-west-1");
        assert_eq!(config.connection.s3_endpoint, None);
    }

    #[test]
    fn ok_everything() {
        let config = read(&[
            ("RETENTION_DAYS", "400"),
            ("LEDGER_RETENTION_DAYS", "500"),
            ("REDSHIFT_ACCOUNT_IDS", "000000000001, 000000000002"),
            ("REDSHIFT_SERVICE_NAMES", "redshift.example.amazonaws.com"),
            ("TRAIL_BUCKET_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
        ])
        .unwrap();
        assert_eq!(config.retentions.events, Retention::Days(400));
        assert_eq!(config.retentions.directory, Retention::Forever);
        assert_eq!(config.retentions.ledger, Retention::Days(500));
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
    fn err_the_ledger_forgets_before_the_events_do() {
        for name in ["DIRECTORY_RETENTION_DAYS", "LEDGER_RETENTION_DAYS"] {
            for days in ["", "0"] {
                let error = read(&[("RETENTION_DAYS", days), (name, "7")]).unwrap_err();
                assert_eq!(error.variable, name);
            }
            assert!(read(&[("RETENTION_DAYS", "7"), (name, "7")]).is_ok());
        }
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
