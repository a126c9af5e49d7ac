//! What must hold of reading whatever the bytes: nothing depends on how they arrive,
//! nothing is lost uncounted, and nothing broken passes for whole.

mod support {
    pub(crate) mod oracle;
    pub(crate) mod reading;
    pub(crate) mod record;
    pub(crate) mod rewrite;
}

use proptest::prelude::*;
use redtrail_core::{
    hash::hex,
    log_reader::{Limits, Rejected},
    select::{Judgement, Selector},
};
use redtrail_trailgen::{HardShape, LogObject, Trail, TrailOptions, gzip};
use serde::Deserialize;
use serde_json::value::RawValue;
use support::{
    oracle,
    reading::{Reading, read},
    record::record,
    rewrite::{edited, edits},
};

const STARTS: &[&[u8]] = &[b"", b"\x1f\x8b\x08\x00", b"{\"Records\":[", b"{"];

fn trail(seed: u64) -> Trail {
    let options = TrailOptions {
        seed,
        redshift_share: 0.4,
        hard_share: 0.5,
        ..Default::default()
    };
    Trail::with_options(options)
}

fn whole(bytes: &[u8]) -> Result<Reading, Rejected> {
    read(bytes, &[], Limits::default())
}

/// An object of one family event and another, as small as they come.
fn small_object() -> LogObject {
    let options = TrailOptions {
        redshift_share: 0.5,
        ..Default::default()
    };
    let mut trail = Trail::with_options(options);
    std::iter::repeat_with(|| trail.object(2))
        .find(|object| object.truth.len() == 1)
        .expect("half of the events are of the family")
}

/// The elements of `Records`, as a full JSON parser finds them.
fn parsed(document: &[u8]) -> Option<Vec<&str>> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(rename = "Records", borrow)]
        records: Vec<&'a RawValue>,
    }
    let document: Document<'_> = serde_json::from_slice(document).ok()?;
    Some(document.records.into_iter().map(RawValue::get).collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The same events, counts and verdict, also of broken objects and at the bounds.
    #[test]
    fn ok_however_the_bytes_are_cut(
        seed in any::<u64>(),
        before in edits(2),
        packed in any::<bool>(),
        after in edits(1),
        cuts in prop_oneof![Just(vec![1]), prop::collection::vec(1..3000_usize, 1..5)],
        max_plain_bytes in prop_oneof![Just(1 << 30), 1..60_000_u64],
        max_record_bytes in prop_oneof![Just(2 << 20), 1200..4000_usize],
    ) {
        let plain = edited(trail(seed).object(12).plain, &before);
        let stored = edited(if packed { gzip(&plain) } else { plain }, &after);
        let limits = Limits { max_plain_bytes, max_record_bytes, ..Limits::default() };
        prop_assert_eq!(read(&stored, &cuts, limits), read(&stored, &[], limits));
    }

    /// A record is what a full parse says it is.
    #[test]
    fn ok_selects_what_a_full_parse_selects(record in record()) {
        let found = Selector::default().judge(record.as_bytes());
        prop_assert_eq!(found, oracle::judge(&record), "{}", record);
    }

    /// Every element of `Records` is counted once, and a document that a full parser
    /// reads is never rejected.
    #[test]
    fn ok_every_element_is_counted(seed in any::<u64>(), edits in edits(3)) {
        let document = edited(trail(seed).object(12).plain, &edits);
        let reading = whole(&document);
        if let Some(elements) = parsed(&document) {
            let Ok(reading) = &reading else { panic!("a good document is rejected: {reading:?}") };
            prop_assert_eq!(reading.tally.read, elements.len() as u64);
            let judged = elements.iter().map(|element| oracle::judge(element));
            let not_selected = judged.filter(|found| *found == Judgement::NotSelected).count();
            prop_assert_eq!(reading.tally.not_selected, not_selected as u64);
        }
        if let Ok(Reading { tally, quarantined, .. }) = reading {
            prop_assert!(tally.adds_up(), "{tally:?}");
            prop_assert_eq!(tally.quarantined, quarantined.len() as u64);
            for element in quarantined {
                let start = element.offset as usize;
                let bytes = &document[start..start + element.length as usize];
                prop_assert!(!bytes.is_empty());
                let next = document[start + bytes.len()..].trim_ascii_start().first();
                prop_assert!(matches!(next, Some(b',' | b']')), "an element's end");
            }
        }
    }

    /// What the generator knows of each event is what is read.
    #[test]
    fn ok_events_are_true(seed in any::<u64>()) {
        let object = trail(seed).object(40);
        let reading = whole(&object.gzip()).unwrap();
        prop_assert_eq!(reading.tally.read, object.records as u64);
        prop_assert_eq!(reading.tally.quarantined, 0);
        prop_assert_eq!(reading.events.len(), object.truth.len());
        for (event, truth) in reading.events.iter().zip(&object.truth) {
            prop_assert_eq!(&event.event_id, &truth.event_id);
            prop_assert_eq!(event.event_time, truth.event_time.parse().unwrap());
            prop_assert_eq!(&event.event_source, &truth.event_source);
            prop_assert_eq!(&event.event_name, &truth.event_name);
            prop_assert_eq!(event.account_id.as_deref(), Some(truth.account_id.as_str()));
            prop_assert_eq!(event.aws_region.as_deref(), Some(truth.aws_region.as_str()));
            prop_assert_eq!(event.principal.as_str(), &truth.principal);
            prop_assert_eq!(event.read_only, truth.read_only);
            prop_assert_eq!(event.error_code.as_deref(), truth.error_code.as_deref());
            for resource in &truth.resources {
                let found = event.resource_arns().any(|key| key.as_str() == resource);
                prop_assert!(found, "{resource} in {event:?}");
            }
        }
    }

    #[test]
    fn ok_no_bytes_make_it_panic(
        start in prop::sample::select(STARTS),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        packed in any::<bool>(),
    ) {
        let bytes = [start, &bytes].concat();
        let reading = whole(&if packed { gzip(&bytes) } else { bytes });
        prop_assert!(reading.is_err() || reading.unwrap().tally.adds_up());
    }
}

