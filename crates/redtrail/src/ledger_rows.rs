//! The ledger's answer in the form asked for: days, gaps, objects, and the sum of them.

use std::io;

use jiff::civil::Date;
use redtrail_core::{
    directory::Trail,
    ledger::{LedgerEntry, Verdict},
};
use redtrail_model::EventTime;
use serde::{Serialize, Serializer};

use crate::{
    csv_text::csv_line,
    deliveries::{Deliveries, Interval},
    grid::{Grid, number, text},
    ledger::Summary,
    output::{Answer, Look, RowForm, json_remark, remark},
    place::Place,
    scope::Days,
};

/// From here on each verdict has its own column.
const WIDE: u16 = 120;
/// Rows laid out at a time.
const PORTION: usize = 256;

/// A day on which objects came.
#[derive(Debug, Serialize)]
pub(crate) struct DayRow {
    #[serde(serialize_with = "as_text")]
    pub(crate) delivery_day: Date,
    /// Objects came, but their entries have expired.
    #[serde(rename = "expired")]
    pub(crate) is_expired: bool,
    #[serde(flatten)]
    pub(crate) deliveries: Deliveries,
}

/// Days on which none came.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct GapRow {
    #[serde(rename = "delivery_day", serialize_with = "as_text")]
    pub(crate) first_day: Date,
    #[serde(serialize_with = "as_text")]
    pub(crate) last_day: Date,
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    trail: &'a Trail,
    #[serde(flatten)]
    row: &'a T,
}

#[derive(Serialize)]
struct ObjectRow<'a> {
    #[serde(serialize_with = "as_text")]
    delivery_day: Date,
    reference: Option<String>,
    delivered_at: Option<EventTime>,
    #[serde(flatten)]
    entry: &'a LedgerEntry,
}

#[derive(Serialize)]
struct TotalLine<'a> {
    total: Total<'a>,
}

#[derive(Serialize)]
struct Total<'a> {
    #[serde(serialize_with = "as_text")]
    first_day: Date,
    #[serde(serialize_with = "as_text")]
    last_day: Date,
    tracked_first_day: Option<String>,
    tracked_last_day: Option<String>,
    trails: u64,
    days_without_object: u64,
    days_expired: u64,
    #[serde(flatten)]
    all: &'a Deliveries,
}

const DAY_FIELDS: [&str; 19] = [
    "kind",
    "bucket",
    "account_id",
    "aws_region",
    "delivery_day",
    "last_day",
    "objects",
    "accepted",
    "partial",
    "rejected",
    "waiting",
    "records_read",
    "records_selected",
    "records_quarantined",
    "first_delivery",
    "last_delivery",
    "longest_interval_seconds",
    "longest_interval_from",
    "trail_folder",
];

const OBJECT_FIELDS: [&str; 18] = [
    "kind",
    "bucket",
    "account_id",
    "aws_region",
    "delivery_day",
    "delivered_at",
    "verdict",
    "reason",
    "records_read",
    "records_selected",
    "records_quarantined",
    "events_durable",
    "stored_bytes",
    "sha256",
    "finished_at",
    "duration_ms",
    "redtrail_version",
    "reference",
];

/// Writes rows one by one.
pub(crate) struct Rows {
    answer: Answer,
    form: RowForm,
    is_of_objects: bool,
    is_wide: bool,
    grid: Grid,
    /// The trail told last.
    trail: Option<Trail>,
    waiting: Vec<Vec<String>>,
}

impl Rows {
    pub(crate) fn new(form: RowForm, is_of_objects: bool) -> io::Result<Self> {
        let look = Look::of_stdout();
        let is_wide = look.width >= WIDE;
        let columns = match (is_of_objects, is_wide) {
            (false, false) => vec![
                text("DAY (UTC)", 10),
                text("OBJECTS", 14),
                number("READ", 9),
                number("SELECTED", 8),
                number("QUARANTINED", 11),
                text("DELIVERED", 11),
                text("PAUSE", 5),
            ],
            (false, true) => vec![
                text("DAY (UTC)", 10),
                number("OBJECTS", 7),
                number("ACCEPTED", 8),
                number("PARTIAL", 7),
                number("REJECTED", 8),
                number("WAITING", 7),
                number("READ", 11),
                number("SELECTED", 9),
                number("QUARANTINED", 11),
                text("FIRST", 5),
                text("LAST", 5),
                text("PAUSE", 10),
            ],
            (true, false) => vec![
                text("DELIVERED", 10),
                text("VERDICT", 8),
                number("READ", 8),
                number("SELECTED", 8),
                number("QUARANTINED", 11),
                text("WHY", 16),
            ],
            (true, true) => vec![
                text("DELIVERED (UTC)", 16),
                text("VERDICT", 8),
                number("READ", 8),
                number("SELECTED", 8),
                number("QUARANTINED", 11),
                number("BYTES", 10),
                text("FINISHED (UTC)", 16),
                number("TOOK MS", 7),
                text("WHY", 16),
            ],
        };
        let mut answer = Answer::new();
        match form {
            RowForm::Csv if is_of_objects => answer.line(&csv_line(OBJECT_FIELDS))?,
            RowForm::Csv => answer.line(&csv_line(DAY_FIELDS))?,
            RowForm::Table | RowForm::Jsonl => {}
        }
        Ok(Self {
            answer,
            form,
            is_of_objects,
            is_wide,
            grid: Grid::new(look, columns),
            trail: None,
            waiting: Vec::new(),
        })
    }

