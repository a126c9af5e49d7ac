//! A payload as the function gets it: messages that succeed or fail each for itself, and
//! whom to answer.

use serde_json::Value;

use crate::{
    announced::Announced,
    envelope, s3_batch,
    unreadable::{Unreadable, excerpt},
};

/// One invocation of the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub caller: Caller,
    /// What is answered one by one: the messages of a queue, the tasks of a job, or else
    /// the payload as a whole. Never empty.
    pub messages: Vec<Message>,
}

/// Who waits for the answer, and so in which form it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// SQS gets back the messages that failed.
    Sqs,
    /// S3 Batch Operations gets a result for each task.
    S3Batch {
        invocation_schema_version: Option<String>,
        invocation_id: Option<String>,
    },
    /// S3, SNS, EventBridge, a person: an invocation that fails is tried again by Lambda.
    Direct,
}

/// What succeeds or fails as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `messageId` of a queue's message, `taskId` of a job's task.
    pub id: Option<String>,
    pub announced: Announced,
}

/// Reads any payload. What it does not understand stands in the messages as unreadable.
pub fn read(payload: &[u8]) -> Invocation {
    let Ok(text) = std::str::from_utf8(payload) else {
        return direct(Announced::by(|_| {
            Err(Unreadable::NotJson {
                text: excerpt(&String::from_utf8_lossy(payload)),
            })
        }));
    };
    match serde_json::from_str::<Value>(text) {
        Ok(payload) => from_queue(&payload)
            .or_else(|| from_job(&payload))
            .unwrap_or_else(|| direct(envelope::of_payload(&payload))),
        Err(_) => direct(envelope::of_text(text)),
    }
}

fn from_queue(payload: &Value) -> Option<Invocation> {
    let records = payload.get("Records")?.as_array()?;
    let of_queue = |record| envelope::event_source(record) == Some("aws:sqs");
    records.iter().any(of_queue).then(|| Invocation {
        caller: Caller::Sqs,
        messages: messages(records, "messageId", envelope::of_record),
    })
}

fn from_job(payload: &Value) -> Option<Invocation> {
    let version = payload.get("invocationSchemaVersion")?;
    let tasks = payload.get("tasks")?.as_array()?;
    let of_task = |task: &Value| Announced::by(|announced| s3_batch::task(task, announced));
    (!tasks.is_empty()).then(|| Invocation {
        caller: Caller::S3Batch {
            invocation_schema_version: version.as_str().map(str::to_owned),
            invocation_id: text(payload, "invocationId"),
        },
        messages: messages(tasks, "taskId", of_task),
    })
}

fn direct(announced: Announced) -> Invocation {
    Invocation {
        caller: Caller::Direct,
        messages: vec![Message {
            id: None,
            announced,
        }],
    }
}

fn messages(list: &[Value], id: &str, announced: impl Fn(&Value) -> Announced) -> Vec<Message> {
    list.iter()
        .map(|entry| Message {
            id: text(entry, id),
            announced: announced(entry),
        })
        .collect()
}

fn text(payload: &Value, member: &str) -> Option<String> {
    payload.get(member)?.as_str().map(str::to_owned)
}
