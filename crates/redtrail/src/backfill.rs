//! `redtrail backfill`: objects that a trail delivered before the function was there, or that it
//! never heard of, on their way into the tables.

use std::{process::ExitCode, time::Instant};

use clap::Args;
use jiff::Timestamp;
use redtrail_aws::timer::TokioTimer;
use redtrail_core::{
    directory::Remembered, edge::LogSource, retention::Retentions, select::Selector, writer::Effort,
};
use redtrail_digest::log_list::NamedTime;
use redtrail_model::{EventTime, TABLES, Table};
use serde::Serialize;

use crate::{
    backfill_estimate::{Cost, DOLLARS_A_MILLION, Estimate, Sample, Scales},
    backfill_here::{Here, Work},
    backfill_queue::Announce,
    backfill_report::{Counts, Report},
    backfill_retention::{RetentionArgs, check},
    backfill_run::{Backfill as Run, PORTION},
    digest_report::ReportForm,
    failure::{FAILED, Failure, chain, runtime},
    ingest_queue::ingest_queue,
    output::{Answer, remark},
    pace::Pace,
    plain_text::json_line,
    selector_args::SelectorArgs,
    stack::{Stack, not_described},
    stored_size::Objects,
    tables::{TableArgs, event_time, window},
    trail_s3::{TrailArgs, TrailUrl, next_step},
};

/// Has log objects ingested that the trail delivered earlier
///
/// The trail is listed, and what the ledger has as finished is passed over. The rest is announced
/// to the deployed function, which ingests it at its own pace, or ingested from this machine. It
/// may be stopped at any moment: run again, it goes on with what the ledger does not have by then.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Backfill {
    /// The trail: s3://BUCKET, with a /PREFIX where something stands before AWSLogs/
    #[arg(value_name = "TRAIL")]
    trail: TrailUrl,

    #[command(flatten)]
    of: TrailArgs,

    /// From when on events are wanted: 2023-07-10, 2023-07-10T12:00:00Z, 90d
    #[arg(long, value_name = "TIME")]
    since: String,

    /// Until when
    #[arg(long, value_name = "TIME", default_value = "now")]
    until: String,

    /// Say what there is to do and what it would cost, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Announce the objects to this queue of the function's; by default to the stack's
    #[arg(long, value_name = "URL", conflicts_with = "here")]
    queue_url: Option<String>,

    /// Ingest from this machine, without the function
    #[arg(long)]
    here: bool,

    /// Ingest again what the ledger has as finished, as after further accounts or services of
    /// Redshift's were named to the function
    #[arg(long)]
    again: bool,

    /// At most so many objects a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,

    /// What a million write units cost, for --dry-run; by default us-east-1's list price
    #[arg(
        long,
        value_name = "DOLLARS",
        default_value_t = DOLLARS_A_MILLION,
        value_parser = dollars
    )]
    price_per_million: f64,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: ReportForm,

    #[command(flatten)]
    retention: RetentionArgs,

    #[command(flatten)]
    selector: SelectorArgs,

    #[command(flatten)]
    tables: TableArgs,
}

const HELP: &str = "\
Examples:
  redtrail backfill s3://BUCKET --stack redtrail --since 90d --dry-run
  redtrail backfill s3://BUCKET --stack redtrail --since 90d
  redtrail backfill s3://BUCKET/PREFIX --stack redtrail --since 2023-01-01 --until 2023-06-30 \\
      --accounts 123456789012 --regions us-east-1,eu-west-1 --rate 50
  redtrail backfill s3://BUCKET --stack redtrail --since 7d --here --output json
  redtrail backfill s3://BUCKET --queue-url URL --retention-days 400 --since 30d

An object counts by the time in its name, from a quarter of an hour before --since to as long
after --until. Objects of a day's end that were delivered into the next day's folder are found.
A time that reaches beyond RetentionDays is refused. What the ledger has as finished is passed
over, unless its events were kept for a shorter time than they would be now, or --again is given.

--dry-run reads up to 200 of the objects (256 MB), drawn by equal chance, as the function
reads them, and tells what they would write; with fewer objects it reads all. It prices write
units of DynamoDB on demand alone, indexes included: not Lambda, S3, SQS or storage.

--stack NAME tells tables, queue, retentions and further accounts and services. Without it
give --queue-url and --retention-days, or --here and all three retentions, and the tables.

