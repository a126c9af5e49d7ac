//! How far an answer reaches, from facts alone.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::collections::BTreeSet;

use redtrail_core::{
    coverage::{
        Coverage,
        Gap::{self, *},
        Reach, TrailState,
    },
    digest_entry::{DigestEntry, DigestVerdict},
    directory::Trail,
    ledger::LedgerEntry,
};
use redtrail_model::EventTime;
use serde_json::json;

const FOLDER: &str = "trail/AWSLogs/111122223333/CloudTrail/us-east-1/";

/// On the second of March 2026.
fn at(clock: &str) -> EventTime {
    format!("2026-03-02T{clock}:00Z").parse().unwrap()
}

fn state(folder: &str) -> TrailState {
    TrailState {
        trail: Trail::of(folder).unwrap(),
        tracked_since: Some(at("06:00")),
        delivered_up_to: Some(at("12:00")),
        events_kept_days: None,
        digests: Vec::new(),
        attention: Vec::new(),
    }
}

fn proof(from: &str, to: &str) -> DigestEntry {
    DigestEntry {
        digest_verdict: DigestVerdict::Proven,
        logs_listed: 12,
        ..DigestEntry::new(FOLDER, "d.json.gz", "t_us-east-1", at(from), at(to))
    }
}

/// An object made at that time, of the day that `state` is about.
fn object(clock: &str, verdict: &str) -> LedgerEntry {
    let mut entry = json!({
        "folder": format!("{FOLDER}2026/03/02/"),
        "object_key": format!("111122223333_CloudTrail_us-east-1_20260302T{clock}Z_a.json.gz"),
        "verdict": verdict, "finished_at": at("12:00"), "duration_ms": 1,
        "schema_version": 1, "rules_version": 1, "redtrail_version": "0.1.0",
    });
    if verdict == "partial" {
        let content = json!({
            "sha256": "", "plain_bytes": 9, "records_read": 10, "records_selected": 3,
            "records_not_selected": 5, "records_quarantined": 2, "records_duplicate": 0,
            "records_conflicting": 0,
        });
        let content = content.as_object().unwrap().clone();
        entry.as_object_mut().unwrap().extend(content);
    }
    serde_json::from_value(entry).unwrap()
}

/// From eight to eleven, asked at noon.
fn coverage(states: &[TrailState]) -> Coverage {
    Coverage::of(
        &[Reach::default()],
        states,
        Some(at("08:00")),
        Some(at("11:00")),
        at("12:05"),
    )
}

#[track_caller]
fn check(states: &[TrailState], gaps: &[Gap]) -> Coverage {
    let coverage = coverage(states);
    let gaps: BTreeSet<Gap> = gaps.iter().copied().collect();
    assert_eq!(coverage.gaps, gaps, "{coverage:?}");
    coverage
}

#[test]
fn ok_no_trail_covers_nothing() {
    check(&[], &[NoTrail]);
}

#[test]
fn ok_what_was_delivered_is_not_what_is_proven() {
    let found = check(&[state(FOLDER)], &[NotProven]);
    assert_eq!(found.delivered_up_to, Some(at("12:00")));
    assert_eq!(found.tracked_since, Some(at("06:00")));
    assert_eq!(found.proven_up_to, None);
    assert!(!found.is_complete());
}

#[test]
fn ok_each_account_asked_for_needs_a_trail_that_delivers() {
    let mut other = state(FOLDER);
    other.trail.account_id = "444455556666".to_owned();
    other.delivered_up_to = Some(at("10:30"));
    let found = check(
        &[state(FOLDER), other.clone()],
        &[NotDeliveredYet, NotProven],
    );
    assert_eq!(found.delivered_up_to, Some(at("10:30")));
    // What was called in the last minutes may be on its way.
    other.delivered_up_to = Some(at("10:45"));
    check(&[state(FOLDER), other], &[NotProven]);
    let of = |account: &str| Reach {
        account_id: Some(account.to_owned()),
        aws_region: None,
    };
    let reaches = [of("111122223333"), of("444455556666")];
    let mut proven = state(FOLDER);
    proven.digests = vec![proof("07:30", "11:30")];
    let states = [proven];
    let coverage = |reaches: &[Reach]| {
        let (since, until) = (Some(at("08:00")), Some(at("11:00")));
        Coverage::of(reaches, &states, since, until, at("12:05"))
    };
    assert!(coverage(&reaches[..1]).is_complete());
    assert_eq!(coverage(&reaches).gaps, [NoTrail].into());
}

