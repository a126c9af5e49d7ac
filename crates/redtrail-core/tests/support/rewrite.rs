//! JSON written otherwise without another meaning, and bytes edited into any meaning.

use proptest::{prelude::*, sample::Index};

/// `json` with letters of its strings as escapes and white space between its tokens,
/// as `choices` has it, over and over.
pub(crate) fn rewritten(json: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().copied().cycle();
    let mut out = String::new();
    let mut in_string = false;
    let mut escaped = false;
    for letter in json.chars() {
        let choice = choices.next().unwrap_or_default();
        let keep = escaped || letter == '\\' || letter == '"' || !letter.is_ascii();
        if in_string && !keep && choice < 48 {
            out.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            out.push(letter);
        }
        in_string ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        if !in_string && "{}[]:,".contains(letter) && choice > 200 {
            out.push_str([" ", "\n", "\t ", "\r\n"][usize::from(choice % 4)]);
        }
    }
    out
}

/// One change to a sequence of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Replace(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    /// Copies a stretch to another place.
    Copy {
        from: Index,
        length: usize,
        to: Index,
    },
    Truncate(Index),
}

/// Bytes with these changes made, one after the other.
pub(crate) fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let size = bytes.len();
        if size == 0 {
            break;
        }
        match edit {
            Edit::Replace(at, byte) => bytes[at.index(size)] = *byte,
            Edit::Insert(at, byte) => bytes.insert(at.index(size), *byte),
            Edit::Delete(at) => drop(bytes.remove(at.index(size))),
            Edit::Copy { from, length, to } => {
                let from = from.index(size);
                let stretch = bytes[from..size.min(from + length)].to_vec();
                let to = to.index(size);
                bytes.splice(to..to, stretch);
            }
            Edit::Truncate(at) => bytes.truncate(at.index(size)),
        }
    }
    bytes
}

/// A few changes, most of them to what JSON is sensitive to.
pub(crate) fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let byte = || {
        prop_oneof![
            4 => prop::sample::select(b"{}[]\",:\\ u0e-\n\x00".as_slice()),
            1 => any::<u8>(),
        ]
    };
    let at = any::<Index>;
    let edit = prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        4 => (at(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        4 => at().prop_map(Edit::Delete),
        3 => (at(), 1..3000_usize, at())
            .prop_map(|(from, length, to)| Edit::Copy { from, length, to }),
        1 => at().prop_map(Edit::Truncate),
    ];
    prop::collection::vec(edit, 0..=most)
}
