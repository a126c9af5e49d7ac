//! Events as a table for people: time, who, what, on what, outcome. Rows are handed out
//! in portions of one layout, so that an answer of any length is shown as it comes.

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use redtrail_model::{AuditEvent, EventTime, Part};

use crate::{
    output::Look,
    plain_text::plain,
    short_name::{broken, resource, shortened, who},
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
        }
    }

    /// These events as lines, the first ones under the header.
    pub(crate) fn rows(&mut self, events: &[AuditEvent]) -> String {
        if events.is_empty() {
            return String::new();
        }
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
        if !self.is_begun {
            table.set_header(HEADER.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
            self.is_begun = true;
        }
        table.add_rows(events.iter().map(|event| self.row(event)));
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
            cell([time(event.event_time)], time_width),
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

/// `2023-07-10 12:30:00`: what CloudTrail tells of a time, in the table's one time zone.
fn time(time: EventTime) -> String {
    let text = time.to_string();
    text.split('.').next().unwrap_or(&text).replace('T', " ")
}

fn what(event: &AuditEvent) -> Vec<String> {
    let service = event.event_source.trim_end_matches(".amazonaws.com");
    let region = event.aws_region.as_deref().unwrap_or_default();
    let place = format!("{} {region}", shortened(service, 40));
    let mut lines = vec![
        shortened(&event.event_name, 64),
        place.trim_end().to_owned(),
    ];
    lines.extend(event.account_id.clone());
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
