//! One answer out of several partitions, merged in the order of time: the events under the
//! keys that are asked for, and those that AWS logged under another key of the same.

use std::collections::VecDeque;

use redtrail_model::AuditEvent;

use crate::{
    names::Name,
    query::{EventQuery, Key, Order, PageToken, QueryError, Window, page},
    reader::Reader,
};

/// An event of an answer.
#[derive(Clone, Debug)]
pub struct Found {
    pub event: AuditEvent,
    /// It was recorded under another key of what was asked for.
    pub via_alias: bool,
}

/// The events of some keys and of their names, each once.
#[derive(Debug)]
pub struct Answer<'a> {
    reader: &'a Reader,
    order: Order,
    sources: Vec<Source>,
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
    /// The answer to several questions at once, each of another key: what a person did as
    /// this and as that principal. The events of `names` are those that the first asks for.
    pub fn of(reader: &'a Reader, queries: Vec<EventQuery>, names: &[Name]) -> Self {
        let order = queries.first().map(|query| query.order).unwrap_or_default();
        let by_name = queries.first().into_iter().flat_map(|query| {
            let within = |(key, window): (&Key, &Window)| EventQuery {
                key: key.clone(),
                window: window.within(query.window),
                ..query.clone()
            };
            let windows = names
                .iter()
                .flat_map(|name| name.windows.iter().map(|window| (&name.key, window)));
            windows.map(within)
        });
        let by_name: Vec<Source> = by_name.map(|query| Source::new(query, true)).collect();
        let own = queries.into_iter().map(|query| Source::new(query, false));
        Self {
            reader,
            order,
            sources: own.chain(by_name).collect(),
        }
    }

    /// The next event; `None` after the last.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn next(&mut self) -> Result<Option<Found>, QueryError> {
        for source in &mut self.sources {
            source.fill(self.reader).await?;
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
        // The keys' own partitions come first and win where a name's holds the event too.
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

    /// Reads on until an event waits or there is none left.
    async fn fill(&mut self, reader: &Reader) -> Result<(), QueryError> {
        while self.waiting.is_empty()
            && let Some(after) = &self.next
        {
            let page = page(reader, &self.query, after.as_ref()).await?;
            self.waiting.extend(page.events);
            self.next = page.next.map(Some);
        }
        Ok(())
    }
}
