//! What the names of digests and logs say: whose they are, and of when.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use redtrail_core::log_key::{LogKey, file_name, is_organization};
use redtrail_model::is_account_id;

use crate::{
    discover::is_region,
    place::{AWS_LOGS, Place, day_path},
};

/// Whose digests link to each other: those of one trail, and its backfill digests apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainName {
    pub trail: String,
    /// The Region in which the trail was made.
    pub home_region: String,
    /// Digests of logs that the original digests missed because they came late.
    pub is_backfill: bool,
}

/// The name of a digest object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestName {
    pub(crate) chain: ChainName,
    pub(crate) end: Timestamp,
}

impl DigestName {
    /// What `key` says, if it is a digest's of this place, in the folder of its day.
    pub(crate) fn parse(place: &Place, key: &str) -> Option<Self> {
        let path = key.strip_prefix(&place.digest_folder())?;
        let (rest, is_backfill) = match path.strip_suffix("_backfill.json.gz") {
            Some(rest) => (rest, true),
            None => (path.strip_suffix(".json.gz")?, false),
        };
        let (rest, time) = rest.rsplit_once('_')?;
        let (rest, home_region) = rest.rsplit_once('_')?;
        let end = compact_time(time.strip_suffix('Z')?, "%Y%m%dT%H%M%S", 15)?;
        let trail = rest
            .strip_prefix(&day_path(day_of(end)))?
            .strip_prefix(&format!(
                "{}_CloudTrail-Digest_{}_",
                place.account, place.region
            ))?;
        let is_name = |text: &str| !text.is_empty() && !text.contains('/');
        (is_name(trail) && is_name(home_region)).then(|| Self {
            chain: ChainName {
                trail: trail.to_owned(),
                home_region: home_region.to_owned(),
                is_backfill,
            },
            end,
        })
    }

    /// The key of the digest of this name.
    pub(crate) fn key(place: &Place, chain: &ChainName, end: Timestamp) -> String {
        let time = end.to_zoned(TimeZone::UTC);
        format!(
            "{}{}{}_CloudTrail-Digest_{}_{}_{}_{}{}.json.gz",
            place.digest_folder(),
            day_path(time.date()),
            place.account,
            place.region,
            chain.trail,
            chain.home_region,
            time.strftime("%Y%m%dT%H%M%SZ"),
            if chain.is_backfill { "_backfill" } else { "" },
        )
    }
}

/// Whose digest the object with this key is, and when its hour ended; `None` for what is no
/// digest.
pub fn digest_place(key: &str) -> Option<(Place, Timestamp)> {
    key.match_indices(AWS_LOGS).find_map(|(at, _)| {
        let (prefix, path) = (key.get(..at)?, key.get(at + AWS_LOGS.len()..)?);
        if !prefix.is_empty() && !prefix.ends_with('/') {
            return None;
        }
        let (account_folders, rest) = path.split_once("/CloudTrail-Digest/")?;
        let (organization, account) = match account_folders.split_once('/') {
            Some((organization, account)) => (Some(organization), account),
            None => (None, account_folders),
        };
        let region = rest.split('/').next()?;
        let is_place =
            is_account_id(account) && is_region(region) && organization.is_none_or(is_organization);
        let place = Place {
            prefix: prefix.to_owned(),
            organization: organization.map(str::to_owned),
            account: account.to_owned(),
            region: region.to_owned(),
        };
        let name = is_place.then(|| DigestName::parse(&place, key))??;
        Some((place, name.end))
    })
}

/// The UTC day of a time.
pub(crate) fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// The minute that a log's name says it was delivered in; `None` for what is no log, or says
/// another day than its folder. (Late in a day logs come into the next day's folder.)
pub(crate) fn log_time(key: &str) -> Option<Timestamp> {
    let folder_day = LogKey::parse(key).ok()?.delivery_day;
    let mut parts = file_name(key).splitn(4, '_').skip(3);
    let time = parts.next()?.get(..13)?;
    let time = compact_time(time, "%Y%m%dT%H%M", 13)?;
    let day = day_of(time);
    let is_near = day == folder_day
        || day.tomorrow().is_ok_and(|day| day == folder_day)
        || day.yesterday().is_ok_and(|day| day == folder_day);
    is_near.then_some(time)
}