#[test]
fn ok_digests_prove_an_answer_complete() {
    let mut state = state(FOLDER);
    state.digests = vec![
        proof("07:30", "08:30"),
        proof("08:30", "09:30"),
        proof("09:30", "10:30"),
        proof("10:30", "11:30"),
    ];
    let found = check(&[state.clone()], &[]);
    assert!(found.is_complete());
    // No further than it was asked, and what may be delivered late.
    assert_eq!(found.proven_up_to, Some(at("11:15")));

    let whole = state.digests.clone();
    // A hole, and one that begins too late.
    state.digests.remove(1);
    let found = check(&[state.clone()], &[NotProven]);
    assert_eq!(found.proven_up_to, Some(at("08:30")));
    state.digests = whole[1..].to_vec();
    assert_eq!(check(&[state.clone()], &[NotProven]).proven_up_to, None);
    // Events of the last minutes may be in an object that no digest lists yet.
    state.digests = whole[..3].to_vec();
    state.digests.push(proof("10:30", "11:10"));
    check(&[state.clone()], &[NotProven]);
    // The hour in which a log is missing proves nothing, nor does any after it.
    state.digests = whole.clone();
    state.digests[2].digest_verdict = DigestVerdict::Incomplete;
    state.digests[2].logs_missing = 3;
    let found = check(&[state.clone()], &[Missing, NotProven]);
    assert_eq!(found.proven_up_to, Some(at("09:30")));
    assert_eq!(found.objects_missing, 3);
    state.digests[2].logs_altered = 1;
    check(&[state.clone()], &[Missing, Altered, NotProven]);
    state.digests = whole;
    state.digests[0].digest_verdict = DigestVerdict::Broken;
    assert_eq!(check(&[state], &[NotProven]).proven_up_to, None);
}

#[test]
fn ok_late_logs_take_their_hour_back_and_prove_none() {
    let late = |verdict, from, to| DigestEntry {
        is_backfill: true,
        digest_verdict: verdict,
        ..proof(from, to)
    };
    let mut state = state(FOLDER);
    let whole = [
        proof("07:30", "09:30"),
        late(DigestVerdict::Proven, "08:30", "09:30"),
        proof("09:30", "11:30"),
    ];
    state.digests = whole.to_vec();
    check(&[state.clone()], &[]);
    state.digests[1].digest_verdict = DigestVerdict::Incomplete;
    state.digests[1].logs_missing = 1;
    let found = check(&[state.clone()], &[Missing, NotProven]);
    assert_eq!(found.proven_up_to, Some(at("08:30")));
    state.digests[1] = late(DigestVerdict::Broken, "07:30", "08:30");
    assert_eq!(check(&[state.clone()], &[NotProven]).proven_up_to, None);
    state.digests[0] = late(DigestVerdict::Proven, "07:30", "09:30");
    state.digests.remove(1);
    assert_eq!(check(&[state], &[NotProven]).proven_up_to, None);
}

#[test]
fn ok_a_hole_in_one_trail_is_not_hidden_by_another() {
    let of = |trail: &str, from: &str, to: &str| DigestEntry {
        trail: trail.to_owned(),
        ..proof(from, to)
    };
    let mut state = state(FOLDER);
    state.digests = vec![
        of("a", "07:30", "08:30"),
        of("b", "08:00", "09:00"),
        of("a", "08:30", "09:30"),
        of("b", "09:00", "10:00"),
        of("a", "09:30", "10:30"),
        of("b", "10:00", "11:30"),
    ];
    // Where one ends, or began, is no hole.
    check(&[state.clone()], &[]);
    state.digests.remove(2);
    let found = check(&[state.clone()], &[NotProven]);
    assert_eq!(found.proven_up_to, Some(at("08:30")));
    // In folders of their own they may record different events, too.
    let mut other = self::state(&FOLDER.replace("trail/", "other/"));
    other.digests = vec![of("b", "07:30", "11:30")];
    let found = check(&[state, other], &[NotProven]);
    assert_eq!(found.proven_up_to, Some(at("08:30")));
}

#[test]
fn ok_what_cloudtrail_did_not_deliver_is_told() {
    let mut state = state(FOLDER);
    state.digests = vec![proof("07:30", "11:30")];
    state.digests[0].logs_unlisted = 2;
    assert_eq!(check(&[state], &[Unlisted]).objects_unlisted, 2);
}

#[test]
fn ok_a_quiet_region_is_told_from_a_late_one_by_its_digests_alone() {
    let quiet = |folder: &str| TrailState {
        delivered_up_to: Some(at("07:00")),
        ..state(folder)
    };
    check(&[quiet(FOLDER)], &[NotDeliveredYet, NotProven]);
    let mut proven = quiet(FOLDER);
    proven.digests = vec![proof("07:00", "11:30")];
    check(&[proven.clone()], &[]);
    // Another Region that is not proven.
    let other = FOLDER.replace("us-east-1", "eu-west-1");
    let found = check(&[proven.clone(), state(&other)], &[NotProven]);
    assert_eq!(found.regions, ["eu-west-1", "us-east-1"]);
    // A second trail of the same account and Region: one proof is enough.
    let again = FOLDER.replace("trail/", "copies/");
    check(&[proven, quiet(&again)], &[]);
}

