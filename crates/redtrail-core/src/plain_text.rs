//! Text from a log made safe to show: a terminal obeys control characters, and bidirectional
//! or invisible ones make text look like other text. They are written as escapes instead.

use std::{borrow::Cow, io};

use serde::Serialize;
use serde_json::ser::Formatter;

/// `text` with each character that is no plain text written as `\u{…}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_not_plain(character) {
            plain.extend(character.escape_unicode());
        } else {
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

/// `value` as one line of JSON. The same characters are written as `\uXXXX`, so that the
/// line says the same to a parser and is plain text to a terminal.
///
/// # Errors
/// When `value` has no form in JSON.
pub fn json_line(value: &impl Serialize) -> io::Result<String> {
    let mut line = Vec::with_capacity(1024);
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut line, PlainJson,
    ))?;
    String::from_utf8(line).map_err(io::Error::other)
}

/// Text of a JSON string, between its quotes, with each such character as `\uXXXX`.
pub fn plain_in_json(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_not_plain(character) {
            let mut units = [0; 2];
            let escapes = character.encode_utf16(&mut units).iter();
            plain.extend(escapes.map(|unit| format!("\\u{unit:04x}")));
        } else {
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

fn is_plain(text: &str) -> bool {
    // Most text is printable ASCII, which is told soonest, and sooner all at once than until the
    // first that is not.
    let printable = |all, byte| all & matches!(byte, b' '..=b'~');
    text.bytes().fold(true, printable) || !text.contains(is_not_plain)
}

/// Control characters; characters of Unicode's general category Cf (format: bidirectional
/// controls, joiners, tags), line and paragraph separators, and further ones that
/// are shown as nothing at all: fillers, variation selectors.
pub fn is_not_plain(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
                | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
                | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

struct PlainJson;

impl Formatter for PlainJson {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(plain_in_json(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ok_text_in_any_script_stays() {
        for text in [
            "",
            "cluster:sales-prod",
            "é 中文 ñandú Ωμέγα עברית",
            "a b\\u{1b}",
        ] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn hostile_characters_are_shown_as_escapes() {
        for (text, expected) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\tc\rd\0", "a\\u{a}b\\u{9}c\\u{d}d\\u{0}"),
            ("\u{7f}\u{9b}31m\u{85}", "\\u{7f}\\u{9b}31m\\u{85}"),
            ("admin\u{202e}nimda\u{2066}", "admin\\u{202e}nimda\\u{2066}"),
            (
                "a\u{200b}\u{200d}\u{feff}b",
                "a\\u{200b}\\u{200d}\\u{feff}b",
            ),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn json_escapes_are_json_s_own() {
        let line = json_line(&"\u{1b}\u{9b}\u{7f}\u{202e}\u{e0041}\"é").unwrap();
        assert_eq!(line, r#""\u001b\u009b\u007f\u202e\udb40\udc41\"é""#);
    }

    proptest! {
        #[test]
        fn nothing_but_plain_text_comes_out(text in any::<String>()) {
            let shown = plain(&text);
            prop_assert!(!shown.contains(is_not_plain));
            let ascii = |c: char| c < ' ' || ('\u{7f}'..='\u{9f}').contains(&c);
            prop_assert!(!shown.contains(ascii));
            let shown = shown.into_owned();
            prop_assert_eq!(&plain(&shown).into_owned(), &shown);
        }

        #[test]
        fn json_says_the_same_to_a_parser(text in "(\\PC|\\pC|[\"\\\\\u{0}-\u{1f}\u{7f}-\u{9f}\u{202e}\u{e0001}])*") {
            let line = json_line(&[&text]).unwrap();
            prop_assert!(!line.contains(is_not_plain));
            let back: Vec<String> = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&back[0], &text);
        }
    }
}