/// A digest file lists the SHA-256 of the content, not of what is stored.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
#[test]
fn ok_sha256_and_size_are_those_of_the_content() {
    let content = b"{\"Records\":[]}\n";
    // What `sha256sum` says of it.
    let sha256 = "2f635372effc62309260ea67931d0d463a1c00acd423ea121f826d05390dc4cf";
    for stored in [content.to_vec(), gzip(content)] {
        for cuts in [&[1][..], &[7], &[]] {
            let proven = read(&stored, cuts, Limits::default()).unwrap().proven;
            assert_eq!(proven.plain_bytes, 15);
            assert_eq!(hex(&proven.sha256.unwrap()), sha256);
        }
    }
}

#[test]
fn ok_every_hard_shape() {
    let mut trail = trail(3);
    for shape in HardShape::ALL {
        for redshift in [true, false] {
            let record = trail.hard_record(&[shape], redshift);
            let json = record.json.trim();
            let found = Selector::default().judge(json.as_bytes());
            assert_eq!(
                matches!(found, Judgement::Selected(_)),
                redshift,
                "{shape:?} {found:?}"
            );
            assert_eq!(found, oracle::judge(json), "{shape:?}");
        }
    }
}

#[test]
fn err_cut_off_anywhere() {
    let object = small_object();
    let stored = object.gzip();
    for length in 0..stored.len() {
        assert!(
            whole(&stored[..length]).is_err(),
            "{length} of {} bytes",
            stored.len()
        );
    }
    let document = object.plain.trim_ascii_end();
    for length in 0..document.len() {
        assert!(
            whole(&document[..length]).is_err(),
            "{length} of {} bytes",
            document.len()
        );
    }
}

/// A changed bit is seen, or stands where gzip keeps nothing of the content.
#[test]
fn err_any_changed_bit_that_matters() {
    let stored = small_object().gzip();
    let good = whole(&stored).unwrap();
    let mut accepted = 0;
    for bit in 0..stored.len() * 8 {
        let mut changed = stored.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(reading) = whole(&changed) {
            assert_eq!(reading, good, "bit {bit}");
            accepted += 1;
        }
    }
    // Time, extra flags, system and the text flag of the header; padding before the trailer.
    assert!(
        accepted <= 6 * 8 + 1 + 7,
        "{accepted} changed bits are not seen"
    );
}

#[test]
fn err_anything_appended() {
    let object = small_object();
    let stored = object.gzip();
    for byte in 0..=u8::MAX {
        let longer = [&stored[..], &[byte]].concat();
        assert_eq!(whole(&longer), Err(Rejected::TrailingBytes), "{byte}");
        let longer = [&object.plain[..], &[byte]].concat();
        let expected = whole(&longer);
        assert_eq!(expected.is_ok(), b" \t\r\n".contains(&byte), "{byte}");
    }
    for member in [stored.clone(), gzip(b""), gzip(b"\n")] {
        let longer = [stored.clone(), member].concat();
        assert_eq!(whole(&longer), Err(Rejected::TrailingBytes));
    }
}

/// Deep nesting costs nobody the stack, wherever it stands.
#[test]
fn ok_depth() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let record = |inside: &str| {
        format!(
            r#"{{"eventSource":"redshift.amazonaws.com","eventTime":"2026-03-02T09:00:00Z","eventName":"CreateCluster",{inside}}}"#
        )
    };
    for field in [
        "userIdentity",
        "requestParameters",
        "responseElements",
        "resources",
        "x",
    ] {
        let document = format!(
            r#"{{"x":{deep},"Records":[{},{deep}]}}"#,
            record(&format!(r#""{field}":{deep}"#))
        );
        let reading = whole(document.as_bytes()).unwrap();
        assert_eq!(
            (reading.tally.selected, reading.tally.quarantined),
            (1, 1),
            "{field}"
        );
    }
    let objects = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    let document = format!(
        r#"{{"Records":[{}]}}"#,
        record(&format!(r#""requestParameters":{objects}"#))
    );
    assert_eq!(whole(document.as_bytes()).unwrap().events.len(), 1);
}
