//! Skims over one object of `Records`, 64 bytes at a time: where it ends, where its own
//! `eventSource` stands, and whether anything in it could make it one of the family. It
//! answers only where it is sure; a closer look decides the rest.

use std::ops::ControlFlow;

use fearless_simd::{Level, Simd, dispatch, i8x64, mask8x64, prelude::*, u8x64, u32x16};
use memchr::memmem::Finder;

use crate::account_ids::AccountIds;

const BLOCK: usize = 64;
/// Two letters of each word looked for stand that far apart.
const AHEAD: usize = 3;

const EVENT_SOURCE: &[u8] = b"\"eventSource\"";
/// Every name that the family is known by contains one of these.
const WORDS: [&[u8]; 2] = [b"redshift", b"sqlworkbench"];

/// What was seen of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skim {
    /// How many bytes it takes.
    pub(crate) length: usize,
    /// Where its only `eventSource` at depth one ends, if no escape hides another.
    pub(crate) source: Option<usize>,
    /// It contains a word or an account id of the family, wherever and as whatever.
    pub(crate) is_hinted: bool,
    /// It contains a backslash.
    pub(crate) has_escapes: bool,
}

/// Skims over objects. It holds what it looks out for.
#[derive(Clone, Debug)]
pub(crate) struct Skimmer {
    level: Level,
    account_ids: AccountIds,
    /// Names and accounts that the two fast ways do not find.
    others: Vec<Finder<'static>>,
}

impl Skimmer {
    /// Looks out for these names and account ids.
    pub(crate) fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        account_ids: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let has_word = |name: &str| {
            let contains = |word: &&[u8]| memchr::memmem::find(name.as_bytes(), word).is_some();
            WORDS.iter().any(contains)
        };
        let mut known = AccountIds::default();
        let names = names.into_iter().filter(|name| !has_word(name));
        let odd_ids = account_ids.into_iter().filter(|id| !known.insert(id));
        let others = names.chain(odd_ids);
        let others = others.map(|text| Finder::new(text).into_owned()).collect();
        Self {
            level: Level::new(),
            account_ids: known,
            others,
        }
    }

    /// Looks at the object that `bytes` begin with; `None` when it does not end in them, or
    /// has a backslash where no string is.
    pub(crate) fn skim(&self, bytes: &[u8]) -> Option<Skim> {
        if !bytes.starts_with(b"{") {
            return None;
        }
        let ids = &self.account_ids;
        let mut skim = dispatch!(self.level, simd => walk(simd, bytes, ids))?;
        if !skim.is_hinted && !self.others.is_empty() {
            let object = bytes.get(..skim.length)?;
            skim.is_hinted = self.others.iter().any(|text| text.find(object).is_some());
        }
        Some(skim)
    }
}

impl Default for Skimmer {
    /// Looks out for nothing but where an object ends.
    fn default() -> Self {
        Self::new([], [])
    }
}

#[inline(always)]
fn walk<S: Simd>(simd: S, bytes: &[u8], ids: &AccountIds) -> Option<Skim> {
    let mut walk = Walk::new(bytes, ids);
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        if let ControlFlow::Break(length) = walk.block(simd, at, block) {
            return walk.end(length?);
        }
        at += BLOCK;
    }
    // Zeros say nothing.
    let mut last = [0; 2 * BLOCK + AHEAD];
    let rest = bytes.get(at..)?;
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    for start in [0, BLOCK] {
        let block = last.get(start..).and_then(<[u8]>::first_chunk)?;
        if let ControlFlow::Break(length) = walk.block(simd, at + start, block) {
            return walk.end(length?);
        }
    }
    None
}

/// The way through one object.
struct Walk<'a> {
    bytes: &'a [u8],
    ids: &'a AccountIds,
    depth: u64,
    /// All ones while the last block ended inside a string.
    in_string: u64,
    /// One while the last block ended with a backslash that escapes what follows.
    escaping: u64,
    /// One while the last four bytes of the last block were digits.
    fours: u64,
    source: Source,
    is_hinted: bool,
    has_escapes: bool,
}

