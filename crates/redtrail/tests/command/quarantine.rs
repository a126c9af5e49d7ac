//! `redtrail quarantine` against an embedded S3 and embedded tables.

use std::collections::BTreeSet;

use redtrail_core::retention::Retention;
use redtrail_notification::{AnnouncedObject, read};
use serde_json::{Value, json};

use crate::{
    run::{self, json_lines, redtrail},
    trail::{Trail, assert_plain, key, log, record},
};

const WINDOW: [&str; 4] = ["--since", "2026-03-01", "--until", "2026-03-10"];
/// A record of the family that is no JSON, and that a terminal would obey.
const HOSTILE: &[u8] =
    b"{\"eventSource\":\"redshift.amazonaws.com\",\"a\":\n\"\x1b[2J\xe2\x80\xae\xff\",}";

fn partial() -> String {
    key("", "111122223333", "us-east-1", "20260302T0920")
}

fn truncated() -> String {
    let prefix = "-cmd \u{202e}#?%/";
    key(prefix, "444455556666", "eu-west-1", "20260303T0905")
}

fn good() -> Vec<u8> {
    log(&[record("e1").to_string()])
}

fn trail() -> Trail {
    let trail = Trail::start();
    let records = [
        record("e2").to_string().into_bytes(),
        b"7".to_vec(),
        HOSTILE.to_vec(),
    ];
    trail.deliver(&partial(), &log(&records), Retention::Forever);
    let good = good();
    trail.deliver(&truncated(), &good[..good.len() - 5], Retention::Forever);
    let other = key("", "111122223333", "us-east-1", "20260302T0925");
    trail.deliver(&other, &good, Retention::Forever);
    trail
}

fn quarantine(trail: &Trail, args: &[&str], input: &[u8]) -> run::Output {
    let out = trail.redtrail(&[&["quarantine"], args].concat(), input);
    assert_plain(&out);
    out
}

fn list(trail: &Trail, further: &[&str]) -> Vec<Value> {
    let args = [&["list"], &WINDOW[..], &["--output", "jsonl"], further].concat();
    let out = quarantine(trail, &args, b"");
    assert_eq!(out.status, 0, "{}", out.stderr);
    json_lines(&out.stdout)
}

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_default()
}

fn reference(key: &str) -> String {
    let key = key
        .replace('%', "%25")
        .replace('#', "%23")
        .replace('?', "%3F");
    let key = key.replace(' ', "%20").replace('\u{202e}', "%E2%80%AE");
    format!("s3://trail/{key}")
}

#[test]
fn ok_listed_by_day_with_how_it_stands_now() {
    let trail = trail();
    let lines = list(&trail, &[]);
    let shown: Vec<_> = lines
        .iter()
        .map(|line| {
            ["kind", "reference", "delivery_day", "reason", "verdict_now"]
                .map(|name| text(line, name))
        })
        .collect();
    let (partial, truncated_object) = (reference(&partial()), reference(&truncated()));
    let [one, two] = [1, 2].map(|index| format!("{partial}#{index}"));
    assert_eq!(
        shown,
        [
            ["record", &one, "2026-03-02", "not_an_object", "partial"],
            ["record", &two, "2026-03-02", "malformed", "partial"],
            [
                "object",
                &truncated_object,
                "2026-03-03",
                "truncated",
                "rejected"
            ],
        ]
    );
    assert_eq!(lines[1]["record_bytes"], HOSTILE.len());

    for (further, expected) in [
        (&["--rejected"][..], 1),
        (&["--account", "111122223333"], 2),
        (&["--region", "eu-west-1"], 1),
        (&["--bucket", "another"], 0),
    ] {
        assert_eq!(list(&trail, further).len(), expected, "{further:?}");
    }
    for width in [80, 160] {
        let args = [&["quarantine", "list"], &WINDOW[..]].concat();
        let out = trail.redtrail_at(width, &args, b"");
        assert_plain(&out);
        let mut rows = out.stdout.lines().filter(|line| !line.starts_with("s3://"));
        assert!(rows.all(|line| line.chars().count() <= width.into()));
        assert!(out.stdout.contains("not_an_object"), "{}", out.stdout);
        assert!(
            out.stderr.contains("1 objects rejected, 2 records"),
            "{}",
            out.stderr
        );
    }
    let csv = quarantine(
        &trail,
        &[&["list"], &WINDOW[..], &["--output", "csv"]].concat(),
        b"",
    );
    assert_eq!(csv.stdout.lines().count(), 4);
    // Nothing of these days is in the last seven.
    let out = quarantine(&trail, &["list"], b"");
    assert_eq!((out.status, out.stdout.as_str()), (0, ""));
    assert!(out.stderr.contains("0 objects rejected"), "{}", out.stderr);
}

