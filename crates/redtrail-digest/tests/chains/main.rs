//! Chains of digests made by the tests with keys of their own: verified, held against a ledger, and
//! what cannot be proven.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

mod limits;
mod mixes;
mod reconcile;
mod support;
