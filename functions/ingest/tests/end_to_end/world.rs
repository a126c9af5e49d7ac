//! The real binary and the servers it works with, for one test.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use redtrail_core::ledger::VOLATILE;
use redtrail_local::{Bootstrap, InvocationOutcome, LocalAws, LocalAwsOptions};
use redtrail_model::{TABLES, Table};
use redtrail_trailgen::{LogObject, gzip};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const TEMPLATE: &str = include_str!("../../../../template.yaml");
pub(crate) const BUCKET: &str = "trail-of-tests";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Every item of every table, by table and keys, without what tells of one run.
pub(crate) type Dump = BTreeMap<(Table, String, String), Value>;

/// The function, and what is around it.
pub(crate) struct World {
    pub(crate) aws: LocalAws,
    pub(crate) function: Bootstrap,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With `variables` on top of the function's.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        let function = start_function(&aws, variables).await;
        Self { aws, function }
    }

    /// Puts objects, each at its key.
    pub(crate) async fn put<'a>(&self, objects: impl IntoIterator<Item = (&'a str, Vec<u8>)>) {
        let folder = TempDir::new().unwrap();
        for (key, body) in objects {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        self.aws.put_folder(BUCKET, folder.path()).await.unwrap();
    }

    /// Announces one object a message, and gives back the places of those that failed.
    pub(crate) async fn announce(&self, keys: &[&str]) -> Vec<usize> {
        let outcome = self.function.invoke(sqs_event(keys), PATIENCE).await;
        failed(&outcome).unwrap_or_else(|| {
            panic!("{outcome:?}: {:?}", self.function.take_stdout());
        })
    }

    /// Every item of every table, by table and keys, without what tells of one run.
    pub(crate) async fn dump(&self) -> Dump {
        let mut all = Dump::new();
        for schema in &TABLES {
            let scan = self
                .aws
                .dynamodb_client()
                .scan()
                .table_name(self.aws.table_name(schema.table));
            let mut pages = scan.into_paginator().send();
            while let Some(page) = pages.next().await {
                for item in page.unwrap().items.unwrap_or_default() {
                    let mut item: Value = serde_dynamo::from_item(item).unwrap();
                    for attribute in VOLATILE {
                        item.as_object_mut().unwrap().remove(attribute);
                    }
                    let key = |name: &str| item[name].as_str().unwrap().to_owned();
                    let place = (
                        schema.table,
                        key(schema.partition_key),
                        key(schema.sort_key),
                    );
                    assert!(all.insert(place, item).is_none());
                }
            }
        }
        all
    }

    /// Memory of the function's process, in KiB: `VmRSS` or `VmHWM`.
    /// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
    pub(crate) fn memory_kib(&self, field: &str) -> u64 {
        let process = self.function.process_id().unwrap();
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) async fn stop(self) {
        self.function.stop().await;
        self.aws.stop().await.unwrap();
    }
}

/// Servers whose bucket holds these objects.
pub(crate) async fn filled(objects: &[LogObject]) -> LocalAws {
    let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap();
    for object in objects {
        let body = gzip(&object.plain);
        aws.put_object(BUCKET, &object.key, &body).await.unwrap();
    }
    aws
}

/// The function's binary against these servers, with `variables` on top.
pub(crate) async fn start_function(aws: &LocalAws, variables: &[(&str, &str)]) -> Bootstrap {
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    aws.start_function(bootstrap, variables).await.unwrap()
}

/// The places of the messages that failed, if the function answered.
pub(crate) fn failed(outcome: &InvocationOutcome) -> Option<Vec<usize>> {
    let InvocationOutcome::Response(body) = outcome else {
        return None;
    };
    let answer: Value = serde_json::from_slice(body).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    let places = failures.map(|failure| failure["itemIdentifier"].as_str().unwrap());
    Some(places.map(|place| place.parse().unwrap()).collect())
}

pub(crate) fn sqs_event(keys: &[&str]) -> Vec<u8> {
    let records: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| {
            json!({
                "messageId": index.to_string(),
                "eventSource": "aws:sqs",
                "body": json!({"s3Bucket": BUCKET, "s3ObjectKey": [key]}).to_string(),
            })
        })
        .collect();
    json!({ "Records": records }).to_string().into_bytes()
}
