//! A trail of the test's own, read into tables as the function reads it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use redtrail_aws::{
    dynamodb::{DynamoDbStore, TableNames},
    s3::S3Source,
    timer::TokioTimer,
};
use redtrail_core::{
    directory::Remembered,
    edge::{ObjectIdentity, Timer},
    ingest::{Schedule, Settings, ingest},
    item::Put,
    ledger::{LedgerEntry, Run, VOLATILE},
    log_reader::Limits,
    object::ObjectAddress,
    retention::{Retention, Retentions},
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_local::{LocalAws, LocalAwsOptions, SqsServer};
use redtrail_model::{EventTime, TABLES, Table};
use redtrail_trailgen::gzip;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::run;

const TEMPLATE: &str = include_str!("../../../../template.yaml");
pub(crate) const BUCKET: &str = "trail";

/// Buckets and tables, ended with their test.
pub(crate) struct Trail {
    runtime: Runtime,
    aws: LocalAws,
    folder: TempDir,
}

/// The key of an object below `prefix`, delivered at that time (`YYYYMMDDTHHmm`).
pub(crate) fn key(prefix: &str, account: &str, region: &str, time: &str) -> String {
    let (year, rest) = time.split_at(4);
    let (month, rest) = rest.split_at(2);
    let (day, _) = rest.split_at(2);
    format!(
        "{prefix}AWSLogs/{account}/CloudTrail/{region}/{year}/{month}/{day}/{account}_CloudTrail_{region}_{time}Z_aaaaaaaaaaaaaaaa.json.gz"
    )
}

/// A record of the family.
pub(crate) fn record(id: &str) -> Value {
    json!({
        "userIdentity": { "type": "Root", "accountId": "111122223333" },
        "eventTime": "2026-03-02T09:00:00Z", "eventSource": "redshift.amazonaws.com",
        "eventName": "DescribeClusters", "eventID": id, "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
    })
}

/// An object of these elements.
pub(crate) fn log<E: AsRef<[u8]>>(elements: &[E]) -> Vec<u8> {
    let elements: Vec<&[u8]> = elements.iter().map(AsRef::as_ref).collect();
    gzip(&[b"{\"Records\":[", &elements.join(&b","[..])[..], b"]}"].concat())
}

impl Trail {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let options = LocalAwsOptions::default();
        let aws = runtime
            .block_on(LocalAws::start(TEMPLATE, &options))
            .unwrap();
        Self {
            runtime,
            aws,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Puts an object into the bucket, and no more.
    pub(crate) fn put_object(&self, key: &str, body: &[u8]) {
        let put = self.aws.put_object(BUCKET, key, body);
        self.runtime.block_on(put).unwrap();
    }

    /// The same with metadata beside it.
    pub(crate) fn put_with_metadata(
        &self,
        key: &str,
        body: &[u8],
        metadata: &BTreeMap<String, String>,
    ) {
        self.put_object(key, body);
        let put = self.aws.s3_client().put_object().bucket(BUCKET).key(key);
        let put = put.set_metadata(Some(metadata.clone().into_iter().collect()));
        self.block_on(put.body(body.to_vec().into()).send())
            .unwrap();
    }

    /// What a future gives, beside the servers.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Puts an object into the bucket and reads it as the function does.
    pub(crate) fn deliver(&self, key: &str, body: &[u8], retention: Retention) {
        self.put_object(key, body);
        self.runtime.block_on(async {
            let store = self.store();
            let selector = Selector::default();
            let started = TokioTimer.now();
            let until = started + Duration::from_secs(60);
            let now = Timestamp::now().as_millisecond();
            let settings = Settings {
                selector: &selector,
                remembered: &Remembered::default(),
                limits: Limits::default(),
                retentions: Retentions {
                    ledger: retention,
                    ..Retentions::default()
                },
                schedule: Schedule {
                    now: EventTime::from_epoch_millis(now).unwrap(),
                    started,
                    until,
                    save_until: until,
                },
                force: true,
            };
            let writer = Writer {
                store: &store,
                timer: &TokioTimer,
                effort: &Effort::default(),
            };
            let source = S3Source::new(self.aws.s3_client().clone());
            ingest(&source, writer, &address(key), settings)
                .await
                .unwrap();
        });
    }

    /// Has the ledger say that these objects are to go on after so many events.
    pub(crate) fn put_off(&self, keys: &[String], events_durable: u64) {
        let waiting = |key: &String| {
            let run = Run {
                object: &address(key),
                identity: &ObjectIdentity::default(),
                finished_at: "2026-03-06T10:00:00Z".parse().unwrap(),
                duration_ms: 1,
                retentions: Retentions::default(),
            };
            LedgerEntry::waiting(run, events_durable).put().unwrap()
        };
        self.put(keys.iter().map(waiting).collect());
    }

    /// Writes items as they are.
    pub(crate) fn put(&self, puts: Vec<Put>) {
        let writer = Writer {
            store: &self.store(),
            timer: &TokioTimer,
            effort: &Effort::default(),
        };
        let until = TokioTimer.now() + Duration::from_secs(60);
        self.runtime.block_on(writer.put_all(puts, until)).unwrap();
    }

    /// A queue that is there as long as the test.
    pub(crate) fn queue(&self) -> SqsServer {
        self.runtime.block_on(SqsServer::start()).unwrap()
    }

    /// What a table is called.
    pub(crate) fn table(&self, table: Table) -> &str {
        self.aws.table_name(table)
    }

    /// Every item of every table, as DynamoDB has it.
    pub(crate) fn items(&self) -> BTreeSet<String> {
        let client = self.aws.dynamodb_client();
        let mut items = BTreeSet::new();
        for schema in &TABLES {
            let mut pages = client
                .scan()
                .table_name(self.table(schema.table))
                .into_paginator()
                .items()
                .send();
            while let Some(item) = self.runtime.block_on(pages.next()) {
                let mut item = item.unwrap();
                for name in VOLATILE {
                    item.remove(name);
                }
                items.insert(format!("{:?} {}", schema.table, ordered(&item)));
            }
        }
        items
    }

    fn store(&self) -> DynamoDbStore {
        let name = |table| self.aws.table_name(table).to_owned();
        let names = TableNames {
            principals: name(Table::Principals),
            resources: name(Table::Resources),
            directory: name(Table::Directory),
            ledger: name(Table::Ledger),
        };
        DynamoDbStore::new(self.aws.dynamodb_client().clone(), names)
    }

    pub(crate) fn redtrail(&self, args: &[&str], input: &[u8]) -> run::Output {
        self.redtrail_at(80, args, input)
    }

    /// The same on a terminal of that width.
    pub(crate) fn redtrail_at(&self, width: u16, args: &[&str], input: &[u8]) -> run::Output {
        let width = width.to_string();
        self.redtrail_in(args, &[("COLUMNS", &width)], input)
    }

    /// The same with further variables.
    pub(crate) fn redtrail_in(
        &self,
        args: &[&str],
        further: &[(&str, &str)],
        input: &[u8],
    ) -> run::Output {
        let environment = self.aws.environment();
        let variables: Vec<_> = environment.iter().chain(further.iter().copied()).collect();
        run::redtrail_with(args, self.folder.path(), &variables, input)
    }

    /// The command, set up and not started.
    pub(crate) fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = run::command(args, self.folder.path());
        command.envs(self.aws.environment().iter());
        command
    }
}

/// Attributes in the order of their names.
fn ordered(attributes: &HashMap<String, AttributeValue>) -> String {
    let attributes: BTreeMap<_, _> = attributes.iter().collect();
    let attributes = attributes.into_iter().map(|(name, value)| match value {
        AttributeValue::M(members) => format!("{name}: {{{}}}", ordered(members)),
        value => format!("{name}: {value:?}"),
    });
    attributes.collect::<Vec<_>>().join(", ")
}

fn address(key: &str) -> ObjectAddress {
    ObjectAddress {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        version_id: None,
    }
}

/// No character that a terminal obeys or that deceives the eye.
#[track_caller]
pub(crate) fn assert_plain(out: &run::Output) {
    for character in out.stdout.chars().chain(out.stderr.chars()) {
        let is_plain = character == '\n'
            || !(character.is_control() || matches!(character, '\u{202e}' | '\u{e0041}'));
        assert!(is_plain, "{}: {}", character.escape_unicode(), out.stdout);
    }
}
