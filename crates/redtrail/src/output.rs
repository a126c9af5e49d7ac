//! Where lines go: the answer to standard output, remarks to standard error. Nothing is
//! written here that is not plain text, save the colours of a table and what was asked for
//! byte by byte.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::plain_text::{json_line, plain};

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For reading.
    #[default]
    Table,
    /// For programs: one JSON object a line.
    Jsonl,
}

/// The form of an answer in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowForm {
    /// For reading.
    #[default]
    Table,
    /// For programs: one JSON object a line.
    Jsonl,
    /// For spreadsheets.
    Csv,
}

/// The answer of a command.
pub(crate) struct Answer {
    stdout: BufWriter<StdoutLock<'static>>,
}

impl Answer {
    pub(crate) fn new() -> Self {
        Self {
            stdout: BufWriter::new(io::stdout().lock()),
        }
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stdout, "{}", plain(text))
    }

    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        writeln!(self.stdout, "{}", json_line(value)?)
    }

    /// Lines made of plain text already, with or without colours.
    pub(crate) fn prepared(&mut self, lines: &str) -> io::Result<()> {
        self.stdout.write_all(lines.as_bytes())
    }

    /// As they are: for a file or a program, never for a terminal.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)
    }

    /// To be called before a remark, so that both appear in their order.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// A line about the answer, on standard error.
pub(crate) fn remark(text: &str) {
    // When nobody listens there, there is nobody to tell.
    writeln!(io::stderr(), "{}", plain(text)).ok();
}

/// The same as a line of JSON.
pub(crate) fn json_remark(value: &impl Serialize) {
    if let Ok(line) = json_line(value) {
        writeln!(io::stderr(), "{line}").ok();
    }
}

/// How wide a table may be, and whether it may have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) width: u16,
    pub(crate) colours: bool,
}

impl Look {
    const WIDTH: u16 = 80;
    const WIDTHS: std::ops::RangeInclusive<u16> = 60..=240;

    /// As standard output and the environment have it.
    pub(crate) fn of_stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let of_terminal = || comfy_table::Table::new().width();
        let width = columns().or_else(|| is_terminal.then(of_terminal)?);
        Self {
            width: width
                .unwrap_or(Self::WIDTH)
                .clamp(*Self::WIDTHS.start(), *Self::WIDTHS.end()),
            colours: is_terminal && !is_dumb && !set("NO_COLOR"),
        }
    }
}
