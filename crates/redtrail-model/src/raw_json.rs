//! JSON read as loosely as CloudTrail's free-form members need: nothing is converted
//! before it is asked for, so a number of forty digits, a lone surrogate or a depth of
//! a million costs nobody but the one who asks for that value.

use std::{borrow::Cow, fmt};

use memchr::memchr2;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;

/// One JSON value, still as text. Every question gives `None` or nothing when the value
/// is of another kind; none fails.
///
/// The text is well-formed, and so are the values inside: that is proven once, and then
/// they are only told apart.
#[derive(Clone, Copy, Debug)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// The value `text` holds.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let value: &RawValue = serde_json::from_str(text)?;
        Ok(Self(value.get()))
    }

    /// The value as it stands in the record.
    pub fn as_json(self) -> &'a str {
        self.0
    }

    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// A string's text. The bytes of an unpaired surrogate each become U+FFFD.
    pub fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if !inner.contains('\\') {
            return Some(Cow::Borrowed(inner));
        }
        let lossy: LossyText = serde_json::from_str(self.0).ok()?;
        Some(Cow::Owned(lossy.0.into_owned()))
    }

    /// A string's text, or a number or boolean as it is written; `None` for null,
    /// objects and arrays.
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes().first()? {
            b'"' => self.string(),
            b'n' | b'{' | b'[' => None,
            _ => Some(Cow::Borrowed(self.0)),
        }
    }

    /// A scalar's text; `None` also when it is empty, which says nothing.
    pub fn text(self) -> Option<Cow<'a, str>> {
        self.scalar().filter(|text| !text.is_empty())
    }

    /// A boolean, also where it is written as the string `"true"` or `"false"`.
    pub fn boolean(self) -> Option<bool> {
        match self.0 {
            "true" | "\"true\"" => Some(true),
            "false" | "\"false\"" => Some(false),
            _ => None,
        }
    }

    /// An object's members in their order, null ones left out.
    pub fn members(self) -> Vec<(Cow<'a, str>, RawJson<'a>)> {
        let mut inside = Inside(self.0.strip_prefix('{').unwrap_or_default());
        // An event record has about twenty.
        let mut members = Vec::with_capacity(if inside.0.len() > 500 { 24 } else { 4 });
        while let Some(name) = inside.next_value() {
            let Some((name, value)) = name.string().zip(inside.next_value()) else {
                break;
            };
            if value.0 != "null" {
                members.push((name, value));
            }
        }
        members
    }

    /// An array's elements in their order, null ones left out.
    pub fn elements(self) -> Vec<RawJson<'a>> {
        let mut elements = Vec::new();
        let mut inside = Inside(self.0.strip_prefix('[').unwrap_or_default());
        while let Some(value) = inside.next_value() {
            if value.0 != "null" {
                elements.push(value);
            }
        }
        elements
    }

    /// The object's member of that name, the last one where it stands twice; `None`
    /// when it is absent or null.
    pub fn get(self, name: &str) -> Option<RawJson<'a>> {
        self.members()
            .into_iter()
            .rfind(|(key, _)| key == name)
            .map(|(_, value)| value)
    }
}

/// What is left of the inside of an object or array.
struct Inside<'a>(&'a str);

impl<'a> Inside<'a> {
    /// The next value, or the next name: what separates them is passed over.
    fn next_value(&mut self) -> Option<RawJson<'a>> {
        let is_between = |letter| matches!(letter, ' ' | '\t' | '\r' | '\n' | ',' | ':');
        let rest = self.0.trim_start_matches(is_between);
        let bytes = rest.as_bytes();
        let length = match bytes.first()? {
            b'}' | b']' => return None,
            b'"' => string_length(bytes),
            b'{' | b'[' => nested_length(bytes),
            _ => bytes.iter().position(|byte| {
                matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}' | b']')
            })?,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(RawJson(value))
    }
}

/// The length of the string that `bytes` begin with, its quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// The length of the object or array that `bytes` begin with.
fn nested_length(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += string_length(bytes.get(at..).unwrap_or_default());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Text whose unpaired surrogates are replaced: serde_json hands a string asked for as
/// bytes over without refusing them.
struct LossyText<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for LossyText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = LossyText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(LossyText(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(LossyText(Cow::Owned(
                    String::from_utf8_lossy(bytes).into_owned(),
                )))
            }
        }
        deserializer.deserialize_bytes(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_odd_values_cost_nobody_else() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let text =
            format!(r#"{{"deep":{deep},"big":1e999,"lone":"a\ud800b","name":"x","no":null}}"#);
        let json = RawJson::parse(&text).unwrap();
        assert_eq!(
            json.get("name").and_then(RawJson::string).as_deref(),
            Some("x")
        );
        assert_eq!(
            json.get("big").and_then(RawJson::scalar).as_deref(),
            Some("1e999")
        );
        let lone = json.get("lone").and_then(RawJson::string).unwrap();
        assert!(lone.starts_with("a\u{fffd}") && lone.ends_with("\u{fffd}b"));
        assert!(json.get("no").is_none());
        assert!(json.get("name").unwrap().get("x").is_none());
    }

    #[test]
    fn ok_values_are_told_apart() {
        let text = "{ \"a\\\"}\" :[1 , \"]\\\\\", {\"b\":[ ]} ,null,-1e9\n],\"\u{e9}\":{\"c\":\"{\"} , \"e\":\"\",\"f\": true }";
        let json = RawJson::parse(text).unwrap();
        let members = json.members();
        let shown: Vec<_> = members
            .iter()
            .map(|(name, json)| (&**name, json.as_json()))
            .collect();
        assert_eq!(
            shown,
            [
                ("a\"}", "[1 , \"]\\\\\", {\"b\":[ ]} ,null,-1e9\n]"),
                ("\u{e9}", "{\"c\":\"{\"}"),
                ("e", "\"\""),
                ("f", "true"),
            ]
        );
        let elements = json.get("a\"}").unwrap().elements();
        let shown: Vec<_> = elements.iter().map(|json| json.as_json()).collect();
        assert_eq!(shown, ["1", "\"]\\\\\"", "{\"b\":[ ]}", "-1e9"]);
        for other in ["1", "\"{}\"", "null", "{}", "[]", "[ ]"] {
            let json = RawJson::parse(other).unwrap();
            assert!(
                json.members().is_empty() && json.elements().is_empty(),
                "{other}"
            );
        }
    }

    #[test]
    fn ok_keys_with_escapes_are_read() {
        let json = RawJson::parse(r#"{"\u0061":1,"a":2}"#).unwrap();
        assert_eq!(
            json.get("a").and_then(RawJson::scalar).as_deref(),
            Some("2")
        );
        assert_eq!(json.members().len(), 2);
    }
}
