//! The case files of `tests/cases`: a record as CloudTrail writes it, and what it must
//! come to. Members of `expected` that this test does not know belong to others.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use redtrail_core::normalize::{
    resources::{Findings, findings},
    summary::{Summary, summary},
};
use redtrail_model::EventRecord;
use serde_json::{Value, json};

#[test]
fn ok_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = case_files(&folder);
    assert!(files.len() > 100, "the case files are gone");
    let wrong: Vec<String> = files.iter().flat_map(|file| differences(file)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let entries = entries.map(|entry| entry.expect("its entries can be read").path());
    let mut files: Vec<_> = entries
        .flat_map(|path| {
            if path.is_dir() {
                case_files(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files
}

fn differences(file: &Path) -> Vec<String> {
    let name = file.display();
    let text = fs::read_to_string(file).expect("a case file can be read");
    let case: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let record = case["record"].to_string();
    let record = EventRecord::parse(&record).expect("`record` is an object");
    let found = found(&findings(&record), &summary(&record));
    let expected = case["expected"]
        .as_object()
        .unwrap_or_else(|| panic!("{name}: no `expected`"));
    assert!(expected.contains_key("resources"), "{name}: no `resources`");
    let known = expected.iter().filter_map(|(member, wanted)| {
        let got = found.get(member)?;
        let (wanted, got) = (sorted(wanted), sorted(got));
        (wanted != got).then(|| format!("{name}: {member}\n  wanted {wanted}\n  got    {got}"))
    });
    known.collect()
}

fn found(findings: &Findings, summary: &Summary) -> Value {
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
    json!({
        "resources": resources.collect::<Vec<_>>(),
        "related": related.collect::<Vec<_>>(),
        "aliases": aliases.collect::<Vec<_>>(),
        "changes_resource": findings.changes_resource,
        "known_operation": findings.known_operation,
        "resources_cut": findings.resources_cut,
        "request_parameters": summary.request_parameters,
        "response_elements": summary.response_elements,
    })
}

/// The value with its list, if it is one, in an order of its own.
fn sorted(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Array(elements) = &mut value {
        elements.sort_by_key(Value::to_string);
    }
    value
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "clusterIdentifier|snapshotIdentifier|identifiers|dbUser|dbGroups|workgroupName|id|data",
        "resourceName|resourceArn|namespaceArn|encryptionContext|aws:redshift:arn|policy|tags",
        "\\PC{0,8}",
    ];
    let text = prop_oneof![
        "arn:aws:(redshift|redshift-serverless|kms|iam):us-east-1:1:[a-z:/*]{0,20}",
        "\\PC{0,30}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ok_any_json_gives_bounded_findings(
        source in "redshift|redshift-serverless|redshift-data|sqlworkbench|kms|s3|\\PC{0,9}",
        name in "GetClusterCredentials|BatchDeleteClusterSnapshots|DescribeTags|Decrypt|Create[A-Z]{1,3}",
        request in any_json(),
        response in any_json(),
        region in "us-east-1|\\PC{0,9}",
        account in "123456789012|\\PC{0,9}",
    ) {
        let record = json!({
            "eventSource": format!("{source}.amazonaws.com"),
            "eventName": name,
            "awsRegion": region,
            "recipientAccountId": account,
            "requestParameters": request,
            "responseElements": response,
            "resources": request,
            "serviceEventDetails": response,
        })
        .to_string();
        let record = EventRecord::parse(&record).unwrap();
        let touched = findings(&record).touched;
        prop_assert!(touched.resources.len() <= 100 && touched.related.len() <= 100);
        for (index, one) in touched.resources.iter().enumerate() {
            prop_assert!(touched.resources.iter().skip(index + 1).all(|other| other.key != one.key));
        }
        let summary = summary(&record);
        let maps = [&summary.request_parameters, &summary.response_elements];
        let bytes: usize = maps.iter().flat_map(|map| map.iter()).map(|(name, value)| name.len() + value.len()).sum();
        prop_assert!(bytes <= 300);
    }
}
