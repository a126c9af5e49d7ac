//! `redtrail reconcile`: a trail's digests held against the ledger, and what is missing handed
//! back to be ingested.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use redtrail_aws::{
    dynamodb::DynamoDbStore, queue::IngestQueue, reader::Reader, timer::TokioTimer,
    trail_bucket::S3TrailBucket,
};
use redtrail_core::{
    edge::Announce as _,
    retention::Retention,
    writer::{Effort, Writer},
};
use redtrail_digest::{CachedKeys, Reconciled, Reconciler, TimeRange, place::Place};
use redtrail_model::{EventTime, Table};

use crate::{
    digest_keys::{Keys, KeysFrom},
    digest_report::{ReportForm, Reporter, or_unproven},
    failure::{Failure, runtime},
    ingest_queue::{ingest_queue, unsent},
    public_keys::range,
    reconcile_report::{PlaceReconciled, SENTENCES},
    stack::{Stack, not_described},
    tables::TableArgs,
    trail_s3::{TrailArgs, TrailUrl, unread},
};

/// Proves that all that CloudTrail delivered was ingested, and mends what was not
///
/// Every digest of the time asked for is verified, and every log it lists is looked up in the
/// ledger: was it ingested, with the very content that CloudTrail signed? What is missing is
/// handed to the ingest function. What each digest proves is written into the ledger, from where
/// every answer's coverage has it.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Reconcile {
    /// The trail: s3://BUCKET, with a /PREFIX where something stands before AWSLogs/
    #[arg(value_name = "TRAIL")]
    trail: TrailUrl,

    #[command(flatten)]
    of: TrailArgs,

    /// From when on: 2023-07-10, 2023-07-10T12:00:00Z, yesterday, 2d
    #[arg(long, value_name = "TIME")]
    since: String,

    /// Until when
    #[arg(long, value_name = "TIME", default_value = "now")]
    until: String,

    /// Say what is found, write nothing and hand nothing back
    #[arg(long)]
    dry_run: bool,

    /// The ingest function's queue; by default the stack's. Without it nothing is handed back
    #[arg(long, value_name = "URL")]
    queue_url: Option<String>,

    /// The bucket that CloudTrail delivers to, where the trail's is a replica of it
    #[arg(long, value_name = "NAME")]
    original_bucket: Option<String>,

    /// Keys saved by `redtrail public-keys`, instead of asking CloudTrail
    #[arg(long, value_name = "FILE")]
    public_keys: Option<PathBuf>,

    /// The stack's LedgerRetentionDays, where no stack is named; 0 is for ever
    #[arg(
        long,
        value_name = "DAYS",
        env = "LEDGER_RETENTION_DAYS",
        hide_env_values = true
    )]
    ledger_retention_days: Option<u32>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: ReportForm,

    /// Another CloudTrail than the Regions' own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_CLOUDTRAIL",
        hide_env_values = true
    )]
    cloudtrail_endpoint_url: Option<String>,

    #[command(flatten)]
    tables: TableArgs,
}

const HELP: &str = "\
Examples:
  redtrail reconcile s3://BUCKET --stack redtrail --since 7d
  redtrail reconcile s3://BUCKET/PREFIX --stack redtrail --since 2023-07-01 --until 2023-07-31 \\
      --accounts 123456789012 --regions us-east-1,eu-west-1 --output json
  redtrail reconcile s3://BUCKET --stack redtrail --since 7d --dry-run
  redtrail reconcile s3://BUCKET --queue-url URL --ledger-retention-days 0 --since yesterday

The deployed reconcile function does the same for each digest as it comes. This is for the time
before it was there, for what it could not do, and where digests are not announced.

A log that the ledger lacks is read: only one that lies in the bucket as CloudTrail signed it is
handed back. It is ingested some time later: run this again to see it proven. Findings have the
names of `redtrail verify` (docs/verification.md), and three of their own: log_not_ingested,
log_waiting, log_rejected. At most 10,000 logs of a place and day are handed back at a time;
`redtrail backfill` is for more.

It takes s3:ListBucket on the bucket, s3:GetObject on its objects, kms:Decrypt where a key of
yours encrypts them, cloudtrail:ListPublicKeys (not with --public-keys), dynamodb:Query and
BatchWriteItem on the ledger and sqs:SendMessage on the queue (not with --dry-run); with --stack
also cloudformation:DescribeStacks and ssm:GetParameters.

Exit status: 0 valid, everything asked for was ingested as CloudTrail delivered it; 1 invalid,
something was deleted, altered or added; 2 wrong usage; 3 unproven: nothing is known to be wrong,
but not all is ingested or proven, or could not be read.";

/// For writing the results of one place and day.
const PATIENCE: Duration = Duration::from_secs(60);
/// A place is gone through in parts, which bounds what is held.
const PART: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What is looked at, and where results go.
struct Task {
    bucket: S3TrailBucket,
    ledger: Reader,
    keys: CachedKeys<Keys>,
    original_bucket: Option<String>,
    retention: Retention,
    /// Nothing is written without it.
    results: Option<DynamoDbStore>,
    /// Nothing is handed back without it.
    queue: Option<IngestQueue>,
}

