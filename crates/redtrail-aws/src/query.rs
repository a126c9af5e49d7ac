//! Questions to the event tables: what did this principal do, who touched this
//! resource. One page of DynamoDB's answer at a time, as audit events; it knows how
//! the tables are keyed and nothing of how an answer is shown.

use std::{error::Error, fmt, str::FromStr};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::query::{QueryError as QueryFailure, builders::QueryFluentBuilder},
    types::AttributeValue,
};
use redtrail_core::{
    edge::EdgeErrorKind,
    item::{self, Item},
};
use redtrail_model::{
    AuditEvent, EventKey, EventTime, Index, InvalidKey, PrincipalKey, ResourceKey, Table,
};

use crate::reader::{Attributes, Reader, text, unexpired};

/// Whose events are asked for: a partition of one of the event tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Principal(PrincipalKey),
    Resource(ResourceKey),
}

impl Key {
    /// The table this key is a partition of.
    pub fn table(&self) -> Table {
        match self {
            Self::Principal(_) => Table::Principals,
            Self::Resource(_) => Table::Resources,
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Principal(key) => key.as_str(),
            Self::Resource(key) => key.as_str(),
        }
    }
}

/// The times asked for: from `since` on, up to but without `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub since: Option<EventTime>,
    pub until: Option<EventTime>,
}

impl Window {
    /// No time can be in it.
    pub fn is_empty(&self) -> bool {
        matches!((self.since, self.until), (Some(since), Some(until)) if since >= until)
    }

    /// The times that are in both.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            since: self.since.max(other.since),
            until: match (self.until, other.until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        }
    }
}

/// Which end of the window is answered first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// Which of the events are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subset {
    #[default]
    All,
    /// Those with an error code. Of a principal they stand in an index of their own.
    Errors,
    /// Those that changed the resource itself. Of a resource they stand in an index of their
    /// own; of a principal they cannot be asked for.
    Changes,
}

impl Subset {
    fn index(self, table: Table) -> Option<&'static Index> {
        let name = match self {
            Self::All => return None,
            Self::Errors => "failures",
            Self::Changes => "changes",
        };
        let mut indexes = table.schema().indexes.iter();
        indexes.find(|index| index.name == name)
    }
}

/// What else an event must be. DynamoDB reads and charges the others too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// As CloudTrail spells it.
    pub event_name: Option<String>,
    pub event_source: Option<String>,
    pub session_name: Option<String>,
    pub access_key_id: Option<String>,
    pub source_identity: Option<String>,
    pub person: Option<String>,
    /// Only events that CloudTrail says are not read-only.
    pub writes: bool,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What satisfies both; `None` where nothing can.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let both = |one: Option<String>, other: Option<String>| match (one, other) {
            (Some(one), Some(other)) if one != other => None,
            (one, other) => Some(one.or(other)),
        };
        Some(Self {
            event_name: both(self.event_name, other.event_name)?,
            event_source: both(self.event_source, other.event_source)?,
            session_name: both(self.session_name, other.session_name)?,
            access_key_id: both(self.access_key_id, other.access_key_id)?,
            source_identity: both(self.source_identity, other.source_identity)?,
            person: both(self.person, other.person)?,
            writes: self.writes || other.writes,
        })
    }

    /// Conditions on an item, and the values they name.
    fn conditions(&self) -> (Vec<&'static str>, Vec<(&'static str, AttributeValue)>) {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        let equal = [
            (&self.event_name, "event_name = :event_name", ":event_name"),
            (
                &self.event_source,
                "event_source = :event_source",
                ":event_source",
            ),
            (
                &self.access_key_id,
                "access_key_id = :access_key_id",
                ":access_key_id",
            ),
            (
                &self.source_identity,
                "source_identity = :source_identity",
                ":source_identity",
            ),
            (&self.person, "person = :person", ":person"),
        ];
        for (wanted, condition, name) in equal {
            if let Some(wanted) = wanted {
                conditions.push(condition);
                values.push((name, text(wanted)));
            }
        }
        if let Some(session) = &self.session_name {
            // Of an Identity Center role the session's name is the person, and not written twice.
            conditions.push(
                "(session_name = :session OR \
                 (attribute_not_exists(session_name) AND person = :session))",
            );
            values.push((":session", text(session)));
        }
        if self.writes {
            conditions.push("(attribute_not_exists(read_only) OR read_only = :read_only)");
            values.push((":read_only", AttributeValue::Bool(false)));
        }
        (conditions, values)
    }
}