/// A time of exactly `length` characters: parsing alone would take fewer digits, too.
fn compact_time(text: &str, format: &str, length: usize) -> Option<Timestamp> {
    if text.len() != length {
        return None;
    }
    let time = DateTime::strptime(format, text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> Place {
        Place {
            prefix: "p/".to_owned(),
            organization: None,
            account: "111122223333".to_owned(),
            region: "us-east-2".to_owned(),
        }
    }

    const DAY: &str = "p/AWSLogs/111122223333/CloudTrail-Digest/us-east-2/2026/03/02";

    #[test]
    fn ok_digest_names() {
        for (trail, is_backfill) in [("t", false), ("my_trail_1.x-y", true)] {
            let end = if is_backfill { "_backfill" } else { "" };
            let key = format!(
                "{DAY}/111122223333_CloudTrail-Digest_us-east-2_{trail}_eu-west-1_20260302T150131Z{end}.json.gz"
            );
            let name = DigestName::parse(&place(), &key).unwrap();
            assert_eq!(name.end, "2026-03-02T15:01:31Z".parse().unwrap());
            assert_eq!(
                name.chain,
                ChainName {
                    trail: trail.to_owned(),
                    home_region: "eu-west-1".to_owned(),
                    is_backfill,
                }
            );
            assert_eq!(DigestName::key(&place(), &name.chain, name.end), key);
        }
    }

    #[test]
    fn digest_places() {
        let name = "_us-east-2_t_us-east-2_20260302T150131Z.json.gz";
        let key = |before: &str, account: &str, region: &str| {
            format!(
                "{before}{account}/CloudTrail-Digest/{region}/2026/03/02/{account}_CloudTrail-Digest{name}"
            )
        };
        let end = "2026-03-02T15:01:31Z".parse().unwrap();
        for before in [
            "AWSLogs/",
            "p/AWSLogs/",
            "AWSLogs/AWSLogs/",
            "p/AWSLogs/o-a1/",
        ] {
            let key = key(before, "111122223333", "us-east-2");
            let (place, found) = digest_place(&key).unwrap();
            assert_eq!(found, end);
            assert!(key.starts_with(&place.digest_folder()), "{before}");
        }
        for key in [
            key("xAWSLogs/", "111122223333", "us-east-2"),
            key("AWSLogs/a/", "111122223333", "us-east-2"),
            key("AWSLogs/", "1", "us-east-2"),
            key("AWSLogs/", "111122223333", "a.example"),
            key("AWSLogs/", "111122223333", "us-east-2").replace("-Digest/", "/"),
        ] {
            assert_eq!(digest_place(&key), None, "{key}");
        }
    }

    #[test]
    fn err_other_names() {
        let name = "111122223333_CloudTrail-Digest_us-east-2_t_us-east-2_20260302T150131Z.json.gz";
        assert!(DigestName::parse(&place(), &format!("{DAY}/{name}")).is_some());
        for key in [
            name.to_owned(),
            format!("{DAY}/x/{name}"),
            format!("{DAY}/{name}.tmp"),
            format!("{DAY}/").replace("/02/", "/03/") + name,
            format!("{DAY}/{}", name.replace("us-east-2_t", "us-east-1_t")),
            format!("{DAY}/{}", name.replace("_t_", "_")),
            format!("{DAY}/{}", name.replace("_t_", "_a/b_")),
            format!("{DAY}/{}", name.replace("150131", "1501")),
            format!("{DAY}/{}", name.replace("150131", "250131")),
        ] {
            assert_eq!(DigestName::parse(&place(), &key), None, "{key}");
        }
    }

    #[test]
    fn log_times() {
        let key = |folder: &str, time: &str| {
            format!(
                "AWSLogs/111122223333/CloudTrail/us-east-1/{folder}/111122223333_CloudTrail_us-east-1_{time}_a1B2.json.gz"
            )
        };
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        for (folder, time, expected) in [
            ("2026/03/02", "20260302T0905Z", at("2026-03-02T09:05:00Z")),
            ("2026/03/03", "20260302T2355Z", at("2026-03-02T23:55:00Z")),
            ("2026/03/02", "20260101T0905Z", None),
            ("2026/03/02", "20260302T9905Z", None),
        ] {
            assert_eq!(log_time(&key(folder, time)), expected, "{time}");
        }
        assert_eq!(log_time("AWSLogs/x"), None);
    }

    proptest! {
        #[test]
        fn any_text(text in any::<String>()) {
            log_time(&text);
            digest_place(&text);
            DigestName::parse(&place(), &text);
            DigestName::parse(&place(), &format!("{DAY}/111122223333_CloudTrail-Digest_us-east-2_{text}"));
        }
    }
}
