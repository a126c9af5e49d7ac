//! The time of an event, in the one form whose text order is time order.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, tz::Offset};
use serde::{Deserialize, Serialize};

/// A UTC instant in whole milliseconds, written `YYYY-MM-DDTHH:MM:SS.mmmZ`, always
/// 24 bytes. Years run from 0000 to 9999.
///
/// CloudTrail writes `eventTime` with whole seconds; service events may carry more.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventTime(Timestamp);

/// 0000-01-01T00:00:00Z.
const FIRST_MILLIS: i64 = -62_167_219_200_000;

impl EventTime {
    /// The instant `millis` milliseconds after 1970-01-01T00:00:00Z; `None` outside
    /// the years 0000 to 9999.
    pub fn from_epoch_millis(millis: i64) -> Option<Self> {
        // A negative year is written with a sign, which would break the fixed width.
        let time = Timestamp::from_millisecond(millis).ok()?;
        (millis >= FIRST_MILLIS).then_some(Self(time))
    }

    /// That time, cut to a millisecond; `None` outside the years 0000 to 9999.
    pub fn at(time: Timestamp) -> Option<Self> {
        Self::from_epoch_millis(time.as_millisecond())
    }

    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn epoch_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// So many milliseconds later, or earlier if negative; the same where that is out of bounds.
    #[must_use]
    pub fn later(self, millis: i64) -> Self {
        Self::from_epoch_millis(self.epoch_millis().saturating_add(millis)).unwrap_or(self)
    }

    /// As `Display` writes it.
    pub(crate) fn written(self) -> [u8; 24] {
        let time = Offset::UTC.to_datetime(self.0);
        let mut text = *b"YYYY-MM-DDTHH:MM:SS.mmmZ";
        let (year, millis) = (
            time.year().unsigned_abs(),
            time.millisecond().unsigned_abs(),
        );
        for (place, number) in [
            (0, year / 100),
            (2, year % 100),
            (5, time.month().unsigned_abs().into()),
            (8, time.day().unsigned_abs().into()),
            (11, time.hour().unsigned_abs().into()),
            (14, time.minute().unsigned_abs().into()),
            (17, time.second().unsigned_abs().into()),
            (20, millis / 10),
        ] {
            text[place] = digit(number / 10);
            text[place + 1] = digit(number);
        }
        text[22] = digit(millis);
        text
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down: DynamoDB's unit for
    /// time to live.
    pub fn epoch_seconds(self) -> i64 {
        self.epoch_millis().div_euclid(1000)
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.written()).unwrap_or_default())
    }
}

/// The last digit of `number`.
fn digit(number: u16) -> u8 {
    b'0' + (number % 10) as u8
}

/// The text is no RFC 3339 time between the years 0000 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEventTime;

impl fmt::Display for InvalidEventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 time between the years 0000 and 9999")
    }
}

impl std::error::Error for InvalidEventTime {}

impl FromStr for EventTime {
    type Err = InvalidEventTime;

    /// Reads an RFC 3339 time with any offset; what is finer than a millisecond is cut.
    fn from_str(text: &str) -> Result<Self, InvalidEventTime> {
        let time: Timestamp = text.parse().map_err(|_| InvalidEventTime)?;
        // Down, also before 1970.
        let millis = i64::from(time.subsec_nanosecond().div_euclid(1_000_000));
        Self::from_epoch_millis(time.as_second() * 1000 + millis).ok_or(InvalidEventTime)
    }
}

impl TryFrom<String> for EventTime {
    type Error = InvalidEventTime;

    fn try_from(text: String) -> Result<Self, InvalidEventTime> {
        text.parse()
    }
}

impl From<EventTime> for String {
    fn from(time: EventTime) -> String {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<EventTime>().unwrap().to_string(), expected);
    }

    #[test]
    fn ok_one_form() {
        check("2023-07-10T12:30:00Z", "2023-07-10T12:30:00.000Z");
        check("2023-07-10T12:30:00.1239Z", "2023-07-10T12:30:00.123Z");
        check("2023-07-10T14:30:00+02:00", "2023-07-10T12:30:00.000Z");
        check("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z");
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn ok_years_of_four_digits_only() {
        let first = "0000-01-01T00:00:00Z".parse::<EventTime>().unwrap();
        let before = |time: EventTime| EventTime::from_epoch_millis(time.epoch_millis() - 1);
        assert_eq!(first.to_string(), "0000-01-01T00:00:00.000Z");
        assert_eq!(before(first), None);
    }

    proptest! {
        #[test]
        fn ok_written_as_jiff_does(millis in FIRST_MILLIS..253_402_300_800_000_i64) {
            let time = EventTime::from_epoch_millis(millis);
            prop_assume!(time.is_some());
            let time = time.unwrap();
            prop_assert_eq!(time.to_string(), format!("{:.3}", time.timestamp()));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn err_no_time() {
        for text in [
            "",
            "yesterday",
            "2023-07-10",
            "2023-13-10T00:00:00Z",
            "-000001-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<EventTime>(), Err(InvalidEventTime), "{text}");
        }
    }
}