/// A question to one event table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    pub key: Key,
    pub window: Window,
    pub subset: Subset,
    pub filter: Filter,
    pub order: Order,
    /// At most so many items are read for a page; DynamoDB ends it at 1 MB in any case.
    pub page_size: Option<i32>,
}

/// Where the next page begins: after the event with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(EventKey);

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PageToken {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        text.parse().map(Self)
    }
}

/// A page of the answer. It may be empty and still have a next one.
#[derive(Clone, Debug)]
pub struct Page {
    pub events: Vec<AuditEvent>,
    pub next: Option<PageToken>,
}

/// A question the table did not answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("there is no table {table}")]
    NoTable {
        table: String,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("what changed a resource can be asked of resources only")]
    NotOfPrincipals,
    #[error("could not query table {table}")]
    Request {
        table: String,
        is_denied: bool,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("an item of table {table} cannot be read: {sort_key}")]
    Item {
        table: String,
        sort_key: String,
        source: Box<dyn Error + Send + Sync>,
    },
}

impl QueryError {
    /// What the caller can do about it.
    pub fn kind(&self) -> EdgeErrorKind {
        match self {
            Self::NoTable { .. } => EdgeErrorKind::Missing,
            Self::NotOfPrincipals | Self::Item { .. } => EdgeErrorKind::Refused,
            Self::Request {
                is_denied: true, ..
            } => EdgeErrorKind::Denied {
                permission: "dynamodb:Query",
            },
            Self::Request { .. } => EdgeErrorKind::Retryable,
        }
    }
}

/// One page of the answer, from its beginning or after the page that gave the token. The
/// events of a resource carry that one resource; all that an event touched stands in its
/// item under the principal.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn page(
    reader: &Reader,
    query: &EventQuery,
    after: Option<&PageToken>,
) -> Result<Page, QueryError> {
    if query.window.is_empty() {
        // DynamoDB refuses a range whose end stands before its beginning.
        return Ok(Page {
            events: Vec::new(),
            next: None,
        });
    }
    if query.subset == Subset::Changes && matches!(query.key, Key::Principal(_)) {
        return Err(QueryError::NotOfPrincipals);
    }
    let request = request(reader, query, after);
    let (items, next) = reader.send(query.key.table(), request).await?;
    let table = reader.name(query.key.table());
    let events = items
        .into_iter()
        .map(|item| event(table, &query.key, item))
        .collect::<Result<_, _>>()?;
    let next = next
        .map(|last| page_token(table, &query.key, &last))
        .transpose()?;
    Ok(Page { events, next })
}

/// The whole of an event that was found under a resource: its item under the principal tells
/// everything it touched.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or the item cannot be read.
pub async fn whole(reader: &Reader, event: &AuditEvent) -> Result<Option<AuditEvent>, QueryError> {
    let key = Key::Principal(event.principal.clone());
    let schema = key.table().schema();
    let request = reader
        .query(schema.table)
        .key_condition_expression(format!(
            "{} = :key AND {} = :event",
            schema.partition_key, schema.sort_key
        ))
        .filter_expression(unexpired())
        .expression_attribute_values(":key", text(key.as_str()))
        .expression_attribute_values(":event", text(&event.event_key));
    let (items, _) = reader.send(schema.table, request).await?;
    let item = items.into_iter().next();
    item.map(|item| self::event(reader.name(schema.table), &key, item))
        .transpose()
}

