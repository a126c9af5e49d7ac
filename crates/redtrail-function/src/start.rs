//! How a function starts: its log, then its work, and why it could not.

use std::{env, error::Error, io::stdout, process::ExitCode};

use redtrail_core::edge::error_chain;
use tracing_subscriber::EnvFilter;

use crate::plain_lines::PlainLines;

/// Logs a line of JSON for each thing told, on standard output, while `run` runs.
pub async fn start(
    run: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>>,
) -> ExitCode {
    // Lambda gives the level in `AWS_LAMBDA_LOG_LEVEL`; `RUST_LOG` may tell more.
    let level = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"]
        .into_iter()
        .find_map(|name| env::var(name).ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_span_list(false)
        .with_env_filter(EnvFilter::new(level.as_deref().unwrap_or("info")))
        .with_writer(|| PlainLines::new(stdout()))
        .init();
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = error_chain(&*error), "could not start");
            ExitCode::FAILURE
        }
    }
}