It takes s3:ListBucket on the bucket and dynamodb:Query on the ledger; with --stack also
cloudformation:DescribeStacks and ssm:GetParameters. To announce, sqs:SendMessage on the
queue. With --here and --dry-run s3:GetObject, and kms:Decrypt where a key of yours encrypts;
with --here dynamodb:BatchWriteItem on all tables, dynamodb:GetItem and PutItem on the ledger.

Exit status: 0 all done, 1 some objects failed or it could not go on, 2 wrong usage.";

/// Where the objects go.
enum Way {
    Nowhere,
    Queue(String),
    Here,
}

/// What is asked for, as it was understood.
struct Task {
    way: Way,
    since: EventTime,
    until: EventTime,
    now: EventTime,
    retentions: Retentions,
    selector: Selector,
}

/// What a backfill came to, or would.
#[derive(Serialize)]
struct Told<'a> {
    trail: String,
    since: EventTime,
    until: EventTime,
    /// Objects with names of this time were looked at.
    objects_since: String,
    objects_until: String,
    way: &'static str,
    places: usize,
    #[serde(flatten)]
    counts: &'a Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<&'a Cost>,
    /// Whether all of the trail was gone through and nothing failed.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<String>,
}

impl Backfill {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(self.backfill())
    }

    async fn backfill(&self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let task = self.task(now).await?;
        let needed: Vec<Table> = match task.way {
            Way::Here => TABLES.iter().map(|schema| schema.table).collect(),
            Way::Queue(_) | Way::Nowhere => vec![Table::Ledger],
        };
        let known = self.tables.reader(now, &needed).await?;
        let bucket = self.of.bucket(&self.trail.bucket).await;
        let places = self.of.places(&bucket, &self.trail).await?;
        let mut report = Report::new(places.len());
        let run = Run {
            bucket: &bucket,
            bucket_name: &self.trail.bucket,
            places: &places,
            named: NamedTime::of_events(task.since, task.until),
            known: &known,
            retention: task.retentions.events,
            again: self.again,
            portion: PORTION,
        };
        let mut cost = None;
        let result = match &task.way {
            Way::Nowhere => {
                let mut sample = Sample::new();
                let listed = run.run(&mut sample, &mut report).await;
                match listed {
                    Ok(()) => self.cost(sample, bucket.source(), &task).await.map(|it| {
                        cost = Some(it);
                    }),
                    Err(failure) => Err(failure),
                }
            }
            Way::Queue(url) => {
                let queue = ingest_queue(url).await;
                run.run(&mut Announce::new(queue, self.rate), &mut report)
                    .await
            }
            Way::Here => {
                let store = self.tables.store(&needed).await?;
                let remembered = Remembered::default();
                let mut here = Here {
                    work: task.work(bucket.source(), &store, &remembered),
                    pace: Pace::new(self.rate),
                };
                run.run(&mut here, &mut report).await
            }
        };
        report.finish();
        let failed_of_sample = cost.as_ref().map_or(0, |cost| cost.sample_failed);
        let failed = report.counts.failed + failed_of_sample > 0;
        let (since, until) = run.named.ends();
        self.tell(&Told {
            trail: format!("s3://{}/{}", self.trail.bucket, self.trail.prefix),
            since: task.since,
            until: task.until,
            objects_since: since.to_string(),
            objects_until: until.to_string(),
            way: task.way.name(),
            places: places.len(),
            counts: &report.counts,
            estimate: cost.as_ref(),
            complete: result.is_ok() && !failed,
            stopped_by: result.as_ref().err().map(|failure| chain(failure)),
        })?;
        result?;
        Ok(if failed {
            ExitCode::from(FAILED)
        } else {
            ExitCode::SUCCESS
        })
    }

    /// What is asked for. What is wrong with the command line is found before anything is asked.
    async fn task(&self, now: Timestamp) -> Result<Task, Failure> {
        let asked = window(Some(&self.since), Some(&self.until), now)?;
        let now = event_time(now)?;
        let (Some(since), Some(until)) = (asked.since, asked.until) else {
            return Err(Failure::usage("no time is asked for", "Give --since."));
        };
        let until = until.min(now);
        if since >= until {
            return Err(Failure::usage(
                format!("nothing was delivered between {since} and {until}"),
                "Give a --since before --until and before now.",
            ));
        }
        let stack = self.tables.stack();
        let Some(name) = stack else {
            let way = self.way(None)?;
            let retentions = self.retention.given(self.here && !self.dry_run)?;
            check(retentions.events, since, now)?;
            return Ok(Task {
                way,
                since,
                until,
                now,
                retentions,
                selector: self.selector.selector(),
            });
        };
        let described = Stack::describe(&name, self.tables.region(), None).await;
        let stack = described.map_err(|error| not_described(&name, &error))?;
        let retentions = self.retention.of_stack(&stack)?;
        check(retentions.events, since, now)?;
        let parameter = |name| stack.parameter(name).unwrap_or_default();
        Ok(Task {
            way: self.way(Some((&name, &stack)))?,
            since,
            until,
            now,
            retentions,
            selector: self.selector.of_stack(
                parameter("RedshiftAccountIds"),
                parameter("RedshiftServiceNames"),
            )?,
        })
    }

    fn way(&self, stack: Option<(&str, &Stack)>) -> Result<Way, Failure> {
        if self.dry_run {
            return Ok(Way::Nowhere);
        }
        if self.here {
            return Ok(Way::Here);
        }
        match (&self.queue_url, stack) {
            (Some(url), _) => Ok(Way::Queue(url.clone())),
            (None, Some((name, stack))) => stack
                .output("NotificationQueueUrl")
                .map(|url| Way::Queue(url.to_owned()))
                .map_err(|error| not_described(name, &error)),
            (None, None) => Err(Failure::usage(
                "it is not told where the objects shall go",
                "Give --stack NAME or --queue-url URL to have the function ingest them, --here to do \
                 it from this machine, or --dry-run.",
            )),
        }
    }

    /// Reads a sample and weighs what it would write.
    async fn cost(
        &self,
        sample: Sample,
        source: &impl LogSource,
        task: &Task,
    ) -> Result<Cost, Failure> {
        let to_ingest = sample.wanted;
        let scales = Scales::default();
        let remembered = Remembered::default();
        let work = task.work(source, &scales, &remembered);
        let (mut events, mut units) = (Vec::new(), Vec::new());
        let mut read = Objects::default();
        let mut failed = 0;
        let mut last_error = None;
        for wanted in sample.within_bytes() {
            match work.ingest(&wanted).await {
                Ok(ingested) => {
                    read.add(wanted.bytes);
                    events.push(ingested.tally.stored);
                    units.push(scales.take());
                }
                Err(error) => {
                    failed += 1;
                    scales.take();
                    last_error = Some(error);
                }
            }
        }
        if let Some(error) = last_error.filter(|_| read.objects == 0) {
            return Err(Failure::failed(
                "could not read any object of the sample",
                next_step(error.kind()),
                error,
            ));
        }
        let write_units = Estimate::of(&units, to_ingest.objects);
        Ok(Cost {
            to_ingest,
            sample: read,
            sample_failed: failed,
            events: Estimate::of(&events, to_ingest.objects),
            write_units,
            dollars: write_units.times(self.price_per_million / 1e6),
            dollars_a_million_write_units: self.price_per_million,
        })
    }

    fn tell(&self, told: &Told<'_>) -> Result<(), Failure> {
        let mut answer = Answer::new();
        match self.output {
            ReportForm::Json => answer.prepared(&format!("{}\n", json_line(told)?))?,
            ReportForm::Text => {
                answer.line(&format!(
                    "{}, {} places, events from {} to {}: {}",
                    told.trail,
                    told.places,
                    told.since,
                    told.until,
                    told.counts.line()
                ))?;
                if let Some(cost) = told.estimate {
                    for line in cost.lines() {
                        answer.line(&line)?;
                    }
                }
            }
        }
        answer.flush()?;
        if told.counts.announced.objects > 0 {
            remark(
                "The function ingests what was announced at its own pace: `redtrail ledger` tells \
                 how far it is. Run this command again to announce what is then missing.",
            );
        }
        if told.counts.rejected > 0 {
            remark("`redtrail quarantine list` tells of the rejected ones.");
        }
        if told.counts.failed > 0 {
            remark("Run the same command again: it goes on with what failed.");
        }
        Ok(())
    }
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Nowhere => "dry_run",
            Self::Queue(_) => "queue",
            Self::Here => "here",
        }
    }
}

impl Task {
    fn work<'a, L, S>(
        &'a self,
        source: &'a L,
        store: &'a S,
        remembered: &'a Remembered,
    ) -> Work<'a, L, S, TokioTimer> {
        Work {
            source,
            store,
            timer: &TokioTimer,
            selector: &self.selector,
            remembered,
            retentions: self.retentions,
            effort: Effort::default(),
            now: self.now,
            started: Instant::now(),
        }
    }
}

fn dollars(text: &str) -> Result<f64, &'static str> {
    let price = text.parse().ok();
    price
        .filter(|price: &f64| price.is_finite() && *price >= 0.0)
        .ok_or("expected a price in dollars, such as 0.625")
}
