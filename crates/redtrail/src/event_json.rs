//! An audit event as a line of JSON or CSV: its own attributes, and those a program may count
//! on always there, null where AWS's data does not tell.

use std::io;

use redtrail_model::AuditEvent;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Always there, and first.
const ALWAYS: [&str; 14] = [
    "event_id",
    "event_time",
    "event_source",
    "event_name",
    "principal",
    RESOURCE_ARNS,
    "root_or_user_credentials",
    "temporary_credentials",
    "by_aws_service",
    "account_id",
    REGION,
    "read_only",
    "error_code",
    REFERENCE,
];

/// The columns of CSV.
pub(crate) const FIELDS: [&str; 28] = [
    "event_time",
    "event_name",
    "event_source",
    "account_id",
    REGION,
    "principal",
    "person",
    "session_name",
    "access_key_id",
    "source_identity",
    "invoked_by",
    "identity_type",
    "root_or_user_credentials",
    "temporary_credentials",
    "by_aws_service",
    "source_ip_address",
    "user_agent",
    "read_only",
    "error_code",
    "error_message",
    RESOURCE_ARNS,
    "resource_parts",
    "request_parameters",
    "response_elements",
    "event_type",
    "via",
    "event_id",
    REFERENCE,
];

/// The one that is empty rather than null.
const RESOURCE_ARNS: &str = "resource_arns";

/// What `redtrail raw` takes. The tables hold its parts.
const REFERENCE: &str = "reference";

/// The tables say `aws_region`, because DynamoDB reserves the word.
const REGION: &str = "region";

/// An event to be written as JSON.
pub(crate) struct EventLine(Map<String, Value>);

impl EventLine {
    /// # Errors
    /// Never for an audit event: each of its fields has a form in JSON.
    pub(crate) fn new(event: &AuditEvent) -> io::Result<Self> {
        let Value::Object(mut attributes) = serde_json::to_value(event)? else {
            return Err(io::Error::other("an event is an object"));
        };
        if let Some(region) = attributes.remove("aws_region") {
            attributes.insert(REGION.to_owned(), region);
        }
        if event.origin.bucket.is_empty() {
            // Of a file that was read where it lay.
            attributes.remove("object_bucket");
        }
        attributes.insert(REFERENCE.to_owned(), event.origin.to_string().into());
        for name in ALWAYS {
            let unknown = if name == RESOURCE_ARNS {
                Value::Array(Vec::new())
            } else {
                Value::Null
            };
            attributes.entry(name).or_insert(unknown);
        }
        Ok(Self(attributes))
    }

    /// Marked as recorded under a name of what was asked for.
    pub(crate) fn via_alias(mut self) -> Self {
        self.0.insert("via".to_owned(), "alias".into());
        self
    }
}

impl EventLine {
    /// Its values of [`FIELDS`]. Those of a list are apart by ` | `, a map is `NAME=VALUE | …`.
    pub(crate) fn fields(&self) -> Vec<String> {
        FIELDS
            .iter()
            .map(|&name| self.0.get(name).map(text).unwrap_or_default())
            .collect()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" | "),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{name}={}", text(value)));
            members.collect::<Vec<_>>().join(" | ")
        }
        other => other.to_string(),
    }
}

impl Serialize for EventLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = ALWAYS.iter().filter_map(|&name| self.0.get_key_value(name));
        let rest = self
            .0
            .iter()
            .filter(|(name, _)| !ALWAYS.contains(&name.as_str()));
        serializer.collect_map(first.chain(rest))
    }
}
