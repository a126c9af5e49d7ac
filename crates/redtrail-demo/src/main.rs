//! The main job, end to end, on embedded parts: a sample organization trail goes through
//! the real function into real tables, and two questions are asked of them. The demo
//! knows the answers beforehand and fails when it does not get them.
#![allow(clippy::print_stdout, reason = "showing is what the demo is for")]

mod announce;
mod tables;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use redtrail_local::{Bootstrap, InvocationOutcome, LocalAws, LocalAwsOptions, StoredObject};
use redtrail_trailgen::{Truth, sample};
use serde_json::Value;
use tokio::process::Command;

type Failure = Box<dyn std::error::Error>;

const TEMPLATE: &str = include_str!("../../../template.yaml");
/// Messages of one invocation.
const BATCH: usize = 4;
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a sample trail through the real function and asks the tables two questions
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Demo {
    /// The function's binary
    #[arg(long, value_name = "PATH", default_value = "target/release/bootstrap")]
    bootstrap: PathBuf,

    /// The redtrail command
    #[arg(long, value_name = "PATH", default_value = "target/release/redtrail")]
    redtrail: PathBuf,

    /// The folder with the sample trail
    #[arg(long, value_name = "FOLDER", default_value = "events/trail")]
    trail: PathBuf,

    /// Empty the tables before the questions are asked, to see the demo fail
    #[arg(long)]
    empty_tables: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let demo = Demo::parse();
    match demo.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n✘ the demo failed: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

impl Demo {
    async fn run(&self) -> Result<(), Failure> {
        println!("redtrail: a sample organization trail, through the real function, into tables\n");
        let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default()).await?;
        done(&format!(
            "an S3 at {} and a DynamoDB at {}",
            aws.s3_endpoint(),
            aws.dynamodb_endpoint()
        ));
        done("four tables, as template.yaml declares them");
        let objects = aws.put_folder(sample::BUCKET, &self.trail).await?;
        let bytes: u64 = objects.iter().map(|object| object.size).sum();
        done(&format!(
            "{} objects, {} KB, in s3://{}",
            objects.len(),
            bytes / 1000,
            sample::BUCKET
        ));

        let function = self.start_function(&aws).await?;
        done(&format!(
            "{} behind a Lambda Runtime API\n",
            self.bootstrap.display()
        ));

        let started = Instant::now();
        deliver(&function, &objects).await?;
        let took = started.elapsed();
        // What a function has said is complete once it has ended.
        let told = lines(&function.stop().await.stdout);
        show_objects(&told, objects.len());
        show_speed(&told, took);

        let once = tables::dump(&aws).await?;
        let another = self.start_function(&aws).await?;
        deliver(&another, &objects).await?;
        another.stop().await;
        let twice = tables::dump(&aws).await?;
        if self.empty_tables {
            tables::empty(&aws).await?;
        }

        println!("\nWhat did {} do in this role?\n", sample::PERSON);
        self.ask(&aws, "principal", sample::PRINCIPAL, "20").await?;
        println!("\nWho touched the cluster sales-prod, at last?\n");
        self.ask(&aws, "resource", sample::RESOURCE, "12").await?;

        println!("\nChecked against what is known of the sample:");
        check_objects(&told)?;
        let by_principal = self.answer(&aws, "principal", sample::PRINCIPAL).await?;
        check_events(
            "by that principal",
            &by_principal,
            &sample::events_by_principal(),
        )?;
        let on_resource = self.answer(&aws, "resource", sample::RESOURCE).await?;
        check_events(
            "on that cluster",
            &on_resource,
            &sample::events_on_resource(),
        )?;
        if once.is_empty() || once != twice {
            return Err("a second delivery of the same objects changed the tables".into());
        }
        done(&format!(
            "every object delivered twice: the same {} items",
            once.len()
        ));
        aws.stop().await?;
        println!("\nNothing is left behind. `redtrail local` keeps such servers running for you.");
        Ok(())
    }

    async fn start_function(&self, aws: &LocalAws) -> Result<Bootstrap, Failure> {
        // The sample's own examples are years old: keep everything.
        Ok(aws
            .start_function(&self.bootstrap, &[("RETENTION_DAYS", "0")])
            .await?)
    }

    fn query(&self, aws: &LocalAws, table: &str, key: &str) -> Command {
        let mut command = Command::new(&self.redtrail);
        command
            .args(["query", table, key])
            .envs(aws.environment().iter());
        command
    }

    /// Shows an answer as a person sees it.
    async fn ask(
        &self,
        aws: &LocalAws,
        table: &str,
        key: &str,
        limit: &str,
    ) -> Result<(), Failure> {
        println!("$ redtrail query {table} --limit {limit} \\\n    {key}");
        let status = self
            .query(aws, table, key)
            .args(["--limit", limit])
            .status()
            .await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("redtrail query: {status}").into())
        }
    }

    /// The same answer for a program: one event a line.
    async fn answer(&self, aws: &LocalAws, table: &str, key: &str) -> Result<Vec<Value>, Failure> {
        let output = self
            .query(aws, table, key)
            .args(["--output", "jsonl"])
            .output()
            .await?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?)
    }
}

