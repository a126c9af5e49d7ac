//! A place of a trail: the folders that one account's logs and digests of one Region have
//! in a bucket.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use std::fmt;

use jiff::civil::Date;

/// An account and a Region of a trail, below the trail's prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// What stands before `AWSLogs/`: nothing, or a prefix that ends with `/`.
    pub prefix: String,
    /// The organization's id, in the keys of an organization trail.
    pub organization: Option<String>,
    pub account: String,
    pub region: String,
}

impl Place {
    /// The folder of the digests, with its `/`.
    pub fn digest_folder(&self) -> String {
        format!(
            "{}CloudTrail-Digest/{}/",
            self.account_folder(),
            self.region
        )
    }

    /// The folder of the logs, with its `/`.
    pub fn log_folder(&self) -> String {
        format!("{}CloudTrail/{}/", self.account_folder(), self.region)
    }

    fn account_folder(&self) -> String {
        let base = aws_logs(&self.prefix, self.organization.as_deref());
        format!("{base}{}/", self.account)
    }
}

/// The folder that CloudTrail begins with.
pub(crate) const AWS_LOGS: &str = "AWSLogs/";

/// The folder that holds a folder for each account.
pub(crate) fn aws_logs(prefix: &str, organization: Option<&str>) -> String {
    match organization {
        Some(organization) => format!("{prefix}{AWS_LOGS}{organization}/"),
        None => format!("{prefix}{AWS_LOGS}"),
    }
}

/// The path of a day within a folder of digests or logs, with its `/`.
pub(crate) fn day_path(day: Date) -> String {
    format!("{:04}/{:02}/{:02}/", day.year(), day.month(), day.day())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organization) = &self.organization {
            write!(f, "{organization} ")?;
        }
        write!(f, "{} {}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn ok_folders() {
        let mut place = Place {
            prefix: "a/b/".to_owned(),
            organization: Some("o-example".to_owned()),
            account: "111122223333".to_owned(),
            region: "us-gov-west-1".to_owned(),
        };
        assert_eq!(
            place.digest_folder() + &day_path(date(2026, 3, 2)),
            "a/b/AWSLogs/o-example/111122223333/CloudTrail-Digest/us-gov-west-1/2026/03/02/"
        );
        place.prefix.clear();
        place.organization = None;
        assert_eq!(
            place.log_folder() + &day_path(date(2026, 12, 31)),
            "AWSLogs/111122223333/CloudTrail/us-gov-west-1/2026/12/31/"
        );
    }
}
