//! The function's real binary as a process of its own, with the environment that Lambda gives one
//! and a Runtime API to ask: an execution environment without the sandbox.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
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
    kill: Arc<Notify>,
    /// Set once the process has ended.
    exit: watch::Receiver<Option<Result<ExitStatus, String>>>,
    process_id: Option<u32>,
    supervising: Supervising,
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
        let kill = Arc::new(Notify::new());
        let (exit_sender, exit) = watch::channel(None);
        let supervising = tokio::spawn(supervise(child, Arc::clone(&kill), exit_sender));
        Ok(Self {
            runtime_api,
            stdout,
            stderr,
            kill,
            exit,
            process_id,
            supervising: Supervising(supervising),
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
        match ended.as_deref() {
            Ok(Some(Ok(status))) => status.to_string(),
            Ok(Some(Err(error))) => error.clone(),
            Ok(None) | Err(_) => "unknown".to_owned(),
        }
    }

    /// SIGKILL, at whatever the process is doing; returns when it is gone.
    pub async fn kill(&self) -> String {
        self.kill.notify_one();
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

async fn supervise(
    mut child: Child,
    kill: Arc<Notify>,
    exit: watch::Sender<Option<Result<ExitStatus, String>>>,
) {
    let ended = tokio::select! {
        ended = child.wait() => ended,
        () = kill.notified() => {
            // Fails only if it has just ended by itself.
            child.start_kill().ok();
            child.wait().await
        }
    };
    exit.send_replace(Some(ended.map_err(|error| error.to_string())));
}

/// Ends the task that owns the process, and so the process.
#[derive(Debug)]
struct Supervising(JoinHandle<()>);

impl Drop for Supervising {
    fn drop(&mut self) {
        self.0.abort();
    }
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
        std::mem::take(&mut *self.collected.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn finish(self) -> Vec<String> {
        self.reading.await.ok();
        std::mem::take(&mut *self.collected.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
