//! One object, from its address to durable items. An object counts only when it is proven
//! whole: its selected records wait for that, and if they outgrow the bound the object is
//! read a second time. The ledger item is written last; when time is up before that, it says
//! from where to go on.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::Bytes;
use redtrail_model::{AuditEvent, EventTime, Flag, Table};
use thiserror::Error;

use crate::{
    directory::{self, Fact, Remembered},
    edge::{
        EdgeError, EdgeErrorKind, ItemStore, LogBody, LogSource, ObjectIdentity, Timer, within,
    },
    item::{self, Put},
    ledger::{FINISHED, LedgerEntry, LedgerKey, Listed, Run, Standing, Verdict},
    log_reader::{Limits, LogReader, Proven, Rejected},
    normalizer::Normalizer,
    object::ObjectAddress,
    proving::{Proving, Whole, check_length},
    retention::Retentions,
    select::Selector,
    tally::Tally,
    writer::Writer,
};

/// Events written at a time: an attempt that writes them has got on.
pub const PORTION_EVENTS: usize = 64;
/// Items written at a time, but for those of the last event: they bound the items in memory,
/// whatever one event touches.
pub const PORTION_ITEMS: usize = 1000;
/// Bytes of the records that these items come from, but for the last.
pub const PORTION_RECORD_BYTES: u64 = 256 << 10;

/// What ingesting needs to know beside the object.
#[derive(Clone, Copy)]
pub struct Settings<'s> {
    pub selector: &'s Selector,
    /// What of the directory needs no writing any more.
    pub remembered: &'s Remembered,
    pub limits: Limits,
    pub retentions: Retentions,
    pub schedule: Schedule,
    /// Read the object even if the ledger has it as finished.
    pub force: bool,
}

/// The time there is.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The time by which retention is judged.
    pub now: EventTime,
    /// When `now` was.
    pub started: Instant,
    /// When to give up.
    pub until: Instant,
    /// By when to have said in the ledger from where to go on.
    pub save_until: Instant,
}

impl Schedule {
    fn time(&self, at: Instant) -> EventTime {
        let since = millis(at.saturating_duration_since(self.started));
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let millis = self.now.epoch_millis().saturating_add(since);
        EventTime::from_epoch_millis(millis).unwrap_or(self.now)
    }
}

/// What became of an object, once it is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub verdict: Verdict,
    /// Why the object was rejected.
    pub reason: Option<String>,
    /// The ledger had it already: nothing was read or written, and nothing is counted.
    pub was_finished: bool,
    /// How many events an earlier run had made durable.
    pub resumed_after: u64,
    pub tally: Tally,
    /// Items written to the event tables and the directory.
    pub items: u64,
    /// Stored events of operations that the rules do not know.
    pub unknown_operations: u64,
    pub stored_bytes: u64,
    pub plain_bytes: u64,
    /// Time of the latest event stored.
    pub last_event_time: Option<EventTime>,
    /// The object was read a second time because its selected records outgrew the bound.
    pub read_twice: bool,
}

impl Report {
    fn new(verdict: Verdict, identity: &ObjectIdentity) -> Self {
        Self {
            verdict,
            reason: None,
            was_finished: false,
            resumed_after: 0,
            tally: Tally::default(),
            items: 0,
            unknown_operations: 0,
            stored_bytes: identity.stored_bytes.unwrap_or_default(),
            plain_bytes: 0,
            last_event_time: None,
            read_twice: false,
        }
    }
}

