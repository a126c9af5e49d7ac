//! The other keys of what is asked for. Some records hold a resource's name only, some a
//! role without its path; the directory knows what they belong to.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use redtrail_core::{
    alias::{Sighting, Span, spans},
    directory::{ALIAS, AliasFact, ROLE, RoleFact, principal_subject, resource_subject},
    normalize::principal::role_without_path,
};
use redtrail_model::{EventTime, PrincipalKey, ResourceKey, Table};
use serde::de::DeserializeOwned;
use serde_dynamo::Item;

use crate::query::{Key, QueryError, Window, request_error};

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
pub async fn names(client: &Client, directory: &str, key: &Key) -> Result<Vec<Name>, QueryError> {
    match key {
        Key::Principal(role) => roles(client, directory, role).await,
        Key::Resource(resource) => resource_names(client, directory, resource).await,
    }
}

/// A role with its path has one key without it; a role without it may have keys with it.
async fn roles(
    client: &Client,
    directory: &str,
    role: &PrincipalKey,
) -> Result<Vec<Name>, QueryError> {
    let others = match role_without_path(role) {
        Some(without_path) => vec![without_path],
        None if role.as_str().contains(":role/") => {
            let subject = principal_subject(role.as_str());
            let known: Vec<RoleFact> = facts(client, directory, subject, ROLE).await?;
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
async fn resource_names(
    client: &Client,
    directory: &str,
    resource: &ResourceKey,
) -> Result<Vec<Name>, QueryError> {
    if !resource.as_str().starts_with("arn:") {
        return Ok(Vec::new());
    }
    let mut names = BTreeMap::new();
    for alias in aliases(client, directory, resource).await? {
        if alias.other_key.as_str().starts_with("name:") {
            names.insert(alias.other_key, Vec::new());
        }
    }
    for (name, windows) in &mut names {
        let sightings = aliases(client, directory, name).await?.into_iter();
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
async fn aliases(
    client: &Client,
    directory: &str,
    key: &ResourceKey,
) -> Result<Vec<AliasFact>, QueryError> {
    let mut aliases: Vec<AliasFact> =
        facts(client, directory, resource_subject(key), ALIAS).await?;
    aliases.retain(|alias| alias.same_thing);
    Ok(aliases)
}

/// The facts of a subject whose edges begin so.
async fn facts<F: DeserializeOwned>(
    client: &Client,
    directory: &str,
    subject: String,
    edges: &str,
) -> Result<Vec<F>, QueryError> {
    let schema = Table::Directory.schema();
    let mut pages = client
        .query()
        .table_name(directory)
        .key_condition_expression(format!(
            "{} = :subject AND begins_with({}, :edges)",
            schema.partition_key, schema.sort_key
        ))
        .expression_attribute_values(":subject", AttributeValue::S(subject))
        .expression_attribute_values(":edges", AttributeValue::S(edges.to_owned()))
        .into_paginator()
        .send();
    let mut facts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| request_error(directory, error))?;
        for item in page.items.unwrap_or_default() {
            facts.push(fact(directory, item)?);
        }
    }
    Ok(facts)
}

fn fact<F: DeserializeOwned>(
    table: &str,
    item: HashMap<String, AttributeValue>,
) -> Result<F, QueryError> {
    let edge = item.get(Table::Directory.schema().sort_key);
    let edge = edge
        .and_then(|edge| edge.as_s().ok())
        .cloned()
        .unwrap_or_default();
    serde_dynamo::from_item(Item::from(item)).map_err(|source| QueryError::Item {
        table: table.to_owned(),
        event_key: edge,
        source: source.into(),
    })
}

/// A window ends before its end; a span at it.
fn window(span: Span) -> Window {
    let after = |time: EventTime| EventTime::from_epoch_millis(time.epoch_millis() + 1);
    Window {
        since: span.from,
        until: span.to.and_then(after),
    }
}
