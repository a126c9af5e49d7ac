//! Facts for the directory: which keys are of one thing, and which events belong together.
//! Each is a put whose content its key fixes, so replay and order change nothing.

use redtrail_model::{
    AuditEvent, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, ResourceKey, SCHEMA_VERSION, Table,
    bounded,
};
use serde::{Deserialize, Serialize};

use crate::{alias::Glimpse, item::Put};

/// The edges of aliases begin so: `alias#EVENT_KEY#OTHER`.
pub const ALIAS: &str = "alias#";
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
    pub event_time: redtrail_model::EventTime,
    pub schema_version: u32,
}

/// An event that shares its id with copies in other accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFact {
    pub subject: String,
    pub edge: String,
    /// Where the event stands in the principals table.
    pub principal: redtrail_model::PrincipalKey,
    pub event_key: redtrail_model::EventKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    pub schema_version: u32,
}

/// What the directory says of a resource stands under this subject.
pub fn resource_subject(key: &ResourceKey) -> String {
    bounded(&format!("resource#{key}"), MAX_PARTITION_KEY_BYTES)
}

/// The copies of an event stand under this subject.
pub fn shared_event_subject(shared_event_id: &str) -> String {
    bounded(&format!("shared#{shared_event_id}"), MAX_PARTITION_KEY_BYTES)
}

/// The facts that one event shows.
///
/// # Errors
/// Never for facts as redtrail makes them: each field has a form in DynamoDB.
pub fn puts(event: &AuditEvent) -> Result<Vec<Put>, serde_dynamo::Error> {
    let mut puts = Vec::new();
    for alias in &event.aliases {
        for (key, other) in [(&alias.first, &alias.second), (&alias.second, &alias.first)] {
            let edge = format!("{ALIAS}{}#{other}", event.event_key);
            let fact = AliasFact {
                subject: resource_subject(key),
                edge: bounded(&edge, MAX_SORT_KEY_BYTES),
                other_key: other.clone(),
                same_thing: alias.same,
                glimpse: Glimpse::of(&event.event_name),
                event_time: event.event_time,
                schema_version: SCHEMA_VERSION,
            };
            puts.push(put(&fact)?);
        }
    }
    if let Some(shared) = &event.shared_event_id {
        puts.push(put(&LinkFact {
            subject: shared_event_subject(shared),
            edge: bounded(&format!("{LINK}{}", event.event_key), MAX_SORT_KEY_BYTES),
            principal: event.principal.clone(),
            event_key: event.event_key.clone(),
            account_id: event.account_id.clone(),
            schema_version: SCHEMA_VERSION,
        })?);
    }
    Ok(puts)
}

fn put(fact: &impl Serialize) -> Result<Put, serde_dynamo::Error> {
    Ok(Put { table: Table::Directory, item: serde_dynamo::to_item(fact)? })
}
