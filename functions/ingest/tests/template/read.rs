//! The template and the repository's files, as the tests look at them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_yaml_ng::Value;

/// The functions, each with its event source, queue, dead-letter queue, role and folder of code.
pub(crate) const FUNCTIONS: [[&str; 6]; 2] = [
    [
        "IngestFunction",
        "Notifications",
        "NotificationQueue",
        "DeadLetterQueue",
        "IngestRole",
        "ingest",
    ],
    [
        "ReconcileFunction",
        "Digests",
        "DigestQueue",
        "DigestDeadLetterQueue",
        "ReconcileRole",
        "reconcile",
    ],
];

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The template with `!Name value` written as `{Name: value}`, so that all of it can be walked.
pub(crate) fn template() -> Value {
    untagged(serde_yaml_ng::from_str(&read("template.yaml")).unwrap())
}

pub(crate) fn untagged(value: Value) -> Value {
    match value {
        Value::Tagged(tagged) => {
            let name = tagged.tag.to_string().trim_start_matches('!').to_owned();
            let mut mapping = serde_yaml_ng::Mapping::new();
            mapping.insert(name.into(), untagged(tagged.value));
            mapping.into()
        }
        Value::Sequence(values) => Value::Sequence(values.into_iter().map(untagged).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(name, value)| (name, untagged(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Every mapping anywhere below, with what `is_wanted` holds for.
pub(crate) fn find<'a>(
    value: &'a Value,
    is_wanted: &dyn Fn(&Value) -> bool,
    found: &mut Vec<&'a Value>,
) {
    if is_wanted(value) {
        found.push(value);
    }
    match value {
        Value::Sequence(values) => values
            .iter()
            .for_each(|value| find(value, is_wanted, found)),
        Value::Mapping(entries) => entries
            .values()
            .for_each(|value| find(value, is_wanted, found)),
        _ => {}
    }
}

pub(crate) fn all(value: &Value, is_wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
    let mut found = Vec::new();
    find(value, &is_wanted, &mut found);
    assert!(!found.is_empty(), "a test that looks at nothing");
    found
}

pub(crate) fn has(value: &Value, member: &str) -> bool {
    value.get(member).is_some()
}

/// One text, or a list of texts.
pub(crate) fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Sequence(values) => values
            .iter()
            .map(|value| value.as_str().unwrap().to_owned())
            .collect(),
        one => [one.as_str().unwrap().to_owned()].into(),
    }
}

pub(crate) fn names(value: &Value) -> BTreeSet<&str> {
    let entries = value.as_mapping().unwrap();
    entries.keys().filter_map(Value::as_str).collect()
}

pub(crate) fn is_of_type(r#type: &str) -> impl Fn(&Value) -> bool {
    move |value| value.get("Type").and_then(Value::as_str) == Some(r#type)
}
