//! One pass through a JSON text: it is proven well-formed, and each value's place noted.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};

/// Where a value stands, and the name it has in its object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) start: u32,
    pub(super) end: u32,
    /// How many values stand inside: those that follow it.
    pub(super) inside: u32,
    /// Between the quotes of its name. Of what is no member it tells nothing.
    pub(super) name_start: u32,
    pub(super) name_end: u32,
    pub(super) kind: Kind,
    pub(super) has_escaped_name: bool,
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
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the block begins that was looked at last, and a bit for each of its bytes that does
    /// not stand for itself in a string.
    block: usize,
    special: u64,
    has_escapes: bool,
}

/// What stands between the quotes of a member's name.
#[derive(Default)]
struct Name {
    start: usize,
    end: usize,
    has_escapes: bool,
}

/// How many bytes are looked at at a time.
const BLOCK: usize = 64;
/// Where there is no value around.
const NOTHING: u32 = u32::MAX;

/// Where the values of `text` stand, each before those inside it, and whether a backslash stands in
/// it; nothing where it is no JSON.
/// <https://www.rfc-editor.org/rfc/rfc8259>
pub(super) fn scan(text: &str, values: &mut Vec<Value>) -> Option<bool> {
    u32::try_from(text.len()).ok()?;
    values.clear();
    // A record has one in some thirty bytes.
    values.reserve(text.len() / 30);
    dispatch!(Level::new(), simd => Scan::through(simd, text.as_bytes(), values))
}

