//! Skims over the objects of `Records`, 64 bytes at a time: where each ends, where its own
//! `eventSource` stands, and whether anything in it could make it one of the family. It
//! answers only where it is sure; a closer look decides the rest.
//!
//! What costs time here are branches that the processor cannot foresee, not instructions: so
//! every block goes the same way, and runs of digits are only noted until there are many.

use std::ops::ControlFlow;

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};
use memchr::memmem::Finder;

use crate::{
    account_ids::{AccountIds, Fours, Lookout},
    skimmed_words::{AHEAD, Word, is_told, word_at},
};

const BLOCK: usize = 64;

/// What was seen of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skim {
    /// Where it begins in the bytes that were skimmed.
    pub(crate) start: usize,
    /// How many bytes it takes.
    pub(crate) length: usize,
    /// Where in it its only `"eventSource"` at depth one ends, key or value, if no escape hides
    /// another.
    pub(crate) source: Option<usize>,
    /// It contains a name of the family where names count, or an account id wherever.
    pub(crate) is_hinted: bool,
    /// It contains a backslash.
    pub(crate) has_escapes: bool,
}

impl Skim {
    pub(crate) fn end(&self) -> usize {
        self.start + self.length
    }
}

/// Why nothing can be said of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// The one that begins there does not end in the bytes at hand.
    Unfinished(usize),
    /// It is none, or has a backslash where no string is.
    Odd,
}

/// Skims over objects. It holds what it looks out for.
#[derive(Clone, Debug)]
pub(crate) struct Skimmer {
    level: Level,
    account_ids: AccountIds,
    /// Names and account ids that the fast ways do not find.
    others: Vec<Finder<'static>>,
}

impl Skimmer {
    /// Looks out for these services, encryption context keys and account ids.
    pub(crate) fn new<'a>(
        services: impl IntoIterator<Item = &'a str>,
        context_keys: impl IntoIterator<Item = &'a str>,
        account_ids: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let services = services.into_iter().filter(|name| !is_told(name));
        let context_keys = context_keys
            .into_iter()
            .filter(|key| !key.strip_prefix("aws:").is_some_and(is_told));
        let mut known = AccountIds::default();
        let odd_ids = account_ids.into_iter().filter(|id| !known.insert(id));
        let others = services.chain(context_keys).chain(odd_ids);
        let others = others.map(|text| Finder::new(text).into_owned()).collect();
        Self {
            level: Level::new(),
            account_ids: known,
            others,
        }
    }

    /// Looks at the object that `bytes` begin with.
    pub(crate) fn skim(&self, bytes: &[u8]) -> Result<Skim, Unseen> {
        let mut skims = Vec::with_capacity(1);
        self.skim_all(bytes, 1, &mut skims)?;
        skims.pop().ok_or(Unseen::Odd)
    }

    /// Looks at the objects that `bytes` begin with, nothing but a comma between them and `most` at
    /// most, and puts what it sees into `skims`. Fails for the first that it can say nothing of.
    pub(crate) fn skim_all(
        &self,
        bytes: &[u8],
        most: usize,
        skims: &mut Vec<Skim>,
    ) -> Result<(), Unseen> {
        skims.clear();
        let ids = &self.account_ids;
        let stop = dispatch!(self.level, simd => walk_all(simd, bytes, most, ids, skims));
        if !self.others.is_empty() {
            for skim in skims {
                let object = bytes.get(skim.start..skim.end()).unwrap_or_default();
                let mut others = self.others.iter();
                skim.is_hinted = skim.is_hinted || others.any(|text| text.find(object).is_some());
            }
        }
        stop
    }
}

impl Default for Skimmer {
    /// Looks out for nothing but where an object ends.
    fn default() -> Self {
        Self::new([], [], [])
    }
}

#[inline(always)]
fn walk_all<S: Simd>(
    simd: S,
    bytes: &[u8],
    most: usize,
    ids: &AccountIds,
    skims: &mut Vec<Skim>,
) -> Result<(), Unseen> {
    let mut lookout = Lookout::new(bytes, ids);
    let mut start = 0;
    let stop = loop {
        match walk(simd, bytes, start, &mut lookout) {
            Ok(skim) => {
                start = skim.end();
                skims.push(skim);
            }
            Err(unseen) => break Err(unseen),
        }
        let behind = bytes.get(start..).unwrap_or_default();
        if skims.len() >= most || !behind.starts_with(b",{") {
            break Ok(());
        }
        start += 1;
    };
    for place in lookout.found() {
        let object = skims.partition_point(|skim| skim.end() <= *place);
        if let Some(skim) = skims.get_mut(object) {
            skim.is_hinted = true;
        }
    }
    stop
}