/// The object's own `eventSource`.
#[derive(Clone, Copy)]
enum Source {
    None,
    EndsAt(usize),
    /// There are two, or there may be.
    Unsure,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], ids: &'a AccountIds) -> Self {
        Self {
            bytes,
            ids,
            depth: 0,
            in_string: 0,
            escaping: 0,
            fours: 0,
            source: Source::None,
            is_hinted: false,
            has_escapes: false,
        }
    }

    fn end(&self, length: usize) -> Option<Skim> {
        let source = match self.source {
            Source::EndsAt(at) => Some(at),
            Source::None | Source::Unsure => None,
        };
        Some(Skim {
            length,
            source,
            is_hinted: self.is_hinted,
            has_escapes: self.has_escapes,
        })
    }

    /// The next block, which begins at `at`. It breaks with the object's length, or with
    /// nothing where the object is too odd.
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        block: &[u8; BLOCK + AHEAD],
    ) -> ControlFlow<Option<usize>> {
        let (text, _) = block.split_at(BLOCK);
        let (_, ahead) = block.split_at(AHEAD);
        let text = u8x64::from_slice(simd, text);
        let ahead = u8x64::from_slice(simd, ahead);
        let quotes = text.simd_eq(b'"');
        // The one bit by which `[` and `{`, `]` and `}` differ.
        let folded: i8x64<S> = (text | 0x20).bitcast();
        // Brackets and backslashes, and few others.
        let marks = folded.simd_gt(b'z' as i8);
        // `eventSource` and its like; `redshift` and `sqlworkbench`.
        let words =
            (text.simd_eq(b'S') & ahead.simd_eq(b'r')) | (text.simd_eq(b'e') & ahead.simd_eq(b'h'));
        let (digits, fours) = digits(text);

        let mut end = None;
        if self.escaping != 0 || (marks | words).any_true() {
            let masks = Masks {
                quotes: quotes.to_bitmask(),
                backslashes: text.simd_eq(b'\\').to_bitmask(),
                opening: folded.simd_eq(b'{' as i8).to_bitmask(),
                closing: folded.simd_eq(b'}' as i8).to_bitmask(),
                words: words.to_bitmask(),
            };
            end = self.closely(at, masks)?;
        } else {
            let odd = u64::from(quotes.to_bitmask().count_ones() & 1);
            self.in_string ^= odd.wrapping_neg();
        }
        let eights = fours & (fours << 1 | self.fours);
        self.fours = fours >> 15;
        if eights != 0 {
            self.look_for_ids(at, digits.to_bitmask(), eights, end.unwrap_or(BLOCK));
        }
        match end {
            Some(end) => ControlFlow::Break(Some(at + end)),
            None => ControlFlow::Continue(()),
        }
    }
}

/// One bit for each byte of a block.
struct Masks {
    quotes: u64,
    backslashes: u64,
    /// `{` and `[`.
    opening: u64,
    /// `}` and `]`.
    closing: u64,
    /// Where a word may be.
    words: u64,
}

