//! All that the tables hold, for comparing and for emptying them. A service never scans;
//! the demo owns these tables and throws them away.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use redtrail_local::LocalAws;
use redtrail_model::TABLES;
use serde_json::Value;

use crate::Failure;

type Item = HashMap<String, AttributeValue>;

/// Every item of every table as text, in order.
pub(crate) async fn dump(aws: &LocalAws) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for schema in &TABLES {
        for item in items(aws, aws.table_name(schema.table)).await? {
            let item: Value = serde_dynamo::from_item(item)?;
            lines.push(format!("{} {item}", schema.logical_id));
        }
    }
    lines.sort_unstable();
    Ok(lines)
}

/// Deletes every item of every table.
pub(crate) async fn empty(aws: &LocalAws) -> Result<(), Failure> {
    for schema in &TABLES {
        let name = aws.table_name(schema.table);
        for mut item in items(aws, name).await? {
            let keys = [schema.partition_key, schema.sort_key];
            let keys = keys
                .into_iter()
                .filter_map(|key| item.remove_entry(key))
                .collect();
            let delete = aws
                .dynamodb_client()
                .delete_item()
                .table_name(name)
                .set_key(Some(keys));
            delete.send().await?;
        }
    }
    Ok(())
}

async fn items(aws: &LocalAws, table: &str) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    let mut pages = aws
        .dynamodb_client()
        .scan()
        .table_name(table)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        items.extend(page?.items.unwrap_or_default());
    }
    Ok(items)
}
