//! Facts of the repository that must agree: what the template grants and sets, what the
//! code asks for, and what the pure core may depend on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use redtrail_aws::dynamodb::MAX_BYTES_IN_FLIGHT;
use redtrail_core::{
    batch::MAX_BATCH_BYTES,
    ingest::{PORTION_EVENTS, PORTION_ITEMS, PORTION_RECORD_BYTES},
    log_reader::{
        Limits, MAX_HINTED_RECORDS, MAX_KEY_BYTES, MAX_QUARANTINE_ENTRIES, MAX_RATIO,
        MAX_SCALAR_BYTES, MAX_SELECTED_RECORDS, RATIO_FREE_BYTES,
    },
    normalize::{
        MAX_ERROR_MESSAGE_BYTES, MAX_NAME_BYTES, MAX_USER_AGENT_BYTES,
        resources::{MAX_ALIASES, MAX_RELATED, MAX_RESOURCES},
        summary::{MAX_BYTES, MAX_VALUE_BYTES},
    },
};
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

/// A function of the stack.
struct Function {
    logical_id: &'static str,
    role: &'static str,
    folder: &'static str,
    variables: &'static [&'static str],
    /// What Lambda does with the role beside what it does with every function's.
    of_services: &'static [&'static str],
    /// What the modules it is built of could call, by methods that it does not.
    not_called: &'static [(&'static str, &'static str)],
    /// Modules that it must at least be built of.
    modules: &'static [&'static str],
}

const INGEST: Function = Function {
    logical_id: "IngestFunction",
    role: "IngestRole",
    folder: "functions/ingest/src",
    variables: &redtrail_ingest::config::VARIABLES,
    // Into the dead-letter queue, of invocations without a queue.
    of_services: &["sqs:SendMessage"],
    not_called: &[],
    modules: &["dynamodb", "newest", "s3"],
};
const RECONCILE: Function = Function {
    logical_id: "ReconcileFunction",
    role: "ReconcileRole",
    folder: "functions/reconcile/src",
    variables: &redtrail_reconcile::config::VARIABLES,
    of_services: &[],
    not_called: &[("put_item", ".put_unless("), ("get_item", ".get(Table::")],
    modules: &[
        "dynamodb",
        "public_keys",
        "queue",
        "reader",
        "s3",
        "trail_bucket",
    ],
};

/// What the template sets beside a function's variables: other addresses of AWS.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"];
/// What a stack need not set: its tables are in its own Region.
const NOT_SET: [&str; 1] = ["TABLES_REGION"];

#[test]
fn ok_the_template_sets_the_variables_that_the_functions_read() {
    let template = template();
    let variables = |function: &Function| -> BTreeSet<&str> {
        let function = &template["Resources"][function.logical_id]["Properties"];
        let set = function["Environment"]["Variables"].as_mapping().unwrap();
        set.keys().filter_map(Value::as_str).collect()
    };
    for function in [INGEST, RECONCILE] {
        let mut read: BTreeSet<&str> = function.variables.iter().copied().collect();
        read.retain(|variable| !NOT_SET.contains(variable));
        read.extend(ENDPOINTS);
        assert_eq!(variables(&function), read, "{}", function.logical_id);
    }
    let tables: BTreeSet<&str> = redtrail_model::TABLES
        .iter()
        .map(|schema| schema.variable)
        .collect();
    assert!(
        tables.is_subset(&variables(&INGEST)),
        "every table is named to the function"
    );
}

/// What IAM asks for when the code calls AWS; S3 decrypts in the caller's name.
const PERMISSIONS: [(&str, &[&str]); 8] = [
    ("batch_write_item", &["dynamodb:BatchWriteItem"]),
    ("get_item", &["dynamodb:GetItem"]),
    ("get_object", &["s3:GetObject", "kms:Decrypt"]),
    ("list_objects_v2", &["s3:ListBucket"]),
    ("list_public_keys", &["cloudtrail:ListPublicKeys"]),
    ("put_item", &["dynamodb:PutItem"]),
    ("query", &["dynamodb:Query"]),
    ("send_message_batch", &["sqs:SendMessage"]),
];
/// What Lambda does with each role: it takes messages from the queue, keeps the log, and attaches
/// to subnets. And DynamoDB, with the tables' key.
const OF_SERVICES: [&str; 16] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

