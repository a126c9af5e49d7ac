//! The answer to an invocation, in the form its caller reads.

use aws_lambda_events::{
    s3::batch_job::{S3BatchJobResponse, S3BatchJobResult},
    sqs::SqsBatchResponse,
};
use redtrail_core::plain_text::plain;
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
        // It goes into a report that people read; keys stand in it.
        result.result_string = Some(plain(text).into_owned());
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read;

    fn invocation(payload: &Value) -> Invocation {
        read(payload.to_string().as_bytes())
    }

    fn succeeded() -> Outcome {
        Outcome::Succeeded("1 object".into())
    }

    fn rejected() -> Outcome {
        Outcome::Rejected("not gzip".into())
    }

    fn failed() -> Outcome {
        Outcome::Failed("throttled".into())
    }

    fn queue() -> Value {
        let test = json!({"Event": "s3:TestEvent", "Bucket": "trail"}).to_string();
        let message =
            |id, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
        json!({"Records": [message("a", &test), message("b", "?"), message("c", &test)]})
    }

    #[track_caller]
    fn check_queue(outcomes: &[Outcome], failures: &[&str]) {
        let answer = invocation(&queue()).answer(outcomes).unwrap();
        let failures: Vec<Value> = failures
            .iter()
            .map(|id| json!({"itemIdentifier": id}))
            .collect();
        assert_eq!(answer, json!({"batchItemFailures": failures}));
    }

    #[test]
    fn queue_gets_back_what_failed() {
        // The second can't be read, whatever is said of it.
        check_queue(&[succeeded(), succeeded(), succeeded()], &["b"]);
        check_queue(&[failed(), failed(), rejected()], &["a", "b"]);
        check_queue(&[rejected(), succeeded(), failed()], &["b", "c"]);
        // Not tried.
        check_queue(&[succeeded()], &["b", "c"]);
        check_queue(&[], &["a", "b", "c"]);
    }

    #[test]
    fn queue_gets_back_nothing_when_all_went_well() {
        let mut payload = queue();
        payload["Records"].as_array_mut().unwrap().remove(1);
        let answer = invocation(&payload).answer(&[succeeded(), succeeded()]);
        assert_eq!(answer, Ok(json!({"batchItemFailures": []})));
    }

    #[test]
    fn err_queue_message_without_id() {
        let mut payload = queue();
        payload["Records"][0]["messageId"] = Value::Null;
        let invocation = invocation(&payload);
        let outcomes = [failed(), succeeded(), succeeded()];
        let error = invocation.answer(&outcomes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 of 3 messages failed, first: throttled"
        );
        // It is missed only when it has to be named.
        assert!(
            invocation
                .answer(&[succeeded(), succeeded(), failed()])
                .is_ok()
        );
    }

    #[test]
    fn job_gets_a_result_for_each_task() {
        let task = |id, key| json!({"taskId": id, "s3Key": key, "s3Bucket": "trail"});
        let payload = json!({
            "invocationSchemaVersion": "2.0", "invocationId": "i", "job": {"id": "j"},
            "tasks": [task("a", "k"), task("b", "k"), task("c", "k"), task("d", "%FF")],
        });
        let outcomes = [succeeded(), rejected(), failed(), succeeded()];
        let answer = invocation(&payload).answer(&outcomes).unwrap();
        assert_eq!(
            answer,
            json!({
                "invocationSchemaVersion": "2.0",
                "treatMissingKeysAs": "PermanentFailure",
                "invocationId": "i",
                "results": [
                    {"taskId": "a", "resultCode": "Succeeded", "resultString": "1 object"},
                    {"taskId": "b", "resultCode": "PermanentFailure", "resultString": "not gzip"},
                    {"taskId": "c", "resultCode": "TemporaryFailure", "resultString": "throttled"},
                    {"taskId": "d", "resultCode": "PermanentFailure",
                     "resultString": "the key `%FF` is not UTF-8 once decoded"},
                ],
            })
        );
    }

    #[test]
    fn direct_invocations_fail_as_a_whole() {
        let known = invocation(&json!({"Event": "s3:TestEvent", "Bucket": "trail"}));
        assert_eq!(known.answer(&[succeeded()]), Ok(Value::Null));
        assert_eq!(known.answer(&[rejected()]), Ok(Value::Null));
        assert!(known.answer(&[failed()]).is_err());
        assert!(known.answer(&[]).is_err());
        assert!(invocation(&json!({})).answer(&[succeeded()]).is_err());
    }
}
