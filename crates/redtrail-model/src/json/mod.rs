//! JSON read as loosely as CloudTrail's free-form members need. One pass proves a text
//! well-formed and notes where its values stand; nothing is converted before it is asked
//! for, so a number of forty digits or a lone surrogate costs nobody but the one who asks
//! for that value, and depth takes no stack.

mod scan;

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Visitor};

use scan::{Kind, Scan, Span};

/// One well-formed JSON text, and where its values stand: sixteen bytes for each.
#[derive(Clone, Debug)]
pub struct JsonText<'a> {
    text: &'a str,
    values: Vec<Span>,
    has_escapes: bool,
}

/// The text is not exactly one JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson;

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one JSON value")
    }
}

impl std::error::Error for NotJson {}

impl<'a> JsonText<'a> {
    /// The value `text` holds, of less than 4 GiB.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, NotJson> {
        let Scan {
            values,
            has_escapes,
            ..
        } = Scan::through(text).ok_or(NotJson)?;
        Ok(Self {
            text,
            values,
            has_escapes,
        })
    }

    /// Whether a backslash stands in it.
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// The value that the text is.
    pub fn root(&self) -> Json<'_> {
        Json {
            within: self,
            at: 0,
        }
    }
}

/// One JSON value, still as text. Every question gives `None` or nothing when the value
/// is of another kind; none fails.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    within: &'a JsonText<'a>,
    at: usize,
}

impl<'a> Json<'a> {
    /// A null.
    pub const NULL: Json<'static> = Json {
        within: &JsonText {
            text: "",
            values: Vec::new(),
            has_escapes: false,
        },
        at: 0,
    };

    /// The value as it stands in the record.
    #[inline]
    pub fn as_json(self) -> &'a str {
        self.between(0)
    }

    /// What stands within so many bytes of its ends.
    #[inline]
    fn between(self, margin: usize) -> &'a str {
        let stands = |value: &Span| {
            let end = (value.end as usize).checked_sub(margin)?;
            self.within.text.get(value.start as usize + margin..end)
        };
        self.value().and_then(stands).unwrap_or_default()
    }

    #[inline]
    fn value(self) -> Option<&'a Span> {
        self.within.values.get(self.at)
    }

    #[inline]
    fn kind(self) -> Kind {
        self.value().map_or(Kind::Null, |value| value.kind)
    }

    #[inline]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    #[inline]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// A string's text. The bytes of an unpaired surrogate each become U+FFFD.
    #[inline]
    pub fn string(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Plain => Some(Cow::Borrowed(self.between(1))),
            Kind::Escaped => self.unescaped().map(Cow::Owned),
            _ => None,
        }
    }

    #[cold]
    fn unescaped(self) -> Option<String> {
        let lossy: LossyText = serde_json::from_str(self.as_json()).ok()?;
        Some(lossy.0.into_owned())
    }

    /// A string's text, or a number or boolean as it is written; `None` for null,
    /// objects and arrays.
    #[inline]
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Plain | Kind::Escaped => self.string(),
            Kind::Number | Kind::Boolean => Some(Cow::Borrowed(self.as_json())),
            Kind::Object | Kind::Array | Kind::Null => None,
        }
    }

    /// A scalar's text; `None` also when it is empty, which says nothing.
    #[inline]
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
    #[inline]
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Json<'a>)> + use<'a> {
        let mut inside = self.inside(Kind::Object);
        std::iter::from_fn(move || {
            loop {
                let (name, value) = (inside.next()?, inside.next()?);
                if value.kind() != Kind::Null {
                    return Some((name.string()?, value));
                }
            }
        })
    }

    /// An array's elements in their order, null ones left out.
    #[inline]
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> + use<'a> {
        self.inside(Kind::Array)
            .filter(|value| value.kind() != Kind::Null)
    }

    /// The object's member of that name, an ASCII one, the last one where it stands twice;
    /// `None` when it is absent or null.
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        self.member(name, |byte, wanted| byte == wanted)
    }

    /// [`get`](Self::get), whatever the case of the name's letters.
    pub fn get_in_any_case(self, name: &str) -> Option<Json<'a>> {
        self.member(name, |byte, wanted| byte.eq_ignore_ascii_case(&wanted))
    }

    #[inline]
    fn member(self, name: &str, is_same: impl Fn(u8, u8) -> bool + Copy) -> Option<Json<'a>> {
        let mut inside = self.inside(Kind::Object);
        let mut found = None;
        while let Some((key, value)) = inside.next().zip(inside.next()) {
            let written = key.between(1);
            let is_key = match key.kind() {
                Kind::Plain => {
                    let mut pairs = written.bytes().zip(name.bytes());
                    written.len() == name.len() && pairs.all(|(byte, wanted)| is_same(byte, wanted))
                }
                _ => spells(written, name, is_same),
            };
            if is_key && value.kind() != Kind::Null {
                found = Some(value);
            }
        }
        found
    }

    /// What stands next below, where this is of that kind.
    #[inline]
    fn inside(self, kind: Kind) -> Inside<'a> {
        let inside = match self.value() {
            Some(value) if value.kind == kind => value.inside as usize,
            _ => 0,
        };
        Inside {
            within: self.within,
            at: self.at + 1,
            end: self.at + 1 + inside,
        }
    }
}

