//! A function's log: a line of JSON for each thing told, on standard output.

use std::{env, io::stdout};

use tracing_subscriber::EnvFilter;

use crate::plain_lines::PlainLines;

/// Begins to log. Lambda gives the level in `AWS_LAMBDA_LOG_LEVEL`; `RUST_LOG` may tell more.
pub fn start() {
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
}
