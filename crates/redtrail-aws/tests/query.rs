//! Questions to tables of an embedded DynamoDB that hold what the function writes.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::time::{Duration, Instant};

use redtrail_aws::{
    dynamodb::{DynamoDbStore, TableNames},
    query::{EventQuery, Filter, Key, Order, Page, PageToken, QueryError, Subset, Window, page},
    reader::Reader,
    timer::TokioTimer,
};
use redtrail_core::{
    item::puts,
    retention::Retention,
    writer::{Effort, Writer},
};
use redtrail_local::{LocalAws, LocalAwsOptions};
use redtrail_model::{AuditEvent, EventTime, Part, Table};
use serde_json::json;

const TEMPLATE: &str = include_str!("../../../template.yaml");
const PRINCIPAL: &str = "arn:aws:iam::111122223333:role/Analyst";
const CLUSTER: &str = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod";

fn at(second: u32) -> EventTime {
    format!("2023-07-10T12:30:{second:02}Z").parse().unwrap()
}

/// The event of that second, called after it.
fn event(second: u32) -> AuditEvent {
    serde_json::from_value(json!({
        "event_key": format!("{}#e{second}", at(second)), "event_id": format!("e{second}"),
        "event_time": at(second), "event_source": "redshift.amazonaws.com",
        "event_name": "GetClusterCredentials", "principal": PRINCIPAL,
        "by_aws_service": false, "request_parameters": { "dbUser": "ana" },
        "resource_arns": [format!("{CLUSTER}-{second}"), CLUSTER],
        "resource_parts": ["target", "via"],
        "selected_by": "event_source", "flags": ["unknown_operation"], "record_bytes": 1500,
        "object_bucket": "trail", "object_key": "k", "record_index": second
    }))
    .unwrap()
}

async fn tables(events: &[(AuditEvent, Retention)]) -> LocalAws {
    let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap();
    let store = DynamoDbStore::new(aws.dynamodb_client().clone(), names(&aws));
    let items = events
        .iter()
        .flat_map(|(event, retention)| puts(event, *retention).unwrap())
        .collect();
    Writer {
        store: &store,
        timer: &TokioTimer,
        effort: &Effort::default(),
    }
    .put_all(items, Instant::now() + Duration::from_secs(30))
    .await
    .unwrap();
    aws
}

fn names(aws: &LocalAws) -> TableNames {
    let name = |table| aws.table_name(table).to_owned();
    TableNames {
        principals: name(Table::Principals),
        resources: name(Table::Resources),
        directory: name(Table::Directory),
        ledger: name(Table::Ledger),
    }
}

fn reader(aws: &LocalAws, now: EventTime) -> Reader {
    Reader::new(aws.dynamodb_client().clone(), names(aws), now)
}

async fn forever(seconds: impl IntoIterator<Item = u32>) -> LocalAws {
    let events: Vec<_> = seconds
        .into_iter()
        .map(|second| (event(second), Retention::Forever))
        .collect();
    tables(&events).await
}

fn question(key: Key) -> EventQuery {
    EventQuery {
        key,
        window: Window::default(),
        subset: Subset::All,
        filter: Filter::default(),
        order: Order::NewestFirst,
        page_size: None,
    }
}

fn by_principal() -> EventQuery {
    question(Key::Principal(PRINCIPAL.parse().unwrap()))
}

async fn ask(aws: &LocalAws, query: &EventQuery, after: Option<&PageToken>) -> Page {
    page(&reader(aws, at(59)), query, after).await.unwrap()
}

fn ids(events: &[AuditEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event_id.as_str()).collect()
}

