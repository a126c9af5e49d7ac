//! The fast path against a full parse: a record is what the slow and simple oracle of the tests
//! says it is.

use redtrail_model::JsonText;

use serde_json::value::RawValue;

use super::SELECTOR;

#[path = "../../crates/redtrail-core/tests/support/oracle.rs"]
mod oracle;

/// Deeper than that the oracle's parser does not go.
const MAX_DEPTH: usize = 100;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let json = text.trim_matches([' ', '\t', '\r', '\n']);
    let is_json = serde_json::from_str::<&RawValue>(json).is_ok();
    assert_eq!(JsonText::parse(json).is_ok(), is_json, "{json}");
    let opened = json.bytes().filter(|byte| matches!(byte, b'[' | b'{'));
    if !is_json || opened.count() > MAX_DEPTH || has_great_number(json) {
        return;
    }
    let found = SELECTOR.judge(json.as_bytes());
    assert_eq!(found, oracle::judge(json), "{json}");
}

/// The oracle's parser refuses numbers past 64 bits of floating point.
fn has_great_number(json: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(&json.replace("\\u", "_")).is_err()
}
