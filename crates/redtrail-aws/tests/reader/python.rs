//! The Python client and the AWS CLI, in the environment that `make python` prepares.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use redtrail_local::LocalAws;
use redtrail_model::EventTime;
use serde_json::{Value, json};

use crate::tables::repository;

/// Questions to one set of tables.
pub(crate) struct Questions<'a> {
    pub(crate) aws: &'a LocalAws,
    pub(crate) now: EventTime,
    pub(crate) questions: Vec<Value>,
}

/// What the client answered, and what it did for it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Answers {
    pub(crate) answers: Vec<Value>,
    /// The operations of DynamoDB that it called, and how often.
    pub(crate) calls: std::collections::BTreeMap<String, usize>,
    pub(crate) read_units: f64,
}

/// Asks the client, all in one process.
pub(crate) fn client(asked: &[Questions<'_>]) -> Vec<Answers> {
    let asked: Vec<Value> = asked
        .iter()
        .map(|asked| {
            let environment = asked.aws.environment();
            let environment: serde_json::Map<_, _> = environment
                .iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            json!({"environment": environment, "now": asked.now, "questions": asked.questions})
        })
        .collect();
    let script = repository().join("tests/python/ask_client.py");
    let mut child = Command::new(program("python"))
        .arg(script)
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(Value::from(asked).to_string().as_bytes())
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A program of the environment.
pub(crate) fn program(name: &str) -> PathBuf {
    let environment = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../python");
    let program = environment.join("bin").join(name);
    assert!(
        program.exists(),
        "{} is not there: `make python` prepares it from tests/python/requirements.txt",
        program.display()
    );
    program
}
