//! How a backfill is told: a bar or lines while it goes on, and what it came to.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use redtrail_core::{ingest, ledger::Verdict, object::ObjectAddress};
use serde::Serialize;

use crate::{backfill_run::Wanted, output::remark};

/// Failures that are written out; the rest are counted.
const MOST_WRITTEN: u64 = 20;
/// Where there is no bar, a line comes so often.
const BETWEEN_LINES: Duration = Duration::from_secs(30);
/// Steps of the bar for each place.
const STEPS: u64 = 1000;

/// Objects and their size as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Objects {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

impl Objects {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

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
    }

    pub(crate) fn ingested(&mut self, wanted: &Wanted, report: &ingest::Report) {
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
        if self.counts.failed <= MOST_WRITTEN {
            self.tell(&format!("{object}: failed ({why})"));
        }
    }

    /// So many places are done, and this share of the next.
    pub(crate) fn reached(&mut self, places: usize, share: f64) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "from 0 to 1000"
        )]
        let steps = (share * STEPS as f64) as u64;
        let done = u64::try_from(places).unwrap_or_default() * STEPS + steps;
        self.bar.set_position(done);
        self.bar
            .set_message(format!("{} objects", self.counts.listed.objects));
        if self.next_line.is_some_and(|due| due <= Instant::now()) {
            self.next_line = Some(Instant::now() + BETWEEN_LINES);
            let all = u64::try_from(self.places).unwrap_or_default() * STEPS;
            let percent = done * 100 / all.max(1);
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

/// Bytes in the unit that leaves one to three digits before the point.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KB", "MB", "GB", "TB"];
    let mut unit = "bytes";
    let mut tenths = bytes.saturating_mul(10);
    for next in units {
        if tenths < 10_000 {
            break;
        }
        tenths = tenths.saturating_add(500) / 1000;
        unit = next;
    }
    if unit == "bytes" {
        return format!("{bytes} bytes");
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn bar(places: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(places).unwrap_or_default() * STEPS);
    match ProgressStyle::with_template("{percent} % {wide_bar} {msg}, {eta} to go") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 KB"),
            (1049, "1.0 KB"),
            (999_900, "999.9 KB"),
            (2_500_000, "2.5 MB"),
            (3_000_000_000_000, "3.0 TB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