/// Why an object could not be finished. It is not in the ledger and must be tried again.
#[derive(Debug, Error)]
pub enum IngestError {
    #[error(transparent)]
    Edge(#[from] EdgeError),
    #[error("could not read {object} whole: {read} of {expected} bytes came")]
    CutShort {
        object: ObjectAddress,
        read: u64,
        expected: u64,
    },
    #[error("{object} was different when it was read again")]
    NotTheSame { object: ObjectAddress },
    #[error("could not make an item of an event in {object}")]
    Item {
        object: ObjectAddress,
        source: serde_dynamo::Error,
    },
    #[error("put off {object} after {events_durable} of its events")]
    PutOff {
        object: ObjectAddress,
        /// The ledger tells them: they are not written again.
        events_durable: u64,
        source: Box<IngestError>,
    },
}

impl IngestError {
    /// What the caller can do about it.
    pub fn kind(&self) -> EdgeErrorKind {
        match self {
            Self::Edge(error) => error.kind,
            Self::CutShort { .. } => EdgeErrorKind::Retryable,
            Self::NotTheSame { .. } => EdgeErrorKind::Changed,
            Self::Item { .. } => EdgeErrorKind::Refused,
            Self::PutOff { source, .. } => source.kind(),
        }
    }
}

/// Reads the object at `address`, writes its events to the store, then its ledger item. An
/// object that is proven bad is fetched once more before it is rejected. One that the ledger
/// has as finished is left alone, and one that an earlier run did not finish goes on from there.
///
/// # Errors
/// When something failed that may succeed later, or that a person must mend. The tables
/// may then hold a part of the object's items; doing it all again completes them.
pub async fn ingest<L: LogSource, S: ItemStore, T: Timer>(
    source: &L,
    writer: Writer<'_, S, T>,
    address: &ObjectAddress,
    settings: Settings<'_>,
) -> Result<Report, IngestError> {
    let ingest = Ingest {
        source,
        writer,
        address,
        settings,
        opened: writer.timer.now(),
    };
    let reading = match ingest.read().await? {
        Reading::Rejected { .. } => ingest.read().await?,
        reading => reading,
    };
    match reading {
        Reading::Finished(report) => Ok(report),
        Reading::Whole(found) => ingest.emit(*found).await,
        Reading::Rejected { identity, why } => ingest.reject(&identity, &why).await,
    }
}

struct Ingest<'a, L, S, T> {
    source: &'a L,
    writer: Writer<'a, S, T>,
    address: &'a ObjectAddress,
    settings: Settings<'a>,
    opened: Instant,
}

enum Reading<'s> {
    /// It need not be read.
    Finished(Report),
    Whole(Box<Found<'s>>),
    Rejected {
        identity: ObjectIdentity,
        why: Rejected,
    },
}

/// A proven object, and how far an earlier run came.
struct Found<'s> {
    identity: ObjectIdentity,
    /// Events that an earlier run made durable.
    events_durable: u64,
    whole: Whole<'s>,
}

