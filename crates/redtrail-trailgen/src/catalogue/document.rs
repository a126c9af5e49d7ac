//! What is wrong or odd with the top-level document: one object with one `Records` array.

use super::{
    Case, Counts, Expected, Kept,
    record::{good, record},
};
use crate::gzip;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [odd(), records_amiss(), broken(), behind()]
        .into_iter()
        .flatten()
        .map(|(name, text, expected)| {
            Case::of(format!("document-{name}"), gzip(text.as_bytes()), expected)
        })
        .collect();
    cases.extend(bytes_amiss());
    cases
}

type Row = (&'static str, String, Expected);

fn rejected(name: &'static str, text: &str, reason: &'static str) -> Row {
    (name, filled(text), Expected::Rejected(reason))
}

/// `GOOD` stands for a good event, `FORGED` for one that must never come out.
fn filled(text: &str) -> String {
    text.replace("GOOD", &good("good"))
        .replace("FORGED", &good("forged"))
}

fn read(name: &'static str, text: &str) -> Row {
    let kept = Kept {
        event_id: "good".to_owned(),
        flags: vec![],
    };
    let counts = Counts {
        events: vec![kept],
        ..Counts::default()
    };
    (name, filled(text), Expected::Read(counts))
}

fn odd() -> Vec<Row> {
    let long_key = format!(r#"{{"{}":1,"Records":[GOOD]}}"#, "k".repeat(100_000));
    let many_keys = format!(r#"{{{}"Records":[GOOD]}}"#, r#""k":[0],"#.repeat(50_000));
    let deep = format!(
        r#"{{"x":{}{},"Records":[GOOD]}}"#,
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    let escaped = r#"{"\u0052\u0065\u0063\u006f\u0072\u0064\u0073":[GOOD]}"#;
    let mut rows = vec![
        (
            "no-records-in-it",
            r#"{"Records":[]}"#.to_owned(),
            Expected::Read(Counts::default()),
        ),
        (
            "no-records-but-space",
            "{ \"Records\"\n:\t[\r\n] }".to_owned(),
            Expected::Read(Counts::default()),
        ),
        read("one", r#"{"Records":[GOOD]}"#),
        read(
            "space-everywhere",
            "\r\n{ \"Records\" :\t[ \n GOOD \r] \n}\n\n ",
        ),
        read(
            "members-before",
            r#"{"a":1,"b":null,"c":[{"Records":[FORGED]}],"Records":[GOOD]}"#,
        ),
        read(
            "members-behind",
            r#"{"Records":[GOOD],"a":-1.5e+9,"b":"Records","c":{"Records":[FORGED]}}"#,
        ),
        read(
            "decoys",
            r#"{"records":[FORGED],"RECORDS":[FORGED],"Record":[FORGED],"Records ":[FORGED]," Records":[FORGED],"Records":[GOOD]}"#,
        ),
        read(
            "decoys-nested",
            r#"{"x":{"Records":[FORGED],"y":{"Records":[FORGED]}},"Records":[GOOD]}"#,
        ),
        read(
            "decoy-in-text",
            r#"{"x":"\"Records\":[FORGED]","Records":[GOOD]}"#.replace("FORGED", "1").as_str(),
        ),
        read(
            "decoys-that-look-alike",
            "{\"Rec\u{43e}rds\":[FORGED],\"Records\u{200b}\":[FORGED],\"Records\":[GOOD]}",
        ),
        read(
            "decoy-with-nul",
            r#"{"Records\u0000":[FORGED],"Records":[GOOD]}"#,
        ),
        read("key-escaped", escaped),
        read("key-empty", r#"{"":1,"Records":[GOOD]}"#),
        read("key-half-a-pair", r#"{"\udfaa":1,"Records":[GOOD]}"#),
        read(
            "keys-doubled-beside",
            r#"{"a":1,"a":2,"Records":[GOOD],"a":3}"#,
        ),
    ];
    rows.extend([
        read("key-long", &long_key),
        read("keys-many", &many_keys),
        read("depth-beside", &deep),
        read(
            "number-beside-of-forty-digits",
            &format!(r#"{{"n":{},"Records":[GOOD]}}"#, "1".repeat(40)),
        ),
        read("number-beside-too-great", r#"{"n":1e999,"Records":[GOOD]}"#),
    ]);
    rows
}

fn records_amiss() -> Vec<Row> {
    vec![
        rejected("empty-object", "{}", "no_records"),
        rejected("lower-case", r#"{"records":[FORGED]}"#, "no_records"),
        rejected("only-nested", r#"{"x":{"Records":[FORGED]}}"#, "no_records"),
        rejected("only-in-text", r#"{"x":"Records"}"#, "no_records"),
        rejected("null", r#"{"Records":null}"#, "records_not_an_array"),
        rejected(
            "object",
            r#"{"Records":{"0":FORGED}}"#,
            "records_not_an_array",
        ),
        rejected(
            "one-record",
            r#"{"Records":FORGED}"#,
            "records_not_an_array",
        ),
        rejected("string", r#"{"Records":"[]"}"#, "records_not_an_array"),
        rejected("number", r#"{"Records":0}"#, "records_not_an_array"),
        rejected("true", r#"{"Records":true}"#, "records_not_an_array"),
        rejected("nothing", r#"{"Records":}"#, "records_not_an_array"),
        rejected(
            "doubled",
            r#"{"Records":[GOOD],"Records":[FORGED]}"#,
            "doubled_records",
        ),
        rejected(
            "doubled-empty",
            r#"{"Records":[],"Records":[FORGED]}"#,
            "doubled_records",
        ),
        rejected(
            "doubled-and-null",
            r#"{"Records":[GOOD],"Records":null}"#,
            "doubled_records",
        ),
        rejected(
            "doubled-escaped",
            r#"{"Records":[GOOD],"Record\u0073":[FORGED]}"#,
            "doubled_records",
        ),
        rejected(
            "doubled-far-apart",
            &format!(
                r#"{{"Records":[GOOD],"x":[{}0],"Records":[FORGED]}}"#,
                "0,".repeat(100_000)
            ),
            "doubled_records",
        ),
        rejected("array", "[GOOD]", "malformed"),
        rejected("array-around", r#"[{"Records":[GOOD]}]"#, "malformed"),
        rejected("one-record-alone", "GOOD", "no_records"),
        rejected("lines", "GOOD\nGOOD\n", "trailing_document"),
        rejected(
            "digest",
            r#"{"awsAccountId":"111122223333","logFiles":[]}"#,
            "no_records",
        ),
    ]
}

fn broken() -> Vec<Row> {
    vec![
        rejected("null-alone", "null", "malformed"),
        rejected("text-alone", "\"Records\"", "malformed"),
        rejected("number-alone", "1", "malformed"),
        rejected("comment", r#"{/*c*/"Records":[GOOD]}"#, "malformed"),
        rejected("comment-line", "{//c\n\"Records\":[GOOD]}", "malformed"),
        rejected("comment-hash", "#c\n{\"Records\":[GOOD]}", "malformed"),
        rejected("comment-before", r#"/*c*/{"Records":[GOOD]}"#, "malformed"),
        rejected(
            "comment-behind",
            r#"{"Records":[GOOD]}/*c*/"#,
            "trailing_document",
        ),
        rejected(
            "comment-in-records",
            r#"{"Records":[GOOD]/*c*/}"#,
            "malformed",
        ),
        rejected("nan", r#"{"a":NaN,"Records":[GOOD]}"#, "malformed"),
        rejected(
            "infinity",
            r#"{"a":-Infinity,"Records":[GOOD]}"#,
            "malformed",
        ),
        rejected(
            "undefined",
            r#"{"a":undefined,"Records":[GOOD]}"#,
            "malformed",
        ),
        rejected("leading-zero", r#"{"a":01,"Records":[GOOD]}"#, "malformed"),
        rejected("plus", r#"{"a":+1,"Records":[GOOD]}"#, "malformed"),
        rejected(
            "capital-true",
            r#"{"a":True,"Records":[GOOD]}"#,
            "malformed",
        ),
        rejected("single-quotes", "{'Records':[GOOD]}", "malformed"),
        rejected("no-quotes", "{Records:[GOOD]}", "malformed"),
        rejected(
            "curly-quotes",
            "{\u{201c}Records\u{201d}:[GOOD]}",
            "malformed",
        ),
        rejected("comma-at-the-end", r#"{"Records":[GOOD],}"#, "malformed"),
        rejected(
            "comma-at-the-beginning",
            r#"{,"Records":[GOOD]}"#,
            "malformed",
        ),
        rejected("commas-two", r#"{"a":1,,"Records":[GOOD]}"#, "malformed"),
        rejected("comma-missing", r#"{"a":1 "Records":[GOOD]}"#, "malformed"),
        rejected("colon-missing", r#"{"Records" [GOOD]}"#, "malformed"),
        rejected(
            "colons-two",
            r#"{"Records"::[GOOD]}"#,
            "records_not_an_array",
        ),
        rejected("equals", r#"{"Records"=[GOOD]}"#, "malformed"),
        rejected("value-missing", r#"{"a":,"Records":[GOOD]}"#, "malformed"),
        rejected("key-missing", r#"{:1,"Records":[GOOD]}"#, "malformed"),
        rejected("key-is-a-number", r#"{1:1,"Records":[GOOD]}"#, "malformed"),
        rejected(
            "key-with-bad-escape",
            r#"{"\x":1,"Records":[GOOD]}"#,
            "malformed",
        ),
        rejected(
            "key-with-bad-digits",
            r#"{"\u00g0":1,"Records":[GOOD]}"#,
            "malformed",
        ),
        rejected(
            "key-with-tab",
            "{\"a\tb\":1,\"Records\":[GOOD]}",
            "malformed",
        ),
        rejected(
            "records-comma-at-the-end",
            r#"{"Records":[GOOD,]}"#,
            "malformed",
        ),
        rejected(
            "records-comma-at-the-beginning",
            r#"{"Records":[,GOOD]}"#,
            "malformed",
        ),
        rejected(
            "records-commas-two",
            r#"{"Records":[GOOD,,GOOD]}"#,
            "malformed",
        ),
        rejected(
            "records-comma-missing",
            r#"{"Records":[GOOD GOOD]}"#,
            "malformed",
        ),
        rejected("records-colon", r#"{"Records":[GOOD:GOOD]}"#, "malformed"),
        rejected(
            "records-closed-by-a-brace",
            r#"{"Records":[GOOD}}"#,
            "malformed",
        ),
        rejected(
            "records-closed-twice",
            r#"{"Records":[GOOD]]}"#,
            "malformed",
        ),
        rejected("closed-by-a-bracket", r#"{"Records":[GOOD]]"#, "malformed"),
        rejected("form-feed", "{\u{c}\"Records\":[GOOD]}", "malformed"),
        rejected(
            "space-of-another-kind",
            "{\u{a0}\"Records\":[GOOD]}",
            "malformed",
        ),
        rejected(
            "byte-order-mark-inside",
            "{\u{feff}\"Records\":[GOOD]}",
            "malformed",
        ),
        rejected("nul", "{\0\"Records\":[GOOD]}", "malformed"),
        rejected("not-closed", r#"{"Records":[GOOD]"#, "truncated"),
        rejected("records-not-closed", r#"{"Records":[GOOD"#, "truncated"),
        rejected(
            "record-not-closed",
            r#"{"Records":[GOOD,{"a":1"#,
            "truncated",
        ),
        rejected(
            "text-not-closed",
            r#"{"Records":[GOOD,{"a":"]}"#,
            "truncated",
        ),
        rejected(
            "ends-with-a-backslash",
            r#"{"Records":[GOOD,{"a":"\"#,
            "truncated",
        ),
        rejected("ends-behind-a-comma", r#"{"Records":[GOOD,"#, "truncated"),
        rejected("ends-in-a-key", r#"{"Recor"#, "truncated"),
        rejected("ends-behind-a-key", r#"{"Records""#, "truncated"),
        rejected("ends-behind-a-colon", r#"{"Records":"#, "truncated"),
    ]
}

/// What stands behind the end of the document.
fn behind() -> Vec<Row> {
    vec![
        rejected(
            "and-another",
            r#"{"Records":[GOOD]}{"Records":[FORGED]}"#,
            "trailing_document",
        ),
        rejected(
            "and-another-line",
            "{\"Records\":[GOOD]}\n{\"Records\":[FORGED]}\n",
            "trailing_document",
        ),
        rejected(
            "and-a-record",
            r#"{"Records":[GOOD]},FORGED"#,
            "trailing_document",
        ),
        rejected("and-a-comma", r#"{"Records":[GOOD]},"#, "trailing_document"),
        rejected("and-a-brace", r#"{"Records":[GOOD]}}"#, "trailing_document"),
        rejected("and-null", r#"{"Records":[GOOD]}null"#, "trailing_document"),
        rejected("and-nul", "{\"Records\":[GOOD]}\0", "trailing_document"),
        rejected(
            "and-a-form-feed",
            "{\"Records\":[GOOD]}\u{c}",
            "trailing_document",
        ),
        rejected(
            "and-a-mark",
            "{\"Records\":[GOOD]}\u{feff}",
            "trailing_document",
        ),
        rejected(
            "and-end-of-file",
            "{\"Records\":[GOOD]}\u{1a}",
            "trailing_document",
        ),
    ]
}

/// Documents that are no text.
fn bytes_amiss() -> Vec<Case> {
    let good = good("good");
    let around = |before: &[u8], behind: &[u8]| gzip(&[before, good.as_bytes(), behind].concat());
    let other = record(&[("eventSource", "\"s3.amazonaws.com\"")]);
    let kept = Kept {
        event_id: "good".to_owned(),
        flags: vec![],
    };
    let counts = Counts {
        events: vec![kept],
        ..Counts::default()
    };
    let beside = Expected::Read(counts.clone());
    let not_selected = Expected::Read(Counts {
        not_selected: 1,
        ..counts
    });
    let other = other.replace("aws-cli/2", "\u{fffd}").into_bytes();
    let at = other
        .windows(3)
        .position(|window| window == "\u{fffd}".as_bytes());
    let mut broken = other;
    if let Some(at) = at {
        broken.splice(at..at + 3, [0xff, 0xfe]);
    }
    let in_unselected = [&b"{\"Records\":["[..], &broken, b","].concat();
    vec![
        Case::of(
            "document-key-not-utf-8",
            around(b"{\"\xff\":1,\"Records\":[", b"]}"),
            Expected::Rejected("malformed"),
        ),
        Case::of(
            "document-value-not-utf-8",
            around(b"{\"a\":\"\xff\",\"Records\":[", b"]}"),
            beside,
        ),
        Case::of(
            "document-byte-between",
            around(b"{\"Records\":[\xff", b"]}"),
            Expected::Rejected("malformed"),
        ),
        Case::of(
            "document-other-record-not-utf-8",
            around(&in_unselected, b"]}"),
            not_selected,
        ),
    ]
}
