//! `redtrail find`: from what people have at hand to the keys of the tables.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use redtrail_aws::{
    coverage::coverage,
    find::{ALL_KINDS, Match, find, last_active},
    query::Window,
};
use redtrail_core::{
    coverage::Reach,
    directory::{EdgeFact, Known},
};
use redtrail_model::Table;
use serde::Serialize;

use crate::{
    coverage_line,
    csv_text::csv_line,
    failure::{Failure, runtime},
    grid::{Grid, text},
    output::{Answer, Look, RowForm, json_remark, remark},
    plain_text::plain,
    tables::{TableArgs, unanswered},
};

/// Finds who and what is known by a text: keys to ask by
///
/// TEXT is what an alert, a log or a colleague gave: an e-mail address, a role's or cluster's
/// name, an access key id, an ARN, or a part of one. Principals, resources, persons and source
/// identities are found by any part, in whatever case; sessions and access keys by how they
/// begin.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Find {
    /// An e-mail address, a name, a key, an ARN, or a part of one
    #[arg(required = true)]
    text: String,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

const HELP: &str = "\
Examples:
  redtrail find ana@example.com --stack redtrail
  redtrail find sales-prod
  redtrail find ASIAIOSFODNN7EXAMPLE
  redtrail find arn:aws:sts::123456789012:assumed-role/Analyst/ana@example.com

KIND says how to ask on: principal and resource with `redtrail query`, person, source
identity, session and access key with `redtrail touched`. Each of these takes the text itself too, where it means one
thing only. LAST is the last day of activity (UTC), and AS whom or what.

Exit status: 0 something is known, 1 nothing is, or the tables could not be asked, 2 wrong
usage.";

const FIELDS: [&str; 4] = ["kind", "key", "last_active_day", "last_other"];

/// A row, for programs.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    key: &'a str,
    last_active_day: Option<&'a str>,
    /// A principal or resource of that day.
    last_other: Option<&'a str>,
}

/// What is not in the answer.
#[derive(Serialize)]
struct CutLine {
    further: usize,
    names_cut: bool,
}

impl Find {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(self.answer())
    }

    async fn answer(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let needed = [Table::Directory, Table::Ledger];
        let reader = self.tables.reader(now, &needed).await?;
        let findings = find(&reader, &self.text, &ALL_KINDS).await;
        let findings = findings.map_err(unanswered)?;
        let mut found = findings.matches;
        let all = found.len();
        found.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let last = last_active(&reader, &found).await.map_err(unanswered)?;
        self.show(&found, &last)?;
        let further = all - found.len();
        if self.output == RowForm::Jsonl {
            json_remark(&CutLine {
                further,
                names_cut: findings.is_cut,
            });
        } else {
            if further > 0 {
                remark(&format!("{further} more: give --limit, or more of it"));
            }
            if findings.is_cut {
                remark("not every name was looked through: give how it begins");
            }
            if found.is_empty() {
                remark(&format!("nothing is known by `{}`", self.text));
                remark("a statement is found by `redtrail query statement ID`");
            }
        }
        let reach = [Reach::default()];
        let coverage = coverage(&reader, &reach, Window::default()).await;
        coverage_line::tell(&coverage.map_err(unanswered)?, &reader, self.output);
        Ok(if found.is_empty() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    fn show(&self, found: &[Match], last: &[Option<EdgeFact>]) -> Result<(), Failure> {
        let lines: Vec<Line> = found
            .iter()
            .zip(last)
            .map(|(found, last)| Line {
                kind: found.kind.name(),
                key: &found.text,
                last_active_day: last.as_ref().and_then(|last| last.activity_day.as_deref()),
                last_other: last.as_ref().map(|last| last.other.as_str()),
            })
            .collect();
        let mut answer = Answer::new();
        match self.output {
            RowForm::Jsonl => {
                for line in &lines {
                    answer.json(line)?;
                }
            }
            RowForm::Csv => {
                answer.line(&csv_line(FIELDS))?;
                for line in &lines {
                    let last =
                        [line.last_active_day, line.last_other].map(Option::unwrap_or_default);
                    answer.line(&csv_line([line.kind, line.key, last[0], last[1]]))?;
                }
            }
            RowForm::Table => {
                let mut grid = Grid::new(
                    Look::of_stdout(),
                    vec![text("KIND", 15), text("LAST", 10), text("KEY", 40)],
                );
                let rows = lines.iter().zip(found).map(|(line, found)| {
                    // Of a name, whom it was last; of a key, the key alone.
                    let is_name = !matches!(found.kind, Known::Principal | Known::Resource);
                    let other = line.last_other.filter(|_| is_name);
                    let key = match other {
                        Some(other) => format!("{}\n  as {}", plain(line.key), plain(other)),
                        None => plain(line.key).into_owned(),
                    };
                    let day = line.last_active_day.unwrap_or("-");
                    vec![line.kind.replace('_', " "), day.to_owned(), key]
                });
                answer.prepared(&grid.rows(rows))?;
            }
        }
        answer.flush()?;
        Ok(())
    }
}