/// The Query request. No attribute it names is a reserved word.
fn request(reader: &Reader, query: &EventQuery, after: Option<&PageToken>) -> QueryFluentBuilder {
    let schema = query.key.table().schema();
    let index = query.subset.index(schema.table);
    let partition_key = schema.partition_key;
    let sort_key = index.map_or(schema.sort_key, |index| index.sort_key);
    let mut condition = format!("{partition_key} = :key");
    // An event key is longer than its time alone and so sorts right after it: compared
    // with a bare time, all of that millisecond's events are on the later side. The keys of
    // the indexes are bare times.
    let range = match (query.window.since, query.window.until) {
        (None, None) => None,
        (Some(_), None) => Some(format!("{sort_key} >= :since")),
        (None, Some(_)) => Some(format!("{sort_key} < :until")),
        (Some(_), Some(_)) => Some(format!("{sort_key} BETWEEN :since AND :until")),
    };
    if let Some(range) = range {
        condition = format!("{condition} AND {range}");
    }
    let unexpired = unexpired();
    let (mut conditions, values) = query.filter.conditions();
    conditions.push(&unexpired);
    if query.subset == Subset::Errors && index.is_none() {
        conditions.push("attribute_exists(error_code)");
    }
    let mut request = reader
        .query(schema.table)
        .set_index_name(index.map(|index| index.name.to_owned()))
        .key_condition_expression(condition)
        .filter_expression(conditions.join(" AND "))
        .expression_attribute_values(":key", text(query.key.as_str()))
        .scan_index_forward(query.order == Order::OldestFirst)
        .consistent_read(false)
        .set_limit(query.page_size);
    if let Some(since) = query.window.since {
        request = request.expression_attribute_values(":since", text(since));
    }
    if let Some(until) = query.window.until {
        let until = match index {
            // BETWEEN holds for its upper end too.
            Some(_) if query.window.since.is_some() => {
                EventTime::from_epoch_millis(until.epoch_millis() - 1).unwrap_or(until)
            }
            _ => until,
        };
        request = request.expression_attribute_values(":until", text(until));
    }
    for (name, value) in values {
        request = request.expression_attribute_values(name, value);
    }
    if let Some(PageToken(last)) = after {
        request = request
            .exclusive_start_key(partition_key, text(query.key.as_str()))
            .exclusive_start_key(schema.sort_key, text(last));
        if let Some(index) = index {
            request = request.exclusive_start_key(index.sort_key, text(last.time()));
        }
    }
    request
}

pub(crate) fn request_error(table: &str, error: SdkError<QueryFailure>) -> QueryError {
    let no_table = error
        .as_service_error()
        .is_some_and(QueryFailure::is_resource_not_found_exception);
    let is_denied = error.code() == Some("AccessDeniedException");
    let (table, source) = (table.to_owned(), error.into());
    if no_table {
        QueryError::NoTable { table, source }
    } else {
        QueryError::Request {
            table,
            is_denied,
            source,
        }
    }
}

/// Where DynamoDB stopped: the partition is known, so its sort key is enough.
fn page_token(table: &str, key: &Key, last: &Attributes) -> Result<PageToken, QueryError> {
    last.get(key.table().schema().sort_key)
        .and_then(|value| value.as_s().ok())
        .map_or_else(|| "".parse(), |last| last.parse())
        .map_err(|error: InvalidKey| QueryError::Request {
            table: table.to_owned(),
            is_denied: false,
            source: error.into(),
        })
}

/// The event an item holds.
fn event(table: &str, key: &Key, item: Attributes) -> Result<AuditEvent, QueryError> {
    let event_key = item
        .get(key.table().schema().sort_key)
        .and_then(|value| value.as_s().ok())
        .cloned()
        .unwrap_or_default();
    item::event(Item::from(item)).map_err(|source| QueryError::Item {
        table: table.to_owned(),
        sort_key: event_key,
        source: source.into(),
    })
}
