//! `redtrail reconcile`: verdicts, what it hands back, and what answers say afterwards.

use redtrail_core::{log_key::LogKey, retention::Retention};
use redtrail_local::{PublicKeysServer, SqsServer};
use redtrail_model::Table;
use redtrail_trailgen::digest::Mix;
use serde_json::{Value, json};

use crate::{
    run::Output,
    trail::{BUCKET, Trail, assert_plain},
};

/// A trail with digests, and what the command needs beside it.
struct World {
    trail: Trail,
    queue: SqsServer,
    keys: PublicKeysServer,
    mix: Mix,
}

impl World {
    /// Of which the objects that `is_ingested` holds for were ingested.
    fn start(mix: Mix, is_ingested: impl Fn(usize) -> bool) -> Self {
        assert_eq!(mix.bucket, BUCKET);
        let trail = Trail::start();
        let mut logs = 0;
        for (key, object) in &mix.objects {
            if LogKey::parse(key).is_err() {
                trail.put_with_metadata(key, &object.bytes, &object.metadata);
                continue;
            }
            if is_ingested(logs) {
                trail.deliver(key, &object.bytes, Retention::Forever);
            } else {
                trail.put_object(key, &object.bytes);
            }
            logs += 1;
        }
        let keys = mix.public_keys.iter();
        let keys = keys.map(|key| (key.fingerprint.clone(), key.der.clone()));
        Self {
            queue: trail.queue(),
            keys: trail.block_on(PublicKeysServer::start(keys)).unwrap(),
            trail,
            mix,
        }
    }

    fn reconcile(&self, further: &[&str]) -> Output {
        let trail = format!("s3://{BUCKET}/{}", self.mix.plan.prefix);
        let (since, until) = (self.mix.since.to_string(), self.mix.until.to_string());
        let ledger = self.trail.table(Table::Ledger);
        let question = [
            "reconcile",
            &trail,
            "--since",
            &since,
            "--until",
            &until,
            "--ledger-table",
            ledger,
        ];
        let (sqs, cloudtrail) = (self.queue.endpoint(), self.keys.endpoint());
        let variables = [
            ("AWS_ENDPOINT_URL_SQS", sqs.as_str()),
            ("AWS_ENDPOINT_URL_CLOUDTRAIL", cloudtrail.as_str()),
        ];
        let words = [&question[..], further].concat();
        let out = self.trail.redtrail_in(&words, &variables, b"");
        assert_plain(&out);
        out
    }

    /// The coverage of all that was delivered in that time.
    fn coverage(&self) -> Value {
        let until = (self.mix.until - jiff::SignedDuration::from_mins(15)).to_string();
        let plan = &self.mix.plan;
        let cluster = format!(
            "arn:aws:redshift:{}:{}:cluster:x",
            plan.region, plan.account
        );
        let since = self.mix.since.to_string();
        let words = [
            "query", "resource", &cluster, "--since", &since, "--until", &until,
        ];
        let out = self
            .trail
            .redtrail(&[&words[..], &["--output", "jsonl"]].concat(), b"");
        let last = out.stderr.lines().last().unwrap();
        serde_json::from_str(last).unwrap()
    }
}

fn document(out: &Output) -> Value {
    serde_json::from_str(&out.stdout).unwrap_or_else(|_| panic!("{} {}", out.stdout, out.stderr))
}

