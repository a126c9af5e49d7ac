//! Objects that are small as stored: they must neither fill the memory nor take time out of
//! proportion.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::{
    Case, Counts, Expected, Kept,
    record::{GOOD, good, record},
};
use crate::gzip;

const MIB: u64 = 1 << 20;
const OPEN: &str = "{\"Records\":[";

pub(super) fn cases() -> Vec<Case> {
    [too_far(), within_bounds(), of_the_family()]
        .into_iter()
        .flatten()
        .collect()
}

/// What a document is made of: text, and how often it stands there.
type Parts = Vec<(Vec<u8>, u64)>;

fn case(name: &str, expected: Expected, parts: Parts) -> Case {
    Case::new(format!("bomb-{name}"), expected, move || packed(&parts))
}

/// The parts as one gzip member. What is repeated is compressed once.
fn packed(parts: &Parts) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut crc = Crc::new();
    for (text, times) in parts {
        let at_once = (MIB / (text.len() as u64).max(1)).clamp(1, *times);
        for (size, count) in [(at_once, times / at_once), (times % at_once, 1)] {
            let piece = text.repeat(usize::try_from(size).unwrap_or_default());
            let blocks = blocks(&piece);
            for _ in 0..count {
                bytes.extend_from_slice(&blocks);
                crc.update(&piece);
            }
        }
    }
    const LAST_BLOCK: [u8; 2] = [3, 0];
    bytes.extend(LAST_BLOCK);
    bytes.extend(crc.sum().to_le_bytes());
    bytes.extend(crc.amount().to_le_bytes());
    bytes
}

/// Blocks of deflate that look back to nothing before them, and end with a byte.
fn blocks(piece: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(piece)
        .and_then(|()| encoder.flush())
        .expect("writing to a Vec never fails");
    encoder.get_ref().clone()
}

fn one(text: &str) -> (Vec<u8>, u64) {
    (text.as_bytes().to_vec(), 1)
}

/// Documents that go on for 128 MiB with the same, and have no end.
fn too_far() -> Vec<Case> {
    let in_string = format!("{OPEN}{{\"eventSource\":\"redshift.amazonaws.com\",\"x\":\"");
    let hint =
        r#"{"userIdentity":{"accountId":"790247189693"},"eventSource":"kms.amazonaws.com",},"#;
    [
        ("space", "{", " "),
        ("space-before", "", "\n"),
        ("space-in-records", OPEN, " "),
        ("string", &in_string, "a"),
        ("backslashes", &in_string, "\\"),
        ("string-beside", "{\"x\":\"", "a"),
        ("key", "{\"", "k"),
        ("depth", OPEN, "["),
        ("depth-beside", "{\"x\":", "["),
        ("number-in-records", "{\"Records\":[1", "0"),
        ("empty-objects", OPEN, "{},"),
        ("nulls", OPEN, "null,"),
        ("sources", OPEN, "{\"eventSource\":\"s3.amazonaws.com\"},"),
        ("members-beside", "{", "\"a\":1,"),
        ("broken-hints", OPEN, hint),
    ]
    .map(|(name, start, unit)| {
        let unit = unit.repeat(1000);
        let times = 128 * MIB / unit.len() as u64;
        let parts = vec![one(start), (unit.into_bytes(), times)];
        case(name, Expected::Rejected("expands_too_far"), parts)
    })
    .into()
}

/// As large and as dense as an object may be, or broken before that.
fn within_bounds() -> Vec<Case> {
    let [first, second] = GOOD.map(good);
    let events = GOOD.map(|id| Kept {
        event_id: id.to_owned(),
        flags: vec![],
    });
    let counts = Counts {
        events: events.to_vec(),
        ..Counts::default()
    };
    let with = |quarantined| {
        Expected::Read(Counts {
            quarantined,
            ..counts.clone()
        })
    };
    let between = |inside: Parts| {
        let mut parts = vec![one(OPEN), one(&first), one(",")];
        parts.extend(inside);
        parts.extend([one(","), one(&second), one("]}")]);
        parts
    };
    let megabytes = |text: &str, megabytes: u64| {
        let text = text.repeat(1024);
        let times = megabytes * MIB / text.len() as u64;
        (text.into_bytes(), times)
    };
    let too_large = || with(vec![("too_large", 1)]);
    let (opened, closed) = (megabytes("[", 30), megabytes("]", 30));
    let other = record(&[("eventSource", "\"s3.amazonaws.com\"")]);
    let nulls = (b"null,".repeat(1000), 12_000);
    vec![
        case(
            "space-within-bounds",
            Expected::Read(Counts {
                not_selected: 1,
                ..counts.clone()
            }),
            {
                let mut parts = between(vec![one(&other)]);
                parts.insert(3, megabytes(" ", 62));
                parts
            },
        ),
        case(
            "one-string",
            too_large(),
            between(vec![one("{\"x\":\""), megabytes("a", 62), one("\"}")]),
        ),
        case("one-number", too_large(), between(vec![megabytes("1", 62)])),
        case("one-depth", too_large(), between(vec![opened, closed])),
        case(
            "many-nulls",
            with(vec![("not_an_object", 12_000_001)]),
            between(vec![nulls, one("null")]),
        ),
        case(
            "depth-without-end",
            Expected::Rejected("truncated"),
            vec![one(OPEN), megabytes("[", 62)],
        ),
        case(
            "depth-of-objects-without-end",
            Expected::Rejected("truncated"),
            vec![one(OPEN), megabytes("{\"\":", 62)],
        ),
        case(
            "number-beside",
            Expected::Rejected("malformed"),
            vec![one("{\"x\":1"), megabytes("0", 62), one(",\"Records\":[]}")],
        ),
    ]
}

