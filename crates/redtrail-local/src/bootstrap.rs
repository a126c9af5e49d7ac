//! The function's real binary as a process of its own, with the environment that Lambda gives one
//! and a Runtime API to ask: an execution environment without the sandbox.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::environment::Environment;
use crate::error::LocalError;
use crate::runtime_api::{InvocationOutcome, RuntimeApi};

/// A running `bootstrap`. Dropping it kills the process.
#[derive(Debug)]
pub struct Bootstrap {
    runtime_api: RuntimeApi,
    stdout: Lines,
    stderr: Lines,
    /// Sending or dropping it kills the process.
    kill: watch::Sender<()>,
    /// The exit status in words, once the process has ended.
    exit: watch::Receiver<Option<String>>,
    process_id: Option<u32>,
}

/// What a process left when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status in words.
    pub status: String,
    /// The lines of standard output that were not taken before: the function's log.
    pub stdout: Vec<String>,
    /// The lines of standard error that were not taken before.
    pub stderr: Vec<String>,
}

impl Bootstrap {
    /// Starts the binary with Lambda's own variables and those given, and nothing else: the
    /// caller's AWS configuration must not reach it.
    pub async fn start(path: &Path, environment: &Environment) -> Result<Self, LocalError> {
        let runtime_api = RuntimeApi::start().await?;
        let lambda = lambda_environment(&runtime_api.endpoint());
        let mut child = Command::new(path)
            .env_clear()
            .envs(lambda.iter())
            .envs(environment.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| LocalError::Start {
                path: path.to_owned(),
                source,
            })?;
        let process_id = child.id();
        let stdout = Lines::read(child.stdout.take());
        let stderr = Lines::read(child.stderr.take());
        let (kill, killed) = watch::channel(());
        let (exit_sender, exit) = watch::channel(None);
        tokio::spawn(supervise(child, killed, exit_sender));
        Ok(Self {
            runtime_api,
            stdout,
            stderr,
            kill,
            exit,
            process_id,
        })
    }

    /// Invokes the function and waits for the outcome; also for the end of the process.
    pub async fn invoke(&self, payload: impl Into<Bytes>, timeout: Duration) -> InvocationOutcome {
        tokio::select! {
            // An answer counts even if the process ended right after it.
            biased;
            outcome = self.runtime_api.invoke(payload, timeout) => outcome,
            status = self.exited() => InvocationOutcome::Exited(status),
        }
    }

    /// Waits until the process ends by itself; gives its exit status in words.
    pub async fn exited(&self) -> String {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        let status = ended.ok().and_then(|status| status.clone());
        status.unwrap_or_else(|| "unknown".to_owned())
    }

    /// SIGKILL, at whatever the process is doing; returns when it is gone.
    pub async fn kill(&self) -> String {
        // Fails only when the process has ended by itself.
        self.kill.send(()).ok();
        self.exited().await
    }

    /// Kills the process and gives what it had said, to the last line.
    pub async fn stop(self) -> Ended {
        let status = self.kill().await;
        self.runtime_api.stop().await;
        Ended {
            status,
            stdout: self.stdout.finish().await,
            stderr: self.stderr.finish().await,
        }
    }

    pub fn process_id(&self) -> Option<u32> {
        self.process_id
    }

    /// Lines of standard output since the last call. The last ones of an invocation may still be on
    /// their way when it is answered; [`Bootstrap::stop`] misses none.
    pub fn take_stdout(&self) -> Vec<String> {
        self.stdout.take()
    }

