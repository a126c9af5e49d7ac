//! JSON read as loosely as CloudTrail's free-form members need. One pass proves a text
//! well-formed and notes where its values stand; nothing is converted before it is asked
//! for, so a number of forty digits or a lone surrogate costs nobody but the one who asks
//! for that value, and depth takes no stack.

mod scan;

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Visitor};

use scan::{Kind, Value};

/// One well-formed JSON text, and where its values stand.
#[derive(Clone, Debug)]
pub struct JsonText<'a> {
    text: &'a str,
    index: JsonIndex,
}

/// Where the values of one text after another stand, twenty-four bytes for each.
#[derive(Clone, Debug, Default)]
pub struct JsonIndex {
    values: Vec<Value>,
}

/// The value that a text is.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    pub root: Json<'a>,
    /// A backslash stands in the text.
    pub has_escapes: bool,
}

/// So many a usual record has at most.
const KEPT_VALUES: usize = 1 << 14;

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
        let mut index = JsonIndex::default();
        index.parse(text)?;
        Ok(Self { text, index })
    }

    /// The value that the text is.
    pub fn root(&self) -> Json<'_> {
        Json {
            text: self.text,
            values: &self.index.values,
        }
    }
}

impl JsonIndex {
    /// The value `text` holds, as [`JsonText::parse`] finds it.
    ///
    /// # Errors
    /// When `text` is not exactly one JSON value.
    pub fn parse<'a>(&'a mut self, text: &'a str) -> Result<Parsed<'a>, NotJson> {
        let has_escapes = scan::scan(text, &mut self.values).ok_or(NotJson)?;
        let values = &self.values;
        Ok(Parsed {
            root: Json { text, values },
            has_escapes,
        })
    }

    /// Gives back what a text of many values took, and keeps the memory that most texts need.
    pub fn let_go(&mut self) {
        if self.values.capacity() > KEPT_VALUES {
            self.values = Vec::new();
        }
    }
}

/// One JSON value, still as text. Every question gives `None` or nothing when the value
/// is of another kind; none fails.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    text: &'a str,
    /// Itself, those inside it, and whatever follows.
    values: &'a [Value],
}