/// Many records of the family.
fn of_the_family() -> Vec<Case> {
    let bare = r#"{"eventSource":"redshift.amazonaws.com"}"#;
    let twice = record(&[("eventID", "\"twice\"")]);
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let large = record(&[("eventID", "\"large\""), ("x", &large)]);
    let dense = format!("[0{}]", ",0".repeat(990_000));
    let dense = record(&[
        ("eventID", "\"dense\""),
        ("eventSource", "\"kms.amazonaws.com\""),
        (
            "userIdentity",
            r#"{"type":"AWSAccount","accountId":"790247189693"}"#,
        ),
        ("x", &dense),
    ]);
    let many = |element: &str, times: u64| {
        let repeated = (format!("{element},").into_bytes(), times - 1);
        vec![one(OPEN), repeated, one(element), one("]}")]
    };
    let duplicates = |id: &str, times: u64| {
        Expected::Read(Counts {
            duplicate: times - 1,
            events: vec![Kept {
                event_id: id.to_owned(),
                flags: vec![],
            }],
            ..Counts::default()
        })
    };
    let without_time = Counts {
        quarantined: vec![("no_event_time", 100_000)],
        ..Counts::default()
    };
    let many_ids = || {
        let events: Vec<String> = (0..100_000)
            .map(|id| {
                format!(
                    r#"{{"eventSource":"redshift.amazonaws.com","eventName":"DeleteCluster","eventTime":"2026-03-02T09:00:00Z","eventID":"{id}"}}"#
                )
            })
            .collect();
        gzip(format!("{OPEN}{}]}}", events.join(",")).as_bytes())
    };
    // Nearly as large as an element may be, and all of it looked into.
    let full = |name: &str,
                operation: &'static str,
                member: &'static str,
                [start, piece, end]: [&'static str; 3]| {
        Case::new(
            format!("bomb-{name}"),
            Expected::Read(Counts {
                further_events: 1,
                ..Counts::default()
            }),
            move || {
                let times = (2_000_000 - start.len() - end.len()) / piece.len();
                let pieces = piece.repeat(times);
                let value = format!("{start}{}{end}", pieces.trim_end_matches(','));
                let record = format!(
                    r#"{{"eventSource":"redshift.amazonaws.com","eventName":"{operation}","awsRegion":"us-east-1","recipientAccountId":"111122223333","eventTime":"2026-03-02T09:00:00Z","eventID":"full","{member}":{value}}}"#
                );
                gzip(format!("{OPEN}{record}]}}").as_bytes())
            },
        )
    };
    vec![
        full(
            "empty-objects",
            "CreateCluster",
            "responseElements",
            ["[", "{},", "]"],
        ),
        full(
            "one-letter-objects",
            "RunLater",
            "requestParameters",
            ["[", r#"{"a":1},"#, "]"],
        ),
        full(
            "elements",
            "DescribeClusters",
            "requestParameters",
            [r#"{"clusterIdentifiers":["#, "1,", "]}"],
        ),
        full(
            "escaped-names",
            "RunLater",
            "requestParameters",
            ["{", r#""\u0063lusterIdentifie\u0073":1,"#, "}"],
        ),
        case(
            "bare-records",
            Expected::Read(without_time),
            many(bare, 100_000),
        ),
        case(
            "one-record-too-many",
            Expected::Rejected("too_many_records"),
            many(bare, 100_001),
        ),
        case(
            "duplicates",
            duplicates("twice", 80_000),
            many(&twice, 80_000),
        ),
        case(
            "large-duplicates",
            duplicates("large", 60),
            many(&large, 60),
        ),
        // More than is held, and each looked into twice.
        case("dense-records", duplicates("dense", 6), many(&dense, 6)),
        Case::new(
            "bomb-many-ids",
            Expected::Read(Counts {
                further_events: 100_000,
                ..Counts::default()
            }),
            many_ids,
        ),
    ]
}
