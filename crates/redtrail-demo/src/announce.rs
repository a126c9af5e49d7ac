//! The notifications that AWS would send for new objects, a different trigger for each in
//! turn, all through one queue.

use redtrail_local::StoredObject;
use serde_json::{Value, json};

/// An SQS event that announces `objects`, one message each.
pub(crate) fn sqs_event(objects: &[StoredObject]) -> Vec<u8> {
    let triggers = [s3, s3_through_sns, event_bridge, cloudtrail_through_sns];
    let records: Vec<Value> = objects
        .iter()
        .zip(triggers.iter().cycle())
        .enumerate()
        .map(|(index, (object, trigger))| {
            json!({
                "messageId": message_id(index),
                "receiptHandle": "handle",
                "body": trigger(object).to_string(),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:redtrail",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records }).to_string().into_bytes()
}

/// The id of the message at that place of the batch.
pub(crate) fn message_id(index: usize) -> String {
    format!("00000000-0000-4000-8000-{index:012}")
}

fn s3(object: &StoredObject) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-03-02T09:30:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": object.bucket, "arn": format!("arn:aws:s3:::{}", object.bucket)},
            "object": {"key": object.key, "size": object.size, "eTag": object.e_tag},
        },
    }]})
}

fn s3_through_sns(object: &StoredObject) -> Value {
    sns(&s3(object))
}

fn cloudtrail_through_sns(object: &StoredObject) -> Value {
    sns(&json!({"s3Bucket": object.bucket, "s3ObjectKey": [object.key]}))
}

fn sns(message: &Value) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "00000000-0000-4000-8000-00000000000a",
        "TopicArn": "arn:aws:sns:us-east-1:111122223333:trail",
        "Message": message.to_string(),
        "Timestamp": "2026-03-02T09:30:00.000Z",
    })
}

fn event_bridge(object: &StoredObject) -> Value {
    json!({
        "version": "0",
        "id": "00000000-0000-4000-8000-00000000000b",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-03-02T09:30:00Z",
        "region": "us-east-1",
        "resources": [format!("arn:aws:s3:::{}", object.bucket)],
        "detail": {
            "version": "0",
            "bucket": {"name": object.bucket},
            "object": {"key": object.key, "size": object.size, "etag": object.e_tag},
            "reason": "PutObject",
        },
    })
}
