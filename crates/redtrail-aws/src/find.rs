//! From what people have at hand to the keys of the tables: what the directory knows of a
//! pasted text.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use redtrail_core::{
    directory::{EdgeFact, Known},
    paste::Paste,
};

use crate::{
    names::names,
    query::{Key, QueryError},
    reader::Reader,
};

/// Names of a facet that are looked through for a part of one; each costs a Query.
pub const MOST_NAMES: usize = 1000;
/// Last uses asked for at a time.
const AT_ONCE: usize = 16;

/// Something known by that text or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub closeness: Closeness,
    pub kind: Known,
    /// A key of principals or resources, or the facet's own text.
    pub text: String,
}

/// How much of what is known the text was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    All,
    /// The last name in a key: of `…:cluster:sales` it is `sales`.
    Name,
    Part,
}

impl Closeness {
    fn of(known: &str, text: &str) -> Self {
        let name = known.rsplit(['/', ':']).next().unwrap_or_default();
        if known == text {
            Self::All
        } else if name.to_lowercase() == text.to_lowercase() {
            Self::Name
        } else {
            Self::Part
        }
    }
}

/// What is known by a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The closest first, and persons before all else.
    pub matches: Vec<Match>,
    /// There are more names than were looked through for a part of one.
    pub is_cut: bool,
}

/// Every kind of name.
pub const ALL_KINDS: [Known; 6] = [
    Known::Person,
    Known::Principal,
    Known::Resource,
    Known::SourceIdentity,
    Known::Session,
    Known::AccessKey,
];

/// What is known of `text`, of these kinds: principals and resources whose keys hold it, in
/// whatever case; persons and source identities that hold it; sessions and access keys that
/// begin so. Statements are not among them.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn find(reader: &Reader, text: &str, kinds: &[Known]) -> Result<Findings, QueryError> {
    let mut search = Search {
        reader,
        kinds,
        found: BTreeSet::new(),
        is_cut: false,
    };
    let paste = Paste::read(text);
    let whole = match &paste {
        Paste::Principal { key, session_name } => {
            let key = Key::Principal(key.clone());
            let names = names(reader, &key).await?.into_iter();
            for key in names.map(|name| name.key).chain([key]) {
                search.key(&key).await?;
            }
            if let Some(session) = session_name {
                search.name(Known::Session, session).await?;
                search.name(Known::Person, session).await?;
            }
            session_name.as_deref().unwrap_or(text)
        }
        Paste::Resource(key) => {
            search.key(&Key::Resource(key.clone())).await?;
            text
        }
        Paste::AccessKey(id) => {
            search.name(Known::AccessKey, id).await?;
            id
        }
        Paste::Text(part) if part.is_empty() => text,
        Paste::Text(part) => {
            search.part(part).await?;
            part
        }
    };
    let found = search.found.into_iter().map(|(kind, text)| Match {
        closeness: Closeness::of(&text, whole),
        kind,
        text,
    });
    let mut matches: Vec<Match> = found.collect();
    matches.sort_by_cached_key(|found| {
        let kind = ALL_KINDS.iter().position(|kind| *kind == found.kind);
        (found.closeness, kind, found.text.clone())
    });
    Ok(Findings {
        matches,
        is_cut: search.is_cut,
    })
}

/// A search, and what it has found.
struct Search<'s> {
    reader: &'s Reader,
    kinds: &'s [Known],
    found: BTreeSet<(Known, String)>,
    is_cut: bool,
}

impl Search<'_> {
    /// That key, if it is known.
    async fn key(&mut self, key: &Key) -> Result<(), QueryError> {
        let kind = match key {
            Key::Principal(_) => Known::Principal,
            Key::Resource(_) => Known::Resource,
        };
        if self.kinds.contains(&kind) && self.reader.is_known(key).await? {
            self.found.insert((kind, key.as_str().to_owned()));
        }
        Ok(())
    }

    /// That whole name, if it is known.
    async fn name(&mut self, facet: Known, name: &str) -> Result<(), QueryError> {
        let is_known =
            self.kinds.contains(&facet) && self.reader.last_acted(facet, name).await?.is_some();
        if is_known {
            self.found.insert((facet, name.to_owned()));
        }
        Ok(())
    }

    /// Whatever holds that part, or begins so.
    async fn part(&mut self, part: &str) -> Result<(), QueryError> {
        let lower = part.to_lowercase();
        let holds = |known: &str| known.to_lowercase().contains(&lower);
        for kind in self.kinds {
            let texts = match kind {
                Known::Principal | Known::Resource => self.reader.known_keys(*kind, holds).await?,
                Known::Session | Known::AccessKey => self.names(*kind, part).await?,
                Known::Person | Known::SourceIdentity => {
                    let mut names = self.names(*kind, "").await?;
                    if self.is_cut {
                        // What begins so is found beyond them too.
                        names.extend(self.names(*kind, part).await?);
                    }
                    names.retain(|name| holds(name));
                    names
                }
            };
            self.found
                .extend(texts.into_iter().map(|text| (*kind, text)));
        }
        Ok(())
    }

    /// The first names that begin so.
    async fn names(&mut self, facet: Known, beginning: &str) -> Result<Vec<String>, QueryError> {
        let names = self
            .reader
            .known_names(facet, beginning, MOST_NAMES)
            .await?;
        self.is_cut |= names.len() == MOST_NAMES;
        Ok(names)
    }
}

/// One edge of the last day on which each of them was active.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn last_active(
    reader: &Reader,
    found: &[Match],
) -> Result<Vec<Option<EdgeFact>>, QueryError> {
    let last = |Match { kind, text, .. }: Match| async move {
        let key = match kind {
            Known::Principal => text.parse().ok().map(Key::Principal),
            Known::Resource => text.parse().ok().map(Key::Resource),
            facet => return reader.last_acted(facet, &text).await,
        };
        match key {
            Some(key) => reader.last_used(&key).await,
            None => Ok(None),
        }
    };
    let last = stream::iter(found.to_vec()).map(last).buffered(AT_ONCE);
    last.try_collect().await
}
