//! `redtrail touched`: what somebody touched, resource by resource, database credentials first.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use redtrail_aws::{
    query::Window,
    subject::{Asked, CALLERS, Subject},
};
use redtrail_core::{
    directory::Known,
    uses::{HandOut, Summary, TouchedResource, Uses},
};
use redtrail_model::{AuditEvent, EventTime, ResourceKey, TABLES};
use serde::Serialize;

use crate::{
    coverage_line,
    csv_text::csv_line,
    failure::{Failure, runtime},
    grid::{Column, Grid, number, text},
    output::{Answer, Look, RowForm, json_remark, remark},
    plain_text::plain,
    query::{say_keys, say_window},
    short_name::{principal, resource, second},
    subject::{reach, the_one},
    tables::{TableArgs, unanswered, window},
    touched_page::{Page, Timeline, write_page},
};

/// What nobody sees here, said with every answer about credentials.
pub(crate) const BLIND: &str = "CloudTrail does not see what is done over a database connection: \
    the trail goes on in Redshift's audit log, under the database user.";

/// Credentials shown in a table: some services ask for them every minute.
const MOST_SHOWN: usize = 20;

/// Asks what somebody touched: each resource with how often, first and last
///
/// Database credentials that were handed out come first: what is done with them over a
/// connection, CloudTrail does not see.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Touched {
    #[command(flatten)]
    by: By,

    /// Only from this time on
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,

    /// Only before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Only resources of these types
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<ResourceType>,

    /// Write the same as a page for the browser, with a timeline, to this file too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

/// Who is asked about.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct By {
    /// By any name: a principal's key, a role session's ARN, an e-mail address, a key id
    #[arg(value_name = "WHO")]
    who: Option<String>,

    /// A user, role or service
    #[arg(long, value_name = "KEY")]
    principal: Option<String>,

    /// A person, in whatever account and role
    #[arg(long, value_name = "NAME")]
    person: Option<String>,

    /// A role session, of whatever role
    #[arg(long, value_name = "NAME")]
    session: Option<String>,

    /// An access key, lasting or temporary
    #[arg(long, value_name = "ID")]
    access_key: Option<String>,

    /// Whoever acted under that source identity
    #[arg(long, value_name = "NAME")]
    source_identity: Option<String>,
}

/// A type of resource, as people ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResourceType {
    Cluster,
    Snapshot,
    Datashare,
    Namespace,
    Workgroup,
    /// Database users, groups and names
    Database,
    Statement,
    /// Query editor's connections, queries, notebooks and charts
    Editor,
}

impl ResourceType {
    fn holds(self, key: &ResourceKey) -> bool {
        let key = key.as_str();
        let any = |marks: &[&str]| marks.iter().any(|mark| key.contains(mark));
        match self {
            Self::Cluster => any(&[":cluster:", ":cluster/"]),
            Self::Snapshot => any(&[":snapshot:", ":snapshot/"]),
            Self::Datashare => any(&[":datashare:"]),
            Self::Namespace => any(&[":namespace/", ":namespace:"]),
            Self::Workgroup => any(&[":workgroup/"]),
            Self::Database => any(&[":dbuser:", ":dbname:", ":dbgroup:"]),
            Self::Statement => key.starts_with("statement:"),
            Self::Editor => any(&[":sqlworkbench:"]),
        }
    }
}

const HELP: &str = "\
Examples:
  redtrail touched ana@example.com --stack redtrail
  redtrail touched arn:aws:sts::123456789012:assumed-role/Analyst/ana@example.com --since 6h
  redtrail touched --access-key ASIAIOSFODNN7EXAMPLE --since 2d --type cluster,datashare
  redtrail touched --principal Analyst --since 2026-03-01 --html analyst.html

A name may be a part of one, if it means one thing only; `redtrail find` lists what is known.
Of a resource `redtrail who` tells who touched it.

Times are those of `redtrail query`: 2026-03-02T09:00:00Z, 2026-03-02, yesterday, or so long
ago: 90s, 30m, 6h, 2d, 1w. All are UTC unless they carry an offset.
Each event counts once: as denied, as failed for another reason, or as a read or a write.

Exit status: 0 answered, 1 the tables could not be asked, 2 wrong usage.";

