//! `--stack NAME`, against an SSM that answers as AWS documents it.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>

use redtrail_trailgen::sample;
use serde_json::{Value, json};

use crate::{local::Local, run::json_lines, stub::stub};

/// An SSM with these parameters; any other is named as invalid.
fn ssm(parameters: Vec<(String, String)>) -> String {
    stub(move |request| {
        let head = request.head.to_lowercase();
        assert!(
            head.contains("x-amz-target: amazonssm.getparameters\r\n"),
            "{head}"
        );
        let asked: Value = serde_json::from_slice(&request.body).ok()?;
        let mut found = Vec::new();
        let mut invalid = Vec::new();
        for name in asked["Names"].as_array()? {
            match parameters.iter().find(|(known, _)| name == known.as_str()) {
                Some((name, value)) => found.push(json!({
                    "Name": name, "Type": "String", "Value": value, "Version": 1
                })),
                None => invalid.push(name.clone()),
            }
        }
        let answer = json!({"Parameters": found, "InvalidParameters": invalid});
        Some(("application/x-amz-json-1.1", answer.to_string()))
    })
}

#[test]
fn ok_a_stack_names_its_tables() {
    let mut local = Local::start();
    let mut parameters = Vec::new();
    for (variable, parameter) in [
        ("PRINCIPALS_TABLE", "principals-table"),
        ("RESOURCES_TABLE", "resources-table"),
        ("DIRECTORY_TABLE", "directory-table"),
        ("LEDGER_TABLE", "ledger-table"),
    ] {
        let name = local.unset(variable);
        let arn = format!("arn:aws:dynamodb:us-east-1:111122223333:table/{name}");
        parameters.push((format!("/redtrail/audit/{parameter}-arn"), arn));
        parameters.push((format!("/redtrail/audit/{parameter}"), name));
    }
    local.set("AWS_ENDPOINT_URL_SSM", &ssm(parameters));
    let question = ["query", "principal", sample::PRINCIPAL, "--output", "jsonl"];
    let ask = |stack: &[&str]| local.redtrail(&[&question[..], stack].concat(), b"");

    let out = ask(&["--stack", "audit"]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    let events = sample::events_by_principal().len();
    assert_eq!(json_lines(&out.stdout).len(), events);

    let out = ask(&["--stack", "another"]);
    assert_eq!((out.status, out.stdout.as_str()), (1, ""));
    assert!(
        out.stderr.contains("/redtrail/another/principals-table"),
        "{}",
        out.stderr
    );
    let out = ask(&[]);
    assert_eq!(out.status, 2);
    assert!(out.stderr.contains("--stack NAME"), "{}", out.stderr);
}
