//! The real functions, both of them, against embedded servers: what was never announced to the
//! one is found and handed back by the other, and then all is proven.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use redtrail_aws::{coverage::coverage, dynamodb::TableNames, query::Window, reader::Reader};
use redtrail_core::{
    coverage::{Coverage, Gap, Reach},
    digest_entry::{DigestEntry, DigestVerdict},
    log_key::LogKey,
};
use redtrail_local::{
    Bootstrap, InvocationOutcome, LocalAws, LocalAwsOptions, PublicKeysServer, SqsServer,
};
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::{digest::Mix, gzip};
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../../../template.yaml");
const PATIENCE: Duration = Duration::from_secs(60);
/// As a queue hands them over.
const BATCH: usize = 10;

/// Both functions, and what is around them.
struct World {
    aws: LocalAws,
    queue: SqsServer,
    keys: PublicKeysServer,
    ingest: Bootstrap,
    reconcile: Bootstrap,
    mix: Mix,
}

impl World {
    async fn start(mix: Mix) -> Self {
        let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        let queue = SqsServer::start().await.unwrap();
        let keys = mix.public_keys.iter();
        let keys = keys.map(|key| (key.fingerprint.clone(), key.der.clone()));
        let keys = PublicKeysServer::start(keys).await.unwrap();
        let reconcile = Path::new(env!("CARGO_BIN_EXE_redtrail-reconcile"));
        let ingest = reconcile.with_file_name("bootstrap");
        let variables = [
            ("INGEST_QUEUE_URL", queue.queue_url()),
            ("AWS_ENDPOINT_URL_SQS", queue.endpoint()),
            ("AWS_ENDPOINT_URL_CLOUDTRAIL", keys.endpoint()),
        ];
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let world = Self {
            ingest: aws.start_function(&ingest, &[]).await.unwrap(),
            reconcile: aws.start_function(reconcile, &variables).await.unwrap(),
            aws,
            queue,
            keys,
            mix,
        };
        let s3 = world.aws.s3_client();
        s3.create_bucket()
            .bucket(&world.mix.bucket)
            .send()
            .await
            .unwrap();
        for (key, object) in &world.mix.objects {
            let metadata = object.metadata.clone().into_iter().collect();
            world.put(key, &object.bytes, Some(metadata)).await;
        }
        world
    }

    async fn put(
        &self,
        key: &str,
        bytes: &[u8],
        metadata: Option<std::collections::HashMap<String, String>>,
    ) {
        let put = self.aws.s3_client().put_object().bucket(&self.mix.bucket);
        let put = put
            .key(key)
            .set_metadata(metadata)
            .body(bytes.to_vec().into());
        put.send().await.unwrap();
    }

    fn keys_of(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let keys = self.mix.objects.keys();
        keys.filter(|key| is_wanted(key)).cloned().collect()
    }

    fn logs(&self) -> Vec<String> {
        self.keys_of(|key| LogKey::parse(key).is_ok())
    }

    /// In the order in which they came.
    fn digests(&self) -> Vec<String> {
        self.keys_of(|key| key.contains("/CloudTrail-Digest/"))
    }

    /// Announces objects to the ingest function as S3 does.
    async fn ingest(&self, keys: &[String]) {
        for keys in keys.chunks(BATCH) {
            let bodies = keys.iter().map(|key| self.notification(key));
            assert!(invoke(&self.ingest, bodies.collect()).await.is_empty());
        }
    }

    /// Announces digests to the reconcile function; gives those that it gave back.
    async fn reconcile(&self, keys: &[String]) -> Vec<String> {
        let mut given_back = Vec::new();
        for keys in keys.chunks(BATCH) {
            let bodies = keys.iter().map(|key| self.notification(key));
            let failed = invoke(&self.reconcile, bodies.collect()).await;
            given_back.extend(failed.into_iter().map(|place| keys[place].clone()));
        }
        given_back
    }

