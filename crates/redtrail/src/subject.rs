//! What a question is about: from what people paste to the partitions that hold the answer.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use redtrail_aws::{
    answer::Answer,
    coverage::coverage,
    find::{Closeness, Match, find},
    names::{Name, names},
    query::{EventQuery, Filter, Key, Order, Subset, Window, page},
    reader::Reader,
};
use redtrail_core::{
    coverage::{Coverage, Reach},
    directory::{Known, Trail},
    paste::Paste,
};
use redtrail_model::{EventTime, InvalidKey, PrincipalKey, ResourceKey};

use crate::{failure::Failure, output::remark, short_name::shortened, tables::unanswered};

/// Names listed where a text may mean several.
const MOST_LISTED: usize = 20;
const LONGEST_LISTED: usize = 160;
/// Keys tried at a time.
const AT_ONCE: usize = 16;

/// A name by which people ask for what somebody did.
pub(crate) const OF_PRINCIPALS: [Known; 5] = [
    Known::Person,
    Known::Principal,
    Known::SourceIdentity,
    Known::Session,
    Known::AccessKey,
];

/// What a question is about.
#[derive(Debug)]
pub(crate) struct Subject {
    /// A key, or the kind and text of a name: `person ana@example.com`.
    pub(crate) shown: String,
    /// One for each principal of a name.
    asks: Vec<Ask>,
    /// Other keys of the same.
    pub(crate) names: Vec<Name>,
}

/// A partition, and which of its events.
#[derive(Debug)]
struct Ask {
    key: Key,
    filter: Filter,
    window: Window,
}

impl Subject {
    /// Whose calls `text` stands for, by one of these kinds of names.
    pub(crate) async fn of_caller(
        reader: &Reader,
        text: &str,
        kinds: &[Known],
    ) -> Result<Self, Failure> {
        let by_principal = kinds.contains(&Known::Principal);
        match Paste::read(text) {
            Paste::Principal { key, session_name } if by_principal => {
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
    pub(crate) async fn of_resource(reader: &Reader, text: &str) -> Result<Self, Failure> {
        match Paste::read(text) {
            Paste::Resource(key) => Self::key(reader, Key::Resource(key)).await,
            _ => Self::of_match(reader, choose(reader, text, &[Known::Resource]).await?).await,
        }
    }

    /// The statement with that key, or with that id in some account and Region.
    pub(crate) async fn of_statement(reader: &Reader, text: &str) -> Result<Self, Failure> {
        let key = match Paste::read(text) {
            Paste::Resource(key) if key.is_statement() => key,
            _ => statement(reader, text.trim()).await?,
        };
        Self::key(reader, Key::Resource(key)).await
    }

    /// The key itself, and what the directory knows under another key of the same.
    pub(crate) async fn key(reader: &Reader, key: Key) -> Result<Self, Failure> {
        let names = names(reader, &key).await.map_err(unanswered)?;
        Ok(Self {
            shown: key.as_str().to_owned(),
            asks: vec![Ask {
                key,
                filter: Filter::default(),
                window: Window::default(),
            }],
            names,
        })
    }

    async fn principal(
        reader: &Reader,
        key: PrincipalKey,
        session_name: Option<String>,
    ) -> Result<Self, Failure> {
        let mut subject = Self::key(reader, Key::Principal(key)).await?;
        if let Some(session) = session_name {
            subject.shown = format!("{}, session {session}", subject.shown);
            for ask in &mut subject.asks {
                ask.filter.session_name = Some(session.clone());
            }
        }
        Ok(subject)
    }

    async fn of_match(reader: &Reader, found: Match) -> Result<Self, Failure> {
        let invalid = |error: InvalidKey| {
            Failure::usage(
                format!("`{}` is {error}", found.text),
                "Give another name, or the whole key.",
            )
        };
        match found.kind {
            Known::Principal => {
                let key = found.text.parse().map_err(invalid)?;
                Self::key(reader, Key::Principal(key)).await
            }
            Known::Resource => {
                let key = found.text.parse().map_err(invalid)?;
                Self::key(reader, Key::Resource(key)).await
            }
            facet => Self::facet(reader, facet, found.text).await,
        }
    }

    /// What somebody did as whatever principal, on the days the directory knows of.
    async fn facet(reader: &Reader, facet: Known, text: String) -> Result<Self, Failure> {
        let edges = reader.acted_as(facet, &text).await.map_err(unanswered)?;
        let mut days: BTreeMap<String, (String, String)> = BTreeMap::new();
        for edge in edges {
            let day = edge.activity_day.unwrap_or_default();
            let (_, last) = days
                .entry(edge.other)
                .or_insert_with(|| (day.clone(), day.clone()));
            *last = day;
        }
        let word = facet.name().replace('_', " ");
        let filter = match facet {
            Known::AccessKey => Filter {
                access_key_id: Some(text.clone()),
                ..Filter::default()
            },
            Known::SourceIdentity => Filter {
                source_identity: Some(text.clone()),
                ..Filter::default()
            },
            Known::Person => Filter {
                person: Some(text.clone()),
                ..Filter::default()
            },
            _ => Filter {
                session_name: Some(text.clone()),
                ..Filter::default()
            },
        };
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
            return Err(unknown(&text, &[facet]));
        }
        Ok(Self {
            shown: format!("{word} {text}"),
            asks,
            names: Vec::new(),
        })
    }

    /// The keys that are asked for.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.asks.iter().map(|ask| &ask.key)
    }

    /// What `like` asks, of this subject in place of its own key.
    pub(crate) fn answer<'r>(&self, reader: &'r Reader, like: &Like) -> Answer<'r> {
        let query = |ask: &Ask| {
            Some(EventQuery {
                key: ask.key.clone(),
                window: like.window.within(ask.window),
                subset: like.subset,
                filter: like.filter.clone().and(ask.filter.clone())?,
                order: like.order,
                page_size: like.page_size,
            })
        };
        let queries: Vec<EventQuery> = self.asks.iter().filter_map(query).collect();
        Answer::of(reader, queries, &self.names)
    }

    /// How far an answer about that window reaches.
    pub(crate) async fn coverage(
        &self,
        reader: &Reader,
        window: Window,
    ) -> Result<Coverage, Failure> {
        let reach = |key: &Key| match key {
            Key::Principal(key) => Reach::of_principal(key),
            Key::Resource(key) => Reach::of_resource(key),
        };
        let mut reaches: Vec<Reach> = self.keys().map(reach).collect();
        reaches.sort();
        reaches.dedup();
        let coverage = coverage(reader, &reaches, window).await;
        coverage.map_err(unanswered)
    }
}

