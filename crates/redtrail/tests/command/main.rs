//! The command as people and scripts run it: the built binary, its output and its exit status.

mod events;
mod inspect;
mod query;
mod run;
