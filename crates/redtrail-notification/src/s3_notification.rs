//! A record of an S3 event notification, and S3's test event.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use aws_lambda_events::s3::S3Entity;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    announced::{Announced, Reason, form_decoded, required},
    unreadable::{Unreadable, excerpt},
};

const SHAPE: &str = "the record of an S3 notification";

/// `aws_lambda_events`' own record insists on members that are of no use here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_version: Option<String>,
    event_name: Option<String>,
    s3: S3Entity,
}

pub(crate) fn record(record: &Value, announced: &mut Announced) -> Result<(), Unreadable> {
    let record =
        Record::deserialize(record).map_err(|error| Unreadable::malformed(SHAPE, &error))?;
    check_version(&required(record.event_version, SHAPE, "`eventVersion`")?)?;
    let event = required(record.event_name, SHAPE, "`eventName`")?;
    let (bucket, object) = (record.s3.bucket.name, record.s3.object);
    // Records have no `s3:`, but S3's documentation names the events with it.
    if !event
        .trim_start_matches("s3:")
        .starts_with("ObjectCreated:")
    {
        let key = object.key.and_then(|key| form_decoded(&key).ok());
        announced.pass_over_event(bucket, key, &event);
        return Ok(());
    }
    let bucket = required(bucket, SHAPE, "`s3.bucket.name`")?;
    let key = form_decoded(&required(object.key, SHAPE, "`s3.object.key`")?)?;
    announced.object(bucket, key, object.version_id);
    Ok(())
}

/// A minor version adds members; another major one may mean something else by them.
fn check_version(version: &str) -> Result<(), Unreadable> {
    let known = version.split_once('.').is_some_and(|(major, minor)| {
        major == "2" && !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
    });
    if known {
        return Ok(());
    }
    Err(Unreadable::NotificationVersion {
        version: excerpt(version),
    })
}

pub(crate) fn is_test_event(payload: &Value) -> bool {
    payload.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
}

pub(crate) fn test_event(payload: &Value, announced: &mut Announced) {
    let bucket = payload.get("Bucket").and_then(Value::as_str);
    announced.pass_over_message(bucket.map(str::to_owned), Reason::S3TestEvent);
}
