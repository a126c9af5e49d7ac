//! Events on their way to standard output, in the form that was asked for.

use std::io;

use redtrail_model::AuditEvent;

use crate::{
    csv_text::csv_line,
    event_json::{EventLine, FIELDS},
    event_table::EventTable,
    output::{Answer, Look, RowForm},
};

/// Events laid out as a table at a time.
const PORTION: usize = 256;

/// Writes events one by one.
pub(crate) struct EventWriter {
    answer: Answer,
    form: RowForm,
    table: EventTable,
    /// Rows to be.
    waiting: Vec<AuditEvent>,
}

impl EventWriter {
    pub(crate) fn new(form: RowForm) -> io::Result<Self> {
        let mut answer = Answer::new();
        if form == RowForm::Csv {
            answer.line(&csv_line(FIELDS))?;
        }
        Ok(Self {
            answer,
            form,
            table: EventTable::new(Look::of_stdout()),
            waiting: Vec::new(),
        })
    }

    pub(crate) fn event(&mut self, event: AuditEvent) -> io::Result<()> {
        self.found(event, false)
    }

    /// An event of an answer; `via_alias` where it was recorded under a name of what was
    /// asked for. (In a table the name itself shows it.)
    pub(crate) fn found(&mut self, event: AuditEvent, via_alias: bool) -> io::Result<()> {
        if self.form == RowForm::Table {
            self.waiting.push(event);
            return if self.waiting.len() < PORTION {
                Ok(())
            } else {
                self.rows()
            };
        }
        let line = EventLine::new(&event, via_alias);
        match self.form {
            RowForm::Csv => self.answer.line(&csv_line(line.fields()?)),
            RowForm::Jsonl | RowForm::Table => self.answer.json(&line),
        }
    }

    /// Brings everything out; to be called before a remark and at the end.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.rows()?;
        self.answer.flush()
    }

    fn rows(&mut self) -> io::Result<()> {
        self.answer.prepared(&self.table.rows(&self.waiting))?;
        self.waiting.clear();
        Ok(())
    }
}
