//! Events on their way to standard output, in the form that was asked for.

use std::io;

use redtrail_model::AuditEvent;

use crate::{
    event_json::EventLine,
    event_table::EventTable,
    output::{Answer, Form, Look},
};

/// Events laid out as a table at a time.
const PORTION: usize = 256;

/// Writes events one by one.
pub(crate) struct EventWriter {
    answer: Answer,
    /// `None` when lines of JSON were asked for.
    table: Option<EventTable>,
    /// Rows to be.
    waiting: Vec<AuditEvent>,
}

impl EventWriter {
    pub(crate) fn new(form: Form) -> Self {
        let table = (form == Form::Table).then(|| EventTable::new(Look::of_stdout()));
        Self {
            answer: Answer::new(),
            table,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn event(&mut self, event: AuditEvent) -> io::Result<()> {
        if self.table.is_none() {
            return self.answer.json(&EventLine::new(&event)?);
        }
        self.waiting.push(event);
        if self.waiting.len() < PORTION {
            Ok(())
        } else {
            self.rows()
        }
    }

    /// An event of an answer; `via_alias` where it was recorded under a name of what was
    /// asked for. (In a table the name itself shows it.)
    pub(crate) fn found(&mut self, event: AuditEvent, via_alias: bool) -> io::Result<()> {
        if via_alias && self.table.is_none() {
            return self.answer.json(&EventLine::new(&event)?.via_alias());
        }
        self.event(event)
    }

    /// Brings everything out; to be called before a remark and at the end.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.rows()?;
        self.answer.flush()
    }

    fn rows(&mut self) -> io::Result<()> {
        if let Some(table) = &mut self.table {
            self.answer.prepared(&table.rows(&self.waiting))?;
            self.waiting.clear();
        }
        Ok(())
    }
}
