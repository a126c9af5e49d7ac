//! What a nightly service pays that asks when each of thousands of principals last did anything.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt, stream};
use redtrail_aws::last_use::last_use;
use redtrail_core::item::Put;
use redtrail_model::{EventTime, PrincipalKey, Table};
use serde_json::{Value, json};

use crate::{python, tables};

const ROLES: usize = 1500;
const USERS: usize = 500;
const AT_ONCE: usize = 16;
/// A Query that is eventually consistent costs half a unit for each 4 KB begun of what it reads.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const HALF_UNIT_BYTES: usize = 4096;

fn principals() -> Vec<String> {
    let role = |n| format!("arn:aws:iam::111122223333:role/pipelines/nightly/loader-{n:04}");
    let user = |n| format!("arn:aws:iam::111122223333:user/analysts/analyst-{n:04}");
    (0..ROLES).map(role).chain((0..USERS).map(user)).collect()
}

/// What the principal used on that day, as the directory has it.
fn edge(principal: &str, day: &str, kind: &str, cluster: &str) -> Value {
    let resource = format!("arn:aws:redshift:us-east-1:111122223333:cluster:{cluster}");
    json!({
        "subject": format!("principal#{principal}"), "edge": format!("used#{day}#{kind}#{resource}"),
        "other": resource, "activity_day": day, "kind": kind, "expires_at": 1_900_000_000,
        "schema_version": 1
    })
}

fn edges() -> Vec<Value> {
    let used = |(index, principal): (usize, &String)| {
        let day = format!("2026-03-{:02}", index % 28 + 1);
        vec![
            edge(principal, "2026-02-01", "write", "sales-prod"),
            edge(principal, &day, "read", "sales-prod"),
            edge(principal, &day, "read", "finance-prod"),
        ]
    };
    principals().iter().enumerate().flat_map(used).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_last_used_of_2000_principals_costs_a_query_of_one_item_for_each_key() {
    let now: EventTime = "2026-04-01T00:00:00Z".parse().unwrap();
    let put = |edge: &Value| Put::new(Table::Directory, serde_dynamo::to_item(edge).unwrap());
    let puts: Vec<Put> = edges().iter().map(put).collect();
    let largest = puts.iter().map(item_bytes).max().unwrap();
    assert!(largest < HALF_UNIT_BYTES, "{largest}");
    let aws = tables::with(puts).await;
    // A role with a path has a second key, without it.
    let requests = 2 * ROLES + USERS;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let read_units = requests as f64 / 2.0;

    let reader = tables::reader(&aws, now);
    let last = |principal: String| {
        let reader = reader.clone();
        async move {
            let key: PrincipalKey = principal.parse().unwrap();
            let edge = last_use(&reader, &key, None).await.unwrap().unwrap();
            json!({"day": edge.activity_day, "kind": edge.kind, "resource": edge.other})
        }
    };
    let rust: Vec<Value> = stream::iter(principals())
        .map(last)
        .buffered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(
        rust[29],
        json!({"day": "2026-03-02", "kind": "read", "resource": "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod"})
    );
    assert!(
        (reader.read_units() - read_units).abs() < f64::EPSILON,
        "{}",
        reader.read_units()
    );

    let question = json!({"last_used": {"principals": principals()}});
    let asked = [python::Questions {
        aws: &aws,
        now,
        questions: vec![question],
    }];
    let python = python::client(&asked).remove(0);
    assert_eq!(python.answers, [Value::from(rust)]);
    let calls: Vec<_> = python.calls.into_iter().collect();
    assert_eq!(calls, [("Query".to_owned(), requests)]);
    assert!(
        (python.read_units - read_units).abs() < f64::EPSILON,
        "{}",
        python.read_units
    );
}

/// The size of an item: of texts their bytes, names too; of a number at most so many.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
fn item_bytes(put: &Put) -> usize {
    const NUMBER_BYTES: usize = 21;
    let item: HashMap<String, AttributeValue> = put.item().into();
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(_) => NUMBER_BYTES,
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}
