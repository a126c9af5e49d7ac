//! `redtrail inspect s3://…`: the same as of the same files in a folder.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use redtrail_local::Fault;
use redtrail_trailgen::{Trail as Made, TrailOptions, sample};
use serde_json::{Value, json};

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
        assert_eq!(said["all_read"], true);
        assert_eq!(said.get("complete"), None, "that only digests prove");
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
    let is_in_hour = |event: &&Value| {
        event["event_time"]
            .as_str()
            .unwrap()
            .starts_with("2026-03-02T10")
    };
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
    assert_eq!(said["accounts"], json!(["111122223333"]));
    assert_eq!(said["regions"], json!(["us-east-1"]));
    let is_of_it = |event: &Value| {
        let reference = event["reference"].as_str().unwrap();
        reference.contains("/111122223333/CloudTrail/us-east-1/")
    };
    let found = json_lines(&of_account.stdout);
    assert!(!found.is_empty() && found.iter().all(is_of_it));
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
    assert_eq!(coverage["all_read"], false);
    let quiet = &coverage["coverage"]["without_objects"][0];
    assert_eq!(quiet["hours_without_objects"], 2);
    let span = json!({ "from": "2026-03-02T10:00:00Z", "until": "2026-03-02T12:00:00Z" });
    assert_eq!(quiet["spans"], json!([span]));

    let out = trail.redtrail(&question, b"");
    for part in [
        "1 rejected",
        "no object in 2 of 4 hours: 2026-03-02T10:00:00Z to 2026-03-02T12:00:00Z",
        "`redtrail verify`",
        "0905",
    ] {
        let is_said = out.stderr.contains(part) || out.stdout.contains(part);
        assert!(is_said, "{part}: {}", out.stderr);
    }
    assert_plain(&out);
}

#[test]
fn err_stopped_on_the_way() {
    let trail = Trail::start();
    trail.put_object(
        &key("", "111122223333", "us-east-1", "20260302T0900"),
        &log(&[record("e1").to_string()]),
    );
    for minute in 10..40 {
        let time = format!("20260302T10{minute}");
        trail.put_object(&key("", "111122223333", "us-east-1", &time), &log(&["5"]));
    }
    // All of the later hour is cut off, however often it is asked for.
    let proxy = trail.proxy(|request| {
        let is_cut = request.operation == "GetObject" && request.path().contains("20260302T10");
        is_cut.then_some(Fault::CutBody(5))
    });
    let endpoint = proxy.s3_endpoint();
    let question = [
        "inspect",
        "s3://trail",
        "--since=2026-03-02",
        "--output=jsonl",
    ];
    let out = trail.redtrail_in(&question, &[("AWS_ENDPOINT_URL_S3", &endpoint)], b"");
    assert_eq!(out.status, 1);
    assert_eq!(events(&out).len(), 1);
    assert!(out.stderr.contains("20 objects in a row"), "{}", out.stderr);
    let told = out
        .stderr
        .lines()
        .find(|line| line.contains("\"coverage\""));
    let told: Value = serde_json::from_str(told.unwrap()).unwrap();
    assert_eq!(told["all_read"], false);
    assert_eq!(told["coverage"]["accepted"], 1);
    assert_eq!(told["coverage"]["failed"], 20);
    assert_eq!(told["coverage"]["without_objects"], Value::Null);
    assert_eq!(told["coverage"]["rejected"], 0);
}

#[test]
fn ok_an_object_that_was_cut_off_is_fetched_again() {
    let trail = Trail::start();
    let time = "20260302T0900";
    let body = log(&[record("e1").to_string()]);
    trail.put_object(&key("", "111122223333", "us-east-1", time), &body);
    let cuts = AtomicU32::new(0);
    let proxy = trail.proxy(move |request| {
        let is_first =
            request.operation == "GetObject" && cuts.fetch_add(1, Ordering::Relaxed) == 0;
        is_first.then_some(Fault::CutBody(5))
    });
    let endpoint = proxy.s3_endpoint();
    let question = [
        "inspect",
        "s3://trail",
        "--since=2026-03-02",
        "--output=jsonl",
    ];
    let out = trail.redtrail_in(&question, &[("AWS_ENDPOINT_URL_S3", &endpoint)], b"");
    assert_eq!((out.status, events(&out).len()), (0, 1), "{}", out.stderr);
    assert_eq!(proxy.counts().requests["GetObject"], 2);
}

#[test]
fn ok_one_object() {
    let trail = Trail::start();
    let object = sample::objects().remove(0);
    trail.put_object(object.key, &object.body());
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
        out.stderr.contains("none.json.gz: failed"),
        "{}",
        out.stderr
    );
}

const LARGE: usize = 6000;

