//! `redtrail active`: who and what had activity on a day.

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use redtrail_aws::{coverage::coverage, query::Window, reader::Reader};
use redtrail_core::{
    coverage::{DAY_MILLIS, Reach},
    directory::{EdgeFact, Kind},
};
use redtrail_model::{PrincipalKey, ResourceKey, Table};
use serde::Serialize;

use crate::{
    coverage_line,
    csv_text::csv_line,
    failure::{Failure, runtime},
    grid::{Grid, text},
    output::{Answer, Look, RowForm, remark},
    plain_text::plain,
    query::say_window,
    short_name::{principal, resource},
    tables::{TableArgs, unanswered, window},
};

/// Principals looked at at a time.
const AT_ONCE: usize = 16;

/// Asks who had activity on a day, and on what
///
/// Each principal with the resources it used on that day (UTC), and whether it read, wrote or
/// was denied. How often, `redtrail touched` tells.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Active {
    /// The day (UTC)
    #[arg(long, value_name = "DAY", default_value = "today")]
    day: String,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

const HELP: &str = "\
Examples:
  redtrail active --stack redtrail
  redtrail active --day yesterday
  redtrail active --day 2026-03-02 --output csv > active.csv

It reads no events: the directory, one Query for the day and one for each principal, and the
ledger for how far that reaches.

Exit status: 0 answered, 1 the tables could not be asked, 2 wrong usage.";

/// What a principal did to one resource on that day.
#[derive(Serialize)]
struct Line<'a> {
    principal: &'a str,
    /// None of a principal that touched nothing with a key.
    resource_key: Option<&'a str>,
    kinds: Vec<&'static str>,
}

/// What a principal used.
type Used = BTreeMap<String, Vec<&'static str>>;

impl Active {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(self.answer())
    }

    async fn answer(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        // A time that is no day begins and ends at once.
        let window = window(Some(&self.day), Some(&self.day), now).map_err(|_| self.no_day())?;
        let day = self.day(window)?;
        let needed = [Table::Directory, Table::Ledger];
        let reader = self.tables.reader(now, &needed).await?;
        say_window(window, self.output);
        let active = reader.active(&day).await.map_err(unanswered)?;
        let used = |edge: EdgeFact| used(&reader, edge, &day);
        let used = stream::iter(active).map(used).buffered(AT_ONCE);
        let used: Vec<(String, Used)> = used.try_collect().await?;
        self.tell(&used)?;
        if self.output == RowForm::Table {
            remark(&format!("{} principals on {day}", used.len()));
        }
        let coverage = coverage(&reader, &[Reach::default()], window).await;
        coverage_line::tell(&coverage.map_err(unanswered)?, &reader, self.output);
        Ok(ExitCode::SUCCESS)
    }

    /// `YYYY-MM-DD`
    fn day(&self, window: Window) -> Result<String, Failure> {
        let (since, until) = window.since.zip(window.until).unzip();
        let millis = since
            .zip(until)
            .map(|(since, until)| until.epoch_millis() - since.epoch_millis());
        let text = since.map(|since| since.to_string()).unwrap_or_default();
        match (millis, text.get(..10)) {
            (Some(DAY_MILLIS), Some(day)) => Ok(day.to_owned()),
            _ => Err(self.no_day()),
        }
    }

    fn no_day(&self) -> Failure {
        Failure::usage(
            format!("`{}` is not a day", self.day),
            "Give --day as 2026-03-02, today or yesterday.",
        )
    }

    fn tell(&self, used: &[(String, Used)]) -> Result<(), Failure> {
        let mut answer = Answer::new();
        match self.output {
            RowForm::Table => {
                let columns = vec![text("WHO", 32), text("DID", 20), text("ON", 20)];
                let mut grid = Grid::new(Look::of_stdout(), columns);
                let rows = used.iter().flat_map(|(who, used)| rows(who, used));
                answer.prepared(&grid.rows(rows))?;
            }
            RowForm::Jsonl => {
                for line in used.iter().flat_map(lines) {
                    answer.json(&line)?;
                }
            }
            RowForm::Csv => {
                answer.line(&csv_line(["principal", "resource_key", "kinds"]))?;
                for line in used.iter().flat_map(lines) {
                    let kinds = line.kinds.join(" | ");
                    let key = line.resource_key.unwrap_or_default();
                    answer.line(&csv_line([line.principal, key, &kinds]))?;
                }
            }
        }
        answer.flush()?;
        Ok(())
    }
}

async fn used(reader: &Reader, edge: EdgeFact, day: &str) -> Result<(String, Used), Failure> {
    let mut used = Used::new();
    if let Ok(key) = edge.other.parse::<PrincipalKey>() {
        for edge in reader.used_by(&key, day).await.map_err(unanswered)? {
            let kinds = used.entry(edge.other).or_default();
            kinds.extend(edge.kind.map(Kind::name));
        }
    }
    Ok((edge.other, used))
}

fn lines((who, used): &(String, Used)) -> Vec<Line<'_>> {
    let line = |key, kinds: &[&'static str]| Line {
        principal: who,
        resource_key: key,
        kinds: kinds.to_vec(),
    };
    if used.is_empty() {
        return vec![line(None, &[])];
    }
    let used = used.iter();
    used.map(|(key, kinds)| line(Some(key.as_str()), kinds))
        .collect()
}

/// One row a principal and what it did, its resources below each other.
fn rows(who: &str, used: &Used) -> Vec<Vec<String>> {
    let shown = who
        .parse()
        .map_or_else(|_| plain(who).into_owned(), |key| principal(&key));
    let mut by_kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, kinds) in used {
        let short = key
            .parse::<ResourceKey>()
            .map_or_else(|_| plain(key).into_owned(), |key| resource(&key));
        by_kinds.entry(kinds.join(", ")).or_default().push(short);
    }
    if by_kinds.is_empty() {
        by_kinds.insert("-".to_owned(), vec!["-".to_owned()]);
    }
    let mut who = Some(shown);
    let rows = by_kinds
        .into_iter()
        .map(|(kinds, keys)| vec![who.take().unwrap_or_default(), kinds, keys.join("\n")]);
    rows.collect()
}
