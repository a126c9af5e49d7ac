//! What the tables must do, asked of the embedded DynamoDB through the real SDK: the rules of AWS's
//! developer guide that a writer or a reader could break unnoticed.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, PutRequest, ReturnConsumedCapacity, TimeToLiveStatus,
    WriteRequest,
};
use redtrail_local::{LocalAws, LocalAwsOptions};
use redtrail_model::{EXPIRES_AT, TABLES, Table};

const TEMPLATE: &str = include_str!("../../../template.yaml");

async fn start() -> LocalAws {
    LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap()
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// The n-th event of one principal; every tenth failed.
fn put(number: usize, padding: usize) -> WriteRequest {
    let mut put = PutRequest::builder()
        .item("principal", text("arn:aws:iam::111122223333:user/ann"))
        .item(
            "event_key",
            text(format!("2024-01-01T00:00:00.{number:03}Z#id")),
        )
        .item("padding", text("x".repeat(padding)));
    if number.is_multiple_of(10) {
        put = put
            .item(
                "failure_key",
                text(format!("2024-01-01T00:00:00.{number:03}Z#id")),
            )
            .item("error_code", text("AccessDenied"));
    }
    WriteRequest::builder()
        .put_request(put.build().unwrap())
        .build()
}

async fn write(
    local: &LocalAws,
    requests: Vec<WriteRequest>,
) -> Result<BatchWriteItemOutput, aws_sdk_dynamodb::Error> {
    let written = local
        .dynamodb_client()
        .batch_write_item()
        .request_items(local.table_name(Table::Principals), requests)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await?;
    Ok(written)
}

#[tokio::test]
async fn ok_tables_are_described_as_the_code_uses_them() {
    let local = start().await;
    let client: &Client = local.dynamodb_client();
    for schema in &TABLES {
        let name = local.table_name(schema.table);
        let description = client
            .describe_table()
            .table_name(name)
            .send()
            .await
            .unwrap();
        let table = description.table().unwrap();
        let keys: Vec<&str> = table
            .key_schema()
            .iter()
            .map(|element| element.attribute_name())
            .collect();
        assert_eq!(keys, [schema.partition_key, schema.sort_key]);
        let indexes: Vec<&str> = table
            .global_secondary_indexes()
            .iter()
            .map(|index| index.index_name().unwrap())
            .collect();
        let expected: Vec<&str> = schema.indexes.iter().map(|index| index.name).collect();
        assert_eq!(indexes, expected);
        let time_to_live = client
            .describe_time_to_live()
            .table_name(name)
            .send()
            .await
            .unwrap();
        let time_to_live = time_to_live.time_to_live_description().unwrap();
        assert_eq!(time_to_live.attribute_name(), Some(EXPIRES_AT));
        let status = time_to_live.time_to_live_status().unwrap();
        assert!(
            matches!(
                status,
                TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling
            ),
            "{status}"
        );
    }
}

#[tokio::test]
async fn ok_newest_first_page_by_page() {
    let local = start().await;
    for from in [0, 25] {
        let written = write(&local, (from..from + 25).map(|n| put(n, 10)).collect()).await;
        assert!(
            written
                .unwrap()
                .unprocessed_items()
                .is_none_or(|items| items.is_empty())
        );
    }
    let mut pages = local
        .dynamodb_client()
        .query()
        .table_name(local.table_name(Table::Principals))
        .key_condition_expression("principal = :principal AND event_key < :until")
        .expression_attribute_values(":principal", text("arn:aws:iam::111122223333:user/ann"))
        .expression_attribute_values(":until", text("2024-01-01T00:00:00.045Z"))
        .scan_index_forward(false)
        .into_paginator()
        .page_size(20)
        .items()
        .send();
    let mut keys = Vec::new();
    while let Some(item) = pages.next().await {
        keys.push(item.unwrap()["event_key"].as_s().unwrap().clone());
    }
    let expected: Vec<String> = (0..45)
        .rev()
        .map(|n| format!("2024-01-01T00:00:00.{n:03}Z#id"))
        .collect();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn ok_a_sparse_index_holds_and_charges_only_its_items() {
    let local = start().await;
    // 50 events of about 1 KB: read through the table they cost many units, through the index few.
    for from in [0, 25] {
        write(&local, (from..from + 25).map(|n| put(n, 900)).collect())
            .await
            .unwrap();
    }
    let query = |index: Option<&str>| {
        local
            .dynamodb_client()
            .query()
            .table_name(local.table_name(Table::Principals))
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression("principal = :principal")
            .expression_attribute_values(":principal", text("arn:aws:iam::111122223333:user/ann"))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
    };
    let failures = query(Some("failures")).await.unwrap();
    assert_eq!(failures.count(), 5);
    for item in failures.items() {
        assert_eq!(item["error_code"], text("AccessDenied"));
        assert!(item.contains_key("padding"), "the index holds items whole");
    }
    let all = query(None).await.unwrap();
    assert_eq!(all.count(), 50);
    let units = |consumed: Option<&aws_sdk_dynamodb::types::ConsumedCapacity>| {
        consumed.unwrap().capacity_units().unwrap()
    };
    // Eventually consistent reads: half a unit for each 4 KB read.
    assert!(units(failures.consumed_capacity()) <= 1.0);
    assert!(units(all.consumed_capacity()) >= 5.0);
}

#[tokio::test]
async fn ok_written_twice_is_there_once() {
    let local = start().await;
    for _ in 0..2 {
        write(&local, (0..25).map(|n| put(n, 10)).collect())
            .await
            .unwrap();
    }
    let scan = local.dynamodb_client().scan();
    let items = scan
        .table_name(local.table_name(Table::Principals))
        .send()
        .await
        .unwrap();
    assert_eq!(items.count(), 25);
}

#[tokio::test]
async fn ok_a_write_says_what_it_consumed() {
    let local = start().await;
    // Two plain items and one that stands in the index as well, each under 1 KB.
    let written = write(&local, vec![put(10, 10), put(11, 10), put(12, 10)])
        .await
        .unwrap();
    assert_eq!(written.consumed_capacity()[0].capacity_units(), Some(4.0));
}

#[tokio::test]
async fn err_what_dynamodb_refuses() {
    let local = start().await;
    let delete = WriteRequest::builder()
        .delete_request(
            DeleteRequest::builder()
                .key("principal", text("arn:aws:iam::111122223333:user/ann"))
                .key("event_key", text("2024-01-01T00:00:00.001Z#id"))
                .build()
                .unwrap(),
        )
        .build();
    let without = |attribute: &str| {
        let mut item = put(1, 1).put_request().unwrap().item().clone();
        item.remove(attribute);
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let with = |attribute: &str, value: AttributeValue| {
        let mut item = put(1, 1).put_request().unwrap().item().clone();
        item.insert(attribute.to_owned(), value);
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let nested = (0..33).fold(text("x"), |value, _| AttributeValue::L(vec![value]));
    let rows = [
        ("26 requests", (0..26).map(|n| put(n, 1)).collect()),
        ("one key twice", vec![put(1, 1), put(1, 2)]),
        ("one key put and deleted", vec![put(1, 1), delete]),
        ("no requests", vec![]),
        ("no sort key", vec![without("event_key")]),
        ("an empty key", vec![with("event_key", text(""))]),
        ("an empty index key", vec![with("failure_key", text(""))]),
        (
            "an index key of another type",
            vec![with("failure_key", AttributeValue::Bool(true))],
        ),
        (
            "a partition key over 2,048 bytes",
            vec![with("principal", text("p".repeat(2049)))],
        ),
        (
            "a sort key over 1,024 bytes",
            vec![with("event_key", text("e".repeat(1025)))],
        ),
        ("an item over 400 KB", vec![put(1, 400 * 1024)]),
        ("a document over 32 deep", vec![with("deep", nested)]),
        (
            "39 digits",
            vec![with("many", AttributeValue::N("1".repeat(39)))],
        ),
        (
            "an empty set",
            vec![with("set", AttributeValue::Ss(vec![]))],
        ),
    ];
    let mut accepted = Vec::new();
    for (name, requests) in rows {
        match write(&local, requests).await {
            Ok(_) => accepted.push(name),
            Err(error) => {
                let code = aws_sdk_dynamodb::error::ProvideErrorMetadata::code(&error);
                assert_eq!(code, Some("ValidationException"), "{name}: {error:?}");
            }
        }
    }
    assert_eq!(accepted, [""; 0]);
}

#[tokio::test]
async fn err_reserved_words_in_expressions() {
    let local = start().await;
    let query = |condition: &str| {
        local
            .dynamodb_client()
            .query()
            .table_name(local.table_name(Table::Principals))
            .key_condition_expression("principal = :value")
            .filter_expression(condition)
            .expression_attribute_values(":value", text("a"))
            .send()
    };
    assert!(query("error_code = :value").await.is_ok());
    for reserved in ["resource = :value", "region = :value", "date = :value"] {
        let error = aws_sdk_dynamodb::Error::from(query(reserved).await.unwrap_err());
        assert!(
            format!("{error:?}").contains("reserved keyword"),
            "{reserved}"
        );
    }
}
