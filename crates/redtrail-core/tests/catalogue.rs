//! Bad and odd objects through the reader: each has its verdict, and a bad record never costs
//! its neighbours.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support {
    pub(crate) mod reading;
}

use std::collections::{BTreeMap, BTreeSet};

use redtrail_core::log_reader::{Limits, MAX_QUARANTINE_ENTRIES, Rejected};
use redtrail_model::AuditEvent;
use redtrail_trailgen::catalogue::{Case, Counts, Expected, Kept, SECRET, bombs, cases};
use serde_json::json;
use support::reading::{Reading, read};

/// What is wrong with the reading, if anything is.
fn fault(case: &Case, found: &Result<Reading, Rejected>) -> Option<String> {
    let is_right = match (&case.expected, found) {
        (Expected::Rejected(reason), Err(why)) => why.reason() == *reason,
        (Expected::RejectedSomehow, Err(_)) => true,
        (Expected::Read(counts), Ok(reading)) => *counts == counts_of(reading, counts),
        _ => false,
    };
    let found = match found {
        Ok(reading) => format!("{:?}", (reading.tally, reasons(reading), kept(reading))),
        Err(why) => why.reason().to_owned(),
    };
    (!is_right).then(|| format!("{}: {:?} but found {found:.600}", case.name, case.expected))
}

/// What was read, in the words of the catalogue.
fn counts_of(reading: &Reading, expected: &Counts) -> Counts {
    let tally = reading.tally;
    let entries = reasons(reading);
    let listed: u64 = entries.values().sum();
    let quarantined = expected.quarantined.iter().map(|(reason, _)| {
        let is_full = listed == MAX_QUARANTINE_ENTRIES as u64 && entries.len() == 1;
        let found = entries.get(*reason).copied().unwrap_or_default();
        (*reason, if is_full { tally.quarantined } else { found })
    });
    let named = if expected.further_events == 0 {
        kept(reading)
    } else {
        vec![]
    };
    let further_events = reading.events.len() as u64 - named.len() as u64;
    let counts = Counts {
        not_selected: tally.not_selected,
        duplicate: tally.duplicate,
        quarantined: quarantined.collect(),
        events: named,
        further_events,
    };
    assert!(tally.adds_up(), "{tally:?}");
    assert_eq!(counts.read(), tally.read, "{tally:?}");
    counts
}

fn reasons(reading: &Reading) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for element in &reading.quarantined {
        *counts.entry(element.reason.to_string()).or_default() += 1;
    }
    counts
}

fn kept(reading: &Reading) -> Vec<Kept> {
    let known = [
        "no_event_id",
        "invalid_utf8",
        "unknown_operation",
        "resources_cut",
    ];
    let events = reading.events.iter();
    events
        .map(|event| Kept {
            event_id: event.event_id.to_string(),
            flags: event
                .flags
                .iter()
                .map(|flag| {
                    let name = flag.to_string();
                    *known.iter().find(|known| **known == name).unwrap()
                })
                .collect(),
        })
        .collect()
}

#[test]
fn ok_every_case_has_its_verdict() {
    let cases = cases();
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let bytes = case.bytes();
            let whole = read(&bytes, &[], Limits::default());
            // Long objects are cut less often, for the sake of time.
            let cut = if bytes.len() < 20_000 { 7 } else { 4099 };
            let cut = read(&bytes, &[cut], Limits::default());
            assert_eq!(whole, cut, "{}", case.name);
            fault(case, &whole)
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {} cases:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "each has a name of its own");
    assert!(cases.len() > 1000, "{} cases", cases.len());
}

#[test]
fn ok_every_bomb_has_its_verdict() {
    for case in bombs() {
        let found = read(&case.bytes(), &[8192], Limits::default());
        assert_eq!(fault(&case, &found), None);
    }
}

/// Whatever the reason for which an object may be rejected or a record quarantined, a case
/// shows it.
#[test]
fn ok_every_verdict_is_shown() {
    let of_objects: BTreeSet<&str> = cases()
        .iter()
        .chain(&bombs())
        .filter_map(|case| match case.expected {
            Expected::Rejected(reason) => Some(reason),
            _ => None,
        })
        .collect();
    let of_elements: BTreeSet<&str> = cases()
        .iter()
        .filter_map(|case| match &case.expected {
            Expected::Read(counts) => counts.quarantined.first().map(|(reason, _)| *reason),
            _ => None,
        })
        .collect();
    // All but `too_large`: to pass the bound takes an object of eight megabytes.
    assert_eq!((of_objects.len(), of_elements.len()), (20, 7));
    let document = include_str!("../../../docs/limits.md");
    for reason in of_objects.union(&of_elements) {
        assert!(document.contains(&format!("`{reason}`")), "{reason}");
    }
}

#[test]
fn no_secret_comes_out() {
    for case in cases()
        .iter()
        .filter(|case| case.name.starts_with("secret-"))
    {
        let reading = read(&case.bytes(), &[], Limits::default()).unwrap();
        let events = serde_json::to_string(&reading.events).unwrap();
        assert!(!events.contains(SECRET), "{}: {events}", case.name);
    }
}

/// Numbers in free form keep their text.
#[test]
fn ok_numbers_keep_their_text() {
    for (name, text) in [
        ("number-too-great-parameters", "1e999"),
        (
            "number-forty-digits-parameters",
            "1234567890123456789012345678901234567890",
        ),
        ("number-minus-zero-parameters", "-0"),
        ("number-exponent-plus-parameters", "1E+2"),
    ] {
        let cases = cases();
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let reading = read(&case.bytes(), &[], Limits::default()).unwrap();
        let event = serde_json::to_value(&reading.events[1]).unwrap();
        assert_eq!(
            event["request_parameters"]["numberOfNodes"], text,
            "{event}"
        );
    }
}

/// Names that look the same, or are the same to who normalizes or folds them, have keys of their
/// own.
#[test]
fn ok_unicode_forms_are_not_merged() {
    let names = [
        "\u{e9}",
        "e\u{301}",
        "\u{c9}",
        "\u{212b}",
        "\u{c5}",
        "A\u{30a}",
        "\u{fb01}",
        "fi",
        "\u{212a}",
        "k",
        "\u{430}",
        "a",
        "a\u{200b}",
        "a\u{ad}",
        "\u{131}",
        "i",
        "\u{df}",
        "ss",
        "\u{17f}s",
        "\u{ff41}",
    ];
    let records: Vec<String> = names
        .iter()
        .map(|name| {
            json!({
                "eventSource": "redshift.amazonaws.com", "eventName": "DeleteCluster",
                "eventID": name, "eventTime": "2026-03-02T09:00:00Z", "awsRegion": "us-east-1",
                "recipientAccountId": "111122223333",
                "userIdentity": {
                    "type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{name}"),
                },
                "requestParameters": {"clusterIdentifier": name},
            })
            .to_string()
        })
        .collect();
    let document = format!(r#"{{"Records":[{}]}}"#, records.join(","));
    let reading = read(document.as_bytes(), &[], Limits::default()).unwrap();
    assert_eq!(reading.tally.duplicate, 0);
    let distinct = |key: fn(&AuditEvent) -> String| {
        let keys: BTreeSet<String> = reading.events.iter().map(key).collect();
        keys.len()
    };
    assert_eq!(distinct(|event| event.principal.to_string()), names.len());
    assert_eq!(distinct(|event| event.event_key.to_string()), names.len());
    let of_cluster = |event: &AuditEvent| event.resource_arns().next().unwrap().to_string();
    assert_eq!(distinct(of_cluster), names.len());
}
