//! `redtrail inspect` as people and scripts run it.

use std::{fs, path::Path};

use redtrail_trailgen::{gzip, sample};
use serde_json::{Value, json};

use crate::run::{self, json_lines, redtrail, redtrail_with_input};

/// A record of the family; `members` replace or add to its own.
fn record(members: &Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ana", "userName": "ana"
        },
        "eventTime": "2023-07-10T12:30:00Z",
        "eventSource": "redshift.amazonaws.com",
        "eventName": "DeleteCluster",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": { "clusterIdentifier": "sales-prod" },
        "eventID": "e1",
        "readOnly": false,
        "recipientAccountId": "111122223333"
    });
    for (name, value) in members.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn object(records: &[Value]) -> Vec<u8> {
    gzip(json!({ "Records": records }).to_string().as_bytes())
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn ok_an_event_has_every_promised_member() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.json.gz", &object(&[record(&json!({}))]));
    let out = redtrail(["inspect", "--output", "jsonl", "a.json.gz"], folder.path());
    assert_eq!(out.status, 0);
    let [event] = &json_lines(&out.stdout)[..] else {
        panic!("{}", out.stdout)
    };
    for (name, expected) in [
        ("event_id", json!("e1")),
        ("event_time", json!("2023-07-10T12:30:00.000Z")),
        ("event_source", json!("redshift.amazonaws.com")),
        ("event_name", json!("DeleteCluster")),
        ("principal", json!("arn:aws:iam::111122223333:user/ana")),
        (
            "resource_arns",
            json!(["arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod"]),
        ),
        ("root_or_user_credentials", json!(true)),
        ("temporary_credentials", json!(false)),
        ("by_aws_service", json!(false)),
        ("account_id", json!("111122223333")),
        ("region", json!("us-east-1")),
        ("read_only", json!(false)),
        ("error_code", Value::Null),
        ("reference", json!("a.json.gz#0")),
    ] {
        assert_eq!(event.get(name), Some(&expected), "{name}");
    }
    let [report] = &json_lines(&out.stderr)[..] else {
        panic!("{}", out.stderr)
    };
    assert_eq!(
        report,
        &json!({
            "object": "a.json.gz", "verdict": "accepted", "reason": null,
            "read": 1, "selected": 1, "not_selected": 0, "duplicate": 0, "quarantined": 0
        })
    );
}

#[test]
fn ok_what_is_unknown_is_null_or_empty() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = json!({
        "userIdentity": { "type": "Unknown" }, "awsRegion": null, "readOnly": null,
        "recipientAccountId": null, "eventName": "DescribeAccountAttributes",
        "requestParameters": null
    });
    put(
        folder.path(),
        "a.json",
        json!({ "Records": [record(&unknown)] })
            .to_string()
            .as_bytes(),
    );
    let out = redtrail(["inspect", "--output", "jsonl", "a.json"], folder.path());
    let [event] = &json_lines(&out.stdout)[..] else {
        panic!("{}", out.stderr)
    };
    for name in ["region", "read_only", "error_code"] {
        assert_eq!(event.get(name), Some(&Value::Null), "{name}");
    }
    assert!(event["resource_arns"].is_array());
}

#[test]
fn verdicts_of_a_folder_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let whole = object(&[
        record(&json!({})),
        record(&json!({})),
        record(&json!({"eventSource": "s3.amazonaws.com"})),
    ]);
    put(path, "t/b/1.json.gz", &whole);
    put(path, "t/a.json.gz", &whole[..whole.len() - 9]);
    put(path, "t/b/0_CloudTrail-Digest_x.json.gz", b"any");
    put(path, "t/c.json.gz", &gzip(br#"{"Records":[5]}"#));
    put(path, "t/notes.txt", b"any");
    let out = redtrail(["inspect", "--output", "jsonl", "t"], path);
    assert_eq!(out.status, 1);
    let reports: Vec<_> = json_lines(&out.stderr)
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            let count = |name: &str| line[name].as_u64().unwrap();
            assert_eq!(
                count("read"),
                count("selected") + count("not_selected") + count("quarantined")
            );
            let counts = ["read", "selected", "duplicate", "quarantined"].map(count);
            (text("object"), text("verdict"), counts)
        })
        .collect();
    let expected = [
        ("t/a.json.gz", "rejected", [0, 0, 0, 0]),
        ("t/b/0_CloudTrail-Digest_x.json.gz", "skipped", [0, 0, 0, 0]),
        ("t/b/1.json.gz", "accepted", [3, 2, 1, 0]),
        ("t/c.json.gz", "partial", [1, 0, 0, 1]),
        ("t/notes.txt", "skipped", [0, 0, 0, 0]),
    ];
    assert_eq!(
        reports,
        expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c))
    );
    // One event, once: the rejected object holds it too and is silent.
    assert_eq!(json_lines(&out.stdout).len(), 1);
}

