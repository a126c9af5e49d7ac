//! JSON read as loosely as CloudTrail's free-form members need. One pass proves a text
//! well-formed and notes where its values stand; nothing is converted before it is asked
//! for, so a number of forty digits, a lone surrogate or a depth of a million costs nobody
//! but the one who asks for that value.

use std::{borrow::Cow, fmt};

use fearless_simd::{Simd, dispatch, prelude::*, u8x32};
use serde::de::{Deserialize, Deserializer, Visitor};

use crate::vectors;

/// One well-formed JSON text, and where its values stand: sixteen bytes for each.
#[derive(Clone, Debug)]
pub struct JsonText<'a> {
    text: &'a str,
    values: Vec<Value>,
    has_escapes: bool,
}

/// The text is not exactly one JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Up to which byte it could be one.
    pub at: usize,
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no JSON from byte {} on", self.at)
    }
}

impl std::error::Error for NotJson {}

/// Where a value stands, or a member's name.
#[derive(Clone, Copy, Debug)]
struct Value {
    kind: Kind,
    start: u32,
    end: u32,
    /// How many values stand inside, names among them: those that follow it.
    inside: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    /// A string without a backslash.
    Plain,
    /// A string with one.
    Escaped,
    Number,
    Boolean,
    Null,
}

impl<'a> JsonText<'a> {
    /// The value `text` holds, of less than 4 GiB.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, NotJson> {
        let mut scan = Scan {
            bytes: text.as_bytes(),
            at: 0,
            // A record has one in a dozen bytes.
            values: Vec::with_capacity(text.len() / 10 + 4),
            has_escapes: false,
        };
        match dispatch!(vectors::level(), simd => scan.text(simd)) {
            Some(()) => Ok(Self {
                text,
                values: scan.values,
                has_escapes: scan.has_escapes,
            }),
            None => Err(NotJson {
                at: scan.at.min(text.len()),
            }),
        }
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
        let stands = |value: &Value| {
            let end = (value.end as usize).checked_sub(margin)?;
            self.within.text.get(value.start as usize + margin..end)
        };
        self.value().and_then(stands).unwrap_or_default()
    }

    #[inline]
    fn value(self) -> Option<&'a Value> {
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

    /// The object's member of that name, the last one where it stands twice; `None`
    /// when it is absent or null.
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        self.member(name, |text| text == name)
    }

    /// [`get`](Self::get), whatever the case of the name's ASCII letters.
    pub fn get_in_any_case(self, name: &str) -> Option<Json<'a>> {
        self.member(name, |text| text.eq_ignore_ascii_case(name))
    }

    /// The last member whose name `is_named` takes, which is as long as `name`.
    #[inline]
    fn member(self, name: &str, is_named: impl Fn(&str) -> bool) -> Option<Json<'a>> {
        let mut inside = self.inside(Kind::Object);
        let mut found = None;
        while let Some((key, value)) = inside.next().zip(inside.next()) {
            let is_key = match key.value() {
                Some(Value {
                    kind: Kind::Plain,
                    start,
                    end,
                    ..
                }) => (end - start) as usize == name.len() + 2 && is_named(key.between(1)),
                _ => key.string().is_some_and(|text| is_named(&text)),
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

/// The way through a text, without a step down: depth costs nothing.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    has_escapes: bool,
}

/// How many bytes of a string are looked at at a time.
const BLOCK: usize = 32;
/// Where there is no value around.
const NOTHING: u32 = u32::MAX;

/// Each step answers nothing where the text is no JSON.
/// <https://www.rfc-editor.org/rfc/rfc8259>
impl Scan<'_> {
    #[inline(always)]
    fn text<S: Simd>(&mut self, simd: S) -> Option<()> {
        u32::try_from(self.bytes.len()).ok()?;
        // An object or array that is still open has in `inside` the place of the one around it.
        let mut around = NOTHING;
        loop {
            self.skip_space();
            let start = self.at;
            let kind = match self.next()? {
                b'"' => self.string(simd)?,
                b'{' => Kind::Object,
                b'[' => Kind::Array,
                b't' => self.word(b"true", Kind::Boolean)?,
                b'f' => self.word(b"false", Kind::Boolean)?,
                b'n' => self.word(b"null", Kind::Null)?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => return None,
            };
            let place = self.values.len() as u32;
            self.push(kind, start, around);
            if let Kind::Object | Kind::Array = kind {
                self.at += 1;
                self.skip_space();
                around = place;
                if self.next()? != closing(kind) {
                    if kind == Kind::Object {
                        self.name(simd)?;
                    }
                    continue;
                }
            } else if let Some(value) = self.values.last_mut() {
                value.inside = 0;
            }
            // A value has ended, or an empty one is about to.
            loop {
                self.skip_space();
                let Some(open) = self.values.get(around as usize).copied() else {
                    return (self.at == self.bytes.len()).then_some(());
                };
                let byte = self.next()?;
                self.at += 1;
                if byte == b',' {
                    if open.kind == Kind::Object {
                        self.skip_space();
                        self.name(simd)?;
                    }
                    break;
                }
                if byte != closing(open.kind) {
                    return None;
                }
                self.close(around);
                around = open.inside;
            }
        }
    }

    #[inline(always)]
    fn push(&mut self, kind: Kind, start: usize, inside: u32) {
        self.values.push(Value {
            kind,
            start: start as u32,
            end: self.at as u32,
            inside,
        });
    }

    #[inline(always)]
    fn close(&mut self, place: u32) {
        let count = self.values.len() as u32;
        if let Some(value) = self.values.get_mut(place as usize) {
            value.end = self.at as u32;
            value.inside = count - place - 1;
        }
    }

    /// A member's name and its colon.
    #[inline(always)]
    fn name<S: Simd>(&mut self, simd: S) -> Option<()> {
        let start = self.at;
        if self.next()? != b'"' {
            return None;
        }
        let kind = self.string(simd)?;
        self.push(kind, start, 0);
        self.skip_space();
        let is_colon = self.next()? == b':';
        self.at += 1;
        is_colon.then_some(())
    }

    #[inline(always)]
    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.next() {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<Kind> {
        let stands = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        stands.then_some(kind)
    }

    fn number(&mut self) -> Option<Kind> {
        self.at += usize::from(self.next() == Some(b'-'));
        let is_zero = self.next() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || is_zero && whole > 1 {
            return None;
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            (self.digits() > 0).then_some(())?;
        }
        if let Some(b'e' | b'E') = self.next() {
            self.at += 1;
            self.at += usize::from(matches!(self.next(), Some(b'+' | b'-')));
            (self.digits() > 0).then_some(())?;
        }
        Some(Kind::Number)
    }

    /// How many digits follow.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.next() {
            self.at += 1;
        }
        self.at - start
    }

    /// From one quote to behind the other.
    #[inline(always)]
    fn string<S: Simd>(&mut self, simd: S) -> Option<Kind> {
        let mut kind = Kind::Plain;
        self.at += 1;
        loop {
            while let Some(block) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
                let block: &[u8; BLOCK] = block;
                let text = u8x32::from_slice(simd, block);
                let ends = text.simd_eq(b'"') | text.simd_eq(b'\\') | text.simd_lt(b' ');
                let ends = ends.to_bitmask();
                if ends != 0 {
                    self.at += ends.trailing_zeros() as usize;
                    break;
                }
                self.at += BLOCK;
            }
            match self.next()? {
                b'"' => {
                    self.at += 1;
                    return Some(kind);
                }
                b'\\' => {
                    kind = Kind::Escaped;
                    self.has_escapes = true;
                    self.escape()?;
                }
                0..=0x1f => return None,
                // Fewer than a block are left.
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let escape = self.bytes.get(self.at..)?;
        let (length, digits) = match escape.get(1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => (2, &[][..]),
            b'u' => (6, escape.get(2..6)?),
            _ => return None,
        };
        self.at += length;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())
    }
}

fn closing(kind: Kind) -> u8 {
    if kind == Kind::Object { b'}' } else { b']' }
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
