//! A trail in S3 as a command line names it, `s3://BUCKET/PREFIX`, its places, and what to do
//! when it cannot be read.

use std::{collections::BTreeSet, str::FromStr};

use clap::Args;
use redtrail_aws::{shared_config, trail_bucket::S3TrailBucket};
use redtrail_core::edge::{EdgeError, EdgeErrorKind};
use redtrail_digest::{
    discover::{Wanted, places},
    edge::TrailBucket,
    place::Place,
};
use thiserror::Error;

use crate::{
    failure::{Failure, chain},
    public_keys::{self, is_about_keys},
    words::{account_id, region},
};

/// A bucket, and what stands before `AWSLogs/` in its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrailUrl {
    pub(crate) bucket: String,
    /// Nothing, or a prefix that ends with `/`.
    pub(crate) prefix: String,
}

/// How a trail's address begins.
pub(crate) const SCHEME: &str = "s3://";

/// The text names no trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotATrail {
    #[error("expected s3://BUCKET or s3://BUCKET/PREFIX")]
    Form,
    #[error(
        "expected no more than what stands before AWSLogs/: --accounts, --regions, --since and \
         --until say which of its objects"
    )]
    Deeper,
}

impl FromStr for TrailUrl {
    type Err = NotATrail;

    fn from_str(text: &str) -> Result<Self, NotATrail> {
        let place = text.strip_prefix(SCHEME).ok_or(NotATrail::Form)?;
        let (bucket, path) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(NotATrail::Form);
        }
        let path = path.trim_end_matches('/');
        let before = match path.strip_suffix("AWSLogs") {
            Some(before) if before.is_empty() || before.ends_with('/') => before,
            _ => path,
        };
        let before = before.trim_end_matches('/');
        if before.split('/').any(|segment| segment == "AWSLogs") {
            return Err(NotATrail::Deeper);
        }
        let prefix = match before {
            "" => String::new(),
            before => format!("{before}/"),
        };
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix,
        })
    }
}

/// Whose logs, and where the bucket is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TrailArgs {
    /// Accounts, separated by commas; without it all there are
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = account_id)]
    accounts: Vec<String>,

    /// Regions, separated by commas; without it all there are
    #[arg(long, value_delimiter = ',', value_name = "REGION", value_parser = region)]
    regions: Vec<String>,

    /// The bucket's region
    #[arg(long, env = "TRAIL_BUCKET_REGION", hide_env_values = true)]
    region: Option<String>,

    /// Another S3 than the region's own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_S3",
        hide_env_values = true
    )]
    s3_endpoint_url: Option<String>,
}

impl TrailArgs {
    pub(crate) async fn bucket(&self, name: &str) -> S3TrailBucket {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let client = shared_config::s3(given(&self.region), given(&self.s3_endpoint_url)).await;
        S3TrailBucket::new(client, name)
    }

    /// Whether accounts or Regions are named.
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.accounts.is_empty() || !self.regions.is_empty()
    }

    /// The places asked for.
    pub(crate) async fn places<B: TrailBucket>(
        &self,
        bucket: &B,
        trail: &TrailUrl,
    ) -> Result<Vec<Place>, Failure> {
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
        let wanted = Wanted {
            prefix: trail.prefix.clone(),
            accounts: set(&self.accounts),
            regions: set(&self.regions),
        };
        let found = places(bucket, &wanted).await.map_err(unread)?;
        let has_account = |id: &&String| found.iter().any(|place| place.account == **id);
        let has_region = |name: &&String| found.iter().any(|place| place.region == **name);
        let account = self.accounts.iter().find(|id| !has_account(id));
        let region = self.regions.iter().find(|name| !has_region(name));
        let of_whom = match (account, region) {
            (Some(id), _) if self.regions.is_empty() => format!(" of the account {id}"),
            (Some(id), _) => format!(" of the account {id} in {}", self.regions.join(", ")),
            (None, Some(name)) => format!(" of the Region {name}"),
            (None, None) if found.is_empty() => String::new(),
            (None, None) => return Ok(found),
        };
        Err(Failure::failed(
            format!(
                "found no trail{of_whom} below s3://{}/{}AWSLogs/",
                trail.bucket, trail.prefix
            ),
            "Check the prefix, --accounts and --regions: `aws s3 ls` shows what is there.",
            "there are no folders of CloudTrail's there",
        ))
    }
}

/// What to do when S3, the queue or a table does not do what was asked.
pub(crate) fn unread(error: EdgeError) -> Failure {
    let next = if is_about_keys(&error) {
        public_keys::next_step(&error).to_owned()
    } else {
        next_step(error.kind)
    };
    let cause = error.source.as_ref().map(|cause| chain(cause.as_ref()));
    Failure::failed(error.to_string(), next, cause.unwrap_or_default())
}

pub(crate) fn next_step(kind: EdgeErrorKind) -> String {
    match kind {
        EdgeErrorKind::Denied { permission } => format!(
            "The identity that `aws sts get-caller-identity` shows needs {permission} here."
        ),
        EdgeErrorKind::Missing => "Check the names of bucket, queue and tables.".to_owned(),
        EdgeErrorKind::Throttled { .. } => {
            "Run it again: it goes on where it stopped; `backfill` takes a lower --rate.".to_owned()
        }
        EdgeErrorKind::Refused => {
            "Read the cause; objects in an archive tier must be restored first.".to_owned()
        }
        _ => "Check network and credentials (`aws sts get-caller-identity` must work), and give \
              the bucket's region as --region."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trails() {
        let trail = |bucket: &str, prefix: &str| {
            Ok(TrailUrl {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            })
        };
        for (text, expected) in [
            ("s3://trail", trail("trail", "")),
            ("s3://trail/", trail("trail", "")),
            ("s3://trail/AWSLogs", trail("trail", "")),
            ("s3://trail/AWSLogs/", trail("trail", "")),
            ("s3://trail/a/b c", trail("trail", "a/b c/")),
            ("s3://trail/a/b/AWSLogs/", trail("trail", "a/b/")),
            ("s3://trail/myAWSLogs/", trail("trail", "myAWSLogs/")),
            ("s3://trail/AWSLogs/111122223333/", Err(NotATrail::Deeper)),
            ("s3://", Err(NotATrail::Form)),
            ("s3:///a", Err(NotATrail::Form)),
            ("trail", Err(NotATrail::Form)),
        ] {
            assert_eq!(text.parse::<TrailUrl>(), expected, "{text}");
        }
    }
}
