//! What a question is about: from what people paste to the partitions that hold the answer.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use redtrail_core::{
    coverage::{DAY_MILLIS, Reach},
    directory::{Known, Trail},
    paste::Paste,
};
use redtrail_model::{EventTime, InvalidKey, PrincipalKey, ResourceKey};
use thiserror::Error;

use crate::{
    answer::Answer,
    find::{Closeness, Match, find},
    names::{Name, names},
    query::{EventQuery, Filter, Key, Order, QueryError, Subset, Window, page},
    reader::Reader,
};

/// The names by which people ask for what somebody did; of several that are the very text, the
/// first is meant.
pub const CALLERS: [Known; 5] = [
    Known::Person,
    Known::Principal,
    Known::SourceIdentity,
    Known::Session,
    Known::AccessKey,
];

/// Keys tried at a time.
const AT_ONCE: usize = 16;
/// Items read for a page at most where a few are wanted.
const MOST_OF_PAGE: usize = 1000;

/// What a question is about.
#[derive(Debug)]
pub struct Subject {
    /// A key, or the kind and text of a name: `person ana@example.com`.
    pub shown: String,
    /// Other keys of the same.
    pub names: Vec<Name>,
    /// Whose trails record its events.
    pub reaches: Vec<Reach>,
    /// One for each principal of a name.
    asks: Vec<Ask>,
}

/// A partition, and which of its events.
#[derive(Debug)]
struct Ask {
    key: Key,
    filter: Filter,
    window: Window,
}

/// What is asked, whatever it is about.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub window: Window,
    pub subset: Subset,
    pub filter: Filter,
    pub order: Order,
    /// No more events than this are wanted.
    pub limit: Option<usize>,
}

/// A text that stands for no one thing.
#[derive(Debug, Error)]
pub enum SubjectError {
    #[error("nothing is known by `{text}`")]
    Unknown { text: String },
    #[error("`{text}` means more than one")]
    Ambiguous { text: String, found: Vec<Match> },
    #[error("`{text}` is a statement in more than one account or Region")]
    Statements {
        text: String,
        found: Vec<ResourceKey>,
    },
    #[error("`{text}` is {source}")]
    Invalid { text: String, source: InvalidKey },
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Subject {
    /// Whose calls `text` stands for, by one of these kinds of names.
    ///
    /// # Errors
    /// When it stands for nothing or for several things, or a table did not answer.
    pub async fn of_caller(
        reader: &Reader,
        text: &str,
        kinds: &[Known],
    ) -> Result<Self, SubjectError> {
        match Paste::read(text) {
            Paste::Principal { key, session_name } if kinds.contains(&Known::Principal) => {
                Self::principal(reader, key, session_name).await
            }
            Paste::AccessKey(id) if kinds.contains(&Known::AccessKey) => {
                Self::facet(reader, Known::AccessKey, id).await
            }
            Paste::Principal {
                session_name: Some(name),
                ..
            } => Self::of_match(reader, choose(reader, &name, kinds).await?).await,
            _ => Self::of_match(reader, choose(reader, text, kinds).await?).await,
        }
    }

    /// The resource that `text` stands for.
    ///
    /// # Errors
    /// When it stands for nothing or for several things, or a table did not answer.
    pub async fn of_resource(reader: &Reader, text: &str) -> Result<Self, SubjectError> {
        match Paste::read(text) {
            Paste::Resource(key) => Ok(Self::key(reader, Key::Resource(key)).await?),
            _ => Self::of_match(reader, choose(reader, text, &[Known::Resource]).await?).await,
        }
    }

    /// The statement with that key, or with that id in some account and Region.
    ///
    /// # Errors
    /// When there is none or there are several, or a table did not answer.
    pub async fn of_statement(reader: &Reader, text: &str) -> Result<Self, SubjectError> {
        let key = match Paste::read(text) {
            Paste::Resource(key) if key.is_statement() => key,
            Paste::Text(id) => statement(reader, &id).await?,
            _ => return Err(unknown(text)),
        };
        Ok(Self::key(reader, Key::Resource(key)).await?)
    }

    /// The key itself, and what the directory knows under another key of the same.
    ///
    /// # Errors
    /// When a table did not answer.
    pub async fn key(reader: &Reader, key: Key) -> Result<Self, QueryError> {
        let reach = match &key {
            Key::Principal(key) => Reach::of_principal(key),
            Key::Resource(key) => Reach::of_resource(key),
        };
        Ok(Self {
            shown: key.as_str().to_owned(),
            names: names(reader, &key).await?,
            reaches: vec![reach],
            asks: vec![Ask {
                key,
                filter: Filter::default(),
                window: Window::default(),
            }],
        })
    }

    async fn principal(
        reader: &Reader,
        key: PrincipalKey,
        session_name: Option<String>,
    ) -> Result<Self, SubjectError> {
        let mut subject = Self::key(reader, Key::Principal(key)).await?;
        if let Some(session) = session_name {
            subject.shown = format!("{}, session {session}", subject.shown);
            for ask in &mut subject.asks {
                ask.filter.session_name = Some(session.clone());
            }
        }
        Ok(subject)
    }

    async fn of_match(reader: &Reader, found: Match) -> Result<Self, SubjectError> {
        let invalid = |source| SubjectError::Invalid {
            text: found.text.clone(),
            source,
        };
        let key = match found.kind {
            Known::Principal => Key::Principal(found.text.parse().map_err(invalid)?),
            Known::Resource => Key::Resource(found.text.parse().map_err(invalid)?),
            facet => return Self::facet(reader, facet, found.text).await,
        };
        Ok(Self::key(reader, key).await?)
    }

    /// What somebody did as whatever principal, on the days the directory knows of.
    async fn facet(reader: &Reader, facet: Known, text: String) -> Result<Self, SubjectError> {
        let mut days: BTreeMap<String, (String, String)> = BTreeMap::new();
        for edge in reader.acted_as(facet, &text).await? {
            let day = edge.activity_day.unwrap_or_default();
            let (_, last) = days
                .entry(edge.other)
                .or_insert_with(|| (day.clone(), day.clone()));
            *last = day;
        }
        let filter = filter_of(facet, &text);
        let asks: Vec<Ask> = days
            .into_iter()
            .filter_map(|(principal, (first, last))| {
                Some(Ask {
                    key: Key::Principal(principal.parse().ok()?),
                    filter: filter.clone(),
                    window: of_days(&first, &last),
                })
            })
            .collect();
        if asks.is_empty() {
            return Err(unknown(&text));
        }
        let reaches = if facet == Known::AccessKey {
            let accounts = asks.iter().filter_map(|ask| match &ask.key {
                Key::Principal(key) => Some(Reach::of_principal(key)),
                Key::Resource(_) => None,
            });
            accounts.collect()
        } else {
            // They may have acted in an account of which nothing could be read yet.
            vec![Reach::default()]
        };
        Ok(Self {
            shown: format!("{} {text}", facet.name().replace('_', " ")),
            names: Vec::new(),
            reaches,
            asks,
        })
    }

    /// The keys that are asked for.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.asks.iter().map(|ask| &ask.key)
    }