    fn notification(&self, key: &str) -> String {
        json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.mix.bucket}, "object": {"key": key}},
        }]})
        .to_string()
    }

    async fn results(&self) -> Vec<DigestEntry> {
        let ledger = self.aws.table_name(Table::Ledger);
        let scan = self.aws.dynamodb_client().scan().table_name(ledger);
        let mut items = scan.into_paginator().items().send();
        let mut results = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            if item["folder"].as_s().unwrap().starts_with("digest#") {
                results.push(serde_dynamo::from_item(item).unwrap());
            }
        }
        results
    }

    /// Of what was delivered in the first hours, but the last quarter of one.
    async fn coverage(&self) -> Coverage {
        let name = |table| self.aws.table_name(table).to_owned();
        let names = TableNames {
            principals: name(Table::Principals),
            resources: name(Table::Resources),
            directory: name(Table::Directory),
            ledger: name(Table::Ledger),
        };
        let until = self.mix.until - jiff::SignedDuration::from_mins(15);
        let reader = Reader::new(
            self.aws.dynamodb_client().clone(),
            names,
            EventTime::at(self.mix.now).unwrap(),
        );
        let window = Window {
            since: EventTime::at(self.mix.since),
            until: EventTime::at(until),
        };
        coverage(&reader, &[Reach::default()], window)
            .await
            .unwrap()
    }

    /// A metric's sum over the last invocations, so many of them, of the reconcile function.
    async fn sums(&self, invocations: usize) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        let mut told = 0;
        let until = Instant::now() + PATIENCE;
        // What is said comes some time after the answer.
        while told < invocations {
            assert!(Instant::now() < until, "{told} of {invocations} told");
            for line in self.reconcile.take_stdout() {
                let line: Value = serde_json::from_str(&line).unwrap();
                let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
                told += usize::from(metrics.is_array());
                for metric in metrics.as_array().into_iter().flatten() {
                    let name = metric["Name"].as_str().unwrap();
                    *sums.entry(name.to_owned()).or_default() += line[name].as_u64().unwrap();
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sums
    }

    async fn stop(self) {
        self.ingest.stop().await;
        self.reconcile.stop().await;
        self.queue.stop().await;
        self.keys.stop().await;
        self.aws.stop().await.unwrap();
    }
}

/// Hands messages over as a queue does; the places of those that were given back.
async fn invoke(function: &Bootstrap, bodies: Vec<String>) -> Vec<usize> {
    let records: Vec<Value> = bodies
        .into_iter()
        .enumerate()
        .map(|(place, body)| {
            json!({"messageId": place.to_string(), "eventSource": "aws:sqs", "body": body})
        })
        .collect();
    let payload = json!({ "Records": records }).to_string();
    let outcome = function.invoke(payload, PATIENCE).await;
    let InvocationOutcome::Response(body) = &outcome else {
        panic!("{outcome:?}: {:?}", function.take_stdout());
    };
    let answer: Value = serde_json::from_slice(body).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    let places = failures.map(|failure| failure["itemIdentifier"].as_str().unwrap());
    places.map(|place| place.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_of_a_hundred_objects_that_were_not_announced_are_found_and_mended() {
    const DROPPED: usize = 100;
    let world = World::start(Mix::busy(1, 12, 12)).await;
    let mut logs = world.logs();
    fastrand::Rng::with_seed(1).shuffle(&mut logs);
    let (dropped, announced) = logs.split_at(DROPPED);
    assert!(announced.len() > 20);
    world.ingest(announced).await;

    // Each digest as it comes: those that list what is missing come again.
    let digests = world.digests();
    let given_back = world.reconcile(&digests).await;
    assert!(!given_back.is_empty());
    assert!(world.coverage().await.gaps.contains(&Gap::Missing));
    let sums = world.sums(digests.len().div_ceil(BATCH)).await;
    assert_eq!(sums["DigestsRead"], digests.len() as u64);
    assert_eq!(sums["ChainsBroken"], 0);
    assert!(sums["LogsMissing"] >= DROPPED as u64, "{sums:?}");
    assert_eq!(sums["LogsHandedBack"], sums["LogsMissing"]);

    let messages = world.queue.messages();
    let mut handed_back = BTreeSet::new();
    for message in &messages {
        let message: Value = serde_json::from_str(message).unwrap();
        for object in message["redtrailIngest"]["objects"].as_array().unwrap() {
            handed_back.insert(object["key"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(handed_back, dropped.iter().cloned().collect());
    for messages in messages.chunks(BATCH) {
        assert!(invoke(&world.ingest, messages.to_vec()).await.is_empty());
    }

    assert_eq!(world.reconcile(&given_back).await, Vec::<String>::new());
    assert_eq!(world.queue.messages().len(), messages.len(), "nothing more");
    let results = world.results().await;
    assert_eq!(results.len(), digests.len());
    for result in &results {
        assert_eq!(result.digest_verdict, DigestVerdict::Proven, "{result:?}");
    }
    let listed: u64 = results.iter().map(|result| result.logs_listed).sum();
    assert_eq!(listed, logs.len() as u64);
    let coverage = world.coverage().await;
    assert!(coverage.is_complete(), "{coverage:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cloudtrail_did_not_deliver_and_what_was_altered_is_told() {
    let world = World::start(Mix::busy(2, 6, 4)).await;
    let mut logs = world.logs();
    let altered = logs[logs.len() / 2].clone();
    let forged = altered.replace(".json.gz", "forged.json.gz");
    let other = gzip(br#"{"Records":[]}"#);
    world.put(&altered, &other, None).await;
    world.put(&forged, &other, None).await;
    logs.push(forged);
    world.ingest(&logs).await;
    // Nobody mends it: the digests are told and done.
    assert_eq!(
        world.reconcile(&world.digests()).await,
        Vec::<String>::new()
    );
    assert_eq!(world.queue.messages(), Vec::<String>::new());
    let coverage = world.coverage().await;
    assert_eq!(
        (coverage.objects_altered, coverage.objects_unlisted),
        (1, 1)
    );
    assert!(!coverage.is_complete());
    let gaps = [Gap::Altered, Gap::Unlisted, Gap::NotProven].into();
    assert!(coverage.gaps.is_superset(&gaps), "{coverage:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_digest_is_passed_over_and_what_cannot_be_read_given_back() {
    let world = World::start(Mix::busy(3, 2, 1)).await;
    let bodies = vec![
        world.notification(&world.logs()[0]),
        world.notification("AWSLogs/1/CloudTrail-Digest/x.json.gz"),
        "no announcement".to_owned(),
    ];
    assert_eq!(invoke(&world.reconcile, bodies).await, [2]);
    let sums = world.sums(1).await;
    assert_eq!(sums["ObjectsPassedOver"], 2);
    assert_eq!(sums["MessagesUnreadable"], 1);
    // A digest of a bucket that is not there.
    let digest = world.notification(&world.digests()[0]);
    let elsewhere = digest.replace(&format!("\"{}\"", world.mix.bucket), "\"elsewhere\"");
    assert_ne!(digest, elsewhere);
    assert_eq!(invoke(&world.reconcile, vec![elsewhere]).await, [0]);
    assert_eq!(world.sums(1).await["DigestsGivenBack"], 1);
    assert_eq!(world.results().await, []);
    world.stop().await;
}