#[test]
fn ok_what_could_not_be_read_is_counted() {
    let mut state = state(FOLDER);
    state.attention = vec![
        object("0900", "rejected"),
        object("0905", "rejected"),
        object("0910", "waiting"),
        object("0915", "partial"),
        // Before the times asked for.
        object("0759", "rejected"),
    ];
    let found = check(
        &[state.clone()],
        &[Rejected, Quarantined, Waiting, NotProven],
    );
    assert_eq!(found.objects_rejected, 2);
    assert_eq!(found.objects_waiting, 1);
    assert_eq!(found.records_quarantined, 2);
    // Delivered late, an object may hold events of the times asked for.
    state.attention = vec![object("2300", "rejected")];
    check(&[state.clone()], &[Rejected, NotProven]);
    state.attention = vec![object("0700", "waiting")];
    check(&[state], &[NotProven]);
}

#[test]
fn ok_before_tracking_began_and_what_has_expired() {
    let mut state = state(FOLDER);
    state.tracked_since = Some(at("08:30"));
    check(&[state.clone()], &[BeforeTracking, NotProven]);
    // Another Region of the account came earlier: this one was quiet.
    let other = FOLDER.replace("us-east-1", "eu-west-1");
    let mut earlier = self::state(&other);
    check(&[state.clone(), earlier.clone()], &[NotProven]);
    // Of another account that tells nothing.
    earlier.trail.account_id = "444455556666".to_owned();
    check(&[state.clone(), earlier], &[BeforeTracking, NotProven]);
    state.tracked_since = Some(at("06:00"));
    state.events_kept_days = Some(0);
    let found = check(&[state], &[Expired, NotProven]);
    assert_eq!(found.kept_since, Some(at("12:05")));
}

#[test]
fn ok_all_that_is_kept_reaches_back_to_the_first_object() {
    let mut state = state(FOLDER);
    state.tracked_since = Some(at("08:30"));
    let found = Coverage::of(
        &[Reach::default()],
        &[state.clone()],
        None,
        None,
        at("12:05"),
    );
    assert_eq!(found.gaps, [NotProven].into());
    // But for a question that ends before it.
    let found = Coverage::of(
        &[Reach::default()],
        &[state.clone()],
        None,
        Some(at("08:00")),
        at("12:05"),
    );
    assert_eq!(found.gaps, [BeforeTracking, NotProven].into());
    state.digests = vec![proof("08:00", "12:00")];
    let found = Coverage::of(
        &[Reach::default()],
        &[state],
        None,
        Some(at("11:00")),
        at("12:05"),
    );
    assert!(found.is_complete(), "{found:?}");
}

#[test]
fn ok_whose_trails_record_a_call() {
    let reach = |account: Option<&str>, region: Option<&str>| Reach {
        account_id: account.map(str::to_owned),
        aws_region: region.map(str::to_owned),
    };
    let account = Some("111122223333");
    for (key, expected) in [
        (
            "arn:aws:iam::111122223333:role/Analyst",
            reach(account, None),
        ),
        (
            "arn:aws:sts::111122223333:federated-user/ana",
            reach(account, None),
        ),
        ("AWSService:redshift.amazonaws.com", Reach::default()),
        ("AWSAccount:111122223333:AIDA", Reach::default()),
        (
            "arn:aws:identitystore::111122223333:identitystore/d-1/user/u",
            Reach::default(),
        ),
    ] {
        assert_eq!(
            Reach::of_principal(&key.parse().unwrap()),
            expected,
            "{key}"
        );
    }
    let here = reach(account, Some("us-east-1"));
    for (key, expected) in [
        (
            "arn:aws:redshift:us-east-1:111122223333:cluster:sales",
            &here,
        ),
        (
            "name:redshift-serverless:us-east-1:111122223333:workgroup/etl",
            &here,
        ),
        ("statement:us-east-1:111122223333/8f2c", &here),
        (
            "arn:aws:redshift:*:111122223333:cluster:*",
            &reach(account, None),
        ),
        (
            "arn:aws:redshift:us-east-1:111122223333:datashare:1/sales",
            &Reach::default(),
        ),
        (
            "arn:aws:redshift:us-east-1:111122223333:snapshot:sales/before",
            &Reach::default(),
        ),
    ] {
        let found = Reach::of_resource(&key.parse().unwrap());
        assert_eq!(&found, expected, "{key}");
    }
    assert!(here.holds(&Trail::of(FOLDER).unwrap()));
    assert!(!here.holds(&Trail::of(&FOLDER.replace("us-east-1", "eu-west-1")).unwrap()));
}
