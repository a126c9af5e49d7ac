//! The names under which AWS also logged a resource that is asked for by its ARN. Some
//! records hold a name only; the directory knows when it stood for the ARN.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use redtrail_core::{
    alias::{Sighting, Span, spans},
    directory::{ALIAS, AliasFact, resource_subject},
};
use redtrail_model::{EventTime, ResourceKey, Table};
use serde_dynamo::Item;

use crate::query::{QueryError, Window, request_error};

/// A name and the times in which it stood for the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub key: ResourceKey,
    pub windows: Vec<Window>,
}

/// The names of `resource`, as far as events have shown them. One Query for the resource,
/// one more for each name.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn names(
    client: &Client,
    directory: &str,
    resource: &ResourceKey,
) -> Result<Vec<Name>, QueryError> {
    let mut names = BTreeMap::new();
    for fact in facts(client, directory, resource).await? {
        if fact.other_key.as_str().starts_with("name:") {
            names.insert(fact.other_key, Vec::new());
        }
    }
    for (name, windows) in &mut names {
        let sightings = facts(client, directory, name).await?.into_iter();
        let sightings = sightings.map(|fact| Sighting {
            at: fact.event_time,
            arn: fact.other_key.to_string(),
            glimpse: fact.glimpse,
        });
        let held = spans(sightings.collect(), resource.as_str());
        *windows = held.into_iter().map(window).collect();
    }
    let held = names.into_iter().filter(|(_, windows)| !windows.is_empty());
    Ok(held.map(|(key, windows)| Name { key, windows }).collect())
}

/// What the directory says of other keys of the same thing.
async fn facts(
    client: &Client,
    directory: &str,
    key: &ResourceKey,
) -> Result<Vec<AliasFact>, QueryError> {
    let schema = Table::Directory.schema();
    let mut pages = client
        .query()
        .table_name(directory)
        .key_condition_expression(format!(
            "{} = :subject AND begins_with({}, :alias)",
            schema.partition_key, schema.sort_key
        ))
        .expression_attribute_values(":subject", AttributeValue::S(resource_subject(key)))
        .expression_attribute_values(":alias", AttributeValue::S(ALIAS.to_owned()))
        .into_paginator()
        .send();
    let mut facts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| request_error(directory, error))?;
        for item in page.items.unwrap_or_default() {
            let fact = fact(directory, item)?;
            if fact.same_thing {
                facts.push(fact);
            }
        }
    }
    Ok(facts)
}

fn fact(table: &str, item: HashMap<String, AttributeValue>) -> Result<AliasFact, QueryError> {
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
