//! A resource asked for by its ARN, of which AWS logged some events by name only.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::time::{Duration, Instant};

use redtrail_aws::{
    answer::Answer,
    dynamodb::{DynamoDbStore, TableNames},
    names::names,
    query::{EventQuery, Filter, Key, Order, Subset, Window},
    reader::Reader,
    timer::TokioTimer,
};
use redtrail_core::{
    directory, item,
    log_reader::RawRecord,
    normalize::audit_event,
    retention::Retention,
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_local::{LocalAws, LocalAwsOptions};
use redtrail_model::{Origin, Table};
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../../../template.yaml");

fn arn(id: u32) -> String {
    format!(
        "arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/0000000{id}-aaaa-4bbb-8ccc-0123456789ab"
    )
}

/// A call at that hour for the workgroup `reports`; the response of a write shows its ARN.
fn call(hour: u32, name: &str, shown: Option<u32>) -> Value {
    let response = shown.map(|id| {
        json!({"workgroup": {"workgroupName": "reports", "workgroupArn": arn(id), "workgroupId": id.to_string()}})
    });
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana", "accountId": "111122223333"},
        "eventTime": format!("2026-03-02T{hour:02}:00:00Z"),
        "eventSource": "redshift-serverless.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "requestParameters": {"workgroupName": "reports"},
        "responseElements": response,
        "eventID": format!("event-{hour}"),
        "readOnly": name.starts_with("Get"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
    })
}

/// A workgroup that is asked about, made, used, deleted, and made anew under its name.
fn story() -> Vec<Value> {
    vec![
        call(1, "GetWorkgroup", None),
        call(2, "CreateWorkgroup", Some(1)),
        call(3, "GetWorkgroup", None),
        call(4, "UpdateWorkgroup", Some(1)),
        call(5, "DeleteWorkgroup", Some(1)),
        call(6, "GetWorkgroup", None),
        call(7, "CreateWorkgroup", Some(2)),
        call(8, "GetWorkgroup", None),
    ]
}

async fn write(aws: &LocalAws, record: &Value) {
    let store = DynamoDbStore::new(aws.dynamodb_client().clone(), table_names(aws));
    let record = RawRecord {
        index: 0,
        offset: 0,
        bytes: record.to_string().into_bytes(),
    };
    let origin = Origin {
        bucket: "trail".into(),
        key: "k".into(),
        version: None,
        record_index: 0,
    };
    let event = audit_event(&record, &origin, &Selector::default()).unwrap();
    let mut puts = item::puts(&event, Retention::Forever).unwrap();
    puts.extend(directory::puts(&event, Retention::Forever).unwrap());
    Writer {
        store: &store,
        timer: &TokioTimer,
        effort: &Effort::default(),
    }
    .put_all(puts, Instant::now() + Duration::from_secs(30))
    .await
    .unwrap();
}

/// The hours of the events that are found by that ARN, marked `~` where by name.
async fn hours(aws: &LocalAws, id: u32, order: Order, window: Window) -> Vec<String> {
    found(aws, Key::Resource(arn(id).parse().unwrap()), order, window).await
}

fn table_names(aws: &LocalAws) -> TableNames {
    let name = |table| aws.table_name(table).to_owned();
    TableNames {
        principals: name(Table::Principals),
        resources: name(Table::Resources),
        directory: name(Table::Directory),
        ledger: name(Table::Ledger),
    }
}

/// The same for any key.
async fn found(aws: &LocalAws, key: Key, order: Order, window: Window) -> Vec<String> {
    let now = "2026-03-03T00:00:00Z".parse().unwrap();
    let reader = Reader::new(aws.dynamodb_client().clone(), table_names(aws), now);
    let names = names(&reader, &key).await.unwrap();
    let query = EventQuery {
        key,
        window,
        subset: Subset::All,
        filter: Filter::default(),
        order,
        page_size: Some(1),
    };
    let mut answer = Answer::of(&reader, vec![query], &names);
    let mut hours = Vec::new();
    while let Some(found) = answer.next().await.unwrap() {
        let hour = found.event.event_id.replace("event-", "");
        hours.push(if found.via_alias {
            format!("~{hour}")
        } else {
            hour
        });
    }
    hours
}

#[tokio::test]
async fn ok_events_by_name_are_found_for_the_time_the_pair_held() {
    let mut backwards = story();
    backwards.reverse();
    for records in [story(), backwards] {
        let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        for record in &records {
            write(&aws, record).await;
        }
        let all = Window::default();
        assert_eq!(
            hours(&aws, 1, Order::OldestFirst, all).await,
            ["2", "~3", "4", "5"]
        );
        assert_eq!(
            hours(&aws, 1, Order::NewestFirst, all).await,
            ["5", "4", "~3", "2"]
        );
        assert_eq!(hours(&aws, 2, Order::OldestFirst, all).await, ["7", "~8"]);
        let window = Window {
            since: Some("2026-03-02T03:00:00Z".parse().unwrap()),
            until: Some("2026-03-02T05:00:00Z".parse().unwrap()),
        };
        assert_eq!(
            hours(&aws, 1, Order::NewestFirst, window).await,
            ["4", "~3"]
        );
        aws.stop().await.unwrap();
    }
}

/// A namespace that other things' writes show: they neither make nor end it.
#[tokio::test]
async fn ok_what_is_merely_shown_neither_begins_nor_ends() {
    let namespace = "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/00000001-aaaa-4bbb-8ccc-0123456789ab";
    let of_namespace = |hour, name: &str, shown: bool| {
        let mut record = call(hour, name, None);
        record["requestParameters"] = json!({"namespaceName": "prod"});
        if shown {
            record["responseElements"] = json!({"snapshot": {
                "namespaceName": "prod", "namespaceArn": namespace, "snapshotName": "s",
            }});
        }
        record
    };
    let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap();
    for (hour, name, shown) in [
        (1, "GetNamespace", false),
        (2, "CreateSnapshot", true),
        (3, "DeleteSnapshot", true),
        (4, "GetNamespace", false),
    ] {
        write(&aws, &of_namespace(hour, name, shown)).await;
    }
    let key = Key::Resource(namespace.parse().unwrap());
    let found = found(&aws, key, Order::OldestFirst, Window::default()).await;
    assert_eq!(found.first().map(String::as_str), Some("~1"));
    assert_eq!(found.last().map(String::as_str), Some("~4"));
    aws.stop().await.unwrap();
}

/// A call of a role session; records name the role with its path where they have the issuer.
fn by_role(hour: u32, issuer: Option<&str>) -> Value {
    let mut record = call(hour, "GetWorkgroup", None);
    record["userIdentity"] = json!({
        "type": "AssumedRole",
        "arn": "arn:aws:sts::111122223333:assumed-role/loader/run",
        "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": issuer.map(|arn| json!({"type": "Role", "arn": arn}))},
    });
    record
}

#[tokio::test]
async fn ok_a_role_with_and_without_its_path_is_one() {
    const WITH_PATH: &str = "arn:aws:iam::111122223333:role/etl/loader";
    const WITHOUT: &str = "arn:aws:iam::111122223333:role/loader";
    let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap();
    for (hour, issuer) in [(1, None), (2, Some(WITH_PATH)), (3, None)] {
        write(&aws, &by_role(hour, issuer)).await;
    }
    for (key, expected) in [(WITH_PATH, ["~3", "2", "~1"]), (WITHOUT, ["3", "~2", "1"])] {
        let key = Key::Principal(key.parse().unwrap());
        let found = found(&aws, key, Order::NewestFirst, Window::default()).await;
        assert_eq!(found, expected);
    }
    aws.stop().await.unwrap();
}