impl Reconcile {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let range = range(&self.since, &self.until)?;
        let endpoint_url = self.cloudtrail_endpoint_url.clone();
        let keys = KeysFrom::named(self.public_keys.as_deref(), None, endpoint_url)?;
        or_unproven(runtime()?.block_on(self.reconcile(range, keys)))
    }

    async fn reconcile(&self, range: TimeRange, keys: KeysFrom) -> Result<ExitCode, Failure> {
        let task = self.task(range, keys).await?;
        let places = self.of.places(&task.bucket, &self.trail).await?;
        let mut reporter = Reporter::new(self.output, SENTENCES, range)?;
        reporter.places_to_come(places.len());
        let mut stopped = None;
        for place in &places {
            let mut told = PlaceReconciled::new(place);
            let gone_through = self
                .place(&task, place, range, &mut told, &mut reporter)
                .await;
            // What could not be written is said first: nobody reads on.
            reporter.written()?;
            told.finish(EventTime::at(range.since));
            reporter.place(told)?;
            if let Err(failure) = gone_through {
                stopped = Some(failure);
                break;
            }
        }
        reporter.exit(stopped)
    }

    async fn place(
        &self,
        task: &Task,
        place: &Place,
        range: TimeRange,
        told: &mut PlaceReconciled,
        reporter: &mut Reporter<PlaceReconciled>,
    ) -> Result<(), Failure> {
        let reconciler = Reconciler {
            bucket: &task.bucket,
            bucket_name: &self.trail.bucket,
            original_bucket: task.original_bucket.as_deref(),
            keys: &task.keys,
            ledger: &task.ledger,
            retention: task.retention,
        };
        let mut since = range.since;
        while since < range.until {
            let until = since
                .saturating_add(PART)
                .map_or(range.until, |end| end.min(range.until));
            let part = TimeRange {
                since,
                until,
                now: range.now,
            };
            let reconciled = reconciler.reconcile(place, part, reporter).await;
            let reconciled = reconciled.map_err(unread)?;
            let handed_back = task.settle(&reconciled).await?;
            told.add(reconciled, handed_back);
            since = until;
        }
        Ok(())
    }

    async fn task(&self, range: TimeRange, keys: KeysFrom) -> Result<Task, Failure> {
        let stack = match self.tables.stack() {
            Some(name) => {
                let described = Stack::describe(&name, self.tables.region(), None).await;
                Some(described.map_err(|error| not_described(&name, &error))?)
            }
            None => None,
        };
        let retention = self.retention(stack.as_ref())?;
        self.refuse_expired(retention, range)?;
        let of_stack = stack
            .as_ref()
            .and_then(|stack| stack.output("NotificationQueueUrl").ok());
        let queue_url = self.queue_url.as_deref().or(of_stack);
        let queue = match queue_url.filter(|_| !self.dry_run) {
            Some(url) => Some(ingest_queue(url).await),
            None => None,
        };
        let results = match self.dry_run {
            true => None,
            false => Some(self.tables.store(&[Table::Ledger]).await?),
        };
        let original_of_stack = stack
            .as_ref()
            .and_then(|stack| stack.parameter("OriginalBucketName"));
        let original_bucket = self.original_bucket.as_deref().or(original_of_stack);
        Ok(Task {
            bucket: self.of.bucket(&self.trail.bucket).await,
            ledger: self.tables.reader(range.now, &[Table::Ledger]).await?,
            keys: CachedKeys::new(keys.open().await),
            original_bucket: original_bucket.map(str::to_owned),
            retention,
            results,
            queue,
        })
    }

    /// What the ledger had of that time may have expired: everything would seem to be missing.
    fn refuse_expired(&self, retention: Retention, range: TimeRange) -> Result<(), Failure> {
        let is_expired = match (EventTime::at(range.since), EventTime::at(range.now)) {
            (Some(since), Some(now)) => retention.is_expired(since, now),
            _ => false,
        };
        if !is_expired {
            return Ok(());
        }
        Err(Failure::usage(
            format!(
                "the ledger does not reach back to {}: see LedgerRetentionDays",
                range.since
            ),
            "Give a later --since; `redtrail verify` proves what lies in the bucket.",
        ))
    }

    /// How long results are kept: as the function has it, never guessed.
    fn retention(&self, stack: Option<&Stack>) -> Result<Retention, Failure> {
        let of_stack = stack.and_then(|stack| stack.parameter("LedgerRetentionDays")?.parse().ok());
        let days: Option<u32> = of_stack.or(self.ledger_retention_days);
        match days {
            Some(0) => Ok(Retention::Forever),
            Some(days) => Ok(Retention::Days(days)),
            None if self.dry_run => Ok(Retention::Forever),
            None => Err(Failure::usage(
                "how long results are kept is not told: --ledger-retention-days",
                "Give --stack NAME, or what the stack is set to: 0 is for ever.",
            )),
        }
    }
}

impl Task {
    /// Hands back what is missing and writes what was found; how much was handed back.
    async fn settle(&self, reconciled: &Reconciled) -> Result<u64, Failure> {
        let mut handed_back = 0;
        if let Some(queue) = &self.queue {
            let announced = queue.announce(&reconciled.to_ingest, false).await;
            announced.map_err(unsent)?;
            handed_back = reconciled.to_ingest.len() as u64;
        }
        if let Some(store) = &self.results {
            let puts = reconciled.puts().map_err(unread)?;
            let writer = Writer {
                store,
                timer: &TokioTimer,
                effort: &Effort::default(),
            };
            let until = Instant::now() + PATIENCE;
            writer.put_all(puts, until).await.map_err(unread)?;
        }
        Ok(handed_back)
    }
}
