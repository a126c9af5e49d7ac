//! The document taken apart: one top-level object with one `Records` array, its elements
//! handed out one by one, every byte of the frame around them checked.

use redtrail_model::JsonText;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::{LooksLike, Rejected, delimit::Delimiter};
use crate::skim::{Skim, Skimmer, Unseen};

/// A top-level key is compared by its first bytes: `Records` with every letter escaped
/// takes 44 with its quotes.
pub const MAX_KEY_BYTES: usize = 64;
/// How much of a piece is looked at first for the end of an object that began in the last:
/// nearly all records are shorter.
const REST_BYTES: usize = 4 * 1024;
/// So many objects are skimmed before they are handed out.
const MOST_SKIMMED: usize = 64;
/// Numbers, literals and the like outside of `Records`.
pub const MAX_SCALAR_BYTES: usize = 1024;
/// What is kept of the memory for elements that span two pieces: CloudTrail's own end at 256 KB.
const KEPT_BYTES: usize = 256 << 10;

/// One element of `Records`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// Its place in `Records`, from 0.
    pub(crate) index: u64,
    /// Where it begins in the plain bytes.
    pub(crate) offset: u64,
    pub(crate) content: Content<'a>,
    /// What was seen on the way, if it was at hand as a whole.
    pub(crate) skim: Option<Skim>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Bytes(&'a [u8]),
    /// Larger than one element may be: delimited, not kept.
    TooLarge {
        length: u64,
        sha256: [u8; 32],
    },
}

pub(crate) struct Splitter {
    state: State,
    /// Plain bytes before those at hand.
    offset: u64,
    value: Delimiter,
    /// The start of a value, key or scalar whose end has not come yet.
    pending: Pending,
    /// Always empty: kept for its memory.
    skims: Vec<Skim>,
    records_seen: bool,
    next_index: u64,
    max_element_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BeforeDocument,
    BeforeFirstKey,
    BeforeKey,
    Key,
    BeforeColon {
        is_records: bool,
    },
    BeforeValue {
        is_records: bool,
    },
    Value,
    Scalar,
    AfterValue,
    BeforeFirstElement,
    BeforeElement,
    /// In an object of which all that came is pending, and was seen not to be its end.
    Object,
    Element,
    ScalarElement,
    AfterElement,
    AfterDocument,
}

impl Splitter {
    pub(crate) fn new(max_element_bytes: usize) -> Self {
        Self {
            state: State::BeforeDocument,
            offset: 0,
            value: Delimiter::default(),
            pending: Pending::default(),
            skims: Vec::new(),
            records_seen: false,
            next_index: 0,
            max_element_bytes,
        }
    }

