//! The cases of JSONTestSuite, judged by RFC 8259, in each place of a log object in which JSON
//! stands: as the log itself, and as the request parameters of a record.

use super::{
    Case, Expected,
    record::{Of, among_good, record},
};
use crate::gzip;

const SUITE: &str = include_str!("../../data/json-test-suite.tsv");

pub(super) fn cases() -> Vec<Case> {
    let lines = SUITE.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(of_line).collect()
}

/// Name, how often the text is repeated, the text.
fn of_line(line: &'static str) -> [Case; 3] {
    let mut columns = line.splitn(3, '\t');
    let mut column = || columns.next().unwrap_or_default();
    let (name, times, text) = (column(), column(), column());
    // Else it could not name a file of which a reference says what it holds.
    let name = &name.replace('#', "number-sign");
    let times = times.parse().expect("the second column is a number");
    let text = unescaped(text).repeat(times);
    [
        Case::of(
            format!("json-{name}-as-log"),
            gzip(&text),
            as_log(name, &text),
        ),
        Case::of(
            format!("json-{name}-as-parameters"),
            in_record("redshift.amazonaws.com", &text),
            as_parameters(name, &text),
        ),
        Case::of(
            format!("json-{name}-as-other-parameters"),
            in_record("s3.amazonaws.com", &text),
            as_other_parameters(&text),
        ),
    ]
}

/// No case has `Records`: what is JSON lacks them, and what is none is rejected for any reason.
fn as_log(name: &str, text: &[u8]) -> Expected {
    if !name.starts_with("y_") {
        Expected::RejectedSomehow
    } else if text.trim_ascii_start().starts_with(b"{") {
        Expected::Rejected("no_records")
    } else {
        Expected::Rejected("malformed")
    }
}

/// What is JSON is kept; what is none costs its own record, or the object where it leaves open
/// where the record ends.
fn as_parameters(name: &str, text: &[u8]) -> Expected {
    let of = match name.split('_').next() {
        Some("y") => Of::kept(&[]),
        Some("i") => left_to_the_reader(name, text),
        _ => Of::Quarantined("malformed"),
    };
    if is_delimited(text) {
        of.with_neighbours()
    } else {
        Expected::RejectedSomehow
    }
}

/// Numbers keep their text, depth costs nothing, what is no Unicode is replaced and told. Bytes
/// of UTF-16 and marks are no JSON between JSON.
fn left_to_the_reader(name: &str, text: &[u8]) -> Of {
    let no_json = name.contains("UTF-16") || name.contains("utf16") || name.contains("BOM");
    let no_unicode = str::from_utf8(text).is_err() || text.windows(2).any(|two| two == b"\\u");
    match (no_json, no_unicode) {
        (true, _) => Of::Quarantined("malformed"),
        (false, true) => Of::kept(&["invalid_utf8"]),
        (false, false) => Of::kept(&[]),
    }
}

/// Of a record that is not selected only the end matters.
fn as_other_parameters(text: &[u8]) -> Expected {
    if is_delimited(text) {
        Of::NotSelected.with_neighbours()
    } else {
        Expected::RejectedSomehow
    }
}

/// Whether each text in it is closed, and each bracket, of whatever kind.
fn is_delimited(text: &[u8]) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0_i64, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !in_text
}

/// Among good records, one of which these are the request parameters.
fn in_record(source: &str, parameters: &[u8]) -> Vec<u8> {
    let source = format!("\"{source}\"");
    let text = record(&[("eventSource", &source), ("requestParameters", "MARK")]);
    let (before, behind) = text.split_once("MARK").unwrap_or((&text, ""));
    among_good(&[before.as_bytes(), parameters, behind.as_bytes()].concat())
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let (byte, behind) = match (first, behind) {
            (b'\\', [b'x', high, low, behind @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
                let byte = digit(*high) * 16 + digit(*low);
                (byte.try_into().unwrap_or_default(), behind)
            }
            (b'\\', [_, behind @ ..]) => (b'\\', behind),
            _ => (*first, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    bytes
}
