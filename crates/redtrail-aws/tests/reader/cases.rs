//! `tests/reader-cases/`: items, questions and what is expected, for readers in any language.

use std::fs;

use redtrail_core::item::Put;
use redtrail_model::{EventTime, Table};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ask, python,
    tables::{self, repository},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    now: EventTime,
    items: Items,
    questions: Vec<Asked>,
}

/// As DynamoDB's items, in plain JSON.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Items {
    principals: Vec<Value>,
    resources: Vec<Value>,
    directory: Vec<Value>,
    ledger: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    ask: Value,
    answer: Value,
}

impl Items {
    fn puts(&self) -> Vec<Put> {
        let of = |table, items: &[Value]| -> Vec<Put> {
            let put = |item| Put::new(table, serde_dynamo::to_item(item).unwrap());
            items.iter().map(put).collect()
        };
        [
            of(Table::Principals, &self.principals),
            of(Table::Resources, &self.resources),
            of(Table::Directory, &self.directory),
            of(Table::Ledger, &self.ledger),
        ]
        .concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_the_rust_reader_and_the_python_client_answer_the_cases() {
    let mut cases = Vec::new();
    for file in fs::read_dir(repository().join("tests/reader-cases")).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let case: Case = serde_json::from_slice(&fs::read(&path).unwrap())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let aws = tables::with(case.items.puts()).await;
            cases.push((name, case, aws));
        }
    }
    assert!(!cases.is_empty());
    let asked: Vec<_> = cases
        .iter()
        .map(|(_, case, aws)| python::Questions {
            aws,
            now: case.now,
            questions: case
                .questions
                .iter()
                .map(|asked| asked.ask.clone())
                .collect(),
        })
        .collect();
    let python = python::client(&asked);
    let mut wrong = Vec::new();
    for ((name, case, aws), python) in cases.iter().zip(&python) {
        let reader = tables::reader(aws, case.now);
        assert!(!case.questions.is_empty(), "{name}");
        assert_eq!(python.answers.len(), case.questions.len(), "{name}");
        for (asked, python) in case.questions.iter().zip(&python.answers) {
            let rust = ask::rust(&reader, &asked.ask).await;
            let (ask, answer, about) = (&asked.ask, &asked.answer, &case.about);
            if !holds(answer, &rust) {
                wrong.push(format!(
                    "{name}: {ask}\n  ({about})\n  expected {answer}\n  rust {rust}"
                ));
            }
            if *python != rust {
                wrong.push(format!("{name}: {ask}\n  python {python}\n  rust {rust}"));
            }
        }
        let called: Vec<&str> = python.calls.keys().map(String::as_str).collect();
        assert_eq!(called, ["Query"], "{name}: the client only reads");
        assert!(
            (python.read_units - reader.read_units()).abs() < f64::EPSILON,
            "{name}: {} {}",
            python.read_units,
            reader.read_units()
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Whether what is found has all that is expected: of objects the members that are named, null
/// standing for none.
fn holds(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().all(|(name, value)| {
            let found = found.get(name).unwrap_or(&Value::Null);
            holds(value, found)
        }),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(one, other)| holds(one, other))
        }
        _ => expected == found,
    }
}
