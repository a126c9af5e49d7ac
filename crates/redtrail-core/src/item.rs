//! From an audit event to the items of the two event tables. Nothing in an item comes
//! from the clock or the delivery, so writing one twice changes nothing.

use redtrail_model::{
    AuditEvent, EXPIRES_AT, EventTime, Part, RULES_VERSION, SCHEMA_VERSION, Table,
};
use serde_dynamo::AttributeValue;

/// Attributes by name, as DynamoDB stores them.
pub type Item = serde_dynamo::Item;

/// An item on its way to its table.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    pub table: Table,
    pub item: Item,
}

/// How long events are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    #[default]
    Forever,
    /// Days from the event's own time.
    Days(u32),
}

impl Retention {
    /// When an event of that time expires, in seconds since 1970.
    pub fn expires_at(self, event_time: EventTime) -> Option<i64> {
        match self {
            Self::Forever => None,
            Self::Days(days) => Some(event_time.epoch_seconds() + i64::from(days) * 24 * 60 * 60),
        }
    }

    /// Whether an event of that time is past its retention.
    pub fn is_expired(self, event_time: EventTime, now: EventTime) -> bool {
        self.expires_at(event_time)
            .is_some_and(|at| at <= now.epoch_seconds())
    }
}

/// The items of one event: one for its principal, one for each resource it touched.
///
/// # Errors
/// Never for an audit event as redtrail makes it: each field has a form in DynamoDB.
pub fn puts(event: &AuditEvent, retention: Retention) -> Result<Vec<Put>, serde_dynamo::Error> {
    let mut common: Item = serde_dynamo::to_item(event)?;
    let attributes = common.inner_mut();
    attributes.insert("schema_version".into(), number(SCHEMA_VERSION.into()));
    attributes.insert("rules_version".into(), number(RULES_VERSION.into()));
    if let Some(at) = retention.expires_at(event.event_time) {
        attributes.insert(EXPIRES_AT.into(), number(at));
    }
    let event_key = || AttributeValue::S(event.event_key.to_string());

    let mut principal_row = common.clone();
    if event.error_code.is_some() {
        principal_row
            .inner_mut()
            .insert("failure_key".into(), event_key());
    }
    for column in ["resource_arns", "resource_parts"] {
        common.inner_mut().remove(column);
    }
    let mut puts = vec![Put {
        table: Table::Principals,
        item: principal_row,
    }];
    for resource in &event.touched.resources {
        let mut row = common.clone();
        let attributes = row.inner_mut();
        attributes.insert(
            "resource_key".into(),
            AttributeValue::S(resource.key.to_string()),
        );
        attributes.insert("part".into(), AttributeValue::S(resource.part.to_string()));
        let changed = matches!(
            resource.part,
            Part::Target | Part::Producer | Part::Consumer
        );
        if event.changes_resource && changed {
            attributes.insert("change_key".into(), event_key());
        }
        puts.push(Put {
            table: Table::Resources,
            item: row,
        });
    }
    Ok(puts)
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
