//! A running `redtrail local`, for tests that ask it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::run;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `redtrail local`, ended with its test.
pub(crate) struct Local {
    process: Child,
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Local {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = run::command(["local", "--ready-file", "env.sh"], folder.path())
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let ready = folder.path().join("env.sh");
        let begun = Instant::now();
        while !ready.exists() {
            assert_eq!(process.try_wait().unwrap(), None, "redtrail local ended");
            assert!(begun.elapsed() < PATIENCE, "redtrail local is not ready");
            sleep(Duration::from_millis(20));
        }
        let environment = fs::read_to_string(ready)
            .unwrap()
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            process,
            folder,
            environment,
        }
    }

    /// Runs the command with the environment that `redtrail local` tells.
    pub(crate) fn redtrail(&self, args: &[&str], input: &[u8]) -> run::Output {
        let environment: Vec<_> = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        run::redtrail_with(args, self.folder.path(), &environment, input)
    }

    /// Takes a variable out of that environment, and gives its value.
    pub(crate) fn unset(&mut self, variable: &str) -> String {
        let place = self
            .environment
            .iter()
            .position(|(name, _)| name == variable);
        self.environment.remove(place.unwrap()).1
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.environment
            .push((variable.to_owned(), value.to_owned()));
    }

    /// Ends it as Ctrl-C does, and gives what it left in its temporary folder.
    pub(crate) fn stop(mut self) -> Vec<PathBuf> {
        let kill = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert!(self.process.wait().unwrap().success());
        let left = fs::read_dir(self.folder.path()).unwrap();
        left.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
