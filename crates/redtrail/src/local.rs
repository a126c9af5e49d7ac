//! `redtrail local`: an S3 and a DynamoDB on this machine, with the sample trail in a bucket
//! and its events in the tables, for the user's own tools.

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use jiff::Timestamp;
use redtrail_aws::{
    dynamodb::{DynamoDbStore, TableNames},
    s3::S3Source,
    timer::TokioTimer,
};
use redtrail_core::{
    directory::Remembered,
    edge::Timer,
    ingest::{Report, Schedule, Settings, ingest},
    log_key::LogKey,
    log_reader::Limits,
    object::ObjectAddress,
    retention::Retentions,
    select::Selector,
    tally::Tally,
    writer::{Effort, Writer},
};
use redtrail_local::{LocalAws, LocalAwsOptions, LocalError, Storage, StoredObject};
use redtrail_model::{EventTime, Table};
use redtrail_trailgen::sample;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    failure::Failure,
    output::{Answer, remark},
};

/// The tables are made as the stack makes them.
const TEMPLATE: &str = include_str!("../../../template.yaml");
/// For the sample, which takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs an S3 and a DynamoDB on this machine, filled with a sample trail
///
/// The bucket holds log objects of an organization trail, the tables what the function
/// makes of them. They run until Ctrl-C; unless --folder is given, nothing remains.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Local {
    /// Address to listen on; 0.0.0.0 lets in containers, and whoever reaches this machine
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST)]
    listen: Ipv4Addr,

    /// S3's port; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    s3_port: u16,

    /// DynamoDB's port; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    dynamodb_port: u16,

    /// Keep bucket and tables in this folder, for the next time
    #[arg(long)]
    folder: Option<PathBuf>,

    /// Begin without a bucket and with empty tables
    #[arg(long, conflicts_with = "empty_tables")]
    empty: bool,

    /// Begin with the sample in the bucket and empty tables, for a function to fill
    #[arg(long)]
    empty_tables: bool,

    /// Write the environment lines to this file once all is ready, for scripts to wait for
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  redtrail local
  redtrail local --folder ./local --s3-port 9000 --dynamodb-port 8000
  redtrail local --ready-file env.sh &
  until [ -e env.sh ]; do sleep 0.1; done; . ./env.sh; aws dynamodb list-tables
  redtrail local --empty-tables --listen 0.0.0.0 --s3-port 9000 --dynamodb-port 8000

The last is what events/env/local.json expects, for `sam local invoke`.

The lines it prints go into the shell where redtrail, the AWS CLI or boto3 shall use it.";

impl Local {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        if let Some(file) = &self.ready_file {
            remove_stale(file)?;
        }
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(system)?
            .block_on(self.serve())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> Result<(), Failure> {
        let mut interrupted = signal(SignalKind::interrupt()).map_err(system)?;
        let mut terminated = signal(SignalKind::terminate()).map_err(system)?;
        let options = LocalAwsOptions {
            storage: self
                .folder
                .clone()
                .map_or(Storage::Temporary, Storage::Folder),
            listen: self.listen,
            s3_port: self.s3_port,
            dynamodb_port: self.dynamodb_port,
            ..LocalAwsOptions::default()
        };
        let aws = LocalAws::start(TEMPLATE, &options)
            .await
            .map_err(not_started)?;
        if !self.empty {
            fill(&aws, !self.empty_tables).await?;
        }
        self.say_ready(&aws)?;
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        if let Some(file) = &self.ready_file {
            fs::remove_file(file).ok();
        }
        aws.stop().await.map_err(not_started)
    }

    fn say_ready(&self, aws: &LocalAws) -> Result<(), Failure> {
        let environment = aws.environment().to_string();
        let mut answer = Answer::new();
        answer.line("Paste into the shell that shall use it:")?;
        answer.line("")?;
        for line in environment.lines() {
            answer.line(line)?;
        }
        answer.line("")?;
        if !self.empty {
            answer.line("Then try:")?;
            answer.line("")?;
            for command in [
                format!("redtrail query resource {}", sample::RESOURCE),
                format!("redtrail query principal {}", sample::PRINCIPAL),
                format!("aws s3 ls --recursive s3://{}", sample::BUCKET),
            ] {
                answer.line(&format!("  {command}"))?;
            }
            answer.line("")?;
        }
        answer.line("ready; Ctrl-C ends it")?;
        answer.flush()?;
        match &self.ready_file {
            Some(file) => write_whole(file, &environment).map_err(|error| {
                Failure::failed(
                    format!("could not write {}", file.display()),
                    "Give --ready-file a file that can be written.",
                    error,
                )
            }),
            None => Ok(()),
        }
    }
}

