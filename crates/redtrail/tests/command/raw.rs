//! `redtrail raw`: from references to the very records.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
};

use redtrail_trailgen::{gzip, sample};
use serde_json::{Value, json};

use crate::{
    local::Local,
    run::{Output, command, json_lines, redtrail, redtrail_in, redtrail_with_input},
};

fn member(lines: &str, name: &str) -> Vec<String> {
    json_lines(lines)
        .iter()
        .map(|line| line[name].as_str().unwrap().to_owned())
        .collect()
}

/// The references that a table shows: its objects' lines, each with the `#INDEX` of the rows
/// below it.
fn in_table(table: &str) -> Vec<String> {
    let mut object = "";
    let mut references = Vec::new();
    for line in table.lines() {
        if line.contains(".json.gz") && !line.contains(' ') {
            object = line;
        } else if line.starts_with('#') {
            let index = line.split(' ').next().unwrap();
            references.push(format!("{object}{index}"));
        }
    }
    references
}

#[test]
fn ok_from_every_answer_of_the_tables_to_s3() {
    let local = Local::start();
    for question in [
        ["query", "principal", sample::PRINCIPAL],
        ["query", "resource", sample::RESOURCE],
    ] {
        let answer = local.redtrail(&[&question[..], &["--output", "jsonl"]].concat(), b"");
        let references = member(&answer.stdout, "reference");
        assert!(references.len() > 5);
        // Lines of an answer do as input, and so do references alone.
        for input in [&answer.stdout, &references.join("\n")] {
            let raw = local.redtrail(&["raw", "-", "--output", "json"], input.as_bytes());
            assert_eq!((raw.status, raw.stderr.as_str()), (0, ""));
            let ids = member(&raw.stdout, "eventID");
            assert_eq!(ids, member(&answer.stdout, "event_id"));
        }
        let table = local.redtrail(&question, b"");
        assert_eq!(in_table(&table.stdout), references);
    }

    let object = &sample::objects()[0];
    let reference = format!("s3://{}/{}#0", sample::BUCKET, object.key);
    let shown = local.redtrail(&["raw", &reference], b"");
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""));
    assert!(shown.stdout.lines().count() > 20, "{}", shown.stdout);
    let bytes = local.redtrail(&["raw", &reference, "--output", "raw"], b"");
    let plain = String::from_utf8(object.plain.clone()).unwrap();
    assert!(plain.contains(&bytes.stdout));
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(parsed(&shown.stdout), parsed(&plain)["Records"][0]);
    assert_eq!(parsed(&bytes.stdout), parsed(&plain)["Records"][0]);

    let beyond = format!("s3://{}/{}#{}", sample::BUCKET, object.key, object.records);
    let gone = format!("s3://{}/AWSLogs/gone.json.gz#0", sample::BUCKET);
    let cut = sample::objects()
        .into_iter()
        .find(|object| object.kind == sample::Kind::Truncated)
        .unwrap();
    let cut = format!("s3://{}/{}#0", sample::BUCKET, cut.key);
    for (bad, said) in [
        (&beyond, format!("has {} records", object.records)),
        (&gone, "It is gone".to_owned()),
        (&cut, "truncated".to_owned()),
    ] {
        let out = local.redtrail(&["raw", bad], b"");
        assert_eq!((out.status, out.stdout.as_str()), (1, ""), "{bad}");
        assert!(out.stderr.contains(&said), "{}", out.stderr);
        // The others are printed all the same.
        let args = ["raw", bad, &reference, "--output", "json"];
        let out = local.redtrail(&args, b"");
        assert_eq!((out.status, json_lines(&out.stdout).len()), (1, 1));
        assert!(out.stderr.contains("1 of 2 records printed"));
    }
    local.stop();
}

#[test]
fn ok_from_an_answer_about_files_to_them() {
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    let name = "AWS Logs #1?/100%/é.json.gz";
    fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
    fs::write(folder.path().join(name), gzip(&sample::objects()[0].plain)).unwrap();
    for path in [".", "AWSLogs", name] {
        let answer = redtrail(["inspect", path, "--output", "jsonl"], folder.path());
        let args = ["raw", "-", "--output", "json"];
        let raw = redtrail_with_input(args, folder.path(), answer.stdout.as_bytes());
        assert_eq!((raw.status, raw.stderr.as_str()), (0, ""), "{path}");
        let ids = member(&raw.stdout, "eventID");
        assert!(ids.len() > 5, "{path}");
        assert_eq!(ids, member(&answer.stdout, "event_id"));
        let table = redtrail(["inspect", path], folder.path());
        assert_eq!(in_table(&table.stdout), member(&answer.stdout, "reference"));
    }
}

