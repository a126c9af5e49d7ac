//! Payloads within payloads: a queue's message holds a topic's message holds a
//! notification, and so on in whatever order an account wires them.

use serde_json::Value;

use crate::{
    announced::{Announced, Reason},
    event_bridge, request, s3_batch, s3_notification,
    unreadable::{Unreadable, excerpt},
};

/// How many payloads may stand within each other. The longest chain that is easily
/// wired has six: a queue that holds the topic's message of a failed invocation whose
/// request was a queue's with a topic's message.
pub const MAX_DEPTH: u8 = 12;

/// What a payload announces.
pub(crate) fn of_payload(payload: &Value) -> Announced {
    Announced::by(|announced| read_payload(payload, MAX_DEPTH, announced))
}

/// What a payload in text announces.
pub(crate) fn of_text(text: &str) -> Announced {
    Announced::by(|announced| read_text(text, MAX_DEPTH, announced))
}

/// What one of a payload's records announces.
pub(crate) fn of_record(record: &Value) -> Announced {
    Announced::by(|announced| read_record(record, MAX_DEPTH, announced))
}

fn read_text(text: &str, depth: u8, announced: &mut Announced) -> Result<(), Unreadable> {
    match serde_json::from_str(text) {
        Ok(payload) => read_payload(&payload, depth, announced),
        Err(_) if text.trim() == "CloudTrail validation message." => {
            announced.pass_over_message(None, Reason::CloudTrailValidation);
            Ok(())
        }
        Err(_) => Err(Unreadable::NotJson {
            text: excerpt(text),
        }),
    }
}

fn read_payload(payload: &Value, depth: u8, announced: &mut Announced) -> Result<(), Unreadable> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Unreadable::TooDeep);
    };
    let has = |member: &str| payload.get(member).is_some();
    if let Value::String(text) = payload {
        read_text(text, depth, announced)
    } else if has("Records") {
        records(payload, depth, announced)
    } else if has(request::MEMBER) {
        request::read(payload, announced)
    } else if has("invocationSchemaVersion") {
        tasks(payload, announced)
    } else if has("requestPayload") || has("requestContext") {
        match payload.get("requestPayload") {
            None | Some(Value::Null) => Err(Unreadable::RequestDropped),
            Some(request) => read_payload(request, depth, announced),
        }
    } else if has("detail-type") {
        match event_bridge::event(payload, announced)? {
            Some(inner) => read_payload(&inner, depth, announced),
            None => Ok(()),
        }
    } else if has("Type") && has("Message") {
        topic_message(payload, depth, announced)
    } else if has("s3ObjectKey") {
        cloudtrail_message(payload, announced)
    } else if s3_notification::is_test_event(payload) {
        s3_notification::test_event(payload, announced);
        Ok(())
    } else {
        Err(Unreadable::UnknownShape {
            start: excerpt(&payload.to_string()),
        })
    }
}

/// Every record counts; one that can't be read leaves the others alone.
fn records(payload: &Value, depth: u8, announced: &mut Announced) -> Result<(), Unreadable> {
    let records = non_empty(payload, "Records", "the payload", "records")?;
    for record in records {
        let result = read_record(record, depth, announced);
        announced.note(result);
    }
    Ok(())
}

fn read_record(record: &Value, depth: u8, announced: &mut Announced) -> Result<(), Unreadable> {
    match event_source(record) {
        Some("aws:s3") => s3_notification::record(record, announced),
        Some("aws:sqs") => match record.get("body").and_then(Value::as_str) {
            Some(body) => read_text(body, depth, announced),
            None => Err(Unreadable::Missing {
                shape: "the message of a queue",
                member: "`body`",
            }),
        },
        Some("aws:sns") => match record.get("Sns") {
            Some(message) => topic_message(message, depth, announced),
            None => Err(Unreadable::Missing {
                shape: "the record of a topic",
                member: "`Sns`",
            }),
        },
        Some(other) => Err(Unreadable::UnknownEventSource {
            event_source: excerpt(other),
        }),
        None => Err(Unreadable::Missing {
            shape: "the record",
            member: "`eventSource`",
        }),
    }
}

/// SNS writes this member's name with a capital.
pub(crate) fn event_source(record: &Value) -> Option<&str> {
    record
        .get("eventSource")
        .or_else(|| record.get("EventSource"))?
        .as_str()
}

/// A message of SNS, as Lambda and SQS get it.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>
fn topic_message(message: &Value, depth: u8, announced: &mut Announced) -> Result<(), Unreadable> {
    let text = |member| message.get(member).and_then(Value::as_str);
    let missing = |member| Unreadable::Missing {
        shape: "the message of a topic",
        member,
    };
    match text("Type").ok_or_else(|| missing("`Type`"))? {
        "Notification" => {
            let inner = text("Message").ok_or_else(|| missing("`Message`"))?;
            read_text(inner, depth, announced)
        }
        "SubscriptionConfirmation" => {
            announced.pass_over_message(None, Reason::SubscriptionConfirmation);
            Ok(())
        }
        "UnsubscribeConfirmation" => {
            announced.pass_over_message(None, Reason::UnsubscribeConfirmation);
            Ok(())
        }
        _ => Err(Unreadable::UnknownShape {
            start: excerpt(&message.to_string()),
        }),
    }
}

/// CloudTrail's own message about the logs it has delivered.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html>
fn cloudtrail_message(message: &Value, announced: &mut Announced) -> Result<(), Unreadable> {
    const SHAPE: &str = "CloudTrail's message";
    let missing = |member| Unreadable::Missing {
        shape: SHAPE,
        member,
    };
    let filled = |text: &&str| !text.is_empty();
    let bucket = message
        .get("s3Bucket")
        .and_then(Value::as_str)
        .filter(filled)
        .ok_or_else(|| missing("`s3Bucket`"))?;
    for key in non_empty(message, "s3ObjectKey", SHAPE, "keys in `s3ObjectKey`")? {
        match key.as_str().filter(filled) {
            Some(key) => {
                announced.object_with_uncertain_key(bucket.to_owned(), key.to_owned(), None);
            }
            None => announced.note(Err(missing("key in a place of `s3ObjectKey`"))),
        }
    }
    Ok(())
}

fn tasks(payload: &Value, announced: &mut Announced) -> Result<(), Unreadable> {
    for task in non_empty(payload, "tasks", "the payload", "tasks")? {
        let result = s3_batch::task(task, announced);
        announced.note(result);
    }
    Ok(())
}

fn non_empty<'a>(
    payload: &'a Value,
    name: &str,
    shape: &'static str,
    member: &'static str,
) -> Result<&'a Vec<Value>, Unreadable> {
    payload
        .get(name)
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .ok_or(Unreadable::Missing { shape, member })
}
