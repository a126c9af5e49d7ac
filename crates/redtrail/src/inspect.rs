//! `redtrail inspect`: the events of log objects, read as the function reads them, without it and
//! without its tables. Here those in files; `inspect_s3` reads those in S3.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use redtrail_core::{
    inspect::inspect, log_reader::Limits, normalizer::Summary, select::Selector, tally::Tally,
};
use redtrail_model::Origin;
use serde::Serialize;

use crate::{
    event_filter::{EventFilter, FilterArgs},
    event_writer::EventWriter,
    failure::{FAILED, Failure, chain},
    inspect_s3::{InS3, InspectS3},
    objects::{Object, State, objects},
    output::{RowForm, json_remark, remark},
    selector_args::SelectorArgs,
    trail_s3::TrailArgs,
};

/// Reads CloudTrail log objects, from files or S3, and prints their Redshift events
///
/// Objects are read as the function reads them, and without it: gzip or plain JSON, and
/// nothing is printed of an object that is damaged. What became of each object of files, and of
/// those in S3 that are not accepted, is said on standard error.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Inspect {
    /// Files, folders (all that is below), or - for standard input; or one trail,
    /// s3://BUCKET/PREFIX, or one object of it
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    of: TrailArgs,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    selector: SelectorArgs,
}

const HELP: &str = "\
Examples:
  redtrail inspect 123456789012_CloudTrail_us-east-1_20230710T1230Z_abc.json.gz
  redtrail inspect AWSLogs/ --output jsonl > events.jsonl 2> objects.jsonl
  aws s3 cp s3://BUCKET/KEY - | redtrail inspect -
  redtrail inspect s3://BUCKET/PREFIX --since 6h
  redtrail inspect s3://BUCKET --since 2023-07-10 --until 2023-07-10 --resource sales-prod \\
      --accounts 123456789012 --regions us-east-1
  redtrail inspect s3://BUCKET/KEY.json.gz --principal ana@example.com

Each event has a reference, OBJECT#INDEX, for `redtrail raw` to show the original record:
in a table the line above its row, with the #INDEX under its time; in jsonl, `reference`.

Of a trail in S3, PREFIX is what stands before AWSLogs/. Its objects are chosen by the times in
their names, from a quarter of an hour before --since to as long after --until, and the answer
stands in the order of their keys. What two trails deliver into one bucket stands there twice.
At the end it is said what was read, and in which whole hours no object was delivered; in jsonl
`all_read` is true if every object and record was. That none is missing, only `redtrail verify`
proves. It takes s3:ListBucket, s3:GetObject and, where a key of yours encrypts, kms:Decrypt.

--principal and --resource take a key, or what an alert shows: the ARN of a session, an access
key id, a person's address; or a name, whole, as `sales-prod`. Without tables nothing is known
of what AWS logged under another name: for that, `redtrail query`.

Per object, on standard error: accepted; partial (some records could not be read);
rejected (damaged: none of its events is printed); failed (could not be read: not allowed, timed
out, gone; of one with more than 8 MiB of events it is told how many are printed already);
skipped (another kind of file).

Exit status: 0 all objects read, though some perhaps in part; 1 some rejected or failed, or it
could not go on; 2 wrong usage.";

/// What became of an object.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    object: &'a str,
    verdict: Verdict,
    reason: Option<String>,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Accepted,
    Partial,
    Rejected,
    Failed,
    Skipped,
}

#[derive(Serialize)]
pub(crate) struct Counts {
    read: u64,
    selected: u64,
    not_selected: u64,
    duplicate: u64,
    quarantined: u64,
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        let Tally {
            read,
            selected,
            not_selected,
            duplicate,
            quarantined,
            ..
        } = tally;
        Self {
            read,
            selected,
            not_selected,
            duplicate,
            quarantined,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records read, {} selected, {} not selected, {} duplicate, {} quarantined",
            self.read, self.selected, self.not_selected, self.duplicate, self.quarantined,
        )
    }
}

impl Inspect {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let filter = self.filter.filter(now)?;
        let selector = self.selector.selector();
        let in_s3 = |path: &PathBuf| path.to_str().and_then(InS3::of);
        if let Some(place) = self.paths.iter().find_map(in_s3) {
            if self.paths.len() > 1 {
                return Err(Failure::usage(
                    "what is in S3 is read alone",
                    "Give one trail or object at a time.",
                ));
            }
            let inspect = InspectS3 {
                place: place?,
                of: self.of,
                filter,
                selector: Arc::new(selector),
                output: self.output,
            };
            return inspect.run(now);
        }
        if self.of.is_narrowed() {
            return Err(Failure::usage(
                "--accounts and --regions choose among a trail's folders in S3",
                "Of files, give those that are asked for.",
            ));
        }
        let objects = objects(&self.paths)?;
        let count = objects.len();
        let progress = progress(count);
        let mut run = Run {
            selector,
            filter,
            answer: EventWriter::new(self.output)?,
            output: self.output,
            verdicts: BTreeMap::new(),
            total: Tally::default(),
            progress,
        };
        for object in objects {
            run.object(object)?;
        }
        run.progress.finish_and_clear();
        if self.output == RowForm::Table && count != 1 {
            remark(&run.total_line());
        }
        let is_bad = |verdict| run.verdicts.contains_key(&verdict);
        Ok(if is_bad(Verdict::Rejected) || is_bad(Verdict::Failed) {
            ExitCode::from(FAILED)
        } else {
            ExitCode::SUCCESS
        })
    }
}