/// However long an answer is, each object is told once for the rows below it.
#[test]
fn ok_a_long_table_tells_an_object_once() {
    let folder = tempfile::tempdir().unwrap();
    let record = |id| {
        json!({
            "userIdentity": { "type": "Root", "accountId": "111122223333" },
            "eventTime": "2026-03-02T09:00:00Z", "eventSource": "redshift.amazonaws.com",
            "eventName": "DescribeClusters", "eventID": format!("{id}")
        })
    };
    let records: Vec<_> = (0..1000).map(record).collect();
    let object = gzip(json!({ "Records": records }).to_string().as_bytes());
    let names = ["a.json.gz", "b.json.gz"];
    for name in names {
        fs::write(folder.path().join(name), &object).unwrap();
    }
    let table = redtrail(["inspect", "."], folder.path()).stdout;
    assert_eq!(table.matches(".json.gz").count(), 2);
    let expected: Vec<_> = names
        .iter()
        .flat_map(|name| (0..1000).map(move |index| format!("./{name}#{index}")))
        .collect();
    assert_eq!(in_table(&table), expected);
}

/// Records that are hostile, or none.
const RECORDS: [&[u8]; 3] = [
    b"{\"eventID\":\"\x7f\xc2\x9b31m\xe2\x80\xae\xf3\xa0\x81\x81\\u001b\"}",
    b"7",
    b"{\"a\":\n\"\x1b[2J\xff\",}",
];

fn hostile_object() -> Vec<u8> {
    gzip(&[b"{\"Records\":[", &RECORDS.join(&b", "[..])[..], b"]}"].concat())
}

fn hostile(folder: &Path, args: &[&str]) -> std::process::Output {
    fs::write(folder.join("a.json.gz"), hostile_object()).unwrap();
    let args = ["raw"].iter().chain(args);
    command(args, folder).output().unwrap()
}

#[test]
fn no_hostile_character_reaches_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let references = ["a.json.gz#0", "a.json.gz#1", "a.json.gz#2"];
    for form in ["pretty", "json"] {
        let out = hostile(
            folder.path(),
            &[&references[..], &["--output", form]].concat(),
        );
        let stdout = String::from_utf8(out.stdout).unwrap();
        let stderr = String::from_utf8(out.stderr).unwrap();
        assert!(
            stdout.contains(r"\u007f\u009b31m\u202e\udb40\udc41\u001b"),
            "{stdout}"
        );
        for character in stdout.chars().chain(stderr.chars()) {
            let plain = character == '\n'
                || !(character.is_control() || matches!(character, '\u{202e}' | '\u{e0041}'));
            assert!(plain, "{form}: {}", character.escape_unicode());
        }
        // What is no JSON is shown to people, and not passed off as JSON to programs.
        let is_shown = form == "pretty";
        assert_eq!(out.status.code(), Some(i32::from(!is_shown)), "{stderr}");
        assert_eq!(stdout.contains("[2J"), is_shown);
        assert!(stderr.contains("no well-formed JSON"), "{stderr}");
    }
}

#[test]
fn ok_the_very_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for (index, bytes) in RECORDS.into_iter().enumerate() {
        let out = hostile(
            folder.path(),
            &["--output", "raw", &format!("a.json.gz#{index}")],
        );
        assert_eq!(out.status.code(), Some(0));
        assert_eq!(out.stdout, bytes, "{}", out.stdout.escape_ascii());
        assert!(out.stderr.is_empty());
    }
}

#[test]
fn err_raw_bytes_to_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json.gz"), hostile_object()).unwrap();
    let in_terminal = |args: &[&str]| {
        let script =
            "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
        let out = Command::new("python3")
            .args(["-c", script, env!("CARGO_BIN_EXE_redtrail"), "raw"])
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        (out.status.code().unwrap(), out.stdout)
    };
    let has_escape = |bytes: &[u8]| bytes.contains(&0x1b) || bytes.contains(&0x7f);
    let (status, shown) = in_terminal(&["a.json.gz#0", "--output", "raw"]);
    assert_eq!(status, 2);
    assert!(!has_escape(&shown), "{}", shown.escape_ascii());
    let (status, shown) = in_terminal(&["a.json.gz#0"]);
    assert_eq!(status, 0);
    assert!(!has_escape(&shown), "{}", shown.escape_ascii());
    assert!(String::from_utf8(shown).unwrap().contains("eventID"));
}

#[test]
fn err_a_damaged_object_gives_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let whole = gzip(br#"{"Records":[{"eventID":"e1"},{"eventID":"e2"}]}"#);
    let doubled = [&whole[..], &whole].concat();
    for (bytes, said) in [
        (&whole[..whole.len() - 1], "truncated"),
        (&doubled, "trailing_bytes"),
        (br#"{"Records":[{"eventID":"e1"},]}"#, "malformed"),
    ] {
        fs::write(folder.path().join("a.json.gz"), bytes).unwrap();
        let out = redtrail(["raw", "a.json.gz#0"], folder.path());
        assert_eq!((out.status, out.stdout.as_str()), (1, ""));
        assert!(out.stderr.contains(said), "{}", out.stderr);
    }
}

/// An S3 that gives every request the same answer.
fn s3_that_answers(status: &str, body: &[u8], length: usize) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let answer = [head.as_bytes(), body].concat();
    let serve = move |mut stream: TcpStream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let request = lines.next()?.ok()?;
        lines
            .find(|line| line.as_ref().is_ok_and(String::is_empty))?
            .ok()?;
        sender.send(request).ok()?;
        stream.write_all(&answer).ok()
    };
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
    });
    (endpoint, requests)
}

