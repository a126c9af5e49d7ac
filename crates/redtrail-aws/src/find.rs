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

/// What is known of `text`, the closest first: principals and resources whose keys hold it, in
/// whatever case; persons and source identities that hold it; sessions and access keys that
/// begin so.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn find(reader: &Reader, text: &str) -> Result<Vec<Match>, QueryError> {
    let mut found = Found::new();
    let mut whole = text;
    let paste = Paste::read(text);
    match &paste {
        Paste::Principal { key, session_name } => {
            let key = Key::Principal(key.clone());
            let names = names(reader, &key).await?.into_iter();
            for key in names.map(|name| name.key).chain([key]) {
                add_known(reader, &key, &mut found).await?;
            }
            if let Some(session) = session_name {
                whole = session;
                for facet in [Known::Session, Known::Person] {
                    if reader.last_acted(facet, session).await?.is_some() {
                        add(&mut found, facet, [session.clone()]);
                    }
                }
            }
        }
        Paste::Resource(key) => {
            add_known(reader, &Key::Resource(key.clone()), &mut found).await?;
        }
        Paste::AccessKey(id) => {
            if reader.last_acted(Known::AccessKey, id).await?.is_some() {
                add(&mut found, Known::AccessKey, [id.clone()]);
            }
        }
        Paste::Text(part) if part.is_empty() => {}
        Paste::Text(part) => {
            whole = part;
            by_part(reader, part, &mut found).await?;
        }
    }
    let found = found.into_iter().map(|(kind, text)| Match {
        closeness: Closeness::of(&text, whole),
        kind,
        text,
    });
    let mut found: Vec<Match> = found.collect();
    let kinds = [
        Known::Person,
        Known::Principal,
        Known::Resource,
        Known::SourceIdentity,
        Known::Session,
        Known::AccessKey,
    ];
    found.sort_by_cached_key(|found| {
        let kind = kinds.iter().position(|kind| *kind == found.kind);
        (found.closeness, kind, found.text.clone())
    });
    Ok(found)
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

type Found = BTreeSet<(Known, String)>;

fn add(found: &mut Found, kind: Known, texts: impl IntoIterator<Item = String>) {
    found.extend(texts.into_iter().map(|text| (kind, text)));
}

async fn add_known(reader: &Reader, key: &Key, found: &mut Found) -> Result<(), QueryError> {
    let kind = match key {
        Key::Principal(_) => Known::Principal,
        Key::Resource(_) => Known::Resource,
    };
    if reader.is_known(key).await? {
        add(found, kind, [key.as_str().to_owned()]);
    }
    Ok(())
}

async fn by_part(reader: &Reader, part: &str, found: &mut Found) -> Result<(), QueryError> {
    let lower = part.to_lowercase();
    let holds = |known: &str| known.to_lowercase().contains(&lower);
    for kind in [Known::Principal, Known::Resource] {
        add(found, kind, reader.known_keys(kind, holds).await?);
    }
    for facet in [Known::Person, Known::SourceIdentity] {
        let names = reader.known_names(facet, "", MOST_NAMES).await?;
        add(found, facet, names.into_iter().filter(|name| holds(name)));
    }
    for facet in [Known::Session, Known::AccessKey] {
        let names = reader.known_names(facet, part, MOST_NAMES).await?;
        add(found, facet, names);
    }
    // Beyond the names that were looked through, what begins so is found all the same.
    for facet in [Known::Person, Known::SourceIdentity] {
        add(
            found,
            facet,
            reader.known_names(facet, part, MOST_NAMES).await?,
        );
    }
    Ok(())
}
