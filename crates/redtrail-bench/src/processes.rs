//! Whole processes, measured from outside: their CPU time, their peak memory, and how many
//! lines they wrote.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

const MEASURE: &str = "crates/redtrail-bench/peers/measure.py";

/// A command: its program and arguments.
pub(crate) type Words = Vec<String>;

#[derive(Serialize)]
struct Request<'a> {
    rounds: u32,
    commands: &'a BTreeMap<String, Words>,
}

/// What a command took.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Done {
        seconds: f64,
        peak_bytes: u64,
        lines: u64,
    },
    Failed {
        error: String,
    },
}

/// Runs the commands in turn, so many times, and tells the median of each.
///
/// # Errors
/// When Python cannot be run; a command that fails is an outcome.
pub(crate) fn measure(
    python: &Path,
    rounds: u32,
    commands: &BTreeMap<String, Words>,
) -> io::Result<BTreeMap<String, Outcome>> {
    ask(python, MEASURE, &Request { rounds, commands })
}

/// What the script answers to the request, both in JSON.
///
/// # Errors
/// When it cannot be run, or fails.
pub(crate) fn ask<A: DeserializeOwned>(
    python: &Path,
    script: &str,
    request: &impl Serialize,
) -> io::Result<A> {
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let request = serde_json::to_vec(request)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&request)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{script} failed")));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A command in words.
pub(crate) fn words<const N: usize>(words: [&str; N]) -> Words {
    words.map(str::to_owned).into()
}
