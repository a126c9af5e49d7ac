//! Bad and odd objects through `redtrail inspect`: exit status, verdicts, counts, and nothing on
//! the terminal that deceives.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use redtrail_core::plain_text::is_not_plain;
use redtrail_trailgen::catalogue::{Case, Expected, Kept, SECRET, bombs, cases};
use serde_json::Value;

use crate::run::{Output, json_lines, redtrail};

/// What `inspect` says of one object, if it is not what the catalogue says.
fn fault(case: &Case, report: &Value, events: &[Value]) -> Option<String> {
    let count = |name: &str| report[name].as_u64().unwrap_or(u64::MAX);
    let verdict = report["verdict"].as_str().unwrap_or_default();
    let reason = report["reason"].as_str().unwrap_or_default();
    let is_right = match &case.expected {
        Expected::Rejected(word) => {
            verdict == "rejected" && reason.starts_with(&format!("{word}: ")) && events.is_empty()
        }
        Expected::RejectedSomehow => verdict == "rejected" && events.is_empty(),
        Expected::Read(counts) => {
            let is_partial = counts.quarantined() > 0;
            let kept: Vec<&str> = events
                .iter()
                .map(|event| event["event_id"].as_str().unwrap())
                .collect();
            let expected: Vec<&str> = counts
                .events
                .iter()
                .map(|Kept { event_id, .. }| event_id.as_str())
                .collect();
            verdict == if is_partial { "partial" } else { "accepted" }
                && count("read") == counts.read()
                && count("selected") == counts.selected()
                && count("not_selected") == counts.not_selected
                && count("duplicate") == counts.duplicate
                && count("quarantined") == counts.quarantined()
                && counts
                    .quarantined
                    .iter()
                    .all(|(word, _)| reason.contains(word))
                && kept == expected
        }
    };
    (!is_right).then(|| format!("{}: {:?} but said {report}", case.name, case.expected))
}

fn put(folder: &Path, cases: &[Case]) {
    for case in cases {
        fs::write(folder.join(format!("{}.json.gz", case.name)), case.bytes()).unwrap();
    }
}

fn by_object<'a>(lines: &'a [Value], name: &str) -> BTreeMap<&'a str, Vec<Value>> {
    let mut groups = BTreeMap::<&str, Vec<Value>>::new();
    for line in lines {
        let object = line[name].as_str().unwrap();
        let object = object.rsplit('/').next().unwrap();
        let object = object.split(".json.gz").next().unwrap();
        groups.entry(object).or_default().push(line.clone());
    }
    groups
}

fn assert_plain(out: &Output) {
    for line in [&out.stdout, &out.stderr]
        .into_iter()
        .flat_map(|text| text.lines())
    {
        assert!(!line.contains(is_not_plain), "{}", line.escape_unicode());
    }
}

#[test]
fn ok_a_folder_of_every_case() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    put(folder.path(), &cases);
    let out = redtrail(["inspect", ".", "--output", "jsonl"], folder.path());
    assert_eq!(out.status, 1, "some objects are rejected");
    assert_plain(&out);
    assert!(!out.stdout.contains(SECRET));
    let (reports, events) = (json_lines(&out.stderr), json_lines(&out.stdout));
    let (reports, events) = (
        by_object(&reports, "object"),
        by_object(&events, "reference"),
    );
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let name = case.name.as_str();
            let report = &reports[name][0];
            fault(case, report, events.get(name).map_or(&[], Vec::as_slice))
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    let out = redtrail(["inspect", "."], folder.path());
    assert_eq!(out.status, 1);
    assert_plain(&out);
}

#[test]
fn ok_the_exit_status_of_each_case() {
    let folder = tempfile::tempdir().unwrap();
    // The suite's objects fare alike.
    let cases = cases()
        .into_iter()
        .filter(|case| !case.name.starts_with("json-"));
    let cases: Vec<Case> = cases.step_by(3).collect();
    put(folder.path(), &cases);
    for case in &cases {
        let name = format!("{}.json.gz", case.name);
        let out = redtrail(["inspect", &name], folder.path());
        let expected = i32::from(!matches!(case.expected, Expected::Read(_)));
        assert_eq!(out.status, expected, "{name}: {}", out.stderr);
        assert_plain(&out);
    }
}

/// The operating system grants 64 MiB for all data of the process: whoever asks for more is
/// ended.
#[test]
fn ok_no_bomb_takes_64_mib() {
    let folder = tempfile::tempdir().unwrap();
    for case in bombs() {
        put(folder.path(), std::slice::from_ref(&case));
        let output = Command::new("sh")
            .args([
                "-c",
                "ulimit -d 65536 && exec \"$0\" inspect --output jsonl \"$1\"",
            ])
            .arg(env!("CARGO_BIN_EXE_redtrail"))
            .arg(format!("{}.json.gz", case.name))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = i32::from(!matches!(case.expected, Expected::Read(_)));
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{}: {said}",
            case.name
        );
        let events = String::from_utf8(output.stdout).unwrap();
        let mut counts = case.expected.clone();
        if let Expected::Read(counts) = &mut counts
            && counts.further_events > 0
        {
            assert_eq!(events.lines().count() as u64, counts.further_events);
            continue;
        }
        let report = &json_lines(&said)[0];
        assert_eq!(fault(&case, report, &json_lines(&events)), None);
    }
}
