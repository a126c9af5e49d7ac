//! The ingest function's queue: SendMessageBatch, to have it read objects that nothing else
//! announces.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use std::time::Duration;

use aws_sdk_sqs::{
    error::{ProvideErrorMetadata, SdkError},
    operation::send_message_batch::SendMessageBatchError,
    types::{BatchResultErrorEntry, SendMessageBatchRequestEntry},
};
use redtrail_core::{
    edge::{Announce, EdgeError, EdgeErrorKind},
    object::ObjectAddress,
};
use redtrail_notification::IngestRequest;

/// The function takes ten messages at a time and has five minutes for all of their objects.
const OBJECTS_A_MESSAGE: usize = 5;
/// SQS takes no more messages at once.
const MAX_MESSAGES: usize = 10;
/// What the messages of one request come to at most. SQS takes 1 MiB today; a queue may be set to
/// less, and older ones are set to what was its limit before.
const MAX_BYTES: usize = 256 * 1024;
/// A message that SQS could not take is sent so often.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The queue that the ingest function reads.
#[derive(Clone, Debug)]
pub struct IngestQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A message, and what SQS calls it in its answer.
#[derive(Clone)]
struct Message {
    id: String,
    body: String,
}

impl IngestQueue {
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

impl Announce for IngestQueue {
    /// Asks for each of `objects` to be read. What the ledger has as finished is left alone by the
    /// function, so that asking twice does no harm.
    ///
    /// # Errors
    /// When SQS cannot be reached or does not take all of it. Any of the objects may be announced
    /// nonetheless.
    async fn announce(&self, objects: &[ObjectAddress], force: bool) -> Result<(), EdgeError> {
        for request in requests(objects, force)? {
            self.send(request).await?;
        }
        Ok(())
    }
}

impl IngestQueue {
    /// Sends messages until SQS has taken each.
    async fn send(&self, mut messages: Vec<Message>) -> Result<(), EdgeError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let failed = self.send_once(&messages).await?;
            let Some(first) = failed.first() else {
                return Ok(());
            };
            let kind = entry_kind(&failed);
            if attempt == ATTEMPTS || !kind.is_retryable() {
                let told = first.message().unwrap_or_default();
                return Err(EdgeError {
                    attempted: format!("send {} messages to {}", failed.len(), self.url),
                    kind,
                    source: Some(format!("{} {told}", first.code()).trim_end().into()),
                });
            }
            messages.retain(|message| failed.iter().any(|failed| failed.id() == message.id));
            tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            wait *= 2;
        }
        Ok(())
    }

    /// Gives the messages that SQS did not take.
    async fn send_once(
        &self,
        messages: &[Message],
    ) -> Result<Vec<BatchResultErrorEntry>, EdgeError> {
        let entries = messages.iter().map(|message| {
            SendMessageBatchRequestEntry::builder()
                .id(&message.id)
                .message_body(&message.body)
                .build()
        });
        let entries = entries
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| self.failed(EdgeErrorKind::Refused, error.into()))?;
        let sent = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| self.failed(kind(&error), error.into()))?;
        let is_known = |id: &str| messages.iter().any(|message| message.id == id);
        let answered = sent.successful().iter().map(|entry| entry.id());
        let answered = answered.chain(sent.failed().iter().map(|entry| entry.id()));
        if answered.filter(|id| is_known(id)).count() < messages.len() {
            // Nothing is known of the others.
            return Err(self.failed(
                EdgeErrorKind::Retryable,
                "the answer does not tell of every message".into(),
            ));
        }
        Ok(sent.failed)
    }

    fn failed(
        &self,
        kind: EdgeErrorKind,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> EdgeError {
        EdgeError {
            attempted: format!("send messages to {}", self.url),
            kind,
            source: Some(source),
        }
    }
}

/// The messages for `objects`, as many to a request as SQS takes.
fn requests(objects: &[ObjectAddress], force: bool) -> Result<Vec<Vec<Message>>, EdgeError> {
    let mut requests: Vec<Vec<Message>> = Vec::new();
    let mut bytes = 0;
    for (index, objects) in objects.chunks(OBJECTS_A_MESSAGE).enumerate() {
        let message = Message {
            id: index.to_string(),
            body: body(objects, force)?,
        };
        let is_full = |request: &Vec<Message>| {
            request.len() == MAX_MESSAGES || bytes + message.body.len() > MAX_BYTES
        };
        match requests.last_mut().filter(|request| !is_full(request)) {
            Some(request) => {
                bytes += message.body.len();
                request.push(message);
            }
            None => {
                bytes = message.body.len();
                requests.push(vec![message]);
            }
        }
    }
    Ok(requests)
}

fn body(objects: &[ObjectAddress], force: bool) -> Result<String, EdgeError> {
    let request = IngestRequest::new(objects.iter().cloned(), force);
    let body = serde_json::to_string(&request).map_err(|error| EdgeError {
        attempted: "write a message".to_owned(),
        kind: EdgeErrorKind::Refused,
        source: Some(error.into()),
    })?;
    // SQS refuses these two characters, which JSON does not escape.
    Ok(body
        .replace('\u{fffe}', "\\ufffe")
        .replace('\u{ffff}', "\\uffff"))
}

