//! What became of log objects: the trails that the directory knows, their days, and the
//! ledger's entries and lists. Each answer is one partition, read to its end; nothing scans.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use redtrail_core::{
    directory::{TRAILS, TrailFact, trail_subject},
    ledger::{LedgerEntry, LedgerKey, Listed},
};
use redtrail_model::{EXPIRES_AT, EventTime, Table};
use serde::de::DeserializeOwned;
use serde_dynamo::Item;

use crate::query::{QueryError, request_error};

/// A table to read, at a given time: what has expired by then is left out.
#[derive(Clone, Debug)]
pub struct Reader {
    client: Client,
    table: String,
    now: EventTime,
}

impl Reader {
    pub fn new(client: Client, table: impl Into<String>, now: EventTime) -> Self {
        Self {
            client,
            table: table.into(),
            now,
        }
    }

    /// The same for another table.
    #[must_use]
    pub fn of(&self, table: impl Into<String>) -> Self {
        Self::new(self.client.clone(), table, self.now)
    }

    /// Of the directory: every folder of an account and Region of which an object came.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn trails(&self) -> Result<Vec<TrailFact>, QueryError> {
        self.items(Table::Directory, TRAILS).await
    }

    /// Of the directory: the days on which objects of that folder were delivered, in order.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn days(&self, trail_folder: &str) -> Result<Vec<TrailFact>, QueryError> {
        self.items(Table::Directory, &trail_subject(trail_folder))
            .await
    }

    /// Of the ledger: the objects of a day's folder, in the order of their names.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn entries(&self, day_folder: &str) -> Result<Vec<LedgerEntry>, QueryError> {
        self.items(Table::Ledger, day_folder).await
    }

    /// Of the ledger: what a list has of a day.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn listed(&self, partition: &str) -> Result<Vec<Listed>, QueryError> {
        self.items(Table::Ledger, partition).await
    }

    /// Of the ledger: one object.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or the item cannot be read.
    pub async fn entry(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, QueryError> {
        let schema = Table::Ledger.schema();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        // A Query of one item: it costs what a GetItem does, and takes no other permission
        // and no other error than the rest.
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(format!(
                "{} = :partition AND {} = :item",
                schema.partition_key, schema.sort_key
            ))
            .filter_expression(unexpired())
            .expression_attribute_values(":partition", text(&key.folder))
            .expression_attribute_values(":item", text(&key.object_key))
            .expression_attribute_values(":now", self.now())
            .send()
            .await
            .map_err(|error| request_error(&self.table, error))?;
        let item = output.items.unwrap_or_default().into_iter().next();
        item.map(|item| self.read(Table::Ledger, item)).transpose()
    }

    async fn items<T: DeserializeOwned>(
        &self,
        table: Table,
        partition: &str,
    ) -> Result<Vec<T>, QueryError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(format!("{} = :partition", table.schema().partition_key))
            .filter_expression(unexpired())
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":now", self.now())
            .into_paginator()
            .send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| request_error(&self.table, error))?;
            for item in page.items.unwrap_or_default() {
                items.push(self.read(table, item)?);
            }
        }
        Ok(items)
    }

    fn now(&self) -> AttributeValue {
        AttributeValue::N(self.now.epoch_seconds().to_string())
    }

    fn read<T: DeserializeOwned>(
        &self,
        table: Table,
        item: HashMap<String, AttributeValue>,
    ) -> Result<T, QueryError> {
        let key = item.get(table.schema().sort_key);
        let key = key.and_then(|key| key.as_s().ok()).cloned();
        serde_dynamo::from_item(Item::from(item)).map_err(|source| QueryError::Item {
            table: self.table.clone(),
            event_key: key.unwrap_or_default(),
            source: source.into(),
        })
    }
}

/// DynamoDB deletes expired items days later.
fn unexpired() -> String {
    format!("attribute_not_exists({EXPIRES_AT}) OR {EXPIRES_AT} > :now")
}
