//! `redtrail who`: who touched a resource, caller by caller, database credentials first.

use std::process::ExitCode;

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use redtrail_aws::{
    query::{QueryError, whole},
    reader::Reader,
    subject::{Asked, Subject},
};
use redtrail_core::uses::{HandOut, Summary, Toucher};
use redtrail_model::{AuditEvent, PrincipalKey, TABLES};
use serde::Serialize;

use crate::{
    coverage_line,
    csv_text::csv_line,
    failure::{Failure, runtime},
    grid::{Grid, text},
    output::{Answer, Look, RowForm, remark},
    plain_text::plain,
    query::{say_keys, say_window},
    short_name::principal,
    subject::{reach, the_one},
    tables::{TableArgs, unanswered, window},
    touched::{BLIND, hand_out_fields, hand_outs, uses_cells, uses_columns, uses_fields},
};

/// Credentials looked up at a time.
const AT_ONCE: usize = 16;

/// Asks who touched a resource: each caller with how often, first and last
///
/// Database credentials that were handed out for it come first: what is done with them over a
/// connection, CloudTrail does not see.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Who {
    /// The resource: its key, or a part of it, as a cluster's name
    resource: String,

    /// Only from this time on
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,

    /// Only before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

const HELP: &str = "\
Examples:
  redtrail who sales-prod --stack redtrail
  redtrail who arn:aws:redshift:us-east-1:123456789012:cluster:sales-prod --since 7d
  redtrail who sales-prod --since 2026-03-01 --until 2026-03-07 --output csv > who.csv

Times are those of `redtrail query`: 2026-03-02T09:00:00Z, 2026-03-02, yesterday, or so long
ago: 90s, 30m, 6h, 2d, 1w. All are UTC unless they carry an offset.

Callers are told apart by principal, and within it by person, else by session. Each event
counts once: as denied, as failed for another reason, or as a read or a write.

Exit status: 0 answered, 1 the tables could not be asked, 2 wrong usage.";

const FIELDS: [&str; 12] = [
    "kind",
    "principal",
    "acted",
    "reads",
    "writes",
    "denied",
    "failed",
    "first",
    "last",
    "last_reference",
    "database_user",
    "expires",
];

/// A line of JSON.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'w> {
    HandOut(&'w HandOut),
    Caller(&'w Toucher),
}

impl Who {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(self.answer())
    }

    async fn answer(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let asked = Asked {
            window: window(Some(&self.since), self.until.as_deref(), now)?,
            ..Asked::default()
        };
        let reader = self
            .tables
            .reader(now, &TABLES.map(|schema| schema.table))
            .await?;
        let subject = Subject::of_resource(&reader, &self.resource).await;
        let subject = the_one(subject, &reader, self.output).await?;
        say_keys(&subject, &self.resource, self.output);
        say_window(asked.window, self.output);
        let mut summary = Summary::default();
        let mut nameless = Vec::new();
        let mut answer = subject.answer(&reader, &asked);
        while let Some(found) = answer.next().await.map_err(unanswered)? {
            let hand_out = HandOut::of(&found.event);
            if hand_out.is_some_and(|hand_out| hand_out.database_user.is_none()) {
                nameless.push(found.event);
            } else {
                summary.count(&found.event);
            }
        }
        // The events' own items name the database user.
        for event in wholes(&reader, nameless).await.map_err(unanswered)? {
            summary.count(&event);
        }
        let handed = summary.hand_outs();
        self.tell(&handed, &summary.touchers())?;
        if self.output == RowForm::Table {
            let total = summary.all().total();
            remark(&format!("{total} events on {}", subject.shown));
            if !handed.is_empty() {
                remark(BLIND);
            }
        }
        let coverage = reach(&subject, &reader, asked.window).await?;
        coverage_line::tell(&coverage, &reader, self.output);
        Ok(ExitCode::SUCCESS)
    }

    fn tell(&self, handed: &[HandOut], callers: &[Toucher]) -> Result<(), Failure> {
        let mut answer = Answer::new();
        match self.output {
            RowForm::Jsonl => {
                for hand_out in handed {
                    answer.json(&Line::HandOut(hand_out))?;
                }
                for caller in callers {
                    answer.json(&Line::Caller(caller))?;
                }
            }
            RowForm::Csv => {
                answer.line(&csv_line(FIELDS))?;
                for hand_out in handed {
                    let [_, rest @ ..] = hand_out_fields(hand_out);
                    let who = who("hand_out", &hand_out.principal, hand_out.acted.as_deref());
                    answer.line(&csv_line(who.into_iter().chain(rest)))?;
                }
                for caller in callers {
                    let who = who("caller", &caller.principal, caller.acted.as_deref());
                    let no_credentials = [String::new(), String::new()];
                    let uses = uses_fields(&caller.uses).into_iter().chain(no_credentials);
                    answer.line(&csv_line(who.into_iter().chain(uses)))?;
                }
            }
            RowForm::Table => {
                let look = Look::of_stdout();
                let mut lines = hand_outs(look, handed, true);
                if !lines.is_empty() {
                    lines.push('\n');
                }
                let mut columns = uses_columns().to_vec();
                columns.push(text("WHO", 24));
                lines.push_str(&Grid::new(look, columns).rows(callers.iter().map(row)));
                answer.prepared(&lines)?;
            }
        }
        answer.flush()?;
        Ok(())
    }
}

/// Those events with everything they touched, as far as it still stands.
async fn wholes(reader: &Reader, events: Vec<AuditEvent>) -> Result<Vec<AuditEvent>, QueryError> {
    let whole =
        |event: AuditEvent| async move { Ok(whole(reader, &event).await?.unwrap_or(event)) };
    let wholes = stream::iter(events).map(whole).buffered(AT_ONCE);
    wholes.try_collect().await
}

fn who(kind: &str, principal: &PrincipalKey, acted: Option<&str>) -> [String; 3] {
    let acted = acted.unwrap_or_default();
    [kind.to_owned(), principal.to_string(), acted.to_owned()]
}

fn row(caller: &Toucher) -> Vec<String> {
    let mut row = uses_cells(&caller.uses);
    let who = principal(&caller.principal);
    row.push(match &caller.acted {
        Some(acted) => format!("{who}\n{}", plain(acted)),
        None => who,
    });
    row
}