const FIELDS: [&str; 12] = [
    "kind",
    "key",
    "parts",
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

impl Touched {
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
        let (text, kinds) = self.by.wanted();
        let subject = Subject::of_caller(&reader, text, kinds).await;
        let subject = the_one(subject, &reader, self.output).await?;
        say_keys(&subject, text, self.output);
        say_window(asked.window, self.output);
        let mut summary = Summary::default();
        let mut timeline = Timeline::default();
        let mut answer = subject.answer(&reader, &asked);
        while let Some(found) = answer.next().await.map_err(unanswered)? {
            if self.wants(&found.event) {
                summary.count(&found.event);
                if self.html.is_some() {
                    timeline.add(&found.event);
                }
            }
        }
        let coverage = reach(&subject, &reader, asked.window).await?;
        let mut resources = summary.resources();
        resources.retain(|touched| self.wants_key(&touched.resource_key));
        let told = Told {
            who: &subject.shown,
            hand_outs: &summary.hand_outs(),
            resources: &resources,
            all: summary.all(),
        };
        told.tell(self.output)?;
        if let Some(file) = &self.html {
            let page = Page {
                who: told.who,
                window: Window {
                    until: asked.window.until.or(Some(reader.now())),
                    ..asked.window
                },
                hand_outs: told.hand_outs,
                resources: told.resources,
                timeline: &timeline,
                coverage: &format!("Coverage: {}", coverage_line::sentence(&coverage)),
            };
            write_page(file, &page)?;
            say_written(file, self.output);
        }
        if self.output == RowForm::Table {
            remark(&format!("{} events by {}", told.all.total(), told.who));
            if !told.hand_outs.is_empty() {
                remark(BLIND);
            }
        }
        coverage_line::tell(&coverage, &reader, self.output);
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, event: &AuditEvent) -> bool {
        self.types.is_empty() || event.resource_arns().any(|key| self.wants_key(key))
    }

    fn wants_key(&self, key: &ResourceKey) -> bool {
        self.types.is_empty() || self.types.iter().any(|kind| kind.holds(key))
    }
}

impl By {
    fn wanted(&self) -> (&str, &'static [Known]) {
        let named = [
            (&self.who, &CALLERS[..]),
            (&self.principal, &[Known::Principal]),
            (&self.person, &[Known::Person]),
            (&self.session, &[Known::Session]),
            (&self.access_key, &[Known::AccessKey]),
            (&self.source_identity, &[Known::SourceIdentity]),
        ];
        let mut named = named
            .into_iter()
            .filter_map(|(text, kinds)| Some((text.as_deref()?, kinds)));
        named.next().unwrap_or(("", &CALLERS))
    }
}

#[derive(Serialize)]
struct WrittenLine<'a> {
    written: &'a Path,
}

fn say_written(file: &Path, form: RowForm) {
    match form {
        RowForm::Jsonl => json_remark(&WrittenLine { written: file }),
        RowForm::Table | RowForm::Csv => remark(&format!("written: {}", file.display())),
    }
}

/// What was touched.
struct Told<'t> {
    who: &'t str,
    hand_outs: &'t [HandOut],
    resources: &'t [TouchedResource],
    all: &'t Uses,
}

/// A line of JSON.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'t> {
    HandOut(&'t HandOut),
    Touched(&'t TouchedResource),
}

impl Told<'_> {
    fn tell(&self, form: RowForm) -> Result<(), Failure> {
        let mut answer = Answer::new();
        match form {
            RowForm::Table => answer.prepared(&self.tables(Look::of_stdout()))?,
            RowForm::Jsonl => {
                for hand_out in self.hand_outs {
                    answer.json(&Line::HandOut(hand_out))?;
                }
                for touched in self.resources {
                    answer.json(&Line::Touched(touched))?;
                }
            }
            RowForm::Csv => {
                answer.line(&csv_line(FIELDS))?;
                for hand_out in self.hand_outs {
                    let [key, rest @ ..] = hand_out_fields(hand_out);
                    let kind = ["hand_out".to_owned(), key, String::new()];
                    answer.line(&csv_line(kind.into_iter().chain(rest)))?;
                }
                for touched in self.resources {
                    answer.line(&csv_line(fields(touched)))?;
                }
            }
        }
        answer.flush()?;
        Ok(())
    }

    fn tables(&self, look: Look) -> String {
        let mut lines = hand_outs(look, self.hand_outs, false);
        if !lines.is_empty() {
            lines.push('\n');
        }
        let mut columns = vec![text("RESOURCE", 24)];
        columns.splice(0..0, uses_columns());
        let mut grid = Grid::new(look, columns);
        lines.push_str(&grid.rows(self.resources.iter().map(|touched| {
            let parts: Vec<String> = touched.parts.iter().map(ToString::to_string).collect();
            let mut row = uses_cells(&touched.uses);
            row.push(format!(
                "{}\n{}",
                resource(&touched.resource_key),
                parts.join(", ")
            ));
            row
        })));
        lines
    }
}

