//! `redtrail ledger` against embedded tables.

use redtrail_core::retention::Retention;
use redtrail_trailgen::sample::{self, Kind};
use serde_json::{Value, json};

use crate::{
    local::Local,
    run::{self, json_lines, redtrail},
    trail::{Trail, assert_plain, key, log, record},
};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
/// A prefix that a spreadsheet and a terminal would obey.
const HOSTILE: &str = "=1+1 \u{202e}\u{1b}[2J\u{e0041}/";
const WINDOW: [&str; 4] = ["--since", "2026-03-01", "--until", "2026-03-10"];

fn east(time: &str) -> String {
    key("", ACCOUNT, "us-east-1", time)
}

/// Two trails: one with an object of each kind and a gap, one with a hostile prefix.
fn trail() -> Trail {
    let trail = Trail::start();
    let [one, two] = ["e1", "e2"].map(|id| record(id).to_string());
    let other = json!({"eventSource": "s3.amazonaws.com"}).to_string();
    let good = log(&[&one, &two, &other]);
    let keep = Retention::Forever;
    trail.deliver(&east("20260302T0905"), &good, keep);
    trail.deliver(
        &east("20260302T0920"),
        &log(&[one.as_str(), "7", "{}"]),
        keep,
    );
    trail.deliver(&east("20260302T2350"), &good[..good.len() - 5], keep);
    trail.deliver(&east("20260305T0010"), &good, keep);
    trail.put_off(&[east("20260306T0900")], 120);
    let hostile = key(HOSTILE, OTHER, "eu-west-1", "20260302T0906");
    trail.deliver(&hostile, b"no log at all", keep);
    trail
}

fn ledger(trail: &Trail, args: &[&str]) -> run::Output {
    trail.redtrail(&[&["ledger"], &WINDOW[..], args].concat(), b"")
}

fn members<'a>(line: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    names.iter().map(|name| &line[*name]).collect()
}

