//! A set of account ids that can be asked for every run of digits in a trail.

/// Twelve digits.
type AccountId = [u8; 12];

const BITS: u32 = 10;
const WORDS: usize = (1 << BITS) / 64;

/// Account ids: most of what is asked for is no member, and one bit tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountIds {
    /// One bit for each hash of a member.
    hashes: [u64; WORDS],
    ids: Vec<AccountId>,
}

impl AccountIds {
    /// Adds `id`; false when it is not twelve digits.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        let is_id = id.bytes().all(|byte| byte.is_ascii_digit());
        let Some(id) = AccountId::try_from(id.as_bytes()).ok().filter(|_| is_id) else {
            return false;
        };
        let (word, bit) = place(id);
        if let Some(hashes) = self.hashes.get_mut(word) {
            *hashes |= bit;
        }
        self.ids.push(id);
        true
    }

    /// Whether the run of digits round the one at `at`, and no digit more, is a member.
    #[inline]
    pub(crate) fn has_at(&self, bytes: &[u8], at: usize) -> bool {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut start = at;
        while start > 0 && at - start < size_of::<AccountId>() && is_digit(start - 1) {
            start -= 1;
        }
        let id = bytes.get(start..).and_then(<[u8]>::first_chunk);
        id.is_some_and(|id| self.has(*id)) && !is_digit(start + size_of::<AccountId>())
    }

    /// Whether the run of digits of that length at `start` is a member.
    #[inline]
    pub(crate) fn has_run(&self, bytes: &[u8], start: usize, length: usize) -> bool {
        let id = bytes.get(start..).and_then(<[u8]>::first_chunk);
        length == size_of::<AccountId>() && id.is_some_and(|id| self.has(*id))
    }

    #[inline]
    fn has(&self, id: AccountId) -> bool {
        let (word, bit) = place(id);
        let is_known = self
            .hashes
            .get(word)
            .is_some_and(|hashes| hashes & bit != 0);
        is_known && self.ids.contains(&id)
    }
}

/// The word and the bit of the hash of `id`.
#[inline]
fn place(id: AccountId) -> (usize, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = id;
    let start = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let end = u64::from(u32::from_le_bytes([i, j, k, l]));
    let hash = (start ^ end.rotate_left(19)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    ((hash / 64) as usize, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_members_only() {
        let mut ids = AccountIds::default();
        let members = ["790247189693", "028811157404", "000000000000"];
        for id in members {
            assert!(ids.insert(id));
        }
        for odd in ["", "79024718969", "7902471896930", "79024718969x", "७९०२"] {
            assert!(!ids.insert(odd), "{odd}");
        }
        for id in members {
            for (text, expected) in [
                (format!("\"{id}\""), true),
                (id.to_owned(), true),
                (format!("x{id}/"), true),
                (format!("\"{id}0\""), false),
                (format!("\"1{id}\""), false),
                (format!("::{}:", id.replace('0', "1")), false),
            ] {
                let at = text.find(|letter: char| letter.is_ascii_digit()).unwrap();
                for at in at..at + 12 {
                    let found = ids.has_at(text.as_bytes(), at);
                    assert_eq!(found, expected, "{text} at {at}");
                }
            }
        }
    }
}
