//! The case files of `tests/cases`: a record as CloudTrail writes it, and what it must
//! come to. `expected` names what a case is about: findings of the rules, attributes of
//! the event (null: it must not be there), or `selected_by` null and nothing else. What of
//! request and response is kept is the keep-list's here, before an item is made to fit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use redtrail_core::retention::Retention;
use redtrail_core::{
    item::{self, Item, Put, puts},
    log_reader::RawRecord,
    normalize::{
        audit_event,
        resources::{Call, Findings, findings},
        summary::summary,
    },
    select::{Judgement, Selector},
};
use redtrail_model::{AuditEvent, EventRecord, JsonText, Origin, Table};
use serde_dynamo::AttributeValue;
use serde_json::{Map, Value, json};

const OPERATIONS: &str = include_str!("../rules/operations.tsv");

/// What a case may expect beside attributes of the event.
const OF_FINDINGS: [&str; 6] = [
    "resources",
    "related",
    "aliases",
    "changes_resource",
    "known_operation",
    "resources_cut",
];

/// Attributes of an event that may be absent.
const MAY_BE_ABSENT: [&str; 31] = [
    "event_type",
    "account_id",
    "aws_region",
    "identity_type",
    "caller_account_id",
    "session_name",
    "session_issuer",
    "access_key_id",
    "source_identity",
    "mfa_authenticated",
    "invoked_by",
    "on_behalf_of",
    "person",
    "root_or_user_credentials",
    "temporary_credentials",
    "by_aws_service",
    "source_ip_address",
    "user_agent",
    "read_only",
    "error_code",
    "error_message",
    "resource_arns",
    "resource_parts",
    "request_parameters",
    "response_elements",
    "shared_event_id",
    "addendum_reason",
    "original_event_id",
    "selected_by",
    "flags",
    "cut",
];

