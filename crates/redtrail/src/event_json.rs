//! An audit event as a line of JSON or CSV: its own attributes, and those a program may count
//! on always there, null where AWS's data does not tell.

use std::{collections::BTreeMap, io};

use compact_str::CompactString;
use redtrail_model::{
    AuditEvent, EventKey, EventTime, Flag, Part, PrincipalKey, ResourceKey, SelectedBy, Touched,
};
use serde::Serialize;
use serde_json::Value;

/// The columns of CSV.
pub(crate) const FIELDS: [&str; 28] = [
    "event_time",
    "event_name",
    "event_source",
    "account_id",
    "region",
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
    "resource_arns",
    "resource_parts",
    "request_parameters",
    "response_elements",
    "event_type",
    "via",
    "event_id",
    "reference",
];

/// An event to be written: the tables' attributes, save that its region has the name that
/// DynamoDB reserves.
#[derive(Serialize)]
pub(crate) struct EventLine<'e> {
    // Always there, and first.
    event_id: &'e str,
    event_time: &'e EventTime,
    event_source: &'e str,
    event_name: &'e str,
    principal: &'e PrincipalKey,
    resource_arns: Vec<&'e ResourceKey>,
    root_or_user_credentials: &'e Option<bool>,
    temporary_credentials: &'e Option<bool>,
    by_aws_service: &'e Option<bool>,
    account_id: &'e Option<CompactString>,
    region: &'e Option<CompactString>,
    read_only: &'e Option<bool>,
    error_code: &'e Option<CompactString>,
    /// What `redtrail raw` takes. The tables hold its parts.
    reference: String,

    // Where AWS's data tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addendum_reason: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_account_id: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: &'e Vec<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: &'e Option<CompactString>,
    event_key: &'e EventKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: &'e Vec<Flag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_type: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_authenticated: &'e Option<bool>,
    /// None of a file that was read where it lay.
    #[serde(skip_serializing_if = "Option::is_none")]
    object_bucket: Option<&'e str>,
    object_key: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_version: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_event_id: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: &'e Option<CompactString>,
    record_bytes: &'e u64,
    record_index: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_arns: Vec<&'e str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_parts: Vec<Part>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    request_parameters: &'e BTreeMap<CompactString, CompactString>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_parts: Vec<Part>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    response_elements: &'e BTreeMap<CompactString, CompactString>,
    selected_by: &'e SelectedBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_name: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_event_id: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip_address: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: &'e Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'static str>,
}

impl<'e> EventLine<'e> {
    /// `via_alias` marks it as recorded under a name of what was asked for.
    pub(crate) fn new(event: &'e AuditEvent, via_alias: bool) -> Self {
        // Each attribute by its name: a new one is not forgotten.
        let AuditEvent {
            event_key,
            event_id,
            event_time,
            event_source,
            event_name,
            event_type,
            account_id,
            aws_region,
            principal,
            identity_type,
            caller_account_id,
            session_name,
            session_issuer,
            access_key_id,
            source_identity,
            mfa_authenticated,
            invoked_by,
            on_behalf_of,
            person,
            root_or_user_credentials,
            temporary_credentials,
            by_aws_service,
            source_ip_address,
            user_agent,
            read_only,
            error_code,
            error_message,
            touched: Touched { resources, related },
            changes_resource: _,
            aliases: _,
            request_parameters,
            response_elements,
            shared_event_id,
            addendum_reason,
            original_event_id,
            selected_by,
            flags,
            cut,
            record_bytes,
            origin,
        } = event;
        Self {
            event_id,
            event_time,
            event_source,
            event_name,
            principal,
            resource_arns: resources.iter().map(|resource| &resource.key).collect(),
            root_or_user_credentials,
            temporary_credentials,
            by_aws_service,
            account_id,
            region: aws_region,
            read_only,
            error_code,
            reference: origin.to_string(),
            access_key_id,
            addendum_reason,
            caller_account_id,
            cut,
            error_message,
            event_key,
            event_type,
            flags,
            identity_type,
            invoked_by,
            mfa_authenticated,
            object_bucket: (!origin.is_file()).then_some(&origin.bucket),
            object_key: &origin.key,
            object_version: origin.version.as_deref(),
            on_behalf_of,
            original_event_id,
            person,
            record_bytes,
            record_index: origin.record_index,
            related_arns: related.iter().map(|related| &*related.arn).collect(),
            related_parts: related.iter().map(|related| related.part).collect(),
            request_parameters,
            resource_parts: resources.iter().map(|resource| resource.part).collect(),
            response_elements,
            selected_by,
            session_issuer,
            session_name,
            shared_event_id,
            source_identity,
            source_ip_address,
            user_agent,
            via: via_alias.then_some("alias"),
        }
    }

