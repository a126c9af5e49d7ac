//! One pass through a JSON text: it is proven well-formed, and each value's place noted.

use fearless_simd::{Simd, dispatch, prelude::*, u8x32};

use crate::vectors;

/// Where a value stands, or a member's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// How many values stand inside, names among them: those that follow it.
    pub(super) inside: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// A string without a backslash.
    Plain,
    /// A string with one.
    Escaped,
    Number,
    Boolean,
    Null,
}

/// The way through a text, without a step down: depth costs nothing.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Span>,
}

/// How many bytes of a string are looked at at a time.
const BLOCK: usize = 32;
/// Where there is no value around.
const NOTHING: u32 = u32::MAX;

/// Each step answers nothing where the text is no JSON.
/// <https://www.rfc-editor.org/rfc/rfc8259>
impl<'a> Scan<'a> {
    /// Where the values of `text` stand, each before those inside it.
    pub(super) fn through(text: &'a str) -> Option<Vec<Span>> {
        let mut scan = Self {
            bytes: text.as_bytes(),
            at: 0,
            // A record has one in a dozen bytes.
            values: Vec::with_capacity(text.len() / 10 + 4),
        };
        dispatch!(vectors::level(), simd => scan.text(simd))?;
        Some(scan.values)
    }

    #[inline(always)]
    fn text<S: Simd>(&mut self, simd: S) -> Option<()> {
        u32::try_from(self.bytes.len()).ok()?;
        // An object or array that is still open has in `inside` the place of the one around it.
        let mut around = NOTHING;
        loop {
            self.skip_space();
            let start = self.at;
            let kind = match self.peek()? {
                b'"' => self.string(simd)?,
                b'{' => Kind::Object,
                b'[' => Kind::Array,
                b't' => self.word(b"true", Kind::Boolean)?,
                b'f' => self.word(b"false", Kind::Boolean)?,
                b'n' => self.word(b"null", Kind::Null)?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => return None,
            };
            if let Kind::Object | Kind::Array = kind {
                let place = self.values.len() as u32;
                self.push(kind, start, around);
                self.at += 1;
                self.skip_space();
                around = place;
                if self.peek()? != closing(kind) {
                    if kind == Kind::Object {
                        self.name(simd)?;
                    }
                    continue;
                }
            } else {
                self.push(kind, start, 0);
            }
            // A value has ended, or an empty one is about to.
            loop {
                self.skip_space();
                let Some(open) = self.values.get(around as usize).copied() else {
                    return (self.at == self.bytes.len()).then_some(());
                };
                let byte = self.peek()?;
                self.at += 1;
                if byte == b',' {
                    if open.kind == Kind::Object {
                        self.skip_space();
                        self.name(simd)?;
                    }
                    break;
                }
                if byte != closing(open.kind) {
                    return None;
                }
                self.close(around);
                around = open.inside;
            }
        }
    }

    #[inline(always)]
    fn push(&mut self, kind: Kind, start: usize, inside: u32) {
        self.values.push(Span {
            kind,
            start: start as u32,
            end: self.at as u32,
            inside,
        });
    }

    #[inline(always)]
    fn close(&mut self, place: u32) {
        let count = self.values.len() as u32;
        if let Some(value) = self.values.get_mut(place as usize) {
            value.end = self.at as u32;
            value.inside = count - place - 1;
        }
    }

    /// A member's name and its colon.
    #[inline(always)]
    fn name<S: Simd>(&mut self, simd: S) -> Option<()> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        let kind = self.string(simd)?;
        self.push(kind, start, 0);
        self.skip_space();
        let is_colon = self.peek()? == b':';
        self.at += 1;
        is_colon.then_some(())
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<Kind> {
        let stands = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        stands.then_some(kind)
    }

    fn number(&mut self) -> Option<Kind> {
        self.at += usize::from(self.peek() == Some(b'-'));
        let is_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || is_zero && whole > 1 {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            (self.digits() > 0).then_some(())?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            (self.digits() > 0).then_some(())?;
        }
        Some(Kind::Number)
    }

    /// How many digits follow.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    /// From one quote to behind the other.
    #[inline(always)]
    fn string<S: Simd>(&mut self, simd: S) -> Option<Kind> {
        let mut kind = Kind::Plain;
        self.at += 1;
        loop {
            while let Some(block) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
                let block: &[u8; BLOCK] = block;
                let text = u8x32::from_slice(simd, block);
                let ends = text.simd_eq(b'"') | text.simd_eq(b'\\') | text.simd_lt(b' ');
                let ends = ends.to_bitmask();
                if ends != 0 {
                    self.at += ends.trailing_zeros() as usize;
                    break;
                }
                self.at += BLOCK;
            }
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(kind);
                }
                b'\\' => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                0..=0x1f => return None,
                // Fewer than a block are left.
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let escape = self.bytes.get(self.at..)?;
        let (length, digits) = match escape.get(1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => (2, &[][..]),
            b'u' => (6, escape.get(2..6)?),
            _ => return None,
        };
        self.at += length;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())
    }
}

fn closing(kind: Kind) -> u8 {
    if kind == Kind::Object { b'}' } else { b']' }
}
