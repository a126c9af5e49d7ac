//! The demo can fail: it says so when the function does nothing, or the tables are empty.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A binary of the workspace, built beside the demo's.
fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_redtrail-demo")).with_file_name(name);
    assert!(
        path.exists(),
        "{} is missing: run make test",
        path.display()
    );
    path
}

fn demo(bootstrap: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redtrail-demo"))
        .arg("--bootstrap")
        .arg(bootstrap)
        .arg("--redtrail")
        .arg(built("redtrail"))
        .args(more)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap()
}

#[test]
fn ok_the_answers_are_shown_and_checked() {
    let output = demo(&built("bootstrap"), &[]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("ana.lopez@example"));
    assert!(shown.contains("cluster:sales-prod"));
}

#[test]
fn err_a_function_that_does_nothing() {
    let output = demo(Path::new("/bin/true"), &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the function did not answer"), "{said}");
}

#[test]
fn err_tables_emptied_before_the_questions() {
    let output = demo(&built("bootstrap"), &["--empty-tables"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("missing"), "{said}");
}
