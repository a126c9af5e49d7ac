//! Reads one log object from the pieces in which it arrives. Every element of `Records`
//! is counted; those of the Redshift family come out, and nothing may be used before
//! [`LogReader::finish`] has proven the whole object.

mod delimit;
mod document;
mod gunzip;
mod pick;
mod rejected;
mod split;

use sha2::{Digest, Sha256};

use crate::{
    select::{Glance, Judgement, Selector, Unreadable},
    skim::Skim,
};

pub(crate) use delimit::Delimiter;
pub use gunzip::{Gunzip, MAX_RATIO, RATIO_FREE_BYTES};
pub use pick::{Picked, PickedElement, Picker};
pub use rejected::{LooksLike, Rejected};
pub use split::{MAX_KEY_BYTES, MAX_SCALAR_BYTES};

use document::Document;
use split::{Content, Element};

/// Bounds of what is read, each with its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unpacked bytes of one object; more rejects it. CloudTrail's own bound is 50 MB.
    pub max_plain_bytes: u64,
    /// Bytes of one element of `Records`; a larger one is quarantined. CloudTrail's own
    /// bound is 256 KB.
    pub max_record_bytes: usize,
    /// Selected records held until the object is proven, in bytes. Past it they are let
    /// go and the object is read a second time.
    pub max_held_bytes: usize,
}

impl Limits {
    /// Those of the second reading, in which nothing is let go: what was selected is taken after
    /// each piece that [`LogReader::push_piece`] unpacked.
    pub(crate) fn of_second_reading(self) -> Self {
        Self {
            max_held_bytes: usize::MAX,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_plain_bytes: 2 << 30,
            max_record_bytes: 2 << 20,
            max_held_bytes: 8 << 20,
        }
    }
}

/// An element of `Records`, as it stands in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// Its place in `Records`, from 0.
    pub index: u64,
    /// Where it begins in the unpacked document.
    pub offset: u64,
    pub bytes: Vec<u8>,
}

/// An element that could not be read: where it stands, and why. Its content is not
/// kept, because secrets cannot be masked in what cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub index: u64,
    pub offset: u64,
    pub length: u64,
    pub sha256: [u8; 32],
    pub reason: Unreadable,
}

impl Quarantined {
    /// The quarantine entry of a record that was selected but turned out unreadable.
    pub fn record(record: &RawRecord, reason: Unreadable) -> Self {
        Self {
            index: record.index,
            offset: record.offset,
            length: record.bytes.len() as u64,
            sha256: Sha256::digest(&record.bytes).into(),
            reason,
        }
    }
}

/// What a proven object held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Elements of `Records`.
    pub read: u64,
    /// Those of them of which a glance told so. Of the records held, a few may turn out not to be of
    /// the family either: [`Summary`](crate::normalizer::Summary) has all.
    pub not_selected: u64,
    /// SHA-256 of the unpacked content: what CloudTrail's digest files list. Of
    /// [`LogReader::new`] only.
    pub sha256: Option<[u8; 32]>,
    /// Size of the unpacked content.
    pub plain_bytes: u64,
}

/// Reads one object. Push its pieces, finish, and take what was selected unless it was more than
/// may be held.
pub struct LogReader<'s> {
    document: Document,
    sieve: Sieve<'s>,
}

struct Sieve<'s> {
    selector: &'s Selector,
    max_held_bytes: usize,
    outgrown: bool,
    read: u64,
    selected_count: u64,
    hinted_count: u64,
    not_selected: u64,
    held_bytes: usize,
    held: Vec<RawRecord>,
    quarantined: Vec<Quarantined>,
    quarantined_count: u64,
}

/// Quarantine entries kept of one object; beyond it they are only counted.
pub const MAX_QUARANTINE_ENTRIES: usize = 100;
/// Records of the family that one object may have; more rejects it, for each takes memory
/// until the object is finished. In CloudTrail's 50 MB they would be of 500 bytes each, fewer than
/// any real one has.
pub const MAX_SELECTED_RECORDS: u64 = 100_000;
/// Other services' records with a sign of Redshift that one object may have beside those: so many
/// are held before it is told whether they are of the family. More are told at once, each by a
/// parse of its own.
pub const MAX_HINTED_RECORDS: u64 = 10_000;

impl<'s> LogReader<'s> {
    pub fn new(limits: Limits, selector: &'s Selector) -> Self {
        Self::with_document(Document::new(limits, true), limits, selector)
    }

    /// A reader that does not hash the content, for those who need no hash: to hash costs
    /// more than to split and to select.
    pub fn unhashed(limits: Limits, selector: &'s Selector) -> Self {
        Self::with_document(Document::new(limits, false), limits, selector)
    }

