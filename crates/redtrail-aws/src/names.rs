//! The other keys of what is asked for. Some records hold a resource's name only, some a
//! role without its path; the directory knows what they belong to.

use std::collections::BTreeMap;

use redtrail_core::{
    alias::{Sighting, Span, spans},
    directory::{ALIAS, AliasFact, ROLE, RoleFact, principal_subject, resource_subject},
    normalize::principal::role_without_path,
};
use redtrail_model::{EventTime, PrincipalKey, ResourceKey, Table};

use crate::{
    query::{Key, QueryError, Window},
    reader::{Part, Range, Reader},
};

/// Another key, and the times in which it stood for the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub key: Key,
    pub windows: Vec<Window>,
}

/// The other keys of `key`, as far as events have shown them.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn names(reader: &Reader, key: &Key) -> Result<Vec<Name>, QueryError> {
    match key {
        Key::Principal(role) => roles(reader, role).await,
        Key::Resource(resource) => resource_names(reader, resource).await,
    }
}

/// A role with its path has one key without it; a role without it may have keys with it.
async fn roles(reader: &Reader, role: &PrincipalKey) -> Result<Vec<Name>, QueryError> {
    let others = match role_without_path(role) {
        Some(without_path) => vec![without_path],
        None if role.as_str().contains(":role/") => {
            let subject = principal_subject(role.as_str());
            let roles = Part::of(Table::Directory, &subject).within(Range::BeginsWith(ROLE));
            let known: Vec<RoleFact> = reader.items(roles).await?;
            known.into_iter().map(|fact| fact.other_principal).collect()
        }
        None => Vec::new(),
    };
    let name = |key| Name {
        key: Key::Principal(key),
        windows: vec![Window::default()],
    };
    Ok(others.into_iter().map(name).collect())
}

/// One Query for the resource, one more for each of its names.
async fn resource_names(reader: &Reader, resource: &ResourceKey) -> Result<Vec<Name>, QueryError> {
    if !resource.as_str().starts_with("arn:") {
        return Ok(Vec::new());
    }
    let mut names = BTreeMap::new();
    for alias in aliases(reader, resource).await? {
        if alias.other_key.as_str().starts_with("name:") {
            names.insert(alias.other_key, Vec::new());
        }
    }
    for (name, windows) in &mut names {
        let sightings = aliases(reader, name).await?.into_iter();
        let sightings = sightings.map(|alias| Sighting {
            at: alias.event_time,
            arn: alias.other_key.to_string(),
            glimpse: alias.glimpse,
        });
        let held = spans(sightings.collect(), resource.as_str());
        *windows = held.into_iter().map(window).collect();
    }
    let held = names.into_iter().filter(|(_, windows)| !windows.is_empty());
    Ok(held
        .map(|(key, windows)| Name {
            key: Key::Resource(key),
            windows,
        })
        .collect())
}

/// Other keys of the same thing, as events showed them.
async fn aliases(reader: &Reader, key: &ResourceKey) -> Result<Vec<AliasFact>, QueryError> {
    let subject = resource_subject(key);
    let aliases = Part::of(Table::Directory, &subject).within(Range::BeginsWith(ALIAS));
    let mut aliases: Vec<AliasFact> = reader.items(aliases).await?;
    aliases.retain(|alias| alias.same_thing);
    Ok(aliases)
}

/// A window ends before its end; a span at it.
fn window(span: Span) -> Window {
    let after = |time: EventTime| EventTime::from_epoch_millis(time.epoch_millis() + 1);
    Window {
        since: span.from,
        until: span.to.and_then(after),
    }
}
