//! Events as a table for people: time, who, what, on what, outcome. Rows are handed out
//! in portions of one layout, so that an answer of any length is shown as it comes.
//!
//! An event's reference is longer than a line, and its neighbours mostly stand in the same
//! object. So the object is told once, above the rows of its events, and each row has the
//! rest, `#INDEX`, where it takes no room: under its time.

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Row, Table, Width, presets,
};
use redtrail_model::{AuditEvent, Part};

use crate::{
    output::Look,
    plain_text::plain,
    short_name::{broken, resource, second, shortened, who},
};

const HEADER: [&str; 5] = ["TIME (UTC)", "WHO", "WHAT", "ON", "OUTCOME"];
/// Percent of what the time leaves for who, what and on; outcome gets the rest.
const SHARES: [u16; 3] = [30, 30, 30];
/// In a wide table a statement's id fits into a line.
const WIDE_SHARES: [u16; 3] = [27, 27, 36];
const TIME_WIDTH: u16 = 10;
const GAP: u16 = 2;
/// From here on date and time fit into one line.
const WIDE: u16 = 120;
/// Resources shown of one event.
const MOST_RESOURCES: usize = 4;

/// The layout of a table, and whether its header has been handed out.
pub(crate) struct EventTable {
    look: Look,
    widths: [u16; 5],
    is_begun: bool,
    /// The object told last.
    object: Option<String>,
}

impl EventTable {
    pub(crate) fn new(look: Look) -> Self {
        let is_wide = look.width >= WIDE;
        let (time, shares) = if is_wide {
            (2 * TIME_WIDTH, WIDE_SHARES)
        } else {
            (TIME_WIDTH, SHARES)
        };
        let room = look.width.saturating_sub(time + 4 * GAP);
        let [who, what, on] = shares.map(|percent| room * percent / 100);
        let widths = [time, who, what, on, room - who - what - on];
        Self {
            look,
            widths,
            is_begun: false,
            object: None,
        }
    }

    /// These events as lines, the first ones under the header.
    pub(crate) fn rows(&mut self, events: &[AuditEvent]) -> String {
        let mut lines = String::new();
        if !self.is_begun && !events.is_empty() {
            let header = HEADER.map(|name| Cell::new(name).add_attribute(Attribute::Bold));
            lines.push_str(&self.lines([header]));
            self.is_begun = true;
        }
        for events in events.chunk_by(|one, next| one.origin.is_of_same_object(&next.origin)) {
            let object = events.first().map(|event| event.origin.object_reference());
            if self.object != object {
                lines.push_str(&self.object_line(object.as_deref().unwrap_or_default()));
                self.object = object;
            }
            lines.push_str(&self.lines(events.iter().map(|event| self.row(event))));
        }
        lines
    }

    /// Whole, however long: a terminal that wraps a line copies it as one, and an object's
    /// reference is plain ASCII without white space.
    fn object_line(&self, object: &str) -> String {
        if self.look.colours {
            format!("\u{1b}[2m{object}\u{1b}[0m\n")
        } else {
            format!("{object}\n")
        }
    }

    fn lines<R: Into<Row>>(&self, rows: impl IntoIterator<Item = R>) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.look.width);
        if self.look.colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.add_rows(rows);
        for (index, width) in self.widths.into_iter().enumerate() {
            let gap = if index + 1 == self.widths.len() {
                0
            } else {
                GAP
            };
            if let Some(column) = table.column_mut(index) {
                column
                    .set_padding((0, gap))
                    .set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + gap)));
            }
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }

    fn row(&self, event: &AuditEvent) -> Vec<Cell> {
        let [time_width, who_width, what_width, on_width, outcome_width] = self.widths;
        let outcome = match event.error_code.as_deref() {
            Some(code) => cell([code], outcome_width).fg(Color::Red),
            None => cell(["ok"], outcome_width),
        };
        vec![
            cell(
                [
                    second(event.event_time),
                    format!("#{}", event.origin.record_index),
                ],
                time_width,
            ),
            cell(who(event), who_width),
            cell(what(event), what_width),
            cell(on(event), on_width),
            outcome,
        ]
    }
}

fn cell<L: AsRef<str>>(lines: impl IntoIterator<Item = L>, width: u16) -> Cell {
    let lines: Vec<String> = lines
        .into_iter()
        .map(|line| broken(&plain(line.as_ref()), width.into()))
        .collect();
    Cell::new(lines.join("\n"))
}

fn what(event: &AuditEvent) -> Vec<String> {
    let service = event.event_source.trim_end_matches(".amazonaws.com");
    let region = event.aws_region.as_deref().unwrap_or_default();
    let place = format!("{} {region}", shortened(service, 40));
    let mut lines = vec![
        shortened(&event.event_name, 64),
        place.trim_end().to_owned(),
    ];
    lines.extend(event.account_id.as_deref().map(str::to_owned));
    lines
}

fn on(event: &AuditEvent) -> Vec<String> {
    let resources = &event.touched.resources;
    let mut lines: Vec<String> = resources
        .iter()
        .take(MOST_RESOURCES)
        .map(|touched| match touched.part {
            Part::Target => resource(&touched.key),
            part => format!("{} ({part})", resource(&touched.key)),
        })
        .collect();
    let further = resources.len().saturating_sub(MOST_RESOURCES);
    if further > 0 {
        lines.push(format!("and {further} more"));
    }
    if lines.is_empty() {
        lines.push("-".to_owned());
    }
    lines
}