impl Walk<'_> {
    /// A block in which there is more than quotes. Answers where in it the object ends.
    #[inline(always)]
    fn closely(&mut self, at: usize, masks: Masks) -> ControlFlow<Option<usize>, Option<usize>> {
        let mut quotes = masks.quotes;
        if masks.backslashes | self.escaping != 0 {
            self.has_escapes = true;
            quotes &= !self.escaped(masks.backslashes);
        }
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = (inside >> 63).wrapping_neg();
        let depth = self.depth;
        let opening = masks.opening & !inside;
        let closing = masks.closing & !inside;
        let end = self.descend(opening, closing);
        let within = end.map_or(u64::MAX, below);
        if masks.backslashes & !inside & within != 0 {
            return ControlFlow::Break(None);
        }
        let mut words = masks.words & within;
        while words != 0 {
            let found = words.trailing_zeros();
            words &= words - 1;
            let before = below(found as usize);
            let depth = depth
                .wrapping_add(u64::from((opening & before).count_ones()))
                .wrapping_sub(u64::from((closing & before).count_ones()));
            self.word(at + found as usize, depth, inside >> found & 1 == 1);
        }
        ControlFlow::Continue(end)
    }

    /// The bytes that a backslash before them escapes.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let backslashes = backslashes & !self.escaping;
        let behind = backslashes << 1 | self.escaping;
        // A run of backslashes that begins at an odd place ends, as a sum, at an odd one
        // when its length is even.
        let odd_starts = backslashes & !EVEN & !behind;
        let (ends, carries) = odd_starts.overflowing_add(backslashes);
        self.escaping = u64::from(carries);
        (EVEN ^ (ends << 1)) & behind
    }

    /// Follows the depth through a block; answers where it comes back to none.
    #[inline(always)]
    fn descend(&mut self, opening: u64, closing: u64) -> Option<usize> {
        let closings = u64::from(closing.count_ones());
        if closings < self.depth {
            self.depth = self.depth + u64::from(opening.count_ones()) - closings;
            return None;
        }
        let mut brackets = opening | closing;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            brackets &= brackets - 1;
            if opening >> at & 1 == 1 {
                self.depth += 1;
            } else {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(at as usize + 1);
                }
            }
        }
        None
    }

    /// What may be a word, by the letter at `at` and the one [`AHEAD`] of it.
    fn word(&mut self, at: usize, depth: u64, is_inside: bool) {
        let stands = |word: &[u8], before: usize| {
            let start = at.checked_sub(before);
            let rest = start.and_then(|start| self.bytes.get(start..));
            rest.is_some_and(|rest| rest.starts_with(word))
        };
        if stands(EVENT_SOURCE, 6) {
            // A quote that is escaped is a part of some other text.
            let is_escaped = at.checked_sub(7).and_then(|at| self.bytes.get(at)) == Some(&b'\\');
            self.source = match self.source {
                _ if is_escaped || !is_inside => Source::Unsure,
                source if depth != 1 => source,
                Source::None => Source::EndsAt(at + 7),
                Source::EndsAt(_) | Source::Unsure => Source::Unsure,
            };
        } else if stands(b"redshift", 1) || stands(b"sqlworkbench", 8) {
            self.is_hinted = true;
        }
    }

    /// Looks at the runs of digits before `end`. `eights` tells where two groups of four are
    /// digits: an account id has such a place, wherever it begins.
    #[inline(always)]
    fn look_for_ids(&mut self, at: usize, digits: u64, eights: u64, end: usize) {
        // Neighbours are of one run.
        let mut runs = eights & !(eights << 1);
        while runs != 0 {
            let place = runs.trailing_zeros() as usize * 4;
            runs &= runs - 1;
            if place >= end {
                return;
            }
            let before = !digits & below(place);
            let behind = !digits & !below(place);
            let is_known = if before == 0 || behind == 0 {
                // It may go on in another block.
                self.ids.has_at(self.bytes, at + place)
            } else {
                let start = 64 - before.leading_zeros();
                let length = behind.trailing_zeros() - start;
                self.ids
                    .has_run(self.bytes, at + start as usize, length as usize)
            };
            self.is_hinted |= is_known;
        }
    }
}

/// Which bytes are digits, and one bit for each four bytes that are nothing else.
#[inline(always)]
fn digits<S: Simd>(text: u8x64<S>) -> (mask8x64<S>, u64) {
    let value = text - b'0';
    let is_digit: mask8x64<S> = value.min(9).simd_eq(value);
    let fours: u32x16<S> = is_digit.to_vector().bitcast();
    (is_digit, fours.simd_eq(u32::MAX).to_bitmask())
}

/// All bits from the first of two to the other, the other left out, and so on.
#[inline(always)]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// The bits below `at`, which is 64 at most.
#[inline(always)]
fn below(at: usize) -> u64 {
    u64::MAX.checked_shr(64 - at as u32).unwrap_or_default()
}
