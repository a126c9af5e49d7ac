//! `redtrail events`.

use std::fs;

use serde_json::{Value, json};

use crate::run::{json_lines, redtrail, redtrail_with_input};

const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";

fn notification(event_name: &str, key: &str) -> Value {
    json!({ "Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": event_name,
        "s3": {
            "bucket": { "name": "trail" },
            "object": { "key": key, "size": 5, "versionId": "v1" }
        }
    }]})
}

fn message(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "eventSource": "aws:sqs", "body": body })
}

#[test]
fn outcomes() {
    let folder = tempfile::tempdir().unwrap();
    let created = notification("ObjectCreated:Put", KEY);
    let digest = KEY.replace("/CloudTrail/", "/CloudTrail-Digest/");
    let batch = json!({ "Records": [
        message("m1", &created.to_string()), message("m2", "who knows")
    ]});
    let the_object = json!({ "bucket": "trail", "key": KEY, "version_id": "v1" });
    for (payload, outcome, reason, objects) in [
        (created, "process", "", vec![the_object.clone()]),
        (
            notification("ObjectCreated:Put", &digest),
            "ignore",
            "digest",
            vec![],
        ),
        (
            notification("ObjectRemoved:Delete", KEY),
            "ignore",
            "not_object_created",
            vec![],
        ),
        (
            json!({ "Event": "s3:TestEvent", "Service": "Amazon S3", "Bucket": "trail" }),
            "ignore",
            "s3_test_event",
            vec![],
        ),
        (json!({ "hello": 1 }), "fail", "unknown_shape", vec![]),
        // The good message of the batch is processed all the same.
        (batch, "fail", "message m2: ", vec![the_object]),
    ] {
        fs::write(folder.path().join("p.json"), payload.to_string()).unwrap();
        let out = redtrail(["events", "p.json"], folder.path());
        let mut lines = json_lines(&out.stdout);
        let last = lines.pop().unwrap();
        assert_eq!(last["outcome"], outcome, "{payload}");
        assert_eq!(last["payload"], "p.json");
        assert!(
            last["reason"].as_str().unwrap_or_default().contains(reason),
            "{last}"
        );
        assert_eq!(lines, objects, "{payload}");
        assert_eq!(out.status, i32::from(outcome == "fail"), "{payload}");
    }
}

#[test]
fn one_failing_payload_does_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.json"), "{").unwrap();
    let good = notification("ObjectCreated:Put", KEY).to_string();
    let out = redtrail_with_input(["events", "bad.json", "-"], folder.path(), good.as_bytes());
    let outcomes: Vec<_> = json_lines(&out.stdout)
        .iter()
        .filter_map(|line| {
            Some((
                line["payload"].as_str()?.to_owned(),
                line["outcome"].clone(),
            ))
        })
        .collect();
    let expected = [("bad.json", "fail"), ("-", "process")];
    assert_eq!(
        outcomes,
        expected.map(|(name, outcome)| (name.to_owned(), json!(outcome)))
    );
    assert_eq!(out.status, 1);
}

#[test]
fn err_usage() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(redtrail(["events"], folder.path()).status, 2);
    let out = redtrail(["events", "no-such-file"], folder.path());
    assert_eq!((out.status, out.stdout.as_str()), (2, ""));
    assert!(out.stderr.contains("no-such-file"));
}