/// The statements of a role's policy, conditions aside.
fn statements<'t>(template: &'t Value, role: &str) -> Vec<&'t Value> {
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = policies.as_sequence().unwrap().iter();
    let statements = policies.flat_map(|policy| {
        let statements = &policy["PolicyDocument"]["Statement"];
        statements.as_sequence().unwrap()
    });
    statements
        .map(|statement| match plain(statement) {
            Value::Sequence(branches) => &branches[1],
            other => other,
        })
        .collect()
}

/// One value, or a list of them.
fn several(value: &Value) -> Vec<&Value> {
    match value {
        Value::Sequence(values) => values.iter().collect(),
        one => vec![one],
    }
}

#[test]
fn ok_a_role_may_do_what_the_code_does_and_no_more() {
    let template = template();
    for function in [INGEST, RECONCILE] {
        let granted: BTreeSet<&str> = statements(&template, function.role)
            .into_iter()
            .filter(|statement| statement["Effect"] != "Deny")
            .flat_map(|statement| several(&statement["Action"]))
            .map(|action| action.as_str().unwrap())
            .collect();
        let mut needed: BTreeSet<&str> = OF_SERVICES.into();
        needed.extend(function.of_services);
        let (calls, code) = calls(&function);
        for call in calls {
            let permissions = PERMISSIONS.iter().find(|(known, _)| **known == *call);
            needed.extend(permissions.expect(&call).1);
        }
        // Announcements may name a version; digests name none.
        if code.contains(".version_id") {
            needed.insert("s3:GetObjectVersion");
        }
        assert_eq!(granted, needed, "{}", function.role);
    }
}

