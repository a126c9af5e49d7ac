//! Rows of fixed columns for people, handed out in portions of one layout. What the cells
//! hold is made plain; a text without room goes on in the next line.

use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width,
    presets,
};

use crate::{output::Look, plain_text::plain, short_name::broken};

const GAP: u16 = 2;

/// A column: its header, its width, and whether it holds numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    width: u16,
    is_number: bool,
}

pub(crate) const fn text(name: &'static str, width: u16) -> Column {
    Column {
        name,
        width,
        is_number: false,
    }
}

pub(crate) const fn number(name: &'static str, width: u16) -> Column {
    Column {
        name,
        width,
        is_number: true,
    }
}

/// The layout of a table, and whether its header has been handed out.
pub(crate) struct Grid {
    look: Look,
    columns: Vec<Column>,
    is_begun: bool,
}

impl Grid {
    /// The last column gets what room the others leave.
    pub(crate) fn new(look: Look, mut columns: Vec<Column>) -> Self {
        let gaps = GAP * u16::try_from(columns.len().saturating_sub(1)).unwrap_or_default();
        if let Some((last, others)) = columns.split_last_mut() {
            let taken: u16 = others.iter().map(|column| column.width).sum();
            last.width = look.width.saturating_sub(taken + gaps).max(last.width);
        }
        Self {
            look,
            columns,
            is_begun: false,
        }
    }

    /// These rows as lines, the first ones under the header.
    pub(crate) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| self.row(&row)).collect();
        if rows.is_empty() {
            return String::new();
        }
        let mut lines = self.header();
        lines.push_str(&self.lines(rows));
        lines
    }

    /// The header, the first time.
    pub(crate) fn header(&mut self) -> String {
        if std::mem::replace(&mut self.is_begun, true) {
            return String::new();
        }
        let header: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::new(column.name).add_attribute(Attribute::Bold))
            .collect();
        self.lines([header])
    }

    fn row(&self, texts: &[String]) -> Vec<Cell> {
        let cells = self.columns.iter().zip(texts);
        cells
            .map(|(column, text)| {
                let lines: Vec<String> = text
                    .split('\n')
                    .map(|line| broken(&plain(line), column.width.into()))
                    .collect();
                Cell::new(lines.join("\n"))
            })
            .collect()
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
        for (index, of_grid) in self.columns.iter().enumerate() {
            let is_last = index + 1 == self.columns.len();
            let gap = if is_last { 0 } else { GAP };
            if let Some(column) = table.column_mut(index) {
                column
                    .set_padding((0, gap))
                    .set_constraint(ColumnConstraint::Absolute(Width::Fixed(
                        of_grid.width + gap,
                    )))
                    .set_cell_alignment(if of_grid.is_number {
                        CellAlignment::Right
                    } else {
                        CellAlignment::Left
                    });
            }
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }
}