    /// What is asked, of this subject.
    pub fn answer<'r>(&self, reader: &'r Reader, asked: &Asked) -> Answer<'r> {
        let queries = self.asks.iter().filter_map(|ask| ask.query(asked));
        Answer::of(reader, queries.collect(), &self.names)
    }
}

impl Ask {
    /// Nothing where no event can satisfy both.
    fn query(&self, asked: &Asked) -> Option<EventQuery> {
        let filter = asked.filter.clone().and(self.filter.clone())?;
        // Of what is filtered, nobody knows how much must be read.
        let is_filtered = !filter.is_empty()
            || asked.subset == Subset::Errors && matches!(self.key, Key::Resource(_));
        let limit = asked.limit.filter(|_| !is_filtered);
        Some(EventQuery {
            key: self.key.clone(),
            window: asked.window.within(self.window),
            subset: asked.subset,
            filter,
            order: asked.order,
            page_size: limit.and_then(|limit| limit.min(MOST_OF_PAGE).try_into().ok()),
        })
    }
}

fn filter_of(facet: Known, text: &str) -> Filter {
    let mut filter = Filter::default();
    let attribute = match facet {
        Known::AccessKey => &mut filter.access_key_id,
        Known::SourceIdentity => &mut filter.source_identity,
        Known::Person => &mut filter.person,
        Known::Session | Known::Principal | Known::Resource => &mut filter.session_name,
    };
    *attribute = Some(text.to_owned());
    filter
}

/// The one thing that `text` stands for.
async fn choose(reader: &Reader, text: &str, kinds: &[Known]) -> Result<Match, SubjectError> {
    let is_facet = |kind: &&Known| !matches!(kind, Known::Principal | Known::Resource);
    // The whole of a name is found without looking through all names.
    for kind in kinds.iter().filter(is_facet) {
        if reader.last_acted(*kind, text).await?.is_some() {
            return Ok(Match {
                closeness: Closeness::All,
                kind: *kind,
                text: text.to_owned(),
            });
        }
    }
    let found = find(reader, text, kinds).await?.matches;
    for closeness in [Closeness::All, Closeness::Name, Closeness::Part] {
        let mut close = found.iter().filter(|found| found.closeness <= closeness);
        match (close.next(), close.next()) {
            (Some(one), None) => return Ok(one.clone()),
            (Some(_), Some(_)) => {
                return Err(SubjectError::Ambiguous {
                    text: text.to_owned(),
                    found,
                });
            }
            (None, _) => {}
        }
    }
    Err(unknown(text))
}

/// Looks for a statement by its id in every account and Region that delivers.
async fn statement(reader: &Reader, id: &str) -> Result<ResourceKey, SubjectError> {
    let facts = reader.trails().await?;
    let mut keys: Vec<ResourceKey> = facts
        .iter()
        .filter_map(|fact| Trail::of(&fact.trail_folder))
        .map(|trail| ResourceKey::from_statement(&trail.aws_region, &trail.account_id, id))
        .collect();
    keys.sort();
    keys.dedup();
    let has_events = |key: ResourceKey| async move {
        let query = EventQuery {
            key: Key::Resource(key.clone()),
            window: Window::default(),
            subset: Subset::All,
            filter: Filter::default(),
            order: Order::NewestFirst,
            page_size: Some(1),
        };
        let page = page(reader, &query, None).await?;
        Ok::<_, QueryError>((!page.events.is_empty()).then_some(key))
    };
    let found = stream::iter(keys).map(has_events).buffered(AT_ONCE);
    let found: Vec<Option<ResourceKey>> = found.try_collect().await?;
    let mut found: Vec<ResourceKey> = found.into_iter().flatten().collect();
    match found.len() {
        0 => Err(unknown(id)),
        1 => Ok(found.remove(0)),
        _ => Err(SubjectError::Statements {
            text: id.to_owned(),
            found,
        }),
    }
}

fn unknown(text: &str) -> SubjectError {
    SubjectError::Unknown {
        text: text.to_owned(),
    }
}

fn of_days(first: &str, last: &str) -> Window {
    let midnight = |day: &str| format!("{day}T00:00:00Z").parse::<EventTime>().ok();
    Window {
        since: midnight(first),
        until: midnight(last).map(|time| time.later(DAY_MILLIS)),
    }
}