#[test]
fn ok_days_gaps_and_the_sum_of_them() {
    let trail = trail();
    let out = ledger(&trail, &["--output", "jsonl"]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    assert_plain(&out);
    let lines = json_lines(&out.stdout);
    let names = [
        "kind",
        "account_id",
        "aws_region",
        "delivery_day",
        "objects",
        "accepted",
        "partial",
        "rejected",
        "waiting",
        "records_read",
        "records_selected",
        "records_quarantined",
        "longest_interval_seconds",
    ];
    let shown: Vec<Value> = lines
        .iter()
        .map(|line| members(line, &names).into_iter().cloned().collect())
        .collect();
    let expected = json!([
        [
            "day",
            OTHER,
            "eu-west-1",
            "2026-03-02",
            1,
            0,
            0,
            1,
            0,
            0,
            0,
            0,
            null
        ],
        [
            "day",
            ACCOUNT,
            "us-east-1",
            "2026-03-02",
            3,
            1,
            1,
            1,
            0,
            6,
            3,
            2,
            52_200
        ],
        [
            "gap",
            ACCOUNT,
            "us-east-1",
            "2026-03-03",
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null
        ],
        [
            "day",
            ACCOUNT,
            "us-east-1",
            "2026-03-05",
            1,
            1,
            0,
            0,
            0,
            3,
            2,
            0,
            174_000
        ],
        [
            "day",
            ACCOUNT,
            "us-east-1",
            "2026-03-06",
            1,
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            118_200
        ],
    ]);
    assert_eq!(Value::from(shown), expected);
    assert_eq!(lines[2]["last_day"], "2026-03-04");
    assert_eq!(lines[1]["first_delivery"], "2026-03-02T09:05:00.000Z");
    assert_eq!(lines[1]["last_delivery"], "2026-03-02T23:50:00.000Z");
    assert_eq!(
        lines[3]["longest_interval_from"],
        "2026-03-02T23:50:00.000Z"
    );
    let folder = lines[0]["trail_folder"].as_str().unwrap();
    assert!(folder.starts_with(&format!("trail/{HOSTILE}")), "{folder}");

    let total = &json_lines(&out.stderr)[0]["total"];
    let names = [
        "objects",
        "rejected",
        "waiting",
        "trails",
        "days_without_object",
    ];
    assert_eq!(members(total, &names), [6, 2, 1, 2, 2]);
    assert_eq!(total["tracked_first_day"], "2026-03-02");
    assert_eq!(total["tracked_last_day"], "2026-03-05");

    for (filter, expected) in [
        (["--account", OTHER], 1),
        (["--region", "us-east-1,us-west-2"], 4),
        (["--bucket", "another"], 0),
        (["--since", "2026-03-03"], 3),
    ] {
        let args = if filter[0] == "--since" {
            [&["ledger"], &filter[..], &WINDOW[2..]].concat()
        } else {
            [&["ledger"], &WINDOW[..], &filter].concat()
        };
        let out = trail.redtrail(&[&args[..], &["--output", "jsonl"]].concat(), b"");
        assert_eq!(json_lines(&out.stdout).len(), expected, "{filter:?}");
    }

    check_tells_what_is_wrong(&trail);
    objects_one_by_one(&trail);
    shown_to_people(&trail);
    in_spreadsheets(&trail);
}

fn check_tells_what_is_wrong(trail: &Trail) {
    assert_eq!(ledger(trail, &["--check"]).status, 1);
    let only_waiting = ["ledger", "--since", "2026-03-06", "--until", "2026-03-06"];
    let checked = [&only_waiting[..], &["--check"]].concat();
    assert_eq!(trail.redtrail(&checked, b"").status, 1);
    let good = [
        "ledger",
        "--since",
        "2026-03-05",
        "--until",
        "2026-03-05",
        "--check",
    ];
    assert_eq!(trail.redtrail(&good, b"").status, 0);
}

fn objects_one_by_one(trail: &Trail) {
    let out = ledger(trail, &["--objects", "--output", "jsonl"]);
    let lines = json_lines(&out.stdout);
    let objects: Vec<_> = lines
        .iter()
        .filter(|line| line["kind"] == "object")
        .collect();
    assert_eq!(objects.len(), 6);
    let reference = format!("s3://trail/{}", east("20260302T0905"));
    assert_eq!(objects[1]["reference"], reference.as_str());
    assert_eq!(objects[1]["delivered_at"], "2026-03-02T09:05:00.000Z");
    let args = [
        "--objects",
        "--verdict",
        "rejected,waiting",
        "--output",
        "jsonl",
    ];
    let out = ledger(trail, &args);
    let lines = json_lines(&out.stdout);
    let verdicts: Vec<_> = lines
        .iter()
        .filter(|line| line["kind"] == "object")
        .map(|line| (&line["verdict"], &line["reason"], &line["events_durable"]))
        .collect();
    let null = &Value::Null;
    assert_eq!(
        verdicts,
        [
            (&json!("rejected"), &json!("not_gzip"), null),
            (&json!("rejected"), &json!("truncated"), null),
            (&json!("waiting"), null, &json!(120)),
        ]
    );
    let out = ledger(trail, &["--objects", "--verdict", "waiting"]);
    assert!(out.stdout.contains("goes on after"), "{}", out.stdout);
    assert_eq!(out.stdout.matches(".json.gz").count(), 1);
}

fn shown_to_people(trail: &Trail) {
    for width in [80, 160] {
        for further in [&[][..], &["--objects"]] {
            let args = [&["ledger"], &WINDOW[..], further].concat();
            let out = trail.redtrail_at(width, &args, b"");
            assert_eq!(out.status, 0);
            assert_plain(&out);
            let mut rows = out.stdout.lines().filter(|line| !line.contains("AWSLogs"));
            assert!(
                rows.all(|line| line.chars().count() <= width.into()),
                "{}",
                out.stdout
            );
            assert!(
                out.stdout
                    .contains("2026-03-03 to 2026-03-04  gap: no object"),
                "{}",
                out.stdout
            );
            assert!(
                out.stdout.contains("6 objects: 2 accepted"),
                "{}",
                out.stdout
            );
            assert!(out.stderr.contains("quiet Region"), "{}", out.stderr);
        }
    }
}

fn in_spreadsheets(trail: &Trail) {
    for (further, rows) in [(&[][..], 5), (&["--objects"], 6)] {
        let args = [&["--output", "csv"], further].concat();
        let out = ledger(trail, &args);
        assert_plain(&out);
        let lines: Vec<_> = out.stdout.lines().collect();
        assert_eq!(lines.len(), rows + 1, "{}", out.stdout);
        let fields = lines[0].split(',').count();
        for line in lines {
            assert_eq!(line.split(',').count(), fields, "{line}");
            let begins_formula =
                |field: &str| field.trim_matches('"').starts_with(['=', '+', '-', '@']);
            assert!(!line.split(',').any(begins_formula), "{line}");
        }
    }
}

/// What has expired is not shown though DynamoDB has not deleted it yet, and a day whose
/// entries are gone is no gap.
#[test]
fn ok_expired_entries_are_no_gap() {
    let trail = Trail::start();
    let good = log(&[record("e1").to_string()]);
    trail.deliver(&east("20260302T0905"), &good, Retention::Days(1));
    trail.deliver(&east("20260303T0905"), &good, Retention::Forever);
    let out = ledger(&trail, &["--output", "jsonl"]);
    let lines = json_lines(&out.stdout);
    let names = ["kind", "delivery_day", "expired", "objects"];
    let shown: Vec<_> = lines.iter().map(|line| members(line, &names)).collect();
    assert_eq!(
        shown,
        [
            [&json!("day"), &json!("2026-03-02"), &json!(true), &json!(0)],
            [
                &json!("day"),
                &json!("2026-03-03"),
                &json!(false),
                &json!(1)
            ],
        ]
    );
    let out = ledger(&trail, &[]);
    assert!(out.stdout.contains("have expired"), "{}", out.stdout);
    assert!(
        out.stdout.contains("0 days without an object"),
        "{}",
        out.stdout
    );
}

/// DynamoDB ends a page at 1 MB; keys and names alone make an item 300 bytes.
#[test]
fn ok_a_day_of_more_than_a_page() {
    const OBJECTS: usize = 4000;
    let trail = Trail::start();
    let key = east("20260302T0905");
    let good = log(&[record("e1").to_string()]);
    trail.deliver(&key, &good, Retention::Forever);
    let keys: Vec<String> = (0..OBJECTS)
        .map(|n| key.replace("aaaaaaaaaaaaaaaa", &format!("{n:016}")))
        .collect();
    trail.put_off(&keys, 1);
    let out = ledger(&trail, &["--output", "jsonl"]);
    let lines = json_lines(&out.stdout);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        members(&lines[0], &["objects", "waiting"]),
        [OBJECTS + 1, OBJECTS]
    );
}