struct Run {
    selector: Selector,
    filter: EventFilter,
    answer: EventWriter,
    output: RowForm,
    verdicts: BTreeMap<Verdict, u64>,
    total: Tally,
    progress: ProgressBar,
}

impl Run {
    fn object(&mut self, object: Object) -> Result<(), Failure> {
        let Object { name, state } = object;
        let (verdict, reason, tally) = match state {
            State::OtherKind(kind) => (Verdict::Skipped, Some(kind.to_owned()), Tally::default()),
            State::Unreadable(why) => (Verdict::Failed, Some(why), Tally::default()),
            State::Readable(body) => match body.rereadable() {
                Err(error) => (Verdict::Failed, Some(chain(&error)), Tally::default()),
                Ok(body) => self.read(&name, || body.open())?,
            },
        };
        self.answer.flush()?;
        let report = Report::of(&name, verdict, reason, tally);
        self.progress.suspend(|| match self.output {
            RowForm::Jsonl => json_remark(&report),
            RowForm::Table | RowForm::Csv => remark(&report.line()),
        });
        self.progress.inc(1);
        self.total += tally;
        *self.verdicts.entry(verdict).or_default() += 1;
        Ok(())
    }

    fn read<R: io::Read>(
        &mut self,
        name: &str,
        open: impl FnMut() -> io::Result<R>,
    ) -> Result<(Verdict, Option<String>, Tally), Failure> {
        let origin = Origin {
            bucket: "".into(),
            key: name.into(),
            version: None,
            record_index: 0,
        };
        let mut output_failed = false;
        let (answer, filter) = (&mut self.answer, &self.filter);
        let result = inspect(open, origin, &self.selector, Limits::default(), |event| {
            if !filter.holds(&event) {
                return Ok(());
            }
            answer.event(event).inspect_err(|_| output_failed = true)
        });
        match result {
            Err(error) if output_failed => Err(Failure::Output(error)),
            Err(error) => Ok((Verdict::Failed, Some(chain(&error)), Tally::default())),
            Ok(Err(rejected)) => {
                let reason = format!("{}: {rejected}", rejected.reason());
                Ok((Verdict::Rejected, Some(reason), Tally::default()))
            }
            Ok(Ok(summary)) if summary.tally.quarantined > 0 => {
                Ok((Verdict::Partial, Some(reasons(&summary)), summary.tally))
            }
            Ok(Ok(summary)) => Ok((Verdict::Accepted, None, summary.tally)),
        }
    }

    fn total_line(&self) -> String {
        let of = |verdict| self.verdicts.get(&verdict).copied().unwrap_or_default();
        let objects: u64 = self.verdicts.values().sum();
        format!(
            "{objects} objects: {} accepted, {} partial, {} rejected, {} failed, {} skipped; {}",
            of(Verdict::Accepted),
            of(Verdict::Partial),
            of(Verdict::Rejected),
            of(Verdict::Failed),
            of(Verdict::Skipped),
            Counts::from(self.total),
        )
    }
}

impl<'a> Report<'a> {
    pub(crate) fn of(
        object: &'a str,
        verdict: Verdict,
        reason: Option<String>,
        tally: Tally,
    ) -> Self {
        Self {
            object,
            verdict,
            reason,
            counts: tally.into(),
        }
    }

    pub(crate) fn line(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Accepted => "accepted",
            Verdict::Partial => "partial",
            Verdict::Rejected => "rejected",
            Verdict::Failed => "failed",
            Verdict::Skipped => "skipped",
        };
        let mut line = format!("{}: {verdict}", self.object);
        if let Some(reason) = &self.reason {
            line.push_str(&format!(" ({reason})"));
        }
        if matches!(self.verdict, Verdict::Accepted | Verdict::Partial) {
            line.push_str(&format!(": {}", self.counts));
        }
        line
    }
}

/// Why records were quarantined, each reason once with the number of its entries.
pub(crate) fn reasons(summary: &Summary) -> String {
    let mut counts = BTreeMap::<String, u64>::new();
    for entry in &summary.quarantined {
        *counts.entry(entry.reason.to_string()).or_default() += 1;
    }
    let reasons: Vec<String> = counts
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    reasons.join(", ")
}

/// A bar while standard error is a terminal and the answer goes elsewhere.
fn progress(objects: usize) -> ProgressBar {
    if objects < 2 || !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos}/{len} objects {wide_bar} {eta}");
    let bar = ProgressBar::new(objects.try_into().unwrap_or(u64::MAX));
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
