//! `redtrail check`, against a CloudFormation and a Lambda that answer as AWS documents it.

use std::sync::mpsc;

use serde_json::{Value, json};

use crate::{
    run::{Output, json_lines, redtrail_in},
    stub::{describe_stacks, stub},
};

const STATEMENT: &str = r#"{"Sid": "RedtrailDecryptsLogObjects", "Effect": "Allow"}"#;

fn described(parameters: &[(&str, &str)]) -> String {
    let outputs = [
        ("IngestFunctionName", "redtrail-Ingest-1"),
        ("KeyPolicyStatement", STATEMENT),
    ];
    describe_stacks(parameters, &outputs)
}

/// An AWS whose function gives that answer; what the function is asked comes out.
fn aws(stack: String, answer: Value, error: bool) -> (String, mpsc::Receiver<Value>) {
    let (sender, asked) = mpsc::channel();
    let endpoint = stub(move |request| {
        let invocation = "POST /2015-03-31/functions/redtrail-Ingest-1/";
        if !request.head.starts_with(invocation) {
            let body = String::from_utf8_lossy(&request.body);
            assert!(body.contains("Action=DescribeStacks"));
            return Some(("text/xml", stack.clone()));
        }
        let asked = serde_json::from_slice(&request.body).ok()?;
        sender.send(asked).ok()?;
        let kind = if error {
            "application/json\r\nX-Amz-Function-Error: Unhandled"
        } else {
            "application/json"
        };
        Some((kind, answer.to_string()))
    });
    (endpoint, asked)
}

fn check(endpoint: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    redtrail_in(
        ["check", "--stack", "redtrail"].iter().chain(args),
        folder.path(),
        &[
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "example"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
        ],
    )
}

fn finding(check: &str, state: &str) -> Value {
    json!({"check": check, "state": state, "found": format!("what was found of {check}")})
}

#[test]
fn ok_all_good() {
    let stack = described(&[
        ("TrailBucketName", "trail"),
        ("TrailPrefix", "*"),
        ("Delivery", "EventBridge"),
    ]);
    let answer = json!({"findings": [finding("bucket", "good"), finding("announcement", "open")]});
    let (endpoint, asked) = aws(stack, answer, false);
    let out = check(&endpoint, &[]);
    assert_eq!((out.status, out.stderr.as_str()), (0, ""));
    assert_eq!(
        out.stdout,
        "✔ bucket: what was found of bucket\n? announcement: what was found of announcement\n"
    );
    let expected = json!({
        "redtrail": "check",
        "bucket": "trail",
        "prefix": "",
        "stack_created_epoch_seconds": 1_772_442_000,
    });
    assert_eq!(asked.recv().unwrap(), expected);
    // The stack takes any prefix; which one the trail has, its owner knows.
    check(&endpoint, &["--prefix", "security/"]);
    assert_eq!(asked.recv().unwrap()["prefix"], "security/");
}

#[test]
fn bad_with_what_mends_it() {
    let stack = described(&[
        ("TrailBucketName", "trail"),
        ("TrailPrefix", "security/"),
        ("Delivery", "EventBridge"),
    ]);
    let mut key = finding("key", "bad");
    key["mended_by"] = "KeyPolicyStatement".into();
    key["found"] = "denied\u{1b}[2J".into();
    let answer = json!({"findings": [key, finding("announcement", "bad")]});
    let (endpoint, asked) = aws(stack, answer, false);
    let out = check(&endpoint, &[]);
    assert_eq!((out.status, out.stderr.as_str()), (1, ""));
    let lines: Vec<&str> = out.stdout.lines().collect();
    assert_eq!(lines[0], "✘ key: denied\\u{1b}[2J");
    assert_eq!(lines[1], format!("    {STATEMENT}"));
    assert_eq!(lines[2], "✘ announcement: what was found of announcement");
    assert!(lines[3].contains("EventBridge"));
    assert_eq!(asked.recv().unwrap()["prefix"], "security/");
    let out = check(&endpoint, &["--output", "jsonl"]);
    assert_eq!(out.status, 1);
    let found = json_lines(&out.stdout);
    assert_eq!(found[0]["state"], "bad");
    assert_eq!(found[0]["mend"], STATEMENT);
}

#[test]
fn err_not_asked() {
    let trail = [("TrailBucketName", "trail")];
    for (stack, answer, error, said) in [
        (described(&trail), json!(null), false, "another version"),
        (
            described(&trail),
            json!({"errorMessage": "out of memory"}),
            true,
            "out of memory",
        ),
        (described(&[]), json!(null), false, "TrialBucketName"),
        (
            "<DescribeStacksResponse><DescribeStacksResult/></DescribeStacksResponse>".to_owned(),
            json!(null),
            false,
            "no such stack",
        ),
    ] {
        let (endpoint, _asked) = aws(stack, answer, error);
        let out = check(&endpoint, &[]);
        assert_eq!((out.status, out.stdout.as_str()), (1, ""));
        assert!(out.stderr.contains(said), "{}", out.stderr);
    }
}
