//! The bodies of DynamoDB's requests and of BatchWriteItem's answers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::request::Put;

/// A BatchWriteItem in two: what goes on, if anything, and what does not, by table.
pub(super) struct Divided {
    pub(super) forwarded: Option<Bytes>,
    pub(super) left: BTreeMap<String, Vec<Value>>,
}

/// The tables that a request names.
pub(super) fn tables(input: &Value) -> Vec<String> {
    if let Some(table) = input["TableName"].as_str() {
        return vec![table.to_owned()];
    }
    let requests = input["RequestItems"].as_object();
    requests.map_or_else(Vec::new, |requests| requests.keys().cloned().collect())
}

/// What a BatchWriteItem or a PutItem puts.
pub(super) fn puts(input: &Value) -> Vec<Put> {
    let put = |table: &str, put: &Value| {
        let item = put["Item"].as_object()?.clone();
        let table = table.to_owned();
        Some(Put { table, item })
    };
    if let Some(table) = input["TableName"].as_str() {
        return put(table, input).into_iter().collect();
    }
    let requests = input["RequestItems"].as_object().into_iter().flatten();
    requests
        .flat_map(|(table, writes)| {
            writes
                .as_array()
                .into_iter()
                .flatten()
                .map(move |write| (table, write))
        })
        .filter_map(|(table, write)| put(table, &write["PutRequest"]))
        .collect()
}

/// Takes the puts at these positions out of a BatchWriteItem. None if there are none.
pub(super) fn divide(body: &[u8], positions: &BTreeSet<usize>) -> Option<Divided> {
    let mut input: Value = serde_json::from_slice(body).ok()?;
    let requests = input.get_mut("RequestItems")?.as_object_mut()?;
    let mut left = BTreeMap::new();
    let mut seen = 0;
    for (table, writes) in requests.iter_mut() {
        let taken = |write: &mut Value| {
            if write["PutRequest"]["Item"].is_object() {
                seen += 1;
                positions.contains(&(seen - 1))
            } else {
                false
            }
        };
        let taken: Vec<Value> = writes.as_array_mut()?.extract_if(.., taken).collect();
        if !taken.is_empty() {
            left.insert(table.clone(), taken);
        }
    }
    if left.is_empty() {
        return None;
    }
    // DynamoDB refuses a table without requests.
    requests.retain(|_, writes| *writes != json!([]));
    let forwarded = (!requests.is_empty()).then(|| input.to_string().into());
    Some(Divided { forwarded, left })
}

/// A BatchWriteItem's answer with what was left of the request besides what the server left.
pub(super) fn merge(
    answer: &[u8],
    left: BTreeMap<String, Vec<Value>>,
) -> Result<Bytes, serde_json::Error> {
    let mut answer: Map<String, Value> = serde_json::from_slice(answer)?;
    let unprocessed = answer.remove("UnprocessedItems").unwrap_or(json!({}));
    let mut unprocessed: BTreeMap<String, Vec<Value>> = serde_json::from_value(unprocessed)?;
    for (table, writes) in left {
        unprocessed.entry(table).or_default().extend(writes);
    }
    answer.insert("UnprocessedItems".to_owned(), json!(unprocessed));
    Ok(serde_json::to_vec(&answer)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> Value {
        json!({ "PutRequest": { "Item": { "key": { "S": key } } } })
    }

    fn divided(input: &Value, positions: &[usize]) -> Option<(Option<Value>, Value)> {
        let positions = positions.iter().copied().collect();
        let divided = divide(input.to_string().as_bytes(), &positions)?;
        let forwarded = divided
            .forwarded
            .map(|body| serde_json::from_slice(&body).unwrap());
        Some((forwarded, json!(divided.left)))
    }

    #[test]
    fn ok_positions_count_the_puts_of_all_tables() {
        let delete = json!({ "DeleteRequest": { "Key": { "key": { "S": "x" } } } });
        let input = json!({
            "RequestItems": { "a": [put("0"), delete, put("1")], "b": [put("2")] },
            "ReturnConsumedCapacity": "TOTAL",
        });
        let keys: Vec<String> = puts(&input)
            .iter()
            .map(|put| format!("{} {}", put.table, put.text("key").unwrap()))
            .collect();
        assert_eq!(keys, ["a 0", "a 1", "b 2"]);
        let forwarded = json!({
            "RequestItems": { "a": [put("0"), delete] },
            "ReturnConsumedCapacity": "TOTAL",
        });
        let left = json!({ "a": [put("1")], "b": [put("2")] });
        assert_eq!(divided(&input, &[1, 2]), Some((Some(forwarded), left)));
    }

    #[test]
    fn ok_nothing_goes_on() {
        let requests = json!({ "a": [put("0")], "b": [put("1")] });
        let input = json!({ "RequestItems": requests });
        assert_eq!(divided(&input, &[0, 1]), Some((None, requests)));
    }

    #[test]
    fn ok_nothing_to_take_out() {
        let input = json!({ "RequestItems": { "a": [put("0")] } });
        assert_eq!(divided(&input, &[]), None);
        assert_eq!(divided(&input, &[1]), None);
        assert_eq!(divided(&json!({ "TableName": "a" }), &[0]), None);
        assert_eq!(divided(&json!([]), &[0]), None);
    }

    #[test]
    fn ok_what_the_server_left_stays() {
        let answer = json!({ "UnprocessedItems": { "a": [put("0")] }, "ConsumedCapacity": [] });
        let left = BTreeMap::from([
            ("a".to_owned(), vec![put("1")]),
            ("b".to_owned(), vec![put("2")]),
        ]);
        let merged = merge(answer.to_string().as_bytes(), left).unwrap();
        let expected = json!({
            "UnprocessedItems": { "a": [put("0"), put("1")], "b": [put("2")] },
            "ConsumedCapacity": [],
        });
        assert_eq!(serde_json::from_slice::<Value>(&merged).unwrap(), expected);
    }
}