impl<'a> Json<'a> {
    /// A null.
    pub const NULL: Json<'static> = Json {
        text: "",
        values: &[],
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
            self.text.get(value.start as usize + margin..end)
        };
        self.values.first().and_then(stands).unwrap_or_default()
    }

    #[inline]
    fn kind(self) -> Kind {
        self.values.first().map_or(Kind::Null, |value| value.kind)
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
            Kind::Escaped => unescaped(self.as_json()),
            _ => None,
        }
    }

    /// A string's text, or a number or boolean as it is written; `None` for null,
    /// objects and arrays.
    #[inline(always)]
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Plain => Some(Cow::Borrowed(self.between(1))),
            Kind::Escaped => unescaped(self.as_json()),
            Kind::Number | Kind::Boolean => Some(Cow::Borrowed(self.as_json())),
            Kind::Object | Kind::Array | Kind::Null => None,
        }
    }

    /// A scalar's text; `None` also when it is empty, which says nothing.
    #[inline(always)]
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

    /// An object's members in their order, null ones left out. A name is UTF-8; as bytes it takes
    /// no look at where its characters begin.
    #[inline]
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, [u8]>, Json<'a>)> + use<'a> {
        Members(self.inside(Kind::Object))
    }

    /// An array's elements in their order, null ones left out.
    #[inline]
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> + use<'a> {
        self.inside(Kind::Array)
    }

    /// The object's member of that name, an ASCII one, the last one where it stands twice;
    /// `None` when it is absent or null.
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        self.member(name, |bytes, wanted| bytes == wanted)
    }

    /// [`get`](Self::get), whatever the case of the ASCII name's letters.
    pub fn get_in_any_case(self, name: &str) -> Option<Json<'a>> {
        // Nearly all are written as they are asked for, which is told sooner.
        self.member(name, |bytes, wanted| {
            bytes == wanted || bytes.eq_ignore_ascii_case(wanted)
        })
    }

    #[inline]
    fn member(self, name: &str, is_same: fn(&[u8], &[u8]) -> bool) -> Option<Json<'a>> {
        let mut found = None;
        for member in self.inside(Kind::Object) {
            if member.may_be_named(name) && member.is_named(name, is_same) {
                found = Some(member);
            }
        }
        found
    }

    /// What the lengths of both names tell, without a look at them.
    #[inline]
    fn may_be_named(self, name: &str) -> bool {
        self.values.first().is_some_and(|value| {
            value.has_escaped_name
                || value.name_start as usize + name.len() == value.name_end as usize
        })
    }

    #[inline]
    fn is_named(self, name: &str, is_same: fn(&[u8], &[u8]) -> bool) -> bool {
        match self.written_name() {
            Some((written, true)) => spells(written, name, is_same),
            Some((written, false)) => is_same(written, name.as_bytes()),
            None => false,
        }
    }

    /// Its name in its object.
    #[inline]
    fn name(self) -> Option<Cow<'a, [u8]>> {
        let (written, has_escapes) = self.written_name()?;
        if has_escapes {
            return spelled(written).map(Cow::Owned);
        }
        Some(Cow::Borrowed(written))
    }

    /// Its name in its object as it is written there, and whether a backslash stands in it.
    #[inline]
    fn written_name(self) -> Option<(&'a [u8], bool)> {
        let value = self.values.first()?;
        let name = value.name_start as usize..value.name_end as usize;
        let written = self.text.as_bytes().get(name)?;
        Some((written, value.has_escaped_name))
    }

    /// What stands next below, where this is of that kind.
    #[inline]
    fn inside(self, kind: Kind) -> Inside<'a> {
        let inside = match self.values.split_first() {
            Some((value, behind)) if value.kind == kind => behind.get(..value.inside as usize),
            _ => None,
        };
        Inside {
            text: self.text,
            values: inside.unwrap_or_default(),
        }
    }
}

/// The text of a string, with its quotes.
#[cold]
fn unescaped(json: &str) -> Option<Cow<'static, str>> {
    let lossy: LossyText = serde_json::from_str(json).ok()?;
    Some(Cow::Owned(lossy.0.into_owned()))
}

/// The text that a name with escapes spells.
#[cold]
fn spelled(written: &[u8]) -> Option<Vec<u8>> {
    let quoted = [b"\"", written, b"\""].concat();
    let text = unescaped(str::from_utf8(&quoted).ok()?)?;
    Some(text.into_owned().into_bytes())
}

/// Whether a string with escapes spells `name`. Nothing is made of it: somebody may write
/// many such names, and each is looked at often.
#[cold]
fn spells(written: &[u8], name: &str, is_same: fn(&[u8], &[u8]) -> bool) -> bool {
    let mut rest = written;
    let mut next = || {
        let (byte, behind) = rest.split_first()?;
        let (byte, behind) = match (byte, behind) {
            (b'\\', [b'u', behind @ ..]) => {
                let (digits, behind) = behind.split_at_checked(4)?;
                let digits = str::from_utf8(digits).ok()?;
                let byte = u8::from_str_radix(digits, 16).ok();
                (byte.filter(u8::is_ascii)?, behind)
            }
            (b'\\', [escape, behind @ ..]) => {
                let byte = match escape {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    itself => *itself,
                };
                (byte, behind)
            }
            (byte, behind) => (*byte, behind),
        };
        rest = behind;
        Some(byte)
    };
    let is_spelled = name
        .bytes()
        .all(|wanted| next().is_some_and(|byte| is_same(&[byte], &[wanted])));
    is_spelled && rest.is_empty()
}

/// An object's members.
struct Members<'a>(Inside<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, [u8]>, Json<'a>);

    // As a call of its own it would hand each name and value over in memory.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let value = self.0.next()?;
        Some((value.name()?, value))
    }
}

