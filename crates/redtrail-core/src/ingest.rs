//! One object, from its address to durable items. An object counts only when it is proven
//! whole: its selected records wait for that, and if they outgrow the bound the object is
//! read a second time. The ledger item is written last.

use std::time::Instant;

use redtrail_model::{AuditEvent, EventTime, Flag, Origin};
use thiserror::Error;

use crate::{
    directory::{self, Fact, Remembered},
    edge::{EdgeError, EdgeErrorKind, ItemStore, LogBody, LogSource, ObjectIdentity},
    item::{self, Put, Retention},
    ledger::{LedgerEntry, Listed, Verdict},
    log_reader::{Limits, LogReader, Proven, RawRecord, Rejected},
    normalizer::Normalizer,
    object::ObjectAddress,
    select::Selector,
    tally::Tally,
};

/// Records normalized at a time: bounds the events in memory.
const PORTION_RECORDS: usize = 64;
/// Items written at a time: bounds the items in memory, whatever one event touches.
const PORTION_ITEMS: usize = 1000;

/// Stored bytes unpacked at a time. Gzip unpacks to a thousandfold at most, so this bounds
/// what is held between two looks at it, however large the pieces of a body are.
const PIECE_BYTES: usize = 8 * 1024;

/// What ingesting needs to know beside the object.
#[derive(Clone, Copy)]
pub struct Settings<'s> {
    pub selector: &'s Selector,
    /// What of the directory needs no writing any more.
    pub remembered: &'s Remembered,
    pub limits: Limits,
    pub retention: Retention,
    /// The time by which retention is judged.
    pub now: EventTime,
    /// When to give up.
    pub until: Instant,
}

/// What became of an object, once it is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub verdict: Verdict,
    pub rejected: Option<Rejected>,
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
}

impl IngestError {
    /// What the caller can do about it.
    pub fn kind(&self) -> EdgeErrorKind {
        match self {
            Self::Edge(error) => error.kind,
            Self::CutShort { .. } => EdgeErrorKind::Retryable,
            Self::NotTheSame { .. } => EdgeErrorKind::Changed,
            Self::Item { .. } => EdgeErrorKind::Refused,
        }
    }
}

/// Reads the object at `address`, writes its events to `store`, then its ledger item. An
/// object that is proven bad is fetched once more before it is rejected.
///
/// # Errors
/// When something failed that may succeed later, or that a person must mend. The tables
/// may then hold a part of the object's items; doing it all again completes them.
pub async fn ingest<L: LogSource, S: ItemStore>(
    source: &L,
    store: &S,
    address: &ObjectAddress,
    settings: Settings<'_>,
) -> Result<Report, IngestError> {
    let ingest = Ingest {
        source,
        store,
        address,
        settings,
    };
    match ingest.read().await? {
        Reading::Whole(whole) => ingest.emit(*whole).await,
        Reading::Rejected { .. } => match ingest.read().await? {
            Reading::Whole(whole) => ingest.emit(*whole).await,
            Reading::Rejected { identity, why } => ingest.reject(&identity, why).await,
        },
    }
}

struct Ingest<'a, L, S> {
    source: &'a L,
    store: &'a S,
    address: &'a ObjectAddress,
    settings: Settings<'a>,
}

enum Reading<'s> {
    Whole(Box<Whole<'s>>),
    Rejected {
        identity: ObjectIdentity,
        why: Rejected,
    },
}

/// A proven object, and its selected records unless they outgrew the bound.
struct Whole<'s> {
    identity: ObjectIdentity,
    proven: Proven,
    reader: LogReader<'s>,
    held: Option<Vec<RawRecord>>,
}

