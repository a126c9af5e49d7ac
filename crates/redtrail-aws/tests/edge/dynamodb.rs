//! Items written to a DynamoDB that throttles, refuses, leaves over and breaks off.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use redtrail_aws::{
    clients::{self, http_client},
    dynamodb::{DynamoDbStore, TableNames},
    timer::TokioTimer,
};
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, error_chain},
    item::Put,
    writer::{Effort, Writer},
};
use redtrail_model::Table;
use serde_json::{Value, json};

use crate::{
    connection,
    http_server::{Answer, Request, Server},
};

const PLENTY: Duration = Duration::from_secs(30);
const WRITE: EdgeErrorKind = EdgeErrorKind::Denied {
    permission: "dynamodb:BatchWriteItem",
};

async fn put_all(server: &Server, puts: Vec<Put>, time: Duration) -> Result<(), EdgeError> {
    put_all_in(&store(server), puts, time).await
}

fn store(server: &Server) -> DynamoDbStore {
    let names = TableNames {
        principals: "stack-principals".to_owned(),
        resources: "stack-resources".to_owned(),
        directory: "stack-directory".to_owned(),
        ledger: "stack-ledger".to_owned(),
    };
    let client = clients::dynamodb(&connection(server), http_client());
    DynamoDbStore::new(client, names)
}

async fn put_all_in(
    store: &DynamoDbStore,
    puts: Vec<Put>,
    time: Duration,
) -> Result<(), EdgeError> {
    let writer = Writer {
        store,
        timer: &TokioTimer,
        effort: &Effort::default(),
    };
    writer.put_all(puts, Instant::now() + time).await
}

fn put(table: Table, partition: &str, sort: usize, further: Value) -> Put {
    let schema = table.schema();
    let mut item = json!({ "further": further });
    item[schema.partition_key] = partition.into();
    item[schema.sort_key] = format!("{sort:05}").into();
    Put::new(table, serde_dynamo::to_item(item).unwrap())
}

fn puts(count: usize) -> Vec<Put> {
    (0..count)
        .map(|n| put(Table::Principals, &format!("p{}", n % 7), n, json!(n)))
        .collect()
}

fn error(status: u16, code: &str) -> Answer {
    let body =
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "."});
    Answer::reply(status, body.to_string())
}

/// What a request puts, as table, keys and item; it puts and does nothing else.
fn requested(request: &Request) -> Vec<((String, String, String), Value)> {
    assert_eq!(
        request.headers["x-amz-target"],
        "DynamoDB_20120810.BatchWriteItem"
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let tables = body["RequestItems"].as_object().unwrap();
    let writes = tables.iter().flat_map(|(table, writes)| {
        writes
            .as_array()
            .unwrap()
            .iter()
            .map(move |write| (table, write.as_object().unwrap()))
    });
    let all: Vec<_> = writes
        .map(|(table, write)| {
            assert_eq!(write.keys().collect::<Vec<_>>(), ["PutRequest"]);
            let item = &write["PutRequest"]["Item"];
            let schema = redtrail_model::TABLES
                .iter()
                .find(|schema| format!("stack-{:?}", schema.table).to_lowercase() == *table)
                .unwrap();
            let key = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
            (
                (
                    table.clone(),
                    key(schema.partition_key),
                    key(schema.sort_key),
                ),
                item.clone(),
            )
        })
        .collect();
    assert!(!all.is_empty() && all.len() <= 25, "{} requests", all.len());
    let keys: BTreeSet<_> = all.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), all.len(), "a key twice in one request");
    all
}

fn unprocessed(left: &[((String, String, String), Value)]) -> Answer {
    let mut tables: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for ((table, ..), item) in left {
        tables
            .entry(table)
            .or_default()
            .push(json!({"PutRequest": {"Item": item}}));
    }
    Answer::reply(200, json!({ "UnprocessedItems": tables }).to_string())
}

#[tokio::test]
async fn ok_items_cross_over_faithfully() {
    let server = Server::start(|_| unprocessed(&[])).await;
    let further = json!({
        "text": "\u{0}\"é\u{1f600}", "empty": "", "yes": true, "number": -12, "none": null,
        "list": ["a", {"b": []}], "large": u64::MAX,
    });
    let all = [
        Table::Principals,
        Table::Resources,
        Table::Directory,
        Table::Ledger,
    ]
    .map(|table| put(table, "who", 1, further.clone()));
    put_all(&server, all.into(), PLENTY).await.unwrap();
    let [request] = &server.requests()[..] else {
        panic!("one request is enough")
    };
    let found = requested(request);
    let tables: Vec<_> = found
        .iter()
        .map(|((table, ..), _)| table.as_str())
        .collect();
    assert_eq!(
        tables,
        [
            "stack-directory",
            "stack-ledger",
            "stack-principals",
            "stack-resources"
        ]
    );
    for (_, item) in found {
        let further = &item["further"]["M"];
        assert_eq!(further["text"], json!({"S": "\u{0}\"é\u{1f600}"}));
        assert_eq!(further["empty"], json!({"S": ""}));
        assert_eq!(further["yes"], json!({"BOOL": true}));
        assert_eq!(further["number"], json!({"N": "-12"}));
        assert_eq!(further["none"], json!({"NULL": true}));
        assert_eq!(
            further["list"],
            json!({"L": [{"S": "a"}, {"M": {"b": {"L": []}}}]})
        );
        assert_eq!(further["large"], json!({"N": "18446744073709551615"}));
    }
}

