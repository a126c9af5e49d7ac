//! Answers about events whose texts somebody chose to deceive: CSV opened by a strict parser,
//! tables without a control character, a page whose markup is its own.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use redtrail_core::retention::Retention;
use serde_json::{Value, json};

use crate::{
    run::json_lines,
    trail::{Trail, assert_plain, key, log, record},
};

const SESSION: &str =
    "=cmd|' /C calc'!A0\",\"<script>alert(1)</script>\u{202e}\u{1b}[2J\r\n\u{e0041};x";
const SINCE: [&str; 2] = ["--since", "2026-03-01"];

fn hostile(id: &str) -> Value {
    let mut event = record(id);
    event["eventName"] = "GetClusterCredentials".into();
    event["userIdentity"] = json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLEEXAMPLE123:{SESSION}"),
        "arn": format!("arn:aws:sts::111122223333:assumed-role/Analyst/{SESSION}"),
        "accountId": "111122223333", "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {"sessionIssuer": {
            "type": "Role", "arn": "arn:aws:iam::111122223333:role/Analyst",
            "accountId": "111122223333", "userName": "Analyst",
        }},
    });
    event["requestParameters"] = json!({
        "clusterIdentifier": "sales", "dbUser": format!("@{SESSION}"), "dbName": "+dev",
    });
    event["responseElements"] = json!({"dbUser": format!("-{SESSION}"), "expiration": "=1+1"});
    event["userAgent"] = format!("\t=1+1,\"{SESSION}").into();
    event["sourceIPAddress"] = format!("{SESSION}\"\"").into();
    event
}

/// The rows of a CSV, as Python reads them when it forgives nothing.
fn rows(csv: &str) -> Vec<Vec<String>> {
    const READ: &str = "import csv, json, sys\n\
        text = sys.stdin.buffer.read().decode('utf-8')\n\
        rows = csv.reader(text.splitlines(keepends=True), strict=True)\n\
        print(json.dumps(list(rows)))";
    let mut python = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(csv.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn ok_no_answer_deceives() {
    let trail = Trail::start();
    let object = key("", "111122223333", "us-east-1", "20260302T0905");
    let body = log(&[hostile("e1").to_string(), hostile("e2").to_string()]);
    trail.deliver(&object, &body, Retention::Forever);
    let role = "arn:aws:iam::111122223333:role/Analyst";
    for (question, records) in [
        (&["query", "principal", role][..], 2),
        (&["query", "resource", "sales"], 2),
        (&["touched", role], 4),
        (&["who", "sales"], 3),
        (&["find", "a"], 3),
        (&["active", "--day", "2026-03-02"], 2),
    ] {
        let window = if matches!(question[0], "touched" | "who") {
            &SINCE[..]
        } else {
            &[]
        };
        let ask = |form: &str| {
            let args = [question, window, &["--output", form]].concat();
            let out = trail.redtrail(&args, b"");
            assert_eq!(out.status, 0, "{args:?}: {}", out.stderr);
            assert_plain(&out);
            out.stdout
        };
        let table = ask("table");
        assert!(!table.is_empty());
        assert!(!json_lines(&ask("jsonl")).is_empty());
        let rows = rows(&ask("csv"));
        let (header, rows) = rows.split_first().unwrap();
        assert!(rows.len() >= records, "{question:?}: {}", rows.len());
        for row in rows {
            assert_eq!(row.len(), header.len(), "{question:?}: {row:?}");
            for field in row {
                let first = field.trim_start().chars().next();
                assert!(!matches!(first, Some('=' | '+' | '-' | '@')), "{field}");
            }
        }
    }
}

#[test]
fn ok_the_page_is_written_beside_the_answer() {
    let trail = Trail::start();
    let object = key("", "111122223333", "us-east-1", "20260302T0905");
    trail.deliver(
        &object,
        &log(&[hostile("e1").to_string()]),
        Retention::Forever,
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("touched.html");
    let file = file.to_str().unwrap();
    let args = [
        "touched",
        "ASIAIOSFODNN7EXAMPLE",
        "--since",
        "2026-03-01",
        "--html",
        file,
    ];
    let out = trail.redtrail(&args, b"");
    assert_eq!(out.status, 0, "{}", out.stderr);
    assert!(out.stderr.contains("written: "), "{}", out.stderr);
    let page = std::fs::read_to_string(file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script"),
        "{page}"
    );
    assert!(page.contains("cluster:sales"));

    let out = trail.redtrail(&[&args[..5], &["/no/such/folder/x.html"]].concat(), b"");
    assert_eq!(out.status, 1);
    assert!(out.stderr.contains("--html"), "{}", out.stderr);
}