#[test]
fn ok_shown_as_it_stands_in_s3() {
    let trail = trail();
    let listed = trail.redtrail(
        &[&["quarantine", "list"], &WINDOW[..], &["--output", "jsonl"]].concat(),
        b"",
    );
    let out = quarantine(&trail, &["show", "-"], listed.stdout.as_bytes());
    assert_eq!(out.status, 0, "{}", out.stderr);
    assert!(
        out.stderr.contains("cannot be read: not_an_object"),
        "{}",
        out.stderr
    );
    assert!(
        out.stderr.contains("cannot be read: malformed"),
        "{}",
        out.stderr
    );
    assert!(
        out.stdout.contains(r#""a":\u{a}"\u{1b}[2J\u{202e}"#),
        "{}",
        out.stdout
    );
    assert!(out.stdout.contains("rejected, truncated"), "{}", out.stdout);

    let whole = reference(&partial());
    let gone = reference(&key("", "111122223333", "us-east-1", "20260302T2300"));
    let out = quarantine(&trail, &["show", &gone, &whole, &format!("{whole}#0")], b"");
    assert_eq!(out.status, 1);
    assert!(out.stderr.contains("It is gone"), "{}", out.stderr);
    assert!(
        out.stderr.contains("can be read by this version"),
        "{}",
        out.stderr
    );
    assert!(out.stderr.contains("2 of 3 shown"), "{}", out.stderr);
    assert!(
        out.stdout.contains("whole, with 3 records"),
        "{}",
        out.stdout
    );
    assert!(out.stdout.contains("\"eventID\": \"e2\""), "{}", out.stdout);
}

/// What the function makes of the message from its queue, and of the same as its payload.
fn forced(message: &str) -> Vec<AnnouncedObject> {
    let of_queue = json!({ "Records": [
        { "messageId": "m", "eventSource": "aws:sqs", "body": message }
    ]});
    let objects = |payload: &str| -> Vec<AnnouncedObject> {
        let messages = read(payload.as_bytes()).messages.into_iter();
        messages
            .flat_map(|message| {
                assert_eq!(message.announced.unreadable, []);
                message.announced.objects
            })
            .collect()
    };
    let from_queue = objects(&of_queue.to_string());
    assert_eq!(from_queue, objects(message));
    from_queue
}

#[track_caller]
fn check_replayed(messages: &[String], keys: &[String]) {
    let objects: Vec<_> = messages
        .iter()
        .flat_map(|message| forced(message))
        .collect();
    assert!(objects.iter().all(|object| object.force));
    let found: BTreeSet<_> = objects.iter().map(|object| &object.address.key).collect();
    assert_eq!(found, keys.iter().collect());
    assert_eq!(objects.len(), keys.len());
}

fn lines(out: &run::Output) -> Vec<String> {
    assert_eq!(out.status, 0, "{}", out.stderr);
    out.stdout.lines().map(str::to_owned).collect()
}

fn replay(trail: &Trail, args: &[&str], input: &[u8]) -> run::Output {
    quarantine(trail, &[&["replay"], args].concat(), input)
}

#[test]
fn ok_the_function_reads_replayed_objects_again() {
    let trail = trail();
    let both = [partial(), truncated()];
    let out = replay(&trail, &WINDOW, b"");
    check_replayed(&lines(&out), &both);
    assert!(
        out.stderr.contains("2 objects to read again"),
        "{}",
        out.stderr
    );
    let rejected = replay(&trail, &[&WINDOW[..], &["--rejected"]].concat(), b"");
    check_replayed(&lines(&rejected), &both[1..]);

    // Two records of one object are one message.
    let listed: Vec<String> = list(&trail, &[]).iter().map(Value::to_string).collect();
    let out = replay(&trail, &["-"], listed.join("\n").as_bytes());
    check_replayed(&lines(&out), &both);
    let out = replay(&trail, &[&reference(&truncated())], b"");
    check_replayed(&lines(&out), &both[1..]);
    // Of the ledger's objects, too.
    let args = [&["ledger", "--objects", "--output", "jsonl"], &WINDOW[..]].concat();
    let objects = trail.redtrail(&args, b"").stdout;
    let out = replay(&trail, &["-"], objects.as_bytes());
    assert_eq!(lines(&out).len(), 3);

    let out = replay(&trail, &[&WINDOW[..], &["--print", "batch"]].concat(), b"");
    let batch: Vec<Value> = serde_json::from_str(&lines(&out)[0]).unwrap();
    let bodies: Vec<String> = batch
        .iter()
        .map(|entry| text(entry, "MessageBody").to_owned())
        .collect();
    check_replayed(&bodies, &both);

    // A good object takes the place of the damaged one: it is read again no more.
    trail.deliver(&truncated(), &good(), Retention::Forever);
    let lines_now = list(&trail, &["--rejected"]);
    assert_eq!(text(&lines_now[0], "verdict_now"), "accepted");
    let out = replay(&trail, &WINDOW, b"");
    check_replayed(&lines(&out), &both[..1]);
    assert!(
        out.stderr.contains("1 objects are left out"),
        "{}",
        out.stderr
    );
}

#[test]
fn err_usage() {
    let folder = tempfile::tempdir().unwrap();
    for (args, said) in [
        (&["show"][..], "REFERENCE"),
        (&["show", "https://trail/a"], "s3://"),
        (&["show", "-", "-"], "stands twice"),
        (&["list"], "LEDGER_TABLE"),
        (&["list", "--since", "soon"], "not a time"),
        (&["replay"], "neither objects nor days"),
        (&["replay", "a.json.gz"], "is a file"),
        (&["replay", "s3://trail/a.json.gz"], "no log object"),
        (&["replay", "s3://trail/a", "--since", "1d"], "--since"),
    ] {
        let out = redtrail(["quarantine"].iter().chain(args), folder.path());
        assert_eq!((out.status, out.stdout.as_str()), (2, ""), "{args:?}");
        assert!(out.stderr.contains(said), "{args:?}: {}", out.stderr);
    }
}