/// Whether a string with escapes spells `name`. Nothing is made of it: somebody may write
/// many such names, and each is looked at often.
#[cold]
fn spells(written: &str, name: &str, is_same: impl Fn(u8, u8) -> bool) -> bool {
    let mut rest = written.as_bytes();
    let mut next = || {
        let (byte, behind) = rest.split_first()?;
        let (byte, behind) = match (byte, behind) {
            (b'\\', [b'u', behind @ ..]) => {
                let (digits, behind) = behind.split_at_checked(4)?;
                let digits = str::from_utf8(digits).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, behind)
            }
            // Of the others none stands for a letter.
            (b'\\', _) => return None,
            (byte, behind) => (*byte, behind),
        };
        rest = behind;
        Some(byte)
    };
    let is_spelled = name
        .bytes()
        .all(|wanted| next().is_some_and(|byte| is_same(byte, wanted)));
    is_spelled && rest.is_empty()
}

/// Values side by side, each with those inside it behind it.
struct Inside<'a> {
    within: &'a JsonText<'a>,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Inside<'a> {
    type Item = Json<'a>;

    #[inline]
    fn next(&mut self) -> Option<Json<'a>> {
        if self.at >= self.end {
            return None;
        }
        let next = Json {
            within: self.within,
            at: self.at,
        };
        self.at += 1 + next.value()?.inside as usize;
        Some(next)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_odd_values_cost_nobody_else() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let text =
            format!(r#"{{"deep":{deep},"big":1e999,"lone":"a\ud800b","name":"x","no":null}}"#);
        let json = JsonText::parse(&text).unwrap();
        let json = json.root();
        assert_eq!(
            json.get("name").and_then(Json::string).as_deref(),
            Some("x")
        );
        assert_eq!(
            json.get("big").and_then(Json::scalar).as_deref(),
            Some("1e999")
        );
        let lone = json.get("lone").and_then(Json::string).unwrap();
        assert!(lone.starts_with("a\u{fffd}") && lone.ends_with("\u{fffd}b"));
        assert!(json.get("no").is_none());
        assert!(json.get("name").unwrap().get("x").is_none());
    }

    #[test]
    fn ok_values_are_told_apart() {
        let text = "{ \"a\\\"}\" :[1 , \"]\\\\\", {\"b\":[ ]} ,null,-1e9\n],\"\u{e9}\":{\"c\":\"{\"} , \"e\":\"\",\"f\": true }";
        let json = JsonText::parse(text).unwrap();
        let json = json.root();
        let members: Vec<_> = json.members().collect();
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
        let shown: Vec<_> = elements.map(Json::as_json).collect();
        assert_eq!(shown, ["1", "\"]\\\\\"", "{\"b\":[ ]}", "-1e9"]);
        for other in ["1", "\"{}\"", "null", "{}", "[]", "[ ]"] {
            let json = JsonText::parse(other).unwrap();
            let json = json.root();
            assert!(
                json.members().next().is_none() && json.elements().next().is_none(),
                "{other}"
            );
        }
    }

    #[test]
    fn ok_keys_with_escapes_are_read() {
        let json = JsonText::parse(r#"{"\u0061":1,"a":2}"#).unwrap();
        let json = json.root();
        assert_eq!(json.get("a").and_then(Json::scalar).as_deref(), Some("2"));
        assert_eq!(json.members().count(), 2);
    }
}
