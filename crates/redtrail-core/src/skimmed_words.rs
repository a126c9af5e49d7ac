//! The words by which a skim knows an object's `eventSource` and the names of the family's
//! services, each told from what stands before it.

/// Two letters of each word looked for stand that far apart: `e` and `S`, or `e` and `h`.
pub(crate) const AHEAD: usize = 3;

const EVENT_SOURCE: &[u8] = b"\"eventSource\"";
/// What the names of the family's services begin with. What looks for them in a block goes
/// by their letters.
const SERVICES: [&[u8]; 2] = [b"redshift", b"sqlworkbench"];
/// The members that hold a service's name.
const MEMBERS: [&[u8]; 4] = [
    EVENT_SOURCE,
    b"\"invokedBy\"",
    b"\"sourceIPAddress\"",
    b"\"userAgent\"",
];
/// Before a service's name in the ARN of its service-linked role, and in a context.
const ROLE_PATH: &[u8] = b"/";
const CONTEXT: &[u8] = b"\"aws:";

/// Whether the service's name is one that [`word_at`] tells.
pub(crate) fn is_told(name: &str) -> bool {
    let name = name.as_bytes();
    SERVICES.iter().any(|start| name.starts_with(start))
}

/// A word where it counts.
pub(crate) enum Word {
    /// In quotes, the first of which is no escaped one if it `is_plain`.
    EventSource { end: usize, is_plain: bool },
    /// The name of a service of the family, where a sign has it.
    Family,
}

/// The word of which the first letter that it was found by stands at `at`.
pub(crate) fn word_at(bytes: &[u8], at: usize) -> Option<Word> {
    let is_word = |start: usize, word: &[u8]| {
        let rest = bytes.get(start..);
        rest.is_some_and(|rest| rest.starts_with(word))
    };
    if bytes.get(at + AHEAD) == Some(&b'S') {
        let start = at
            .checked_sub(3)
            .filter(|start| is_word(*start, EVENT_SOURCE))?;
        return Some(Word::EventSource {
            end: start + EVENT_SOURCE.len(),
            is_plain: !bytes.get(..start)?.ends_with(b"\\"),
        });
    }
    let [redshift, sqlworkbench] = SERVICES;
    let starts = [at.checked_sub(1), at.checked_sub(8)];
    let start = match starts {
        [Some(start), _] if is_word(start, redshift) => start,
        [_, Some(start)] if is_word(start, sqlworkbench) => start,
        _ => return None,
    };
    let before = bytes.get(..start)?;
    let counts = match before.strip_suffix(b"\"") {
        Some(before) => {
            let name = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
            MEMBERS.iter().any(|member| name.ends_with(member))
        }
        None => before.ends_with(ROLE_PATH) || before.ends_with(CONTEXT),
    };
    counts.then_some(Word::Family)
}
