//! The Lambda binary: reads the environment, makes the clients once, polls for events.

use std::{env, process::ExitCode};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use redtrail_aws::{
    clients,
    dynamodb::{DynamoDbStore, TableNames},
    public_keys::CloudTrailKeys,
    queue::IngestQueue,
    reader::Reader,
    timer::TokioTimer,
    trail_bucket::S3TrailBucket,
};
use redtrail_core::plain_text::plain;
use redtrail_digest::CachedKeys;
use redtrail_function::{clock::Clock, metrics::Metrics, start::start};
use redtrail_reconcile::{config::Config, handler::Handler};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(run()).await
}

async fn run() -> Result<(), Error> {
    let config = Config::read(|name| env::var(name).ok())?;
    let http = clients::http_client();
    let s3 = clients::s3(&config.connection, http.clone());
    let reading = clients::dynamodb_for_reader(&config.connection, http.clone());
    let writing = clients::dynamodb(&config.connection, http.clone());
    let names = TableNames::ledger_alone(config.ledger);
    let cloudtrail = clients::cloudtrail(&config.connection, http.clone());
    let handler = Handler {
        open: |bucket: &str| S3TrailBucket::new(s3.clone(), bucket),
        ledger: |clock: Clock| Reader::new(reading.clone(), names.clone(), clock.now),
        keys: CachedKeys::new(CloudTrailKeys::new(cloudtrail)),
        store: DynamoDbStore::new(writing, names.clone()),
        queue: IngestQueue::new(clients::sqs(&config.connection, http), config.queue_url),
        timer: TokioTimer,
        original_bucket: config.original_bucket,
        retention: config.retention,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let clock = Clock::of_invocation(event.context.deadline);
        let mut metrics = Metrics::default();
        let payload = event.payload.get().as_bytes();
        let answer = Box::pin(handler.handle(payload, clock, &mut metrics)).await;
        metrics.tell(&event.context.env_config.function_name);
        answer.map_err(|error| Diagnostic {
            error_type: "DigestsFailed".to_owned(),
            error_message: plain(&error.to_string()).into_owned(),
        })
    }))
    .await
}
