//! The words by which a skim knows an object's `eventSource` and the names of the family's
//! services, each told from what stands before it.

/// Two letters of each word looked for stand that far apart: `t` and `u`, which fewer other words
/// have than `e` and `S`, or `e` and `h`.
pub(crate) const AHEAD: usize = 3;

const EVENT_SOURCE: &[u8] = b"\"eventSource\"";
/// What the names of the family's services begin with. What looks for them in a block goes
/// by their letters.
const SERVICES: [&[u8]; 2] = [b"redshift", b"sqlworkbench"];
/// What comes behind the rest of that first label: many a role and bucket are named after Redshift.
const ENDS: [&[u8]; 2] = [b".amazonaws.com", b":arn"];
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

/// Whether the service's name, or what follows `aws:` in an encryption context key, is one that
/// [`word_at`] tells.
pub(crate) fn is_told(name: &str) -> bool {
    let name = name.as_bytes();
    SERVICES.iter().any(|start| is_name(name, start))
}

/// Whether `bytes` begin with a name that begins with `start`.
fn is_name(bytes: &[u8], start: &[u8]) -> bool {
    let is_of_label = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let Some(rest) = bytes.strip_prefix(start) else {
        return false;
    };
    let label = rest.iter().take_while(|byte| is_of_label(byte)).count();
    let end = rest.get(label..).unwrap_or_default();
    ENDS.iter().any(|known| end.starts_with(known))
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
    if bytes.get(at + AHEAD) == Some(&b'u') {
        let start = at.checked_sub(5)?;
        bytes.get(start..)?.strip_prefix(EVENT_SOURCE)?;
        return Some(Word::EventSource {
            end: start + EVENT_SOURCE.len(),
            is_plain: !bytes.get(..start)?.ends_with(b"\\"),
        });
    }
    let [redshift, sqlworkbench] = SERVICES;
    let starts = [at.checked_sub(1), at.checked_sub(8)];
    let start = match starts {
        [Some(start), _] if is_name(bytes.get(start..)?, redshift) => start,
        [_, Some(start)] if is_name(bytes.get(start..)?, sqlworkbench) => start,
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