    pub(crate) fn day(&mut self, trail: &Trail, row: DayRow) -> io::Result<()> {
        self.begin(trail)?;
        match self.form {
            RowForm::Jsonl => self.json("day", trail, &row),
            RowForm::Csv => {
                let day = &row.deliveries;
                let longest = day.longest;
                self.csv([
                    "day".to_owned(),
                    trail.bucket.clone(),
                    trail.account_id.clone(),
                    trail.aws_region.clone(),
                    row.delivery_day.to_string(),
                    String::new(),
                    day.objects.to_string(),
                    day.accepted.to_string(),
                    day.partial.to_string(),
                    day.rejected.to_string(),
                    day.waiting.to_string(),
                    day.records_read.to_string(),
                    day.records_selected.to_string(),
                    day.records_quarantined.to_string(),
                    or_nothing(day.first_delivery),
                    or_nothing(day.last_delivery),
                    or_nothing(longest.map(|interval| interval.seconds)),
                    or_nothing(longest.map(|interval| interval.from)),
                    trail.trail_folder.clone(),
                ])
            }
            RowForm::Table if row.is_expired => {
                self.rows()?;
                let day = row.delivery_day;
                self.answer
                    .line(&format!("{day}  objects came; their entries have expired"))
            }
            RowForm::Table => {
                let cells = self.day_cells(&row);
                self.row(cells)
            }
        }
    }

    pub(crate) fn gap(&mut self, trail: &Trail, row: &GapRow) -> io::Result<()> {
        self.begin(trail)?;
        match self.form {
            // Each line is an object, for programs that take references.
            RowForm::Jsonl | RowForm::Csv if self.is_of_objects => Ok(()),
            RowForm::Jsonl => self.json("gap", trail, row),
            RowForm::Csv => {
                let mut fields = DAY_FIELDS.map(|_| String::new());
                let known = [
                    "gap".to_owned(),
                    trail.bucket.clone(),
                    trail.account_id.clone(),
                    trail.aws_region.clone(),
                    row.first_day.to_string(),
                    row.last_day.to_string(),
                    "0".to_owned(),
                ];
                for (field, text) in fields.iter_mut().zip(known) {
                    *field = text;
                }
                if let Some(last) = fields.last_mut() {
                    last.clone_from(&trail.trail_folder);
                }
                self.csv(fields)
            }
            RowForm::Table => {
                self.rows()?;
                let GapRow {
                    first_day,
                    last_day,
                } = row;
                let days = if first_day == last_day {
                    first_day.to_string()
                } else {
                    format!("{first_day} to {last_day}")
                };
                self.answer.line(&format!("{days}  gap: no object"))
            }
        }
    }