#[test]
fn ok_all_ingested_is_valid_and_then_answers_are_complete() {
    let world = World::start(Mix::busy(11, 30, 2), |_| true);
    let dry = world.reconcile(&["--dry-run"]);
    assert_eq!(dry.status, 0, "{}{}", dry.stdout, dry.stderr);
    assert!(
        dry.stdout
            .contains(": valid: all that CloudTrail delivered was ingested")
    );
    assert_eq!(world.coverage()["coverage"]["proven_up_to"], Value::Null);

    let out = world.reconcile(&["--ledger-retention-days", "0", "--output", "json"]);
    assert_eq!(out.status, 0, "{}{}", out.stdout, out.stderr);
    let told = document(&out);
    assert_eq!(
        (&told["verdict"], &told["findings"]),
        (&json!("valid"), &json!([]))
    );
    let place = &told["places"][0];
    assert_eq!(place["account"], world.mix.plan.account);
    assert_eq!(place["digests"]["incomplete"], 0);
    let until = redtrail_model::EventTime::at(world.mix.until);
    assert_eq!(place["proven_up_to"], until.unwrap().to_string());
    assert_eq!(world.queue.messages(), Vec::<String>::new());
    let coverage = world.coverage();
    assert_eq!(coverage["complete"], true, "{coverage}");
}

#[test]
fn unproven_what_was_not_ingested_is_handed_back_once_a_queue_is_named() {
    let world = World::start(Mix::busy(12, 5, 3), |number| number % 4 != 0);
    let missing = world
        .mix
        .objects
        .keys()
        .filter(|key| LogKey::parse(key).is_ok())
        .count()
        .div_ceil(4) as u64;
    let keep = ["--ledger-retention-days", "0"];
    let out = world.reconcile(&keep);
    assert_eq!(out.status, 3, "{}{}", out.stdout, out.stderr);
    assert!(
        out.stdout.contains(&format!(" {missing} log_not_ingested")),
        "{}",
        out.stdout
    );
    assert_eq!(world.queue.messages(), Vec::<String>::new());
    let coverage = world.coverage();
    assert_eq!(coverage["coverage"]["objects_missing"], missing);

    let url = world.queue.queue_url();
    let out = world.reconcile(&[&keep[..], &["--queue-url", &url, "--output", "json"]].concat());
    assert_eq!(out.status, 3);
    let logs = &document(&out)["places"][0]["logs"];
    assert_eq!(
        (&logs["missing"], &logs["handed_back"]),
        (&json!(missing), &json!(missing))
    );
    let objects = world.queue.messages().into_iter().map(|message| {
        let message: Value = serde_json::from_str(&message).unwrap();
        message["redtrailIngest"]["objects"]
            .as_array()
            .unwrap()
            .len() as u64
    });
    assert_eq!(objects.sum::<u64>(), missing);
}

#[test]
fn invalid_what_cloudtrail_did_not_deliver() {
    let world = World::start(Mix::busy(13, 4, 2), |_| true);
    let log = world
        .mix
        .objects
        .keys()
        .find(|key| LogKey::parse(key).is_ok())
        .unwrap();
    world
        .trail
        .put_object(&log.replace(".json.gz", "x.json.gz"), b"");
    let out = world.reconcile(&["--ledger-retention-days", "0"]);
    assert_eq!(out.status, 1, "{}{}", out.stdout, out.stderr);
    assert!(out.stdout.contains("log_unlisted 1 "), "{}", out.stdout);
    assert_eq!(world.coverage()["coverage"]["objects_unlisted"], 1);
}

#[test]
fn unproven_without_keys() {
    let world = World::start(Mix::busy(15, 2, 1), |_| true);
    let out = world.reconcile(&[
        "--dry-run",
        "--cloudtrail-endpoint-url",
        "http://127.0.0.1:1",
    ]);
    assert_eq!(out.status, 3, "{}{}", out.stdout, out.stderr);
    assert!(out.stderr.contains("public keys"), "{}", out.stderr);
    // What lies in the bucket was not at fault.
    assert!(!out.stderr.contains("--region"), "{}", out.stderr);
}

#[test]
fn err_how_long_results_are_kept_is_never_guessed() {
    let world = World::start(Mix::busy(14, 1, 0), |_| true);
    let out = world.reconcile(&[]);
    assert_eq!(out.status, 2);
    assert!(
        out.stderr.contains("--ledger-retention-days"),
        "{}",
        out.stderr
    );
}
