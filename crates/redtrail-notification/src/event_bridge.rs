//! An EventBridge event: S3's own, or the record of a failed invocation that Lambda sent
//! to a bus.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>

use aws_lambda_events::eventbridge::EventBridgeEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    announced::{Announced, required},
    unreadable::{Unreadable, excerpt},
};

const SHAPE: &str = "the EventBridge event";

/// The detail of S3's events.
#[derive(Deserialize, Serialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize, Serialize)]
struct Bucket {
    name: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: Option<String>,
    version_id: Option<String>,
}

/// Reads an event that announces objects itself, or gives back the payload within it.
pub(crate) fn event(
    payload: &Value,
    announced: &mut Announced,
) -> Result<Option<Value>, Unreadable> {
    let malformed = |error: serde_json::Error| Unreadable::malformed(SHAPE, &error);
    let event = EventBridgeEvent::<Value>::deserialize(payload).map_err(malformed)?;
    match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.s3", detail_type) if detail_type.starts_with("Object ") => {
            let Detail { bucket, object } =
                Detail::deserialize(&event.detail).map_err(malformed)?;
            if detail_type != "Object Created" {
                announced.pass_over_event(bucket.name, object.key, detail_type);
                return Ok(None);
            }
            let bucket = required(bucket.name, SHAPE, "`detail.bucket.name`")?;
            let key = required(object.key, SHAPE, "`detail.object.key`")?;
            announced.object_with_uncertain_key(bucket, key, object.version_id);
            Ok(None)
        }
        ("lambda", detail_type) if detail_type.starts_with("Lambda Function Invocation Result") => {
            Ok(Some(event.detail))
        }
        (source, detail_type) => Err(Unreadable::UnknownEventBridgeEvent {
            source_name: excerpt(source),
            detail_type: excerpt(detail_type),
        }),
    }
}
