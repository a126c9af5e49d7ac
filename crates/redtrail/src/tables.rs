//! What commands share that ask the tables: which tables, the times of a question, and why a
//! table did not answer, with the next step.

use clap::Args;
use jiff::Timestamp;
use redtrail_aws::{
    dynamodb::{DynamoDbStore, TableNames},
    query::{QueryError, Window},
    reader::Reader,
    shared_config,
};
use redtrail_model::{EventTime, Table};

use crate::{
    failure::{Failure, chain},
    published,
    time_range::{self, End, instant},
};

/// Where the tables are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Where the tables are")]
pub(crate) struct TableArgs {
    /// The stack whose tables they are: its SSM parameters name them, whatever else is set
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,

    /// The principals table, in place of PRINCIPALS_TABLE
    #[arg(long, value_name = "NAME", env = "PRINCIPALS_TABLE", hide_env = true)]
    principals_table: Option<String>,

    /// The resources table, in place of RESOURCES_TABLE
    #[arg(long, value_name = "NAME", env = "RESOURCES_TABLE", hide_env = true)]
    resources_table: Option<String>,

    /// The directory, in place of DIRECTORY_TABLE
    #[arg(long, value_name = "NAME", env = "DIRECTORY_TABLE", hide_env = true)]
    directory_table: Option<String>,

    /// The ledger, in place of LEDGER_TABLE
    #[arg(long, value_name = "NAME", env = "LEDGER_TABLE", hide_env = true)]
    ledger_table: Option<String>,

    /// The tables' Region
    #[arg(
        long,
        value_name = "REGION",
        env = "AWS_REGION",
        hide_env_values = true
    )]
    tables_region: Option<String>,

    /// Another DynamoDB than the Region's own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_DYNAMODB",
        hide_env_values = true
    )]
    endpoint_url: Option<String>,
}

impl TableArgs {
    /// Reads the tables as they are `now`; these must be named.
    pub(crate) async fn reader(&self, now: Timestamp, needed: &[Table]) -> Result<Reader, Failure> {
        let now = event_time(now)?;
        let (names, region) = self.found(needed).await?;
        let client = shared_config::dynamodb(region, set(&self.endpoint_url)).await;
        Ok(Reader::new(client, names, now))
    }

    /// Writes to the tables; these must be named.
    pub(crate) async fn store(&self, needed: &[Table]) -> Result<DynamoDbStore, Failure> {
        let (names, region) = self.found(needed).await?;
        let client = shared_config::dynamodb_for_store(region, set(&self.endpoint_url)).await;
        Ok(DynamoDbStore::new(client, names))
    }

    /// The stack, if one is named.
    pub(crate) fn stack(&self) -> Option<String> {
        set(&self.stack)
    }

    /// The tables' Region, if it is named.
    pub(crate) fn region(&self) -> Option<String> {
        set(&self.tables_region)
    }

    async fn found(&self, needed: &[Table]) -> Result<(TableNames, Option<String>), Failure> {
        let region = self.region();
        match self.stack() {
            Some(stack) => published::tables(&stack, region).await,
            None => Ok((self.named(needed)?, region)),
        }
    }

    fn named(&self, needed: &[Table]) -> Result<TableNames, Failure> {
        let name = |table: Table| match table {
            Table::Principals => set(&self.principals_table),
            Table::Resources => set(&self.resources_table),
            Table::Directory => set(&self.directory_table),
            Table::Ledger => set(&self.ledger_table),
        };
        let missing = needed.iter().filter(|table| name(**table).is_none());
        let missing: Vec<&str> = missing.map(|table| table.schema().variable).collect();
        if !missing.is_empty() {
            return Err(Failure::usage(
                format!("the tables are not named: {}", missing.join(", ")),
                "Give --stack NAME, or set these variables; the stack's outputs name the tables.",
            ));
        }
        let name = |table| name(table).unwrap_or_default();
        Ok(TableNames {
            principals: name(Table::Principals),
            resources: name(Table::Resources),
            directory: name(Table::Directory),
            ledger: name(Table::Ledger),
        })
    }
}

/// A variable that is set to nothing is as good as not set.
fn set(value: &Option<String>) -> Option<String> {
    value.clone().filter(|text| !text.is_empty())
}
/// The window from `--since` to `--until`.
pub(crate) fn window(
    since: Option<&str>,
    until: Option<&str>,
    now: Timestamp,
) -> Result<Window, Failure> {
    let read = |text: Option<&str>, end| {
        text.map(|text| instant(text, end, now))
            .transpose()
            .map_err(|error| Failure::usage(error.to_string(), time_range::FORMS))
    };
    let window = Window {
        since: read(since, End::Since)?,
        until: read(until, End::Until)?,
    };
    match (window.since, window.until) {
        (Some(since), Some(until)) if window.is_empty() => Err(Failure::usage(
            format!("no time is both from {since} on and before {until}"),
            "Give --since a time before that of --until.",
        )),
        _ => Ok(window),
    }
}

pub(crate) fn event_time(now: Timestamp) -> Result<EventTime, Failure> {
    EventTime::at(now)
        .ok_or_else(|| Failure::usage("the clock is outside the years 0 to 9999", "Set the clock."))
}

pub(crate) fn unanswered(error: QueryError) -> Failure {
    let next = match &error {
        QueryError::NoTable { .. } => {
            "Check the table's name and the region: the stack's outputs name the tables."
        }
        QueryError::Request { .. } => {
            "Check region, credentials and network: `aws sts get-caller-identity` must \
             work, and its identity may need dynamodb:Query on the table."
        }
        QueryError::NotOfPrincipals => "Ask the resource.",
        QueryError::Item { .. } => {
            "A later version of redtrail may have written it: try the latest."
        }
    };
    let attempt = error.to_string();
    let source = std::error::Error::source(&error).map(chain);
    Failure::failed(attempt, next, source.unwrap_or_default())
}
