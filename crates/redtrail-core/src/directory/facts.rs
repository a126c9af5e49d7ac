//! Which keys are of one thing, and which events belong together.

use compact_str::CompactString;
use redtrail_model::{
    AuditEvent, EventKey, EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, PrincipalKey,
    ResourceKey, SCHEMA_VERSION, bounded,
};
use serde::{Deserialize, Serialize};

use super::{edges::principal_subject, put};
use crate::{
    alias::Glimpse, item::Put, normalize::principal::role_without_path, retention::Retention,
};

/// The edges of aliases begin so: `alias#EVENT_KEY#OTHER`.
pub const ALIAS: &str = "alias#";
/// The edges of a role's keys with its path begin so: `role#PRINCIPAL`.
pub const ROLE: &str = "role#";
/// The edges of links begin so: `event#EVENT_KEY`.
pub const LINK: &str = "event#";

/// One key was shown together with another by an event. Written under both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasFact {
    pub subject: String,
    pub edge: String,
    /// The other key.
    pub other_key: ResourceKey,
    /// Both are keys of one thing; else one belongs to the other.
    pub same_thing: bool,
    pub glimpse: Glimpse,
    pub event_time: EventTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
}

/// An event that belongs to another: its copy in another account, or what it corrects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFact {
    pub subject: String,
    pub edge: String,
    /// Where the event stands in the principals table.
    pub principal: PrincipalKey,
    pub event_key: EventKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
}

/// A role that records name with and without its path. Written under the key without it;
/// the other way round, the path need only be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFact {
    pub subject: String,
    pub edge: String,
    /// The role's key with its path.
    pub other_principal: PrincipalKey,
    pub schema_version: u32,
}

/// What the directory says of a resource stands under this subject.
pub fn resource_subject(key: &ResourceKey) -> String {
    bounded(format!("resource#{key}"), MAX_PARTITION_KEY_BYTES)
}

/// The copies of an event stand under this subject.
pub fn shared_event_subject(shared_event_id: &str) -> String {
    bounded(format!("shared#{shared_event_id}"), MAX_PARTITION_KEY_BYTES)
}

/// The corrections of an event stand under this subject.
pub fn corrected_event_subject(event_id: &str) -> String {
    bounded(format!("event#{event_id}"), MAX_PARTITION_KEY_BYTES)
}

/// The facts that one event shows.
///
/// # Errors
/// Never for facts as redtrail makes them: each field has a form in DynamoDB.
pub(super) fn facts(
    event: &AuditEvent,
    retention: Retention,
) -> Result<Vec<Put>, serde_dynamo::Error> {
    let expires_at = retention.expires_at(event.event_time);
    let mut puts = Vec::new();
    for alias in &event.aliases {
        let kind = alias.first.name_kind().or(alias.second.name_kind());
        let glimpse = Glimpse::of(&event.event_name, kind.unwrap_or_default());
        for (key, other) in [(&alias.first, &alias.second), (&alias.second, &alias.first)] {
            let edge = format!("{ALIAS}{}#{other}", event.event_key);
            let fact = AliasFact {
                subject: resource_subject(key),
                edge: bounded(&edge, MAX_SORT_KEY_BYTES),
                other_key: other.clone(),
                same_thing: alias.same,
                glimpse,
                event_time: event.event_time,
                expires_at,
                schema_version: SCHEMA_VERSION,
            };
            puts.push(put(&fact)?);
        }
    }
    if let Some(without_path) = role_without_path(&event.principal) {
        puts.push(put(&RoleFact {
            subject: principal_subject(without_path.as_str()),
            edge: bounded(format!("{ROLE}{}", event.principal), MAX_SORT_KEY_BYTES),
            other_principal: event.principal.clone(),
            schema_version: SCHEMA_VERSION,
        })?);
    }
    let shared = event.shared_event_id.as_deref().map(shared_event_subject);
    let corrected = event
        .original_event_id
        .as_deref()
        .map(corrected_event_subject);
    for subject in shared.into_iter().chain(corrected) {
        puts.push(put(&LinkFact {
            subject,
            edge: bounded(format!("{LINK}{}", event.event_key), MAX_SORT_KEY_BYTES),
            principal: event.principal.clone(),
            event_key: event.event_key.clone(),
            account_id: event.account_id.clone(),
            expires_at,
            schema_version: SCHEMA_VERSION,
        })?);
    }
    Ok(puts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log_reader::RawRecord, normalize::audit_event, select::Selector};
    use redtrail_model::Origin;
    use serde_dynamo::AttributeValue;

    /// Subjects and edges of the facts that a record shows.
    fn shown(more: &str) -> Vec<(String, String)> {
        let record = format!(
            r#"{{"eventID":"e1","eventTime":"2026-03-02T09:00:00Z","eventSource":"redshift-serverless.amazonaws.com","eventName":"CreateNamespace"{more}}}"#
        );
        let record = RawRecord {
            index: 0,
            offset: 0,
            bytes: record.into_bytes(),
        };
        let origin = Origin {
            bucket: "b".into(),
            key: "k".into(),
            version: None,
            record_index: 0,
        };
        let event = audit_event(&record, &origin, &Selector::default()).unwrap();
        let text = |put: &Put, name: &str| match put.get(name).unwrap() {
            AttributeValue::S(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        let facts = facts(&event, Retention::Forever).unwrap();
        facts
            .iter()
            .map(|put| (text(put, "subject"), text(put, "edge")))
            .collect()
    }

    #[test]
    fn ok_an_event_alone_says_nothing() {
        assert_eq!(shown(""), []);
    }

    #[test]
    fn ok_copies_and_corrections_are_linked() {
        let edge = "event#2026-03-02T09:00:00.000Z#e1".to_owned();
        assert_eq!(
            shown(
                r#","sharedEventID":"s1","addendum":{"reason":"UPDATED_DATA","originalEventID":"e0"}"#
            ),
            [
                ("shared#s1".to_owned(), edge.clone()),
                ("event#e0".to_owned(), edge)
            ]
        );
    }

    #[test]
    fn ok_a_role_is_known_without_its_path() {
        let role = "arn:aws:iam::111122223333:role/etl/nightly/loader";
        let identity = format!(
            r#","userIdentity":{{"type":"AssumedRole","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"{role}"}}}}}}"#
        );
        let subject = "principal#arn:aws:iam::111122223333:role/loader".to_owned();
        assert_eq!(shown(&identity), [(subject, format!("role#{role}"))]);
        assert_eq!(shown(&identity.replace("etl/nightly/", "")), []);
    }

    #[test]
    fn ok_a_name_and_its_arn_know_each_other() {
        let arn = "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/1";
        let name = "name:redshift-serverless:us-east-1:111122223333:namespace/n";
        let facts = shown(&format!(
            r#","awsRegion":"us-east-1","recipientAccountId":"111122223333","responseElements":{{"namespace":{{"namespaceName":"n","namespaceArn":"{arn}"}}}}"#
        ));
        let key = "2026-03-02T09:00:00.000Z#e1";
        assert_eq!(
            facts,
            [
                (format!("resource#{name}"), format!("alias#{key}#{arn}")),
                (format!("resource#{arn}"), format!("alias#{key}#{name}")),
            ]
        );
    }
}
