//! `redtrail inspect s3://…`: the same as of the same files in a folder.

use std::{fs, path::Path};

use redtrail_trailgen::{Trail as Made, TrailOptions, sample};
use serde_json::Value;

use crate::{
    run::{Output, json_lines, redtrail},
    trail::{Trail, assert_plain, key, log, record},
};

/// Puts the objects of a trail into the bucket and, for comparison, into a folder.
fn made(trail: &Trail, folder: &Path, prefix: &str) {
    let mut made = Made::with_options(TrailOptions {
        seed: 11,
        redshift_share: 0.3,
        ..TrailOptions::default()
    });
    for _ in 0..40 {
        let object = made.object(30);
        let key = format!("{prefix}{}", object.key);
        trail.put_object(&key, &object.gzip());
        let path = folder.join(&key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, object.gzip()).unwrap();
    }
}

/// The events, without where their objects lie.
fn events(out: &Output) -> Vec<Value> {
    let mut events = json_lines(&out.stdout);
    for event in &mut events {
        let members = event.as_object_mut().unwrap();
        for name in ["reference", "object_bucket", "object_key"] {
            members.remove(name);
        }
    }
    events
}

fn coverage(out: &Output) -> Value {
    json_lines(&out.stderr).pop().unwrap()
}

#[test]
fn ok_the_same_as_the_same_files_in_a_folder() {
    for prefix in ["", "security/a b/"] {
        let trail = Trail::start();
        let folder = tempfile::tempdir().unwrap();
        made(&trail, folder.path(), prefix);
        let place = format!("s3://trail/{prefix}");
        let both = |more: &[&str]| {
            let all = ["--since=2026-03-01", "--until=2026-03-09", "--output=jsonl"];
            let in_s3 = trail.redtrail(&[&["inspect", &place], &all[..], more].concat(), b"");
            let in_folder = redtrail([&["inspect", "."], &all[..], more].concat(), folder.path());
            assert_eq!((in_s3.status, in_folder.status), (0, 0), "{}", in_s3.stderr);
            (in_s3, in_folder)
        };
        let (in_s3, in_folder) = both(&[]);
        let all = events(&in_s3);
        assert!(all.len() > 200, "{}", all.len());
        assert_eq!(all, events(&in_folder));
        let said = coverage(&in_s3);
        assert_eq!(said["complete"], true);
        assert_eq!(said["coverage"]["objects"], 40);
        assert_eq!(said["coverage"]["accepted"], 40);
        assert_eq!(said["coverage"]["events_shown"], all.len());
        assert_eq!(said["coverage"]["digests"], "not_checked");
        assert_eq!(
            json_lines(&in_s3.stderr).len(),
            1,
            "only what is not accepted"
        );

        let caller = all[0]["principal"].as_str().unwrap();
        let (by_one, of_files) = both(&["--principal", caller]);
        let by_one = events(&by_one);
        assert_eq!(by_one, events(&of_files));
        assert!((1..all.len()).contains(&by_one.len()));
        assert!(by_one.iter().all(|event| event["principal"] == caller));

        let touched = all
            .iter()
            .find_map(|event| event["resource_arns"][0].as_str())
            .unwrap();
        let (on_one, of_files) = both(&["--resource", touched]);
        let on_one = events(&on_one);
        assert_eq!(on_one, events(&of_files));
        assert!((1..all.len()).contains(&on_one.len()));
        let is_on = |event: &Value| {
            let resources = event["resource_arns"].as_array().unwrap();
            resources.iter().any(|resource| resource == touched)
        };
        assert!(on_one.iter().all(is_on));
    }
}

#[test]
fn ok_only_objects_that_may_hold_the_time() {
    let trail = Trail::start();
    let folder = tempfile::tempdir().unwrap();
    made(&trail, folder.path(), "");
    let ask = |more: &[&str]| {
        trail.redtrail(
            &[&["inspect", "s3://trail", "--output=jsonl"], more].concat(),
            b"",
        )
    };
    let all = ask(&["--since=2026-03-02"]);
    let hour = [
        "--since=2026-03-02T10:00:00Z",
        "--until=2026-03-02T11:00:00Z",
    ];
    let of_hour = ask(&hour);
    let is_in_hour = |event: &&Value| event["event_time"].as_str().unwrap()[11..13] == *"10";
    let expected: Vec<Value> = events(&all).iter().filter(is_in_hour).cloned().collect();
    assert!(!expected.is_empty());
    assert_eq!(events(&of_hour), expected);
    let read = |out: &Output| coverage(out)["coverage"]["objects"].as_u64().unwrap();
    assert!(read(&of_hour) < read(&all));

    let of_account = ask(&[
        "--since=2026-03-02",
        "--accounts=111122223333",
        "--regions=us-east-1",
    ]);
    let said = &coverage(&of_account)["coverage"];
    assert_eq!(said["accounts"], serde_json::json!(["111122223333"]));
    assert_eq!(said["regions"], serde_json::json!(["us-east-1"]));
    let is_of_it =
        |event: &Value| event["account_id"] == "111122223333" && event["aws_region"] == "us-east-1";
    assert!(events(&of_account).iter().all(is_of_it));
}

