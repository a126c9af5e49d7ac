//! Tables of an embedded DynamoDB, and what stands in them.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use redtrail_aws::{
    dynamodb::{DynamoDbStore, TableNames},
    reader::Reader,
    s3::S3Source,
    timer::TokioTimer,
};
use redtrail_core::{
    directory::Remembered,
    edge::Timer,
    ingest::{Schedule, Settings, ingest},
    item::Put,
    log_key::LogKey,
    log_reader::Limits,
    object::ObjectAddress,
    retention::Retentions,
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_local::{LocalAws, LocalAwsOptions};
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::sample;

const TEMPLATE: &str = include_str!("../../../../template.yaml");
const PATIENCE: Duration = Duration::from_secs(60);

async fn empty() -> LocalAws {
    LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap()
}

pub(crate) async fn with(puts: Vec<Put>) -> LocalAws {
    let aws = empty().await;
    put(&aws, puts).await;
    aws
}

pub(crate) async fn put(aws: &LocalAws, puts: Vec<Put>) {
    let store = store(aws);
    let effort = Effort::default();
    let writer = writer(&store, &effort);
    let until = Instant::now() + PATIENCE;
    writer.put_all(puts, until).await.unwrap();
}

/// The sample trail, as the function reads it at that time.
pub(crate) async fn with_sample(now: EventTime) -> LocalAws {
    let aws = empty().await;
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    let stored = aws.put_folder(sample::BUCKET, folder.path()).await.unwrap();
    let source = S3Source::new(aws.s3_client().clone());
    let started = TokioTimer.now();
    let settings = Settings {
        selector: &Selector::new([]),
        remembered: &Remembered::default(),
        limits: Limits::default(),
        retentions: Retentions::default(),
        schedule: Schedule {
            now,
            started,
            until: started + PATIENCE,
            save_until: started + PATIENCE,
        },
        force: false,
    };
    let store = store(&aws);
    let effort = Effort::default();
    for object in stored {
        if LogKey::parse(&object.key).is_ok() {
            let address = ObjectAddress {
                bucket: object.bucket,
                key: object.key,
                version_id: None,
            };
            let writer = writer(&store, &effort);
            ingest(&source, writer, &address, settings).await.unwrap();
        }
    }
    aws
}

pub(crate) fn reader(aws: &LocalAws, now: EventTime) -> Reader {
    Reader::new(aws.dynamodb_client().clone(), names(aws), now)
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn store(aws: &LocalAws) -> DynamoDbStore {
    DynamoDbStore::new(aws.dynamodb_client().clone(), names(aws))
}

fn writer<'a>(
    store: &'a DynamoDbStore,
    effort: &'a Effort,
) -> Writer<'a, DynamoDbStore, TokioTimer> {
    Writer {
        store,
        timer: &TokioTimer,
        effort,
    }
}

fn names(aws: &LocalAws) -> TableNames {
    let name = |table| aws.table_name(table).to_owned();
    TableNames {
        principals: name(Table::Principals),
        resources: name(Table::Resources),
        directory: name(Table::Directory),
        ledger: name(Table::Ledger),
    }
}
