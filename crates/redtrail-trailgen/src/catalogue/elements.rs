//! Elements of `Records` that are no good records, and records that are odd as a whole. Their
//! neighbours are always kept.

use super::{
    Case, Counts, Expected, Kept,
    record::{Of, among_good, case, changed, document, good, record},
};
use crate::gzip;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = no_objects();
    cases.extend(not_well_formed());
    cases.extend(doubled());
    cases.extend(large());
    cases.extend(twice());
    cases.extend(many());
    cases
}

fn no_objects() -> Vec<Case> {
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(1_000_000), close.repeat(1_000_000));
    let rows = [
        ("null", "null".to_owned()),
        ("true", "true".to_owned()),
        ("zero", "0".to_owned()),
        ("number", "-1.5e+9".to_owned()),
        ("number-too-great", "1e999".to_owned()),
        ("text", "\"redshift.amazonaws.com\"".to_owned()),
        ("text-empty", "\"\"".to_owned()),
        ("text-with-brackets", r#""]},{\"Records\":[""#.to_owned()),
        ("array", "[]".to_owned()),
        ("array-of-a-record", format!("[{}]", good("forged"))),
        ("array-deep", deep("[", "]")),
        // What is no JSON at all, but can be told from its neighbours.
        ("nan", "NaN".to_owned()),
        ("infinity", "-Infinity".to_owned()),
        ("undefined", "undefined".to_owned()),
        ("half-a-word", "tru".to_owned()),
        ("minus", "-".to_owned()),
        ("dot", ".".to_owned()),
        ("leading-zero", "007".to_owned()),
        ("hexadecimal", "0x1f".to_owned()),
        ("single-quotes", "'text'".to_owned()),
        ("semicolon", ";".to_owned()),
        ("control-character", "\u{1}".to_owned()),
        ("array-broken", "[1,,2]".to_owned()),
        ("text-with-newline", "\"a\nb\"".to_owned()),
    ];
    let mut cases: Vec<Case> = rows
        .into_iter()
        .map(|(name, text)| {
            let of = Of::Quarantined("not_an_object");
            case(format!("element-{name}"), text.as_bytes(), of)
        })
        .collect();
    cases.push(case(
        "element-not-utf-8",
        b"\xff\xfe",
        Of::Quarantined("not_an_object"),
    ));
    cases.push(case(
        "element-empty-object",
        b"{}",
        Of::Quarantined("no_event_source"),
    ));
    cases.push(case(
        "element-other-members",
        br#"{"a":{"eventSource":"redshift.amazonaws.com"}}"#,
        Of::Quarantined("no_event_source"),
    ));
    cases
}

/// A record of the family that is no JSON is quarantined; any other is only delimited.
fn not_well_formed() -> Vec<Case> {
    let own = r#"{"eventSource":"SOURCE","eventName":"DeleteCluster","eventTime":"2026-03-02T09:00:00Z","eventID":"odd""#;
    let rows: [(&str, &[u8]); 33] = [
        ("comma-at-the-end", b",}"),
        ("commas-two", b",,\"a\":1}"),
        ("comma-missing", b" \"a\":1}"),
        ("colon-missing", b",\"a\" 1}"),
        ("colons-two", b",\"a\"::1}"),
        ("value-missing", b",\"a\":}"),
        ("key-missing", b",:1}"),
        ("key-without-quotes", b",a:1}"),
        ("key-in-single-quotes", b",'a':1}"),
        ("value-in-single-quotes", b",\"a\":'1'}"),
        ("comment", b",\"a\":1/*c*/}"),
        ("nan", b",\"a\":NaN}"),
        ("infinity", b",\"a\":Infinity}"),
        ("minus-infinity", b",\"a\":-Infinity}"),
        ("undefined", b",\"a\":undefined}"),
        ("true-in-capitals", b",\"a\":TRUE}"),
        ("leading-zero", b",\"a\":01}"),
        ("leading-plus", b",\"a\":+1}"),
        ("leading-dot", b",\"a\":.5}"),
        ("trailing-dot", b",\"a\":5.}"),
        ("exponent-without-digits", b",\"a\":1e}"),
        ("hexadecimal", b",\"a\":0x1f}"),
        ("array-comma-at-the-end", b",\"a\":[1,]}"),
        ("closed-by-a-bracket", b",\"a\":{\"b\":1]}"),
        ("array-closed-by-a-brace", b",\"a\":[1}}"),
        ("bad-escape", b",\"a\":\"\\x\"}"),
        ("bad-digits", b",\"a\":\"\\u12g4\"}"),
        ("too-few-digits", b",\"a\":\"\\u12\"}"),
        ("newline-in-text", b",\"a\":\"x\ny\"}"),
        ("nul-in-text", b",\"a\":\"x\0y\"}"),
        ("escape-in-text", b",\"a\":\"x\x1by\"}"),
        ("bytes-between", b",\xff\"a\":1}"),
        ("backslash-between", b",\\ \"a\":1}"),
    ];
    let mut cases = Vec::new();
    for (name, rest) in rows {
        let element = |source: &str| [own.replace("SOURCE", source).as_bytes(), rest].concat();
        cases.push(case(
            format!("broken-{name}"),
            &element("redshift.amazonaws.com"),
            Of::Quarantined("malformed"),
        ));
        cases.push(case(
            format!("broken-other-{name}"),
            &element("s3.amazonaws.com"),
            Of::NotSelected,
        ));
    }
    for (name, element) in [
        ("single-quotes", "{'eventSource':'redshift.amazonaws.com'}"),
        ("no-quotes", "{eventSource:redshift.amazonaws.com}"),
        (
            "source-not-closed",
            r#"{"eventSource":["redshift.amazonaws.com"}}"#,
        ),
    ] {
        let of = Of::Quarantined("no_event_source");
        cases.push(case(format!("broken-{name}"), element.as_bytes(), of));
    }
    cases.push(case(
        "broken-before-the-source",
        br#"{"a" "eventSource":"redshift.amazonaws.com"}"#,
        Of::Quarantined("malformed"),
    ));
    // By JSON's rules its text begins behind the first backslash and has no end.
    let escaped = br#"{\"eventSource\":\"redshift.amazonaws.com\"}"#;
    cases.push(Case::of(
        "broken-escaped-as-a-whole",
        among_good(escaped),
        Expected::RejectedSomehow,
    ));
    cases
}

