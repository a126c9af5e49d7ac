//! A set of account ids, and how to look for them in a trail, which is full of other ones.

use fearless_simd::{Simd, prelude::*, u8x64, u32x16};

/// Twelve digits.
type AccountId = [u8; 12];

const BITS: u32 = 13;
const WORDS: usize = (1 << BITS) / 64;
/// So many runs of digits are looked at in one go.
const MOST: usize = 64;

/// Account ids.
#[derive(Clone, Debug)]
pub(crate) struct AccountIds {
    /// One bit for each hash of four digits by which a [`Lookout`] may meet a member.
    fours: [u64; WORDS],
    ids: Vec<AccountId>,
}

impl Default for AccountIds {
    fn default() -> Self {
        Self {
            fours: [0; WORDS],
            ids: Vec::new(),
        }
    }
}

impl AccountIds {
    /// Adds `id`; false when it is not twelve digits.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        let is_id = id.bytes().all(|byte| byte.is_ascii_digit());
        let Some(id) = AccountId::try_from(id.as_bytes()).ok().filter(|_| is_id) else {
            return false;
        };
        for four in id.windows(4).skip(4).take(4) {
            let four = <[u8; 4]>::try_from(four).unwrap_or_default();
            let (word, bit) = place(four);
            if let Some(fours) = self.fours.get_mut(word) {
                *fours |= bit;
            }
        }
        self.ids.push(id);
        true
    }

    /// Whether the run of digits round the one at `at`, and no digit more, is a member.
    fn has_at(&self, bytes: &[u8], at: usize) -> bool {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut start = at;
        // No further than an id reaches, however long the run.
        while start > 0 && at - start < size_of::<AccountId>() && is_digit(start - 1) {
            start -= 1;
        }
        let id = bytes.get(start..).and_then(<[u8]>::first_chunk);
        id.is_some_and(|id| self.ids.contains(id)) && !is_digit(start + size_of::<AccountId>())
    }

    /// Whether a [`Lookout`] may meet a member by the four digits at `at`.
    #[inline]
    fn may_have_at(&self, bytes: &[u8], at: usize) -> bool {
        let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
        four.is_some_and(|four| {
            let (word, bit) = place(*four);
            self.fours.get(word).is_some_and(|fours| fours & bit != 0)
        })
    }
}

/// The word and the bit of the hash of four digits.
#[inline]
fn place(four: [u8; 4]) -> (usize, u64) {
    let hash = u32::from_le_bytes(four).wrapping_mul(0x9e37_79b1) >> (32 - BITS);
    ((hash / 64) as usize, 1 << (hash % 64))
}

/// One bit for each group of four bytes that are digits.
#[derive(Clone, Copy)]
pub(crate) struct Fours(u64);

impl Fours {
    #[inline(always)]
    pub(crate) fn of<S: Simd>(text: u8x64<S>) -> Self {
        let values: u32x16<S> = (text - b'0').max(9).bitcast();
        Self(values.simd_eq(u32::from_ne_bytes([9; 4])).to_bitmask())
    }
}

/// Looks out for account ids in some bytes, 64 at a time. Of the bytes in groups of four, an id
/// fills two or three that stand side by side; the second of them begins four to seven digits into
/// it. Where it begins is noted, and looked at when there are many.
pub(crate) struct Lookout<'a> {
    bytes: &'a [u8],
    ids: &'a AccountIds,
    /// One while the last group was of digits.
    before: u64,
    noted: [usize; MOST],
    count: usize,
    found: Vec<usize>,
}

