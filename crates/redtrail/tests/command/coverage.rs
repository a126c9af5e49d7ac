//! How far answers say they reach, by objects that were delivered, damaged, put off or lost.

use redtrail_core::{
    digest_entry::{DigestEntry, DigestVerdict},
    retention::Retention,
};
use serde_json::{Value, json};

use crate::{
    run::{Output, json_lines},
    trail::{Trail, key, log, record},
};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
const CLUSTER: &str = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod";
const FOLDER: &str = "trail/AWSLogs/111122223333/CloudTrail/us-east-1/";

fn deliver(trail: &Trail, time: &str, body: &[u8]) {
    trail.deliver(&key("", ACCOUNT, REGION, time), body, Retention::Forever);
}

fn good(id: &str) -> Vec<u8> {
    log(&[record(id).to_string()])
}

/// What was asked on the second of March from eight to ten.
fn ask(trail: &Trail, resource: &str, more: &[&str]) -> Output {
    let args = [
        "query",
        "resource",
        resource,
        "--since",
        "2026-03-02T08:00:00Z",
        "--until",
        "2026-03-02T10:00:00Z",
    ];
    let out = trail.redtrail(&[&args[..], more].concat(), b"");
    assert_eq!(out.status, 0, "{}", out.stderr);
    out
}

/// The line of coverage: that of a table must tell the same.
fn coverage(trail: &Trail, resource: &str) -> Value {
    let out = ask(trail, resource, &["--output", "jsonl"]);
    let lines = json_lines(&out.stderr);
    let mut lines = lines.into_iter().filter(|line| !line["coverage"].is_null());
    let line = lines.next().unwrap();
    assert!(lines.next().is_none());
    let table = ask(trail, resource, &[]).stderr;
    let complete = table.contains("coverage: complete.");
    assert_eq!(line["complete"], complete, "{table}");
    line
}

fn gaps(trail: &Trail, resource: &str) -> Vec<String> {
    let line = coverage(trail, resource);
    let gaps = line["coverage"]["gaps"].as_array().unwrap();
    assert_eq!(line["complete"], gaps.is_empty());
    gaps.iter()
        .map(|gap| gap.as_str().unwrap().to_owned())
        .collect()
}

/// An hour that digests prove, or in which so many logs are missing.
fn digest(trail: &Trail, from: &str, to: &str, missing: u64) {
    let at = |clock: &str| format!("2026-03-02T{clock}:00Z").parse().unwrap();
    let entry = DigestEntry {
        digest_verdict: if missing == 0 {
            DigestVerdict::Proven
        } else {
            DigestVerdict::Incomplete
        },
        logs_listed: 10,
        logs_missing: missing,
        ..DigestEntry::new(FOLDER, "d.json.gz", "t_us-east-1", at(from), at(to))
    };
    trail.put(vec![entry.put().unwrap()]);
}

#[test]
fn ok_an_empty_answer_says_what_it_may_lack() {
    let trail = Trail::start();
    assert_eq!(gaps(&trail, CLUSTER), ["no_trail"]);
    let table = ask(&trail, CLUSTER, &[]);
    assert_eq!(table.stdout, "");
    assert!(
        table.stderr.contains("an empty answer means nothing"),
        "{}",
        table.stderr
    );

    // The first object came after the beginning of the question.
    deliver(&trail, "20260302T0905", &good("e1"));
    assert_eq!(
        gaps(&trail, CLUSTER),
        ["before_tracking", "not_delivered_yet", "not_proven"]
    );
    deliver(&trail, "20260302T0700", &good("e0"));
    assert_eq!(gaps(&trail, CLUSTER), ["not_delivered_yet", "not_proven"]);
    deliver(&trail, "20260302T1005", &good("e2"));
    assert_eq!(gaps(&trail, CLUSTER), ["not_proven"]);
    let line = coverage(&trail, CLUSTER);
    let told = &line["coverage"];
    assert_eq!(told["accounts"], json!([ACCOUNT]));
    assert_eq!(told["tracked_since"], "2026-03-02T07:00:00.000Z");
    assert_eq!(told["delivered_up_to"], "2026-03-02T10:05:00.000Z");
    assert_eq!(told["proven_up_to"], Value::Null);
    // Another Region has no trail.
    let elsewhere = CLUSTER.replace(REGION, "eu-west-1");
    assert_eq!(gaps(&trail, &elsewhere), ["no_trail"]);

    // A damaged object, a record that cannot be read, an object that was put off.
    deliver(&trail, "20260302T0910", b"no gzip");
    assert_eq!(gaps(&trail, CLUSTER), ["rejected", "not_proven"]);
    deliver(
        &trail,
        "20260302T0915",
        &log(&[record("e3").to_string(), "7".to_owned()]),
    );
    assert_eq!(
        gaps(&trail, CLUSTER),
        ["rejected", "quarantined", "not_proven"]
    );
    trail.put_off(&[key("", ACCOUNT, REGION, "20260302T0920")], 100);
    assert_eq!(
        gaps(&trail, CLUSTER),
        ["rejected", "quarantined", "waiting", "not_proven"]
    );
    let line = coverage(&trail, CLUSTER);
    assert_eq!(line["coverage"]["objects_rejected"], 1);
    assert_eq!(line["coverage"]["records_quarantined"], 1);
    assert_eq!(line["coverage"]["objects_waiting"], 1);

    // Once they are whole, nothing is left of it.
    for time in ["20260302T0910", "20260302T0915", "20260302T0920"] {
        deliver(&trail, time, &good(time));
    }
    assert_eq!(gaps(&trail, CLUSTER), ["not_proven"]);

    // Digests prove it, but for the hour whose log was never announced.
    digest(&trail, "07:30", "08:30", 0);
    digest(&trail, "08:30", "09:30", 1);
    digest(&trail, "09:30", "10:30", 0);
    assert_eq!(gaps(&trail, CLUSTER), ["missing", "not_proven"]);
    let line = coverage(&trail, CLUSTER);
    assert_eq!(line["coverage"]["objects_missing"], 1);
    assert_eq!(line["coverage"]["proven_up_to"], "2026-03-02T08:30:00.000Z");
    digest(&trail, "08:30", "09:30", 0);
    assert_eq!(gaps(&trail, CLUSTER), [""; 0]);
    assert_eq!(coverage(&trail, CLUSTER)["complete"], true);
}

#[test]
fn ok_an_account_s_coverage_is_of_all_its_regions() {
    let trail = Trail::start();
    for (account, region, time) in [
        (ACCOUNT, REGION, "20260302T0700"),
        (ACCOUNT, "eu-west-1", "20260302T1015"),
        ("444455556666", REGION, "20260302T1015"),
    ] {
        let key = key("", account, region, time);
        trail.deliver(&key, &good(time), Retention::Forever);
    }
    let ask = |who: &str| {
        let args = ["query", "principal", who, "--output", "jsonl"];
        let out = trail.redtrail(&args, b"");
        let lines = json_lines(&out.stderr);
        lines
            .into_iter()
            .find(|line| !line["coverage"].is_null())
            .unwrap()["coverage"]
            .clone()
    };
    let user = ask("arn:aws:iam::111122223333:user/ana");
    assert_eq!(user["accounts"], json!([ACCOUNT]));
    assert_eq!(user["regions"], json!(["eu-west-1", REGION]));
    assert_eq!(user["delivered_up_to"], "2026-03-02T10:15:00.000Z");
    // A service calls in whatever account.
    let service = ask("AWSService:redshift.amazonaws.com");
    assert_eq!(service["accounts"], json!([ACCOUNT, "444455556666"]));
}