    /// Takes the next plain bytes and hands out each element that ends in them.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        skimmer: &Skimmer,
        element: &mut impl FnMut(Element<'_>),
    ) -> Result<(), Rejected> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::BeforeFirstElement | State::BeforeElement if rest.starts_with(b"{") => {
                    self.objects(rest, at, skimmer, element)?
                }
                State::Object => self.rest_of_object(rest, skimmer, element),
                State::Key | State::Value | State::Element => self.delimited(rest, element)?,
                State::Scalar | State::ScalarElement => self.scalar(rest, element)?,
                _ => self.frame(rest, at)?,
            };
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// The document has ended.
    pub(crate) fn finish(&self) -> Result<(), Rejected> {
        match self.state {
            State::AfterDocument if self.records_seen => Ok(()),
            State::AfterDocument => Err(Rejected::NoRecords),
            State::BeforeDocument => Err(Rejected::Empty),
            _ => Err(Rejected::Truncated),
        }
    }

    /// One byte of the frame: white space and the signs between values.
    fn frame(&mut self, rest: &[u8], at: usize) -> Result<usize, Rejected> {
        let byte = rest.first().copied().unwrap_or_default();
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(1);
        }
        // A value's own first byte is left for the state that follows it.
        let (next, consumed) = match (self.state, byte) {
            (State::BeforeDocument, b'{') => (State::BeforeFirstKey, 1),
            (State::BeforeDocument, 0x1f) => return Err(Rejected::GzipInGzip),
            (State::BeforeDocument, 0xef) => {
                return Err(Rejected::NotGzip {
                    looks_like: LooksLike::ByteOrderMark,
                });
            }
            (State::BeforeFirstKey | State::BeforeKey, b'"') => (self.begin(State::Key, at), 0),
            (State::BeforeFirstKey | State::AfterValue, b'}') => (State::AfterDocument, 1),
            (State::BeforeColon { is_records }, b':') => (State::BeforeValue { is_records }, 1),
            (State::BeforeValue { is_records: true }, b'[') if self.records_seen => {
                return Err(Rejected::DoubledRecords);
            }
            (State::BeforeValue { is_records: true }, b'[') => {
                self.records_seen = true;
                (State::BeforeFirstElement, 1)
            }
            (State::BeforeValue { is_records: true }, _) => {
                return Err(Rejected::RecordsNotAnArray);
            }
            (State::BeforeValue { .. }, b'{' | b'[' | b'"') => (self.begin(State::Value, at), 0),
            (State::BeforeValue { .. }, _) => (self.begin(State::Scalar, at), 0),
            (State::AfterValue, b',') => (State::BeforeKey, 1),
            (State::BeforeFirstElement | State::AfterElement, b']') => (State::AfterValue, 1),
            (State::AfterElement, b',') => (State::BeforeElement, 1),
            (State::BeforeFirstElement | State::BeforeElement, b'{' | b'[' | b'"') => {
                (self.begin(State::Element, at), 0)
            }
            (State::BeforeFirstElement | State::BeforeElement, byte) if is_scalar(byte) => {
                (self.begin(State::ScalarElement, at), 0)
            }
            (State::AfterDocument, _) => return Err(Rejected::TrailingDocument),
            _ => return Err(self.malformed(at)),
        };
        self.state = next;
        Ok(consumed)
    }

    /// An object in `Records`, and those behind it: mostly they are at hand as a whole.
    fn objects(
        &mut self,
        rest: &[u8],
        at: usize,
        skimmer: &Skimmer,
        element: &mut impl FnMut(Element<'_>),
    ) -> Result<usize, Rejected> {
        let mut skims = std::mem::take(&mut self.skims);
        let stop = skimmer.skim_all(rest, MOST_SKIMMED, &mut skims);
        let end = skims.last().map(Skim::end);
        for skim in skims.drain(..) {
            let bytes = rest.get(skim.start..skim.end()).unwrap_or_default();
            let offset = self.offset + (at + skim.start) as u64;
            self.hand_out(bytes, offset, Some(skim), element);
        }
        self.skims = skims;
        match (stop, end) {
            (Err(Unseen::Unfinished(start)), _) if rest.len() - start < self.max_element_bytes => {
                self.state = self.begin(State::Object, at + start);
                let object = rest.get(start..).unwrap_or_default();
                self.pending.append(object, self.max_element_bytes);
                Ok(rest.len())
            }
            (_, Some(end)) => {
                self.state = State::AfterElement;
                Ok(end)
            }
            (_, None) => self.frame(rest, at),
        }
    }

    /// The object that is pending: mostly it ends soon. Else it is delimited from its start.
    fn rest_of_object(
        &mut self,
        rest: &[u8],
        skimmer: &Skimmer,
        element: &mut impl FnMut(Element<'_>),
    ) -> usize {
        let before = self.pending.bytes.len();
        let room = REST_BYTES.min(self.max_element_bytes - before);
        let rest = rest.get(..room).unwrap_or(rest);
        self.pending.append(rest, self.max_element_bytes);
        let (end, skim) = match skimmer.skim(&self.pending.bytes) {
            Ok(skim) => (Some(skim.length), Some(skim)),
            Err(_) => (self.value.end(&self.pending.bytes), None),
        };
        let Some(end) = end else {
            self.state = State::Element;
            return rest.len();
        };
        self.pending.bytes.truncate(end);
        self.hand_out_pending(skim, element);
        self.state = State::AfterElement;
        end.saturating_sub(before)
    }

    fn begin(&mut self, state: State, at: usize) -> State {
        self.value = Delimiter::default();
        self.pending.begin(self.offset + at as u64);
        state
    }

    /// An object, array or string: a key, a member's value or an element.
    fn delimited(
        &mut self,
        rest: &[u8],
        element: &mut impl FnMut(Element<'_>),
    ) -> Result<usize, Rejected> {
        let end = self.value.end(rest);
        let bytes = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        match self.state {
            State::Key => self.pending.keep_start(bytes, MAX_KEY_BYTES),
            State::Element if end.is_some() && self.pending.is_empty() => {
                self.hand_out(bytes, self.pending.offset, None, element);
                self.state = State::AfterElement;
                return Ok(bytes.len());
            }
            State::Element => self.pending.append(bytes, self.max_element_bytes),
            _ => {}
        }
        if end.is_some() {
            self.state = match self.state {
                State::Key => {
                    let broken = Rejected::Malformed {
                        offset: self.pending.offset,
                    };
                    let is_records = self.pending.is_records_key().ok_or(broken)?;
                    if is_records && self.records_seen {
                        return Err(Rejected::DoubledRecords);
                    }
                    State::BeforeColon { is_records }
                }
                State::Element => {
                    self.hand_out_pending(None, element);
                    State::AfterElement
                }
                _ => State::AfterValue,
            };
        }
        Ok(bytes.len())
    }

    /// A number, a literal, or what should have been one: it ends before the next sign.
    fn scalar(
        &mut self,
        rest: &[u8],
        element: &mut impl FnMut(Element<'_>),
    ) -> Result<usize, Rejected> {
        let end = rest.iter().position(|byte| !is_scalar(*byte));
        let bytes = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        let in_records = self.state == State::ScalarElement;
        let limit = if in_records {
            self.max_element_bytes
        } else {
            MAX_SCALAR_BYTES
        };
        self.pending.append(bytes, limit);
        if end.is_some() {
            if in_records {
                self.hand_out_pending(None, element);
                self.state = State::AfterElement;
            } else {
                serde_json::from_slice::<IgnoredAny>(&self.pending.bytes).map_err(|_| {
                    Rejected::Malformed {
                        offset: self.pending.offset,
                    }
                })?;
                self.state = State::AfterValue;
            }
        }
        Ok(bytes.len())
    }

    fn hand_out(
        &mut self,
        bytes: &[u8],
        offset: u64,
        skim: Option<Skim>,
        element: &mut impl FnMut(Element<'_>),
    ) {
        let content = if bytes.len() > self.max_element_bytes {
            Content::TooLarge {
                length: bytes.len() as u64,
                sha256: Sha256::digest(bytes).into(),
            }
        } else {
            Content::Bytes(bytes)
        };
        element(Element {
            index: self.next_index,
            offset,
            content,
            skim,
        });
        self.next_index += 1;
    }

    fn hand_out_pending(&mut self, skim: Option<Skim>, element: &mut impl FnMut(Element<'_>)) {
        let Pending {
            offset,
            length,
            bytes,
            overflow,
        } = &mut self.pending;
        let content = match overflow.take() {
            Some(hash) => Content::TooLarge {
                length: *length,
                sha256: hash.finalize().into(),
            },
            None => Content::Bytes(bytes),
        };
        element(Element {
            index: self.next_index,
            offset: *offset,
            content,
            skim,
        });
        self.pending.let_go();
        self.next_index += 1;
    }

    fn malformed(&self, at: usize) -> Rejected {
        Rejected::Malformed {
            offset: self.offset + at as u64,
        }
    }
}

/// A value whose end has not come yet.
#[derive(Default)]
struct Pending {
    offset: u64,
    length: u64,
    bytes: Vec<u8>,
    /// Takes over from `bytes` where a value outgrows its bound.
    overflow: Option<Sha256>,
}

impl Pending {
    /// The buffer is kept for the next value that spans two pieces.
    fn begin(&mut self, offset: u64) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        *self = Self {
            offset,
            bytes,
            ..Self::default()
        };
    }

    /// Many objects may be at work, each long after its largest element.
    fn let_go(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn append(&mut self, bytes: &[u8], limit: usize) {
        self.length += bytes.len() as u64;
        if self.overflow.is_none() && self.length > limit as u64 {
            self.overflow = Some(Sha256::new_with_prefix(&self.bytes));
            self.bytes = Vec::new();
        }
        match &mut self.overflow {
            Some(hash) => hash.update(bytes),
            None => self.bytes.extend_from_slice(bytes),
        }
    }

    fn keep_start(&mut self, bytes: &[u8], limit: usize) {
        self.length += bytes.len() as u64;
        let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Whether the pending key is `Records`; `None` when it is no readable key.
    fn is_records_key(&self) -> Option<bool> {
        if self.length > self.bytes.len() as u64 {
            return Some(false);
        }
        let key = JsonText::parse(std::str::from_utf8(&self.bytes).ok()?).ok()?;
        Some(key.root().string()? == "Records")
    }
}

fn is_scalar(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'"' | b'{' | b'}' | b'[' | b']'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &[u8], cut: usize) -> Result<Vec<(u64, u64, String)>, Rejected> {
        let skimmer = Skimmer::default();
        let mut splitter = Splitter::new(64);
        let mut elements = Vec::new();
        for piece in document.chunks(cut) {
            splitter.push(piece, &skimmer, &mut |element| {
                let content = match element.content {
                    Content::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Content::TooLarge { length, .. } => format!("too large: {length}"),
                };
                elements.push((element.index, element.offset, content));
            })?;
        }
        splitter.finish().map(|()| elements)
    }

    fn check(document: &str, expected: Result<&[&str], Rejected>) {
        for cut in [1, 2, 3, 5, usize::MAX] {
            let found = read(document.as_bytes(), cut);
            let contents = found.as_ref().map(|all| {
                all.iter()
                    .map(|(.., text)| text.as_str())
                    .collect::<Vec<_>>()
            });
            assert_eq!(
                contents,
                expected.as_ref().map(|all| all.to_vec()),
                "{document} cut {cut}"
            );
            for (place, (index, offset, text)) in found.into_iter().flatten().enumerate() {
                assert_eq!(index, place as u64);
                let there = &document.as_bytes()[offset as usize..];
                assert!(text.starts_with("too large") || there.starts_with(text.as_bytes()));
            }
        }
    }

    #[test]
    fn ok_every_element_is_handed_out() {
        check(r#"{"Records":[]}"#, Ok(&[]));
        check(
            " { \"a\" : [1,{\"Records\":[2]}] ,\n\"Records\" : [ {\"b\":1} , {} ] , \"c\":-1e9 } \n",
            Ok(&[r#"{"b":1}"#, "{}"]),
        );
        check(r#"{"\u0052ecords":[{}]}"#, Ok(&["{}"]));
        check(r#"{"\udfaa":0,"Records":[{}]}"#, Ok(&["{}"]));
        check(
            r#"{"Records":[null,1,"x]",[2],{}]}"#,
            Ok(&["null", "1", r#""x]""#, "[2]", "{}"]),
        );
        let large = format!(r#"{{"Records":[{{"a":"{}"}},{{}}]}}"#, "x".repeat(100));
        check(&large, Ok(&["too large: 108", "{}"]));
    }

    /// However it is cut: what is at hand as a whole, what goes on in the next piece, and more
    /// objects than are skimmed in one go.
    #[test]
    fn ok_objects_in_a_row() {
        let whole = format!(r#"{{"a":"{}"}}"#, "x".repeat(56));
        let larger = format!(r#"{{"a":"{}"}}"#, "x".repeat(57));
        assert_eq!((whole.len(), larger.len()), (64, 65));
        let mut objects = vec!["{}"; 2 * MOST_SKIMMED + 1];
        objects.splice(3..3, [r#"{"b":1}"#, &whole, &larger, r#"{"c":[{}]}"#]);
        let document = format!(r#"{{"Records":[{}]}}"#, objects.join(","));
        objects[5] = "too large: 65";
        for cut in 1..=document.len() {
            let elements = read(document.as_bytes(), cut).unwrap();
            assert_eq!(elements.len(), objects.len());
            for (place, (index, offset, text)) in elements.into_iter().enumerate() {
                assert_eq!((index, &*text), (place as u64, objects[place]), "cut {cut}");
                let there = &document.as_bytes()[offset as usize..];
                let original = if place == 5 { &larger } else { objects[place] };
                assert!(there.starts_with(original.as_bytes()), "cut {cut}");
            }
        }
    }

    #[test]
    fn err_the_frame_is_broken() {
        let at = |offset| Err(Rejected::Malformed { offset });
        check("", Err(Rejected::Empty));
        check("  ", Err(Rejected::Empty));
        check("{}", Err(Rejected::NoRecords));
        check(r#"{"records":[]}"#, Err(Rejected::NoRecords));
        check(r#"{"a":{"Records":[]}}"#, Err(Rejected::NoRecords));
        check(r#"{"Records":null}"#, Err(Rejected::RecordsNotAnArray));
        check(r#"{"Records":{}}"#, Err(Rejected::RecordsNotAnArray));
        check(
            r#"{"Records":[],"Records":[]}"#,
            Err(Rejected::DoubledRecords),
        );
        check(
            r#"{"Records":[],"\u0052ecords":null}"#,
            Err(Rejected::DoubledRecords),
        );
        check(
            r#"{"Records":[{}]} {"Records":[]}"#,
            Err(Rejected::TrailingDocument),
        );
        check(r#"{"Records":[{}]"#, Err(Rejected::Truncated));
        check(r#"{"Records":[{"a":"}"#, Err(Rejected::Truncated));
        check(r#"[{"Records":[]}]"#, at(0));
        check(
            "\u{feff}{\"Records\":[]}",
            Err(Rejected::NotGzip {
                looks_like: LooksLike::ByteOrderMark,
            }),
        );
        check(r#"{"Records":[{},]}"#, at(15));
        check(r#"{"Records":[{} {}]}"#, at(15));
        check(r#"{"Records":[,{}]}"#, at(12));
        check(r#"{"a":NaN,"Records":[]}"#, at(5));
        check(r#"{'Records':[]}"#, at(1));
        check(r#"{"Records":[],}"#, at(14));
        check(r#"{/**/"Records":[]}"#, at(1));
        check(r#"{"\x":1,"Records":[]}"#, at(1));
    }
}
