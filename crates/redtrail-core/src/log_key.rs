//! What kind of object a key in the trail's bucket names, told from the key alone.
//! Whether the object holds what its key promises is for its reader to find out.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>

use std::fmt;

use jiff::civil::Date;
use redtrail_model::{EventTime, is_account_id};

/// The key of a log object of management and data events, taken apart:
/// `[prefix/]AWSLogs/[o-id/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/FILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogKey<'a> {
    /// The organization's id, in the key of an organization trail.
    pub organization: Option<&'a str>,
    pub account: &'a str,
    pub region: &'a str,
    /// The day of delivery, from the folder; shown as `YYYY-MM-DD`.
    pub delivery_day: Date,
}

impl<'a> LogKey<'a> {
    /// The parts of `key`, which must have no encoding left in it.
    ///
    /// # Errors
    /// When the key names some other object, with its kind.
    pub fn parse(key: &'a str) -> Result<Self, NotALog> {
        let mut kind = NotALog::Other;
        // A trail's prefix may itself hold an `AWSLogs` folder, so each one is tried.
        for path in paths_within_aws_logs(key) {
            let Some(delivery) = Delivery::parse(path) else {
                continue;
            };
            match delivery.log_key() {
                Some(log_key) => return Ok(log_key),
                None => kind = delivery.kind(),
            }
        }
        Err(kind)
    }
}

/// The kind of an object that is no log: the reason for passing it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotALog {
    /// Hashes of the logs delivered in an hour, for validation.
    Digest,
    Insight,
    NetworkActivity,
    /// Summaries of data events.
    Aggregated,
    /// Of AWS Config, which shares the folder `AWSLogs`.
    Config,
    Other,
}

impl NotALog {
    /// The name it is counted by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Insight => "insight",
            Self::NetworkActivity => "network_activity",
            Self::Aggregated => "aggregated",
            Self::Config => "config",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for NotALog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The folder of an object: its key up to and with the last `/`, or nothing.
pub fn folder(key: &str) -> &str {
    key.strip_suffix(file_name(key)).unwrap_or_default()
}

/// The key without its folder.
pub fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// What follows each folder `AWSLogs/` in the key.
fn paths_within_aws_logs(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(key);
    std::iter::from_fn(move || {
        while let Some((segment, path)) = rest?.split_once('/') {
            rest = Some(path);
            if segment == "AWSLogs" {
                return Some(path);
            }
        }
        None
    })
}

/// What services deliver below `AWSLogs/`.
struct Delivery<'a> {
    organization: Option<&'a str>,
    account: &'a str,
    service: &'a str,
    /// What follows the service's folder.
    path: &'a str,
}

impl<'a> Delivery<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let (first, after_first) = path.split_once('/')?;
        let (organization, account, rest) = if is_organization(first) {
            let (account, rest) = after_first.split_once('/')?;
            (Some(first), account, rest)
        } else {
            (None, first, after_first)
        };
        let (service, path) = rest.split_once('/')?;
        is_account_id(account).then_some(Self {
            organization,
            account,
            service,
            path,
        })
    }

    fn log_key(&self) -> Option<LogKey<'a>> {
        let mut segments = self.path.split('/');
        let (region, year, month, day, file) = (
            segments.next()?,
            segments.next()?,
            segments.next()?,
            segments.next()?,
            segments.next()?,
        );
        if segments.next().is_some() {
            return None;
        }
        let delivery_day = Date::new(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?).ok()?;
        let is_log =
            self.service == "CloudTrail" && is_region(region) && LogFileName::parse(file).is_some();
        is_log.then_some(LogKey {
            organization: self.organization,
            account: self.account,
            region,
            delivery_day,
        })
    }

    fn kind(&self) -> NotALog {
        match self.service {
            "CloudTrail-Digest" => NotALog::Digest,
            "CloudTrail-Insight" => NotALog::Insight,
            "CloudTrail-NetworkActivity" => NotALog::NetworkActivity,
            "CloudTrail-Aggregated" => NotALog::Aggregated,
            "Config" => NotALog::Config,
            _ => NotALog::Other,
        }
    }
}

/// When the file was made, to the minute, from its name.
pub fn name_time(file_name: &str) -> Option<EventTime> {
    let LogFileName { day, minute, .. } = LogFileName::parse(file_name)?;
    let (year, month_and_day) = day.split_at_checked(4)?;
    let (month, day) = month_and_day.split_at_checked(2)?;
    let (hour, minute) = minute.split_at_checked(2)?;
    format!("{year}-{month}-{day}T{hour}:{minute}:00Z")
        .parse()
        .ok()
}

