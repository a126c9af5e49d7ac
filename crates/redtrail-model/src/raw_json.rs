//! JSON read as loosely as CloudTrail's free-form members need: nothing is converted
//! before it is asked for, so a number of forty digits, a lone surrogate or a depth of
//! a million costs nobody but the one who asks for that value.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One JSON value, still as text. Every question gives `None` or nothing when the value
/// is of another kind; none fails.
#[derive(Clone, Copy, Debug)]
pub struct RawJson<'a>(&'a RawValue);

impl<'a> RawJson<'a> {
    /// The value `text` holds.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text).map(Self)
    }

    /// The value as it stands in the record.
    pub fn as_json(self) -> &'a str {
        self.0.get()
    }

    pub fn is_object(self) -> bool {
        self.as_json().starts_with('{')
    }

    pub fn is_array(self) -> bool {
        self.as_json().starts_with('[')
    }

    /// A string's text. The bytes of an unpaired surrogate each become U+FFFD.
    pub fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.as_json().strip_prefix('"')?.strip_suffix('"')?;
        if !inner.contains('\\') {
            return Some(Cow::Borrowed(inner));
        }
        let lossy: LossyText = serde_json::from_str(self.as_json()).ok()?;
        Some(Cow::Owned(lossy.0.into_owned()))
    }

    /// A string's text, or a number or boolean as it is written; `None` for null,
    /// objects and arrays.
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.as_json().as_bytes().first()? {
            b'"' => self.string(),
            b'n' | b'{' | b'[' => None,
            _ => Some(Cow::Borrowed(self.as_json())),
        }
    }

    /// A scalar's text; `None` also when it is empty, which says nothing.
    pub fn text(self) -> Option<Cow<'a, str>> {
        self.scalar().filter(|text| !text.is_empty())
    }

    /// A boolean, also where it is written as the string `"true"` or `"false"`.
    pub fn boolean(self) -> Option<bool> {
        match self.as_json() {
            "true" | "\"true\"" => Some(true),
            "false" | "\"false\"" => Some(false),
            _ => None,
        }
    }

    /// An object's members in their order, null ones left out.
    pub fn members(self) -> Vec<(Cow<'a, str>, RawJson<'a>)> {
        if !self.is_object() {
            return Vec::new();
        }
        serde_json::from_str::<Members<'a>>(self.as_json())
            .map_or_else(|_| Vec::new(), |members| members.0)
    }

    /// An array's elements in their order, null ones left out.
    pub fn elements(self) -> Vec<RawJson<'a>> {
        if !self.is_array() {
            return Vec::new();
        }
        serde_json::from_str::<Elements<'a>>(self.as_json())
            .map_or_else(|_| Vec::new(), |elements| elements.0)
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

struct Members<'a>(Vec<(Cow<'a, str>, RawJson<'a>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<LossyText<'de>>()? {
                    let value = map.next_value::<&'de RawValue>()?;
                    if value.get() != "null" {
                        members.push((key.0, RawJson(value)));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

struct Elements<'a>(Vec<RawJson<'a>>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(value) = seq.next_element::<&'de RawValue>()? {
                    if value.get() != "null" {
                        elements.push(RawJson(value));
                    }
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Array)
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
    fn ok_keys_with_escapes_are_read() {
        let json = RawJson::parse(r#"{"\u0061":1,"a":2}"#).unwrap();
        assert_eq!(
            json.get("a").and_then(RawJson::scalar).as_deref(),
            Some("2")
        );
        assert_eq!(json.members().len(), 2);
    }
}
