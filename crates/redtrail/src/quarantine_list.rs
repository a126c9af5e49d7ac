//! `redtrail quarantine list`: what could not be read, by day of delivery.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use redtrail_core::{
    ledger::{List as Which, Verdict},
    log_key::LogKey,
};
use redtrail_model::Table;
use serde::Serialize;

use crate::{
    csv_text::csv_line,
    failure::Failure,
    grid::{Grid, number, text},
    listed::{Finding, findings},
    output::{Answer, Look, RowForm, remark},
    scope::Scope,
    tables::TableArgs,
};

/// Lists rejected objects and quarantined records
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct List {
    #[command(flatten)]
    scope: Scope,

    /// Only rejected objects
    #[arg(long)]
    rejected: bool,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

const HELP: &str = "\
Examples:
  redtrail quarantine list                              the last seven days
  redtrail quarantine list --since 2026-03-01 --rejected
  redtrail quarantine list --since 30d --output jsonl | redtrail quarantine show -

NOW is how the object stands in the ledger today: what was listed once stays listed, though a
later version of redtrail, or a good object in its place, may have been read since. Of one
object at most 100 records are listed; the ledger's entry counts all.

The line above a row is its reference, for `redtrail quarantine show` and `replay`; in jsonl
and csv it is `reference`.

Exit status: 0 answered, 1 the table could not be asked, 2 wrong usage.";

/// A row, for programs.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    reference: String,
    delivery_day: &'a str,
    account_id: &'a str,
    aws_region: &'a str,
    reason: &'a str,
    verdict_now: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
}

const FIELDS: [&str; 11] = [
    "kind",
    "reference",
    "delivery_day",
    "account_id",
    "aws_region",
    "reason",
    "verdict_now",
    "record_index",
    "byte_offset",
    "record_bytes",
    "sha256",
];

impl List {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let days = self.scope.days(now)?;
        let ledger = self.tables.reader(now, &[Table::Ledger]).await?;
        let lists: &[Which] = if self.rejected {
            &[Which::Rejected]
        } else {
            &[Which::Rejected, Which::Quarantine]
        };
        let mut answer = Answer::new();
        let mut grid = grid();
        let mut objects = 0_u64;
        let mut records = 0_u64;
        if self.output == RowForm::Csv {
            answer.line(&csv_line(FIELDS))?;
        }
        findings(&ledger, &self.scope, days, lists, |found| {
            for finding in &found {
                match finding.list {
                    Which::Rejected => objects += 1,
                    Which::Quarantine => records += 1,
                }
                match self.output {
                    RowForm::Table => show(&mut answer, &mut grid, finding)?,
                    RowForm::Jsonl => answer.json(&line(finding))?,
                    RowForm::Csv => answer.line(&csv_line(fields(&line(finding))))?,
                }
            }
            Ok(())
        })
        .await?;
        answer.flush()?;
        if self.output != RowForm::Jsonl {
            let records = if self.rejected {
                String::new()
            } else {
                format!(", {records} records quarantined")
            };
            remark(&format!(
                "delivered from {} to {}: {objects} objects rejected{records}",
                days.first, days.last
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn grid() -> Grid {
    let columns = vec![
        text("DELIVERED", 10),
        text("WHAT", 10),
        text("NOW", 8),
        number("BYTES", 9),
        text("WHY", 20),
    ];
    Grid::new(Look::of_stdout(), columns)
}

fn show(answer: &mut Answer, grid: &mut Grid, finding: &Finding) -> Result<(), Failure> {
    let line = line(finding);
    answer.prepared(&grid.header())?;
    answer.line(&line.reference)?;
    let bytes = line.record_bytes.map(|bytes| bytes.to_string());
    let row = vec![
        line.delivery_day.to_owned(),
        line.kind.to_owned(),
        line.verdict_now.unwrap_or("unknown").to_owned(),
        bytes.unwrap_or_default(),
        line.reason.to_owned(),
    ];
    answer.prepared(&grid.rows([row]))?;
    Ok(())
}

fn line(finding: &Finding) -> Line<'_> {
    let Finding {
        day,
        list,
        row,
        verdict_now,
    } = finding;
    let key = LogKey::parse(&row.full_object_key).ok();
    let element = row.element.as_ref();
    Line {
        kind: match list {
            Which::Rejected => "object",
            Which::Quarantine => "record",
        },
        reference: finding.place().to_string(),
        delivery_day: day,
        account_id: key.map_or("", |key| key.account),
        aws_region: key.map_or("", |key| key.region),
        reason: &row.reason,
        verdict_now: verdict_now.map(Verdict::name),
        record_index: element.map(|element| element.record_index),
        byte_offset: element.map(|element| element.byte_offset),
        record_bytes: element.map(|element| element.record_bytes),
        sha256: element.map(|element| element.sha256.as_str()),
    }
}

fn fields(line: &Line<'_>) -> [String; 11] {
    let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    [
        line.kind.to_owned(),
        line.reference.clone(),
        line.delivery_day.to_owned(),
        line.account_id.to_owned(),
        line.aws_region.to_owned(),
        line.reason.to_owned(),
        line.verdict_now.unwrap_or_default().to_owned(),
        number(line.record_index),
        number(line.byte_offset),
        number(line.record_bytes),
        line.sha256.unwrap_or_default().to_owned(),
    ]
}
