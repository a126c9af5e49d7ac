//! Facts of the repository that must agree: what the template grants and sets, what the
//! code asks for, and what the pure core may depend on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use redtrail_core::{
    log_reader::{
        Limits, MAX_KEY_BYTES, MAX_QUARANTINE_ENTRIES, MAX_RATIO, MAX_SCALAR_BYTES,
        MAX_SELECTED_RECORDS, RATIO_FREE_BYTES,
    },
    normalize::{
        MAX_ERROR_MESSAGE_BYTES, MAX_NAME_BYTES, MAX_USER_AGENT_BYTES,
        resources::{MAX_ALIASES, MAX_RELATED, MAX_RESOURCES},
        summary::{MAX_BYTES, MAX_VALUE_BYTES},
    },
};
use redtrail_ingest::config;
use redtrail_model::{MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES};
use redtrail_notification::MAX_DEPTH;
use serde_yaml_ng::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn template() -> Value {
    let text = fs::read_to_string(repository().join("template.yaml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// The value below CloudFormation's `!If` and the like.
fn plain(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        other => other,
    }
}

/// What the template sets beside [`config::VARIABLES`]: other addresses of AWS.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"];
/// What a stack need not set: its tables are in its own Region.
const NOT_SET: [&str; 1] = ["TABLES_REGION"];

#[test]
fn ok_the_template_sets_the_variables_that_the_function_reads() {
    let template = template();
    let set = &template["Resources"]["IngestFunction"]["Properties"]["Environment"]["Variables"];
    let set: BTreeSet<&str> = set
        .as_mapping()
        .unwrap()
        .keys()
        .filter_map(Value::as_str)
        .collect();
    let mut read: BTreeSet<&str> = config::VARIABLES.into();
    read.retain(|variable| !NOT_SET.contains(variable));
    read.extend(ENDPOINTS);
    assert_eq!(set, read);
    let tables: BTreeSet<&str> = redtrail_model::TABLES
        .iter()
        .map(|schema| schema.variable)
        .collect();
    assert!(
        tables.is_subset(&set),
        "every table is named to the function"
    );
}

#[test]
fn ok_the_role_may_do_what_the_code_does_and_no_more() {
    let template = template();
    let policies = &template["Resources"]["IngestRole"]["Properties"]["Policies"];
    let mut granted = BTreeSet::new();
    for policy in policies.as_sequence().unwrap() {
        for statement in policy["PolicyDocument"]["Statement"].as_sequence().unwrap() {
            let statement = match plain(statement) {
                Value::Sequence(branches) => &branches[1],
                other => other,
            };
            if statement["Effect"] == "Deny" {
                continue;
            }
            match &statement["Action"] {
                Value::String(action) => drop(granted.insert(action.clone())),
                actions => granted.extend(
                    actions
                        .as_sequence()
                        .unwrap()
                        .iter()
                        .map(|action| action.as_str().unwrap().to_owned()),
                ),
            }
        }
    }
    // Calls of the code, of S3 on its behalf, and of Lambda itself.
    let used: BTreeSet<String> = [
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "kms:Decrypt",
        "dynamodb:BatchWriteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        // DynamoDB, with the tables' key.
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        // Lambda, to the on-failure destination and in subnets.
        "sqs:SendMessage",
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(granted, used);
    let calls = calls_of_the_edge();
    assert_eq!(
        calls,
        ["batch_write_item", "get_item", "get_object", "put_item"]
            .map(str::to_owned)
            .into()
    );
}

/// The SDK operations that the function's edge calls.
fn calls_of_the_edge() -> BTreeSet<String> {
    let source = repository().join("crates/redtrail-aws/src");
    let mut calls = BTreeSet::new();
    for file in ["s3.rs", "dynamodb.rs"] {
        let text = fs::read_to_string(source.join(file)).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            if pair[0] == ".client" {
                calls.insert(
                    pair[1]
                        .trim_start_matches('.')
                        .trim_end_matches("()")
                        .to_owned(),
                );
            }
        }
        assert!(!text.contains("delete_request") && !text.contains("DeleteRequest"));
    }
    calls
}

#[test]
fn ok_the_core_knows_no_aws_and_no_runtime() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--package", "redtrail-core"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("redtrail-model"));
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(
            !name.starts_with("aws") && !name.starts_with("tokio"),
            "{line}"
        );
    }
}

/// docs/limits.md publishes each limit as it is in the code.
#[test]
fn ok_the_published_limits_are_those_of_the_code() {
    let document = fs::read_to_string(repository().join("docs/limits.md")).unwrap();
    let Limits {
        max_plain_bytes,
        max_record_bytes,
        max_held_bytes,
    } = Limits::default();
    let bytes = |bytes: usize| bytes.to_string() + " bytes";
    let mib = |bytes: usize| {
        assert_eq!(bytes % (1 << 20), 0);
        (bytes >> 20).to_string() + " MiB"
    };
    let large = |bytes: u64| mib(usize::try_from(bytes).unwrap());
    let limits = [
        ("unpacked size of an object", large(max_plain_bytes)),
        (
            "unpacked size to size as stored",
            MAX_RATIO.to_string() + " : 1",
        ),
        ("unpacked size at any ratio", large(RATIO_FREE_BYTES)),
        ("an element of `Records`", mib(max_record_bytes)),
        (
            "records of the family in an object",
            MAX_SELECTED_RECORDS.to_string(),
        ),
        (
            "selected records held until the object is proven",
            mib(max_held_bytes),
        ),
        (
            "a top-level number, `true`, `false` or `null`",
            bytes(MAX_SCALAR_BYTES),
        ),
        (
            "a top-level key that may be `Records`",
            bytes(MAX_KEY_BYTES),
        ),
        (
            "quarantine rows of an object",
            MAX_QUARANTINE_ENTRIES.to_string(),
        ),
        ("a partition key", bytes(MAX_PARTITION_KEY_BYTES)),
        ("a sort key", bytes(MAX_SORT_KEY_BYTES)),
        ("names, ids, codes, addresses", bytes(MAX_NAME_BYTES)),
        ("`user_agent`", bytes(MAX_USER_AGENT_BYTES)),
        ("`error_message`", bytes(MAX_ERROR_MESSAGE_BYTES)),
        ("request and response together", bytes(MAX_BYTES)),
        ("one value of request or response", bytes(MAX_VALUE_BYTES)),
        ("resources of an event", MAX_RESOURCES.to_string()),
        (
            "ARNs of other services in an event",
            MAX_RELATED.to_string(),
        ),
        ("aliases of an event", MAX_ALIASES.to_string()),
        ("payloads within each other", MAX_DEPTH.to_string()),
    ];
    for (what, value) in &limits {
        let row = format!("| {what} | {value} |");
        assert!(document.contains(&row), "docs/limits.md lacks: {row}");
    }
    let rows = document.lines().filter(|line| {
        let mut cells = line.split('|').skip(2);
        let value = cells.next().unwrap_or_default().trim();
        value.starts_with(|first: char| first.is_ascii_digit())
    });
    assert_eq!(rows.count(), limits.len(), "a limit that no code has");
}
