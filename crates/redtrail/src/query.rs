//! `redtrail query`: questions to the event tables, answered newest first.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use redtrail_aws::{
    answer::Answer,
    names::names,
    query::{EventQuery, Filter, Key, Order, Subset, Window},
    shared_config,
};
use redtrail_model::{EventTime, InvalidKey};
use serde::Serialize;

use crate::{
    event_writer::EventWriter,
    failure::Failure,
    output::{Form, json_remark, remark},
    tables::{event_time, unanswered, window},
};

/// A page no larger than this is asked for, however many events are wanted.
const MAX_PAGE: u64 = 1000;

/// Asks the tables what a principal did, or who touched a resource
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Query {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// What did this principal do?
    ///
    /// KEY is the attribute `principal`: the ARN of a user or role (of a session, its
    /// role), or TYPE:ID where AWS gives no ARN, as AWSService:redshift.amazonaws.com.
    #[command(after_help = HELP)]
    Principal(Question),
    /// Who touched this resource?
    ///
    /// KEY is one of the attribute `resource_arns`: an ARN, or
    /// name:SERVICE:REGION:ACCOUNT:TYPE/NAME, or statement:REGION:ACCOUNT/ID.
    ///
    /// The events are answered with this resource alone and the part it played; whatever
    /// else an event touched stands in the answer for its principal.
    #[command(after_help = HELP)]
    Resource(Question),
    /// What became of this statement of the Data API?
    ///
    /// KEY is one of the attribute `resource_arns`: statement:REGION:ACCOUNT/ID. The events
    /// are those that ran it, asked for it, fetched its result or cancelled it.
    #[command(after_help = HELP)]
    Statement(Question),
}

const HELP: &str = "\
Examples:
  redtrail query principal arn:aws:iam::123456789012:role/Analyst --since 6h
  redtrail query principal AWSService:redshift.amazonaws.com --since yesterday --limit 20
  redtrail query resource arn:aws:redshift:us-east-1:123456789012:cluster:sales-prod
  redtrail query resource KEY --since 2023-07-01 --until 2023-07-10 --output jsonl
  redtrail query resource KEY --changes --limit 10
  redtrail query principal KEY --errors --event DeleteCluster
  redtrail query statement statement:us-east-1:123456789012/ID

Times are UTC: 2023-07-10T12:30:00Z (or with any offset), 2023-07-10T12:30, 2023-07-10,
today, yesterday, now, or so long ago: 90s, 30m, 6h, 2d, 1w. A day begins the window as
--since and ends it as --until; the window is printed as it was understood.

Region and credentials come from the environment and the AWS configuration files, as for
the AWS CLI (AWS_PROFILE, AWS_REGION, …), the tables from PRINCIPALS_TABLE,
RESOURCES_TABLE and DIRECTORY_TABLE.

What the directory knows under another key is read too: of an ARN the events that AWS
logged by name only, of a role those that name it without its path.

Each event has a reference, OBJECT#INDEX, for `redtrail raw` to fetch the original record:
in a table the line above its row, with the #INDEX under its time; in jsonl, `reference`.

Exit status: 0 answered, 1 the table could not be asked, 2 wrong usage.";

#[derive(Args)]
struct Question {
    /// The key, exactly as the table has it
    key: String,

    /// Only events from this time on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// At most so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Only events that failed (of a principal from an index: nothing else is read)
    #[arg(long)]
    errors: bool,

    /// Only events that changed the resource itself (from an index: nothing else is read)
    #[arg(long, conflicts_with = "errors")]
    changes: bool,

    /// Only events of this operation, e.g. GetClusterCredentials
    #[arg(long, value_name = "NAME")]
    event: Option<String>,

    /// Only events of this service, e.g. redshift-data or redshift-data.amazonaws.com
    #[arg(long, value_name = "SERVICE")]
    source: Option<String>,

    /// Only events of this role session
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// Only events that CloudTrail does not call read-only
    #[arg(long)]
    writes: bool,

    /// Begin with the oldest event
    #[arg(long)]
    oldest_first: bool,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Form,

    /// The table's name, in place of PRINCIPALS_TABLE or RESOURCES_TABLE
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// The directory's name, in place of DIRECTORY_TABLE: it knows other keys of the same
    #[arg(
        long,
        value_name = "NAME",
        env = "DIRECTORY_TABLE",
        hide_env_values = true
    )]
    directory_table: Option<String>,

    /// The tables' region
    #[arg(long, env = "AWS_REGION", hide_env_values = true)]
    region: Option<String>,

    /// Another DynamoDB than the region's own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_DYNAMODB",
        hide_env_values = true
    )]
    endpoint_url: Option<String>,
}

