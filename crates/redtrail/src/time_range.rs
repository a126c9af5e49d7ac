//! The times of a question as people write them: RFC 3339, dates, `6h`, `yesterday`. All
//! are UTC, and relative to a given now.

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use redtrail_model::EventTime;
use thiserror::Error;

/// How times are written, for who wrote one that cannot be read.
pub(crate) const FORMS: &str = "Write times as 2023-07-10T12:30:00Z, 2023-07-10, yesterday, now, \
     or as so long ago: 90s, 30m, 6h, 2d, 1w. All are UTC unless they carry an offset.";

/// Which end of the range a time is for: a whole day begins or ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Since,
    Until,
}

/// The text is no time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a time")]
pub(crate) struct NotATime(String);

/// The instant that `text` stands for when it is `now`.
pub(crate) fn instant(text: &str, end: End, now: Timestamp) -> Result<EventTime, NotATime> {
    let text = text.trim();
    let time = point(text, now)
        .or_else(|| {
            let day = day(text, now)?;
            let day = match end {
                End::Since => day,
                End::Until => day.tomorrow().ok()?,
            };
            utc(day.at(0, 0, 0, 0))
        })
        .or_else(|| ago(text, now));
    time.and_then(EventTime::at)
        .ok_or_else(|| NotATime(text.to_owned()))
}

fn point(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text == "now" {
        return Some(now);
    }
    // Without a time of day it is a day, which `DateTime` would take for its midnight.
    let has_time_of_day = text.contains([':', 'T', 't']);
    let without_offset = || utc(text.parse::<DateTime>().ok()?);
    has_time_of_day.then(|| text.parse().ok().or_else(without_offset))?
}

fn day(text: &str, now: Timestamp) -> Option<Date> {
    let today = now.to_zoned(TimeZone::UTC).date();
    match text {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => text.parse().ok(),
    }
}

/// `6h`, `1d 12h`, `2 weeks ago`: the span without its sign, before now.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let before = now.to_zoned(TimeZone::UTC).checked_sub(span.abs()).ok()?;
    Some(before.timestamp())
}

fn utc(time: DateTime) -> Option<Timestamp> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2024-03-01T12:34:56.789Z";

    fn at(text: &str, end: End) -> Option<String> {
        let time = instant(text, end, NOW.parse().unwrap()).ok()?;
        Some(time.to_string())
    }

    #[track_caller]
    fn check(text: &str, since: &str, until: &str) {
        assert_eq!(at(text, End::Since).as_deref(), Some(since), "{text}");
        assert_eq!(at(text, End::Until).as_deref(), Some(until), "{text}");
    }

    #[test]
    fn ok_instants() {
        for (text, expected) in [
            ("2023-07-10T12:30:00Z", "2023-07-10T12:30:00.000Z"),
            ("2023-07-10T12:30:00.5Z", "2023-07-10T12:30:00.500Z"),
            ("2023-07-10T14:30:00+02:00", "2023-07-10T12:30:00.000Z"),
            ("2023-07-10 12:30:00Z", "2023-07-10T12:30:00.000Z"),
            ("2023-07-10T12:30", "2023-07-10T12:30:00.000Z"),
            ("2023-07-10 12:30", "2023-07-10T12:30:00.000Z"),
            ("now", NOW),
            (" 6h ", "2024-03-01T06:34:56.789Z"),
            ("6h ago", "2024-03-01T06:34:56.789Z"),
            ("90s", "2024-03-01T12:33:26.789Z"),
            ("30m", "2024-03-01T12:04:56.789Z"),
            ("2d", "2024-02-28T12:34:56.789Z"),
            ("1w", "2024-02-23T12:34:56.789Z"),
            ("1d 12h", "2024-02-29T00:34:56.789Z"),
            ("1 month", "2024-02-01T12:34:56.789Z"),
        ] {
            check(text, expected, expected);
        }
    }

    #[test]
    fn ok_a_day_is_all_of_it() {
        check(
            "2023-07-10",
            "2023-07-10T00:00:00.000Z",
            "2023-07-11T00:00:00.000Z",
        );
        check(
            "2023-12-31",
            "2023-12-31T00:00:00.000Z",
            "2024-01-01T00:00:00.000Z",
        );
        check(
            "today",
            "2024-03-01T00:00:00.000Z",
            "2024-03-02T00:00:00.000Z",
        );
        check(
            "yesterday",
            "2024-02-29T00:00:00.000Z",
            "2024-03-01T00:00:00.000Z",
        );
    }

    #[test]
    fn err_no_time() {
        for text in [
            "",
            " ",
            "6",
            "6 o'clock",
            "tomorrowish",
            "2023-02-30",
            "2023-07-10T25:00:00Z",
            "9999999999999999999h",
            "99999y",
            "-",
        ] {
            assert_eq!(at(text, End::Since), None, "{text}");
            assert_eq!(at(text, End::Until), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_not(text in any::<String>(), ago in "[0-9]{1,20} ?(s|m|h|d|w|y|mo)") {
            at(&text, End::Since);
            at(&ago, End::Until);
        }
    }
}
