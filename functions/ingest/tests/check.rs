//! The check, by the real binary on a real S3 and a real DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use redtrail_local::{Bootstrap, InvocationOutcome, LocalAws, LocalAwsOptions, Storage};
use redtrail_model::Table;
use redtrail_trailgen::sample::{self, Kind, SampleObject};
use serde_json::{Value, json};
use tempfile::TempDir;

const TEMPLATE: &str = include_str!("../../../template.yaml");
const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The real binary and the servers it works with.
struct World {
    folder: TempDir,
    aws: LocalAws,
    function: Bootstrap,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = LocalAwsOptions {
            storage: Storage::Folder(folder.path().to_owned()),
            ..LocalAwsOptions::default()
        };
        let aws = LocalAws::start(TEMPLATE, &options).await.unwrap();
        let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
        let function = aws.start_function(bootstrap, &[]).await.unwrap();
        Self {
            folder,
            aws,
            function,
        }
    }

    /// Puts an object, so that S3 says it has had it for that long.
    async fn put(&self, object: &SampleObject, age: Duration) {
        let body = object.body();
        let put = self.aws.put_object(sample::BUCKET, object.key, &body);
        put.await.unwrap();
        let path = ["s3", sample::BUCKET, object.key];
        let path = path
            .iter()
            .fold(self.folder.path().to_owned(), |path, part| path.join(part));
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    async fn announce(&self, object: &SampleObject) {
        let record = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": sample::BUCKET}, "object": {"key": object.key}},
        });
        let payload = json!({"Records": [record]}).to_string();
        let outcome = self.function.invoke(payload, PATIENCE).await;
        assert!(
            matches!(outcome, InvocationOutcome::Response(_)),
            "{outcome:?}"
        );
    }

    /// What is found, by what was checked, as `state: found`.
    async fn check(&self, request: Value) -> BTreeMap<String, String> {
        let outcome = self.function.invoke(request.to_string(), PATIENCE).await;
        let InvocationOutcome::Response(body) = outcome else {
            panic!("{outcome:?}");
        };
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let findings = answer["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                let found = format!("{}: {}", text(&finding["state"]), text(&finding["found"]));
                (text(&finding["check"]), found)
            })
            .collect()
    }

    async fn check_bucket(&self) -> BTreeMap<String, String> {
        self.check(json!({"redtrail": "check", "bucket": sample::BUCKET}))
            .await
    }

    /// Keys of the objects in the ledger.
    async fn in_the_ledger(&self) -> Vec<String> {
        let scan = self.aws.dynamodb_client().scan();
        let scan = scan.table_name(self.aws.table_name(Table::Ledger));
        let items = scan.send().await.unwrap().items.unwrap_or_default();
        let mut objects: Vec<String> = items
            .iter()
            .filter(|item| item.contains_key("verdict"))
            .map(|item| item["object_key"].as_s().unwrap().clone())
            .collect();
        objects.sort();
        objects
    }

    async fn stop(self) {
        self.function.stop().await;
        self.aws.stop().await.unwrap();
    }
}

/// Objects of one account and Region of the sample, in the order of their times.
fn logs() -> Vec<SampleObject> {
    let mut objects = sample::objects();
    objects.retain(|object| object.kind == Kind::Log && object.key.contains("/111122223333/"));
    objects.retain(|object| !object.truth.is_empty());
    assert!(objects.len() >= 2, "{objects:?}");
    objects
}

fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap()
}

fn epoch_seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_an_announced_object_is_told_from_one_that_was_not() {
    let world = World::start().await;
    let [first, second, ..] = &logs()[..] else {
        panic!("the sample has two")
    };

    // Nobody announced it within an hour. The check takes it all the same.
    world.put(first, HOUR).await;
    let found = world.check_bucket().await;
    let good = format!("good: {}, 60 minutes old, can be read", first.key);
    assert_eq!(found["newest object"], good);
    assert!(found["key"].starts_with("good: "));
    let stored = |object: &SampleObject| {
        format!(
            "good: can be written: {} events of that object",
            object.truth.len()
        )
    };
    assert_eq!(found["tables"], stored(first));
    assert_eq!(
        found["announcement"],
        "bad: that object, 60 minutes old, was not announced"
    );
    assert_eq!(world.in_the_ledger().await, [file_name(first.key)]);

    // Now it is finished, which the ledger tells; the tables are tried in earnest.
    let found = world.check_bucket().await;
    assert_eq!(found["newest object"], good);
    assert_eq!(found["tables"], stored(first));
    assert_eq!(
        found["announcement"],
        "good: that object was announced, or taken by an earlier check"
    );

    // A newer one, announced as the stack's queue would.
    world.put(second, HOUR / 2).await;
    world.announce(second).await;
    let found = world.check_bucket().await;
    assert!(
        found["newest object"].contains(second.key),
        "{}",
        found["newest object"]
    );
    assert_eq!(found["tables"], stored(second));
    assert!(found["announcement"].starts_with("good: "));
    let objects = world.in_the_ledger().await;
    assert_eq!(objects, [first.key, second.key].map(file_name));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_what_nobody_can_tell_yet_is_open() {
    let world = World::start().await;
    let [first, second, ..] = &logs()[..] else {
        panic!("the sample has two")
    };
    world.put(first, HOUR).await;
    let made = epoch_seconds() - 60;
    let request = json!({
        "redtrail": "check",
        "bucket": sample::BUCKET,
        "stack_created_epoch_seconds": made,
    });
    let found = world.check(request).await;
    let older = "open: that object is older than the stack";
    assert!(found["announcement"].starts_with(older), "{found:?}");

    world.put(second, Duration::ZERO).await;
    let found = world.check_bucket().await;
    let too_new = "open: that object is too new to tell";
    assert!(found["announcement"].starts_with(too_new), "{found:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_a_damaged_object_stays_bad() {
    let world = World::start().await;
    let mut objects = sample::objects();
    objects.retain(|object| object.kind == Kind::Truncated);
    let [damaged] = &objects[..] else {
        panic!("the sample has one")
    };
    world.put(damaged, HOUR).await;
    world.announce(damaged).await;
    for _ in ["first", "again"] {
        let found = world.check_bucket().await;
        let bad = format!("bad: {} is damaged; the ledger tells how", damaged.key);
        assert_eq!(found["newest object"], bad);
        assert_eq!(found["tables"], "good: the ledger can be written");
        assert!(found["announcement"].starts_with("good: "));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_nothing_is_there() {
    let world = World::start().await;
    let missing = world.check_bucket().await;
    assert_eq!(missing.len(), 1);
    assert!(missing["bucket"].starts_with("bad: could not list"));

    world.put(&logs()[0], HOUR).await;
    let elsewhere = json!({
        "redtrail": "check", "bucket": sample::BUCKET, "prefix": "elsewhere/",
    });
    let found = world.check(elsewhere).await;
    let nothing = format!(
        "bad: no log object lies below s3://{}/elsewhere/AWSLogs/",
        sample::BUCKET
    );
    assert_eq!(found["newest object"], nothing);
    assert_eq!(found.len(), 2);
    assert!(world.in_the_ledger().await.is_empty());
    world.stop().await;
}
