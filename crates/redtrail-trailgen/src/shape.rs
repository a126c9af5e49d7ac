//! Records that are legal but not written as CloudTrail usually writes them: whoever
//! looks for Redshift's events by anything less than JSON's rules gets these wrong.

use std::borrow::Cow;

use crate::{
    dice::Dice,
    event::{Event, Record, Stamped},
    json::{Json, object, write_escaped, write_number, write_text, write_unit},
    place::Place,
};

/// A way in which a record is hard to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HardShape {
    /// White space between tokens.
    WhiteSpace,
    /// Members of every object in any order.
    ShuffledKeys,
    /// Letters of keys and values written as escapes.
    Escapes,
    /// `eventSource`, `invokedBy` and `accountId` nested where they mean nothing.
    NestedDecoys,
    /// 256 KB, the largest that CloudTrail writes.
    Huge,
    /// Half of a surrogate pair in the user agent.
    LoneSurrogate,
    /// A source or caller that only looks like Redshift. Family events are left alone.
    LookAlike,
}

impl HardShape {
    pub const ALL: [Self; 7] = [
        Self::WhiteSpace,
        Self::ShuffledKeys,
        Self::Escapes,
        Self::NestedDecoys,
        Self::Huge,
        Self::LoneSurrogate,
        Self::LookAlike,
    ];
}

/// CloudTrail's limit for one event.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
const MAX_RECORD_BYTES: usize = 256 * 1024;

/// Sources that are not Redshift's, however much they look it.
const LOOK_ALIKES: [&str; 9] = [
    "redshift.amazonaws.com.evil.example",
    "evil-redshift.amazonaws.com",
    "redshift-data.amazonaws.com.",
    "redshift.amazonaws.co",
    "redshift-serverless.amazonaws.com/",
    // Cyrillic letters: U+0455, U+0456, U+0430.
    "red\u{455}hift.amazonaws.com",
    "redsh\u{456}ft.amazonaws.com",
    "sqlworkbench.\u{430}mazonaws.com",
    "redshift\u{200b}.amazonaws.com",
];

/// User agents with halves of surrogate pairs, as they stand in the file.
pub(crate) const LONE_SURROGATES: [&str; 4] = [
    r"tool/1.0 \ud83d",
    r"\udc00 tool/1.0",
    r"a\uD800b \udfff\ud800",
    r"\ud800\u0041",
];

/// The event as a record of these shapes.
pub(crate) fn hard_record(
    event: Event,
    shapes: &[HardShape],
    stamp: impl FnOnce(Event, &mut Dice) -> Stamped,
    place: &Place,
    dice: &mut Dice,
) -> Record {
    let has = |shape| shapes.contains(&shape);
    let mut event = event;
    if has(HardShape::LoneSurrogate) {
        event.user_agent = Some(Json::Escaped(dice.pick(&LONE_SURROGATES)));
    }
    let mut stamped = stamp(event, dice);
    if has(HardShape::LookAlike) && stamped.truth.is_none() {
        look_alike(&mut stamped.json, dice);
    }
    if has(HardShape::NestedDecoys) {
        add_decoys(&mut stamped.json, place, dice);
    }
    if has(HardShape::Huge) {
        grow(&mut stamped.json);
    }
    if has(HardShape::ShuffledKeys) {
        shuffle(&mut stamped.json, dice);
    }
    let mut writer = Writer {
        spaces: has(HardShape::WhiteSpace),
        escapes: has(HardShape::Escapes),
        dice,
    };
    let mut json = String::new();
    writer.value(&stamped.json, &mut json);
    Record {
        json,
        truth: stamped.truth,
    }
}

fn look_alike(json: &mut Json, dice: &mut Dice) {
    let name = Json::from(dice.pick(&LOOK_ALIKES));
    let identity = json.member_mut("userIdentity");
    match identity.and_then(|identity| identity.member_mut("invokedBy")) {
        Some(invoked_by) => *invoked_by = name,
        None => {
            if let Some(source) = json.member_mut("eventSource") {
                *source = name;
            }
        }
    }
}

