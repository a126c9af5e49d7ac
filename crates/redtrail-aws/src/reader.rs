//! The tables, read: one partition or a part of it at a time, in the order of its sort key.
//! Every request is a Query, and nothing scans.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, ReturnConsumedCapacity},
};
use redtrail_model::{EXPIRES_AT, EventTime, Index, Table};
use serde::de::DeserializeOwned;
use serde_dynamo::Item;

use crate::{
    dynamodb::TableNames,
    query::{QueryError, request_error},
};

/// DynamoDB charges a query by halves of a unit.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const HALVES: f64 = 2.0;

/// The tables at a given time: what has expired by then is left out, for DynamoDB deletes it
/// days later. Clones count what they cost together.
#[derive(Clone, Debug)]
pub struct Reader {
    client: Client,
    names: TableNames,
    now: EventTime,
    half_units: Arc<AtomicU64>,
}

impl Reader {
    pub fn new(client: Client, names: TableNames, now: EventTime) -> Self {
        Self {
            client,
            names,
            now,
            half_units: Arc::default(),
        }
    }

    /// The time by which items have expired.
    pub fn now(&self) -> EventTime {
        self.now
    }

    /// Read units that all requests have cost so far, as far as the service tells.
    pub fn read_units(&self) -> f64 {
        #[allow(
            clippy::cast_precision_loss,
            reason = "beyond 2^53 halves nobody counts one"
        )]
        let halves = self.half_units.load(Ordering::Relaxed) as f64;
        halves / HALVES
    }

    pub(crate) fn name(&self, table: Table) -> &str {
        self.names.of(table)
    }

    /// The request of a Query, without its conditions.
    pub(crate) fn query(&self, table: Table) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(self.name(table))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .expression_attribute_values(":now", number(self.now.epoch_seconds()))
    }

    /// Sends it; the items, and where the next page begins.
    pub(crate) async fn send(
        &self,
        table: Table,
        request: QueryFluentBuilder,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), QueryError> {
        let output = request.send().await;
        let output = output.map_err(|error| request_error(self.name(table), error))?;
        let units = output
            .consumed_capacity
            .and_then(|consumed| consumed.capacity_units);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let halves = (units.unwrap_or_default() * HALVES).ceil() as u64;
        self.half_units.fetch_add(halves, Ordering::Relaxed);
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }

    /// All of it.
    pub(crate) async fn items<T: DeserializeOwned>(
        &self,
        part: Part<'_>,
    ) -> Result<Vec<T>, QueryError> {
        let mut items = Vec::new();
        let mut pages = self.pages(part);
        while let Some(page) = pages.next().await? {
            items.extend(page);
            if let Some(most) = part.most
                && items.len() >= most
            {
                items.truncate(most);
                break;
            }
        }
        Ok(items)
    }

    /// The first of it.
    pub(crate) async fn first<T: DeserializeOwned>(
        &self,
        part: Part<'_>,
    ) -> Result<Option<T>, QueryError> {
        let part = Part {
            most: Some(1),
            ..part
        };
        Ok(self.items(part).await?.into_iter().next())
    }

    /// It, page by page.
    pub(crate) fn pages<'r>(&'r self, part: Part<'r>) -> Pages<'r> {
        Pages {
            reader: self,
            part,
            next: Some(None),
            limit: part.most,
        }
    }

    fn read<T: DeserializeOwned>(&self, table: Table, item: Attributes) -> Result<T, QueryError> {
        let key = item.get(table.schema().sort_key);
        let key = key.and_then(|key| key.as_s().ok()).cloned();
        serde_dynamo::from_item(Item::from(item)).map_err(|source| QueryError::Item {
            table: self.name(table).to_owned(),
            sort_key: key.unwrap_or_default(),
            source: source.into(),
        })
    }
}

pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// A partition of a table or index, or a part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'p> {
    pub(crate) table: Table,
    pub(crate) index: Option<&'static Index>,
    pub(crate) partition: &'p str,
    pub(crate) range: Range<'p>,
    pub(crate) from_end: bool,
    /// At most so many items.
    pub(crate) most: Option<usize>,
}

impl<'p> Part<'p> {
    /// A whole partition.
    pub(crate) fn of(table: Table, partition: &'p str) -> Self {
        Self {
            table,
            index: None,
            partition,
            range: Range::All,
            from_end: false,
            most: None,
        }
    }

    /// Of the sort keys only these.
    pub(crate) fn within(self, range: Range<'p>) -> Self {
        Self { range, ..self }
    }

    pub(crate) fn backwards(self) -> Self {
        Self {
            from_end: true,
            ..self
        }
    }

    fn keys(&self) -> (&'static str, &'static str) {
        let schema = self.table.schema();
        match self.index {
            Some(index) => (index.partition_key, index.sort_key),
            None => (schema.partition_key, schema.sort_key),
        }
    }
}

/// Which sort keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Range<'p> {
    All,
    Is(&'p str),
    BeginsWith(&'p str),
    /// Both ends among them.
    Between(&'p str, &'p str),
}

/// A part, page by page.
pub(crate) struct Pages<'r> {
    reader: &'r Reader,
    part: Part<'r>,
    /// `None` after the last page.
    next: Option<Option<Attributes>>,
    /// Items read for the next page at most.
    limit: Option<usize>,
}

/// Items read for a page, where those before it had all expired.
const AFTER_EXPIRED: usize = 100;

impl Pages<'_> {
    /// The next page, which may be empty; `None` after the last.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, QueryError> {
        let Some(after) = self.next.take() else {
            return Ok(None);
        };
        let table = self.part.table;
        let (items, next) = self.reader.send(table, self.request(after)).await?;
        self.limit = self.limit.map(|limit| limit.max(AFTER_EXPIRED));
        self.next = next.map(Some);
        let items = items.into_iter().map(|item| self.reader.read(table, item));
        items.collect::<Result<_, _>>().map(Some)
    }

    fn request(&self, after: Option<Attributes>) -> QueryFluentBuilder {
        let (partition_key, sort_key) = self.part.keys();
        let mut request = self
            .reader
            .query(self.part.table)
            .set_index_name(self.part.index.map(|index| index.name.to_owned()))
            .filter_expression(unexpired())
            .expression_attribute_values(":partition", text(self.part.partition))
            .scan_index_forward(!self.part.from_end)
            .set_limit(self.limit.and_then(|limit| limit.try_into().ok()))
            .set_exclusive_start_key(after);
        let condition = match self.part.range {
            Range::All => String::new(),
            Range::Is(_) => format!(" AND {sort_key} = :from"),
            Range::BeginsWith(_) => format!(" AND begins_with({sort_key}, :from)"),
            Range::Between(..) => format!(" AND {sort_key} BETWEEN :from AND :to"),
        };
        if let Range::Is(from) | Range::BeginsWith(from) | Range::Between(from, _) = self.part.range
        {
            request = request.expression_attribute_values(":from", text(from));
        }
        if let Range::Between(_, to) = self.part.range {
            request = request.expression_attribute_values(":to", text(to));
        }
        request.key_condition_expression(format!("{partition_key} = :partition{condition}"))
    }
}

/// The condition that an item has not expired, by the value `:now`.
pub(crate) fn unexpired() -> String {
    format!("(attribute_not_exists({EXPIRES_AT}) OR {EXPIRES_AT} > :now)")
}

pub(crate) fn text(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
