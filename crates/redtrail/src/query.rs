//! `redtrail query`: questions to the event tables, answered newest first.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use redtrail_aws::{
    query::{Filter, Key, Order, Subset, Window},
    reader::Reader,
    subject::{Asked, CALLERS, Subject},
};
use redtrail_model::{EventTime, TABLES};
use serde::Serialize;

use crate::{
    coverage_line,
    event_writer::EventWriter,
    failure::{Failure, runtime},
    output::{RowForm, json_remark, remark},
    subject::{reach, the_one},
    tables::{TableArgs, unanswered, window},
};

/// Asks for events: of a principal, on a resource, about a statement
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Query {
    #[command(subcommand)]
    about: About,
}

#[derive(Subcommand)]
enum About {
    /// What did this principal do?
    ///
    /// KEY is the attribute `principal`: the ARN of a user or role, or TYPE:ID where AWS gives
    /// no ARN, as AWSService:redshift.amazonaws.com. Or it is what an alert shows: the ARN of a
    /// role session, an access key id, a person's e-mail address, a role's name.
    #[command(after_help = HELP)]
    Principal(Question),
    /// Who touched this resource?
    ///
    /// KEY is one of the attribute `resource_arns`: an ARN, or
    /// name:SERVICE:REGION:ACCOUNT:TYPE/NAME, or statement:REGION:ACCOUNT/ID. Or it is a part
    /// of one, as a cluster's name.
    ///
    /// The events are answered with this resource alone and the part it played; whatever
    /// else an event touched stands in the answer for its principal.
    #[command(after_help = HELP)]
    Resource(Question),
    /// What became of this statement of the Data API?
    ///
    /// KEY is one of the attribute `resource_arns`: statement:REGION:ACCOUNT/ID, or the ID
    /// alone, which is then looked for in every account and Region that delivers. The events are
    /// those that ran it, asked for it, fetched its result or cancelled it.
    #[command(after_help = HELP)]
    Statement(Question),
}

const HELP: &str = "\
Examples:
  redtrail query principal arn:aws:iam::123456789012:role/Analyst --since 6h
  redtrail query principal arn:aws:sts::123456789012:assumed-role/Analyst/ana@example.com
  redtrail query principal ana@example.com --since 2d --output csv > ana.csv
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
the AWS CLI (AWS_PROFILE, AWS_REGION, …), the tables from --stack NAME, or by their names
from PRINCIPALS_TABLE, RESOURCES_TABLE, DIRECTORY_TABLE and LEDGER_TABLE.

How far the answer reaches is said at its end: whose trails, since when and up to when they
delivered, and what of them could not be read. In jsonl it is the last line on standard
error, {\"coverage\":…,\"complete\":true|false,\"read_units\":…}.

What the directory knows under another key is read too: of an ARN the events that AWS
logged by name only, of a role those that name it without its path.

Each event has a reference, OBJECT#INDEX, for `redtrail raw` to fetch the original record:
in a table the line above its row, with the #INDEX under its time; in jsonl, `reference`.

Exit status: 0 answered, 1 the table could not be asked, 2 wrong usage.";

#[derive(Args)]
struct Question {
    /// A key, or a part of one
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

    /// Only events of this operation, in CloudTrail's spelling, e.g. GetClusterCredentials
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
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

impl Query {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(self.answer())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn answer(self) -> Result<(), Failure> {
        let now = Timestamp::now();
        let (About::Principal(question) | About::Resource(question) | About::Statement(question)) =
            &self.about;
        let asked = question.asked(&self.about, now)?;
        let reader = question
            .tables
            .reader(now, &TABLES.map(|schema| schema.table))
            .await?;
        let subject = match &self.about {
            About::Principal(_) => Subject::of_caller(&reader, &question.key, &CALLERS).await,
            About::Resource(_) => Subject::of_resource(&reader, &question.key).await,
            About::Statement(_) => Subject::of_statement(&reader, &question.key).await,
        };
        let subject = the_one(subject, &reader, question.output).await?;
        say_window(asked.window, question.output);
        question.tell(&reader, &subject, &asked).await
    }
}

impl Question {
    fn asked(&self, about: &About, now: Timestamp) -> Result<Asked, Failure> {
        Ok(Asked {
            window: window(self.since.as_deref(), self.until.as_deref(), now)?,
            subset: self.subset(about)?,
            order: if self.oldest_first {
                Order::OldestFirst
            } else {
                Order::NewestFirst
            },
            filter: self.filter(),
            limit: self.limit.and_then(|limit| limit.try_into().ok()),
        })
    }

    fn subset(&self, about: &About) -> Result<Subset, Failure> {
        match (self.errors, self.changes, about) {
            (_, true, About::Principal(_)) => Err(Failure::usage(
                "--changes asks what changed a resource, not what a principal changed",
                "Give --writes, or ask `redtrail query resource KEY --changes`.",
            )),
            (_, true, _) => Ok(Subset::Changes),
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
            ..Filter::default()
        }
    }

    async fn tell(&self, reader: &Reader, subject: &Subject, asked: &Asked) -> Result<(), Failure> {
        say_keys(subject, &self.key, self.output);
        let mut answer = subject.answer(reader, asked);
        let mut writer = EventWriter::new(self.output)?;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut found = 0_u64;
        while left > 0
            && let Some(next) = answer.next().await.map_err(unanswered)?
        {
            writer.found(next.event, next.via_alias)?;
            left -= 1;
            found += 1;
        }
        writer.flush()?;
        if self.output == RowForm::Table {
            match found {
                0 => remark("no event in this window"),
                _ if left == 0 => {
                    remark(&format!("{found} events; there may be more than --limit"));
                }
                _ => remark(&format!("{found} events")),
            }
            if found > 0 {
                remark(
                    "for an original: redtrail raw 'OBJECT#INDEX', the line above a row and the row's #",
                );
            }
        }
        let coverage = reach(subject, reader, asked.window).await?;
        coverage_line::tell(&coverage, reader, self.output);
        Ok(())
    }
}

#[derive(Serialize)]
struct SubjectLine<'a> {
    subject: &'a str,
    keys: Vec<&'a str>,
}

#[derive(Serialize)]
struct NameLine<'a> {
    also_read: &'a str,
}

/// What `text` was taken for, and what else is read.
pub(crate) fn say_keys(subject: &Subject, text: &str, form: RowForm) {
    if subject.shown != text {
        match form {
            RowForm::Jsonl => json_remark(&SubjectLine {
                subject: &subject.shown,
                keys: subject.keys().map(Key::as_str).collect(),
            }),
            RowForm::Table | RowForm::Csv => {
                remark(&format!("{text} is {}", subject.shown));
                for key in subject
                    .keys()
                    .filter(|key| !subject.shown.starts_with(key.as_str()))
                {
                    remark(&format!("  as {}", key.as_str()));
                }
            }
        }
    }
    for name in &subject.names {
        say_name(name.key.as_str(), form);
    }
}

/// The answer also holds what was logged under this key.
fn say_name(name: &str, form: RowForm) {
    match form {
        RowForm::Jsonl => json_remark(&NameLine { also_read: name }),
        RowForm::Table | RowForm::Csv => remark(&format!(
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
pub(crate) fn say_window(Window { since, until }: Window, form: RowForm) {
    if form == RowForm::Jsonl {
        return json_remark(&WindowLine {
            window: WindowEnds { since, until },
        });
    }
    let since = since.map_or_else(|| "the first event".to_owned(), |time| time.to_string());
    let until = until.map_or_else(|| "the last".to_owned(), |time| time.to_string());
    remark(&format!("window (UTC): {since} to {until}"));
}