/// `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz`
struct LogFileName<'a> {
    /// `YYYYMMDD`
    day: &'a str,
    /// `HHmm`
    minute: &'a str,
}

impl<'a> LogFileName<'a> {
    /// AWS documents a unique string of 16 characters without meaning, and prints the name
    /// both with and without the `_` before it: neither its length nor that `_` is asked for.
    fn parse(name: &'a str) -> Option<Self> {
        let (account, rest) = name.split_once("_CloudTrail_")?;
        let (region, rest) = rest.split_once('_')?;
        let (time, rest) = rest.split_once('Z')?;
        let (day, minute) = time.split_once('T')?;
        let unique = rest.strip_suffix(".json.gz")?;
        let is_log = is_account_id(account)
            && is_region(region)
            && is_digits(day, 8)
            && is_digits(minute, 4)
            && unique.bytes().any(|byte| byte != b'_')
            && unique
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_log.then_some(Self { day, minute })
    }
}

/// Whether a folder below `AWSLogs/` is called after an organization.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>
pub fn is_organization(segment: &str) -> bool {
    segment.strip_prefix("o-").is_some_and(|id| {
        !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_region(segment: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !segment.is_empty() && segment.bytes().all(allowed)
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number that exactly `length` digits write.
fn digits<N: std::str::FromStr>(text: &str, length: usize) -> Option<N> {
    is_digits(text, length).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";

    #[test]
    fn ok_log_keys() {
        #[track_caller]
        fn check(before: &str, organization: Option<&str>, file: &str) {
            let key = format!("{before}111122223333/CloudTrail/us-gov-west-1/2026/03/02/{file}");
            let expected = LogKey {
                organization,
                account: "111122223333",
                region: "us-gov-west-1",
                delivery_day: date(2026, 3, 2),
            };
            assert_eq!(LogKey::parse(&key), Ok(expected), "{key}");
        }
        check("AWSLogs/", None, FILE);
        check("AWSLogs/o-exampleorg/", Some("o-exampleorg"), FILE);
        check("prefix/AWSLogs/", None, FILE);
        check("a/b c/ü/AWSLogs/o-a1/", Some("o-a1"), FILE);
        // Control Tower's prefix is the organization's id.
        check("o-a1/AWSLogs/o-a1/", Some("o-a1"), FILE);
        // A prefix that looks like a trail's own folders.
        check("AWSLogs/111122223333/CloudTrail/AWSLogs/", None, FILE);
        check("AWSLogs/AWSLogs/", None, FILE);
        check("/AWSLogs/", None, FILE);
        // As one AWS page prints it, without the `_` before the unique string.
        check(
            "AWSLogs/",
            None,
            "111122223333_CloudTrail_us-gov-west-1_20260302T0905Za1B2c3D4e5F6g7H8.json.gz",
        );
        check(
            "AWSLogs/",
            None,
            "111122223333_CloudTrail_us-gov-west-1_20260302T0905Z_x.json.gz",
        );
    }

    #[test]
    fn time_in_the_name() {
        let time = |name: &str| name_time(name).map(|time| time.to_string());
        assert_eq!(time(FILE).as_deref(), Some("2026-03-02T09:05:00.000Z"));
        for name in [
            FILE.replace("20260302", "20260230"),
            FILE.replace("0905Z", "2405Z"),
            FILE.replace(".json.gz", ".json.gz#v1"),
            FILE.replace("_CloudTrail_", "_CloudTrail-Digest_"),
            String::new(),
        ] {
            assert_eq!(time(&name), None, "{name}");
        }
    }

    #[test]
    fn delivery_day_as_text() {
        let key = format!("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}");
        let day = LogKey::parse(&key).unwrap().delivery_day;
        assert_eq!(day.to_string(), "2026-03-02");
    }

    #[test]
    fn err_other_kinds() {
        let account = "AWSLogs/o-exampleorg/111122223333";
        let day = "us-east-1/2026/03/02";
        for (key, kind) in [
            (
                format!(
                    "{account}/CloudTrail-Digest/{day}/111122223333_CloudTrail-Digest_us-east-1_redtrail-sample_us-east-1_20260302T100000Z.json.gz"
                ),
                "digest",
            ),
            (
                format!(
                    "{account}/CloudTrail-Insight/{day}/111122223333_CloudTrail-Insight_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz"
                ),
                "insight",
            ),
            (
                format!("{account}/CloudTrail-NetworkActivity/{day}/{FILE}"),
                "network_activity",
            ),
            (
                format!("{account}/CloudTrail-Aggregated/{day}/{FILE}"),
                "aggregated",
            ),
            (
                "p/AWSLogs/111122223333/Config/us-east-1/2026/3/2/ConfigSnapshot/x.json.gz".into(),
                "config",
            ),
            (
                "AWSLogs/111122223333/Config/ConfigWritabilityCheckFile".into(),
                "config",
            ),
            (
                format!("AWSLogs/111122223333/vpcflowlogs/{day}/x.log.gz"),
                "other",
            ),
            (
                format!("AWSLogs/111122223333/CloudTrail-Lake/{day}/{FILE}"),
                "other",
            ),
        ] {
            assert_eq!(LogKey::parse(&key).unwrap_err().to_string(), kind, "{key}");
        }
    }

    #[test]
    fn err_not_quite_a_log() {
        let account = "AWSLogs/111122223333/CloudTrail";
        let region = format!("{account}/us-east-1");
        let day = format!("{region}/2026/03/02");
        let time = "111122223333_CloudTrail_us-east-1_20260302T0905Z";
        for key in [
            String::new(),
            "/".into(),
            "AWSLogs".into(),
            "AWSLogs/".into(),
            "AWSLogs/111122223333/CloudTrail/".into(),
            FILE.into(),
            format!("{day}/"),
            day.clone(),
            // Nothing but the right folders will do, and each only as a whole.
            format!("xAWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("AWSLogsx/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("awslogs/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("AWSLogs//111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("AWSLogs/11112222333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("AWSLogs/o-/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("AWSLogs/o-a/o-b/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("AWSLogs/111122223333/Archive/CloudTrail/us-east-1/2026/03/02/{FILE}"),
            format!("{account}/2026/03/02/{FILE}"),
            format!("{account}/US-EAST-1/2026/03/02/{FILE}"),
            format!("{region}/2026/3/2/{FILE}"),
            format!("{region}/2026/02/30/{FILE}"),
            format!("{region}/2026/13/02/{FILE}"),
            format!("{region}/+026/03/02/{FILE}"),
            format!("{day}/copy/{FILE}"),
            // CloudTrail writes `.json.gz` and nothing else.
            format!("{day}/{time}_a1B2c3D4e5F6g7H8.json"),
            format!("{day}/{time}_a1B2c3D4e5F6g7H8.json.gz.tmp"),
            format!("{day}/{time}_a1B2c3D4e5F6g7H8.JSON.GZ"),
            format!("{day}/{time}_.json.gz"),
            format!("{day}/{time}.json.gz"),
            format!("{day}/{time}_a b.json.gz"),
            format!("{day}/{time}_ä.json.gz"),
            format!("{day}/copy-of-{FILE}"),
            format!("{day}/111122223333_CloudTrail_us-east-1_20260302T090500Z_a.json.gz"),
            format!("{day}/111122223333_CloudTrail_us-east-1_20260302_a.json.gz"),
            format!(
                "{day}/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20260302T0905Z.json.gz"
            ),
            // Still encoded.
            format!("AWSLogs%2F111122223333%2FCloudTrail%2Fus-east-1%2F2026%2F03%2F02%2F{FILE}"),
        ] {
            assert_eq!(LogKey::parse(&key), Err(NotALog::Other), "{key}");
        }
    }

    #[test]
    fn folder_and_file_name() {
        for (key, expected) in [
            ("a/b/c.gz", ("a/b/", "c.gz")),
            ("c.gz", ("", "c.gz")),
            ("a/b/", ("a/b/", "")),
            ("a//b", ("a//", "b")),
            ("/", ("/", "")),
            ("", ("", "")),
            ("ü/ü", ("ü/", "ü")),
        ] {
            assert_eq!((folder(key), file_name(key)), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_text(key in any::<String>()) {
            prop_assert_eq!(format!("{}{}", folder(&key), file_name(&key)), key.clone());
            prop_assert_eq!(LogKey::parse(&key), Err(NotALog::Other));
        }

        /// No segment of a log's key can be left out, doubled or moved. (Doubling the
        /// first only makes it a prefix.)
        #[test]
        fn every_segment_counts(at in 1..8usize, to in 0..8usize, change in 0..3) {
            let key = format!("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}");
            let mut segments: Vec<&str> = key.split('/').collect();
            let segment = segments[at];
            match change {
                0 => { segments.remove(at); }
                1 => segments.insert(at, segment),
                _ => segments.swap(at, to),
            }
            let changed = segments.join("/");
            prop_assume!(changed != key && !changed.contains("/02/03/"));
            prop_assert_eq!(LogKey::parse(&changed), Err(NotALog::Other), "{}", changed);
        }

        #[test]
        fn any_prefix(prefix in "[^/]{0,20}(/[^/]{0,20}){0,3}") {
            let key = format!("{prefix}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/{FILE}");
            prop_assert!(LogKey::parse(&key).is_ok());
        }
    }
}
