//! Every fault as the real SDK meets with it, without retries, and what is applied afterwards.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb as dynamodb;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_write_item::builders::BatchWriteItemFluentBuilder;
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemError, BatchWriteItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_sdk_s3 as s3;
use aws_sdk_s3::operation::get_object::GetObjectError;
use redtrail_local::{
    AwsService, Fault, FaultKind, FaultProxy, LocalAws, LocalAwsOptions, ProxiedRequest,
    RandomFaults, ThroughputLimit, dynamodb_client, s3_client,
};
use redtrail_model::Table;

const TEMPLATE: &str = include_str!("../../../template.yaml");
const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &str = "AWSLogs/o-example/111122223333/CloudTrail/a trail+of%2Fall é.json.gz";

/// The servers, reached directly, and the proxy in front of them with its clients.
struct Setup {
    local: LocalAws,
    proxy: FaultProxy,
    s3: s3::Client,
    dynamodb: dynamodb::Client,
}

impl Setup {
    async fn start<P>(plan: P) -> Self
    where
        P: Fn(&ProxiedRequest) -> Option<Fault> + Send + Sync + 'static,
    {
        let local = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        let proxy = FaultProxy::start(&local.s3_endpoint(), &local.dynamodb_endpoint(), plan)
            .await
            .unwrap();
        let s3 = s3_client(&proxy.s3_endpoint()).config().to_builder();
        let s3 = s3.retry_config(s3::config::retry::RetryConfig::disabled());
        let dynamodb = dynamodb_client(&proxy.dynamodb_endpoint());
        let dynamodb = dynamodb.config().to_builder();
        let dynamodb = dynamodb.retry_config(dynamodb::config::retry::RetryConfig::disabled());
        Self {
            local,
            proxy,
            s3: s3::Client::from_conf(s3.build()),
            dynamodb: dynamodb::Client::from_conf(dynamodb.build()),
        }
    }

    /// The first request meets with the fault, the others with none.
    async fn start_with(fault: Fault) -> Self {
        Self::start(move |request| (request.number == 1).then(|| fault.clone())).await
    }

    /// A batch of two tables, through the proxy.
    fn batch(&self, keys: &[&str], resource_keys: &[&str]) -> BatchWriteItemFluentBuilder {
        let writes =
            |partition, keys: &[&str]| keys.iter().map(|key| put(partition, key)).collect();
        let table = |table| self.local.table_name(table).to_owned();
        let mut requests = HashMap::new();
        requests.insert(table(Table::Principals), writes("principal", keys));
        requests.insert(
            table(Table::Resources),
            writes("resource_key", resource_keys),
        );
        requests.retain(|_, writes: &mut Vec<WriteRequest>| !writes.is_empty());
        let batch = self.dynamodb.batch_write_item();
        batch.set_request_items(Some(requests))
    }

    /// The event keys that are really in a table.
    async fn stored(&self, table: Table) -> BTreeSet<String> {
        let scan = self.local.dynamodb_client().scan();
        let scan = scan.table_name(self.local.table_name(table));
        let items = scan.into_paginator().items().send();
        let items: Vec<_> = items.try_collect().await.unwrap();
        items.iter().map(event_key).collect()
    }