    pub(crate) fn objects<'a>(
        &mut self,
        trail: &Trail,
        delivery_day: Date,
        entries: impl Iterator<Item = &'a LedgerEntry>,
    ) -> io::Result<()> {
        for entry in entries {
            self.begin(trail)?;
            let row = ObjectRow {
                delivery_day,
                reference: reference(entry),
                delivered_at: entry.made_at(),
                entry,
            };
            match self.form {
                RowForm::Jsonl => self.json("object", trail, &row)?,
                RowForm::Csv => self.csv(object_fields(trail, &row))?,
                RowForm::Table => {
                    self.rows()?;
                    let lines = self.grid.header();
                    self.answer.prepared(&lines)?;
                    // Whole, however long: a terminal that wraps a line copies it as one.
                    let name = row.reference.as_ref().unwrap_or(&entry.key.object_key);
                    self.answer.line(name)?;
                    let cells = self.object_cells(&row);
                    self.row(cells)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the answer with the sum of it.
    pub(crate) fn total(mut self, summary: &Summary, days: Days) -> io::Result<()> {
        self.rows()?;
        let Days { first, last, .. } = days;
        let all = &summary.all;
        match self.form {
            RowForm::Jsonl => {
                self.answer.flush()?;
                json_remark(&TotalLine {
                    total: Total {
                        first_day: first,
                        last_day: last,
                        tracked_first_day: summary.tracked.map(|(first, _)| first.to_string()),
                        tracked_last_day: summary.tracked.map(|(_, last)| last.to_string()),
                        trails: summary.trails,
                        days_without_object: summary.gap_days,
                        days_expired: summary.expired_days,
                        all,
                    },
                });
            }
            RowForm::Csv => {
                self.answer.flush()?;
                for line in total_lines(summary, days) {
                    remark(&line);
                }
            }
            RowForm::Table => {
                for line in total_lines(summary, days) {
                    self.answer.line(&line)?;
                }
                self.answer.flush()?;
            }
        }
        if self.form == RowForm::Jsonl {
            return Ok(());
        }
        if summary.gap_days > 0 {
            remark(
                "a gap may be a quiet Region: only CloudTrail's digests can tell it from lost \
                 objects",
            );
        }
        match summary.tracked {
            None => remark(
                "the directory knows no trail that is asked for: no object of one has been \
                 finished yet",
            ),
            Some((from, to)) if all.objects == 0 => {
                let more = if days.is_default {
                    format!("; for all of them: --since {from}")
                } else {
                    String::new()
                };
                remark(&format!("objects came from {from} to {to}{more}"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Tells whose the rows that follow are, when that changes.
    fn begin(&mut self, trail: &Trail) -> io::Result<()> {
        if self.trail.as_ref() == Some(trail) {
            return Ok(());
        }
        self.trail = Some(trail.clone());
        match self.form {
            RowForm::Jsonl | RowForm::Csv => Ok(()),
            RowForm::Table => {
                self.rows()?;
                let lines = self.grid.header();
                self.answer.prepared(&lines)?;
                let Trail {
                    account_id,
                    aws_region,
                    trail_folder,
                    ..
                } = trail;
                self.answer
                    .line(&format!("{account_id} {aws_region}  {trail_folder}"))
            }
        }
    }

    fn json<T: Serialize>(&mut self, kind: &'static str, trail: &Trail, row: &T) -> io::Result<()> {
        self.answer.json(&Line { kind, trail, row })
    }

    fn csv<F: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = F>) -> io::Result<()> {
        self.answer.line(&csv_line(fields))
    }

    fn row(&mut self, cells: Vec<String>) -> io::Result<()> {
        self.waiting.push(cells);
        if self.waiting.len() < PORTION {
            Ok(())
        } else {
            self.rows()
        }
    }

    fn rows(&mut self) -> io::Result<()> {
        let lines = self.grid.rows(self.waiting.drain(..));
        self.answer.prepared(&lines)
    }

    fn day_cells(&self, row: &DayRow) -> Vec<String> {
        let day = &row.deliveries;
        let first = clock(day.first_delivery);
        let last = clock(day.last_delivery);
        let pause = day.longest.map_or_else(String::new, Interval::shown);
        let mut cells = vec![row.delivery_day.to_string()];
        let records = [
            day.records_read,
            day.records_selected,
            day.records_quarantined,
        ]
        .map(|count| count.to_string());
        if self.is_wide {
            let objects = [
                day.objects,
                day.accepted,
                day.partial,
                day.rejected,
                day.waiting,
            ];
            cells.extend(objects.map(|count| count.to_string()));
            cells.extend(records);
            cells.extend([first, last, pause]);
        } else {
            cells.push(verdicts(day).join("\n"));
            cells.extend(records);
            cells.extend([format!("{first}-{last}"), pause]);
        }
        cells
    }

    fn object_cells(&self, row: &ObjectRow<'_>) -> Vec<String> {
        let entry = row.entry;
        let minute = |time: EventTime| {
            let text = time.to_string();
            text.get(..16).unwrap_or(&text).replace('T', " ")
        };
        let shown = |time: Option<EventTime>| time.map_or_else(String::new, minute);
        let of_content = |count: fn(&redtrail_core::ledger::LedgerContent) -> u64| {
            or_nothing(entry.content.as_ref().map(count))
        };
        let mut cells = vec![
            shown(row.delivered_at),
            entry.verdict.name().to_owned(),
            of_content(|content| content.records_read),
            of_content(|content| content.records_selected),
            of_content(|content| content.records_quarantined),
        ];
        if self.is_wide {
            cells.push(or_nothing(entry.stored_bytes));
            cells.push(minute(entry.finished_at));
            cells.push(entry.duration_ms.to_string());
        }
        cells.push(why(entry));
        cells
    }
}

impl Interval {
    /// `45s`, `12m`, `3h05m`, `2d3h`: the two largest units.
    fn shown(self) -> String {
        let (minutes, seconds) = (self.seconds / 60, self.seconds % 60);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        let (days, hours) = (hours / 24, hours % 24);
        match (days, hours, minutes) {
            (0, 0, 0) => format!("{seconds}s"),
            (0, 0, _) => format!("{minutes}m"),
            (0, _, _) => format!("{hours}h{minutes:02}"),
            _ => format!("{days}d{hours}h"),
        }
    }
}

/// `12 accepted`, and each other verdict that there is.
fn verdicts(day: &Deliveries) -> Vec<String> {
    let all = [
        (day.accepted, Verdict::Accepted),
        (day.partial, Verdict::Partial),
        (day.rejected, Verdict::Rejected),
        (day.waiting, Verdict::Waiting),
    ];
    let there = all.into_iter().filter(|(count, _)| *count > 0);
    there
        .map(|(count, verdict)| format!("{count} {}", verdict.name()))
        .collect()
}

/// `09:05`
fn clock(time: Option<EventTime>) -> String {
    let text = or_nothing(time);
    text.get(11..16).unwrap_or_default().to_owned()
}

fn why(entry: &LedgerEntry) -> String {
    match (&entry.reason, entry.events_durable) {
        (Some(reason), _) => reason.clone(),
        (None, Some(events)) => format!("goes on after {events} events"),
        (None, None) => String::new(),
    }
}

/// The object's reference; nothing for one whose name was too long to be kept.
fn reference(entry: &LedgerEntry) -> Option<String> {
    let object = entry.key.object()?;
    Some(Place::of(object, None).to_string())
}

fn object_fields(trail: &Trail, row: &ObjectRow<'_>) -> [String; 18] {
    let entry = row.entry;
    let content = entry.content.as_ref();
    [
        "object".to_owned(),
        trail.bucket.clone(),
        trail.account_id.clone(),
        trail.aws_region.clone(),
        row.delivery_day.to_string(),
        or_nothing(row.delivered_at),
        entry.verdict.name().to_owned(),
        entry.reason.clone().unwrap_or_default(),
        or_nothing(content.map(|content| content.records_read)),
        or_nothing(content.map(|content| content.records_selected)),
        or_nothing(content.map(|content| content.records_quarantined)),
        or_nothing(entry.events_durable),
        or_nothing(entry.stored_bytes),
        content.map_or_else(String::new, |content| content.sha256.clone()),
        entry.finished_at.to_string(),
        entry.duration_ms.to_string(),
        entry.redtrail_version.clone(),
        row.reference.clone().unwrap_or_default(),
    ]
}

fn total_lines(summary: &Summary, days: Days) -> [String; 3] {
    let all = &summary.all;
    let Days { first, last, .. } = days;
    let expired = match summary.expired_days {
        0 => String::new(),
        days => format!("; entries of {days} have expired"),
    };
    let pause = match all.longest {
        Some(interval) => format!("; longest pause {}", interval.shown()),
        None => String::new(),
    };
    [
        format!(
            "total {first} to {last}, {} accounts and Regions, {} days without an object{expired}",
            summary.trails, summary.gap_days
        ),
        format!(
            "      {} objects: {} accepted, {} partial, {} rejected, {} waiting",
            all.objects, all.accepted, all.partial, all.rejected, all.waiting
        ),
        format!(
            "      {} records read, {} selected, {} quarantined{pause}",
            all.records_read, all.records_selected, all.records_quarantined
        ),
    ]
}

fn as_text<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

fn or_nothing(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_trail_from_its_folder() {
        let folder = "trail/a/AWSLogs/o-exampleorgid/111122223333/CloudTrail/us-east-1/";
        let expected = Trail {
            bucket: "trail".to_owned(),
            account_id: "111122223333".to_owned(),
            aws_region: "us-east-1".to_owned(),
            trail_folder: folder.to_owned(),
        };
        assert_eq!(Trail::of(folder), Some(expected));
        for text in ["", "/", "trail/", "us-east-1"] {
            assert_eq!(Trail::of(text), None, "{text}");
        }
    }

    #[test]
    fn ok_intervals_in_few_letters() {
        let from = "2026-03-02T09:00:00Z".parse().unwrap();
        for (seconds, expected) in [
            (59, "59s"),
            (300, "5m"),
            (3 * 3600 + 300, "3h05"),
            (51 * 3600, "2d3h"),
        ] {
            assert_eq!(Interval { seconds, from }.shown(), expected);
        }
    }
}
