//! Tables in memory that refuse what DynamoDB refuses.

use std::{collections::BTreeMap, slice, sync::Mutex};

use redtrail_model::Table;

use super::{
    locked,
    refusal::{Refusal, check_batch, check_keys},
};
use crate::{
    edge::{EdgeError, EdgeErrorKind, ItemStore, Unless},
    item::{Item, Put},
};

/// Tables by their keys.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<BTreeMap<(Table, String, String), Item>>,
}

impl MemoryStore {
    /// Every item, in the order of table, partition key and sort key.
    pub fn items(&self) -> Vec<(Table, Item)> {
        let tables = locked(&self.tables);
        tables
            .iter()
            .map(|((table, ..), item)| (*table, item.clone()))
            .collect()
    }

    /// The items of one partition, in the order of their sort keys.
    pub fn partition(&self, table: Table, partition: &str) -> Vec<Item> {
        let tables = locked(&self.tables);
        tables
            .iter()
            .filter(|((of, key, _), _)| *of == table && key == partition)
            .map(|(_, item)| item.clone())
            .collect()
    }
}

impl ItemStore for MemoryStore {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        check_batch(batch).map_err(|refusal| refused("write items", refusal))?;
        let mut tables = locked(&self.tables);
        for put in batch {
            let [partition, sort] = put.keys().map(str::to_owned);
            tables.insert((put.table, partition, sort), put.item());
        }
        Ok(Vec::new())
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        check_batch(slice::from_ref(put)).map_err(|refusal| refused("put an item", refusal))?;
        let mut tables = locked(&self.tables);
        let [partition, sort] = put.keys().map(str::to_owned);
        let key = (put.table, partition, sort);
        let stays = tables
            .get(&key)
            .is_some_and(|there| unless.is(there, &put.item()));
        if !stays {
            tables.insert(key, put.item());
        }
        Ok(!stays)
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        check_keys(table, keys).map_err(|refusal| refused("read an item", refusal))?;
        let [partition, sort] = keys.map(str::to_owned);
        Ok(locked(&self.tables).get(&(table, partition, sort)).cloned())
    }
}

fn refused(attempted: &str, refusal: Refusal) -> EdgeError {
    EdgeError {
        attempted: attempted.to_owned(),
        kind: EdgeErrorKind::Refused,
        source: Some(refusal.into()),
    }
}