/// Values side by side, each with those inside it behind it. Null ones are left out.
struct Inside<'a> {
    text: &'a str,
    values: &'a [Value],
}

impl<'a> Iterator for Inside<'a> {
    type Item = Json<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Json<'a>> {
        loop {
            let next = Json {
                text: self.text,
                values: self.values,
            };
            let (value, behind) = self.values.split_first()?;
            self.values = behind.get(value.inside as usize..).unwrap_or_default();
            if value.kind != Kind::Null {
                return Some(next);
            }
        }
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
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::RawValue;

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
            .map(|(name, json)| (str::from_utf8(name).unwrap(), json.as_json()))
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
    fn ok_names_with_escapes_are_read() {
        let text =
            JsonText::parse(r#"{"\u0061":1,"a":2,"a\u0042C":3,"a\/b":4,"\u0430":5}"#).unwrap();
        let json = text.root();
        let get = |name| json.get(name).map(Json::as_json);
        assert_eq!(get("a"), Some("2"));
        assert_eq!(get("aBC"), Some("3"));
        assert_eq!(get("a/b"), Some("4"));
        assert_eq!((get("abc"), get("aB"), get("aBCD")), (None, None, None));
        let in_any_case = |name| json.get_in_any_case(name).map(Json::as_json);
        assert_eq!(in_any_case("AbC"), Some("3"));
        assert_eq!(in_any_case("A"), Some("2"));
        let names: Vec<_> = json.members().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["a", "a", "aBC", "a/b", "\u{430}"].map(str::as_bytes)
        );
    }

