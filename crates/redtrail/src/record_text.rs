//! A record as text that can be shown: laid out, or in one line. Nothing is converted on
//! the way: members keep their order and doubles, numbers their digits.

use redtrail_model::JsonText;

use crate::plain_text::{plain, plain_in_json};

/// How a record is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Pretty,
    OneLine,
}

/// What could be made of a record's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordText {
    pub(crate) text: String,
    /// Otherwise it is the bytes as they stand, in one line, whatever they are.
    pub(crate) is_json: bool,
    /// Otherwise U+FFFD stands where bytes were that are no UTF-8.
    pub(crate) is_utf8: bool,
}

/// Lines end and are indented down to this depth; what is nested deeper stays in its line,
/// so that no record grows out of proportion.
const DEEPEST_INDENT: usize = 24;
const INDENT: &str = "  ";

/// `bytes` as plain text in this layout.
pub(crate) fn record_text(bytes: &[u8], layout: Layout) -> RecordText {
    let text = String::from_utf8_lossy(bytes);
    let is_utf8 = matches!(text, std::borrow::Cow::Borrowed(_));
    let is_json = JsonText::parse(&text).is_ok();
    let text = if is_json {
        laid_out(&text, layout)
    } else {
        plain(&text).into_owned()
    };
    RecordText {
        text,
        is_json,
        is_utf8,
    }
}

/// `json`, which must be one well-formed value, with new white space.
fn laid_out(json: &str, layout: Layout) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let (string, after) = rest.split_at(string_end(rest));
            out.push_str(&plain_in_json(string));
            rest = after;
            continue;
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
        let line = |out: &mut String, depth: usize| {
            if layout == Layout::Pretty && depth <= DEEPEST_INDENT {
                out.push('\n');
                out.push_str(&INDENT.repeat(depth));
            }
        };
        match first {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                out.push(first);
                rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
                match rest.strip_prefix(['}', ']']) {
                    Some(after) => {
                        out.push(if first == '{' { '}' } else { ']' });
                        rest = after;
                    }
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                // The line ends before the bracket if one began after its partner.
                let ends_line = depth <= DEEPEST_INDENT;
                depth = depth.saturating_sub(1);
                if ends_line {
                    line(&mut out, depth);
                }
                out.push(first);
            }
            ',' => {
                out.push(first);
                line(&mut out, depth);
            }
            ':' if layout == Layout::Pretty => out.push_str(": "),
            _ => out.push(first),
        }
    }
    out
}

/// Where the string that `text` begins with ends, its quotes among it.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn pretty(bytes: &[u8]) -> RecordText {
        record_text(bytes, Layout::Pretty)
    }

    fn json(text: &str) -> RecordText {
        RecordText {
            text: text.to_owned(),
            is_json: true,
            is_utf8: true,
        }
    }

    #[test]
    fn ok_laid_out_with_nothing_converted() {
        let record = br#" { "b":1.10, "a":[ ], "b":{"x":[1,-2e400,"q\"}"]},"n":123456789012345678901234567890 ,"e":{} } "#;
        let expected = r#"{
  "b": 1.10,
  "a": [],
  "b": {
    "x": [
      1,
      -2e400,
      "q\"}"
    ]
  },
  "n": 123456789012345678901234567890,
  "e": {}
}"#;
        assert_eq!(pretty(record), json(expected));
        assert_eq!(
            record_text(record, Layout::OneLine),
            json(
                r#"{"b":1.10,"a":[],"b":{"x":[1,-2e400,"q\"}"]},"n":123456789012345678901234567890,"e":{}}"#
            )
        );
        assert_eq!(pretty(b"null"), json("null"));
        assert_eq!(pretty(b" \"x\""), json("\"x\""));
    }

    #[test]
    fn hostile_characters_are_escaped_and_escapes_stay() {
        let record = "{\"a\u{202e}\":\"\u{7f}\u{9b}31m\u{e0041}\\u001b[2J\\ud800 é中\"}";
        let expected = "{\"a\\u202e\":\"\\u007f\\u009b31m\\udb40\\udc41\\u001b[2J\\ud800 é中\"}";
        assert_eq!(
            record_text(record.as_bytes(), Layout::OneLine),
            json(expected)
        );
    }

    #[test]
    fn what_is_no_json_is_shown_as_it_stands() {
        for (bytes, text, is_utf8) in [
            (
                &b"{\"a\":\n\x1b[2J tru}"[..],
                "{\"a\":\\u{a}\\u{1b}[2J tru}",
                true,
            ),
            (b"{\"a\":\"\xff\",}", "{\"a\":\"\u{fffd}\",}", false),
            (b"", "", true),
        ] {
            let expected = RecordText {
                text: text.to_owned(),
                is_json: false,
                is_utf8,
            };
            assert_eq!(pretty(bytes), expected);
        }
        let lossy = pretty(b"[\"\xff\"]");
        assert_eq!((lossy.is_json, lossy.is_utf8), (true, false));
        assert_eq!(lossy.text, "[\n  \"\u{fffd}\"\n]");
    }

    #[test]
    fn depth_does_not_multiply() {
        let nested = format!("{}1,{{}}{}", "[".repeat(100_000), "]".repeat(100_000));
        let shown = pretty(nested.as_bytes());
        assert!(shown.is_json);
        assert!(shown.text.len() < 3 * nested.len(), "{}", shown.text.len());
        let bare: String = shown.text.split_whitespace().collect();
        assert_eq!(bare, nested);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*|[{}\\[\\],:\"\\\\\u{0}-\u{1f}\u{7f}-\u{9f}\u{202e}]*".prop_map(Value::from),
        ];
        leaf.prop_recursive(30, 64, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(".{0,3}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_layouts_say_the_same(value in any_json(), indented in any::<bool>()) {
            let record = if indented {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let line = record_text(record.as_bytes(), Layout::OneLine).text;
            let pretty = pretty(record.as_bytes()).text;
            prop_assert!(!line.contains('\n'));
            for text in [&line, &pretty] {
                prop_assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), &value);
                prop_assert!(text.lines().all(|line| plain(line) == line));
            }
        }

        #[test]
        fn nothing_but_plain_text_comes_out(bytes in any::<Vec<u8>>()) {
            let shown = pretty(&bytes).text;
            prop_assert!(shown.lines().all(|line| plain(line) == line));
        }
    }
}
