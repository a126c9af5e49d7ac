//! redtrail's own message: objects to read, asked for by a person or a tool rather than
//! announced by AWS. The one shape that may ask to read again what was finished.

use redtrail_core::object::ObjectAddress;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    announced::{Announced, required},
    unreadable::{Unreadable, excerpt},
};

const SHAPE: &str = "the request to ingest";
/// The member that tells the shape.
pub(crate) const MEMBER: &str = "redtrailIngest";

/// A request to ingest objects: `{"redtrailIngest": {"objects": [{"bucket": …, "key": …,
/// "versionId": …}], "force": true}}`. Keys have no encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestRequest {
    #[serde(rename = "redtrailIngest")]
    body: Body,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    objects: Vec<Object>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    force: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    bucket: Option<String>,
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

impl IngestRequest {
    /// Asks to read `objects`; with `force`, even those that the ledger has as finished.
    pub fn new(objects: impl IntoIterator<Item = ObjectAddress>, force: bool) -> Self {
        let objects = objects.into_iter().map(|object| Object {
            bucket: Some(object.bucket),
            key: Some(object.key),
            version_id: object.version_id,
        });
        let objects = objects.collect();
        Self {
            body: Body { objects, force },
        }
    }
}

/// What a request announces.
pub(crate) fn read(payload: &Value, announced: &mut Announced) -> Result<(), Unreadable> {
    let request = IngestRequest::deserialize(payload).map_err(|error| Unreadable::Malformed {
        shape: SHAPE,
        problem: excerpt(&error.to_string()),
    })?;
    let Body { objects, force } = request.body;
    if objects.is_empty() {
        return Err(Unreadable::Missing {
            shape: SHAPE,
            member: "objects",
        });
    }
    for object in objects {
        let result = read_object(object, force, announced);
        announced.note(result);
    }
    Ok(())
}

fn read_object(object: Object, force: bool, announced: &mut Announced) -> Result<(), Unreadable> {
    let bucket = required(object.bucket, SHAPE, "`bucket`")?;
    let key = required(object.key, SHAPE, "`key`")?;
    let before = announced.objects.len();
    announced.object(bucket, key, object.version_id);
    for object in announced.objects.iter_mut().skip(before) {
        object.force = force;
    }
    Ok(())
}