impl<'a, L: LogSource, S: ItemStore> Ingest<'a, L, S> {
    async fn read(&self) -> Result<Reading<'a>, IngestError> {
        let mut body = self.source.open(self.address, None).await?;
        let identity = body.identity().clone();
        let mut reader = LogReader::new(self.settings.limits, self.settings.selector);
        let mut outgrown = false;
        let mut read = 0;
        let mut rejected = None;
        while let Some(bytes) = body.next().await? {
            read += bytes.len() as u64;
            for piece in bytes.chunks(PIECE_BYTES) {
                // A bad object is still read to its end: one that was cut short is no bad object.
                if rejected.is_none() {
                    rejected = reader.push(piece).err();
                }
                if reader.held_bytes() > self.settings.limits.max_held_bytes {
                    reader.stop_holding();
                    outgrown = true;
                }
            }
        }
        self.check_length(read, &identity)?;
        let proven = match rejected {
            Some(why) => Err(why),
            None => reader.finish(),
        };
        Ok(match proven {
            Ok(proven) => {
                let held = (!outgrown).then(|| reader.take_selected());
                Reading::Whole(Box::new(Whole {
                    identity,
                    proven,
                    reader,
                    held,
                }))
            }
            Err(why) => Reading::Rejected { identity, why },
        })
    }

    async fn emit(&self, whole: Whole<'a>) -> Result<Report, IngestError> {
        let Whole {
            identity,
            proven,
            mut reader,
            held,
        } = whole;
        let origin = Origin {
            bucket: self.address.bucket.clone(),
            key: self.address.key.clone(),
            version: identity.version_id.clone(),
            record_index: 0,
        };
        let mut normalizer = Normalizer::new(self.settings.selector, origin);
        let mut written = Written::default();
        let read_twice = held.is_none();
        match held {
            Some(records) => {
                for portion in records.chunks(PORTION_RECORDS) {
                    self.store_events(normalizer.events(portion), &mut written)
                        .await?;
                }
            }
            None => {
                reader = self
                    .emit_again(&identity, &proven, &mut normalizer, &mut written)
                    .await?;
            }
        }

        let mut summary = normalizer.finish(&proven, &mut reader);
        summary.tally.stored = written.stored;
        summary.tally.expired = written.expired;
        debug_assert!(summary.tally.adds_up(), "{:?}", summary.tally);
        let rows: Result<Vec<Put>, _> = summary
            .quarantined
            .iter()
            .map(|element| Listed::quarantined(self.address, &identity, element).put())
            .collect();
        self.write(rows.map_err(|source| self.item_error(source))?)
            .await?;
        let entry = LedgerEntry::proven(
            self.address,
            &identity,
            &proven,
            &summary.tally,
            summary.times,
        );
        let last = entry.put().map_err(|source| self.item_error(source))?;
        self.write(vec![last]).await?;
        Ok(Report {
            verdict: entry.verdict,
            rejected: None,
            tally: summary.tally,
            items: written.items,
            unknown_operations: written.unknown_operations,
            stored_bytes: identity.stored_bytes.unwrap_or_default(),
            plain_bytes: proven.plain_bytes,
            last_event_time: written.last_event_time,
            read_twice,
        })
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
        let mut body = self.source.open(self.address, Some(identity)).await?;
        let mut reader = LogReader::new(self.settings.limits, self.settings.selector);
        let mut read = 0;
        while let Some(bytes) = body.next().await? {
            read += bytes.len() as u64;
            for piece in bytes.chunks(PIECE_BYTES) {
                reader.push(piece).map_err(|_| not_the_same())?;
                for portion in reader.take_selected().chunks(PORTION_RECORDS) {
                    self.store_events(normalizer.events(portion), written)
                        .await?;
                }
            }
        }
        self.check_length(read, identity)?;
        let again = reader.finish().map_err(|_| not_the_same())?;
        if again == *proven {
            Ok(reader)
        } else {
            Err(not_the_same())
        }
    }

    async fn store_events(
        &self,
        events: Vec<AuditEvent>,
        written: &mut Written,
    ) -> Result<(), IngestError> {
        let mut rows = Vec::new();
        let mut facts = Vec::new();
        for event in events {
            if self
                .settings
                .retention
                .is_expired(event.event_time, self.settings.now)
            {
                written.expired += 1;
                continue;
            }
            written.count(&event);
            let of_event = item::puts(&event, self.settings.retention);
            rows.extend(of_event.map_err(|source| self.item_error(source))?);
            let of_event = directory::puts(&event);
            facts.extend(of_event.map_err(|source| self.item_error(source))?);
            if rows.len() + facts.len() >= PORTION_ITEMS {
                let (rows, facts) = (std::mem::take(&mut rows), std::mem::take(&mut facts));
                self.write_portion(rows, facts, written).await?;
            }
        }
        self.write_portion(rows, facts, written).await
    }

    /// Writes items of the event tables, and those directory items that need writing.
    async fn write_portion(
        &self,
        mut items: Vec<Put>,
        facts: Vec<Put>,
        written: &mut Written,
    ) -> Result<(), IngestError> {
        let facts = self.settings.remembered.fresh(facts);
        let durable: Vec<Fact> = facts.iter().map(Fact::of).collect();
        items.extend(facts);
        written.items += items.len() as u64;
        self.write(items).await?;
        self.settings.remembered.remember(durable);
        Ok(())
    }

    async fn reject(
        &self,
        identity: &ObjectIdentity,
        why: Rejected,
    ) -> Result<Report, IngestError> {
        let row = Listed::rejected(self.address, identity, &why).put();
        let entry = LedgerEntry::rejected(self.address, identity, &why).put();
        self.write(vec![row.map_err(|source| self.item_error(source))?])
            .await?;
        self.write(vec![entry.map_err(|source| self.item_error(source))?])
            .await?;
        Ok(Report {
            verdict: Verdict::Rejected,
            rejected: Some(why),
            tally: Tally::default(),
            items: 0,
            unknown_operations: 0,
            stored_bytes: identity.stored_bytes.unwrap_or_default(),
            plain_bytes: 0,
            last_event_time: None,
            read_twice: false,
        })
    }

    async fn write(&self, puts: Vec<Put>) -> Result<(), IngestError> {
        if puts.is_empty() {
            return Ok(());
        }
        Ok(self.store.put_all(puts, self.settings.until).await?)
    }

    fn check_length(&self, read: u64, identity: &ObjectIdentity) -> Result<(), IngestError> {
        match identity.stored_bytes {
            Some(expected) if read != expected => Err(IngestError::CutShort {
                object: self.address.clone(),
                read,
                expected,
            }),
            _ => Ok(()),
        }
    }

    fn item_error(&self, source: serde_dynamo::Error) -> IngestError {
        IngestError::Item {
            object: self.address.clone(),
            source,
        }
    }
}

#[derive(Default)]
struct Written {
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
