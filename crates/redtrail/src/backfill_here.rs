//! Objects ingested from this machine, as the function does it: several at once, each whole.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use redtrail_core::{
    directory::Remembered,
    edge::{ItemStore, LogSource, Timer},
    ingest::{self, IngestError, Schedule, Settings},
    log_reader::Limits,
    retention::Retentions,
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_model::EventTime;

use crate::{
    backfill_report::Report,
    backfill_run::{Sink, Wanted},
    failure::{Failure, chain},
    pace::Pace,
    trail_s3::next_step,
};

/// As many as the function has at work.
const AT_ONCE: usize = 10;
/// One object is given so long at a time; a larger one goes on where it stopped.
const TIME_OF_AN_OBJECT: Duration = Duration::from_secs(300);
/// Of that, to say in the ledger where to go on.
const TIME_TO_SAVE: Duration = Duration::from_secs(10);
/// After so many failures with nothing done between them, the next would fail as well.
const FAILURES_IN_A_ROW: u32 = 20;

/// Ingests objects.
pub(crate) struct Here<'a, L, S, T> {
    pub(crate) work: Work<'a, L, S, T>,
    pub(crate) pace: Pace,
}

/// What ingesting takes.
pub(crate) struct Work<'a, L, S, T> {
    pub(crate) source: &'a L,
    pub(crate) store: &'a S,
    pub(crate) timer: &'a T,
    pub(crate) selector: &'a Selector,
    pub(crate) remembered: &'a Remembered,
    pub(crate) retentions: Retentions,
    pub(crate) effort: Effort,
    /// When it began, by the calendar and by the timer.
    pub(crate) now: EventTime,
    pub(crate) started: Instant,
}

impl<L: LogSource, S: ItemStore, T: Timer> Sink for Here<'_, L, S, T> {
    async fn take(&mut self, objects: Vec<Wanted>, report: &mut Report) -> Result<(), Failure> {
        let Self { work, pace } = self;
        let work = &*work;
        let mut ingesting = stream::iter(objects)
            .map(|wanted| {
                let due = pace.due(1);
                async move {
                    tokio::time::sleep_until(due).await;
                    let result = work.ingest(&wanted).await;
                    (wanted, result)
                }
            })
            .buffer_unordered(AT_ONCE);
        let mut failures = 0;
        while let Some((wanted, result)) = ingesting.next().await {
            match result {
                Ok(ingested) => {
                    failures = 0;
                    report.ingested(&wanted, &ingested);
                }
                Err(error) => {
                    failures += 1;
                    report.failed(&wanted.address, &chain(&error));
                    if failures == FAILURES_IN_A_ROW {
                        return Err(Failure::failed(
                            format!("gave up after {failures} objects in a row"),
                            next_step(error.kind()),
                            error,
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

impl<L: LogSource, S: ItemStore, T: Timer> Work<'_, L, S, T> {
    /// Until it is done, or makes no progress in the time of an object.
    pub(crate) async fn ingest(&self, wanted: &Wanted) -> Result<ingest::Report, IngestError> {
        let mut durable = 0;
        loop {
            match self.ingest_for_a_time(wanted).await {
                Err(IngestError::PutOff { events_durable, .. }) if events_durable > durable => {
                    durable = events_durable;
                }
                result => return result,
            }
        }
    }

    async fn ingest_for_a_time(&self, wanted: &Wanted) -> Result<ingest::Report, IngestError> {
        let save_until = self.timer.now() + TIME_OF_AN_OBJECT;
        let mut limits = Limits::default();
        limits.max_held_bytes /= AT_ONCE;
        let settings = Settings {
            selector: self.selector,
            remembered: self.remembered,
            limits,
            retentions: self.retentions,
            schedule: Schedule {
                now: self.now,
                started: self.started,
                until: save_until.checked_sub(TIME_TO_SAVE).unwrap_or(save_until),
                save_until,
            },
            force: wanted.again,
        };
        let writer = Writer {
            store: self.store,
            timer: self.timer,
            effort: &self.effort,
        };
        // Boxed: the clients' futures nest deeper than the compiler follows.
        Box::pin(ingest::ingest(
            self.source,
            writer,
            &wanted.address,
            settings,
        ))
        .await
    }
}
