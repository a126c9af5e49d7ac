//! The examples of docs/tables.md, run as they stand by the AWS CLI against the sample trail: each
//! gives what the Rust reader gives.

use std::{collections::BTreeSet, fs, process::Command};

use redtrail_aws::{
    names::names,
    query::{EventQuery, Filter, Key, Order, Subset, Window, page},
    reader::Reader,
};
use redtrail_core::{
    digest_entry::{DigestEntry, DigestVerdict},
    directory::{AliasFact, EdgeFact, Known, TrailFact},
    item::{self, Item, Put},
    ledger::{LedgerEntry, Verdict},
};
use redtrail_local::LocalAws;
use redtrail_model::{EventTime, Table};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    python::program,
    tables::{self, repository},
};

const TRAIL: &str = "redtrail-sample-trail/AWSLogs/o-exampleorg/444455556666/CloudTrail/eu-west-1/";
const PRODUCER: &str =
    "redtrail-sample-trail/AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/";
const LOADER: &str = "arn:aws:iam::111122223333:role/etl/nightly-loader";
const CONTRACTOR: &str = "arn:aws:iam::111122223333:user/contractors/carlos.mendes";
const OPERATOR: &str = "arn:aws-us-gov:iam::777788889999:role/archive-operator";
const CLUSTER: &str = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod";
const ARCHIVE: &str = "arn:aws-us-gov:redshift:us-gov-west-1:777788889999:cluster:records-archive";
const WORKGROUP: &str = "arn:aws:redshift-serverless:eu-west-1:444455556666:workgroup/22811c50-dd8a-47b3-8caf-58f78d734d91";
/// Lines that begin so are commands, to the end of their block or the next of them.
const PROMPT: &str = "$ ";

