//! One answer out of several partitions: the events under the key that is asked for, and
//! those that AWS logged under another key of the same, merged in the order of time.

use std::collections::VecDeque;

use aws_sdk_dynamodb::Client;
use redtrail_model::AuditEvent;

use crate::{
    names::Name,
    query::{EventQuery, Order, PageToken, QueryError, Window, page},
};

/// An event of an answer.
#[derive(Clone, Debug)]
pub struct Found {
    pub event: AuditEvent,
    /// It was recorded under another key of what was asked for.
    pub via_alias: bool,
}

/// The events of a key and of its names, each once.
#[derive(Debug)]
pub struct Answer<'a> {
    client: &'a Client,
    table: &'a str,
    order: Order,
    sources: Vec<Source>,
    read_units: f64,
}

/// One partition and window, read page by page.
#[derive(Debug)]
struct Source {
    query: EventQuery,
    via_alias: bool,
    /// `None` when the last page has been read.
    next: Option<Option<PageToken>>,
    waiting: VecDeque<AuditEvent>,
}

impl<'a> Answer<'a> {
    /// The answer to `query`, which also reads the events of `names`.
    pub fn new(client: &'a Client, table: &'a str, query: EventQuery, names: &[Name]) -> Self {
        let order = query.order;
        let by_name = names.iter().flat_map(|name| {
            let within = |window: &Window| EventQuery {
                key: name.key.clone(),
                window: window.within(query.window),
                ..query.clone()
            };
            name.windows.iter().map(within).collect::<Vec<_>>()
        });
        let mut sources: Vec<Source> = by_name.map(|query| Source::new(query, true)).collect();
        sources.insert(0, Source::new(query, false));
        Self {
            client,
            table,
            order,
            sources,
            read_units: 0.0,
        }
    }

    /// Read units that the answer has cost so far, as far as the service tells.
    pub fn read_units(&self) -> f64 {
        self.read_units
    }

    /// The next event; `None` after the last.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn next(&mut self) -> Result<Option<Found>, QueryError> {
        for source in &mut self.sources {
            self.read_units += source.fill(self.client, self.table).await?;
        }
        let keys = self
            .sources
            .iter()
            .filter_map(|source| source.waiting.front());
        let keys = keys.map(|event| event.event_key.clone());
        let first = match self.order {
            Order::NewestFirst => keys.max(),
            Order::OldestFirst => keys.min(),
        };
        let Some(first) = first else {
            return Ok(None);
        };
        // The key's own partition comes first and wins where both hold the event.
        let mut found = None;
        for source in &mut self.sources {
            if source
                .waiting
                .front()
                .is_some_and(|event| event.event_key == first)
                && let Some(event) = source.waiting.pop_front()
                && found.is_none()
            {
                found = Some(Found {
                    event,
                    via_alias: source.via_alias,
                });
            }
        }
        Ok(found)
    }
}

impl Source {
    fn new(query: EventQuery, via_alias: bool) -> Self {
        Self {
            query,
            via_alias,
            next: Some(None),
            waiting: VecDeque::new(),
        }
    }

    /// Reads on until an event waits or there is none left; the read units that took.
    async fn fill(&mut self, client: &Client, table: &str) -> Result<f64, QueryError> {
        let mut read_units = 0.0;
        while self.waiting.is_empty()
            && let Some(after) = &self.next
        {
            let page = page(client, table, &self.query, after.as_ref()).await?;
            read_units += page.read_units.unwrap_or_default();
            self.waiting.extend(page.events);
            self.next = page.next.map(Some);
        }
        Ok(read_units)
    }
}