/// An object of more than 8 MiB of records, hardly to be packed.
fn large() -> Vec<u8> {
    let mut state = 1_u64;
    let mut text = || -> String {
        (0..100)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                format!("{:016x}", state.rotate_left(17).wrapping_mul(state))
            })
            .collect()
    };
    let records: Vec<String> = (0..LARGE)
        .map(|n| {
            let mut record = record(&format!("e{n}"));
            record["userAgent"] = text().into();
            record.to_string()
        })
        .collect();
    log(&records)
}

/// Reads the large object while some of its GetObject requests, counted from 0, end halfway.
fn large_cut(is_cut: impl Fn(u32) -> bool + Send + Sync + 'static) -> (Output, u64) {
    let trail = Trail::start();
    let body = large();
    let half = body.len() / 2;
    let place = key("", "111122223333", "us-east-1", "20260302T0905");
    trail.put_object(&place, &body);
    let gets = AtomicU32::new(0);
    let proxy = trail.proxy(move |request| {
        let is_get = request.operation == "GetObject";
        (is_get && is_cut(gets.fetch_add(1, Ordering::Relaxed))).then_some(Fault::CutBody(half))
    });
    let endpoint = proxy.s3_endpoint();
    let question = [
        "inspect",
        "s3://trail",
        "--since=2026-03-02",
        "--output=jsonl",
    ];
    let out = trail.redtrail_in(&question, &[("AWS_ENDPOINT_URL_S3", &endpoint)], b"");
    (out, proxy.counts().requests["GetObject"])
}

#[track_caller]
fn assert_first_events(out: &Output, count: usize) {
    let ids: Vec<String> = json_lines(&out.stdout)
        .iter()
        .map(|event| event["event_id"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..count).map(|n| format!("e{n}")).collect();
    assert_eq!(ids, expected);
}

#[test]
fn ok_an_object_with_more_than_is_held() {
    // Whole, and with the second reading cut off halfway, once or twice.
    for cuts in 0..3 {
        let (out, gets) = large_cut(move |get| (1..=cuts).contains(&get));
        assert_eq!(out.status, 0, "{cuts}: {}", out.stderr);
        assert_eq!(gets, u64::from(2 + cuts));
        assert_first_events(&out, LARGE);
        assert_eq!(coverage(&out)["all_read"], true);
    }
}

#[test]
fn err_the_second_reading_is_always_cut_off() {
    let (out, gets) = large_cut(|get| get > 0);
    assert_eq!(out.status, 1);
    assert_eq!(gets, 4);
    let said = coverage(&out);
    let shown = usize::try_from(said["coverage"]["events_shown"].as_u64().unwrap()).unwrap();
    assert!((1..LARGE).contains(&shown), "{shown}");
    assert_first_events(&out, shown);
    assert_eq!(said["all_read"], false);
    assert_eq!(said["coverage"]["failed"], 1);
    assert_eq!(said["coverage"]["rejected"], 0);
    let object = &json_lines(&out.stderr)[0];
    assert_eq!(object["verdict"], "failed");
    let reason = object["reason"].as_str().unwrap();
    let told = format!("after {shown} of its events: ");
    assert!(reason.starts_with(&told), "{reason}");
}

#[test]
fn ok_two_trails_of_one_account_and_region() {
    let trail = Trail::start();
    let account = key("", "111122223333", "us-east-1", "20260302T0905");
    let organization = account.replace("AWSLogs/", "AWSLogs/o-exampleorgid/");
    let body = log(&[record("e1").to_string()]);
    trail.put_object(&account, &body);
    trail.put_object(&organization, &body);
    // A quarter of an hour before, and no hour of the time.
    let before = key("", "111122223333", "us-east-1", "20260302T0850");
    trail.put_object(&before, &log(&["5"]));
    let only = organization.replace("T0905Z", "T1005Z");
    trail.put_object(&only, &body);
    let out = trail.redtrail(
        &[
            "inspect",
            "s3://trail",
            "--since=2026-03-02T09:00:00Z",
            "--until=2026-03-02T12:00:00Z",
            "--output=jsonl",
        ],
        b"",
    );
    assert_eq!(out.status, 0, "{}", out.stderr);
    assert_eq!(events(&out).len(), 3);
    let said = coverage(&out);
    let quiet = said["coverage"]["without_objects"].as_array().unwrap();
    let of = |organization: Value| {
        let of_it = quiet.iter().find(|it| it["organization"] == organization);
        of_it.unwrap()["hours_without_objects"].as_u64().unwrap()
    };
    assert_eq!((of(Value::Null), of("o-exampleorgid".into())), (2, 1));
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
        (&["s3://trail", "--since=9000-01-01"], "yet to come"),
        (
            &["s3://trail/a.json.gz", "--since=9000-01-01"],
            "yet to come",
        ),
        (
            &["s3://trail/a.json.gz", "--accounts=111122223333"],
            "one object",
        ),
        (
            &["s3://trail/a.json.gz", "--regions=us-east-1"],
            "one object",
        ),
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