impl Query {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let (key, question) = match self.subject {
            Subject::Principal(question) => (question.key.parse().map(Key::Principal), question),
            Subject::Resource(question) | Subject::Statement(question) => {
                (question.key.parse().map(Key::Resource), question)
            }
        };
        let key = key.map_err(|error: InvalidKey| {
            Failure::usage(
                format!("`{}` is {error}", question.key),
                "`redtrail inspect --output jsonl` shows keys as the tables have them.",
            )
        })?;
        let table = question.table(&key)?;
        let now = Timestamp::now();
        let query = EventQuery {
            window: window(question.since.as_deref(), question.until.as_deref(), now)?,
            order: if question.oldest_first {
                Order::OldestFirst
            } else {
                Order::NewestFirst
            },
            subset: question.subset(&key)?,
            page_size: question
                .limit
                // Of what is filtered, nobody knows how much must be read.
                .filter(|_| question.filter().is_empty())
                .and_then(|limit| limit.min(MAX_PAGE).try_into().ok()),
            filter: question.filter(),
            now: event_time(now)?,
            key,
        };
        say_window(query.window, question.output);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed("could not start", "Try once more.", error))?
            .block_on(answer(question, &table, query))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Question {
    fn table(&self, key: &Key) -> Result<String, Failure> {
        let variable = key.table().schema().variable;
        let from_environment = || std::env::var(variable).ok().filter(|name| !name.is_empty());
        self.table.clone().or_else(from_environment).ok_or_else(|| {
            Failure::usage(
                "no table is named",
                format!("Set {variable} or give --table; the stack's outputs name the tables."),
            )
        })
    }

    fn subset(&self, key: &Key) -> Result<Subset, Failure> {
        match (self.errors, self.changes, key) {
            (_, true, Key::Principal(_)) => Err(Failure::usage(
                "--changes asks what changed a resource, not what a principal changed",
                "Give --writes, or ask `redtrail query resource KEY --changes`.",
            )),
            (_, true, Key::Resource(_)) => Ok(Subset::Changes),
            (true, false, _) => Ok(Subset::Errors),
            (false, false, _) => Ok(Subset::All),
        }
    }

    fn filter(&self) -> Filter {
        let service = |source: &String| match source.contains('.') {
            true => source.clone(),
            false => format!("{source}.amazonaws.com"),
        };
        Filter {
            event_name: self.event.clone(),
            event_source: self.source.as_ref().map(service),
            session_name: self.session.clone(),
            writes: self.writes,
        }
    }
}

async fn answer(question: Question, table: &str, query: EventQuery) -> Result<(), Failure> {
    let Question {
        region,
        endpoint_url,
        directory_table,
        limit,
        output,
        ..
    } = question;
    let set = |value: Option<String>| value.filter(|text| !text.is_empty());
    let client = shared_config::dynamodb(set(region), set(endpoint_url)).await;
    let names = match set(directory_table) {
        Some(directory) => names(&client, &directory, &query.key)
            .await
            .map_err(unanswered)?,
        None => {
            remark(
                "other keys of this are not read: set DIRECTORY_TABLE or give --directory-table",
            );
            Vec::new()
        }
    };
    for name in &names {
        say_name(name.key.as_str(), output);
    }
    let mut answer = Answer::new(&client, table, query, &names);
    let mut writer = EventWriter::new(output);
    let mut left = limit.unwrap_or(u64::MAX);
    let mut found = 0_u64;
    while left > 0
        && let Some(next) = answer.next().await.map_err(unanswered)?
    {
        writer.found(next.event, next.via_alias)?;
        left -= 1;
        found += 1;
    }
    writer.flush()?;
    if output == Form::Table {
        match found {
            0 => remark("no event under this key in this window (a key must match exactly)"),
            _ if left == 0 => remark(&format!("{found} events; there may be more than --limit")),
            _ => remark(&format!("{found} events")),
        }
        if answer.read_units() > 0.0 {
            remark(&format!("{} read units", answer.read_units()));
        }
        if found > 0 {
            remark(
                "for an original: redtrail raw 'OBJECT#INDEX', the line above a row and the row's #",
            );
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct NameLine<'a> {
    also_read: &'a str,
}

/// The answer also holds what was logged under this key.
fn say_name(name: &str, form: Form) {
    match form {
        Form::Jsonl => json_remark(&NameLine { also_read: name }),
        Form::Table => remark(&format!(
            "also read, for the time it meant the same: {name}"
        )),
    }
}

#[derive(Serialize)]
struct WindowLine {
    window: WindowEnds,
}

#[derive(Serialize)]
struct WindowEnds {
    since: Option<EventTime>,
    until: Option<EventTime>,
}

/// What the times came to.
fn say_window(Window { since, until }: Window, form: Form) {
    if form == Form::Jsonl {
        return json_remark(&WindowLine {
            window: WindowEnds { since, until },
        });
    }
    let since = since.map_or_else(|| "the first event".to_owned(), |time| time.to_string());
    let until = until.map_or_else(|| "the last".to_owned(), |time| time.to_string());
    remark(&format!("window (UTC): {since} to {until}"));
}