#[test]
fn ok_what_cannot_be_read_is_told_and_where_nothing_came() {
    let trail = Trail::start();
    let of = |time: &str| key("", "111122223333", "us-east-1", &format!("20260302T{time}"));
    trail.put_object(&of("0905"), &log(&[record("e1").to_string()]));
    trail.put_object(&of("0910"), b"no log");
    trail.put_object(
        &of("1205"),
        &log(&["5".to_owned(), record("e2").to_string()]),
    );
    let question = [
        "inspect",
        "s3://trail",
        "--since=2026-03-02T09:00:00Z",
        "--until=2026-03-02T13:00:00Z",
    ];
    let out = trail.redtrail(&[&question[..], &["--output=jsonl"]].concat(), b"");
    assert_eq!(out.status, 1);
    assert_eq!(events(&out).len(), 2);
    let said = json_lines(&out.stderr);
    let verdicts: Vec<&Value> = said.iter().map(|line| &line["verdict"]).collect();
    assert_eq!(
        verdicts,
        ["rejected", "partial", ""]
            .map(|text| match text {
                "" => Value::Null,
                text => text.into(),
            })
            .iter()
            .collect::<Vec<_>>()
    );
    let coverage = &said[2];
    assert_eq!(coverage["complete"], false);
    let quiet = &coverage["coverage"]["without_objects"][0];
    assert_eq!(quiet["hours_without_objects"], 2);
    assert_eq!(quiet["first"], "2026-03-02T10:00:00Z");

    let out = trail.redtrail(&question, b"");
    for part in [
        "1 rejected",
        "no object in 2 of 4 hours",
        "`redtrail verify`",
        "0905",
    ] {
        let is_said = out.stderr.contains(part) || out.stdout.contains(part);
        assert!(is_said, "{part}: {}", out.stderr);
    }
    assert_plain(&out);
}

#[test]
fn ok_one_object() {
    let trail = Trail::start();
    let object = sample::objects().remove(0);
    trail.put_object(&object.key, &object.body());
    let place = format!("s3://trail/{}", object.key);
    let out = trail.redtrail(&["inspect", &place, "--output=jsonl"], b"");
    assert_eq!(out.status, 0, "{}", out.stderr);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json.gz"), object.body()).unwrap();
    let of_file = redtrail(["inspect", "a.json.gz", "--output=jsonl"], folder.path());
    assert_eq!(events(&out), events(&of_file));
    // Its references lead back to it.
    let reference = json_lines(&out.stdout)[0]["reference"]
        .as_str()
        .unwrap()
        .to_owned();
    let raw = trail.redtrail(&["raw", &reference], b"");
    assert_eq!(raw.status, 0, "{}", raw.stderr);

    let out = trail.redtrail(&["inspect", "s3://trail/none.json.gz"], b"");
    assert_eq!(out.status, 1);
    assert!(
        out.stderr.contains("none.json.gz: rejected"),
        "{}",
        out.stderr
    );
}

#[test]
fn ok_an_object_with_more_than_is_held() {
    let trail = Trail::start();
    let records: Vec<String> = (0..2000)
        .map(|n| {
            let mut record = record(&format!("e{n}"));
            record["userAgent"] = "a".repeat(700).into();
            record.to_string()
        })
        .collect();
    let place = key("", "111122223333", "us-east-1", "20260302T0905");
    trail.put_object(&place, &log(&records));
    let out = trail.redtrail(
        &[
            "inspect",
            "s3://trail",
            "--since=2026-03-02",
            "--output=jsonl",
        ],
        b"",
    );
    assert_eq!(out.status, 0, "{}", out.stderr);
    let ids: Vec<String> = json_lines(&out.stdout)
        .iter()
        .map(|event| event["event_id"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..2000).map(|n| format!("e{n}")).collect();
    assert_eq!(ids, expected);
}

#[test]
fn err_usage() {
    let trail = Trail::start();
    for (args, expected) in [
        (&["s3://trail"][..], "--since"),
        (&["s3://"], "s3://BUCKET"),
        (
            &["s3://trail/AWSLogs/111122223333/", "--since=1d"],
            "--accounts",
        ),
        (&["s3://trail", "s3://other", "--since=1d"], "one trail"),
        (&["s3://trail", ".", "--since=1d"], "one trail"),
        (&[".", "--accounts=111122223333"], "--accounts"),
        (&["s3://trail", "--since=tomorrowish"], "not a time"),
        (
            &[
                "s3://trail",
                "--since=1d",
                "--resource=arn:aws:iam::111122223333:role/a",
            ],
            "--principal",
        ),
        (
            &["s3://trail/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/a.json.gz"],
            "digest",
        ),
    ] {
        let out = trail.redtrail(&[&["inspect"], args].concat(), b"");
        assert_eq!(out.status, 2, "{args:?}: {}", out.stderr);
        assert!(out.stderr.contains(expected), "{args:?}: {}", out.stderr);
    }
    let out = trail.redtrail(&["inspect", "s3://trail/none", "--since=1d"], b"");
    assert_eq!(out.status, 1);
}
