//! Runs the built command.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// What a run left behind.
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn command<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    folder: &Path,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redtrail"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null());
    command
}

pub(crate) fn redtrail<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    folder: &Path,
) -> Output {
    redtrail_in(args, folder, &[])
}

pub(crate) fn redtrail_in<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    folder: &Path,
    environment: &[(&str, &str)],
) -> Output {
    redtrail_with(args, folder, environment, b"")
}

pub(crate) fn redtrail_with_input<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    folder: &Path,
    input: &[u8],
) -> Output {
    redtrail_with(args, folder, &[], input)
}

pub(crate) fn redtrail_with<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    folder: &Path,
    environment: &[(&str, &str)],
    input: &[u8],
) -> Output {
    let mut child = command(args, folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever does not ask for input may have ended already.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    Output {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Reads the beginning of standard output and closes it, as `head` does.
pub(crate) fn redtrail_read_partly<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    folder: &Path,
) -> Output {
    let mut child = command(args, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    Output {
        status: child.wait().unwrap().code().unwrap(),
        stdout: String::from_utf8(start.to_vec()).unwrap(),
        stderr,
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
