//! Why a command stopped, said with the next step.

use std::{error::Error, io, process::ExitCode};

use thiserror::Error;
use tokio::runtime::Runtime;

use crate::output;

/// Exit status when something could not be done, or an object or payload is bad.
pub(crate) const FAILED: u8 = 1;
/// Exit status when the command line cannot be carried out as it stands.
pub(crate) const USAGE: u8 = 2;

/// Why a command stopped before its end.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{problem}")]
    Usage { problem: String, next: String },
    #[error("{attempt}")]
    Failed {
        attempt: String,
        next: String,
        source: Box<dyn Error>,
    },
    #[error("could not write the answer")]
    Output(#[from] io::Error),
}

impl Failure {
    pub(crate) fn usage(problem: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage {
            problem: problem.into(),
            next: next.into(),
        }
    }

    pub(crate) fn failed(
        attempt: impl Into<String>,
        next: impl Into<String>,
        source: impl Into<Box<dyn Error>>,
    ) -> Self {
        Self::Failed {
            attempt: attempt.into(),
            next: next.into(),
            source: source.into(),
        }
    }

    /// Says it on standard error, and gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        let (status, next) = match self {
            Self::Usage { next, .. } => (USAGE, Some(next)),
            Self::Failed { next, .. } => (FAILED, Some(next)),
            // Whoever read the answer has had enough of it, as with `| head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Output(_) => (FAILED, None),
        };
        output::remark(&format!("error: {}", chain(self)));
        if let Some(next) = next {
            output::remark(next);
        }
        ExitCode::from(status)
    }
}

/// What runs a command's requests.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("could not start", "Try once more.", error))
}

/// An error and what caused it, in one line, each message once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}