/// What can be done about messages that were not taken.
fn entry_kind(failed: &[BatchResultErrorEntry]) -> EdgeErrorKind {
    let kinds = failed.iter().map(|entry| match code_kind(entry.code()) {
        EdgeErrorKind::Retryable if entry.sender_fault() => EdgeErrorKind::Refused,
        kind => kind,
    });
    let mut worst = EdgeErrorKind::Retryable;
    for kind in kinds {
        if !kind.is_retryable() || worst.is_retryable() {
            worst = kind;
        }
    }
    worst
}

fn kind(error: &SdkError<SendMessageBatchError>) -> EdgeErrorKind {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (code_kind(error.code().unwrap_or_default()), status) {
        (EdgeErrorKind::Retryable, Some(403)) if !is_about_time(error.code()) => DENIED,
        (kind, _) => kind,
    }
}

const DENIED: EdgeErrorKind = EdgeErrorKind::Denied {
    permission: "sqs:SendMessage",
};

/// Credentials run out and are renewed.
fn is_about_time(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("ExpiredToken" | "RequestExpired" | "RequestTimeTooSkewed")
    )
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html#API_SendMessageBatch_Errors>
fn code_kind(code: &str) -> EdgeErrorKind {
    // Some have one name in the older protocol and another in JSON's.
    match code.trim_start_matches("AWS.SimpleQueueService.") {
        "AccessDenied" | "AccessDeniedException" => DENIED,
        "KMS.AccessDeniedException" | "KmsAccessDenied" => EdgeErrorKind::Denied {
            permission: "kms:GenerateDataKey",
        },
        "NonExistentQueue" | "QueueDoesNotExist" => EdgeErrorKind::Missing,
        "RequestThrottled" | "Throttling" | "ThrottlingException" => EdgeErrorKind::Throttled {
            reason: "RequestThrottled",
        },
        "KMS.ThrottlingException" | "KmsThrottled" => EdgeErrorKind::Throttled {
            reason: "KmsThrottled",
        },
        "InvalidAddress"
        | "InvalidSecurity"
        | "InvalidMessageContents"
        | "BatchRequestTooLong"
        | "UnsupportedOperation"
        | "KMS.DisabledException"
        | "KmsDisabled"
        | "KMS.InvalidStateException"
        | "KmsInvalidState"
        | "KMS.NotFoundException"
        | "KmsNotFound" => EdgeErrorKind::Refused,
        _ => EdgeErrorKind::Retryable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(count: usize, key_bytes: usize) -> Vec<ObjectAddress> {
        let object = |index| ObjectAddress {
            bucket: "trail".to_owned(),
            key: format!("{index:0key_bytes$}"),
            version_id: None,
        };
        (0..count).map(object).collect()
    }

    #[test]
    fn ok_requests_within_the_limits() {
        for (count, key_bytes, expected) in [
            (0, 9, vec![]),
            (1, 9, vec![1]),
            (50, 9, vec![10]),
            (51, 9, vec![10, 1]),
            (101, 1024, vec![10, 10, 1]),
        ] {
            let requests = requests(&objects(count, key_bytes), false).unwrap();
            let sizes: Vec<usize> = requests.iter().map(Vec::len).collect();
            assert_eq!(sizes, expected, "{count} of {key_bytes}");
        }
        // A control character takes six bytes.
        let mut long = objects(100, 9);
        for object in &mut long {
            object.key = "\u{1}".repeat(1024);
        }
        let requests = requests(&long, false).unwrap();
        assert_eq!(requests.concat().len(), 20);
        for request in requests {
            let bytes: usize = request.iter().map(|message| message.body.len()).sum();
            assert!(bytes <= MAX_BYTES, "{bytes}");
        }
    }

    #[test]
    fn ok_no_character_that_sqs_refuses() {
        let mut object = objects(1, 9);
        object[0].key = "\u{fffe}\u{ffff}\u{0}\u{fffd}".to_owned();
        let body = body(&object, false).unwrap();
        assert!(body.contains("\\ufffe\\uffff\\u0000\u{fffd}"), "{body}");
    }

    #[test]
    fn what_can_be_done_about_entries() {
        let entry = |code: &str, sender_fault| {
            BatchResultErrorEntry::builder()
                .id("0")
                .code(code)
                .sender_fault(sender_fault)
                .build()
                .unwrap()
        };
        let internal = entry("InternalError", false);
        assert_eq!(
            entry_kind(std::slice::from_ref(&internal)),
            EdgeErrorKind::Retryable
        );
        for refused in [
            entry("InvalidMessageContents", true),
            entry("SomethingNew", true),
        ] {
            let both = [internal.clone(), refused, internal.clone()];
            assert_eq!(entry_kind(&both), EdgeErrorKind::Refused);
        }
        let denied = entry("AccessDenied", true);
        assert_eq!(entry_kind(&[denied, internal]), DENIED);
    }
}