#[tokio::test]
async fn ok_events_come_back_as_they_were_written() {
    let aws = forever([7]).await;
    let found = ask(&aws, &by_principal(), None).await;
    assert_eq!(found.events, [event(7)]);
    assert_eq!(found.next, None);

    let resource = question(Key::Resource(CLUSTER.parse().unwrap()));
    let found = ask(&aws, &resource, None).await.events.remove(0);
    let [touched] = &found.touched.resources[..] else {
        panic!("{:?}", found.touched)
    };
    assert_eq!((touched.key.as_str(), touched.part), (CLUSTER, Part::Via));
    let mut expected = event(7);
    expected.touched = found.touched.clone();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn ok_page_by_page_in_either_order() {
    let aws = forever(0..5).await;
    for (order, expected) in [
        (
            Order::NewestFirst,
            [&["e4", "e3"][..], &["e2", "e1"], &["e0"]],
        ),
        (Order::OldestFirst, [&["e0", "e1"], &["e2", "e3"], &["e4"]]),
    ] {
        let query = EventQuery {
            order,
            page_size: Some(2),
            ..by_principal()
        };
        let mut after = None;
        for expected in expected {
            let page = ask(&aws, &query, after.as_ref()).await;
            assert_eq!(ids(&page.events), expected, "{order:?}");
            after = page.next;
        }
        // DynamoDB may say that a table goes on where it has just ended.
        if let Some(after) = after {
            let page = ask(&aws, &query, Some(&after)).await;
            assert!(page.events.is_empty() && page.next.is_none());
        }
    }
}

#[tokio::test]
async fn ok_a_token_travels_as_text() {
    let aws = forever(0..3).await;
    let query = EventQuery {
        page_size: Some(1),
        ..by_principal()
    };
    let first = ask(&aws, &query, None).await;
    let token: PageToken = first.next.unwrap().to_string().parse().unwrap();
    assert_eq!(ids(&ask(&aws, &query, Some(&token)).await.events), ["e1"]);
    assert!("e1".parse::<PageToken>().is_err());
}

#[tokio::test]
async fn ok_a_window_holds_its_start_and_not_its_end() {
    let aws = forever(0..5).await;
    for (since, until, expected) in [
        (Some(1), Some(3), &["e2", "e1"][..]),
        (Some(3), None, &["e4", "e3"]),
        (None, Some(1), &["e0"]),
        (Some(2), Some(2), &[]),
        (Some(3), Some(2), &[]),
        (Some(5), Some(9), &[]),
    ] {
        let window = Window {
            since: since.map(at),
            until: until.map(at),
        };
        let found = ask(
            &aws,
            &EventQuery {
                window,
                ..by_principal()
            },
            None,
        )
        .await;
        assert_eq!(ids(&found.events), expected, "{window:?}");
    }
}

#[tokio::test]
async fn expired_items_are_left_out_before_they_are_deleted() {
    let aws = tables(&[
        (event(1), Retention::Days(1)),
        (event(2), Retention::Forever),
    ])
    .await;
    let day = 24 * 60 * 60 * 1000;
    for (now, expected) in [(day - 1000, &["e2", "e1"][..]), (day, &["e2"])] {
        let now = EventTime::from_epoch_millis(at(1).epoch_millis() + now).unwrap();
        let found = page(&reader(&aws, now), &by_principal(), None).await;
        assert_eq!(ids(&found.unwrap().events), expected, "{now}");
    }
}

/// Every second event failed, every third changed its cluster.
async fn mixed() -> LocalAws {
    let events: Vec<_> = (0..12)
        .map(|second| {
            let mut event = event(second);
            event.error_code = (second % 2 == 0).then(|| "AccessDenied".into());
            event.changes_resource = second % 3 == 0;
            event.touched.resources[1].part = Part::Target;
            event.session_name = matches!(second, 5 | 7).then(|| "nightly".into());
            event.person = (second == 7).then(|| "nightly".into());
            event.read_only = (second > 8).then_some(second == 9);
            (event, Retention::Forever)
        })
        .collect();
    tables(&events).await
}

#[tokio::test]
async fn ok_failures_and_changes_come_from_their_indexes() {
    let aws = mixed().await;
    let cluster = || question(Key::Resource(CLUSTER.parse().unwrap()));
    let window = Window {
        since: Some(at(2)),
        until: Some(at(8)),
    };
    let within = |query: EventQuery| EventQuery { window, ..query };
    for (query, subset, expected) in [
        (by_principal(), Subset::Errors, "e10 e8 e6 e4 e2 e0"),
        (within(by_principal()), Subset::Errors, "e6 e4 e2"),
        (cluster(), Subset::Errors, "e10 e8 e6 e4 e2 e0"),
        (cluster(), Subset::Changes, "e9 e6 e3 e0"),
        (within(cluster()), Subset::Changes, "e6 e3"),
    ] {
        let whole = EventQuery { subset, ..query };
        let page = ask(&aws, &whole, None).await;
        assert_eq!(ids(&page.events).join(" "), expected);
        // The same, a page an event: tokens hold in an index too.
        let single = EventQuery {
            page_size: Some(1),
            ..whole
        };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = ask(&aws, &single, after.as_ref()).await;
            found.extend(ids(&page.events).into_iter().map(|id| id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.join(" "), expected);
    }
}

#[tokio::test]
async fn ok_filters() {
    let aws = mixed().await;
    let name = |name: &str| Some(name.to_owned());
    for (filter, expected) in [
        (
            Filter {
                event_name: name("GetClusterCredentials"),
                ..Filter::default()
            },
            12,
        ),
        (
            Filter {
                event_name: name("getclustercredentials"),
                ..Filter::default()
            },
            0,
        ),
        (
            Filter {
                event_source: name("redshift.amazonaws.com"),
                ..Filter::default()
            },
            12,
        ),
        (
            Filter {
                event_source: name("redshift"),
                ..Filter::default()
            },
            0,
        ),
        // Of one of them the person tells the session too.
        (
            Filter {
                session_name: name("nightly"),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                writes: true,
                ..Filter::default()
            },
            // Only one says that it is read-only; of most the record does not tell.
            11,
        ),
        (
            Filter {
                writes: true,
                session_name: name("nightly"),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                writes: true,
                session_name: name("daily"),
                ..Filter::default()
            },
            0,
        ),
    ] {
        let query = EventQuery {
            filter: filter.clone(),
            ..by_principal()
        };
        assert_eq!(
            ask(&aws, &query, None).await.events.len(),
            expected,
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn err_names_the_table_or_the_item() {
    let aws = forever([1]).await;
    let query = by_principal();
    let mut other = names(&aws);
    other.principals = "none".to_owned();
    let other = Reader::new(aws.dynamodb_client().clone(), other, at(59));
    let error = page(&other, &query, None).await.unwrap_err();
    assert!(
        matches!(&error, QueryError::NoTable { table, .. } if table == "none"),
        "{error:?}"
    );

    let mut item = puts(&event(2), Retention::Forever)
        .unwrap()
        .remove(0)
        .item();
    item.inner_mut().remove("event_name");
    let key = event(2).event_key.to_string();
    aws.dynamodb_client()
        .put_item()
        .table_name(aws.table_name(Table::Principals))
        .set_item(Some(item.into()))
        .send()
        .await
        .unwrap();
    let error = page(&reader(&aws, at(59)), &query, None).await.unwrap_err();
    assert!(
        matches!(&error, QueryError::Item { sort_key, .. } if *sort_key == key),
        "{error:?}"
    );
}