/// Looks at the object that begins at `start`.
#[inline(always)]
fn walk<S: Simd>(
    simd: S,
    bytes: &[u8],
    start: usize,
    lookout: &mut Lookout<'_>,
) -> Result<Skim, Unseen> {
    if bytes.get(start) != Some(&b'{') {
        return Err(Unseen::Odd);
    }
    let mut walk = Walk::default();
    let mut seen = Seen::new(bytes);
    let mut at = start;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        if let ControlFlow::Break(end) = walk.block(simd, at, block, lookout, &mut seen) {
            return seen.skim(start, end);
        }
        at += BLOCK;
    }
    // Zeros say nothing.
    let mut last = [0; 2 * BLOCK + AHEAD];
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(head) = last.get_mut(..rest.len()) {
        head.copy_from_slice(rest);
    }
    for from in [0, BLOCK] {
        if let Some(block) = last.get(from..).and_then(<[u8]>::first_chunk)
            && let ControlFlow::Break(end) = walk.block(simd, at + from, block, lookout, &mut seen)
        {
            return seen.skim(start, end);
        }
    }
    Err(Unseen::Unfinished(start))
}

/// The way through one object.
#[derive(Default)]
struct Walk {
    depth: u64,
    /// All ones while the last block ended inside a string.
    in_string: u64,
    /// One while the last block ended with a backslash that escapes what follows.
    escaping: u64,
}

/// What was seen of the object: few blocks add to it.
struct Seen<'a> {
    bytes: &'a [u8],
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

