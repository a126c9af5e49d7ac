//! The command as people and scripts run it: the built binary, its output and its exit status.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

mod backfill;
mod catalogue;
mod check;
mod coverage;
mod events;
mod hostile_answers;
mod inspect;
mod inspect_s3;
mod ledger;
mod local;
mod quarantine;
mod query;
mod raw;
mod reconcile;
mod run;
mod stack_tables;
mod stub;
mod trail;
mod verify;