    /// How often each kind of fault has happened.
    fn faults(&self) -> BTreeMap<FaultKind, u64> {
        self.proxy.counts().faults
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn put(partition_key: &str, event_key: &str) -> WriteRequest {
    let put = PutRequest::builder()
        .item(partition_key, text("p"))
        .item("event_key", text(event_key))
        .item("padding", text("\"quoted\" \u{e9}\u{1f600}\n"));
    let put = put.build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

fn event_key(item: &HashMap<String, AttributeValue>) -> String {
    item["event_key"].as_s().unwrap().clone()
}

fn unprocessed(output: &BatchWriteItemOutput) -> BTreeMap<String, BTreeSet<String>> {
    let tables = output.unprocessed_items().into_iter().flatten();
    tables
        .map(|(table, writes)| {
            let puts = writes.iter().map(|write| write.put_request().unwrap());
            (
                table.clone(),
                puts.map(|put| event_key(put.item())).collect(),
            )
        })
        .collect()
}

fn keys<const N: usize>(keys: [&str; N]) -> BTreeSet<String> {
    keys.map(str::to_owned).into()
}

async fn until(condition: impl AsyncFn() -> bool) {
    tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

/// Whether the connection was reset, not merely closed.
fn is_reset(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::ConnectionReset;
        }
        cause = error.source();
    }
    false
}

fn noise(length: usize) -> Vec<u8> {
    let mut noise = vec![0; length];
    fastrand::Rng::with_seed(1).fill(&mut noise);
    noise
}

#[tokio::test]
async fn ok_objects_go_through_as_they_are() {
    let setup = Setup::start(|_| None).await;
    // More than any buffer on the way takes.
    let body = noise(20 * 1024 * 1024);
    let stored = setup.local.put_object("trail", KEY, &body).await.unwrap();

    // The embedded S3 checks the signature of each request: of path, query, Host and headers.
    let get = |client: &s3::Client| client.get_object().bucket("trail").key(KEY);
    let direct = get(setup.local.s3_client()).send().await.unwrap();
    let proxied = get(&setup.s3).send().await.unwrap();
    assert_eq!(proxied.e_tag(), direct.e_tag());
    assert_eq!(proxied.content_length(), direct.content_length());
    assert_eq!(proxied.content_type(), direct.content_type());
    assert_eq!(proxied.last_modified(), direct.last_modified());
    assert_eq!(proxied.metadata(), direct.metadata());
    assert_eq!(
        proxied.e_tag().unwrap().trim_matches('"'),
        stored.e_tag.as_str()
    );
    assert!(proxied.body.collect().await.unwrap().into_bytes() == body);

    let part = get(&setup.s3)
        .range("bytes=9999990-9999999")
        .send()
        .await
        .unwrap();
    assert_eq!(part.content_range(), Some("bytes 9999990-9999999/20971520"));
    let part = part.body.collect().await.unwrap().into_bytes();
    assert_eq!(part, body[9_999_990..10_000_000]);

    let head = setup.s3.head_object().bucket("trail").key(KEY);
    assert_eq!(
        head.send().await.unwrap().content_length(),
        Some(20_971_520)
    );

    let put = setup.s3.put_object().bucket("trail").key("put");
    put.body(body.clone().into()).send().await.unwrap();
    let put = setup
        .local
        .s3_client()
        .get_object()
        .bucket("trail")
        .key("put");
    let put = put.send().await.unwrap().body.collect().await.unwrap();
    assert!(put.into_bytes() == body);

    let listed = setup
        .s3
        .list_objects_v2()
        .bucket("trail")
        .prefix("AWSLogs/o-");
    assert_eq!(listed.send().await.unwrap().contents()[0].key(), Some(KEY));

    let missing = setup.s3.get_object().bucket("trail").key("none");
    let missing = missing.send().await.unwrap_err().into_service_error();
    assert!(
        matches!(missing, GetObjectError::NoSuchKey(_)),
        "{missing:?}"
    );

    let counts = setup.proxy.counts();
    let requests = [
        ("GetObject", 3),
        ("HeadObject", 1),
        ("ListObjectsV2", 1),
        ("PutObject", 1),
    ];
    let requests = requests.map(|(operation, count)| (operation.to_owned(), count));
    assert_eq!(counts.requests, BTreeMap::from(requests));
    assert_eq!(counts.faults, BTreeMap::new());
    setup.proxy.stop().await;
    assert!(get(&setup.s3).send().await.is_err());
    assert!(get(setup.local.s3_client()).send().await.is_ok());
}

#[tokio::test]
async fn ok_items_go_through_as_they_are() {
    let setup = Setup::start(|_| None).await;
    let output = setup.batch(&["1", "2"], &["3"]).send().await.unwrap();
    assert_eq!(unprocessed(&output), BTreeMap::new());
    assert_eq!(setup.stored(Table::Principals).await, keys(["1", "2"]));
    let query = |client: &dynamodb::Client| {
        let query = client.query();
        query
            .table_name(setup.local.table_name(Table::Principals))
            .key_condition_expression("principal = :p")
            .expression_attribute_values(":p", text("p"))
            .send()
    };
    let direct = query(setup.local.dynamodb_client()).await.unwrap();
    assert_eq!(direct.count(), 2);
    assert_eq!(query(&setup.dynamodb).await.unwrap().items, direct.items);

    let refused = setup.batch(&["1", "1"], &[]).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    let requests = setup.proxy.counts().requests;
    assert_eq!(requests["BatchWriteItem"], 2);
    assert_eq!(requests["Query"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_many_requests_at_once() {
    let seen = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let numbers = std::sync::Arc::clone(&seen);
    let setup = Setup::start(move |request| {
        numbers.lock().unwrap().insert(request.number);
        None
    })
    .await;
    let body = noise(300_000);
    setup.local.put_object("trail", KEY, &body).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..40 {
        let event_keys: Vec<String> = (0..25).map(|put| format!("{task}-{put}")).collect();
        let event_keys: Vec<&str> = event_keys.iter().map(String::as_str).collect();
        let batch = setup.batch(&event_keys, &[]);
        let get = setup.s3.get_object().bucket("trail").key(KEY);
        let body = body.clone();
        tasks.spawn(async move {
            let (output, object) = tokio::join!(batch.send(), get.send());
            assert_eq!(unprocessed(&output.unwrap()), BTreeMap::new());
            let object = object.unwrap().body.collect().await.unwrap();
            assert!(object.into_bytes() == body);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(setup.stored(Table::Principals).await.len(), 40 * 25);
    assert_eq!(*seen.lock().unwrap(), (1..=80).collect());
}

#[tokio::test]
async fn ok_a_plan_sees_what_is_asked() {
    let requests = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&requests);
    let setup = Setup::start(move |request| {
        seen.lock().unwrap().push(request.clone());
        None
    })
    .await;
    let object = setup.s3.get_object().bucket("trail").key("a b");
    object.send().await.unwrap_err();
    setup.batch(&["1", "2"], &["3"]).send().await.unwrap();
    let item = setup.dynamodb.put_item();
    let item = item.table_name(setup.local.table_name(Table::Principals));
    let item = item
        .item("principal", text("p"))
        .item("event_key", text("4"));
    item.send().await.unwrap();

    let requests = requests.lock().unwrap();
    let [object, batch, item] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!((object.number, object.service), (1, AwsService::S3));
    assert_eq!(object.operation, "GetObject");
    assert_eq!(object.path(), "/trail/a%20b");
    assert!(object.tables.is_empty() && object.puts.is_empty());

    assert_eq!((batch.number, batch.service), (2, AwsService::DynamoDb));
    assert_eq!(batch.operation, "BatchWriteItem");
    let tables = [Table::Principals, Table::Resources].map(|table| setup.local.table_name(table));
    assert_eq!(batch.tables, tables);
    let puts = batch.puts.iter();
    let puts = puts.map(|put| (put.table.as_str(), put.text("event_key").unwrap()));
    assert_eq!(
        puts.collect::<Vec<_>>(),
        [(tables[0], "1"), (tables[0], "2"), (tables[1], "3")]
    );

    assert_eq!((item.number, item.operation.as_str()), (3, "PutItem"));
    assert_eq!(item.tables, tables[..1]);
    assert_eq!(item.puts[0].text("event_key"), Some("4"));
    assert_eq!(item.puts[0].text("none"), None);
}

async fn get_object(
    fault: Fault,
) -> (
    Setup,
    Result<s3::primitives::ByteStream, SdkError<GetObjectError>>,
) {
    let setup = Setup::start_with(fault).await;
    setup
        .local
        .put_object("trail", KEY, b"0123456789")
        .await
        .unwrap();
    let object = setup.s3.get_object().bucket("trail").key(KEY).send().await;
    let body = object.map(|object| {
        assert_eq!(object.content_length(), Some(10));
        object.body
    });
    // The fault is this request's alone.
    let again = setup.s3.get_object().bucket("trail").key(KEY).send().await;
    let again = again.unwrap().body.collect().await.unwrap().into_bytes();
    assert_eq!(again, "0123456789");
    (setup, body)
}

#[tokio::test]
async fn err_s3_refuses() {
    let rows = [
        (Fault::Status500, 500, "InternalError"),
        (Fault::Status503, 503, "ServiceUnavailable"),
        (
            Fault::Throttle(ThroughputLimit::AccountLimit),
            503,
            "SlowDown",
        ),
    ];
    for (fault, status, code) in rows {
        let kind = fault.kind();
        let (setup, body) = get_object(fault).await;
        let error = body.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), status);
        assert_eq!(error.code(), Some(code));
        assert_eq!(setup.faults(), BTreeMap::from([(kind, 1)]));
    }
}

#[tokio::test]
async fn err_s3_resets_the_connection() {
    for fault in [Fault::ResetBefore, Fault::ResetAfterApply] {
        let kind = fault.kind();
        let (setup, body) = get_object(fault).await;
        let error = body.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert!(is_reset(&error), "{error:?}");
        assert_eq!(setup.faults(), BTreeMap::from([(kind, 1)]));
    }
}

#[tokio::test]
async fn err_s3_cuts_the_body() {
    for (length, arriving) in [(0, 0), (4, 4), (9, 9), (10, 9), (usize::MAX, 9)] {
        let (setup, body) = get_object(Fault::CutBody(length)).await;
        let mut body = body.unwrap();
        let mut arrived = Vec::new();
        let error = loop {
            match body.next().await.expect("a cut body ends with an error") {
                Ok(bytes) => arrived.extend(bytes),
                Err(error) => break error,
            }
        };
        assert_eq!(arrived, b"0123456789"[..arriving], "{error:?}");
        assert!(!is_reset(&error), "{error:?}");
        assert_eq!(setup.faults(), BTreeMap::from([(FaultKind::CutBody, 1)]));
    }
}

#[tokio::test]
async fn err_s3_cuts_a_large_body() {
    let setup = Setup::start_with(Fault::CutBody(15_000_001)).await;
    let body = noise(20_000_000);
    setup.local.put_object("trail", KEY, &body).await.unwrap();
    let object = setup.s3.get_object().bucket("trail").key(KEY);
    let mut object = object.send().await.unwrap();
    assert_eq!(object.content_length(), Some(20_000_000));
    let mut arrived = Vec::new();
    while let Some(Ok(bytes)) = object.body.next().await {
        arrived.extend(bytes);
    }
    assert!(arrived.len() <= 15_000_001);
    assert!(body.starts_with(&arrived));
}

#[tokio::test]
async fn ok_an_empty_body_is_not_cut() {
    let setup = Setup::start_with(Fault::CutBody(0)).await;
    setup.local.put_object("trail", KEY, b"").await.unwrap();
    let object = setup.s3.get_object().bucket("trail").key(KEY);
    let object = object.send().await.unwrap().body.collect().await.unwrap();
    assert!(object.into_bytes().is_empty());
    assert_eq!(setup.faults(), BTreeMap::new());
}

async fn write_batch(fault: Fault) -> (Setup, SdkError<BatchWriteItemError>) {
    let kind = fault.kind();
    let setup = Setup::start_with(fault).await;
    let error = setup.batch(&["1", "2"], &["3"]).send().await.unwrap_err();
    assert_eq!(setup.faults(), BTreeMap::from([(kind, 1)]));
    (setup, error)
}

async fn assert_applied(setup: &Setup, applied: bool) {
    let (principals, resources) = if applied {
        (keys(["1", "2"]), keys(["3"]))
    } else {
        (keys([]), keys([]))
    };
    assert_eq!(setup.stored(Table::Principals).await, principals);
    assert_eq!(setup.stored(Table::Resources).await, resources);
    setup.batch(&["1", "2"], &["3"]).send().await.unwrap();
    assert_eq!(setup.stored(Table::Principals).await, keys(["1", "2"]));
    assert_eq!(setup.stored(Table::Resources).await, keys(["3"]));
}

#[tokio::test]
async fn err_dynamodb_fails() {
    let (setup, error) = write_batch(Fault::Status500).await;
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 500);
    let error = error.into_service_error();
    assert!(error.is_internal_server_error(), "{error:?}");
    assert_applied(&setup, false).await;

    let (setup, error) = write_batch(Fault::Status503).await;
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
    assert_eq!(error.code(), Some("ServiceUnavailable"));
    assert_applied(&setup, false).await;
}

#[tokio::test]
async fn err_dynamodb_throttles_and_says_why() {
    for limit in ThroughputLimit::ALL {
        let (setup, error) = write_batch(Fault::Throttle(limit)).await;
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
        let reasons = match error.into_service_error() {
            BatchWriteItemError::ProvisionedThroughputExceededException(error) => {
                assert_eq!(limit, ThroughputLimit::ProvisionedThroughput);
                error.throttling_reasons
            }
            BatchWriteItemError::ThrottlingException(error) => {
                assert_ne!(limit, ThroughputLimit::ProvisionedThroughput);
                assert_ne!(limit, ThroughputLimit::AccountLimit);
                error.throttling_reasons
            }
            BatchWriteItemError::RequestLimitExceeded(error) => {
                assert_eq!(limit, ThroughputLimit::AccountLimit);
                error.throttling_reasons
            }
            error => panic!("{error:?}"),
        };
        let reason = match limit {
            ThroughputLimit::ProvisionedThroughput => "TableWriteProvisionedThroughputExceeded",
            ThroughputLimit::KeyRangeThroughput => "TableWriteKeyRangeThroughputExceeded",
            ThroughputLimit::AccountLimit => "TableWriteAccountLimitExceeded",
            ThroughputLimit::MaxOnDemandThroughput => "TableWriteMaxOnDemandThroughputExceeded",
        };
        let reasons = reasons.unwrap();
        for (table, told) in [Table::Principals, Table::Resources].iter().zip(&reasons) {
            let table = setup.local.table_name(*table);
            let table = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}");
            assert_eq!(told.resource(), Some(table.as_str()));
            assert_eq!(told.reason(), Some(reason));
        }
        assert_eq!(reasons.len(), 2);
        assert_applied(&setup, false).await;
    }
}

#[tokio::test]
async fn err_dynamodb_throttles_a_read() {
    let setup = Setup::start_with(Fault::Throttle(ThroughputLimit::KeyRangeThroughput)).await;
    let get = setup.dynamodb.get_item();
    let get = get.table_name(setup.local.table_name(Table::Ledger));
    let get = get.key("folder", text("f")).key("object_key", text("o"));
    let error = dynamodb::Error::from(get.send().await.unwrap_err());
    let dynamodb::Error::ThrottlingException(error) = error else {
        panic!("{error:?}");
    };
    let [reason] = error.throttling_reasons() else {
        panic!("{error:?}");
    };
    assert_eq!(reason.reason(), Some("TableReadKeyRangeThroughputExceeded"));
    assert!(
        reason
            .resource()
            .unwrap()
            .ends_with(":table/redtrail-ledger")
    );
}

#[tokio::test]
async fn err_dynamodb_resets_the_connection() {
    for (fault, applied) in [(Fault::ResetBefore, false), (Fault::ResetAfterApply, true)] {
        let (setup, error) = write_batch(fault).await;
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert!(is_reset(&error), "{error:?}");
        assert_applied(&setup, applied).await;
    }
}

#[tokio::test]
async fn err_dynamodb_cuts_its_answer() {
    for length in [0, 1, usize::MAX] {
        let (setup, error) = write_batch(Fault::CutBody(length)).await;
        assert!(matches!(error, SdkError::ResponseError(_)), "{error:?}");
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 200);
        assert_applied(&setup, true).await;
    }
}

#[tokio::test]
async fn ok_a_delayed_request_is_applied_though_nobody_waits() {
    let setup = Setup::start_with(Fault::Delay(Duration::from_secs(1))).await;
    let client = tokio::spawn(setup.batch(&["1", "2"], &["3"]).send());
    until(async || setup.faults().contains_key(&FaultKind::Delay)).await;
    client.abort();
    until(async || !setup.stored(Table::Resources).await.is_empty()).await;
    assert_applied(&setup, true).await;

    let setup = Setup::start_with(Fault::Delay(Duration::from_millis(20))).await;
    setup.batch(&["1", "2"], &["3"]).send().await.unwrap();
    assert_applied(&setup, true).await;
}

#[tokio::test]
async fn ok_exactly_the_named_puts_are_left_unprocessed() {
    let setup = Setup::start_with(Fault::Unprocessed([1, 2].into())).await;
    let output = setup.batch(&["1", "2"], &["3", "4"]).send().await.unwrap();
    let table = |table| setup.local.table_name(table).to_owned();
    assert_eq!(
        unprocessed(&output),
        BTreeMap::from([
            (table(Table::Principals), keys(["2"])),
            (table(Table::Resources), keys(["3"])),
        ])
    );
    assert_eq!(setup.stored(Table::Principals).await, keys(["1"]));
    assert_eq!(setup.stored(Table::Resources).await, keys(["4"]));

    // What came back is what was sent: written as it is, it completes the batch.
    let left = output.unprocessed_items.unwrap();
    let principals = &left[&table(Table::Principals)];
    assert_eq!(principals.as_slice(), [put("principal", "2")]);
    let rest = setup.dynamodb.batch_write_item();
    let output = rest.set_request_items(Some(left)).send().await.unwrap();
    assert_eq!(unprocessed(&output), BTreeMap::new());
    assert_eq!(setup.stored(Table::Principals).await, keys(["1", "2"]));
    assert_eq!(setup.stored(Table::Resources).await, keys(["3", "4"]));
    let faults = BTreeMap::from([(FaultKind::Unprocessed, 1)]);
    assert_eq!(setup.faults(), faults);
}

#[tokio::test]
async fn ok_a_whole_batch_is_left_unprocessed() {
    let setup = Setup::start_with(Fault::Unprocessed([0, 1].into())).await;
    let output = setup.batch(&["1"], &["2"]).send().await.unwrap();
    assert_eq!(unprocessed(&output).len(), 2);
    assert_eq!(setup.stored(Table::Principals).await, keys([]));
    assert_eq!(setup.stored(Table::Resources).await, keys([]));
}

#[tokio::test]
async fn ok_what_is_no_batch_is_processed() {
    let setup = Setup::start_with(Fault::Unprocessed([0].into())).await;
    let item = setup.dynamodb.put_item();
    let item = item.table_name(setup.local.table_name(Table::Principals));
    let item = item
        .item("principal", text("p"))
        .item("event_key", text("1"));
    item.send().await.unwrap();
    assert_eq!(setup.stored(Table::Principals).await, keys(["1"]));
    assert_eq!(setup.faults(), BTreeMap::new());
}

#[tokio::test]
async fn err_what_the_server_refuses_stays_refused() {
    let setup = Setup::start_with(Fault::Unprocessed([0].into())).await;
    let refused = setup.batch(&["1", "2", "2"], &[]).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

#[tokio::test]
async fn ok_an_item_that_is_never_written() {
    let setup =
        Setup::start(|request| request.unprocessed(|put| put.text("event_key") == Some("never")))
            .await;
    let output = setup.batch(&["1", "never"], &["2"]).send().await.unwrap();
    let mut left = output.unprocessed_items;
    for _ in 0..5 {
        let again = setup.dynamodb.batch_write_item();
        let again = again.set_request_items(left).send().await.unwrap();
        let named = unprocessed(&again);
        assert_eq!(named.into_values().collect::<Vec<_>>(), [keys(["never"])]);
        left = again.unprocessed_items;
    }
    assert_eq!(setup.stored(Table::Principals).await, keys(["1"]));
    assert_eq!(setup.stored(Table::Resources).await, keys(["2"]));
    setup.batch(&["3"], &[]).send().await.unwrap();
    assert_eq!(
        setup.faults(),
        BTreeMap::from([(FaultKind::Unprocessed, 6)])
    );
}

#[tokio::test]
async fn ok_a_client_is_killed_at_the_request_that_is_held() {
    for (fault, applied) in [(Fault::HoldBefore, false), (Fault::HoldAfterApply, true)] {
        let kind = fault.kind();
        let setup = Setup::start(move |request| (request.number == 2).then(|| fault.clone())).await;
        setup.batch(&["0"], &[]).send().await.unwrap();
        let client = tokio::spawn(setup.batch(&["1", "2"], &["3"]).send());
        let held = tokio::time::timeout(PATIENCE, setup.proxy.held())
            .await
            .unwrap();
        assert_eq!((held.number, held.puts.len()), (2, 3));
        assert_eq!(
            setup.stored(Table::Resources).await.len(),
            usize::from(applied)
        );
        assert!(!client.is_finished());
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        // The proxy goes on, and what was held is not carried out later.
        setup.batch(&["4"], &[]).send().await.unwrap();
        let stored = if applied {
            keys(["0", "1", "2", "4"])
        } else {
            keys(["0", "4"])
        };
        assert_eq!(setup.stored(Table::Principals).await, stored);
        assert_eq!(setup.faults(), BTreeMap::from([(kind, 1)]));
    }
}

#[tokio::test]
async fn ok_at_random_faults_all_is_written_in_the_end() {
    let random = RandomFaults { seed: 1, rate: 0.5 };
    let setup = Setup::start(move |request| random.fault(request)).await;
    let mut expected = BTreeSet::new();
    for number in 0..60 {
        let event_keys = [format!("{number}-a"), format!("{number}-b")];
        let batch = setup.batch(&[&event_keys[0], &event_keys[1]], &[]);
        let mut left = batch.get_request_items().clone();
        while left.as_ref().is_some_and(|left| !left.is_empty()) {
            let batch = setup.dynamodb.batch_write_item();
            if let Ok(output) = batch.set_request_items(left.clone()).send().await {
                left = output.unprocessed_items;
            }
        }
        expected.extend(event_keys);
    }
    assert_eq!(setup.stored(Table::Principals).await, expected);
    let faults = setup.faults();
    assert_eq!(faults.len(), 8, "{faults:?}");
    let requests = setup.proxy.counts().requests["BatchWriteItem"];
    assert!(requests > faults.values().sum(), "{requests} {faults:?}");
}