/// Puts the sample into its bucket and, if asked to, its events into the tables, as the function
/// would.
async fn fill(aws: &LocalAws, tables: bool) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(system)?;
    sample::write(folder.path()).map_err(system)?;
    let objects = aws
        .put_folder(sample::BUCKET, folder.path())
        .await
        .map_err(not_started)?;
    if !tables {
        remark(&format!(
            "s3://{} holds {} objects; the tables are empty",
            sample::BUCKET,
            objects.len()
        ));
        return Ok(());
    }
    let reports = ingest_all(aws, &objects).await?;
    let mut tally = Tally::default();
    for report in &reports {
        tally += report.tally;
    }
    let rejected = reports
        .iter()
        .filter(|report| report.reason.is_some())
        .count();
    remark(&format!(
        "s3://{} holds {} objects: {} logs read, {rejected} of them rejected as damaged; \
         {} records read, {} events stored",
        sample::BUCKET,
        objects.len(),
        reports.len(),
        tally.read,
        tally.stored,
    ));
    Ok(())
}

async fn ingest_all(aws: &LocalAws, objects: &[StoredObject]) -> Result<Vec<Report>, Failure> {
    let name = |table| aws.table_name(table).to_owned();
    let names = TableNames {
        principals: name(Table::Principals),
        resources: name(Table::Resources),
        directory: name(Table::Directory),
        ledger: name(Table::Ledger),
    };
    let source = S3Source::new(aws.s3_client().clone());
    let store = DynamoDbStore::new(aws.dynamodb_client().clone(), names);
    let selector = Selector::new([]);
    let now = EventTime::at(Timestamp::now())
        .ok_or_else(|| Failure::usage("the clock is outside the years 0 to 9999", "Set it."))?;
    let started = TokioTimer.now();
    let settings = Settings {
        selector: &selector,
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
    let writer = Writer {
        store: &store,
        timer: &TokioTimer,
        effort: &Effort::default(),
    };
    let mut reports = Vec::new();
    for object in objects
        .iter()
        .filter(|object| LogKey::parse(&object.key).is_ok())
    {
        let address = ObjectAddress {
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            version_id: None,
        };
        let report = ingest(&source, writer, &address, settings)
            .await
            .map_err(|error| {
                Failure::failed(
                    "could not fill the tables",
                    "Start with --empty to go without.",
                    error,
                )
            })?;
        reports.push(report);
    }
    Ok(reports)
}

fn not_started(error: LocalError) -> Failure {
    let next = match &error {
        LocalError::Listen { .. } => {
            "Choose another address or port, or leave it out for any free port."
        }
        LocalError::Folder { .. } | LocalError::S3Folder { .. } | LocalError::Database { .. } => {
            "Give --folder a folder that can be written, or leave it out."
        }
        LocalError::OtherKeys { .. } => "Another version made this folder: give another one.",
        _ => "Try once more; if it stays so, it is a fault of redtrail.",
    };
    Failure::failed("could not run the local S3 and DynamoDB", next, error)
}

/// The machine refused what any run needs.
fn system(error: io::Error) -> Failure {
    let next = "Look for room in the temporary folder (TMPDIR), and for limits on this process.";
    Failure::failed("could not run the local S3 and DynamoDB", next, error)
}

/// A file left by an earlier run would tell scripts that this one is ready.
fn remove_stale(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::usage(
            format!("could not remove {}: {error}", file.display()),
            "Give --ready-file a file that can be written.",
        )),
        _ => Ok(()),
    }
}

/// Whoever sees the file sees all of it.
fn write_whole(file: &Path, content: &str) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    fs::write(&part, content)?;
    fs::rename(&part, file)
}