#[test]
fn ok_cases() {
    let selector = Selector::default();
    let wrong: Vec<_> = cases()
        .iter()
        .flat_map(|(name, case)| {
            let objections = objections(case, &selector).into_iter();
            objections.map(move |objection| format!("{name}: {objection}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A row of the rules is a claim about AWS; its case is what bears it out.
#[test]
fn ok_every_operation_of_the_rules_has_a_case() {
    let cases = cases();
    let shown: BTreeSet<_> = cases
        .values()
        .map(|case| {
            let text = |name: &str| case["record"][name].as_str().unwrap_or_default();
            let (service, _) = text("eventSource").split_once('.').unwrap_or_default();
            (service, text("eventName"))
        })
        .collect();
    let rows = OPERATIONS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let missing: Vec<_> = rows
        .skip(1)
        .map(|row| {
            let mut columns = row.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            (column(), column())
        })
        .filter(|row| row.1 != "*" && !shown.contains(row))
        .collect();
    assert!(missing.is_empty(), "without a case: {missing:#?}");
}

/// Events with one id are one event: two cases that share it were copied carelessly. The
/// guide itself prints two records with one id.
#[test]
fn ok_every_case_is_an_event_of_its_own() {
    let cases = cases();
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for (name, case) in &cases {
        let of_guide = name.contains("documentation-");
        if let Some(id) = case["record"]["eventID"].as_str().filter(|_| !of_guide) {
            names.entry(id).or_default().push(name);
        }
    }
    names.retain(|_, names| names.len() > 1);
    assert!(names.is_empty(), "{names:#?}");
}

/// Every case by its place below the folder.
fn cases() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = case_files(&folder);
    assert!(files.len() > 500, "the case files are gone");
    let case = |file: PathBuf| {
        let name = file.strip_prefix(&folder).unwrap_or(&file);
        let name = name.display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    files.into_iter().map(case).collect()
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .flat_map(|path| {
            if path.is_dir() {
                case_files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

/// What the code makes of the case's record otherwise than expected.
fn objections(case: &Value, selector: &Selector) -> Vec<String> {
    let bytes = case["record"].to_string().into_bytes();
    let Some(expected) = case["expected"].as_object() else {
        return vec!["no `expected`".to_owned()];
    };
    let judgement = selector.judge(&bytes);
    if expected.get("selected_by").is_some_and(Value::is_null) {
        let is_alone = expected.len() == 1;
        let as_expected = is_alone && judgement == Judgement::NotSelected;
        return if as_expected {
            vec![]
        } else {
            vec![format!("wanted not selected, got {judgement:?}")]
        };
    }
    if !matches!(judgement, Judgement::Selected(_)) {
        return vec![format!("not selected: {judgement:?}")];
    }
    let record = case["record"].to_string();
    let json = JsonText::parse(&record).unwrap();
    let parsed = EventRecord::read(json.root());
    let call = Call::of(&parsed);
    let found = findings(&call);
    let origin = Origin {
        bucket: "trail".into(),
        key: "log".into(),
        version: None,
        record_index: 0,
    };
    let event = audit_event(
        &RawRecord {
            index: 7,
            offset: 0,
            bytes,
        },
        &origin,
        selector,
    )
    .unwrap();
    let mut got = known(&found);
    let Value::Object(attributes) = serde_json::to_value(&event).unwrap() else {
        return vec!["the event is no object".to_owned()];
    };
    got.extend(attributes);
    got.extend(kept(&call));

    let mut wrong: Vec<_> = expected
        .iter()
        .filter_map(|(name, wanted)| match got.get(name) {
            None if !MAY_BE_ABSENT.contains(&name.as_str()) => {
                Some(format!("`{name}` is no attribute"))
            }
            got => {
                let (wanted, got) = (sorted(wanted), sorted(got.unwrap_or(&Value::Null)));
                (wanted != got).then(|| format!("{name}\n  wanted {wanted}\n  got    {got}"))
            }
        })
        .collect();
    if !expected.contains_key("resources") {
        wrong.push("no `resources`".to_owned());
    }
    wrong.extend(item_objections(
        &event,
        &puts(&event, Retention::Forever).unwrap(),
    ));
    wrong
}

fn known(findings: &Findings) -> Map<String, Value> {
    let touched = &findings.touched;
    let resources = touched
        .resources
        .iter()
        .map(|one| json!([one.key, one.part]));
    let related = touched.related.iter().map(|one| json!([one.arn, one.part]));
    let aliases = findings
        .aliases
        .iter()
        .map(|one| json!([one.first, one.second]));
    let values = [
        json!(resources.collect::<Vec<_>>()),
        json!(related.collect::<Vec<_>>()),
        json!(aliases.collect::<Vec<_>>()),
        json!(findings.changes_resource),
        json!(findings.known_operation),
        json!(findings.resources_cut),
    ];
    OF_FINDINGS
        .map(str::to_owned)
        .into_iter()
        .zip(values)
        .collect()
}

/// What the keep-list keeps of the record; null for nothing.
fn kept(call: &Call<'_>) -> Map<String, Value> {
    let summary = summary(call);
    let kept = [
        ("request_parameters", json!(summary.request_parameters)),
        ("response_elements", json!(summary.response_elements)),
        ("cut", json!(summary.cut)),
    ];
    kept.into_iter()
        .map(|(name, value)| match value {
            value if value == json!({}) || value == json!([]) => (name.to_owned(), Value::Null),
            value => (name.to_owned(), value),
        })
        .collect()
}

/// The value with its list, if it is one, in an order of its own.
fn sorted(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Array(elements) = &mut value {
        elements.sort_by_key(Value::to_string);
    }
    value
}

/// What of the items readers could not rely on.
fn item_objections(event: &AuditEvent, puts: &[Put]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut object = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("items: {what}"));
        }
    };
    let rows: Vec<Value> = puts.iter().map(|put| plain(&put.item())).collect();
    let of = |table: Table| {
        let of_table = puts
            .iter()
            .zip(&rows)
            .filter(move |(put, _)| put.table == table);
        of_table.map(|(_, row)| row).collect::<Vec<_>>()
    };
    let (principals, resources) = (of(Table::Principals), of(Table::Resources));
    object(
        puts.len() == principals.len() + resources.len(),
        "a table that is none of an event's",
    );
    object(principals.len() == 1, "not one row for the principal");
    let back = puts.first().map(|put| item::event(put.item()));
    object(
        matches!(back, Some(Ok(back)) if json!(back) == json!(event)),
        "the event does not come back",
    );
    for row in principals.iter().chain(&resources) {
        object(
            row["principal"] == json!(event.principal),
            "another principal",
        );
        object(
            row["event_key"] == json!(event.event_key),
            "another event key",
        );
        object(
            row["record_index"] == json!("7"),
            "another place in the object",
        );
        object(
            row["schema_version"].is_string() && row["rules_version"].is_string(),
            "no versions",
        );
    }
    for row in principals {
        let failed = if event.error_code.is_some() {
            json!(event.event_time)
        } else {
            Value::Null
        };
        object(
            row["failure_key"] == failed,
            "failure_key is for failures, and for all of them",
        );
        object(
            row["change_key"].is_null(),
            "change_key on a principal's row",
        );
    }
    let keys: BTreeSet<_> = resources
        .iter()
        .map(|row| row["resource_key"].to_string())
        .collect();
    let wanted: BTreeSet<_> = event
        .resource_arns()
        .map(|key| json!(key).to_string())
        .collect();
    object(keys == wanted, "not a row for each resource");
    object(keys.len() == resources.len(), "two rows for one resource");
    for row in resources {
        let part = row["part"].as_str().unwrap_or_default();
        let wanted = event
            .touched
            .resources
            .iter()
            .find(|one| json!(one.key) == row["resource_key"]);
        object(
            wanted.is_some_and(|one| json!(one.part) == part),
            "another part",
        );
        let acted_on = matches!(part, "target" | "producer" | "consumer");
        let changed = event.changes_resource && event.error_code.is_none() && acted_on;
        let change = if changed {
            json!(event.event_time)
        } else {
            Value::Null
        };
        object(
            row["change_key"] == change,
            "change_key is for what was changed, and all of it",
        );
        object(
            row["failure_key"].is_null(),
            "failure_key on a resource's row",
        );
    }
    wrong
}

/// The item's texts and numbers; the rest is not asked for.
fn plain(item: &Item) -> Value {
    let texts = item.inner().iter().filter_map(|(name, value)| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => Some((name.clone(), json!(text))),
        _ => None,
    });
    Value::Object(texts.collect())
}
