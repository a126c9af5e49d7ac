//! How long what a backfill writes is kept: as the function has it, or else the two would write
//! different items. It is told, never guessed.

use clap::Args;
use redtrail_core::{
    coverage::DAY_MILLIS,
    retention::{Retention, Retentions},
};
use redtrail_model::EventTime;

use crate::{failure::Failure, stack::Stack};

/// The stack's settings, where no stack is named.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RetentionArgs {
    /// The stack's RetentionDays; 0 is for ever
    #[arg(
        long,
        value_name = "DAYS",
        env = "RETENTION_DAYS",
        hide_env_values = true
    )]
    retention_days: Option<u32>,

    /// The stack's DirectoryRetentionDays, for --here
    #[arg(
        long,
        value_name = "DAYS",
        env = "DIRECTORY_RETENTION_DAYS",
        hide_env_values = true
    )]
    directory_retention_days: Option<u32>,

    /// The stack's LedgerRetentionDays, for --here
    #[arg(
        long,
        value_name = "DAYS",
        env = "LEDGER_RETENTION_DAYS",
        hide_env_values = true
    )]
    ledger_retention_days: Option<u32>,
}

impl RetentionArgs {
    /// As given. What is announced is kept as the function has it: then only that of the events
    /// need be known.
    pub(crate) fn given(&self, writes: bool) -> Result<Retentions, Failure> {
        let named = |option: &str, days: Option<u32>, is_needed: bool| match days {
            Some(days) => Ok(retention(days)),
            None if !is_needed => Ok(Retention::Forever),
            None => Err(Failure::usage(
                format!("how long things are kept is not told: {option}"),
                "Give --stack NAME, or what the stack is set to: 0 is for ever.",
            )),
        };
        consistent(Retentions {
            events: named("--retention-days", self.retention_days, true)?,
            directory: named(
                "--directory-retention-days",
                self.directory_retention_days,
                writes,
            )?,
            ledger: named(
                "--ledger-retention-days",
                self.ledger_retention_days,
                writes,
            )?,
        })
    }

    /// As the stack has them; none may be given otherwise.
    pub(crate) fn of_stack(&self, stack: &Stack) -> Result<Retentions, Failure> {
        let of = |name: &str, given: Option<u32>| {
            let days = stack.parameter(name).and_then(|days| days.parse().ok());
            match (days, given) {
                (Some(days), Some(given)) if days != given => Err(Failure::usage(
                    format!("the stack's {name} is {days}, not {given}"),
                    "Leave it out: the stack tells it.",
                )),
                (Some(days), _) => Ok(retention(days)),
                (None, _) => Err(Failure::usage(
                    format!("the stack has no parameter {name}"),
                    "Is it a stack of redtrail? Without --stack, give tables and settings.",
                )),
            }
        };
        consistent(Retentions {
            events: of("RetentionDays", self.retention_days)?,
            directory: of("DirectoryRetentionDays", self.directory_retention_days)?,
            ledger: of("LedgerRetentionDays", self.ledger_retention_days)?,
        })
    }
}

fn retention(days: u32) -> Retention {
    match days {
        0 => Retention::Forever,
        days => Retention::Days(days),
    }
}

/// The function does not start with others.
fn consistent(retentions: Retentions) -> Result<Retentions, Failure> {
    if retentions.directory >= retentions.events && retentions.ledger >= retentions.events {
        return Ok(retentions);
    }
    Err(Failure::usage(
        "the directory or the ledger would be kept for a shorter time than events",
        "The function refuses that, too: give what the stack is set to.",
    ))
}

/// Refuses a time of which some is past its retention: its events would not be written.
pub(crate) fn check(events: Retention, since: EventTime, now: EventTime) -> Result<(), Failure> {
    let Retention::Days(days) = events else {
        return Ok(());
    };
    if !events.is_expired(since, now) {
        return Ok(());
    }
    let kept_since = now.later(-i64::from(days) * DAY_MILLIS);
    Err(Failure::usage(
        format!(
            "events before {kept_since} are past RetentionDays, which is {days}: none of them would be written"
        ),
        "Give a later --since, or set the stack's RetentionDays to more first (0 is for ever).",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(days: [Option<u32>; 3]) -> RetentionArgs {
        let [
            retention_days,
            directory_retention_days,
            ledger_retention_days,
        ] = days;
        RetentionArgs {
            retention_days,
            directory_retention_days,
            ledger_retention_days,
        }
    }

    #[test]
    fn ok_what_is_written_needs_all_of_them() {
        let all = args([Some(400), Some(0), Some(500)]).given(true).unwrap();
        assert_eq!(all.events, Retention::Days(400));
        assert_eq!(all.directory, Retention::Forever);
        assert_eq!(all.ledger, Retention::Days(500));
        assert!(args([Some(400), None, None]).given(false).is_ok());
        for (days, option) in [
            ([None, Some(0), Some(0)], "--retention-days"),
            ([Some(1), None, Some(0)], "--directory-retention-days"),
            ([Some(1), Some(0), None], "--ledger-retention-days"),
        ] {
            let error = args(days).given(true).unwrap_err().to_string();
            assert!(error.contains(option), "{error}");
        }
        assert!(args([Some(400), Some(7), Some(0)]).given(true).is_err());
        assert!(args([Some(0), Some(7), Some(0)]).given(true).is_err());
    }

    #[test]
    fn ok_ranges_within_retention() {
        let now: EventTime = "2026-03-02T12:00:00Z".parse().unwrap();
        let check = |days, since: &str| check(retention(days), since.parse().unwrap(), now);
        assert!(check(0, "1999-01-01T00:00:00Z").is_ok());
        assert!(check(1, "2026-03-01T12:00:01Z").is_ok());
        let error = check(1, "2026-03-01T12:00:00Z").unwrap_err().to_string();
        assert!(error.contains("RetentionDays, which is 1"), "{error}");
        assert!(error.contains("2026-03-01T12:00:00.000Z"), "{error}");
    }
}