struct Example {
    name: String,
    script: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_the_examples_of_the_tables_document_give_what_the_rust_reader_gives() {
    let text = fs::read_to_string(repository().join("docs/tables.md")).unwrap();
    let examples = examples(&text);
    let names: BTreeSet<&str> = examples.iter().map(|example| &*example.name).collect();
    assert_eq!(names.len(), examples.len(), "{names:?}");
    assert_eq!(
        text.matches("```console").count(),
        examples.len(),
        "each has a name"
    );

    let now = now();
    let aws = tables::with_sample(now).await;
    tables::put(&aws, digests()).await;
    let reader = tables::reader(&aws, now);
    let mut running = JoinSet::new();
    for Example { name, script } in examples {
        let mut command = cli(&aws, &script);
        running.spawn_blocking(move || (name, command.output().unwrap()));
    }
    while let Some(ran) = running.join_next().await {
        let (name, output) = ran.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {stderr}");
        let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        let answers: Vec<Value> = documents.map(Result::unwrap).collect();
        let (found, expected) = both(&name, answers, &reader).await;
        assert_eq!(found, expected, "{name}");
        assert!(
            expected.as_array().is_some_and(|found| !found.is_empty()),
            "{name}: {expected}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_the_readmes_python_says_what_the_rust_reader_says() {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, block) = text.split_once("```python\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let aws = tables::with_sample(now()).await;
    let output = Command::new(program("python"))
        .args(["-c", block])
        .env_clear()
        .env("PYTHONPATH", repository().join("clients/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(aws.environment().iter())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let reader = tables::reader(&aws, now());
    let query = ask(
        Key::Resource(CLUSTER.parse().unwrap()),
        Subset::All,
        "",
        "",
        0,
    );
    let page = page(&reader, &query, None).await.unwrap();
    let lines: Vec<String> = page
        .events
        .iter()
        .map(|event| {
            let outcome = event.error_code.as_deref().unwrap_or("ok");
            format!(
                "{} {} {} {outcome}",
                event.event_time, event.principal, event.event_name
            )
        })
        .collect();
    assert!(lines.len() > 10);
    let said = String::from_utf8(output.stdout).unwrap();
    let mut said: Vec<&str> = said.lines().collect();
    let coverage = said.pop().unwrap();
    assert!(
        coverage.starts_with("Coverage(accounts=['111122223333'], regions=['us-east-1']"),
        "{coverage}"
    );
    assert_eq!(said, lines);
}

#[test]
fn ok_the_python_clients_own_tests() {
    let output = Command::new(program("python"))
        .arg(repository().join("tests/python/test_client.py"))
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

/// What the AWS CLI and the Rust reader say to an example.
async fn both(name: &str, mut answers: Vec<Value>, reader: &Reader) -> (Value, Value) {
    let answer = answers.pop().unwrap();
    let earlier = answers.pop();
    assert_eq!(answers.len(), 0, "{name}");
    let principal = |key: &str| Key::Principal(key.parse().unwrap());
    let resource = |key: &str| Key::Resource(key.parse().unwrap());
    match name {
        "next-page" => {
            let query = EventQuery {
                order: Order::OldestFirst,
                ..ask(resource(CLUSTER), Subset::All, "", "", 2)
            };
            let first = page(reader, &query, None).await.unwrap();
            let next = page(reader, &query, first.next.as_ref()).await.unwrap();
            let both = [events(earlier.unwrap()), events(answer)];
            (json(&both), json(&[first.events, next.events]))
        }
        "unexpired" => {
            told(
                answer,
                reader,
                ask(principal(CONTRACTOR), Subset::All, "", "", 0),
            )
            .await
        }
        "principal" => {
            let key = principal("AWSService:redshift.amazonaws.com");
            let query = ask(
                key,
                Subset::All,
                "2026-03-02T00:00:00Z",
                "2026-03-03T00:00:00Z",
                5,
            );
            told(answer, reader, query).await
        }
        "principal-errors" => {
            told(
                answer,
                reader,
                ask(principal(CONTRACTOR), Subset::Errors, "", "", 10),
            )
            .await
        }
        "resource" => {
            let query = ask(
                resource(CLUSTER),
                Subset::All,
                "2026-03-02T09:00:00Z",
                "",
                5,
            );
            told(answer, reader, query).await
        }
        "resource-changes" => {
            told(
                answer,
                reader,
                ask(resource(ARCHIVE), Subset::Changes, "", "", 10),
            )
            .await
        }
        "event" => {
            let query = ask(
                principal(OPERATOR),
                Subset::All,
                "2026-03-02T09:07:00Z",
                "2026-03-02T09:07:00.001Z",
                1,
            );
            told(json!({"Items": [answer["Item"]]}), reader, query).await
        }
        "attention" => {
            let mut entries = Vec::new();
            for fact in reader.trails().await.unwrap() {
                let folder = format!("{}2026/03/02/", fact.trail_folder);
                entries.extend(reader.entries(&folder).await.unwrap());
            }
            entries.retain(|entry| entry.verdict != Verdict::Accepted);
            assert!(
                entries
                    .iter()
                    .all(|entry| entry.key.folder.starts_with(PRODUCER))
            );
            (items::<LedgerEntry>(answer), json(&entries))
        }
        "last-used" => {
            let last = reader.last_used(&principal(LOADER)).await.unwrap();
            (items::<EdgeFact>(answer), json(&Vec::from_iter(last)))
        }
        "used-on-a-day" => {
            let key = LOADER.parse().unwrap();
            let used = reader.used_by(&key, "2026-03-02").await.unwrap();
            (items::<EdgeFact>(answer), json(&used))
        }
        "last-user" => {
            let last = reader.last_used(&resource(CLUSTER)).await.unwrap();
            (items::<EdgeFact>(answer), json(&Vec::from_iter(last)))
        }
        "active" => {
            let active = reader.active("2026-03-02").await.unwrap();
            (items::<EdgeFact>(answer), json(&active))
        }
        "acted-as" => {
            let acted = reader.acted_as(Known::Person, "ana.lopez@example.com");
            (items::<EdgeFact>(answer), json(&acted.await.unwrap()))
        }
        "aliases" => {
            let names = names(reader, &resource(WORKGROUP)).await.unwrap();
            let names: Vec<&str> = names.iter().map(|name| name.key.as_str()).collect();
            let said: Vec<AliasFact> = typed(answer);
            let said: Vec<&str> = said
                .iter()
                .filter(|alias| alias.same_thing)
                .map(|alias| alias.other_key.as_str())
                .collect();
            (json(&said), json(&names))
        }
        "trails" => (
            items::<TrailFact>(answer),
            json(&reader.trails().await.unwrap()),
        ),
        "newest-object" => {
            let days = reader.days(TRAIL).await.unwrap();
            let last = days.last().unwrap().delivery_day.as_deref();
            assert_eq!(earlier.unwrap(), last.unwrap());
            let mut entries = reader
                .entries(&format!("{TRAIL}2026/03/02/"))
                .await
                .unwrap();
            assert!(entries.len() > 1);
            (
                items::<LedgerEntry>(answer),
                json(&entries.split_off(entries.len() - 1)),
            )
        }
        "digests" => {
            // What is in the range of those that were put.
            let all: Vec<DigestEntry> = digest_entries();
            (items::<DigestEntry>(answer), json(&all[1..]))
        }
        _ => panic!("no test knows the example {name}"),
    }
}

/// The blocks, each with the name before it.
fn examples(text: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    for part in text.split("<!-- example: ").skip(1) {
        let (name, rest) = part.split_once(" -->").unwrap();
        let (_, block) = rest.split_once("```console\n").unwrap();
        let (block, _) = block.split_once("```").unwrap();
        let indent = block.len() - block.trim_start().len();
        let lines = block
            .lines()
            .map(|line| line.get(indent..).unwrap_or_default());
        let script: Vec<&str> = lines
            .map(|line| line.strip_prefix(PROMPT).unwrap_or(line))
            .collect();
        examples.push(Example {
            name: name.to_owned(),
            script: script.join("\n"),
        });
    }
    examples
}

/// The script in a shell that has the AWS CLI and nothing of this machine's configuration.
fn cli(aws: &LocalAws, script: &str) -> Command {
    let bin = program("aws").parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .env_clear()
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HOME", "/nonexistent")
        .envs(aws.environment().iter());
    command
}

/// Newest first; an empty text is no bound, 0 no size.
fn ask(key: Key, subset: Subset, since: &str, until: &str, page_size: i32) -> EventQuery {
    EventQuery {
        key,
        window: Window {
            since: since.parse().ok(),
            until: until.parse().ok(),
        },
        subset,
        filter: Filter::default(),
        order: Order::NewestFirst,
        page_size: Some(page_size).filter(|size| *size > 0),
    }
}

async fn told(answer: Value, reader: &Reader, query: EventQuery) -> (Value, Value) {
    let mut found = events(answer);
    if query.page_size.is_none() {
        // Of this one example the AWS CLI has the oldest first.
        found.as_array_mut().unwrap().reverse();
    }
    let page = page(reader, &query, None).await.unwrap();
    (found, json(&page.events))
}

fn events(answer: Value) -> Value {
    let items: Vec<Item> = serde_json::from_value(answer["Items"].clone()).unwrap();
    let events = items.into_iter().map(|item| item::event(item).unwrap());
    json(&events.collect::<Vec<_>>())
}

fn items<T: DeserializeOwned + Serialize>(answer: Value) -> Value {
    json(&typed::<T>(answer))
}

fn typed<T: DeserializeOwned>(answer: Value) -> Vec<T> {
    let items: Vec<Item> = serde_json::from_value(answer["Items"].clone()).unwrap();
    let item = |item| serde_dynamo::from_item(item).unwrap();
    items.into_iter().map(item).collect()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap()
}

fn now() -> EventTime {
    "2026-03-02T09:30:00Z".parse().unwrap()
}

/// Of the hours from 7 to 10: two of them end in the example's range.
fn digest_entries() -> Vec<DigestEntry> {
    let hour = |hour: u32| format!("2026-03-02T{hour:02}:00:00Z").parse().unwrap();
    let digest = |start| DigestEntry {
        digest_verdict: DigestVerdict::Proven,
        logs_listed: 1,
        ..DigestEntry::new(
            TRAIL,
            "d.json.gz",
            "t_us-east-1",
            hour(start),
            hour(start + 1),
        )
    };
    (7..10).map(digest).collect()
}

fn digests() -> Vec<Put> {
    let puts = digest_entries()
        .into_iter()
        .map(|digest| digest.put().unwrap());
    puts.inspect(|put| assert_eq!(put.table, Table::Ledger))
        .collect()
}
