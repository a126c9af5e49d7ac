//! What is wrong with the container: exactly one gzip member is taken, whole, or plain JSON.

use std::io::Write;

use flate2::{
    Compression, Crc, GzBuilder,
    write::{DeflateEncoder, ZlibEncoder},
};

use super::{
    Case, Counts, Expected, Kept,
    record::{document, good},
};
use crate::gzip;

/// Flags of the header (RFC 1952).
const TEXT: u8 = 1;
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

pub(super) fn cases() -> Vec<Case> {
    let plain = document(&[good("a").as_bytes(), good("b").as_bytes()]);
    let mut cases = good_ones(&plain);
    cases.extend(truncated(&plain));
    cases.extend(appended(&plain));
    cases.extend(damaged(&plain));
    cases.extend(other_formats(&plain));
    cases
}

fn read() -> Expected {
    let kept = |id: &str| Kept {
        event_id: id.to_owned(),
        flags: vec![],
    };
    Expected::Read(Counts {
        events: vec![kept("a"), kept("b")],
        ..Counts::default()
    })
}

fn rejected(name: impl Into<String>, bytes: Vec<u8>, reason: &'static str) -> Case {
    Case::of(name, bytes, Expected::Rejected(reason))
}

fn good_ones(plain: &[u8]) -> Vec<Case> {
    let level = |level| {
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::new(level));
        finish(encoder.write_all(plain));
        finish(encoder.finish())
    };
    let long_name = [vec![b'n'; 10_000], vec![0]].concat();
    let hostile_name = b"\x1b[2J\xe2\x80\xae../../etc/passwd\0";
    let extra = [&[0xff, 0xff][..], &[b'x'; 0xffff]].concat();
    let mut spaced = b" \t\r\n".repeat(1000);
    spaced.extend_from_slice(plain);
    spaced.extend(b" \t\r\n".repeat(1000));
    [
        ("plain", plain.to_vec()),
        ("plain-with-space-around", spaced.clone()),
        ("space-around", gzip(&spaced)),
        ("level-0", level(0)),
        ("level-1", level(1)),
        ("level-9", level(9)),
        ("flag-text", member(TEXT, b"", plain)),
        ("flag-name", member(NAME, hostile_name, plain)),
        ("flag-long-name", member(NAME, &long_name, plain)),
        ("flag-comment", member(COMMENT, hostile_name, plain)),
        ("flag-extra", member(EXTRA, &extra, plain)),
        ("flag-empty-extra", member(EXTRA, &[0, 0], plain)),
        ("flag-checksum", with_header_checksum(plain, 0)),
        (
            "flags-all",
            member(
                TEXT | EXTRA | NAME | COMMENT,
                b"\x03\0abcname\0comment\0",
                plain,
            ),
        ),
        ("header-time-system-and-more", {
            let mut bytes = member(0, b"", plain);
            bytes.splice(4..10, [0xff; 6]);
            bytes
        }),
        ("empty-blocks-between", {
            let mut encoder = GzBuilder::new().write(Vec::new(), Compression::new(6));
            for piece in plain.chunks(7) {
                finish(encoder.write_all(piece));
                finish(encoder.flush());
            }
            finish(encoder.finish())
        }),
    ]
    .into_iter()
    .map(|(name, bytes)| Case::of(format!("container-{name}"), bytes, read()))
    .collect()
}

fn truncated(plain: &[u8]) -> Vec<Case> {
    let whole = gzip(plain);
    let lengths = (1..20).chain((20..whole.len() - 9).step_by(17));
    let lengths = lengths.chain(whole.len() - 9..whole.len());
    let mut cases: Vec<Case> = lengths
        .map(|length| {
            let name = format!("container-truncated-to-{length}");
            rejected(name, whole[..length].to_vec(), "truncated")
        })
        .collect();
    let name_without_end = member(NAME, b"", b"")[..10].to_vec();
    let many_names = [&name_without_end[..], &[b'n'; 100_000]].concat();
    cases.push(rejected(
        "container-name-without-end",
        many_names,
        "truncated",
    ));
    cases.push(rejected("container-empty", vec![], "empty"));
    cases.push(rejected("container-of-nothing", gzip(b""), "empty"));
    cases.push(rejected("container-of-space", gzip(b" \r\n\t"), "empty"));
    cases.push(rejected(
        "container-plain-truncated",
        plain[..plain.len() - 1].to_vec(),
        "truncated",
    ));
    cases
}

