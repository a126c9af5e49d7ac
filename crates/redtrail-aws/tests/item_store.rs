//! One suite for every store of items: the tables in memory, which refuse all that DynamoDB
//! documents to refuse, and an embedded DynamoDB through the client. Where the embedded one is
//! laxer, the case says so.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::collections::HashMap;

use redtrail_aws::dynamodb::{DynamoDbStore, TableNames};
use redtrail_core::{
    edge::{EdgeErrorKind, ItemStore, Unless},
    item::Put,
    memory::MemoryStore,
};
use redtrail_local::{LocalAws, LocalAwsOptions};
use redtrail_model::Table;
use serde_dynamo::AttributeValue::{self, Bs, L, M, N, Null, S, Ss};

const TEMPLATE: &str = include_str!("../../../template.yaml");
/// The keys alone, as DynamoDB counts them: `resource_key`, `event_key` and their values.
const KEYS_BYTES: usize = 12 + 1 + 9 + 1;
const UNLESS: Unless = Unless {
    same: &["etag", "size"],
    differs: "verdict",
};

/// What a store makes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Taken,
    Refused,
    /// DynamoDB refuses it; the embedded one does not.
    RefusedByDynamoDbAlone,
}
use Expected::{Refused, RefusedByDynamoDbAlone, Taken};

fn text(text: &str) -> AttributeValue {
    S(text.to_owned())
}

/// A row of a resource, with these attributes replaced, added, or, by a null, left out.
fn row(sort: &str, more: &[(&str, AttributeValue)]) -> Put {
    let mut item: HashMap<String, AttributeValue> = HashMap::new();
    item.insert("resource_key".to_owned(), text("r"));
    item.insert("event_key".to_owned(), text(sort));
    for (name, value) in more {
        match value {
            Null(true) => drop(item.remove(*name)),
            value => drop(item.insert((*name).to_owned(), value.clone())),
        }
    }
    Put::new(Table::Resources, item.into())
}

fn with(name: &str, value: AttributeValue) -> Vec<Put> {
    vec![row("e", &[(name, value)])]
}

fn rows(count: usize, bytes: usize) -> Vec<Put> {
    let filling = text(&"x".repeat(bytes));
    (0..count)
        .map(|sort| row(&format!("{sort:02}"), &[("filling", filling.clone())]))
        .collect()
}

/// An attribute that stands this many levels deep.
fn nested(levels: usize) -> AttributeValue {
    (1..levels).fold(text("x"), |value, level| match level % 2 {
        0 => L(vec![value]),
        _ => M([("m".to_owned(), value)].into()),
    })
}

fn number(text: &str) -> Vec<Put> {
    with("n", N(text.to_owned()))
}

fn cases() -> Vec<(&'static str, Vec<Put>, Expected)> {
    // Names count: this one has seven bytes.
    let room = 400 * 1024 - KEYS_BYTES - "filling".len();
    let filled = |bytes: usize| with("filling", text(&"x".repeat(bytes)));
    let twice = vec![row("e", &[("a", text("1"))]), row("e", &[("a", text("2"))])];
    let absent = Null(true);
    vec![
        ("one item", vec![row("e", &[])], Taken),
        ("no item", Vec::new(), Refused),
        ("25 items", rows(25, 1), Taken),
        ("26 items", rows(26, 1), Refused),
        ("the same key in two tables", two_tables(), Taken),
        ("one key twice", twice, Refused),
        ("an item of 400 KB", filled(room), Taken),
        ("a byte more", filled(room + 1), Refused),
        ("empty text", with("a", text("")), Taken),
        ("a zero byte", with("a", text("\0")), Taken),
        (
            "no partition key",
            with("resource_key", absent.clone()),
            Refused,
        ),
        ("no sort key", with("event_key", absent), Refused),
        (
            "an empty partition key",
            with("resource_key", text("")),
            Refused,
        ),
        ("an empty sort key", with("event_key", text("")), Refused),
        (
            "a number as a key",
            with("event_key", N("1".into())),
            Refused,
        ),
        (
            "the longest partition key",
            with("resource_key", text(&"é".repeat(1024))),
            Taken,
        ),
        (
            "a longer one",
            with("resource_key", text(&"x".repeat(2049))),
            Refused,
        ),
        (
            "the longest sort key",
            with("event_key", text(&"x".repeat(1024))),
            Taken,
        ),
        (
            "a longer one",
            with("event_key", text(&"x".repeat(1025))),
            Refused,
        ),
        ("an index's key", with("change_key", text("t")), Taken),
        (
            "an empty index's key",
            with("change_key", text("")),
            Refused,
        ),
        (
            "a number as an index's key",
            with("change_key", N("1".into())),
            Refused,
        ),
        (
            "an index's key too long",
            with("change_key", text(&"x".repeat(1025))),
            RefusedByDynamoDbAlone,
        ),
        ("32 levels", with("deep", nested(32)), Taken),
        ("33 levels", with("deep", nested(33)), Refused),
        ("38 digits", number(&"1".repeat(38)), Taken),
        ("39 digits", number(&"1".repeat(39)), Refused),
        (
            "the largest number",
            number("9.9999999999999999999999999999999999999E+125"),
            Taken,
        ),
        ("a larger one", number("1E+126"), Refused),
        ("the smallest number", number("-1E-130"), Taken),
        ("a smaller one", number("1E-131"), Refused),
        ("no number", number("one"), Refused),
        (
            "a set",
            with("set", Ss(vec!["a".into(), "b".into()])),
            Taken,
        ),
        ("an empty set", with("set", Ss(Vec::new())), Refused),
        (
            "an empty set of bytes",
            with("set", Bs(Vec::new())),
            Refused,
        ),
        (
            "a set with a value twice",
            with("set", Ss(vec!["a".into(); 2])),
            Refused,
        ),
    ]
}

