//! `redtrail events`: what the function would do with a trigger's payload, told from the
//! payload alone.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use redtrail_notification::{AnnouncedObject, Invocation, read};
use serde::Serialize;

use crate::{
    failure::{FAILED, Failure},
    output::Answer,
};

/// Says which objects the function would fetch for a trigger's payload
///
/// A payload is what Lambda hands the function: an S3 notification, a batch of SQS
/// messages, an SNS message, an EventBridge event and so on. Nothing is fetched.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Events {
    /// Files with one payload each, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

const HELP: &str = "\
Examples:
  redtrail events events/*.json
  aws sqs receive-message --queue-url URL | jq '.Messages[0].Body | fromjson' | redtrail events -

One line of JSON per object to fetch: bucket, key, version_id. Then one per payload:
outcome `process`, `ignore` (nothing in it is about a log object) or `fail` (the function
would report a failure), with the reason.

Exit status: 0 none fails, 1 some payload fails, 2 wrong usage.";

/// An object to fetch.
#[derive(Serialize)]
struct ObjectLine<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
    /// Tried when there is nothing under `key`: some triggers may send it encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    alternative_key: Option<&'a str>,
    /// To be read even if it was finished before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    force: bool,
}

/// What becomes of a payload.
#[derive(Serialize)]
struct PayloadLine<'a> {
    payload: &'a str,
    outcome: Outcome,
    reason: Option<String>,
    objects: usize,
    passed_over: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Process,
    Ignore,
    Fail,
}

impl Events {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let payloads = self
            .files
            .iter()
            .map(|file| Ok((file.display().to_string(), payload(file)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut answer = Answer::new();
        let mut status = ExitCode::SUCCESS;
        for (name, payload) in &payloads {
            if tell(&mut answer, name, &read(payload))? == Outcome::Fail {
                status = ExitCode::from(FAILED);
            }
        }
        answer.flush()?;
        Ok(status)
    }
}

fn payload(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    bytes.map_err(|error| {
        Failure::usage(
            format!("could not read {}: {error}", file.display()),
            "Give files that hold one payload each, or `-` for standard input.",
        )
    })
}

fn tell(answer: &mut Answer, name: &str, invocation: &Invocation) -> io::Result<Outcome> {
    let announced = || invocation.messages.iter().map(|message| &message.announced);
    let objects: Vec<_> = announced()
        .flat_map(|announced| &announced.objects)
        .collect();
    let passed_over: Vec<_> = announced()
        .flat_map(|announced| &announced.passed_over)
        .collect();
    for AnnouncedObject {
        address,
        alternative_key,
        force,
    } in &objects
    {
        answer.json(&ObjectLine {
            bucket: &address.bucket,
            key: &address.key,
            version_id: address.version_id.as_deref(),
            alternative_key: alternative_key.as_deref(),
            force: *force,
        })?;
    }
    let failures = failures(invocation);
    let (outcome, reasons) = if !failures.is_empty() {
        (Outcome::Fail, failures)
    } else if objects.is_empty() {
        let mut reasons: Vec<_> = passed_over
            .iter()
            .map(|part| part.reason.to_string())
            .collect();
        reasons.sort();
        reasons.dedup();
        (Outcome::Ignore, reasons)
    } else {
        (Outcome::Process, Vec::new())
    };
    answer.json(&PayloadLine {
        payload: name,
        outcome,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        objects: objects.len(),
        passed_over: passed_over.len(),
    })?;
    Ok(outcome)
}

/// What can't be read, with the message it stands in where there are several.
fn failures(invocation: &Invocation) -> Vec<String> {
    let mut failures = Vec::new();
    for message in &invocation.messages {
        for unreadable in &message.announced.unreadable {
            let reason = format!("{}: {unreadable}", unreadable.name());
            failures.push(match &message.id {
                Some(id) => format!("message {id}: {reason}"),
                None => reason,
            });
        }
    }
    failures
}