/// A question, whatever it is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Like {
    pub(crate) window: Window,
    pub(crate) subset: Subset,
    pub(crate) filter: Filter,
    pub(crate) order: Order,
    pub(crate) page_size: Option<i32>,
}

/// The one thing that `text` stands for.
async fn choose(reader: &Reader, text: &str, kinds: &[Known]) -> Result<Match, Failure> {
    let mut found = find(reader, text).await.map_err(unanswered)?;
    found.retain(|found| kinds.contains(&found.kind));
    // The session of a person has the person's name.
    let persons: Vec<String> = found
        .iter()
        .filter(|found| found.kind == Known::Person)
        .map(|found| found.text.clone())
        .collect();
    found.retain(|found| found.kind != Known::Session || !persons.contains(&found.text));
    for closeness in [Closeness::All, Closeness::Name, Closeness::Part] {
        let mut close = found.iter().filter(|found| found.closeness <= closeness);
        match (close.next(), close.next()) {
            (Some(one), None) => return Ok(one.clone()),
            (Some(_), Some(_)) => return Err(ambiguous(text, &found)),
            (None, _) => {}
        }
    }
    Err(unknown(text, kinds))
}

/// Looks for a statement by its id in every account and Region that delivers.
async fn statement(reader: &Reader, id: &str) -> Result<ResourceKey, Failure> {
    let facts = reader.trails().await.map_err(unanswered)?;
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
        Ok((!page.events.is_empty()).then_some(key))
    };
    let found = stream::iter(keys).map(has_events).buffered(AT_ONCE);
    let found: Vec<Option<ResourceKey>> = found.try_collect().await.map_err(unanswered)?;
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        (Some(one), Some(other)) => Err(Failure::usage(
            format!("`{id}` is a statement of more than one account or Region"),
            format!("Give the whole key: {one}, {other} or another."),
        )),
        (None, _) => Err(Failure::usage(
            format!("no statement `{id}` is known in any account and Region that delivers"),
            "`redtrail ledger` says what was delivered.",
        )),
    }
}

fn ambiguous(text: &str, found: &[Match]) -> Failure {
    remark(&format!("`{text}` may mean:"));
    for found in found.iter().take(MOST_LISTED) {
        let shown = shortened(&found.text, LONGEST_LISTED);
        remark(&format!("  {:<15} {shown}", found.kind.name()));
    }
    if found.len() > MOST_LISTED {
        remark(&format!("  and {} more", found.len() - MOST_LISTED));
    }
    Failure::usage(
        format!("`{text}` means more than one"),
        "Give one of these, or more of it.",
    )
}

fn unknown(text: &str, kinds: &[Known]) -> Failure {
    let kinds: Vec<String> = kinds
        .iter()
        .map(|kind| kind.name().replace('_', " "))
        .collect();
    Failure::usage(
        format!("no {} is known by `{text}`", kinds.join(", ")),
        "`redtrail find PART` lists what is known; `redtrail ledger` says what was delivered.",
    )
}

fn of_days(first: &str, last: &str) -> Window {
    const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
    let midnight = |day: &str| format!("{day}T00:00:00Z").parse::<EventTime>().ok();
    Window {
        since: midnight(first),
        until: midnight(last)
            .and_then(|time| EventTime::from_epoch_millis(time.epoch_millis() + DAY_MILLIS)),
    }
}