#[test]
fn ok_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let body = object(&[record(&json!({}))]);
    let out = redtrail_with_input(["inspect", "-", "--output", "jsonl"], folder.path(), &body);
    assert_eq!((out.status, json_lines(&out.stdout).len()), (0, 1));
    assert_eq!(json_lines(&out.stderr)[0]["object"], "-");
    let out = redtrail_with_input(["inspect", "-"], folder.path(), &body[..20]);
    assert_eq!((out.status, out.stdout.as_str()), (1, ""));
}

#[test]
fn err_usage() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["inspect"][..],
        &["inspect", "no-such-file"],
        &["inspect", "-", "-"],
        &["inspect", ".", "--output", "xml"],
        &["inspekt"],
    ] {
        let out = redtrail(args.iter().copied(), folder.path());
        assert_eq!((out.status, out.stdout.as_str()), (2, ""), "{args:?}");
        assert!(out.stderr.contains("error: "), "{}", out.stderr);
    }
}

/// Everything a record's author chooses, hostile.
fn hostile() -> Value {
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{9b}31m\u{202e}evil\u{200b}\u{e0041}\u{7f}";
    record(&json!({
        "eventName": evil, "awsRegion": evil, "errorCode": evil, "errorMessage": evil,
        "eventID": evil, "userAgent": evil, "sourceIPAddress": evil,
        "userIdentity": {
            "type": "AssumedRole", "principalId": format!("AROA:{evil}"),
            "arn": format!("arn:aws:sts::111122223333:assumed-role/r/{evil}"),
            "accountId": evil, "invokedBy": evil
        },
        "requestParameters": { "clusterIdentifier": evil, "dbUser": evil }
    }))
}

#[test]
fn no_hostile_character_reaches_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[31m\u{202e}.json.gz";
    put(folder.path(), name, &object(&[hostile()]));
    for form in ["table", "jsonl"] {
        let out = redtrail(["inspect", ".", "--output", form], folder.path());
        assert_eq!(out.status, 0, "{}", out.stderr);
        assert!(!out.stdout.is_empty());
        for character in out.stdout.chars().chain(out.stderr.chars()) {
            let plain = character == '\n'
                || !(character.is_control()
                    || matches!(character, '\u{202e}' | '\u{200b}' | '\u{e0041}'));
            assert!(plain, "{form}: {}", character.escape_unicode());
        }
    }
}

#[test]
fn tables_fit_their_columns_whatever_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    let long = json!({
        "requestParameters": { "clusterIdentifier": "x".repeat(2000) },
        "errorCode": "AVeryLongErrorCodeThatNobodyWouldEverThinkOf".repeat(4),
    });
    put(
        folder.path(),
        "long.json.gz",
        &object(&[record(&long), hostile()]),
    );
    for columns in ["80", "160"] {
        let args = ["inspect", "."];
        let out = run::redtrail_in(args, folder.path(), &[("COLUMNS", columns)]);
        let width: usize = columns.parse().unwrap();
        assert!(out.stdout.lines().count() > 50);
        // An object's line is whole, so that it can be copied as one.
        let is_object = |line: &&str| line.ends_with(".json.gz");
        assert!(out.stdout.lines().any(|line| is_object(&line)));
        for line in out.stdout.lines().filter(|line| !is_object(line)) {
            assert!(line.chars().count() <= width, "{line}");
        }
        assert!(out.stdout.contains("cluster:sales-"), "{}", out.stdout);
    }
}

#[test]
fn ok_a_reader_that_stops_early_hears_no_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let many: Vec<_> = (0..5000)
        .map(|n| record(&json!({ "eventID": format!("e{n}") })))
        .collect();
    put(folder.path(), "a.json.gz", &object(&many));
    let out =
        run::redtrail_read_partly(["inspect", "a.json.gz", "--output", "jsonl"], folder.path());
    assert_eq!((out.status, out.stderr.as_str()), (0, ""));
}