/// Appended members are how forged events get past readers that take several.
fn appended(plain: &[u8]) -> Vec<Case> {
    let whole = gzip(plain);
    let forged = gzip(&document(&[good("forged").as_bytes()]));
    [
        ("itself", whole.clone()),
        ("forged", forged.clone()),
        ("half-a-member", forged[..forged.len() / 2].to_vec()),
        ("magic", vec![0x1f, 0x8b]),
        ("empty-member", gzip(b"")),
        ("space-member", gzip(b"\n")),
        ("nul", vec![0]),
        ("many-nuls", vec![0; 4096]),
        ("newline", vec![b'\n']),
        ("plain", plain.to_vec()),
        ("text", b"garbage".to_vec()),
        ("zip", b"PK\x05\x06".to_vec()),
        ("trailer-again", whole[whole.len() - 8..].to_vec()),
        ("a-megabyte", vec![b'x'; 1 << 20]),
    ]
    .into_iter()
    .map(|(name, tail)| {
        let bytes = [&whole[..], &tail].concat();
        rejected(format!("container-and-{name}"), bytes, "trailing_bytes")
    })
    .chain([rejected(
        // The document goes on in the second member, as `split` and `cat` would leave it.
        "container-in-two-members",
        [
            gzip(&plain[..plain.len() / 2]),
            gzip(&plain[plain.len() / 2..]),
        ]
        .concat(),
        "trailing_bytes",
    )])
    .collect()
}

