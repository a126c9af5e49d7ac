//! How a backfill is told: a bar or lines while it goes on, and what it came to.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use redtrail_core::{ingest, ledger::Verdict, object::ObjectAddress};
use serde::Serialize;

use crate::{
    backfill_run::Wanted,
    output::remark,
    stored_size::{Objects, size},
};

/// Failures that are written out; the rest are counted.
const MOST_WRITTEN: u64 = 20;
/// Where there is no bar, a line comes so often.
const BETWEEN_LINES: Duration = Duration::from_secs(30);
/// Steps of the bar for each place.
const STEPS: u64 = 1000;

/// What became of the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) listed: Objects,
    /// The ledger had them as finished.
    pub(crate) ingested_before: Objects,
    pub(crate) announced: Objects,
    pub(crate) ingested: Objects,
    pub(crate) accepted: u64,
    pub(crate) partial: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
    pub(crate) events_stored: u64,
    pub(crate) events_expired: u64,
}

/// Tells how far a backfill has come.
pub(crate) struct Report {
    pub(crate) counts: Counts,
    bar: ProgressBar,
    /// When the next line is due, where there is no bar.
    next_line: Option<Instant>,
    places: usize,
    /// Steps of the bar: when the portion at hand was begun, and when it is done.
    from: u64,
    to: u64,
    /// Objects of the portion at hand, and how many of them are done.
    portion: u64,
    done: u64,
}

impl Report {
    /// Of a backfill of so many places.
    pub(crate) fn new(places: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            counts: Counts::default(),
            bar: if is_terminal {
                bar(places)
            } else {
                ProgressBar::hidden()
            },
            next_line: (!is_terminal).then(|| Instant::now() + BETWEEN_LINES),
            places,
            from: 0,
            to: 0,
            portion: 0,
            done: 0,
        }
    }

    pub(crate) fn listed(&mut self, bytes: u64) {
        self.counts.listed.add(bytes);
    }

    pub(crate) fn was_known(&mut self, bytes: u64) {
        self.counts.ingested_before.add(bytes);
    }

    pub(crate) fn announced(&mut self, wanted: &Wanted) {
        self.counts.announced.add(wanted.bytes);
        self.one_done();
    }

    pub(crate) fn ingested(&mut self, wanted: &Wanted, report: &ingest::Report) {
        self.one_done();
        if report.was_finished {
            self.counts.ingested_before.add(wanted.bytes);
            return;
        }
        self.counts.ingested.add(wanted.bytes);
        self.counts.events_stored += report.tally.stored;
        self.counts.events_expired += report.tally.expired;
        match report.verdict {
            Verdict::Accepted => self.counts.accepted += 1,
            Verdict::Partial => self.counts.partial += 1,
            // One that waits comes as a failure.
            Verdict::Rejected | Verdict::Waiting => {
                self.counts.rejected += 1;
                let reason = report.reason.as_deref().unwrap_or_default();
                if self.counts.rejected <= MOST_WRITTEN {
                    self.tell(&format!("{}: rejected ({reason})", wanted.address));
                }
            }
        }
    }

    pub(crate) fn failed(&mut self, object: &ObjectAddress, why: &str) {
        self.counts.failed += 1;
        self.one_done();
        if self.counts.failed <= MOST_WRITTEN {
            self.tell(&format!("{object}: failed ({why})"));
        }
    }

    /// So many places are listed, and this share of the next.
    pub(crate) fn reached(&mut self, places: usize, share: f64) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "from 0 to 1000"
        )]
        let steps = (share * STEPS as f64) as u64;
        self.to = u64::try_from(places).unwrap_or_default() * STEPS + steps;
    }

    /// Of all that is listed so many objects are to be done next.
    pub(crate) fn portion(&mut self, objects: usize) {
        self.portion = u64::try_from(objects).unwrap_or_default();
        self.done = 0;
    }

    /// They are done.
    pub(crate) fn portion_done(&mut self) {
        self.from = self.to;
        self.portion(0);
        self.tick();
    }

    fn one_done(&mut self) {
        self.done += 1;
        self.tick();
    }

    fn tick(&mut self) {
        let ahead = self.to.saturating_sub(self.from);
        let position = self.from + ahead * self.done / self.portion.max(1);
        self.bar.set_position(position);
        self.bar
            .set_message(format!("{} objects", self.counts.listed.objects));
        if self.next_line.is_some_and(|due| due <= Instant::now()) {
            self.next_line = Some(Instant::now() + BETWEEN_LINES);
            let all = u64::try_from(self.places).unwrap_or_default() * STEPS;
            let percent = position * 100 / all.max(1);
            remark(&format!("{percent} % of the trail: {}", self.counts.line()));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn tell(&self, line: &str) {
        self.bar.suspend(|| remark(line));
    }
}

impl Counts {
    /// All of it, for reading.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "{} objects listed ({}), {} of them ingested before",
            self.listed.objects,
            size(self.listed.bytes),
            self.ingested_before.objects
        );
        if self.announced.objects > 0 {
            line.push_str(&format!(", {} announced now", self.announced.objects));
        }
        if self.ingested.objects > 0 {
            line.push_str(&format!(
                ", {} ingested now ({} accepted, {} partial, {} rejected; {} events stored, {} \
                 expired)",
                self.ingested.objects,
                self.accepted,
                self.partial,
                self.rejected,
                self.events_stored,
                self.events_expired
            ));
        }
        if self.failed > 0 {
            line.push_str(&format!(", {} failed", self.failed));
        }
        line
    }
}

fn bar(places: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(places).unwrap_or_default() * STEPS);
    match ProgressStyle::with_template("{percent} % {wide_bar} {msg}, {eta} to go") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
