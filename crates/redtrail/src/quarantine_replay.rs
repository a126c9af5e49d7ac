//! `redtrail quarantine replay`: messages that have the function read objects again, whatever
//! the ledger says of them.

use std::{collections::BTreeSet, process::ExitCode};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use redtrail_core::{ledger::List, log_key::LogKey, object::ObjectAddress};
use redtrail_model::Table;
use redtrail_notification::IngestRequest;
use serde::Serialize;

use crate::{
    failure::Failure,
    listed::findings,
    output::{Answer, remark},
    place::Place,
    plain_text::json_line,
    references::references,
    scope::Scope,
    tables::TableArgs,
};

/// Messages in a call of SendMessageBatch, by SQS's limit.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
const MOST_IN_BATCH: usize = 10;
/// SQS takes more, but Linux hands a program no argument of 128 KiB or longer.
const MOST_BYTES_OF_BATCH: usize = 100_000;

/// Makes messages that have the function read objects again
///
/// Nothing is sent: the messages are printed, one object each, for the AWS CLI to send to the
/// function's queue. The function then reads each object anew, though the ledger has it as
/// finished, and overwrites what it wrote before with the same or, under newer rules, with more.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Replay {
    /// Objects, or records of them; - reads them from standard input, one a line
    #[arg(value_name = "REFERENCE", conflicts_with_all = ["since", "until"])]
    references: Vec<String>,

    #[command(flatten)]
    scope: Scope,

    /// Of the days, only rejected objects
    #[arg(long)]
    rejected: bool,

    /// What a line is
    #[arg(long, value_enum, default_value_t)]
    print: Print,

    #[command(flatten)]
    tables: TableArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Print {
    /// A message, or a payload of the function
    #[default]
    Message,
    /// Up to ten messages: the entries of `aws sqs send-message-batch`
    Batch,
}

const HELP: &str = "\
Examples:
  redtrail quarantine replay --since 30d                see what would be sent
  redtrail quarantine replay --since 30d --print batch |
    while IFS= read -r entries; do
      aws sqs send-message-batch --queue-url \"$QUEUE_URL\" --entries \"$entries\" --query Failed
    done
  redtrail quarantine replay REFERENCE > payload.json
  aws lambda invoke --function-name \"$FUNCTION\" --cli-binary-format raw-in-base64-out \\
    --payload file://payload.json /dev/stdout
  redtrail ledger --objects --verdict waiting --output jsonl | redtrail quarantine replay -

QUEUE_URL is the stack's output NotificationQueueUrl. SQS answers `null` for a batch it took
whole; anything else names the messages to send again. A queue with the dead-letter queue's own
messages is better redriven: `aws sqs start-message-move-task`.

With --since or --until, the objects are those that `quarantine list` shows for these days and
that the ledger does not have as read well since. How many there are is said on standard error.

Exit status: 0 printed, 1 the table could not be asked, 2 wrong usage.";

/// A message as SendMessageBatch takes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
}

impl Replay {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let objects = if self.references.is_empty() {
            self.of_days().await?
        } else {
            of_references(&self.references)?
        };
        let mut messages = Vec::new();
        for object in &objects {
            let request = IngestRequest::new([object.clone()], true);
            messages.push(json_line(&request)?);
        }
        let mut answer = Answer::new();
        let lines = match self.print {
            Print::Message => messages,
            Print::Batch => batches(messages)?,
        };
        for line in &lines {
            answer.line(line)?;
        }
        answer.flush()?;
        remark(&format!(
            "{} objects to read again; nothing is sent until these {} lines are (see --help)",
            objects.len(),
            lines.len()
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The objects that the lists name and that nothing has mended.
    async fn of_days(&self) -> Result<BTreeSet<ObjectAddress>, Failure> {
        if self.scope.is_open() {
            return Err(Failure::usage(
                "neither objects nor days are named",
                "Give references, - for standard input, or --since for the days of delivery.",
            ));
        }
        let now = Timestamp::now();
        let days = self.scope.days(now)?;
        let ledger = self.tables.reader(now, &[Table::Ledger]).await?;
        let lists: &[List] = if self.rejected {
            &[List::Rejected]
        } else {
            &[List::Rejected, List::Quarantine]
        };
        let mut objects = BTreeSet::new();
        let mut mended = BTreeSet::new();
        findings(&ledger, &self.scope, days, lists, |found| {
            for finding in &found {
                if finding.is_mended() {
                    mended.insert(finding.row.object());
                } else {
                    objects.insert(finding.row.object());
                }
            }
            Ok(())
        })
        .await?;
        mended.retain(|object| !objects.contains(object));
        if !mended.is_empty() {
            remark(&format!(
                "{} objects are left out: they were read well since",
                mended.len()
            ));
        }
        Ok(objects)
    }
}

fn of_references(texts: &[String]) -> Result<BTreeSet<ObjectAddress>, Failure> {
    let places = references(texts, |text| text.parse::<Place>())?;
    let objects = places.iter().map(|place| {
        let origin = place.origin();
        if origin.is_file() {
            return Err(Failure::usage(
                format!("{place} is a file"),
                "The function reads from S3: give references that begin with s3://.",
            ));
        }
        if LogKey::parse(&origin.key).is_err() {
            return Err(Failure::usage(
                format!("{place} is no log object by its key"),
                "The function would pass it over.",
            ));
        }
        Ok(ObjectAddress::of(origin))
    });
    objects.collect()
}

/// Lines of entries, none beyond what SQS and a command line take.
fn batches(messages: Vec<String>) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    let mut batch: Vec<String> = Vec::new();
    let mut bytes = 0;
    for (index, message_body) in messages.into_iter().enumerate() {
        let id = index.to_string();
        let entry = json_line(&Entry { id, message_body })?;
        let is_full = batch.len() == MOST_IN_BATCH || bytes + entry.len() > MOST_BYTES_OF_BATCH;
        if is_full && !batch.is_empty() {
            lines.push(format!("[{}]", batch.join(",")));
            batch.clear();
            bytes = 0;
        }
        bytes += entry.len() + 1;
        batch.push(entry);
    }
    if !batch.is_empty() {
        lines.push(format!("[{}]", batch.join(",")));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn entries(line: &str) -> Vec<Value> {
        serde_json::from_str::<Vec<Value>>(line).unwrap()
    }

    #[test]
    fn ok_batches_within_limits() {
        for (length, count, expected) in [
            (10, 0, vec![]),
            (10, 1, vec![1]),
            (10, 23, vec![10, 10, 3]),
            (40_000, 5, vec![2, 2, 1]),
        ] {
            let messages: Vec<String> = (0..count)
                .map(|n| format!("{n}{}", "\"".repeat(length / 2)))
                .collect();
            let lines = batches(messages.clone()).unwrap();
            let sizes: Vec<usize> = lines.iter().map(|line| entries(line).len()).collect();
            assert_eq!(sizes, expected);
            for line in &lines {
                assert!(line.len() <= 128 * 1024);
                let ids: BTreeSet<String> = entries(line)
                    .iter()
                    .map(|entry| entry["Id"].to_string())
                    .collect();
                assert_eq!(ids.len(), entries(line).len());
            }
            let bodies: Vec<String> = lines
                .iter()
                .flat_map(|line| entries(line))
                .map(|entry| entry["MessageBody"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(bodies, messages);
        }
    }
}