impl<'a, L: LogSource, S: ItemStore, T: Timer> Ingest<'a, L, S, T> {
    async fn read(&self) -> Result<Reading<'a>, IngestError> {
        let mut body = self.open(None).await?;
        let identity = body.identity().clone();
        let events_durable = match self.known(&identity).await? {
            Some(entry) => match entry.standing(&identity) {
                Standing::Unknown => 0,
                Standing::GoesOn { events_durable } => events_durable,
                Standing::Finished if self.settings.force => 0,
                Standing::Finished => {
                    return Ok(Reading::Finished(Report {
                        reason: entry.reason,
                        was_finished: true,
                        ..Report::new(entry.verdict, &identity)
                    }));
                }
            },
            None => 0,
        };
        let limits = self.settings.limits;
        let mut proving = Proving::new(LogReader::new(limits, self.settings.selector));
        while let Some(bytes) = self.next(&mut body).await? {
            proving.push(&bytes);
        }
        Ok(match proving.finish(self.address, &identity)? {
            Ok(whole) => Reading::Whole(Box::new(Found {
                identity,
                events_durable,
                whole,
            })),
            Err(why) => Reading::Rejected { identity, why },
        })
    }

    /// What the ledger knows of the object. Not to know it costs no more than doing it again.
    async fn known(&self, identity: &ObjectIdentity) -> Result<Option<LedgerEntry>, IngestError> {
        let key = LedgerKey::of(self.address, identity);
        let get = self
            .writer
            .store
            .get(Table::Ledger, [&key.folder, &key.object_key]);
        match self.in_time("look into the ledger", get).await {
            Ok(item) => Ok(item.and_then(|item| serde_dynamo::from_item(item).ok())),
            Err(error) if error.kind.is_retryable() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn emit(&self, found: Found<'a>) -> Result<Report, IngestError> {
        let identity = found.identity.clone();
        let earlier = found.events_durable;
        let mut written = Written {
            durable: earlier,
            ..Written::default()
        };
        match self.write_all(found, &mut written).await {
            Err(error) if error.kind() == EdgeErrorKind::OutOfTime && written.durable > earlier => {
                Err(self.put_off(&identity, written.durable, error).await)
            }
            result => result,
        }
    }

    async fn write_all(
        &self,
        found: Found<'a>,
        written: &mut Written,
    ) -> Result<Report, IngestError> {
        let Found {
            identity,
            events_durable,
            whole,
        } = found;
        let Whole {
            proven,
            mut reader,
            held,
        } = whole;
        let origin = self.address.origin(identity.version_id.as_deref());
        let mut normalizer = Normalizer::new(self.settings.selector, origin);
        let read_twice = held.is_none();
        match held {
            Some(records) => {
                let mut portion = Portion::default();
                for event in normalizer.events(records) {
                    self.store(event, &mut portion, written).await?;
                }
                self.write_portion(portion, written).await?;
            }
            None => {
                reader = self
                    .emit_again(&identity, &proven, &mut normalizer, written)
                    .await?;
            }
        }

        let mut summary = normalizer.finish(&proven, &mut reader);
        summary.tally.stored = written.stored;
        summary.tally.expired = written.expired;
        debug_assert!(summary.tally.adds_up(), "{:?}", summary.tally);
        let run = self.run(&identity);
        let rows: Result<Vec<Put>, _> = summary
            .quarantined
            .iter()
            .map(|element| Listed::quarantined(run, element).put())
            .collect();
        let rows = rows.map_err(|source| self.item_error(source))?;
        let entry = LedgerEntry::proven(run, &proven, &summary.tally, summary.times);
        written.items += self.write_last(rows, &entry).await?;
        Ok(Report {
            resumed_after: events_durable,
            tally: summary.tally,
            items: written.items,
            unknown_operations: written.unknown_operations,
            plain_bytes: proven.plain_bytes,
            last_event_time: written.last_event_time,
            read_twice,
            ..Report::new(Verdict::of(&summary.tally), &identity)
        })
    }

    /// Says in the ledger from where to go on, unless another invocation has finished the
    /// object meanwhile. If even that fails, nothing is lost but time.
    async fn put_off(
        &self,
        identity: &ObjectIdentity,
        events_durable: u64,
        error: IngestError,
    ) -> IngestError {
        let Ok(entry) = LedgerEntry::waiting(self.run(identity), events_durable).put() else {
            return error;
        };
        let save_until = self.settings.schedule.save_until;
        match self.writer.put_unless(&entry, FINISHED, save_until).await {
            Ok(true) => IngestError::PutOff {
                object: self.address.clone(),
                events_durable,
                source: Box::new(error),
            },
            Ok(false) | Err(_) => error,
        }
    }

    /// Reads the very same bytes again and writes while they stream.
    async fn emit_again(
        &self,
        identity: &ObjectIdentity,
        proven: &Proven,
        normalizer: &mut Normalizer<'_>,
        written: &mut Written,
    ) -> Result<LogReader<'a>, IngestError> {
        let not_the_same = || IngestError::NotTheSame {
            object: self.address.clone(),
        };
        let mut body = self.open(Some(identity)).await?;
        let limits = self.settings.limits.of_second_reading();
        let mut reader = LogReader::new(limits, self.settings.selector);
        let mut portion = Portion::default();
        let mut read = 0;
        while let Some(bytes) = self.next(&mut body).await? {
            read += bytes.len() as u64;
            let mut rest = &bytes[..];
            while reader.push_piece(&mut rest).map_err(|_| not_the_same())? {
                for event in normalizer.events(reader.take_held()) {
                    self.store(event, &mut portion, written).await?;
                }
            }
        }
        self.write_portion(portion, written).await?;
        check_length(self.address, read, identity)?;
        let again = reader.finish().map_err(|_| not_the_same())?;
        if again == *proven {
            Ok(reader)
        } else {
            Err(not_the_same())
        }
    }

    /// Adds the event's items to the portion, and writes that when it is full.
    async fn store(
        &self,
        event: AuditEvent,
        portion: &mut Portion,
        written: &mut Written,
    ) -> Result<(), IngestError> {
        written.events += 1;
        let Settings {
            retentions,
            schedule,
            ..
        } = self.settings;
        if retentions.events.is_expired(event.event_time, schedule.now) {
            written.expired += 1;
            return Ok(());
        }
        written.count(&event);
        if written.events <= written.durable {
            return Ok(());
        }
        let rows = item::puts(&event, retentions.events);
        let rows = rows.map_err(|source| self.item_error(source))?;
        portion.rows.extend(rows);
        let facts = directory::puts(&event, retentions.directory);
        let facts = facts.map_err(|source| self.item_error(source))?;
        let facts = self.settings.remembered.fresh(facts, &mut portion.met);
        portion.facts.extend(facts);
        portion.events += 1;
        portion.record_bytes += event.record_bytes;
        if !portion.is_full() {
            return Ok(());
        }
        self.write_portion(std::mem::take(portion), written).await
    }

    /// Writes the portion: all events met so far are then durable.
    async fn write_portion(
        &self,
        portion: Portion,
        written: &mut Written,
    ) -> Result<(), IngestError> {
        let Portion {
            rows, facts, met, ..
        } = portion;
        written.items += self.write(rows, facts, met).await?;
        written.durable = written.durable.max(written.events);
        Ok(())
    }

    /// Writes these rows, and these facts of the directory, which are remembered as `durable`; how
    /// many items that were.
    async fn write(
        &self,
        mut items: Vec<Put>,
        facts: Vec<Put>,
        durable: HashSet<Fact>,
    ) -> Result<u64, IngestError> {
        items.extend(facts);
        let count = items.len() as u64;
        self.writer
            .put_all(items, self.settings.schedule.until)
            .await?;
        self.settings.remembered.remember(durable);
        Ok(count)
    }

    /// Writes the rows that list something of the object, and when they are durable its entry;
    /// how many items the directory took.
    async fn write_last(&self, rows: Vec<Put>, entry: &LedgerEntry) -> Result<u64, IngestError> {
        let facts = directory::trail_puts(self.address, self.settings.retentions.directory)
            .map_err(|source| self.item_error(source))?;
        let mut met = HashSet::new();
        let facts = self.settings.remembered.fresh(facts, &mut met);
        let listed = rows.len() as u64;
        let items = self.write(rows, facts, met).await?;
        let entry = entry.put().map_err(|source| self.item_error(source))?;
        self.writer
            .put_all(vec![entry], self.settings.schedule.until)
            .await?;
        Ok(items - listed)
    }

    async fn reject(
        &self,
        identity: &ObjectIdentity,
        why: &Rejected,
    ) -> Result<Report, IngestError> {
        let run = self.run(identity);
        let row = Listed::rejected(run, why).put();
        let row = row.map_err(|source| self.item_error(source))?;
        let entry = LedgerEntry::rejected(run, why);
        Ok(Report {
            items: self.write_last(vec![row], &entry).await?,
            reason: Some(why.to_string()),
            ..Report::new(Verdict::Rejected, identity)
        })
    }

    fn run<'r>(&'r self, identity: &'r ObjectIdentity) -> Run<'r> {
        let now = self.writer.timer.now();
        Run {
            object: self.address,
            identity,
            finished_at: self.settings.schedule.time(now),
            duration_ms: millis(now.saturating_duration_since(self.opened)),
            retentions: self.settings.retentions,
        }
    }

    async fn open(&self, exactly: Option<&ObjectIdentity>) -> Result<L::Body, EdgeError> {
        self.in_time("open the object", self.source.open(self.address, exactly))
            .await
    }

    async fn next(&self, body: &mut L::Body) -> Result<Option<Bytes>, EdgeError> {
        self.in_time("read the object", body.next()).await
    }

    /// What `future` gives, as long as there is time.
    async fn in_time<O>(
        &self,
        attempted: &str,
        future: impl Future<Output = Result<O, EdgeError>>,
    ) -> Result<O, EdgeError> {
        within(self.writer.timer, self.settings.schedule.until, future)
            .await
            .unwrap_or_else(|| {
                Err(EdgeError {
                    attempted: format!("{attempted} in the time given"),
                    kind: EdgeErrorKind::OutOfTime,
                    source: None,
                })
            })
    }

    fn item_error(&self, source: serde_dynamo::Error) -> IngestError {
        IngestError::Item {
            object: self.address.clone(),
            source,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Items of so many events, to be written together.
#[derive(Default)]
struct Portion {
    events: usize,
    record_bytes: u64,
    rows: Vec<Put>,
    /// What the directory is to know.
    facts: Vec<Put>,
    /// Which facts these are.
    met: HashSet<Fact>,
}

impl Portion {
    fn is_full(&self) -> bool {
        self.events >= PORTION_EVENTS
            || self.rows.len() + self.facts.len() >= PORTION_ITEMS
            || self.record_bytes >= PORTION_RECORD_BYTES
    }
}

#[derive(Default)]
struct Written {
    /// Events met so far, in the order of the object, and how many of the first are durable.
    events: u64,
    durable: u64,
    stored: u64,
    expired: u64,
    items: u64,
    unknown_operations: u64,
    last_event_time: Option<EventTime>,
}

impl Written {
    fn count(&mut self, event: &AuditEvent) {
        self.stored += 1;
        self.unknown_operations += u64::from(event.flags.contains(&Flag::UnknownOperation));
        self.last_event_time = self.last_event_time.max(Some(event.event_time));
    }
}
