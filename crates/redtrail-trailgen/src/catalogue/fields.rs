//! Members of a record that are absent, of another kind, or have odd values.

use super::{
    Case,
    record::{Of, changed, record},
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = absent_or_of_another_kind();
    cases.extend(identity());
    cases.extend(times());
    cases.extend(ids());
    cases.extend(numbers());
    cases.extend(future());
    cases
}

const FIELDS: [&str; 29] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "serviceEventDetails",
    "additionalEventData",
    "eventID",
    "requestID",
    "readOnly",
    "resources",
    "eventType",
    "apiVersion",
    "managementEvent",
    "recipientAccountId",
    "sharedEventID",
    "vpcEndpointId",
    "eventCategory",
    "addendum",
    "tlsDetails",
    "sessionCredentialFromConsole",
    "edgeDeviceDetails",
];

/// Kinds of JSON values.
const KINDS: [(&str, &str); 10] = [
    ("absent", ""),
    ("null", "null"),
    ("true", "true"),
    ("true-in-text", "\"true\""),
    ("number", "7"),
    ("text", "\"text\""),
    ("text-empty", "\"\""),
    ("array", "[]"),
    ("array-of-much", r#"[null,1,"a",[],{"b":{}}]"#),
    ("object", r#"{"a":{"b":[1]}}"#),
];

fn absent_or_of_another_kind() -> Vec<Case> {
    let mut cases = Vec::new();
    for field in FIELDS {
        for (kind, value) in KINDS {
            let says_nothing = matches!(kind, "absent" | "null" | "text-empty");
            let is_nested = matches!(kind, "array" | "array-of-much" | "object");
            let is_text = matches!(kind, "text" | "text-empty" | "true-in-text");
            let of = match field {
                "eventSource" if is_text => Of::NotSelected,
                "eventSource" => Of::Quarantined("no_event_source"),
                "eventTime" => Of::Quarantined("no_event_time"),
                "eventName" if says_nothing || is_nested => Of::Quarantined("no_event_name"),
                "eventName" => Of::kept(&["unknown_operation"]),
                "eventID" if says_nothing || is_nested => {
                    Of::kept_by_hash(record(&[(field, value)]).as_bytes(), &["no_event_id"])
                }
                "eventID" => Of::Kept(value.trim_matches('"').to_owned(), vec![]),
                _ => Of::kept(&[]),
            };
            let name = format!("field-{field}-{kind}");
            cases.push(changed(name, &[(field, value)], of));
        }
    }
    cases
}

fn identity() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, value) in KINDS.into_iter().filter(|(_, value)| !value.is_empty()) {
        for field in [
            "type",
            "principalId",
            "arn",
            "accountId",
            "accessKeyId",
            "userName",
            "invokedBy",
            "identityProvider",
            "sessionContext",
            "onBehalfOf",
        ] {
            let identity = format!(r#"{{"{field}":{value}}}"#);
            let name = format!("identity-{field}-{kind}");
            cases.push(changed(name, &[("userIdentity", &identity)], Of::kept(&[])));
        }
        for field in [
            "sessionIssuer",
            "attributes",
            "sourceIdentity",
            "assumedRoot",
        ] {
            let identity =
                format!(r#"{{"type":"AssumedRole","sessionContext":{{"{field}":{value}}}}}"#);
            let name = format!("session-{field}-{kind}");
            cases.push(changed(name, &[("userIdentity", &identity)], Of::kept(&[])));
        }
    }
    cases
}

fn times() -> Vec<Case> {
    let quarantined = [
        "yesterday",
        "2026-03-02",
        "09:00:00Z",
        "2026-03-02T09:00:00",
        "2026-13-02T09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T09:61:00Z",
        "2026-03-02T09:00:00ZZ",
        "2026-03-02T09:00:00Z#x",
        " 2026-03-02T09:00:00Z",
        "2026-03-02T09:00:00Z ",
        "+012026-03-02T09:00:00Z",
        "-000001-03-02T09:00:00Z",
        "10000-03-02T09:00:00Z",
        "\u{ff12}026-03-02T09:00:00Z",
        "Mon, 02 Mar 2026 09:00:00 GMT",
        "1772442000",
        "2026-03-02T09:00:00\\u0000Z",
        "\u{202e}2026-03-02T09:00:00Z",
    ];
    let kept = [
        "2026-03-02T09:00:00.000Z",
        "2026-03-02T09:00:00.123456789Z",
        "2026-03-02T10:00:00+01:00",
        "2026-03-02T03:30:00-05:30",
        "2026-03-02T09:00:00z",
        "2026-03-02t09:00:00Z",
        "9999-12-30T22:00:00Z",
        "2026-03-02T09\\u003a00:00Z",
    ];
    let row = |kind: &'static str, of: fn() -> Of| {
        move |(index, time): (usize, &str)| {
            let value = format!("\"{time}\"");
            changed(
                format!("time-{kind}-{index}"),
                &[("eventTime", &value)],
                of(),
            )
        }
    };
    let quarantined = quarantined
        .into_iter()
        .enumerate()
        .map(row("odd", || Of::Quarantined("no_event_time")));
    let kept = kept
        .into_iter()
        .enumerate()
        .map(row("good", || Of::kept(&[])));
    quarantined.chain(kept).collect()
}

fn ids() -> Vec<Case> {
    let long = "i".repeat(5000);
    let rows = [
        ("upper-case", "6F1E2D3C-0000-4000-8000-00000000ABCD"),
        ("separator", "#"),
        ("slashes", "../../principals"),
        ("spaces", " a b "),
        ("like-a-key", "2026-03-02T09:00:00.000Z#good-1"),
        (
            "like-a-hash",
            "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ),
        ("bidirectional", "a\u{202e}b\u{2066}c"),
        ("invisible", "a\u{200b}b\u{feff}c\u{e0041}"),
        ("formula", "=cmd|' /C calc'!A0"),
        ("emoji", "\u{1f600}"),
    ];
    let mut cases: Vec<Case> = rows
        .into_iter()
        .map(|(name, id)| {
            let value = format!("\"{id}\"");
            let of = Of::Kept(id.to_owned(), vec![]);
            changed(format!("id-{name}"), &[("eventID", &value)], of)
        })
        .collect();
    cases.push(changed(
        "id-control-characters",
        &[("eventID", r#""\u001b[2J\u0000\r\n\u009b""#)],
        Of::Kept("\u{1b}[2J\0\r\n\u{9b}".to_owned(), vec![]),
    ));
    // The key holds a hash of what is cut; the attribute is cut as every other.
    cases.push(changed(
        "id-long",
        &[("eventID", &format!("\"{long}\""))],
        Of::Kept("i".repeat(256), vec![]),
    ));
    cases.push(changed(
        "id-forty-digits",
        &[("eventID", &"1234567890".repeat(4))],
        Of::Kept("1234567890".repeat(4), vec![]),
    ));
    cases
}

fn numbers() -> Vec<Case> {
    let digits = "1234567890".repeat(4);
    let many = "9".repeat(100_000);
    let rows = [
        ("too-great", "1e999"),
        ("too-great-negative", "-1e999"),
        ("too-small", "1e-999"),
        ("forty-digits", &digits),
        ("100000-digits", &many),
        ("long-fraction", "0.1000000000000000055511151231257827"),
        ("minus-zero", "-0"),
        ("minus-zero-point-zero", "-0.0"),
        ("exponent-plus", "1E+2"),
        ("exponent-huge", "1e99999999999999999999"),
        ("past-64-bits", "18446744073709551616"),
    ];
    let mut cases = Vec::new();
    for (name, number) in rows {
        for (place, field, value) in [
            (
                "parameters",
                "requestParameters",
                format!(r#"{{"numberOfNodes":{number}}}"#),
            ),
            (
                "response",
                "responseElements",
                format!(r#"{{"a":[{number}]}}"#),
            ),
            ("unknown", "x", number.to_owned()),
        ] {
            let name = format!("number-{name}-{place}");
            let resize = ("eventName", "\"ResizeCluster\"");
            cases.push(changed(name, &[resize, (field, &value)], Of::kept(&[])));
        }
    }
    cases
}

fn future() -> Vec<Case> {
    type Changes<'a> = &'a [(&'a str, &'a str)];
    let rows: [(&str, Changes<'_>, Of); 8] = [
        ("version", &[("eventVersion", "\"2.0\"")], Of::kept(&[])),
        (
            "version-far",
            &[("eventVersion", "\"999999.1\"")],
            Of::kept(&[]),
        ),
        ("version-number", &[("eventVersion", "1.12")], Of::kept(&[])),
        (
            "operation",
            &[("eventName", "\"TeleportCluster\"")],
            Of::kept(&["unknown_operation"]),
        ),
        (
            "identity-type",
            &[("userIdentity", r#"{"type":"Hologram","principalId":"H1"}"#)],
            Of::kept(&[]),
        ),
        (
            "event-type",
            &[("eventType", "\"AwsDream\"")],
            Of::kept(&[]),
        ),
        (
            "category",
            &[("eventCategory", "\"Telepathy\"")],
            Of::kept(&[]),
        ),
        (
            "members",
            &[("a", "{}"), ("b", "[]"), ("c", "1"), ("d", "null")],
            Of::kept(&[]),
        ),
    ];
    rows.into_iter()
        .map(|(name, changes, of)| changed(format!("future-{name}"), changes, of))
        .collect()
}