/// Each step answers nothing where the text is no JSON. All but the rare ones are one function,
/// for which the place in the text need not be in memory.
impl<'a> Scan<'a> {
    #[inline(always)]
    fn through<S: Simd>(simd: S, bytes: &'a [u8], values: &mut Vec<Value>) -> Option<bool> {
        let mut scan = Self {
            bytes,
            at: 0,
            block: 0,
            special: special_in(simd, bytes),
            has_escapes: false,
        };
        // An object or array that is still open has in `inside` the place of the one around it.
        let mut around = NOTHING;
        let mut end_around = 0;
        let mut name = Name::default();
        loop {
            if end_around == b'}' {
                name = scan.name(simd)?;
            }
            let byte = scan.skip_space()?;
            let start = scan.at;
            let (kind, end) = match byte {
                b'"' => (scan.string(simd)?, 0),
                b'{' => (scan.pass(1, Kind::Object), b'}'),
                b'[' => (scan.pass(1, Kind::Array), b']'),
                _ => {
                    let (kind, length) = word_or_number(scan.rest())?;
                    (scan.pass(length, kind), 0)
                }
            };
            let is_open = end != 0;
            let place = values.len() as u32;
            values.push(Value {
                start: start as u32,
                end: scan.at as u32,
                inside: if is_open { around } else { 0 },
                name_start: name.start as u32,
                name_end: name.end as u32,
                kind,
                has_escaped_name: name.has_escapes,
            });
            if is_open {
                (around, end_around) = (place, end);
                if scan.skip_space()? != end {
                    continue;
                }
            }
            // A value has ended, or an empty one is about to.
            loop {
                let byte = scan.skip_space();
                if around == NOTHING {
                    return byte.is_none().then_some(scan.has_escapes);
                }
                let byte = byte?;
                scan.at += 1;
                if byte == b',' {
                    break;
                }
                if byte != end_around {
                    return None;
                }
                let count = values.len() as u32;
                let open = values.get_mut(around as usize)?;
                open.end = scan.at as u32;
                around = std::mem::replace(&mut open.inside, count - around - 1);
                end_around = match values.get(around as usize) {
                    Some(open) if open.kind == Kind::Object => b'}',
                    _ => b']',
                };
            }
        }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    fn pass(&mut self, length: usize, kind: Kind) -> Kind {
        self.at += length;
        kind
    }

    /// To the next byte that is no space.
    #[inline(always)]
    fn skip_space(&mut self) -> Option<u8> {
        match self.peek()? {
            byte if byte > b' ' => Some(byte),
            // CloudTrail writes none.
            _ => {
                self.at += spaces(self.rest());
                self.peek()
            }
        }
    }

    /// From before a member's name to behind its colon.
    #[inline(always)]
    fn name<S: Simd>(&mut self, simd: S) -> Option<Name> {
        (self.skip_space()? == b'"').then_some(())?;
        let start = self.at + 1;
        let kind = self.string(simd)?;
        let end = self.at - 1;
        (self.skip_space()? == b':').then_some(())?;
        self.at += 1;
        Some(Name {
            start,
            end,
            has_escapes: kind == Kind::Escaped,
        })
    }

    /// From one quote to behind the other.
    #[inline(always)]
    fn string<S: Simd>(&mut self, simd: S) -> Option<Kind> {
        self.at += 1;
        self.skip_plain(simd);
        match self.peek()? {
            b'"' => Some(self.pass(1, Kind::Plain)),
            _ => {
                let length = escaped_rest(self.rest())?;
                self.has_escapes = true;
                Some(self.pass(length, Kind::Escaped))
            }
        }
    }

    /// To the next byte that does not stand for itself in a string, or the text's end.
    #[inline(always)]
    fn skip_plain<S: Simd>(&mut self, simd: S) {
        loop {
            let within = self.at - self.block;
            if within < BLOCK {
                let special = self.special >> within;
                if special != 0 {
                    self.at += special.trailing_zeros() as usize;
                    return;
                }
                self.at = self.block + BLOCK;
            }
            self.block = self.at;
            self.special = special_in(simd, self.rest());
        }
    }
}

/// A bit for each byte of the block that `bytes` begins with, if it does not stand for itself in
/// a string. Where fewer are left, what would follow is such a byte.
#[inline(always)]
fn special_in<S: Simd>(simd: S, bytes: &[u8]) -> u64 {
    let padding;
    let block = match bytes.first_chunk() {
        // As it lies there: to copy it would take longer than to look at it.
        Some(block) => block,
        None => {
            padding = padded(bytes);
            &padding
        }
    };
    let text = u8x64::from_slice(simd, block);
    let special = text.simd_eq(b'"') | text.simd_eq(b'\\') | text.simd_lt(b' ');
    special.to_bitmask()
}

/// A block that begins with these bytes, fewer than it has. Not inlined: the loops that call it are
/// hot.
#[cold]
#[inline(never)]
fn padded(bytes: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    if let Some(start) = block.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    block
}

/// How many spaces `bytes` begins with.
#[cold]
fn spaces(bytes: &[u8]) -> usize {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    bytes.iter().take_while(is_space).count()
}

/// How long a string goes on in `bytes`, with its end, from its first escape.
#[cold]
fn escaped_rest(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => escape(bytes.get(at..)?)?,
            0..b' ' => return None,
            _ => 1,
        };
    }
}

/// How long the escape is that `bytes` begins with.
fn escape(bytes: &[u8]) -> Option<usize> {
    let (length, digits) = match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => (2, &[][..]),
        b'u' => (6, bytes.get(2..6)?),
        _ => return None,
    };
    digits.iter().all(u8::is_ascii_hexdigit).then_some(length)
}

/// What `bytes` begins with if it is neither string, object nor array, and how long it is.
#[inline(never)]
fn word_or_number(bytes: &[u8]) -> Option<(Kind, usize)> {
    Some(match bytes {
        [b't', b'r', b'u', b'e', ..] => (Kind::Boolean, 4),
        [b'f', b'a', b'l', b's', b'e', ..] => (Kind::Boolean, 5),
        [b'n', b'u', b'l', b'l', ..] => (Kind::Null, 4),
        _ => (Kind::Number, number(bytes)?),
    })
}

/// How long the number is that `bytes` begins with.
fn number(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let is_zero = bytes.get(at) == Some(&b'0');
    let whole = digits(at);
    if whole == 0 || is_zero && whole > 1 {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        at += 1 + fraction;
        (fraction > 0).then_some(())?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let exponent = digits(at);
        at += exponent;
        (exponent > 0).then_some(())?;
    }
    Some(at)
}
