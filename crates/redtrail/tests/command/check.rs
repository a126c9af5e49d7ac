//! `redtrail check`, against a CloudFormation and a Lambda that answer as AWS documents it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};

use crate::run::{Output, json_lines, redtrail_in};

const STATEMENT: &str = r#"{"Sid": "RedtrailDecryptsLogObjects", "Effect": "Allow"}"#;

fn describe_stacks(parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(key, value)| {
            format!(
                "<member><ParameterKey>{key}</ParameterKey>\
                 <ParameterValue>{value}</ParameterValue></member>"
            )
        })
        .collect();
    let outputs: String = [
        ("IngestFunctionName", "redtrail-Ingest-1"),
        ("KeyPolicyStatement", &STATEMENT.replace('"', "&quot;")),
    ]
    .iter()
    .map(|(key, value)| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    })
    .collect();
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <DescribeStacksResult><Stacks><member><StackName>redtrail</StackName>\
         <CreationTime>2026-03-02T09:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus>\
         <Parameters>{parameters}</Parameters><Outputs>{outputs}</Outputs>\
         </member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
}

/// An AWS whose function gives that answer; what the function is asked comes out.
fn aws(stack: String, answer: Value, error: bool) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::channel();
    let serve = move |stream: TcpStream| {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).ok()? > 0 {}
        let lowered = head.to_lowercase();
        let length = lowered.split_once("content-length: ")?.1;
        let mut body = vec![0; length.split("\r\n").next()?.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let is_invocation = head.starts_with("POST /2015-03-31/functions/redtrail-Ingest-1/");
        let (kind, answer) = if is_invocation {
            sender.send(serde_json::from_slice(&body).ok()?).ok()?;
            let kind = if error {
                "application/json\r\nX-Amz-Function-Error: Unhandled"
            } else {
                "application/json"
            };
            (kind, answer.to_string())
        } else {
            assert!(String::from_utf8_lossy(&body).contains("Action=DescribeStacks"));
            ("text/xml", stack.clone())
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        let mut stream = reader.into_inner();
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(answer.as_bytes()).ok()
    };
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
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
    let stack = describe_stacks(&[
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
    let stack = describe_stacks(&[
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
        (
            describe_stacks(&trail),
            json!(null),
            false,
            "another version",
        ),
        (
            describe_stacks(&trail),
            json!({"errorMessage": "out of memory"}),
            true,
            "out of memory",
        ),
        (describe_stacks(&[]), json!(null), false, "TrialBucketName"),
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
