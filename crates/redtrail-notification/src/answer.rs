//! The answer to an invocation, in the form its caller reads.

use aws_lambda_events::{
    s3::batch_job::{S3BatchJobResponse, S3BatchJobResult},
    sqs::SqsBatchResponse,
};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::invocation::{Caller, Invocation, Message};

/// How the objects of a message fared, in a few words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded(String),
    /// An object is bad and was recorded as such: nothing is gained by sending it again.
    Rejected(String),
    /// To be sent again.
    Failed(String),
}

/// The invocation as a whole has to fail, so that Lambda tries it again and at last
/// hands it to the failure destination.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{failed} of {messages} messages failed, first: {first}")]
pub struct InvocationFailed {
    pub failed: usize,
    pub messages: usize,
    pub first: String,
}

impl Invocation {
    /// The answer, given the outcome of each message in order. A message without an
    /// outcome was not tried and has failed; one that could not be wholly read has
    /// failed whatever its outcome.
    ///
    /// SQS sends again what failed; a job's report tells the three outcomes apart.
    ///
    /// # Errors
    /// When a message failed that can't be given back alone: the caller takes no such
    /// answer, or the message has no id.
    pub fn answer(&self, outcomes: &[Outcome]) -> Result<Value, InvocationFailed> {
        let mut outcomes = outcomes.iter();
        let results: Vec<(&Message, Outcome)> = self
            .messages
            .iter()
            .map(|message| (message, outcome_of(message, outcomes.next())))
            .collect();
        match &self.caller {
            Caller::Sqs => queue_response(&results),
            Caller::S3Batch {
                invocation_schema_version,
                invocation_id,
            } => Ok(job_response(
                invocation_schema_version.as_ref(),
                invocation_id.as_ref(),
                &results,
            )),
            Caller::Direct => match failed(&results).next() {
                Some(_) => Err(invocation_failed(&results)),
                None => Ok(Value::Null),
            },
        }
    }
}

fn outcome_of(message: &Message, outcome: Option<&Outcome>) -> Outcome {
    match (outcome, message.announced.unreadable.first()) {
        (None, _) => Outcome::Failed("not tried".to_owned()),
        (Some(Outcome::Failed(reason)), _) => Outcome::Failed(reason.clone()),
        (Some(_), Some(unreadable)) => Outcome::Failed(unreadable.to_string()),
        (Some(outcome), None) => outcome.clone(),
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn queue_response(results: &[(&Message, Outcome)]) -> Result<Value, InvocationFailed> {
    let mut response = SqsBatchResponse::default();
    for (message, _) in failed(results) {
        match &message.id {
            Some(id) => response.add_failure(id),
            None => return Err(invocation_failed(results)),
        }
    }
    Ok(json(&response))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>
fn job_response(
    invocation_schema_version: Option<&String>,
    invocation_id: Option<&String>,
    results: &[(&Message, Outcome)],
) -> Value {
    let result = |(message, outcome): &(&Message, Outcome)| {
        // A task that can't be read reads no better when it is sent again.
        let unreadable = !message.announced.unreadable.is_empty();
        let (code, text) = match outcome {
            Outcome::Succeeded(text) => ("Succeeded", text),
            Outcome::Failed(text) if !unreadable => ("TemporaryFailure", text),
            Outcome::Failed(text) | Outcome::Rejected(text) => ("PermanentFailure", text),
        };
        let mut result = S3BatchJobResult::default();
        result.task_id = message.id.clone();
        result.result_code = Some(code.to_owned());
        result.result_string = Some(text.clone());
        result
    };
    let mut response = S3BatchJobResponse::default();
    response.invocation_schema_version = invocation_schema_version.cloned();
    response.invocation_id = invocation_id.cloned();
    response.treat_missing_keys_as = Some("PermanentFailure".to_owned());
    response.results = results.iter().map(result).collect();
    json(&response)
}

fn failed<'a>(
    results: &'a [(&'a Message, Outcome)],
) -> impl Iterator<Item = (&'a Message, &'a str)> {
    results
        .iter()
        .filter_map(|(message, outcome)| match outcome {
            Outcome::Failed(reason) => Some((*message, reason.as_str())),
            Outcome::Succeeded(_) | Outcome::Rejected(_) => None,
        })
}

fn invocation_failed(results: &[(&Message, Outcome)]) -> InvocationFailed {
    InvocationFailed {
        failed: failed(results).count(),
        messages: results.len(),
        first: failed(results)
            .next()
            .map_or_else(String::new, |(_, reason)| reason.to_owned()),
    }
}

fn json(response: &impl Serialize) -> Value {
    serde_json::to_value(response).expect("a struct of texts and lists is always JSON")
}
