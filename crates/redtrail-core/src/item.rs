//! From an audit event to the items of the two event tables, and back. Nothing in an item
//! comes from the clock or the delivery, so writing one twice changes nothing. What its
//! other attributes tell is not written again.

use std::{collections::HashMap, fmt, sync::Arc};

use redtrail_model::{
    AuditEvent, EXPIRES_AT, EventKey, Part, PrincipalKey, RULES_VERSION, SCHEMA_VERSION,
    SelectedBy, Table,
};
use serde_dynamo::AttributeValue;

use crate::retention::Retention;

const RESOURCE_ARNS: &str = "resource_arns";
const RESOURCE_PARTS: &str = "resource_parts";
const RESOURCE_KEY: &str = "resource_key";
const PART: &str = "part";

/// Attributes by name, as DynamoDB stores them.
pub type Item = serde_dynamo::Item;

type Attributes = HashMap<String, AttributeValue>;

/// An item on its way to its table. What it shares with others is there once, however many
/// wait.
#[derive(Clone, Debug)]
pub struct Put {
    pub table: Table,
    shared: Arc<Attributes>,
    /// No name is in both.
    own: Attributes,
}

impl Put {
    pub fn new(table: Table, item: Item) -> Self {
        Self {
            table,
            shared: Arc::default(),
            own: item.into_inner(),
        }
    }

    /// The item as the table is to hold it.
    pub fn item(&self) -> Item {
        let mut item = Attributes::clone(&self.shared);
        item.extend(self.own.clone());
        item.into()
    }

    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&String, &AttributeValue)> {
        self.shared.iter().chain(&self.own)
    }

    /// Partition and sort key; empty where the item has none.
    pub fn keys(&self) -> [&str; 2] {
        let schema = self.table.schema();
        [schema.partition_key, schema.sort_key].map(|name| match self.get(name) {
            Some(AttributeValue::S(text)) => text.as_str(),
            _ => "",
        })
    }
}

impl PartialEq for Put {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table && self.item() == other.item()
    }
}

/// The items of one event: one for its principal, one for each resource it touched.
///
/// # Errors
/// Never for an audit event as redtrail makes it: each field has a form in DynamoDB.
pub fn puts(event: &AuditEvent, retention: Retention) -> Result<Vec<Put>, serde_dynamo::Error> {
    let mut shared = serde_dynamo::to_item::<_, Item>(event)?.into_inner();
    leave_out_implied(&mut shared);
    shared.insert("schema_version".into(), number(SCHEMA_VERSION.into()));
    shared.insert("rules_version".into(), number(RULES_VERSION.into()));
    if let Some(at) = retention.expires_at(event.event_time) {
        shared.insert(EXPIRES_AT.into(), number(at));
    }

    let columns = [RESOURCE_ARNS, RESOURCE_PARTS].into_iter();
    let mut own: Attributes = columns
        .filter_map(|column| shared.remove_entry(column))
        .collect();
    if event.error_code.is_some() {
        own.insert("failure_key".into(), text(event.event_time));
    }
    let shared = Arc::new(shared);
    let row = |table, own| Put {
        table,
        shared: Arc::clone(&shared),
        own,
    };
    let mut puts = vec![row(Table::Principals, own)];
    for resource in &event.touched.resources {
        let mut own = Attributes::from([
            (RESOURCE_KEY.into(), text(&resource.key)),
            (PART.into(), text(resource.part)),
        ]);
        if event.changes_resource && is_changed(resource.part) {
            own.insert("change_key".into(), text(event.event_time));
        }
        puts.push(row(Table::Resources, own));
    }
    Ok(puts)
}

/// Whether an event that changes a resource changes the one that plays this part.
pub(crate) fn is_changed(part: Part) -> bool {
    matches!(part, Part::Target | Part::Producer | Part::Consumer)
}

/// The event that an item of either event table holds. Of a resource's item it has that one
/// resource.
///
/// # Errors
/// When an attribute is missing or has another form.
pub fn event(mut item: Item) -> Result<AuditEvent, serde_dynamo::Error> {
    let attributes = item.inner_mut();
    for (one, list) in [(RESOURCE_KEY, RESOURCE_ARNS), (PART, RESOURCE_PARTS)] {
        if let Some(value) = attributes.remove(one) {
            attributes.insert(list.to_owned(), AttributeValue::L(vec![value]));
        }
    }
    for (name, value) in implied(attributes) {
        attributes.entry(name.to_owned()).or_insert(value);
    }
    serde_dynamo::from_item(item)
}

/// Takes out what the other attributes tell as well. Where they would tell what the event
/// does not, a null says so.
fn leave_out_implied(attributes: &mut Attributes) {
    for (name, value) in implied(attributes) {
        match attributes.get(name) {
            Some(there) if *there == value => drop(attributes.remove(name)),
            Some(_) => {}
            None => drop(attributes.insert(name.to_owned(), AttributeValue::Null(true))),
        }
    }
}