/// Puts the words that decide into places where they must not.
fn add_decoys(json: &mut Json, place: &Place, dice: &mut Dice) {
    let account = place.redshift_account().unwrap_or("368064434614");
    let source = dice.pick(&[
        "redshift.amazonaws.com",
        "kms.amazonaws.com",
        "s3.amazonaws.com",
    ]);
    let decoy = object! {
        "eventSource": source,
        "accountId": account,
        "userIdentity": object! {
            "accountId": account,
            "invokedBy": "redshift.amazonaws.com",
            "sessionContext": object! {"sessionIssuer": object! {"accountId": account}},
        },
        "Records": vec![object! {"eventSource": "redshift-data.amazonaws.com"}],
        "text": r#""eventSource":"redshift.amazonaws.com"}]},{"eventSource" : "redshift.amazonaws.com" \"#,
        "eventSource\":\"redshift.amazonaws.com": "}",
    };
    if let Some(request) = json.member_mut("requestParameters") {
        match request {
            Json::Object(members) => members.push((Cow::Borrowed("filter"), decoy)),
            _ => *request = object! {"filter": decoy},
        }
    }
}

/// Fills the record up to the limit with text full of quotes and brackets.
fn grow(json: &mut Json) {
    const LINE: &str = "{\"Sid\":\"a\\b\",\"Resource\":[\"*\"]},\n";
    let missing = MAX_RECORD_BYTES.saturating_sub(json.to_compact().len() + 100);
    let mut line = String::new();
    write_text(LINE, &mut line);
    let text = LINE.repeat(missing / (line.len() - 2));
    if let Some(request) = json.member_mut("requestParameters") {
        match request {
            Json::Object(members) => members.push((Cow::Borrowed("policy"), text.into())),
            _ => *request = object! {"policy": text},
        }
    }
}

fn shuffle(json: &mut Json, dice: &mut Dice) {
    match json {
        Json::Object(members) => {
            dice.shuffle(members);
            for (_, value) in members {
                shuffle(value, dice);
            }
        }
        Json::List(items) => items.iter_mut().for_each(|item| shuffle(item, dice)),
        _ => {}
    }
}

/// White space of JSON's four kinds, often none.
pub(crate) fn white_space(dice: &mut Dice, out: &mut String) {
    if dice.chance(0.6) {
        out.push_str(dice.pick(&[" ", "\n", "\t", "\r\n", "  ", "\n    "]));
    }
}

struct Writer<'a> {
    spaces: bool,
    escapes: bool,
    dice: &'a mut Dice,
}

impl Writer<'_> {
    fn value(&mut self, json: &Json, out: &mut String) {
        match json {
            Json::Text(text) => self.text(text, out),
            Json::Escaped(inside) => write_escaped(inside, out),
            Json::Number(number) => write_number(*number, out),
            Json::Null | Json::Bool(_) => json.write_compact(out),
            Json::List(items) => {
                self.token('[', out);
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.token(',', out);
                    }
                    self.value(item, out);
                }
                self.token(']', out);
            }
            Json::Object(members) => {
                self.token('{', out);
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        self.token(',', out);
                    }
                    self.text(key, out);
                    self.token(':', out);
                    self.value(value, out);
                }
                self.token('}', out);
            }
        }
    }

    fn token(&mut self, token: char, out: &mut String) {
        if self.spaces {
            white_space(self.dice, out);
        }
        out.push(token);
        if self.spaces {
            white_space(self.dice, out);
        }
    }

    fn text(&mut self, text: &str, out: &mut String) {
        if !self.escapes || self.dice.chance(0.4) {
            return write_text(text, out);
        }
        out.push('"');
        let mut units = [0; 2];
        for letter in text.chars() {
            let must = matches!(letter, '"' | '\\' | '\u{0}'..='\u{1f}');
            if letter == '/' {
                out.push_str(r"\/");
            } else if must || self.dice.chance(0.15) {
                for unit in letter.encode_utf16(&mut units) {
                    write_unit(*unit, out);
                }
            } else {
                out.push(letter);
            }
        }
        out.push('"');
    }
}