fn doubled() -> Vec<Case> {
    let with = |members: &str| {
        let own = record(&[("eventSource", "")]);
        let inside = own.trim_start_matches('{');
        format!("{{{members},{inside}")
    };
    let family = r#""eventSource":"redshift.amazonaws.com""#;
    let quarantined = || Of::Quarantined("doubled_event_source");
    let rows = [
        (
            "source",
            format!(r#"{family},"eventSource":"s3.amazonaws.com""#),
            quarantined(),
        ),
        (
            "source-other-first",
            format!(r#""eventSource":"s3.amazonaws.com",{family}"#),
            quarantined(),
        ),
        (
            "source-the-same",
            format!("{family},{family}"),
            quarantined(),
        ),
        (
            "source-escaped",
            format!(r#"{family},"event\u0053ource":"s3.amazonaws.com""#),
            quarantined(),
        ),
        (
            "source-escaped-first",
            format!(r#""\u0065ventSource":"s3.amazonaws.com",{family}"#),
            quarantined(),
        ),
        (
            "source-of-others",
            r#""eventSource":"s3.amazonaws.com","eventSource":"ec2.amazonaws.com""#.to_owned(),
            quarantined(),
        ),
        (
            "source-null-first",
            format!(r#""eventSource":null,{family}"#),
            quarantined(),
        ),
        (
            "source-nested",
            format!(r#""x":{{"eventSource":"s3.amazonaws.com"}},{family}"#),
            Of::kept(&[]),
        ),
        (
            "source-in-text",
            format!(r#""x":"\"eventSource\":\"s3.amazonaws.com\"",{family}"#),
            Of::kept(&[]),
        ),
        (
            "source-in-other-case",
            format!(r#""EventSource":"s3.amazonaws.com",{family}"#),
            Of::kept(&[]),
        ),
        // Of other members the last one counts that is not null.
        (
            "name",
            format!(r#"{family},"eventName":"CreateCluster""#),
            Of::kept(&[]),
        ),
        (
            "id",
            format!(r#"{family},"eventID":"first""#),
            Of::kept(&[]),
        ),
        (
            "id-escaped",
            format!(r#"{family},"event\u0049D":"first""#),
            Of::kept(&[]),
        ),
        (
            "time",
            format!(r#"{family},"eventTime":"yesterday""#),
            Of::kept(&[]),
        ),
        (
            "identity",
            format!(r#"{family},"userIdentity":"nobody""#),
            Of::kept(&[]),
        ),
        (
            "parameters",
            format!(r#"{family},"requestParameters":[1]"#),
            Of::kept(&[]),
        ),
        (
            "nested",
            format!(r#"{family},"x":{{"a":1,"a":2,"\u0061":3}}"#),
            Of::kept(&[]),
        ),
        ("unknown", format!(r#"{family},"x":1,"x":2"#), Of::kept(&[])),
        (
            "empty-keys",
            format!(r#"{family},"":1,"":2"#),
            Of::kept(&[]),
        ),
    ];
    rows.into_iter()
        .map(|(name, members, of)| case(format!("doubled-{name}"), with(&members).as_bytes(), of))
        .collect()
}

const MAX_RECORD_BYTES: usize = 2 << 20;

fn large() -> Vec<Case> {
    let sized = |source: &str, bytes: usize| {
        let bare = record(&[("eventSource", source), ("x", "\"\"")]);
        record(&[
            ("eventSource", source),
            ("x", &format!("\"{}\"", "x".repeat(bytes - bare.len()))),
        ])
    };
    let family = "\"redshift.amazonaws.com\"";
    let other = "\"s3.amazonaws.com\"";
    let arns: Vec<String> = (0..1000)
        .map(|n| format!(r#"{{"ARN":"arn:aws:redshift:us-east-1:111122223333:cluster:c{n}"}}"#))
        .collect();
    let members: String = (0..100_000).map(|n| format!(r#""m{n}":{n},"#)).collect();
    let members = format!("{{{}\"z\":0}}", members);
    let mut rows = vec![
        ("large-1-mb", sized(family, 1_000_000), Of::kept(&[])),
        (
            "large-at-the-limit",
            sized(family, MAX_RECORD_BYTES),
            Of::kept(&[]),
        ),
        (
            "large-past-the-limit",
            sized(family, MAX_RECORD_BYTES + 1),
            Of::Quarantined("too_large"),
        ),
        (
            "large-other-at-the-limit",
            sized(other, MAX_RECORD_BYTES),
            Of::NotSelected,
        ),
        (
            "large-other-past-the-limit",
            sized(other, MAX_RECORD_BYTES + 1),
            Of::Quarantined("too_large"),
        ),
        (
            "resources-1000",
            record(&[("resources", &format!("[{}]", arns.join(",")))]),
            Of::kept(&["resources_cut"]),
        ),
        (
            "members-100000",
            record(&[("requestParameters", &members)]),
            Of::kept(&[]),
        ),
        (
            "elements-500000",
            record(&[("requestParameters", &format!("[{}0]", "0,".repeat(500_000)))]),
            Of::kept(&[]),
        ),
    ];
    let deep = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    let arrays = deep("[", "", "]", 1_000_000);
    let objects = deep("{\"a\":", "1", "}", 340_000);
    for (name, member) in [
        ("depth-parameters", "requestParameters"),
        ("depth-response", "responseElements"),
        ("depth-identity", "userIdentity"),
        ("depth-resources", "resources"),
        ("depth-addendum", "addendum"),
        ("depth-details", "serviceEventDetails"),
        ("depth-unknown", "x"),
    ] {
        rows.push((name, record(&[(member, &arrays)]), Of::kept(&[])));
    }
    rows.push((
        "depth-objects",
        record(&[("requestParameters", &objects)]),
        Of::kept(&[]),
    ));
    rows.push((
        "depth-time",
        record(&[("eventTime", &arrays)]),
        Of::Quarantined("no_event_time"),
    ));
    rows.push((
        "depth-name",
        record(&[("eventName", &arrays)]),
        Of::Quarantined("no_event_name"),
    ));
    rows.push((
        "depth-source",
        record(&[("eventSource", &arrays)]),
        Of::Quarantined("no_event_source"),
    ));
    rows.into_iter()
        .map(|(name, element, of)| case(name, element.as_bytes(), of))
        .collect()
}

/// Two records with one id.
fn twice() -> Vec<Case> {
    let kept = |id: &str| Kept {
        event_id: id.to_owned(),
        flags: vec![],
    };
    let of = |name: &str, elements: &[String], events: &[&str], duplicate| {
        let elements: Vec<&[u8]> = elements.iter().map(String::as_bytes).collect();
        let counts = Counts {
            duplicate,
            events: events.iter().map(|id| kept(id)).collect(),
            ..Counts::default()
        };
        Case::of(
            format!("twice-{name}"),
            gzip(&document(&elements)),
            Expected::Read(counts),
        )
    };
    let other_name = record(&[("eventID", "\"a\""), ("eventName", "\"CreateCluster\"")]);
    let later = record(&[
        ("eventID", "\"a\""),
        ("eventTime", "\"2026-03-02T09:00:01Z\""),
    ]);
    let other_offset = record(&[
        ("eventID", "\"a\""),
        ("eventTime", "\"2026-03-02T10:00:00+01:00\""),
    ]);
    let composed = record(&[("eventID", "\"\u{e9}\"")]);
    let decomposed = record(&[("eventID", "\"e\u{301}\"")]);
    vec![
        of(
            "the-same",
            &[good("a"), good("b"), good("a")],
            &["a", "b"],
            1,
        ),
        of("conflicting", &[good("a"), other_name], &["a"], 1),
        of("at-another-time", &[good("a"), later], &["a", "a"], 0),
        of(
            "at-the-same-time-elsewhere",
            &[good("a"), other_offset],
            &["a"],
            1,
        ),
        of("in-other-case", &[good("a"), good("A")], &["a", "A"], 0),
        of(
            "in-another-unicode-form",
            &[composed, decomposed],
            &["\u{e9}", "e\u{301}"],
            0,
        ),
        of(
            "with-a-separator",
            &[good("a"), good("a#"), good("a#a")],
            &["a", "a#", "a#a"],
            0,
        ),
    ]
}

fn many() -> Vec<Case> {
    let nulls = vec![&b"null"[..]; 150];
    let quarantined = Counts {
        quarantined: vec![("not_an_object", 150)],
        ..Counts::default()
    };
    vec![
        Case::of(
            "many-nulls",
            gzip(&document(&nulls)),
            Expected::Read(quarantined),
        ),
        changed(
            "members-unknown",
            &[
                ("newMember", r#"{"a":[1,{"b":null}]}"#),
                ("eventVersion", "\"99.0\""),
            ],
            Of::kept(&[]),
        ),
    ]
}
