//! What commands share that ask the tables: the times of a question, and why a table did not
//! answer, with the next step.

use jiff::Timestamp;
use redtrail_aws::query::{QueryError, Window};
use redtrail_model::EventTime;

use crate::{
    failure::{Failure, chain},
    time_range::{self, End, instant},
};

/// The window from `--since` to `--until`.
pub(crate) fn window(
    since: Option<&str>,
    until: Option<&str>,
    now: Timestamp,
) -> Result<Window, Failure> {
    let read = |text: Option<&str>, end| {
        text.map(|text| instant(text, end, now))
            .transpose()
            .map_err(|error| Failure::usage(error.to_string(), time_range::FORMS))
    };
    let window = Window {
        since: read(since, End::Since)?,
        until: read(until, End::Until)?,
    };
    match (window.since, window.until) {
        (Some(since), Some(until)) if window.is_empty() => Err(Failure::usage(
            format!("no time is both from {since} on and before {until}"),
            "Give --since a time before that of --until.",
        )),
        _ => Ok(window),
    }
}

pub(crate) fn event_time(now: Timestamp) -> Result<EventTime, Failure> {
    EventTime::from_epoch_millis(now.as_millisecond())
        .ok_or_else(|| Failure::usage("the clock is outside the years 0 to 9999", "Set the clock."))
}

pub(crate) fn unanswered(error: QueryError) -> Failure {
    let next = match &error {
        QueryError::NoTable { .. } => {
            "Check the table's name and the region: the stack's outputs name the tables."
        }
        QueryError::Request { .. } => {
            "Check region, credentials and network: `aws sts get-caller-identity` must \
             work, and its identity may need dynamodb:Query on the table."
        }
        QueryError::Item { .. } => {
            "A later version of redtrail may have written it: try the latest."
        }
    };
    let attempt = error.to_string();
    let source = std::error::Error::source(&error).map(chain);
    Failure::failed(attempt, next, source.unwrap_or_default())
}
