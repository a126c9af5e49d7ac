//! The reconcile function: each of CloudTrail's digests, as it comes, is verified and held
//! against the ledger; what was not ingested is handed back. The binary wires it to Lambda.

pub mod config;
pub mod handler;
pub mod metrics;
mod tell;