    /// Lines of standard error since the last call.
    pub fn take_stderr(&self) -> Vec<String> {
        self.stderr.take()
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn lambda_environment(runtime_api: &str) -> Environment {
    Environment::new()
        .with("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .with("AWS_LAMBDA_FUNCTION_NAME", "redtrail-ingest")
        .with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .with("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .with("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .with("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/redtrail-ingest")
        .with("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .with("_HANDLER", "bootstrap")
        .with("LANG", "en_US.UTF-8")
        .with("PATH", "/usr/local/bin:/usr/bin:/bin")
        .with("TZ", ":UTC")
}

/// Owns the process, so that it can be waited for and killed at the same time.
async fn supervise(
    mut child: Child,
    mut killed: watch::Receiver<()>,
    exit: watch::Sender<Option<String>>,
) {
    let ended = tokio::select! {
        ended = child.wait() => ended,
        _ = killed.changed() => {
            // Fails only when it has ended by itself.
            child.start_kill().ok();
            child.wait().await
        }
    };
    let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
    exit.send_replace(Some(status));
}

/// Lines of a pipe, collected as they come.
#[derive(Debug)]
struct Lines {
    collected: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Lines {
    fn read(pipe: Option<impl AsyncRead + Send + Unpin + 'static>) -> Self {
        let collected = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&collected);
        let reading = tokio::spawn(async move {
            let Some(pipe) = pipe else { return };
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
                let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(text);
                line.clear();
            }
        });
        Self { collected, reading }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(
            &mut *self
                .collected
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    async fn finish(self) -> Vec<String> {
        self.reading.await.ok();
        std::mem::take(
            &mut *self
                .collected
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn start(script: &str, environment: &Environment) -> (TempDir, Bootstrap) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("bootstrap");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        (folder, Bootstrap::start(&path, environment).await.unwrap())
    }

    fn is_running(process_id: u32) -> bool {
        Path::new(&format!("/proc/{process_id}")).exists()
    }

    #[tokio::test]
    async fn ok_lambdas_variables_and_the_given_ones_and_no_others() {
        let given = Environment::default()
            .with("LEDGER_TABLE", "ledger")
            .with("AWS_REGION", "eu-central-1");
        let (_folder, bootstrap) = start("env; echo to stderr >&2", &given).await;
        assert_eq!(bootstrap.exited().await, "exit status: 0");
        let endpoint = bootstrap.runtime_api.endpoint();
        let Ended { stdout, stderr, .. } = bootstrap.stop().await;
        assert!(stdout.contains(&format!("AWS_LAMBDA_RUNTIME_API={endpoint}")));
        assert!(stdout.contains(&"AWS_LAMBDA_FUNCTION_VERSION=$LATEST".to_owned()));
        assert!(stdout.contains(&"LEDGER_TABLE=ledger".to_owned()));
        assert!(stdout.contains(&"AWS_REGION=eu-central-1".to_owned()));
        assert!(!stdout.iter().any(|line| line.starts_with("HOME=")));
        assert!(!stdout.iter().any(|line| line.starts_with("CARGO")));
        assert_eq!(stderr, ["to stderr"]);
    }

    #[tokio::test]
    async fn ok_the_end_of_the_process_ends_the_invocation() {
        let (_folder, bootstrap) = start("echo last words; exit 3", &Environment::new()).await;
        let outcome = bootstrap.invoke("{}", PATIENCE).await;
        assert_eq!(
            outcome,
            InvocationOutcome::Exited("exit status: 3".to_owned())
        );
        let ended = bootstrap.stop().await;
        assert_eq!(ended.status, "exit status: 3");
        assert_eq!(ended.stdout, ["last words"]);
    }

    #[tokio::test]
    async fn ok_killed_while_it_works() {
        let (_folder, bootstrap) = start("exec sleep 600", &Environment::new()).await;
        let process_id = bootstrap.process_id().unwrap();
        let (outcome, status) = tokio::join!(bootstrap.invoke("{}", PATIENCE), bootstrap.kill());
        assert_eq!(status, "signal: 9 (SIGKILL)");
        assert_eq!(outcome, InvocationOutcome::Exited(status));
        assert!(!is_running(process_id));
    }

    #[tokio::test]
    async fn ok_dropped_means_killed() {
        let (_folder, bootstrap) = start("exec sleep 600", &Environment::new()).await;
        let process_id = bootstrap.process_id().unwrap();
        assert!(is_running(process_id));
        drop(bootstrap);
        tokio::time::timeout(PATIENCE, async {
            while is_running(process_id) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn err_no_such_binary() {
        let error = Bootstrap::start(Path::new("/nowhere/bootstrap"), &Environment::new())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "could not start /nowhere/bootstrap");
    }
}
