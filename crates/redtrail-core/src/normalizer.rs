//! The selected records of one object become audit events: each event once, and what
//! cannot be read set aside.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
};

use redtrail_model::{AuditEvent, EventTime, JsonIndex, Origin};

use crate::{
    log_reader::{LogReader, MAX_QUARANTINE_ENTRIES, Proven, Quarantined, RawRecord},
    normalize,
    select::Selector,
    tally::Tally,
};

/// Normalizes the records of one object, in as many portions as they come.
pub struct Normalizer<'s> {
    selector: &'s Selector,
    origin: Origin,
    index: JsonIndex,
    /// Hashes of the event keys seen and of their records' text: some thirty bytes an event,
    /// whatever its id.
    seen: HashMap<[u64; 2], u64, foldhash::fast::RandomState>,
    /// What keys are hashed with: nobody can choose ids that share such a hash of 64 bits.
    of_keys: RandomState,
    /// A faster way, that of texts, which are long and only tell doubles apart. Keys are hashed with
    /// it too: among 100,000, two share one hash by chance once in some billion objects.
    of_texts: foldhash::quality::RandomState,
    selected: u64,
    not_selected: u64,
    duplicate: u64,
    conflicting: u64,
    quarantined: Vec<Quarantined>,
    quarantined_count: u64,
    times: Option<(EventTime, EventTime)>,
}

impl<'s> Normalizer<'s> {
    /// `origin` names the object; each event gets its own place in it.
    pub fn new(selector: &'s Selector, origin: Origin) -> Self {
        Self {
            selector,
            origin,
            index: JsonIndex::default(),
            seen: HashMap::default(),
            of_keys: RandomState::new(),
            of_texts: foldhash::quality::RandomState::default(),
            selected: 0,
            not_selected: 0,
            duplicate: 0,
            conflicting: 0,
            quarantined: Vec::new(),
            quarantined_count: 0,
            times: None,
        }
    }

    /// The events of these records that did not stand in an earlier record of the object, each
    /// made when it is asked for: of two records with one event id and time the first counts,
    /// whatever the second tells.
    pub fn events<R: Borrow<RawRecord>>(
        &mut self,
        records: impl IntoIterator<Item = R>,
    ) -> impl Iterator<Item = AuditEvent> {
        let records = records.into_iter();
        records.filter_map(|record| self.event(record.borrow()))
    }

    /// Inlined, for an event has a kilobyte, which would be copied once more.
    #[inline(always)]
    fn event(&mut self, record: &RawRecord) -> Option<AuditEvent> {
        let index = &mut self.index;
        let event = normalize::next_audit_event(record, &self.origin, self.selector, index);
        index.let_go();
        match event {
            Ok(None) => {
                self.not_selected += 1;
                None
            }
            Ok(Some(event)) => {
                self.selected += 1;
                let key = event.event_key.as_str();
                let key = [self.of_keys.hash_one(key), self.of_texts.hash_one(key)];
                let text = self.of_texts.hash_one(&record.bytes);
                match self.seen.entry(key) {
                    Entry::Occupied(first) => {
                        self.duplicate += 1;
                        self.conflicting += u64::from(*first.get() != text);
                        return None;
                    }
                    Entry::Vacant(place) => drop(place.insert(text)),
                }
                let time = event.event_time;
                let (first, last) = self.times.unwrap_or((time, time));
                self.times = Some((first.min(time), last.max(time)));
                Some(event)
            }
            Err(reason) => {
                self.quarantined_count += 1;
                if self.quarantined.len() < MAX_QUARANTINE_ENTRIES {
                    self.quarantined.push(Quarantined::record(record, reason));
                }
                None
            }
        }
    }

    /// What the object held in all. `proven` and `reader` tell of the elements that never
    /// came this far.
    pub fn finish(self, proven: &Proven, reader: &mut LogReader<'_>) -> Summary {
        let (mut quarantined, count) = reader.take_quarantined();
        quarantined.extend(self.quarantined);
        quarantined.sort_by_key(|entry| entry.index);
        quarantined.truncate(MAX_QUARANTINE_ENTRIES);
        let tally = Tally {
            read: proven.read,
            selected: self.selected,
            not_selected: proven.not_selected + self.not_selected,
            quarantined: count + self.quarantined_count,
            duplicate: self.duplicate,
            conflicting: self.conflicting,
            stored: 0,
            expired: 0,
        };
        Summary {
            tally,
            quarantined,
            times: self.times,
        }
    }
}

/// What an object held. `stored` and `expired` are for those to count who store.
#[derive(Clone, Debug)]
pub struct Summary {
    pub tally: Tally,
    pub quarantined: Vec<Quarantined>,
    /// Times of the first and the last selected event.
    pub times: Option<(EventTime, EventTime)>,
}
