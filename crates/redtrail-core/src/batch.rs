//! Items in the portions that DynamoDB takes: at most 25 requests, no key twice, a bound
//! on bytes, and the keys mixed, so that a busy key is spread over many portions.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>

use std::collections::HashMap;

use redtrail_model::Table;
use serde_dynamo::AttributeValue;

use crate::item::{Item, Put};

/// Requests in one BatchWriteItem.
pub const MAX_BATCH_ITEMS: usize = 25;
/// Bytes of one batch. DynamoDB's own bound is 16 MB; less keeps the memory of batches in
/// flight small.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// `puts` in batches that DynamoDB accepts. Of two puts with one key the later one counts.
pub fn batches(puts: Vec<Put>) -> Vec<Vec<Put>> {
    let mut batches: Vec<Vec<Put>> = Vec::new();
    let mut bytes = 0;
    for put in mixed(latest(puts)) {
        let more = item_bytes(&put.item);
        let fits =
            |batch: &Vec<Put>| batch.len() < MAX_BATCH_ITEMS && bytes + more <= MAX_BATCH_BYTES;
        match batches.last_mut().filter(|batch| fits(batch)) {
            Some(batch) => {
                bytes += more;
                batch.push(put);
            }
            None => {
                bytes = more;
                batches.push(vec![put]);
            }
        }
    }
    batches
}

/// The last put of each key.
fn latest(puts: Vec<Put>) -> Vec<Put> {
    let mut places: HashMap<(Table, [String; 2]), usize> = HashMap::new();
    let mut latest: Vec<Put> = Vec::with_capacity(puts.len());
    for put in puts {
        let key = (put.table, keys(&put).map(str::to_owned));
        match places.get(&key).and_then(|at| latest.get_mut(*at)) {
            Some(earlier) => *earlier = put,
            None => {
                places.insert(key, latest.len());
                latest.push(put);
            }
        }
    }
    latest
}

/// The first put of every partition key, then every second one, and so on.
fn mixed(puts: Vec<Put>) -> Vec<Put> {
    let mut seen: HashMap<(Table, String), usize> = HashMap::new();
    let mut ranked: Vec<(usize, Put)> = puts
        .into_iter()
        .map(|put| {
            let [partition, _] = keys(&put);
            let rank = seen.entry((put.table, partition.to_owned())).or_default();
            *rank += 1;
            (*rank, put)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, put)| put).collect()
}

/// Partition and sort key; empty where the item has none.
fn keys(put: &Put) -> [&str; 2] {
    let schema = put.table.schema();
    [schema.partition_key, schema.sort_key].map(|name| match put.item.inner().get(name) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "",
    })
}

/// The size DynamoDB reckons for an item, in bytes: names and values, and one to three
/// bytes for each list, map and its members.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub fn item_bytes(item: &Item) -> usize {
    item.inner()
        .iter()
        .map(|(name, value)| name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // About one byte for two digits, and one more.
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::L(values) => {
            3 + values
                .iter()
                .map(|value| 1 + value_bytes(value))
                .sum::<usize>()
        }
        AttributeValue::M(members) => {
            3 + members
                .iter()
                .map(|(name, value)| 1 + name.len() + value_bytes(value))
                .sum::<usize>()
        }
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            texts.iter().map(String::len).sum()
        }
        AttributeValue::Bs(all) => all.iter().map(Vec::len).sum(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn put(principal: &str, event: usize, bytes: usize) -> Put {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item: HashMap<String, AttributeValue> = [
            ("principal".to_owned(), text(principal)),
            ("event_key".to_owned(), text(&event.to_string())),
            ("filling".to_owned(), text(&"x".repeat(bytes))),
        ]
        .into();
        Put {
            table: Table::Principals,
            item: item.into(),
        }
    }

    fn check(puts: Vec<Put>) -> Vec<Vec<Put>> {
        let batches = batches(puts.clone());
        let mut all: Vec<_> = batches.concat();
        assert_eq!(all.len(), puts.len());
        all.sort_by_key(|put| keys(put).map(str::to_owned));
        let mut expected = puts;
        expected.sort_by_key(|put| keys(put).map(str::to_owned));
        assert_eq!(all, expected);
        for batch in &batches {
            assert!(!batch.is_empty() && batch.len() <= MAX_BATCH_ITEMS);
            let distinct: HashSet<_> = batch.iter().map(keys).collect();
            assert_eq!(distinct.len(), batch.len(), "a key twice in one batch");
            let bytes: usize = batch.iter().map(|put| item_bytes(&put.item)).sum();
            assert!(batch.len() == 1 || bytes <= MAX_BATCH_BYTES);
        }
        batches
    }

    #[test]
    fn ok_full_batches() {
        let batches = check(
            (0..1000)
                .map(|n| put(&format!("p{}", n % 7), n, 500))
                .collect(),
        );
        assert_eq!(batches.len(), 40);
    }

    #[test]
    fn ok_a_busy_key_shares_every_batch() {
        let busy = (0..40).map(|n| put("busy", n, 1));
        let others = (0..40).map(|n| put(&format!("p{n}"), n, 1));
        let batches = check(busy.chain(others).collect());
        let first = &batches[0];
        assert!(first.iter().filter(|put| keys(put)[0] == "busy").count() <= 1);
    }

    #[test]
    fn ok_of_one_key_the_last_put_counts() {
        let puts = vec![put("p", 1, 1), put("q", 1, 1), put("p", 1, 3)];
        assert_eq!(batches(puts), [[put("p", 1, 3), put("q", 1, 1)]]);
    }

    #[test]
    fn ok_large_items_are_spread() {
        check((0..30).map(|n| put("p", n, 390_000)).collect());
    }
}
