//! Elements of `Records` by their place, whatever they are and whether or not they are of
//! the family: the originals that references name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Limits, RawRecord, Rejected,
    document::Document,
    split::{Content, Element},
};
use crate::skim::Skimmer;

/// Reads one object for some of its elements. Push its pieces, then finish: what was
/// picked comes out once the object is proven. It holds no more than the elements asked
/// for, each within `max_record_bytes`.
pub struct Picker {
    document: Document,
    skimmer: Skimmer,
    wanted: BTreeSet<u64>,
    picked: Picked,
}

/// What a proven object held of what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// Elements of `Records`: no place from here on has one.
    pub read: u64,
    /// By their place; one that the object does not have is not here.
    pub elements: BTreeMap<u64, PickedElement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickedElement {
    Whole(RawRecord),
    /// Larger than one element may be: not kept.
    TooLarge {
        length: u64,
    },
}

impl Picker {
    pub fn new(limits: Limits, wanted: impl IntoIterator<Item = u64>) -> Self {
        Self {
            document: Document::new(limits, false),
            skimmer: Skimmer::default(),
            wanted: wanted.into_iter().collect(),
            picked: Picked::default(),
        }
    }

    /// Takes the next bytes of the object, as stored.
    ///
    /// # Errors
    /// When they break the object; it is then rejected as a whole.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Rejected> {
        let Self {
            document,
            skimmer,
            wanted,
            picked,
        } = self;
        let mut take = |element: Element<'_>| picked.take(element, wanted);
        while document.push_piece(&mut bytes, skimmer, &mut take)? {}
        Ok(())
    }

    /// What was picked, if the object ended where it should.
    ///
    /// # Errors
    /// When it did not; it is then rejected as a whole.
    pub fn finish(self) -> Result<Picked, Rejected> {
        self.document.finish()?;
        Ok(self.picked)
    }
}

impl Picked {
    fn take(&mut self, element: Element<'_>, wanted: &BTreeSet<u64>) {
        self.read += 1;
        let Element {
            index,
            offset,
            content,
            ..
        } = element;
        if !wanted.contains(&index) {
            return;
        }
        let picked = match content {
            Content::Bytes(bytes) => PickedElement::Whole(RawRecord {
                index,
                offset,
                bytes: bytes.to_vec(),
            }),
            Content::TooLarge { length, .. } => PickedElement::TooLarge { length },
        };
        self.elements.insert(index, picked);
    }
}

#[cfg(test)]
mod tests {
    use redtrail_trailgen::gzip;

    use super::*;
    use crate::{log_reader::LogReader, select::Selector};

    const DOCUMENT: &[u8] = b"{\"Records\":[{\"a\":1} , null,\"x]\", [2],\n{\"broken\":tru, \"b\":\"\xff\"},{}],\"c\":1}";

    fn pick(bytes: &[u8], cut: usize, wanted: &[u64]) -> Result<Picked, Rejected> {
        let limits = Limits {
            max_record_bytes: 24,
            ..Limits::default()
        };
        let mut picker = Picker::new(limits, wanted.iter().copied());
        bytes.chunks(cut).try_for_each(|piece| picker.push(piece))?;
        picker.finish()
    }

    fn check(document: &[u8], wanted: &[u64], read: u64, expected: &[(u64, &[u8])]) {
        for bytes in [document.to_vec(), gzip(document)] {
            for cut in [1, 7, usize::MAX] {
                let picked = pick(&bytes, cut, wanted).unwrap();
                assert_eq!(picked.read, read);
                let found: Vec<(u64, &[u8])> = picked
                    .elements
                    .iter()
                    .map(|(index, element)| match element {
                        PickedElement::Whole(record) => {
                            let offset = record.offset as usize;
                            let there = &document[offset..offset + record.bytes.len()];
                            assert_eq!((record.index, &record.bytes[..]), (*index, there));
                            (*index, there)
                        }
                        PickedElement::TooLarge { length } => panic!("{index}: {length} bytes"),
                    })
                    .collect();
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn ok_any_element_as_it_stands() {
        check(DOCUMENT, &[0], 6, &[(0, b"{\"a\":1}")]);
        check(
            DOCUMENT,
            &[4, 1, 2, 3, 1],
            6,
            &[
                (1, b"null"),
                (2, b"\"x]\""),
                (3, b"[2]"),
                (4, b"{\"broken\":tru, \"b\":\"\xff\"}"),
            ],
        );
        check(DOCUMENT, &[6, u64::MAX], 6, &[]);
        check(DOCUMENT, &[], 6, &[]);
        check(b"{\"Records\":[]}", &[0], 0, &[]);
    }

    #[test]
    fn a_large_element_costs_nobody_but_itself() {
        let large = format!("{{\"Records\":[{{\"a\":\"{}\"}},{{}}]}}", "x".repeat(100));
        let picked = pick(large.as_bytes(), 9, &[0, 1]).unwrap();
        let too_large = PickedElement::TooLarge { length: 108 };
        assert_eq!(picked.elements.get(&0), Some(&too_large));
        assert!(
            matches!(picked.elements.get(&1), Some(PickedElement::Whole(record)) if record.bytes == b"{}")
        );
    }

    /// Whatever the function rejects, nothing is picked from, and for the same reason.
    #[test]
    fn err_the_object_as_a_whole_is_what_is_proven() {
        let whole = gzip(DOCUMENT);
        let mut flipped = whole.clone();
        let checksum = flipped.len() - 6;
        flipped[checksum] ^= 1;
        let selector = Selector::default();
        for bytes in [
            &whole[..whole.len() - 1],
            &flipped,
            &[whole.clone(), whole.clone()].concat(),
            &[&whole[..], b"\n"].concat(),
            &DOCUMENT[..DOCUMENT.len() - 1],
            &[DOCUMENT, b"{}"].concat(),
            b"",
            b"{}",
            b"{\"Records\":[{}],\"Records\":[{}]}",
            b"{\"Records\":[{}]]}",
        ] {
            let mut reader = LogReader::new(Limits::default(), &selector);
            let rejected = reader.push(bytes).and_then(|()| reader.finish().map(drop));
            let why = rejected.unwrap_err();
            assert_eq!(pick(bytes, usize::MAX, &[0]), Err(why.clone()));
            assert_eq!(pick(bytes, 3, &[0]), Err(why));
        }
    }
}
