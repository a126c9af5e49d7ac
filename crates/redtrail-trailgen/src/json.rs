//! JSON as a tree that keeps the order of its members, so that a record can be written
//! with CloudTrail's keys in CloudTrail's order, or bent out of that shape on purpose.

use std::{borrow::Cow, fmt::Write};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(Cow<'static, str>),
    /// A string's inside as it shall stand in the file, escapes included.
    Escaped(&'static str),
    List(Vec<Json>),
    Object(Vec<Member>),
}

pub(crate) type Member = (Cow<'static, str>, Json);

/// An object written as `object! { "key": value }`.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![
            $((std::borrow::Cow::Borrowed($key), $crate::json::Json::from($value))),*
        ])
    };
}
pub(crate) use object;

impl Json {
    /// The value as compact text, as CloudTrail writes it.
    pub(crate) fn write_compact(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => write_number(*number, out),
            Self::Text(text) => write_text(text, out),
            Self::Escaped(inside) => write_escaped(inside, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write_compact(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write_compact(out);
                }
                out.push('}');
            }
        }
    }

    pub(crate) fn to_compact(&self) -> String {
        let mut out = String::with_capacity(1536);
        self.write_compact(&mut out);
        out
    }

    /// Adds a member to an object; anything else stays as it is.
    pub(crate) fn push(&mut self, key: &'static str, value: impl Into<Json>) {
        if let Self::Object(members) = self {
            members.push((Cow::Borrowed(key), value.into()));
        }
    }

    /// The object's member of that name.
    pub(crate) fn member_mut(&mut self, name: &str) -> Option<&mut Json> {
        match self {
            Self::Object(members) => members
                .iter_mut()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

pub(crate) fn write_number(number: i64, out: &mut String) {
    write!(out, "{number}").expect("writing to a String never fails");
}

pub(crate) fn write_escaped(inside: &str, out: &mut String) {
    out.push('"');
    out.push_str(inside);
    out.push('"');
}

/// A string in quotes, with the escapes JSON asks for and no others.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    if text
        .bytes()
        .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
    {
        out.push_str(text);
    } else {
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\u{0}'..='\u{1f}' => write_unit(u16::from(letter as u8), out),
                _ => out.push(letter),
            }
        }
    }
    out.push('"');
}

/// One UTF-16 unit as `\uXXXX`.
pub(crate) fn write_unit(unit: u16, out: &mut String) {
    write!(out, "\\u{unit:04x}").expect("writing to a String never fails");
}

impl From<&'static str> for Json {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Self::Text(Cow::Owned(text.clone()))
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::List(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_text_survives_a_json_reader() {
        for text in [
            "",
            "plain",
            "quote \" and \\",
            "\n\t\u{1}\u{1f}",
            "é😀",
            "/",
        ] {
            let mut out = String::new();
            write_text(text, &mut out);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn ok_members_keep_their_order() {
        let mut json = object! {"b": 1_i64, "a": vec![Json::Null, true.into()]};
        json.push("0", "z");
        assert_eq!(json.to_compact(), r#"{"b":1,"a":[null,true],"0":"z"}"#);
    }
}
