//! The other keys of what is asked for. Some records hold a resource's name only, some a
//! role without its path; the directory knows what they belong to.

use std::collections::BTreeSet;

use redtrail_core::{
    alias::{Sighting, Span, spans},
    directory::{ALIAS, AliasFact, ROLE, RoleFact, principal_subject, resource_subject},
    normalize::principal::role_without_path,
};
use redtrail_model::{PrincipalKey, ResourceKey, Table};

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
    if resource.name_kind().is_some() {
        return arns_of_name(reader, resource).await;
    }
    let mut names = Vec::new();
    let known = aliases(reader, resource).await?.into_iter();
    let known: BTreeSet<ResourceKey> = known.map(|alias| alias.other_key).collect();
    for name in known.into_iter().filter(|key| key.name_kind().is_some()) {
        let sightings = sightings(reader, &name).await?;
        names.extend(held(name, sightings, resource.as_str()));
    }
    Ok(names)
}

/// The things that a name stood for, each for the time it did.
async fn arns_of_name(reader: &Reader, name: &ResourceKey) -> Result<Vec<Name>, QueryError> {
    let sightings = sightings(reader, name).await?;
    let arns: BTreeSet<String> = sightings.iter().map(|seen| seen.arn.clone()).collect();
    let arns = arns.into_iter().filter_map(|arn| {
        let key: ResourceKey = arn.parse().ok()?;
        held(key, sightings.clone(), &arn)
    });
    Ok(arns.collect())
}

/// Which ARNs events showed together with a name.
async fn sightings(reader: &Reader, name: &ResourceKey) -> Result<Vec<Sighting>, QueryError> {
    let aliases = aliases(reader, name).await?.into_iter();
    let sighting = |alias: AliasFact| Sighting {
        at: alias.event_time,
        arn: alias.other_key.to_string(),
        glimpse: alias.glimpse,
    };
    Ok(aliases.map(sighting).collect())
}

/// `key`, for the times in which the name of these sightings stood for `arn`; nothing if it
/// never did.
fn held(key: ResourceKey, sightings: Vec<Sighting>, arn: &str) -> Option<Name> {
    let windows: Vec<Window> = spans(sightings, arn).into_iter().map(window).collect();
    (!windows.is_empty()).then_some(Name {
        key: Key::Resource(key),
        windows,
    })
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
    Window {
        since: span.from,
        until: span.to.map(|to| to.later(1)),
    }
}