fn ask(endpoint: &str, references: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    redtrail_in(
        ["raw"].iter().chain(references),
        folder.path(),
        &[
            ("AWS_ENDPOINT_URL_S3", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "example"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
        ],
    )
}

#[test]
fn ok_the_version_is_asked_for() {
    let object = gzip(br#"{"Records":[{"eventID":"e1"}]}"#);
    let (endpoint, requests) = s3_that_answers("200 OK", &object, object.len());
    let out = ask(&endpoint, &["s3://trail/a%20b%3Fc.json.gz?versionId=v1#0"]);
    assert_eq!((out.status, out.stderr.as_str()), (0, ""));
    assert_eq!(out.stdout, "{\n  \"eventID\": \"e1\"\n}\n");
    let request = requests.recv().unwrap();
    let target = request.split(' ').nth(1).unwrap();
    assert!(target.starts_with("/trail/a%20b%3Fc.json.gz?"), "{target}");
    assert!(target.contains("versionId=v1"), "{target}");
    // One reading serves all records of an object.
    let of_one = ["s3://trail/a#0", "s3://trail/a#0", "s3://trail/a#1"];
    assert_eq!(ask(&endpoint, &of_one).status, 1);
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn err_each_refusal_says_what_to_do() {
    let error = |code: &str, message: &str| {
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
    };
    let versioned = "s3://trail/a.json.gz?versionId=v1#0";
    let plain = "s3://trail/a.json.gz#0";
    let kms =
        "is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k";
    for (reference, status, body, said) in [
        (
            plain,
            "404 Not Found",
            error("NoSuchKey", "No key"),
            "It is gone",
        ),
        (
            versioned,
            "404 Not Found",
            error("NoSuchVersion", "No version"),
            "It is gone",
        ),
        (
            plain,
            "403 Forbidden",
            error("AccessDenied", "Access Denied"),
            "needs s3:GetObject here",
        ),
        (
            versioned,
            "403 Forbidden",
            error("AccessDenied", "Access Denied"),
            "needs s3:GetObjectVersion here",
        ),
        (
            versioned,
            "403 Forbidden",
            error("AccessDenied", kms),
            "needs kms:Decrypt here",
        ),
        (
            plain,
            "403 Forbidden",
            error("InvalidObjectState", "archived"),
            "must be restored",
        ),
        (
            plain,
            "301 Moved Permanently",
            error("PermanentRedirect", "Use the specified endpoint."),
            "--region",
        ),
    ] {
        let (endpoint, _requests) = s3_that_answers(status, body.as_bytes(), body.len());
        let out = ask(&endpoint, &[reference]);
        assert_eq!((out.status, out.stdout.as_str()), (1, ""), "{status}");
        assert!(
            out.stderr.contains("s3://trail/a.json.gz"),
            "{}",
            out.stderr
        );
        assert!(out.stderr.contains(said), "{}", out.stderr);
    }
}

#[test]
fn err_a_body_cut_short_gives_no_record() {
    let object = br#"{"Records":[{"eventID":"e1"}]}"#;
    let (endpoint, _requests) = s3_that_answers("200 OK", object, object.len() + 1);
    let out = ask(&endpoint, &["s3://trail/a.json.gz#0"]);
    assert_eq!((out.status, out.stdout.as_str()), (1, ""));
}

#[test]
fn err_usage() {
    let folder = tempfile::tempdir().unwrap();
    for (args, said) in [
        (&["raw"][..], "REFERENCE"),
        (&["raw", "s3://trail/a.json.gz"], "#INDEX"),
        (&["raw", "https://trail.s3.amazonaws.com/a#1"], "s3://"),
        (&["raw", "-", "-"], "stands twice"),
        (&["raw", "a#1", "a#2", "--output", "raw"], "one reference"),
        (&["raw", "a#1", "--output", "table"], "pretty"),
    ] {
        let out = redtrail(args.iter().copied(), folder.path());
        assert_eq!((out.status, out.stdout.as_str()), (2, ""), "{args:?}");
        assert!(out.stderr.contains(said), "{args:?}: {}", out.stderr);
    }
    let out = redtrail_with_input(["raw", "-"], folder.path(), b"\na.json#1\nnonsense\n");
    assert_eq!(out.status, 2);
    assert!(
        out.stderr.contains("`nonsense` in line 3"),
        "{}",
        out.stderr
    );
    let out = redtrail(["raw", "no-such-file#1"], folder.path());
    assert_eq!((out.status, out.stdout.as_str()), (1, ""));
    assert!(out.stderr.contains("no-such-file"), "{}", out.stderr);
}