fn damaged(plain: &[u8]) -> Vec<Case> {
    let whole = gzip(plain);
    let end = whole.len();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let set = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let mut cases = Vec::new();
    for byte in 0..4 {
        let name = format!("container-checksum-byte-{byte}");
        cases.push(rejected(name, flipped(end - 8 + byte), "wrong_checksum"));
        let name = format!("container-length-byte-{byte}");
        cases.push(rejected(name, flipped(end - 4 + byte), "wrong_length"));
    }
    for flag in [0x20, 0x40, 0x80, 0xe0] {
        let name = format!("container-reserved-flag-{flag:02x}");
        cases.push(rejected(name, set(3, flag), "reserved_flags"));
    }
    for method in [0, 7, 9, 255] {
        let name = format!("container-method-{method}");
        cases.push(rejected(name, set(2, method), "corrupt_gzip"));
    }
    let checksum = with_header_checksum(plain, 1);
    cases.push(rejected(
        "container-header-checksum",
        checksum,
        "wrong_checksum",
    ));
    let deflated: [(&str, &[u8]); 6] = [
        ("block-of-no-kind", &[0b111]),
        // A stored block of which the length and its complement do not agree.
        (
            "stored-length",
            &[1, 5, 0, 0, 0, b'h', b'e', b'l', b'l', b'o'],
        ),
        // A fixed block that begins by repeating what was never written.
        ("distance-too-far", &[0x03, 0x02, 0x00, 0x00, 0x00, 0x00]),
        ("codes-all-ones", &[0xff; 64]),
        ("dynamic-without-codes", &[0b101, 0, 0, 0, 0, 0, 0, 0]),
        ("dynamic-of-too-many-codes", &[0xfd, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (name, body) in deflated {
        let bytes = [&header(0)[..], body, &[0; 64]].concat();
        cases.push(rejected(format!("container-{name}"), bytes, "corrupt_gzip"));
    }
    cases
}

fn other_formats(plain: &[u8]) -> Vec<Case> {
    let zlib = |level: u8| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
        finish(encoder.write_all(plain));
        let mut bytes = finish(encoder.finish());
        bytes[1] = level;
        bytes
    };
    let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = String::from_utf8_lossy(plain).into_owned();
        text.encode_utf16().flat_map(bytes).collect()
    };
    let behind = |start: &[u8]| [start, plain].concat();
    let cases: [(&str, Vec<u8>, &str); 41] = [
        ("gzip-in-gzip", gzip(&gzip(plain)), "gzip_in_gzip"),
        (
            "gzip-in-gzip-in-gzip",
            gzip(&gzip(&gzip(plain))),
            "gzip_in_gzip",
        ),
        ("gzip-magic-in-gzip", gzip(&[0x1f, 0x8b]), "gzip_in_gzip"),
        ("zlib-01", zlib(0x01), "zlib"),
        ("zlib-5e", zlib(0x5e), "zlib"),
        ("zlib-9c", zlib(0x9c), "zlib"),
        ("zlib-da", zlib(0xda), "zlib"),
        ("zip", behind(b"PK\x03\x04"), "zip"),
        ("zip-empty", b"PK\x05\x06".to_vec(), "zip"),
        ("zstd", behind(b"\x28\xb5\x2f\xfd"), "zstd"),
        (
            "byte-order-mark",
            behind(b"\xef\xbb\xbf"),
            "byte_order_mark",
        ),
        (
            "byte-order-mark-packed",
            gzip(&behind(b"\xef\xbb\xbf")),
            "byte_order_mark",
        ),
        (
            "byte-order-mark-alone",
            b"\xef\xbb\xbf".to_vec(),
            "byte_order_mark",
        ),
        ("byte-order-mark-utf-16", behind(b"\xff\xfe"), "not_gzip"),
        ("utf-16-le", wide(u16::to_le_bytes), "malformed"),
        ("utf-16-be", wide(u16::to_be_bytes), "not_gzip"),
        (
            "utf-16-le-packed",
            gzip(&wide(u16::to_le_bytes)),
            "malformed",
        ),
        (
            "utf-16-be-packed",
            gzip(&wide(u16::to_be_bytes)),
            "malformed",
        ),
        ("deflate-alone", deflated(plain), "not_gzip"),
        ("zlib-small-window", behind(&[0x68, 0xde]), "not_gzip"),
        ("bzip2", behind(b"BZh9"), "not_gzip"),
        ("xz", behind(b"\xfd7zXZ\0"), "not_gzip"),
        ("lz4", behind(b"\x04\x22\x4d\x18"), "not_gzip"),
        ("snappy", behind(b"\xff\x06\0\0sNaPpY"), "not_gzip"),
        ("compress", behind(b"\x1f\x9d"), "not_gzip"),
        ("pack", behind(b"\x1f\x1e"), "not_gzip"),
        ("seven-zip", behind(b"7z\xbc\xaf\x27\x1c"), "not_gzip"),
        ("parquet", behind(b"PAR1"), "not_gzip"),
        ("html", b"<!DOCTYPE html><html></html>".to_vec(), "not_gzip"),
        (
            "xml-error",
            b"<?xml version=\"1.0\"?><Error/>".to_vec(),
            "not_gzip",
        ),
        (
            "base64",
            b"H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA==".to_vec(),
            "not_gzip",
        ),
        ("nuls", vec![0; 4096], "not_gzip"),
        ("nuls-packed", gzip(&[0; 4096]), "malformed"),
        ("x-and-more", b"x-amz".to_vec(), "not_gzip"),
        ("one-byte-1f", vec![0x1f], "truncated"),
        ("one-byte-78", vec![0x78], "truncated"),
        ("one-byte-50", b"P".to_vec(), "truncated"),
        ("one-byte-28", vec![0x28], "truncated"),
        ("one-byte-ef", vec![0xef], "truncated"),
        ("one-byte-00", vec![0], "not_gzip"),
        ("form-feed-before", behind(b"\x0c"), "not_gzip"),
    ];
    cases
        .into_iter()
        .map(|(name, bytes, reason)| rejected(format!("container-{name}"), bytes, reason))
        .collect()
}

fn header(flags: u8) -> [u8; 10] {
    [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255]
}

/// One member with these flags, and the fields that they announce.
fn member(flags: u8, fields: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(plain);
    let mut bytes = header(flags).to_vec();
    bytes.extend_from_slice(fields);
    bytes.extend(deflated(plain));
    bytes.extend(crc.sum().to_le_bytes());
    bytes.extend(crc.amount().to_le_bytes());
    bytes
}

fn with_header_checksum(plain: &[u8], error: u16) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(&header(HEADER_CHECKSUM));
    let [low, high, ..] = crc.sum().to_le_bytes();
    let checksum = u16::from_le_bytes([low, high]).wrapping_add(error);
    member(HEADER_CHECKSUM, &checksum.to_le_bytes(), plain)
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    finish(encoder.write_all(plain));
    finish(encoder.finish())
}

fn finish<T>(result: std::io::Result<T>) -> T {
    result.expect("writing to a Vec never fails")
}
