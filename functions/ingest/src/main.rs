//! The Lambda binary: reads the environment, makes the clients once, polls for events.

use std::{env, process::ExitCode};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use redtrail_aws::{
    clients, dynamodb::DynamoDbStore, newest::TrailBuckets, s3::S3Source, timer::TokioTimer,
};
use redtrail_core::{
    directory::Remembered, log_reader::Limits, plain_text::plain, select::Selector,
};
use redtrail_function::{clock::Clock, metrics::Metrics, start::start};
use redtrail_ingest::{
    check::{self, check},
    config::Config,
    handler::Handler,
};
use serde_json::{Value, value::RawValue};

type IngestHandler = Handler<S3Source, DynamoDbStore, TokioTimer>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(run()).await
}

async fn run() -> Result<(), Error> {
    let config = Config::read(|name| env::var(name).ok())?;
    let http = clients::http_client();
    let s3 = clients::s3(&config.connection, http.clone());
    let handler = IngestHandler {
        source: S3Source::new(s3.clone()),
        store: DynamoDbStore::new(clients::dynamodb(&config.connection, http), config.tables),
        timer: TokioTimer,
        selector: Selector::new(config.redshift_accounts.iter().map(String::as_str))
            .with_services(config.redshift_services.iter().map(String::as_str)),
        remembered: Remembered::default(),
        limits: Limits::default(),
        retentions: config.retentions,
    };
    let buckets = TrailBuckets::new(s3);
    lambda_runtime::run(service_fn(|event| invoke(&handler, &buckets, event))).await
}

async fn invoke(
    handler: &IngestHandler,
    buckets: &TrailBuckets,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Value, Diagnostic> {
    let clock = Clock::of_invocation(event.context.deadline);
    let mut metrics = Metrics::default();
    let payload = event.payload.get().as_bytes();
    let answer = match check::request(payload) {
        Some(request) => {
            // Boxed: the clients' futures nest deeper than the compiler follows.
            let newest = Box::pin(buckets.newest_log(&request.bucket, &request.prefix));
            let ingest = async |payload: &[u8], metrics: &mut Metrics| {
                Box::pin(handler.handle(payload, clock, metrics)).await
            };
            let now = clock.now.epoch_seconds();
            Ok(Box::pin(check(&request, now, newest, ingest, &mut metrics)).await)
        }
        None => handler.handle(payload, clock, &mut metrics).await,
    };
    metrics.tell(&event.context.env_config.function_name);
    answer.map_err(|error| Diagnostic {
        error_type: "ObjectsFailed".to_owned(),
        error_message: plain(&error.to_string()).into_owned(),
    })
}