/// The modules of `redtrail-aws` that a file names, from inside or from outside.
fn modules_named(text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let uses = text
        .split("use ")
        .filter_map(|after| after.split(';').next());
    let of_the_crate =
        uses.filter(|path| path.starts_with("crate::") || path.starts_with("redtrail_aws::"));
    of_the_crate
        .flat_map(|path| path.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .filter(|word| modules.contains(*word))
        .map(str::to_owned)
        .collect()
}

/// A folder's files of code, by their names.
fn files(folder: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(repository().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.is_file())
        .map(|path| {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            (stem, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The SDK operations called by the modules that a function is built of, and its own code.
fn calls(function: &Function) -> (BTreeSet<String>, String) {
    let edge = files("crates/redtrail-aws/src");
    let modules: BTreeSet<String> = edge.keys().cloned().collect();
    let own = files(function.folder);
    let mut wanted: Vec<String> = own
        .values()
        .flat_map(|text| modules_named(text, &modules))
        .collect();
    let mut reached = BTreeSet::new();
    let mut calls = BTreeSet::new();
    while let Some(module) = wanted.pop() {
        if !reached.insert(module.clone()) {
            continue;
        }
        let text = &edge[&module];
        wanted.extend(modules_named(text, &modules));
        assert!(!text.contains("delete_request") && !text.contains("DeleteRequest"));
        let called = text.split(".client").skip(1).filter_map(|after| {
            let call = after.trim_start().strip_prefix('.')?;
            Some(call.split_once("()")?.0.to_owned())
        });
        calls.extend(called);
    }
    for module in function.modules {
        assert!(reached.contains(*module), "{module}");
    }
    let own: String = own.into_values().collect();
    let joined = |text: &str| text.split_whitespace().collect::<String>();
    let digest: String = files("crates/redtrail-digest/src").into_values().collect();
    let ingest = joined(&files("crates/redtrail-core/src")["ingest"]);
    for (call, method) in function.not_called {
        assert!(calls.remove(*call), "{call}");
        // It is what the other function reaches the operation by.
        assert!(ingest.contains(method), "{method}");
        assert!(!joined(&own).contains(method) && !joined(&digest).contains(method));
    }
    (calls, own)
}

/// Who writes to which tables; what is read, and put on a condition, is the ledger's alone. Each
/// function takes from its own queue, and what is missing is handed to the other's.
#[test]
fn ok_the_roles_reach_tables_and_queues_and_no_others() {
    let template = template();
    let every: Vec<String> = redtrail_model::TABLES
        .iter()
        .map(|schema| format!("{}.Arn", schema.logical_id))
        .collect();
    let every: Vec<&str> = every.iter().map(String::as_str).collect();
    let ledger = ["LedgerTable.Arn"];
    for (role, action, expected) in [
        ("IngestRole", "dynamodb:BatchWriteItem", &every[..]),
        ("IngestRole", "dynamodb:GetItem", &ledger),
        ("IngestRole", "dynamodb:PutItem", &ledger),
        (
            "IngestRole",
            "sqs:ReceiveMessage",
            &["NotificationQueue.Arn"],
        ),
        ("IngestRole", "sqs:SendMessage", &["DeadLetterQueue.Arn"]),
        ("ReconcileRole", "dynamodb:BatchWriteItem", &ledger),
        ("ReconcileRole", "dynamodb:Query", &ledger),
        ("ReconcileRole", "sqs:ReceiveMessage", &["DigestQueue.Arn"]),
        (
            "ReconcileRole",
            "sqs:SendMessage",
            &["NotificationQueue.Arn"],
        ),
    ] {
        let is_for_it = |statement: &&Value| {
            let actions = several(&statement["Action"]);
            actions.into_iter().any(|it| it == action)
        };
        let found: Vec<&Value> = statements(&template, role)
            .into_iter()
            .filter(is_for_it)
            .collect();
        let [statement] = found[..] else {
            panic!("{action} stands {} times", found.len());
        };
        let resources: BTreeSet<&str> = several(&statement["Resource"])
            .into_iter()
            .map(|resource| plain(resource).as_str().unwrap())
            .collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(resources, expected, "{role}: {action}");
    }
}

/// A Scan reads, and bills, the whole of a table.
#[test]
fn ok_nothing_scans() {
    let mut read = 0;
    for place in [
        "crates/redtrail-core/src",
        "crates/redtrail-aws/src",
        "crates/redtrail/src",
        "crates/redtrail-digest/src",
        "functions/ingest/src",
        "functions/reconcile/src",
        "clients/python",
    ] {
        let mut folders = vec![repository().join(place)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                let calls = [".scan(", "\"scan\"", "'scan'"];
                let call = calls.into_iter().find(|call| text.contains(call));
                assert_eq!(call, None, "{}", path.display());
                read += 1;
            }
        }
    }
    assert!(read > 100, "{read}");
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
    let kib = |bytes: u64| {
        assert_eq!(bytes % (1 << 10), 0);
        (bytes >> 10).to_string() + " KiB"
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
            "other services' records with a sign of Redshift, held before they are judged",
            MAX_HINTED_RECORDS.to_string(),
        ),
        (
            "selected records held until the object is proven",
            mib(max_held_bytes),
        ),
        (
            "events that wait to be written, of an object",
            PORTION_EVENTS.to_string(),
        ),
        (
            "their items, but for the last event's",
            PORTION_ITEMS.to_string(),
        ),
        ("their records, but for the last", kib(PORTION_RECORD_BYTES)),
        ("items in one batch of several", kib(MAX_BATCH_BYTES as u64)),
        (
            "items in batches that are sent at once, of all objects",
            kib(MAX_BYTES_IN_FLIGHT.into()),
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