/// What an event's attributes tell of those that may be left out.
fn implied(attributes: &Attributes) -> Vec<(&'static str, AttributeValue)> {
    let told = |name| match attributes.get(name) {
        Some(AttributeValue::S(text)) => Some(text.as_str()),
        _ => None,
    };
    let event_key: Option<EventKey> = told("event_key").and_then(|key| key.parse().ok());
    let event_key = event_key.as_ref();
    let principal: Option<PrincipalKey> = told("principal").and_then(|key| key.parse().ok());
    // All persons but those known by their session's name have a `:` in theirs.
    let session_user = told("person").filter(|person| !person.contains(':'));
    // Temporary keys come with a session, and CloudTrail says of each whether MFA was used.
    let has_session = told("access_key_id").is_some_and(|key| key.starts_with("ASIA"));
    let targets = match attributes.get(RESOURCE_ARNS) {
        Some(AttributeValue::L(resources)) => Some(vec![text(Part::Target); resources.len()]),
        _ => None,
    };
    [
        ("event_time", event_key.map(|key| text(key.time()))),
        ("event_id", event_key.map(|key| text(key.event_id()))),
        (
            "identity_type",
            principal
                .as_ref()
                .and_then(PrincipalKey::identity_type)
                .map(text),
        ),
        ("session_name", session_user.map(text)),
        (
            "mfa_authenticated",
            has_session.then_some(AttributeValue::Bool(false)),
        ),
        ("selected_by", Some(text(SelectedBy::EventSource))),
        (RESOURCE_PARTS, targets.map(AttributeValue::L)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(value: impl fmt::Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// An event with these attributes, and those that each event has.
    fn written(more: &[(&str, Value)]) -> AuditEvent {
        let mut event = json!({
            "event_key": "2026-03-02T09:00:00.000Z#e1", "event_id": "e1",
            "event_time": "2026-03-02T09:00:00.000Z",
            "event_source": "redshift.amazonaws.com", "event_name": "PauseCluster",
            "principal": "arn:aws:iam::111122223333:role/etl", "selected_by": "event_source",
            "record_bytes": 1500, "object_bucket": "b", "object_key": "k", "record_index": 7
        });
        for (name, value) in more {
            event[name] = value.clone();
        }
        serde_json::from_value(event).unwrap()
    }

    /// The event comes back from its item, in which just these attributes are left out.
    fn check(more: &[(&str, Value)], left_out: &[&str]) {
        let event = written(more);
        let item = puts(&event, Retention::Forever).unwrap().remove(0).item();
        for (name, _) in more {
            let is_there = matches!(item.inner().get(*name), Some(value) if *value != AttributeValue::Null(true));
            assert_eq!(is_there, !left_out.contains(name), "{name} of {more:?}");
        }
        assert_eq!(super::event(item).unwrap(), event, "{more:?}");
    }

    #[test]
    fn ok_what_others_tell_is_left_out_and_comes_back() {
        check(&[], &[]);
        check(
            &[
                ("event_id", json!("e1")),
                ("event_time", json!("2026-03-02T09:00:00.000Z")),
            ],
            &["event_id", "event_time"],
        );
        check(&[("event_id", json!("cut"))], &[]);
        check(
            &[("identity_type", json!("AssumedRole"))],
            &["identity_type"],
        );
        check(&[("identity_type", json!("Role"))], &[]);
        check(&[("selected_by", json!("event_source"))], &["selected_by"]);
        check(&[("selected_by", json!("invoked_by"))], &[]);
        let user = ("person", json!("ana@example.com"));
        check(
            &[user.clone(), ("session_name", json!("ana@example.com"))],
            &["session_name"],
        );
        check(&[user, ("session_name", json!("other"))], &[]);
        let source = ("person", json!("sourceIdentity:ana"));
        check(
            &[source, ("session_name", json!("sourceIdentity:ana"))],
            &[],
        );
        let temporary = ("access_key_id", json!("ASIAX"));
        check(std::slice::from_ref(&temporary), &[]);
        check(
            &[temporary.clone(), ("mfa_authenticated", json!(false))],
            &["mfa_authenticated"],
        );
        check(&[temporary, ("mfa_authenticated", json!(true))], &[]);
        check(&[("mfa_authenticated", json!(false))], &[]);
        let arns = (
            "resource_arns",
            json!([
                "arn:aws:redshift:us-east-1:1:cluster:a",
                "arn:aws:redshift:us-east-1:1:cluster:b"
            ]),
        );
        let parts = |parts: [&str; 2]| ("resource_parts", json!(parts));
        check(
            &[arns.clone(), parts(["target", "target"])],
            &["resource_parts"],
        );
        check(&[arns, parts(["target", "via"])], &[]);
    }

    #[test]
    fn ok_an_item_of_a_resource_holds_that_one() {
        let cluster = "arn:aws:redshift:us-east-1:1:cluster:a";
        let event = written(&[
            ("resource_arns", json!(["statement:us-east-1:1/s", cluster])),
            ("resource_parts", json!(["target", "via"])),
        ]);
        let item = puts(&event, Retention::Forever).unwrap().remove(2).item();
        let mut expected = event.clone();
        expected.touched.resources.remove(0);
        assert_eq!(super::event(item).unwrap(), expected);
    }
}
