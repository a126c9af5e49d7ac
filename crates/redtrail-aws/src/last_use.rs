//! When a principal last used anything, or one resource: by whatever keys both are known.

use redtrail_core::directory::EdgeFact;
use redtrail_model::{EventTime, PrincipalKey, ResourceKey};

use crate::{
    names::{Name, names},
    query::{Key, QueryError, Window},
    reader::Reader,
};

/// The last day on which the principal used anything, or that resource, with what was done; of
/// several uses on that day a write, else a read, else what was denied. A role has two keys, and
/// each costs a Query of one item; of a resource the principal's edges are read from the last
/// on.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn last_use(
    reader: &Reader,
    principal: &PrincipalKey,
    resource: Option<&ResourceKey>,
) -> Result<Option<EdgeFact>, QueryError> {
    let resources = match resource.cloned().map(Key::Resource) {
        Some(key) => with_names(reader, key).await?,
        None => Vec::new(),
    };
    let mut last: Option<EdgeFact> = None;
    for Name { key, .. } in with_names(reader, Key::Principal(principal.clone())).await? {
        let edge = match &key {
            _ if resource.is_none() => reader.last_used(&key).await?,
            Key::Principal(key) => {
                let is_it = |edge: &EdgeFact| resources.iter().any(|name| holds(name, edge));
                reader.last_used_where(key, is_it).await?
            }
            Key::Resource(_) => None,
        };
        // The edges' text begins with the day, then what was done.
        last = last
            .into_iter()
            .chain(edge)
            .max_by(|one, other| one.edge.cmp(&other.edge));
    }
    Ok(last)
}

async fn with_names(reader: &Reader, key: Key) -> Result<Vec<Name>, QueryError> {
    let mut all = names(reader, &key).await?;
    all.push(Name {
        key,
        windows: vec![Window::default()],
    });
    Ok(all)
}

/// Whether the edge leads to that key, on a day of which some was in its times.
fn holds(name: &Name, edge: &EdgeFact) -> bool {
    let day = edge.activity_day.as_deref().unwrap_or_default();
    let first: Option<EventTime> = format!("{day}T00:00:00Z").parse().ok();
    let last: Option<EventTime> = format!("{day}T23:59:59.999Z").parse().ok();
    name.key.as_str() == edge.other
        && name.windows.iter().any(|window| {
            window.since.is_none_or(|since| Some(since) <= last)
                && window.until.is_none_or(|until| first < Some(until))
        })
}