#[test]
fn ok_the_sample_s_objects() {
    let local = Local::start();
    let args = ["ledger", "--since", "2026-03-02", "--until", "2026-03-02"];
    let out = local.redtrail(&[&args[..], &["--output", "jsonl"]].concat(), b"");
    assert_eq!(out.status, 0, "{}", out.stderr);
    let sum = |name: &str| -> u64 {
        let lines = json_lines(&out.stdout);
        lines.iter().map(|line| line[name].as_u64().unwrap()).sum()
    };
    let objects = sample::objects();
    let of = |kind| objects.iter().filter(move |object| object.kind == kind);
    assert_eq!(sum("accepted"), of(Kind::Log).count() as u64);
    assert_eq!(sum("rejected"), of(Kind::Truncated).count() as u64);
    let records: usize = of(Kind::Log).map(|object| object.records).sum();
    assert_eq!(sum("records_read"), records as u64);

    // The days asked for by default are long after the sample's: they are told where to look.
    let out = local.redtrail(&["ledger"], b"");
    assert_eq!(out.status, 0);
    assert!(out.stderr.contains("--since 2026-03-02"), "{}", out.stderr);
    local.stop();
}

#[test]
fn err_usage() {
    let folder = tempfile::tempdir().unwrap();
    let tables = ["--ledger-table", "l", "--directory-table", "d"];
    for (args, said) in [
        (&[][..], "DIRECTORY_TABLE"),
        (&["--directory-table", "d"], "LEDGER_TABLE"),
        (&["--since", "soon"], "`soon` is not a time"),
        (&["--since", "1990-01-01"], "more than"),
        (&["--since", "1h", "--until", "2h"], "no time is"),
        (&["--account", "12"], "twelve digits"),
        (&["--verdict", "rejected"], "--objects"),
        (&["--objects", "--verdict", "bad"], "accepted"),
    ] {
        let args: Vec<&str> = match said {
            "DIRECTORY_TABLE" | "LEDGER_TABLE" => args.to_vec(),
            _ => [args, &tables].concat(),
        };
        let out = redtrail(["ledger"].iter().chain(&args), folder.path());
        assert_eq!((out.status, out.stdout.as_str()), (2, ""), "{args:?}");
        assert!(out.stderr.contains(said), "{args:?}: {}", out.stderr);
    }
}

#[test]
fn err_no_table() {
    let trail = Trail::start();
    let out = ledger(&trail, &["--directory-table", "no-such-table"]);
    assert_eq!((out.status, out.stdout.as_str()), (1, ""));
    assert!(
        out.stderr.contains("there is no table no-such-table"),
        "{}",
        out.stderr
    );
    let out = ledger(&trail, &[]);
    assert_eq!(out.status, 0);
    assert!(out.stderr.contains("knows no trail"), "{}", out.stderr);
}