    fn with_document(document: Document, limits: Limits, selector: &'s Selector) -> Self {
        Self {
            document,
            sieve: Sieve {
                selector,
                max_held_bytes: limits.max_held_bytes,
                outgrown: false,
                read: 0,
                selected_count: 0,
                hinted_count: 0,
                not_selected: 0,
                held_bytes: 0,
                held: Vec::new(),
                quarantined: Vec::new(),
                quarantined_count: 0,
            },
        }
    }

    /// Takes the next bytes of the object, as stored.
    ///
    /// # Errors
    /// When they break the object; it is then rejected as a whole.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Rejected> {
        while self.push_piece(&mut bytes)? {}
        Ok(())
    }

    /// Takes so many of the next bytes as unpack to one piece, of 64 KiB at most. False once all are
    /// taken and nothing of them is left.
    ///
    /// # Errors
    /// As [`LogReader::push`].
    pub(crate) fn push_piece(&mut self, bytes: &mut &[u8]) -> Result<bool, Rejected> {
        let sieve = &mut self.sieve;
        let skimmer = sieve.selector.skimmer();
        let judge = &mut |element: Element<'_>| sieve.judge(element);
        let pushed = self.document.push_piece(bytes, skimmer, judge);
        // It comes before whatever else is wrong, which stands behind it.
        if sieve.selected_count > MAX_SELECTED_RECORDS {
            return Err(Rejected::TooManyRecords {
                max_records: MAX_SELECTED_RECORDS,
            });
        }
        pushed
    }

    /// Proves that the object ended where it should.
    ///
    /// # Errors
    /// When it did not; it is then rejected as a whole.
    pub fn finish(&mut self) -> Result<Proven, Rejected> {
        self.document.finish()?;
        Ok(Proven {
            read: self.sieve.read,
            not_selected: self.sieve.not_selected,
            sha256: self.document.sha256(),
            plain_bytes: self.document.plain_bytes(),
        })
    }

    /// Whether the selected records were more than may be held. They were let go, none is held any
    /// more, and the object is only proven. A "no" is final once the object has ended.
    pub fn is_outgrown(&self) -> bool {
        self.sieve.outgrown
    }

    /// The records selected since the last call, and other services' with a sign of Redshift, of
    /// which a few may be none of the family; nothing once [`LogReader::is_outgrown`].
    pub fn take_held(&mut self) -> Vec<RawRecord> {
        self.sieve.held_bytes = 0;
        std::mem::take(&mut self.sieve.held)
    }

    /// The elements that could not be read: at most [`MAX_QUARANTINE_ENTRIES`] entries,
    /// and how many there were.
    pub fn take_quarantined(&mut self) -> (Vec<Quarantined>, u64) {
        let sieve = &mut self.sieve;
        (
            std::mem::take(&mut sieve.quarantined),
            std::mem::take(&mut sieve.quarantined_count),
        )
    }
}