impl Walk {
    /// The next block, which begins at `at`. It breaks with the object's end, or with nothing
    /// where the object is too odd.
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        block: &[u8; BLOCK + AHEAD],
        lookout: &mut Lookout<'_>,
        seen: &mut Seen<'_>,
    ) -> ControlFlow<Option<usize>> {
        let (text, _) = block.split_at(BLOCK);
        let (_, ahead) = block.split_at(AHEAD);
        let text = u8x64::from_slice(simd, text);
        let ahead = u8x64::from_slice(simd, ahead);
        let fours = Fours::of(text);
        // The one bit by which `[` and `{`, `]` and `}` differ.
        let folded = text | 0x20;
        let backslashes = text.simd_eq(b'\\');
        // `eventSource` and its like; `redshift` and `sqlworkbench`. Zero where both letters are.
        let sources = (text ^ b't') | (ahead ^ b'u');
        let services = (text ^ b'e') | (ahead ^ b'h');
        let words = sources.min(services).simd_eq(0);

        let has_backslashes = backslashes.any_true();
        let mut quotes = text.simd_eq(b'"').to_bitmask();
        if has_backslashes || self.escaping != 0 {
            quotes &= !self.escaped(backslashes.to_bitmask());
        }
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = (inside >> 63).wrapping_neg();
        let brackets = Brackets {
            opening: folded.simd_eq(b'{').to_bitmask() & !inside,
            closing: folded.simd_eq(b'}').to_bitmask() & !inside,
        };
        let depth = self.depth;
        let end = self.descend(brackets);
        let within = end.map_or(u64::MAX, below);
        if has_backslashes {
            let backslashes = backslashes.to_bitmask() & within;
            if backslashes & !inside != 0 {
                return ControlFlow::Break(None);
            }
            seen.has_escapes |= backslashes != 0;
        }
        if words.any_true() {
            seen.look_at_words(at, words.to_bitmask() & within, inside, depth, brackets);
        }
        lookout.pass(at, fours);
        match end {
            Some(end) => ControlFlow::Break(Some(at + end)),
            None => ControlFlow::Continue(()),
        }
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
    fn descend(&mut self, brackets: Brackets) -> Option<usize> {
        let Brackets { opening, closing } = brackets;
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
}

/// One bit for each byte of a block outside of strings.
#[derive(Clone, Copy)]
struct Brackets {
    /// `{` and `[`.
    opening: u64,
    /// `}` and `]`.
    closing: u64,
}

impl<'a> Seen<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            source: Source::None,
            is_hinted: false,
            has_escapes: false,
        }
    }

    fn skim(&self, start: usize, end: Option<usize>) -> Result<Skim, Unseen> {
        Ok(Skim {
            start,
            length: end.ok_or(Unseen::Odd)? - start,
            source: match self.source {
                Source::EndsAt(at) => Some(at - start),
                Source::None | Source::Unsure => None,
            },
            is_hinted: self.is_hinted,
            has_escapes: self.has_escapes,
        })
    }

    /// Looks at what may be words of the block that begins at `at`, and at `depth`. Not inlined, so
    /// that the way through most blocks has the registers for itself.
    #[inline(never)]
    fn look_at_words(
        &mut self,
        at: usize,
        mut words: u64,
        inside: u64,
        depth: u64,
        brackets: Brackets,
    ) {
        while words != 0 {
            let found = words.trailing_zeros();
            words &= words - 1;
            match word_at(self.bytes, at + found as usize) {
                None => {}
                Some(Word::Family) => self.is_hinted = true,
                Some(Word::EventSource { end, is_plain }) => {
                    let before = below(found as usize);
                    let depth = depth
                        .wrapping_add(u64::from((brackets.opening & before).count_ones()))
                        .wrapping_sub(u64::from((brackets.closing & before).count_ones()));
                    let is_key = is_plain && inside >> found & 1 == 1;
                    self.source = match self.source {
                        _ if !is_key => Source::Unsure,
                        source if depth != 1 => source,
                        Source::None => Source::EndsAt(end),
                        Source::EndsAt(_) | Source::Unsure => Source::Unsure,
                    };
                }
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log_reader::Delimiter;

    const ACCOUNTS: [&str; 2] = ["790247189693", "028811157404"];

    fn skimmers() -> Vec<Skimmer> {
        let skimmer = Skimmer::new(["redshift.amazonaws.com"], ["aws:redshift:arn"], ACCOUNTS);
        let at = |level| Skimmer {
            level,
            ..skimmer.clone()
        };
        #[cfg(target_arch = "x86_64")]
        let others = {
            let level = Level::new();
            let narrow = level.as_avx2().map(|avx2| avx2.level());
            let narrower = level.as_sse4_2().map(|sse4_2| sse4_2.level());
            let narrowest = level.as_sse2().map(|sse2| sse2.level());
            [narrow, narrower, narrowest]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let others = [None; 3];
        let others: Vec<_> = others.into_iter().flatten().map(at).collect();
        [vec![skimmer.clone()], others].concat()
    }

    /// What each skimmer says of the object.
    fn skim(bytes: &[u8]) -> Result<Skim, Unseen> {
        let found: Vec<_> = skimmers()
            .iter()
            .map(|skimmer| skimmer.skim(bytes))
            .collect();
        assert!(found.iter().all(|skim| *skim == found[0]), "{found:?}");
        found[0]
    }

    /// Texts that mean something to the skimmer, and bytes that break what they mean.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let token = prop_oneof![
            6 => prop::sample::select(vec![
                "\"eventSource\"", "\"eventSource\":\"s3.amazonaws.com\"", "eventSource", "{", "}",
                "[", "]", "\"", "\\", "\\\"", "\\\\", ",", ":", "\"a\":", "\"x\"",
                "\"invokedBy\":\"redshift.amazonaws.com\"", "\"aws:redshift:arn\"", "redshift",
                "\"sourceIPAddress\" : \"sqlworkbench.amazonaws.com\"", "/redshift.amazonaws.com/",
                "790247189693", "\"790247189693\"", "7902471896930", "028811157404", "1", "2026",
                " ", "\n",
            ]).prop_map(|text| text.as_bytes().to_vec()),
            2 => (1..140_usize).prop_map(|length| vec![b'x'; length]),
            1 => prop::collection::vec(any::<u8>(), 1..4),
        ];
        prop::collection::vec(token, 0..40)
            .prop_map(|tokens| [vec![b'{'], tokens.concat()].concat())
    }

    /// A whole object, with something that means something to the skimmer or without.
    fn object() -> impl Strategy<Value = Vec<u8>> {
        let member = prop::sample::select(vec![
            r#""a":"b""#,
            r#""a":"\\""#,
            r#""eventSource":"s3.amazonaws.com""#,
            r#""accountId":"790247189693""#,
            r#""accountId":"111122223333""#,
            r#""invokedBy":"redshift.amazonaws.com""#,
        ]);
        (0..90_usize, member, 0..90_usize)
            .prop_map(|(before, member, behind)| padded(before, member, behind).into_bytes())
    }

    /// An object with that member between two of so many letters.
    fn padded(before: usize, member: &str, behind: usize) -> String {
        let pad = |length| "x".repeat(length);
        format!(
            r#"{{"p":"{}",{member},"q":"{}"}}"#,
            pad(before),
            pad(behind)
        )
    }

    /// A run of just twelve digits that is a known account.
    fn has_account(bytes: &[u8]) -> bool {
        let mut runs = bytes.split(|byte| !byte.is_ascii_digit());
        runs.any(|run| ACCOUNTS.iter().any(|id| id.as_bytes() == run))
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(2000)
        })]

        /// It ends where the delimiter says, or it is not told.
        #[test]
        fn ok_ends_as_delimited(bytes in text()) {
            let end = Delimiter::default().end(&bytes);
            match skim(&bytes) {
                Ok(found) => {
                    prop_assert_eq!((found.start, Some(found.length)), (0, end));
                    let object = &bytes[..found.length];
                    prop_assert_eq!(skim(object), Ok(found), "nothing behind it matters");
                    prop_assert_eq!(found.has_escapes, object.contains(&b'\\'));
                    prop_assert!(found.is_hinted || !has_account(object));
                }
                Err(Unseen::Odd) => {
                    prop_assert!(bytes[..end.unwrap_or(bytes.len())].contains(&b'\\'));
                }
                Err(Unseen::Unfinished(start)) => prop_assert_eq!((start, end), (0, None)),
            }
        }

        /// Of objects that stand in a row, it says what it says of each alone.
        #[test]
        fn ok_many_as_each_alone(
            objects in prop::collection::vec(object(), 1..100),
            last in text(),
            most in 1..120_usize,
        ) {
            let row = [objects.join(&b','), last].join(&b',');
            for skimmer in skimmers() {
                let mut alone = Vec::new();
                let mut start = 0;
                let expected = loop {
                    match skimmer.skim(&row[start..]) {
                        Ok(skim) => alone.push(Skim { start, ..skim }),
                        Err(Unseen::Odd) => break Err(Unseen::Odd),
                        Err(Unseen::Unfinished(_)) => break Err(Unseen::Unfinished(start)),
                    }
                    start = alone.last().unwrap().end();
                    if alone.len() == most || !row[start..].starts_with(b",{") {
                        break Ok(());
                    }
                    start += 1;
                };
                prop_assert!(alone.len() >= objects.len().min(most));
                let mut skims = Vec::new();
                prop_assert_eq!(skimmer.skim_all(&row, most, &mut skims), expected);
                prop_assert_eq!(skims, alone);
            }
        }

        /// However it lies to the blocks, the words and ids are found.
        #[test]
        fn ok_found_at_any_place(before in 0..200_usize, behind in 0..70_usize, id in 0..2_usize) {
            let record = |member: &str| skim(padded(before, member, behind).as_bytes()).unwrap();
            let plain = record("\"eventSource\":\"s3.amazonaws.com\"");
            prop_assert_eq!(plain.source, Some(before + 21));
            prop_assert!(!plain.is_hinted && !plain.has_escapes);
            for hint in [
                format!("\"accountId\":\"{}\"", ACCOUNTS[id]),
                format!("\"accountId\": {}", ACCOUNTS[id]),
                format!("\"arn\":\"arn:aws:sts::{}:x\"", ACCOUNTS[id]),
                "\"invokedBy\":\"redshift.amazonaws.com\"".to_owned(),
                "\"userAgent\"\n:\t\"sqlworkbench.amazonaws.com\"".to_owned(),
                "\"arn\":\"role/aws-service-role/redshift.amazonaws.com/x\"".to_owned(),
                "\"arn\":\"role\\/aws-service-role\\/redshift.amazonaws.com\\/x\"".to_owned(),
                "\"c\":{\"aws:redshift-serverless:arn\":1}".to_owned(),
            ] {
                prop_assert!(record(&hint).is_hinted, "{}", hint);
            }
            for none in [
                format!("\"accountId\":\"{}1\"", ACCOUNTS[id]),
                "\"name\":\"redshift.amazonaws.com\"".to_owned(),
                "\"c\":\"arn:aws:redshift:us-east-1\"".to_owned(),
                "\"arn\":\"arn:aws:iam::1:role/redshift-copy/redshift\"".to_owned(),
                "\"userAgent\":\"redshift_connector.amazonaws.com\"".to_owned(),
                "\"userAgent\":\"usrworkbench.amazonaws.com\"".to_owned(),
            ] {
                prop_assert!(!record(&none).is_hinted, "{}", none);
            }
        }
    }

    /// Though the block with the backslash ends with it.
    #[test]
    fn ok_what_is_escaped_at_any_place() {
        for before in 0..2 * BLOCK {
            for escaped in [r#"\""#, r#"\\\""#, r"\\", r#"\"\"\""#] {
                let text = padded(before, &format!(r#""a":"{escaped}}}""#), BLOCK);
                let found = skim(text.as_bytes()).unwrap();
                assert_eq!(found.length, text.len(), "{text}");
            }
        }
    }

    #[test]
    fn ok_the_objects_own_event_source() {
        for (text, source) in [
            (r#"{"eventSource":"a"}"#, Some(14)),
            (r#"{"a":{"eventSource":"b"},"eventSource" : "c"}"#, Some(38)),
            (r#"{"eventSource":"a","eventSource":"b"}"#, None),
            (r#"{"a":[{"eventSource":"b"}]}"#, None),
            (r#"{"a\"eventSource":"b"}"#, None),
            (r#"{"a":"\"eventSource","eventSource":"b"}"#, None),
            (r#"{"a":"\\","eventSource":"b"}"#, Some(23)),
            (r#"{"a":"eventSource\":"}"#, None),
        ] {
            let found = skim(text.as_bytes()).unwrap();
            assert_eq!(found.source, source, "{text}");
        }
    }

    /// What the first skimmer says of objects in a row, of which each alone begins at 0.
    fn row(text: &str) -> Vec<Skim> {
        let mut skims = Vec::new();
        skimmers()[0]
            .skim_all(text.as_bytes(), usize::MAX, &mut skims)
            .unwrap();
        skims
    }

    #[test]
    fn ok_each_of_a_row_has_its_own() {
        let hinted = |text| -> Vec<bool> { row(text).iter().map(|skim| skim.is_hinted).collect() };
        for (text, expected) in [
            (
                r#"{"a":1},{"a":"790247189693"},{"a":1}"#,
                [false, true, false],
            ),
            (
                r#"{"a":"028811157404"},{"a":1},{"a":"790247189693"}"#,
                [true, false, true],
            ),
            (
                r#"{"a":1},{"invokedBy":"redshift.amazonaws.com"},{"a":"111122223333"}"#,
                [false, true, false],
            ),
        ] {
            assert_eq!(hinted(text), expected, "{text}");
        }
        let sources = row(r#"{"eventSource":"a"},{"eventSource":"b"},{"a":1}"#);
        let sources: Vec<_> = sources.iter().map(|skim| skim.source).collect();
        assert_eq!(sources, [Some(14), Some(14), None]);
    }

    #[test]
    fn ok_an_escape_is_the_objects_own() {
        let pad = "x".repeat(100);
        let early = format!(r#"{{"a":"\\","p":"{pad}"}},{{"\\":1}},{{"p":"{pad}"}},{{"\\":1}}"#);
        let escapes: Vec<_> = row(&early).iter().map(|skim| skim.has_escapes).collect();
        assert_eq!(escapes, [true, true, false, true]);
    }

    #[test]
    fn ok_odd_names_and_ids_are_found_all_the_same() {
        let skimmer = Skimmer::new(
            ["warehouse.example", "redshift.example"],
            ["aws:lake:arn"],
            ["12345"],
        );
        for (text, expected) in [
            (r#"{"a":"warehouse.example"}"#, true),
            (r#"{"invokedBy":"redshift.example"}"#, true),
            (r#"{"aws:lake:arn":"x"}"#, true),
            (r#"{"accountId":"12345"}"#, true),
            (r#"{"accountId":"54321"}"#, false),
        ] {
            assert_eq!(
                skimmer.skim(text.as_bytes()).unwrap().is_hinted,
                expected,
                "{text}"
            );
        }
        let row = r#"{"a":"warehouse.example"},{"invokedBy":"redshift.amazonaws.com"},{"a":1},{"a":"12345"}"#;
        let mut skims = Vec::new();
        skimmer.skim_all(row.as_bytes(), 4, &mut skims).unwrap();
        let hinted: Vec<_> = skims.iter().map(|skim| skim.is_hinted).collect();
        assert_eq!(hinted, [true, true, false, true]);
    }
}