impl<'a> Lookout<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], ids: &'a AccountIds) -> Self {
        Self {
            bytes,
            ids,
            before: 0,
            noted: [0; MOST],
            count: 0,
            found: Vec::new(),
        }
    }

    /// Passes the 64 bytes at `at`, of which `fours` are digits. They are just behind those it
    /// passed last, or begin with no digit.
    #[inline(always)]
    pub(crate) fn pass(&mut self, at: usize, fours: Fours) {
        let Fours(fours) = fours;
        let seconds = fours & (fours << 1 | self.before);
        self.before = fours >> 15;
        // A third is of the same run; where it begins a block it is noted all the same.
        let mut runs = seconds & !(seconds << 1);
        self.note(at, runs);
        runs &= runs.wrapping_sub(1);
        if runs != 0 || self.count == MOST {
            self.note_more(at, runs);
        }
    }

    /// Notes the first of `runs`, if there is one. It goes the same way if not.
    #[inline(always)]
    fn note(&mut self, at: usize, runs: u64) {
        if let Some(noted) = self.noted.get_mut(self.count) {
            *noted = at.wrapping_add(runs.trailing_zeros() as usize * 4);
        }
        self.count += usize::from(runs != 0);
    }

    /// Notes all of `runs`, however many are noted.
    #[cold]
    #[inline(never)]
    fn note_more(&mut self, at: usize, mut runs: u64) {
        while runs != 0 {
            self.look();
            self.note(at, runs);
            runs &= runs - 1;
        }
        self.look();
    }

    /// Looks at what was noted.
    fn look(&mut self) {
        let (noted, _) = self.noted.split_at(self.count);
        for at in noted {
            if self.ids.may_have_at(self.bytes, *at) && self.ids.has_at(self.bytes, *at) {
                self.found.push(*at);
            }
        }
        self.count = 0;
    }

    /// Places in the ids that were passed: one in each at least, in no order.
    pub(crate) fn found(&mut self) -> &[usize] {
        self.look();
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    const MEMBERS: [&str; 3] = ["790247189693", "028811157404", "000000000000"];

    fn ids() -> AccountIds {
        let mut ids = AccountIds::default();
        for id in MEMBERS {
            assert!(ids.insert(id));
        }
        ids
    }

    /// Where ids begin in `text`.
    fn found(text: &str) -> Vec<usize> {
        #[inline(always)]
        fn pass<S: Simd>(simd: S, text: &[u8], lookout: &mut Lookout<'_>) {
            for (place, block) in text.as_chunks::<64>().0.iter().enumerate() {
                lookout.pass(place * 64, Fours::of(u8x64::from_slice(simd, block)));
            }
        }
        let ids = ids();
        let mut text = text.as_bytes().to_vec();
        text.resize(text.len().next_multiple_of(64), 0);
        let mut lookout = Lookout::new(&text, &ids);
        dispatch!(Level::new(), simd => pass(simd, &text, &mut lookout));
        let start = |at: &usize| {
            let before = text[..*at].iter().rev();
            at - before.take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut starts: Vec<usize> = lookout.found().iter().map(start).collect();
        starts.dedup();
        starts
    }

    #[test]
    fn ok_members_only() {
        let mut ids = ids();
        for odd in ["", "79024718969", "7902471896930", "79024718969x", "७९०२"] {
            assert!(!ids.insert(odd), "{odd}");
        }
        for id in MEMBERS {
            for before in 0..70 {
                let pad = "x".repeat(before);
                for (text, expected) in [
                    (format!("{pad}{id}"), vec![before]),
                    (format!("{pad}/{id}/"), vec![before + 1]),
                    (format!("{pad}\"{id}0\""), vec![]),
                    (format!("{pad}\"1{id}\""), vec![]),
                    (format!("{pad}:{}:", id.replace('0', "1")), vec![]),
                    (format!("{pad}{}", id.split_at(1).1), vec![]),
                    (format!("{pad}{id} {id}"), vec![before, before + 13]),
                ] {
                    assert_eq!(found(&text), expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn ok_many_in_a_block_when_nearly_all_are_noted() {
        for count in MOST - 4..=MOST + 2 {
            for many in 0..6 {
                let one_each = format!("{:<64}", "111122223333").repeat(count);
                let several = "12345678.".repeat(many);
                let text = format!("{one_each}{several}{}", MEMBERS[0]);
                let expected = vec![one_each.len() + several.len()];
                assert_eq!(found(&text), expected, "{count} and {many}");
            }
        }
    }

    #[test]
    fn ok_more_than_are_noted() {
        for count in [MOST - 1, MOST, MOST + 1, 5 * MOST] {
            for length in [13, 16, 64, 65] {
                let ids = (0..count).map(|place| MEMBERS[place % 2]);
                let text: String = ids.map(|id| format!("{id:<length$}")).collect();
                let expected: Vec<usize> = (0..count).map(|place| place * length).collect();
                assert_eq!(found(&text), expected, "{count} times {length}");
            }
        }
    }
}