impl Sieve<'_> {
    fn judge(&mut self, element: Element<'_>) {
        self.read += 1;
        let Element {
            index,
            offset,
            content,
            skim,
        } = element;
        let unread = |length, sha256, reason| Quarantined {
            index,
            offset,
            length,
            sha256,
            reason,
        };
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::TooLarge { length, sha256 } => {
                return self.set_aside(|| unread(length, sha256, Unreadable::TooLarge));
            }
        };
        match self.glance(bytes, skim) {
            Glance::Told(Judgement::NotSelected) => self.not_selected += 1,
            Glance::Told(Judgement::Selected(_)) => {
                self.selected_count += 1;
                self.hold(index, offset, bytes);
            }
            Glance::Hinted => {
                self.hinted_count += 1;
                self.hold(index, offset, bytes);
            }
            Glance::Told(Judgement::Unreadable(reason)) => {
                self.set_aside(|| unread(bytes.len() as u64, Sha256::digest(bytes).into(), reason))
            }
        }
    }

    /// What is told of a record before it is held.
    fn glance(&self, bytes: &[u8], skim: Option<Skim>) -> Glance {
        match self.selector.glance(bytes, skim) {
            Glance::Hinted if self.hinted_count >= MAX_HINTED_RECORDS => {
                Glance::Told(self.selector.judge_parsed(bytes))
            }
            glance => glance,
        }
    }

    fn set_aside(&mut self, entry: impl FnOnce() -> Quarantined) {
        self.quarantined_count += 1;
        if self.quarantined.len() < MAX_QUARANTINE_ENTRIES {
            self.quarantined.push(entry());
        }
    }

    fn hold(&mut self, index: u64, offset: u64, bytes: &[u8]) {
        if self.outgrown {
            return;
        }
        self.held_bytes += bytes.len();
        if self.held_bytes > self.max_held_bytes {
            self.outgrown = true;
            self.held = Vec::new();
            return;
        }
        self.held.push(RawRecord {
            index,
            offset,
            bytes: bytes.to_vec(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalizer::Normalizer;

    const EVENT: &[u8] = br#"{"eventSource":"redshift.amazonaws.com"}"#;

    fn read<'s>(
        selector: &'s Selector,
        elements: impl IntoIterator<Item = &'s [u8]>,
    ) -> Result<LogReader<'s>, Rejected> {
        read_within(Limits::default(), selector, elements)
    }

    fn read_within<'s>(
        limits: Limits,
        selector: &'s Selector,
        elements: impl IntoIterator<Item = &'s [u8]>,
    ) -> Result<LogReader<'s>, Rejected> {
        let mut reader = LogReader::new(limits, selector);
        reader.push(br#"{"Records":["#)?;
        for (index, element) in elements.into_iter().enumerate() {
            if index > 0 {
                reader.push(b",")?;
            }
            reader.push(element)?;
        }
        reader.push(b"]}")?;
        Ok(reader)
    }

    #[test]
    fn ok_past_the_bound_nothing_is_held() {
        let selector = Selector::default();
        for (fit, more, expected) in [(0, 1, None), (2, 0, Some(2)), (2, 1, None), (2, 5, None)] {
            let limits = Limits {
                max_held_bytes: fit * EVENT.len(),
                ..Limits::default()
            };
            let mut reader = read_within(limits, &selector, vec![EVENT; fit + more]).unwrap();
            let held = (!reader.is_outgrown()).then(|| reader.take_held().len());
            assert_eq!(held, expected, "{more} more than {fit}");
            assert_eq!(reader.take_held(), []);
            assert_eq!(reader.finish().unwrap().read, (fit + more) as u64);
        }
    }

    #[test]
    fn ok_what_is_taken_is_held_no_more() {
        let selector = Selector::default();
        let limits = Limits {
            max_held_bytes: EVENT.len(),
            ..Limits::default()
        };
        let mut reader = LogReader::new(limits, &selector);
        reader.push(br#"{"Records":["#).unwrap();
        for end in [&b","[..], b",", b"]}"] {
            reader.push(EVENT).unwrap();
            reader.push(end).unwrap();
            assert_eq!(reader.take_held().len(), 1);
        }
        assert!(!reader.is_outgrown());
    }

    #[test]
    fn ok_so_many_entries_of_what_cannot_be_read() {
        let selector = Selector::default();
        for count in [MAX_QUARANTINE_ENTRIES, MAX_QUARANTINE_ENTRIES + 1] {
            let mut reader = read(&selector, vec![&b"1"[..]; count]).unwrap();
            let (entries, counted) = reader.take_quarantined();
            assert_eq!(entries.len(), MAX_QUARANTINE_ENTRIES);
            assert_eq!(counted, count as u64);
        }
    }

    #[test]
    fn err_a_record_too_many() {
        let selector = Selector::default();
        let most = usize::try_from(MAX_SELECTED_RECORDS).unwrap();
        let read = |count| read(&selector, vec![EVENT; count]).map(drop);
        assert_eq!(read(most), Ok(()));
        let max_records = MAX_SELECTED_RECORDS;
        assert_eq!(
            read(most + 1),
            Err(Rejected::TooManyRecords { max_records })
        );
    }

    /// Whether it is of the family is told when it is normalized.
    #[test]
    fn ok_so_many_hinted_records_are_held() {
        const HINTED: &[u8] =
            br#"{"eventSource":"glue.amazonaws.com","userAgent":"redshift.amazonaws.com"}"#;
        let selector = Selector::default();
        assert_eq!(selector.judge(HINTED), Judgement::NotSelected);
        let most = usize::try_from(MAX_HINTED_RECORDS).unwrap();
        for more in [0, 1] {
            let mut reader = read(&selector, vec![HINTED; most + more]).unwrap();
            let proven = reader.finish().unwrap();
            assert_eq!(proven.not_selected, more as u64);
            let held = reader.take_held();
            assert_eq!(held.len(), most);
            let mut normalizer = Normalizer::new(&selector, "key#0".parse().unwrap());
            assert_eq!(normalizer.events(held).count(), 0);
            let tally = normalizer.finish(&proven, &mut reader).tally;
            assert_eq!(tally.not_selected, tally.read);
        }
    }

    #[test]
    fn ok_further_accounts_and_services_are_found_by_the_reader_too() {
        let selector = Selector::new(["000000000001"]).with_services(["redshift-x.amazonaws.com"]);
        let elements: [&[u8]; 3] = [
            br#"{"eventSource":"kms.amazonaws.com","userIdentity":{"accountId":"000000000001"}}"#,
            br#"{"eventSource":"redshift-x.amazonaws.com"}"#,
            br#"{"eventSource":"kms.amazonaws.com","userIdentity":{"accountId":"000000000002"}}"#,
        ];
        let mut reader = read(&selector, elements).unwrap();
        let selected = reader.take_held();
        let selected: Vec<u64> = selected.iter().map(|record| record.index).collect();
        assert_eq!(selected, [0, 1]);
    }
}
