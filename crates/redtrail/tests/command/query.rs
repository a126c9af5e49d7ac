//! `redtrail query` against the tables that `redtrail local` fills.

use std::sync::LazyLock;

use redtrail_trailgen::{Truth, sample};
use serde_json::Value;

use crate::{
    local::Local,
    run::{self, json_lines, redtrail},
};

/// Asks it.
fn query(local: &Local, args: &[&str]) -> run::Output {
    local.redtrail(&[&["query"], args].concat(), b"")
}

/// The ids of the events that answer, as they come.
fn ids(local: &Local, args: &[&str]) -> Vec<String> {
    let args = [args, &["--output", "jsonl"]].concat();
    let out = query(local, &args);
    assert_eq!(out.status, 0, "{}", out.stderr);
    json_lines(&out.stdout)
        .iter()
        .map(|event| text(event, "event_id"))
        .collect()
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap_or_default().to_owned()
}

fn newest_first(truth: &[Truth]) -> Vec<String> {
    truth
        .iter()
        .rev()
        .map(|event| event.event_id.clone())
        .collect()
}

static BY_PRINCIPAL: LazyLock<Vec<String>> =
    LazyLock::new(|| newest_first(&sample::events_by_principal()));
static ON_RESOURCE: LazyLock<Vec<String>> =
    LazyLock::new(|| newest_first(&sample::events_on_resource()));

#[test]
fn ok_the_sample_s_answers() {
    let local = Local::start();
    assert!(BY_PRINCIPAL.len() > 5 && ON_RESOURCE.len() > 5);
    assert_eq!(
        ids(&local, &["principal", sample::PRINCIPAL]),
        *BY_PRINCIPAL
    );
    assert_eq!(ids(&local, &["resource", sample::RESOURCE]), *ON_RESOURCE);

    let oldest = ids(&local, &["principal", sample::PRINCIPAL, "--oldest-first"]);
    assert!(oldest.iter().rev().eq(BY_PRINCIPAL.iter()));
    let two = ids(&local, &["principal", sample::PRINCIPAL, "--limit", "2"]);
    assert_eq!(two, BY_PRINCIPAL[..2]);
    assert_eq!(
        ids(
            &local,
            &["principal", "arn:aws:iam::111122223333:user/nobody"]
        ),
        [""; 0]
    );

    windows(&local);
    shown_to_people(&local);
    err_no_table(&local);
    let left = local.stop();
    assert!(left.is_empty(), "{left:?}");
}

/// A window holds its first instant and not its last.
fn windows(local: &Local) {
    let truth = sample::events_by_principal();
    let (from, to) = (&truth[1].event_time, &truth[truth.len() - 2].event_time);
    let expected: Vec<_> = truth
        .iter()
        .rev()
        .filter(|event| event.event_time >= *from && event.event_time < *to)
        .map(|event| event.event_id.clone())
        .collect();
    assert!(!expected.is_empty() && expected.len() < truth.len());
    let (from, to) = (from.to_string(), to.to_string());
    let key = sample::PRINCIPAL;
    assert_eq!(
        ids(local, &["principal", key, "--since", &from, "--until", &to]),
        expected
    );
    let since = ids(local, &["principal", key, "--since", &from]);
    assert_eq!(since, BY_PRINCIPAL[..BY_PRINCIPAL.len() - 1]);
    assert_eq!(
        ids(local, &["principal", key, "--until", "1999-12-31"]),
        [""; 0]
    );
    assert_eq!(
        ids(local, &["principal", key, "--until", "2026-03-02"]),
        *BY_PRINCIPAL
    );
}

fn shown_to_people(local: &Local) {
    let out = query(
        local,
        &["resource", sample::RESOURCE, "--since", "2026-03-02"],
    );
    assert_eq!(out.status, 0);
    assert!(
        out.stderr.contains("2026-03-02T00:00:00.000Z"),
        "{}",
        out.stderr
    );
    assert!(
        out.stdout
            .contains(sample::PERSON.split('@').next().unwrap()),
        "{}",
        out.stdout
    );
    let objects = out
        .stdout
        .lines()
        .filter(|line| line.starts_with("s3://"))
        .count();
    assert!(objects > 1, "{}", out.stdout);
    let mut rows = out.stdout.lines().filter(|line| !line.starts_with("s3://"));
    assert!(rows.all(|line| line.chars().count() <= 80));
    assert!(!out.stdout.contains('\u{1b}'));
}

fn err_no_table(local: &Local) {
    let out = query(
        local,
        &[
            "principal",
            sample::PRINCIPAL,
            "--principals-table",
            "no-such-table",
        ],
    );
    assert_eq!((out.status, out.stdout.as_str()), (1, ""));
    assert!(
        out.stderr.contains("there is no table no-such-table"),
        "{}",
        out.stderr
    );
}

#[test]
fn err_usage() {
    let folder = tempfile::tempdir().unwrap();
    let key = sample::PRINCIPAL;
    for (args, said) in [
        (&["principal", key][..], "PRINCIPALS_TABLE"),
        (&["resource", sample::RESOURCE], "RESOURCES_TABLE"),
        (&["resource", "sales-prod"], "--stack NAME"),
        (&["principal", key, "--changes"], "--writes"),
        (
            &["principal", key, "--since", "soon"],
            "`soon` is not a time",
        ),
        (
            &["principal", key, "--since", "1h", "--until", "2h"],
            "no time is",
        ),
        (&["principal", key, "--limit", "0"], "--limit"),
        (&["principal"], "KEY"),
        (&["cluster", "x"], "cluster"),
    ] {
        let out = redtrail(["query"].iter().chain(args), folder.path());
        assert_eq!((out.status, out.stdout.as_str()), (2, ""), "{args:?}");
        assert!(out.stderr.contains(said), "{args:?}: {}", out.stderr);
    }
}