/// A table that takes only a few items of each request, until none is left.
#[tokio::test]
async fn ok_what_is_left_over_is_sent_again_and_nothing_else() {
    let written = Arc::new(Mutex::new(BTreeMap::new()));
    let table = Arc::clone(&written);
    let mut take = 0;
    let server = Server::start(move |request| {
        let mut all = requested(request);
        take = (take + 5) % 13;
        let left = all.split_off(take.min(all.len()));
        for (key, item) in all {
            assert!(
                table.lock().unwrap().insert(key, item).is_none(),
                "sent again"
            );
        }
        unprocessed(&left)
    })
    .await;
    put_all(&server, puts(137), PLENTY).await.unwrap();
    let written = written.lock().unwrap();
    assert_eq!(written.len(), 137);
    for ((_, _, sort), item) in written.iter() {
        assert_eq!(
            item["further"]["N"],
            sort.parse::<usize>().unwrap().to_string()
        );
    }
}

#[tokio::test]
async fn ok_of_one_key_the_last_put_is_sent() {
    let server = Server::start(|request| {
        requested(request);
        unprocessed(&[])
    })
    .await;
    let same = |further| put(Table::Ledger, "folder", 1, json!(further));
    put_all(&server, vec![same(1), same(2), same(3)], PLENTY)
        .await
        .unwrap();
    let sent: Vec<_> = server.requests().iter().flat_map(requested).collect();
    let [(_, item)] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(item["further"]["N"], "3");
}

#[tokio::test]
async fn ok_whole_requests_that_fail_are_sent_again() {
    let mut answers = vec![
        error(400, "ProvisionedThroughputExceededException"),
        error(400, "ThrottlingException"),
        error(400, "RequestLimitExceeded"),
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        Answer::reply(503, "no JSON"),
        Answer::Reset,
    ];
    let expected = answers.len() + 1;
    let server = Server::start(move |_| answers.pop().unwrap_or_else(|| unprocessed(&[]))).await;
    put_all(&server, puts(20), PLENTY).await.unwrap();
    let requests = server.requests();
    assert!(requests.len() >= expected, "{} requests", requests.len());
    let first = requested(&requests[0]);
    assert!(
        requests
            .iter()
            .all(|request| requested(request).len() == first.len())
    );
}

/// Two at once with items for batches of their own, of which each would send four.
#[tokio::test]
async fn ok_requests_at_once_hold_a_bound_of_bytes() {
    let server = Server::start(|_| Answer::Silence).await;
    let store = store(&server);
    let large = |n| put(Table::Principals, "p", n, json!("x".repeat(300_000)));
    let time = Duration::from_millis(500);
    let (first, second) = tokio::join!(
        put_all_in(&store, (0..20).map(large).collect(), time),
        put_all_in(&store, (20..40).map(large).collect(), time / 2),
    );
    assert!(first.is_err() && second.is_err());
    assert_eq!(server.requests().len(), 3);
    // What no longer waits for an answer takes no room.
    assert!(put_all_in(&store, vec![large(0)], time).await.is_err());
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn err_gives_up_when_time_is_up() {
    for answer in [
        error(400, "ProvisionedThroughputExceededException"),
        error(500, "InternalServerError"),
        Answer::Reset,
        Answer::Silence,
    ] {
        let always = answer.clone();
        let server = Server::start(move |_| always.clone()).await;
        check_time_is_up(&server, &format!("{answer:?}")).await;
    }
    let server = Server::start(|request| unprocessed(&requested(request))).await;
    check_time_is_up(&server, "all items left over").await;
}

async fn check_time_is_up(server: &Server, what: &str) {
    let started = Instant::now();
    let error = put_all(server, puts(60), Duration::from_millis(700))
        .await
        .unwrap_err();
    let took = started.elapsed();
    assert_eq!(error.kind, EdgeErrorKind::OutOfTime, "{what}");
    let told = error_chain(&error);
    let is_told = told.contains("stack-principals");
    assert!(is_told || !what.contains("Reply"), "{what}: {told}");
    assert!(took < Duration::from_millis(1700), "{what} took {took:?}");
    // Three batches, backing off from 50 ms up.
    let requests = server.requests().len();
    assert!((3..200).contains(&requests), "{what}: {requests} requests");
}

#[tokio::test]
async fn err_what_no_retry_mends_fails_at_once() {
    for (code, kind) in [
        ("AccessDeniedException", WRITE),
        ("ValidationException", EdgeErrorKind::Refused),
        ("ResourceNotFoundException", EdgeErrorKind::Missing),
    ] {
        let server = Server::start(move |_| error(400, code)).await;
        let started = Instant::now();
        let found = put_all(&server, puts(5), PLENTY).await.unwrap_err();
        assert_eq!(found.kind, kind, "{code}");
        assert_eq!(server.requests().len(), 1, "{code}");
        assert!(started.elapsed() < Duration::from_secs(5), "{code}");
    }
}