/// Sends the notifications and sees to it that none comes back.
async fn deliver(function: &Bootstrap, objects: &[StoredObject]) -> Result<(), Failure> {
    let style = ProgressStyle::with_template("  {bar:30} {pos}/{len} notifications {msg}")?;
    let progress = ProgressBar::new(objects.len() as u64).with_style(style);
    for batch in objects.chunks(BATCH) {
        let outcome = function
            .invoke(announce::sqs_event(batch), INVOCATION_TIMEOUT)
            .await;
        let InvocationOutcome::Response(body) = outcome else {
            return Err(format!("the function did not answer: {outcome:?}").into());
        };
        let answer: Value = serde_json::from_slice(&body)?;
        let failed = answer["batchItemFailures"]
            .as_array()
            .ok_or("no batchItemFailures in the answer")?;
        if let Some(failed) = failed.first() {
            let place = (0..batch.len())
                .find(|index| failed["itemIdentifier"] == announce::message_id(*index).as_str());
            let key = place
                .and_then(|index| batch.get(index))
                .map_or("?", |object| &object.key);
            return Err(format!("the function gave a message back, for {key}").into());
        }
        progress.inc(batch.len() as u64);
    }
    progress.finish_and_clear();
    Ok(())
}

/// What the function has logged: JSON, one object a line.
fn lines(said: &[String]) -> Vec<Value> {
    said.iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn show_objects(told: &[Value], objects: usize) {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "object", "verdict", "read", "kept", "skipped", "events", "items",
        ]);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = |line: &Value, name: &str| match &line[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    for line in told {
        let key = line["key"].as_str().unwrap_or_default();
        let file = Path::new(key)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let file: String = file
            .rsplit_once('_')
            .map_or(file.clone(), |(start, _)| start.to_owned());
        match line["message"].as_str() {
            Some("object") => {
                let verdict = text(line, "verdict");
                let mut row = vec![file, verdict];
                row.extend(
                    ["read", "selected", "not_selected", "stored", "items"]
                        .map(|name| text(line, name)),
                );
                table.add_row(row);
            }
            Some("passed over") => {
                table.add_row([file, format!("passed over: {}", text(line, "reason"))]);
            }
            _ => {}
        }
    }
    println!("What came of {objects} objects:\n{table}\n");
}

fn show_speed(told: &[Value], took: Duration) {
    let sum = |name: &str| -> u64 {
        told.iter()
            .filter(|line| line["message"] == "object")
            .filter_map(|line| line[name].as_u64())
            .sum()
    };
    let seconds = took.as_secs_f64();
    println!(
        "{} records read, {} of the Redshift family kept, {} items written\n\
         in {:.0} ms: {:.1} MB of JSON, {:.0} records and {:.0} items a second, servers included",
        sum("read"),
        sum("selected"),
        sum("items"),
        seconds * 1000.0,
        megabytes(sum("plain_bytes")),
        sum("read") as f64 / seconds,
        sum("items") as f64 / seconds,
    );
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Whether each object fared as its kind must.
fn check_objects(told: &[Value]) -> Result<(), Failure> {
    let samples = sample::objects();
    for object in &samples {
        let line = told.iter().find(|line| line["key"] == object.key);
        let line = line.ok_or_else(|| format!("the function said nothing of {}", object.key))?;
        let right = match object.kind {
            sample::Kind::Log => line["verdict"] == "accepted" && line["read"] == object.records,
            sample::Kind::Digest => line["reason"] == "digest",
            sample::Kind::Truncated => line["verdict"] == "rejected",
        };
        if !right {
            return Err(
                format!("{:?} object {} came out as {line}", object.kind, object.key).into(),
            );
        }
    }
    done(&format!(
        "{} objects: logs accepted, the digest passed over, the truncated one rejected alone",
        samples.len()
    ));
    Ok(())
}

/// Whether the answer holds exactly the events that are known.
fn check_events(what: &str, answer: &[Value], truth: &[Truth]) -> Result<(), Failure> {
    let found: BTreeSet<&str> = answer
        .iter()
        .filter_map(|event| event["event_id"].as_str())
        .collect();
    let known: BTreeSet<&str> = truth.iter().map(|event| event.event_id.as_str()).collect();
    if known.is_empty() || found.len() != answer.len() {
        return Err(format!("events {what} stand twice in the answer, or none is known").into());
    }
    if found != known {
        let missing: Vec<_> = known.difference(&found).collect();
        let invented: Vec<_> = found.difference(&known).collect();
        return Err(format!("events {what}: missing {missing:?}, not known {invented:?}").into());
    }
    done(&format!(
        "{} events {what}, each once, none besides",
        known.len()
    ));
    Ok(())
}

fn done(what: &str) {
    println!("  ✔ {what}");
}