fn fields(touched: &TouchedResource) -> Vec<String> {
    let parts: Vec<String> = touched.parts.iter().map(ToString::to_string).collect();
    let what = [
        "touched".to_owned(),
        touched.resource_key.to_string(),
        parts.join(" | "),
    ];
    let no_credentials = [String::new(), String::new()];
    let uses = uses_fields(&touched.uses);
    what.into_iter().chain(uses).chain(no_credentials).collect()
}

/// How often, first and last, as columns of CSV.
pub(crate) fn uses_fields(uses: &Uses) -> [String; 7] {
    let time = |time: Option<EventTime>| time.map(|time| time.to_string()).unwrap_or_default();
    [
        uses.reads.to_string(),
        uses.writes.to_string(),
        uses.denied.to_string(),
        uses.failed.to_string(),
        time(uses.first),
        time(uses.last),
        uses.last_reference.clone().unwrap_or_default(),
    ]
}

/// Credentials as columns of CSV: what they open, then the columns of uses, then their own.
pub(crate) fn hand_out_fields(hand_out: &HandOut) -> [String; 10] {
    let opens: Vec<&str> = hand_out.opens.iter().map(ResourceKey::as_str).collect();
    let time = hand_out.event_time.to_string();
    let none = String::new;
    [
        opens.join(" | "),
        none(),
        none(),
        none(),
        none(),
        time.clone(),
        time,
        hand_out.reference.clone(),
        hand_out
            .database_user
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        hand_out.expires.as_deref().unwrap_or_default().to_owned(),
    ]
}

/// First and last, and how often, as columns of a table.
pub(crate) fn uses_columns() -> [Column; 5] {
    [
        text("FIRST, LAST (UTC)", 19),
        number("READS", 5),
        number("WRITES", 6),
        number("DENIED", 6),
        number("FAILED", 6),
    ]
}

pub(crate) fn uses_cells(uses: &Uses) -> Vec<String> {
    let [reads, writes, denied, failed, ..] = uses_fields(uses);
    let time = |time: Option<EventTime>| time.map(second).unwrap_or_default();
    vec![
        format!("{}\n{}", time(uses.first), time(uses.last)),
        reads,
        writes,
        denied,
        failed,
    ]
}

/// When credentials expire: as a time like the others, where it is one.
pub(crate) fn expiry(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), second)
}

fn or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| plain(text).into_owned())
}

/// Credentials that were handed out, as a table; with whom, where they were several.
pub(crate) fn hand_outs(look: Look, hand_outs: &[HandOut], with_caller: bool) -> String {
    let mut columns = vec![
        text("CREDENTIALS (UTC)", 19),
        text("DATABASE USER", 18),
        text("EXPIRE", 19),
    ];
    if with_caller {
        columns.push(text("TO", 20));
    }
    columns.push(text("OPEN", 16));
    let mut grid = Grid::new(look, columns);
    let further = hand_outs.len().saturating_sub(MOST_SHOWN);
    let mut lines = grid.rows(hand_outs.iter().take(MOST_SHOWN).map(|hand_out| {
        let opens: Vec<String> = hand_out.opens.iter().map(resource).collect();
        let mut row = vec![
            second(hand_out.event_time),
            or_dash(hand_out.database_user.as_deref()),
            or_dash(hand_out.expires.as_deref().map(expiry).as_deref()),
        ];
        if with_caller {
            let mut to = principal(&hand_out.principal);
            if let Some(acted) = &hand_out.acted {
                to = format!("{to}\n{}", plain(acted));
            }
            row.push(to);
        }
        row.push(opens.join("\n"));
        row
    }));
    if further > 0 {
        lines.push_str(&format!("and {further} earlier: --output jsonl has all\n"));
    }
    lines
}