    /// Its values of [`FIELDS`]. Those of a list are apart by ` | `, a map is `NAME=VALUE | …`.
    ///
    /// # Errors
    /// Never for an audit event: each of its attributes has a form in JSON.
    pub(crate) fn fields(&self) -> io::Result<Vec<String>> {
        let attributes = serde_json::to_value(self)?;
        let field = |name| attributes.get(name).map(text).unwrap_or_default();
        Ok(FIELDS.map(field).into())
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

#[cfg(test)]
mod tests {
    use redtrail_core::plain_text::json_line;
    use serde_json::json;

    use super::*;

    fn event(more: Value) -> AuditEvent {
        let mut event = json!({
            "event_key": "2026-03-02T09:00:00.000Z#e1", "event_id": "e1",
            "event_time": "2026-03-02T09:00:00.000Z",
            "event_source": "redshift.amazonaws.com", "event_name": "PauseCluster",
            "principal": "arn:aws:iam::111122223333:role/Analyst",
            "selected_by": "event_source", "record_bytes": 1500,
            "object_bucket": "", "object_key": "k", "record_index": 7,
        });
        let members = more.as_object().cloned().unwrap_or_default();
        event.as_object_mut().unwrap().extend(members);
        serde_json::from_value(event).unwrap()
    }

    /// One that has whatever an event may have.
    fn full() -> AuditEvent {
        event(json!({
            "event_type": "AwsServiceEvent", "account_id": "111122223333",
            "aws_region": "us-east-1", "identity_type": "AssumedRole",
            "caller_account_id": "444455556666", "session_name": "ana@example.com",
            "session_issuer": "arn:aws:iam::444455556666:role/Analyst",
            "access_key_id": "ASIAIOSFODNN7EXAMPLE", "source_identity": "ana",
            "mfa_authenticated": true, "invoked_by": "redshift.amazonaws.com",
            "on_behalf_of": "arn:aws:identitystore:::user/1", "person": "ana",
            "root_or_user_credentials": false, "temporary_credentials": true,
            "by_aws_service": true, "source_ip_address": "203.0.113.7", "user_agent": "curl",
            "read_only": false, "error_code": "AccessDenied", "error_message": "no",
            "resource_arns": ["arn:aws:redshift:us-east-1:111122223333:cluster:sales"],
            "resource_parts": ["target"],
            "related_arns": ["arn:aws:iam::111122223333:role/Copy"], "related_parts": ["role"],
            "request_parameters": {"clusterIdentifier": "sales"},
            "response_elements": {"clusterStatus": "paused"},
            "shared_event_id": "s1", "addendum_reason": "DELIVERY_DELAY",
            "original_event_id": "e0", "flags": ["unknown_operation"], "cut": ["user_agent"],
            "object_bucket": "b", "object_version": "v1",
        }))
    }

    /// The names of the line's members in their order; none of them is a nested member's too.
    fn names(line: &str) -> Vec<String> {
        let Value::Object(members) = serde_json::from_str(line).unwrap() else {
            panic!("{line}");
        };
        let place = |name: &String| line.find(&format!("\"{name}\":"));
        let mut names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
        names.sort_by_key(place);
        names
    }

    #[test]
    fn ok_what_the_tables_hold_is_told() {
        let event = full();
        let Value::Object(held) = serde_json::to_value(&event).unwrap() else {
            panic!("{event:?}");
        };
        let told = serde_json::to_value(EventLine::new(&event, false)).unwrap();
        for (name, value) in &held {
            let name = if name == "aws_region" { "region" } else { name };
            assert_eq!(told.get(name), Some(value), "{name}");
        }
        assert_eq!(told["reference"], "s3://b/k?versionId=v1#7");
        assert_eq!(told.as_object().unwrap().len(), held.len() + 1);
        let by_alias = serde_json::to_value(EventLine::new(&event, true)).unwrap();
        assert_eq!(by_alias["via"], "alias");
    }

    #[test]
    fn ok_some_are_always_there_and_first() {
        let always = [
            "event_id",
            "event_time",
            "event_source",
            "event_name",
            "principal",
            "resource_arns",
            "root_or_user_credentials",
            "temporary_credentials",
            "by_aws_service",
            "account_id",
            "region",
            "read_only",
            "error_code",
            "reference",
        ];
        let scarce = event(Value::Null);
        let line = json_line(&EventLine::new(&scarce, false)).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["resource_arns"], json!([]));
        assert_eq!(told["error_code"], Value::Null);
        assert_eq!(told.get("object_bucket"), None, "of a file");
        for event in [scarce, full()] {
            let line = json_line(&EventLine::new(&event, false)).unwrap();
            assert_eq!(names(&line)[..always.len()], always);
        }
    }

    #[test]
    fn ok_columns_are_attributes() {
        let event = full();
        let fields = EventLine::new(&event, true).fields().unwrap();
        for (name, field) in FIELDS.into_iter().zip(&fields) {
            assert!(!field.is_empty(), "{name}");
        }
        let column = |name| &fields[FIELDS.iter().position(|field| *field == name).unwrap()];
        assert_eq!(column("request_parameters"), "clusterIdentifier=sales");
        assert_eq!(column("via"), "alias");
    }
}
