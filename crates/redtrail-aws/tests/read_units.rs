//! What questions cost where they would be dear if they were asked badly. The embedded DynamoDB
//! charges as AWS documents it: half a unit for each started 4 KB that a Query reads.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::time::{Duration, Instant};

use redtrail_aws::{
    answer::Answer,
    dynamodb::{DynamoDbStore, TableNames},
    query::{EventQuery, Filter, Key, Order, Subset, Window},
    reader::Reader,
    timer::TokioTimer,
};
use redtrail_core::{
    item::puts,
    retention::Retention,
    writer::{Effort, Writer},
};
use redtrail_local::{LocalAws, LocalAwsOptions};
use redtrail_model::{AuditEvent, EventTime, Table};
use serde_json::json;

const TEMPLATE: &str = include_str!("../../../template.yaml");
const ROLE: &str = "arn:aws:iam::111122223333:role/Analyst";
const CLUSTER: &str = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod";
/// One item of about 900 bytes, read with others: a fifth of 4 KB, and so a tenth of a unit.
const UNITS_AN_EVENT: f64 = 0.125;

struct Tables {
    aws: LocalAws,
    names: TableNames,
}

impl Tables {
    async fn start() -> Self {
        let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        let name = |table| aws.table_name(table).to_owned();
        let names = TableNames {
            principals: name(Table::Principals),
            resources: name(Table::Resources),
            directory: name(Table::Directory),
            ledger: name(Table::Ledger),
        };
        Self { aws, names }
    }

    /// Writes the rows that these events have in one table.
    async fn write(&self, table: Table, events: impl Iterator<Item = AuditEvent>) {
        let store = DynamoDbStore::new(self.aws.dynamodb_client().clone(), self.names.clone());
        let rows = events.flat_map(|event| puts(&event, Retention::Forever).unwrap());
        let rows = rows.filter(|put| put.table == table).collect();
        Writer {
            store: &store,
            timer: &TokioTimer,
            effort: &Effort::default(),
        }
        .put_all(rows, Instant::now() + Duration::from_secs(600))
        .await
        .unwrap();
    }

    /// How many events answer, and what that cost.
    async fn cost(&self, query: EventQuery, most: usize) -> (usize, f64) {
        let client = self.aws.dynamodb_client().clone();
        let reader = Reader::new(client, self.names.clone(), at(10_000_000));
        let mut answer = Answer::of(&reader, vec![query], &[]);
        let mut found = 0;
        while found < most && answer.next().await.unwrap().is_some() {
            found += 1;
        }
        (found, reader.read_units())
    }
}

/// So many seconds after the beginning of 2026.
fn at(second: i64) -> EventTime {
    let start: EventTime = "2026-01-01T00:00:00Z".parse().unwrap();
    EventTime::from_epoch_millis(start.epoch_millis() + second * 1000).unwrap()
}

fn event(number: i64, second: i64) -> AuditEvent {
    let id = format!("{number:08}-1111-4222-8333-444444444444");
    let time = at(second);
    serde_json::from_value(json!({
        "event_key": format!("{time}#{id}"), "event_id": id, "event_time": time,
        "event_source": "redshift.amazonaws.com", "event_name": "DescribeClusters",
        "account_id": "111122223333", "aws_region": "us-east-1",
        "principal": ROLE, "identity_type": "AssumedRole",
        "session_name": format!("session-{}", number % 7),
        "access_key_id": "ASIAIOSFODNN7EXAMPLE",
        "root_or_user_credentials": false, "temporary_credentials": true,
        "by_aws_service": false, "source_ip_address": "203.0.113.7",
        "user_agent": "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux lang/python#3.13.4",
        "read_only": true, "resource_arns": [CLUSTER], "resource_parts": ["target"],
        "selected_by": "event_source", "record_bytes": 1500, "object_bucket": "trail",
        "object_key": "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/01/01/111122223333_CloudTrail_us-east-1_20260101T0005Z_aaaaaaaaaaaaaaaa.json.gz",
        "record_index": number % 50
    }))
    .unwrap()
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

#[tokio::test]
async fn ok_the_last_ten_changes_among_a_hundred_thousand_polls() {
    const POLLS: i64 = 100_000;
    let tables = Tables::start().await;
    let polled = (0..POLLS).map(|number| {
        let mut event = event(number, number * 60);
        // Twelve changes, the newest long before the newest poll.
        event.changes_resource = number % 8000 == 0 && number < 96_000;
        event
    });
    tables.write(Table::Resources, polled).await;
    let query = EventQuery {
        subset: Subset::Changes,
        page_size: Some(10),
        ..question(Key::Resource(CLUSTER.parse().unwrap()))
    };
    let (found, units) = tables.cost(query, 10).await;
    assert_eq!(found, 10);
    assert!(
        units > 0.0 && units <= 10.0 * UNITS_AN_EVENT + 0.5,
        "{units}"
    );
}

#[tokio::test]
async fn ok_six_hours_of_a_session_in_a_role_of_twenty_thousand_events() {
    // One event in two minutes: 180 in six hours, of seven sessions.
    const EVENTS: i64 = 20_000;
    const HOURS: i64 = 3600;
    let tables = Tables::start().await;
    let events = (0..EVENTS).map(|number| event(number, number * 120));
    tables.write(Table::Principals, events).await;
    let until = EVENTS / 2 * 120;
    let query = EventQuery {
        window: Window {
            since: Some(at(until - 6 * HOURS)),
            until: Some(at(until)),
        },
        filter: Filter {
            session_name: Some("session-3".to_owned()),
            ..Filter::default()
        },
        ..question(Key::Principal(ROLE.parse().unwrap()))
    };
    let (found, units) = tables.cost(query, usize::MAX).await;
    assert!((25..=26).contains(&found), "{found}");
    assert!(
        units > 0.0 && units <= 180.0 * UNITS_AN_EVENT + 0.5,
        "{units}"
    );
}
