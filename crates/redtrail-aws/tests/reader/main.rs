//! Readers of the tables, held to each other: the Rust reader, the Python client and the AWS CLI
//! answer the same questions alike.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

mod ask;
mod cases;
mod examples;
mod last_used;
mod python;
mod sample;
mod tables;