fn two_tables() -> Vec<Put> {
    let mut other = row("e", &[("principal", text("r"))]);
    other.table = Table::Principals;
    vec![row("e", &[]), other]
}

/// Runs every case; `is_lax` for the embedded one.
async fn check_store(store: &impl ItemStore, is_lax: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, batch, expected) in cases() {
        let written = store.write(&batch).await;
        let is_right = match (expected, is_lax) {
            (Taken, _) | (RefusedByDynamoDbAlone, true) => {
                matches!(&written, Ok(left) if left.is_empty())
            }
            (Refused, _) | (RefusedByDynamoDbAlone, false) => {
                matches!(&written, Err(error) if error.kind == EdgeErrorKind::Refused)
            }
        };
        if !is_right {
            wrong.push(format!("{name}: {written:?}"));
            continue;
        }
        for put in batch.iter().filter(|_| expected == Taken) {
            let there = store.get(put.table, put.keys()).await.unwrap().unwrap();
            let names = ["n", "set"];
            let mut both = [there, put.item()];
            for item in &mut both {
                // DynamoDB writes a number in its own form, and a set in its own order.
                for name in names {
                    item.inner_mut().remove(name);
                }
            }
            assert_eq!(both[0], both[1], "{name}");
        }
    }
    wrong
}

/// Nothing of a batch is written when one item of it is refused.
async fn check_all_or_nothing(store: &impl ItemStore) {
    let good = row("untouched", &[]);
    let bad = row("bad", &[("change_key", text(""))]);
    store.write(&[good.clone(), bad]).await.unwrap_err();
    let there = store.get(good.table, good.keys()).await.unwrap();
    assert_eq!(there, None);
}

async fn check_replacing(store: &impl ItemStore) {
    let first = row("replaced", &[("a", text("1")), ("b", text("1"))]);
    let second = row("replaced", &[("a", text("2"))]);
    for put in [&first, &second, &first, &second] {
        store.write(std::slice::from_ref(put)).await.unwrap();
    }
    let there = store.get(first.table, first.keys()).await.unwrap();
    assert_eq!(
        there,
        Some(second.item()),
        "whole, not attribute by attribute"
    );
}

async fn check_put_unless(store: &impl ItemStore) {
    let entry = |etag: &str, verdict: &str| {
        let more = [
            ("etag", text(etag)),
            ("size", N("1".into())),
            ("verdict", text(verdict)),
        ];
        row("unless", &more)
    };
    let steps = [
        (entry("a", "waiting"), true),
        (entry("a", "waiting"), true),
        (entry("b", "accepted"), true),
        (entry("b", "waiting"), false),
        (entry("b", "accepted"), true),
        (entry("c", "waiting"), true),
        // Without the attribute there is nothing to compare.
        (row("unless", &[("verdict", text("waiting"))]), true),
        (entry("c", "accepted"), true),
    ];
    let mut last = None;
    for (step, (put, expected)) in steps.into_iter().enumerate() {
        assert_eq!(
            store.put_unless(&put, UNLESS).await.unwrap(),
            expected,
            "step {step}"
        );
        if expected {
            last = Some(put.item());
        }
        let there = store.get(put.table, put.keys()).await.unwrap();
        assert_eq!(there, last, "step {step}");
    }
    let error = store.put_unless(&row("", &[]), UNLESS).await.unwrap_err();
    assert_eq!(error.kind, EdgeErrorKind::Refused);
}

async fn check_all(store: &impl ItemStore, is_lax: bool) {
    check_all_or_nothing(store).await;
    check_replacing(store).await;
    check_put_unless(store).await;
    let nothing = store.get(Table::Ledger, ["nobody", "nothing"]).await;
    assert_eq!(nothing.unwrap(), None);
    let wrong = check_store(store, is_lax).await;
    assert_eq!(wrong, [""; 0], "{wrong:#?}");
}

#[tokio::test]
async fn ok_in_memory() {
    check_all(&MemoryStore::default(), false).await;
}

#[tokio::test]
async fn ok_embedded_dynamodb() {
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
    let store = DynamoDbStore::new(aws.dynamodb_client().clone(), names);
    check_all(&store, true).await;
}
