//! The ingest function: what is announced is fetched, read and written, and the caller is
//! told exactly what failed. The binary wires it to Lambda.

pub mod check;
pub mod config;
pub mod handler;
pub mod metrics;