    #[test]
    fn err_not_json() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "{}{}",
            "[",
            "[}",
            "{]",
            "[1 2]",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{\"a\" 1}",
            "{a:1}",
            "{1:1}",
            "{'a':1}",
            "NaN",
            "tru",
            "truee",
            "nul",
            "+1",
            "01",
            "-",
            "-a",
            "1.",
            ".1",
            "1e",
            "1e+",
            "0x1",
            "1_0",
            "\"",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\\"",
            "\"a\tb\"",
            "\"\u{1f}\"",
            "\u{feff}1",
            "// 1",
            "\u{a0}1",
        ] {
            assert_eq!(JsonText::parse(text).err(), Some(NotJson), "{text:?}");
        }
    }

    /// However a string lies to the blocks in which it is looked at.
    #[test]
    fn ok_strings_end_at_any_place() {
        for before in 0..140 {
            for behind in [0, 40, 100] {
                let (x, y) = ("x".repeat(before), "y".repeat(behind));
                for (inside, is_json) in [
                    ("", true),
                    (r#"\""#, true),
                    (r"\\", true),
                    (r"\u0041", true),
                    ("\u{e9}", true),
                    ("\u{1f}", false),
                    ("\\a", false),
                ] {
                    let json = format!("{{\"{x}{inside}\":\"{y}\"}}");
                    let text = JsonText::parse(&json);
                    assert_eq!(text.is_ok(), is_json, "{json}");
                    let ends = text.map(|text| {
                        let (name, value) = text.root().members().next().unwrap();
                        (name.len(), value.as_json().len())
                    });
                    let name = serde_json::from_str::<String>(&format!("\"{x}{inside}\""));
                    assert!(
                        ends.is_err() || ends == Ok((name.unwrap().len(), behind + 2)),
                        "{json}"
                    );
                }
            }
        }
    }

    #[test]
    fn ok_what_a_dense_text_took_is_given_back() {
        let mut index = JsonIndex::default();
        let mut kept = |values: usize| {
            let text = format!("[0{}]", ",0".repeat(values));
            assert!(index.parse(&text).is_ok());
            index.let_go();
            index.values.capacity()
        };
        assert!(kept(1000) > 1000);
        assert_eq!(kept(100_000), 0);
        assert!(kept(1000) > 1000);
    }

    /// JSON, and what is nearly JSON.
    fn text() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\\\"\"",
            "\"\\u0063\"",
            "\"\\ud800\"",
            "\"\"",
            "1",
            "-0.5e9",
            "0",
            "1e999",
            "true",
            "false",
            "null",
            " ",
            "\n",
            "\"a\":",
            "{\"a\":1}",
            "[1,\"b\"]",
            "\"",
            "\\",
            "-",
        ]);
        prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
    }

    /// Well-formed, and deep enough.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "1",
            "-0.5e9",
            "true",
            "null",
            "\"\"",
            "\"a b\"",
            "\"\\\"\\\\\"",
            "[]",
            "{ }",
            "\"\u{e9}\"",
        ]);
        let leaf = leaf.prop_map(str::to_owned);
        let name = prop::sample::select(vec!["\"a\"", "\"b\"", "\"\\u0061\"", "\"\""]);
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6)
                    .prop_map(|all| format!("[{}]", all.join(" ,"))),
                prop::collection::vec((name.clone(), inner), 0..6).prop_map(|all| {
                    let members = all
                        .into_iter()
                        .map(|(name, value)| format!("{name}: {value}"));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(",\t"))
                }),
            ]
        })
    }

    /// As serde_json reads it.
    fn check_all(text: &str, found: Json<'_>) {
        assert_eq!(found.as_json(), text);
        if text.starts_with('[') {
            let wanted: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            let wanted = wanted
                .into_iter()
                .map(RawValue::get)
                .filter(|json| *json != "null");
            let found: Vec<_> = found.elements().collect();
            assert_eq!(
                found.iter().map(|json| json.as_json()).collect::<Vec<_>>(),
                wanted.clone().collect::<Vec<_>>()
            );
            for (text, found) in wanted.zip(found) {
                check_all(text, found);
            }
        } else if text.starts_with('{') {
            let wanted: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
            for (name, _) in found.members() {
                let name = str::from_utf8(&name).unwrap();
                assert!(wanted.contains_key(name), "{name}");
            }
            for (name, json) in wanted {
                // serde_json's last one may be a null.
                if json.get() != "null" {
                    let member = found.get(&name).unwrap();
                    check_all(json.get(), member);
                }
            }
        } else if text.starts_with('"') {
            let wanted: String = serde_json::from_str(text).unwrap();
            assert_eq!(found.string().as_deref(), Some(&*wanted));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(2000)
        })]

        #[test]
        fn ok_as_serde_json_judges(text in text()) {
            let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert_eq!(JsonText::parse(&text).is_ok(), is_json, "{}", text);
        }

        /// However a name is written, it is found by what it spells.
        #[test]
        fn ok_names_are_found_by_what_they_spell(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "a", "B", "\\u0061", "\\u0042", "\\u004e", "\\u004E", "N", "\\n", "\\t", "\\\"", "\\\\", "\\/", "/",
                "\\b", "\\u00e9", "\u{e9}", "\\ud83d\\ude00", "\\u0131", "",
            ]), 0..5),
            wanted in "[aBNb/\"\n\t\\\\]{0,4}",
        ) {
            let json = format!("{{\"{}\":1}}", pieces.concat());
            let text = JsonText::parse(&json).unwrap();
            let json = text.root();
            let (spelled, _) = json.members().next().unwrap();
            let spelled = str::from_utf8(&spelled).unwrap();
            prop_assert_eq!(json.get(&wanted).is_some(), spelled == wanted);
            let is_same = spelled.eq_ignore_ascii_case(&wanted);
            prop_assert_eq!(json.get_in_any_case(&wanted).is_some(), is_same);
            if spelled.is_ascii() {
                prop_assert!(json.get(spelled).is_some());
            }
        }

        /// Whatever was read before, or could not be.
        #[test]
        fn ok_as_serde_json_reads(before in text(), json in json()) {
            let mut index = JsonIndex::default();
            let is_json = index.parse(&before).is_ok();
            prop_assert_eq!(is_json, JsonText::parse(&before).is_ok());
            let parsed = index.parse(&json).unwrap();
            prop_assert_eq!(parsed.has_escapes, json.contains('\\'));
            check_all(&json, parsed.root);
        }
    }
}
