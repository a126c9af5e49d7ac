//! `redtrail verify`: whether a trail's log objects are those that CloudTrail delivered, by
//! its signed digests.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::Args;
use redtrail_aws::{shared_config, trail_bucket::S3TrailBucket};
use redtrail_core::edge::{EdgeError, EdgeErrorKind};
use redtrail_digest::{
    BucketNames, InBucket, TimeRange, Verifier,
    discover::{Wanted, places_and_named},
    edge::TrailBucket,
};

use crate::{
    digest_keys::{Keys, KeysFrom},
    digest_report::{ReportForm, Reporter, or_unproven},
    failure::{Failure, chain, runtime},
    public_keys::{is_about_keys, next_step, range},
    trail_folder::TrailFolder,
    verify_report::{PlaceJson, SENTENCES},
    words::{account_id, region},
};

/// Proves that a trail's log objects are those that CloudTrail delivered
///
/// CloudTrail signs, every hour, a digest of the logs it delivered in that hour and of the
/// digest before. All digests of the time asked for are verified, and every log they list;
/// then the bucket is searched for logs that none of them lists.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Verify {
    /// The bucket that holds the trail
    #[arg(long, value_name = "NAME", required_unless_present = "folder")]
    bucket: Option<String>,

    /// A folder that holds a copy of the bucket, instead
    #[arg(long, value_name = "PATH", conflicts_with = "bucket")]
    folder: Option<PathBuf>,

    /// What stands before AWSLogs/ in the keys
    #[arg(long, default_value = "")]
    prefix: String,

    /// Accounts to verify, separated by commas; without it all there are
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = account_id)]
    accounts: Vec<String>,

    /// Regions to verify, separated by commas; without it all there are
    #[arg(long, value_delimiter = ',', value_name = "REGION", value_parser = region)]
    regions: Vec<String>,

    /// From when on: 2023-07-10, 2023-07-10T12:00:00Z, yesterday, 2d
    #[arg(long, value_name = "TIME")]
    since: String,

    /// Until when
    #[arg(long, value_name = "TIME", default_value = "now")]
    until: String,

    /// The bucket that CloudTrail delivers to, where --bucket is a replica of it
    #[arg(long, value_name = "NAME")]
    original_bucket: Option<String>,

    /// Keys saved by `redtrail public-keys`, instead of asking CloudTrail
    #[arg(long, value_name = "FILE")]
    public_keys: Option<PathBuf>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: ReportForm,

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
    endpoint_url: Option<String>,

    /// Another CloudTrail than the Regions' own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_CLOUDTRAIL",
        hide_env_values = true
    )]
    cloudtrail_endpoint_url: Option<String>,
}

const HELP: &str = "\
Examples:
  redtrail verify --bucket BUCKET --since yesterday
  redtrail verify --bucket BUCKET --prefix security --accounts 123456789012 \\
      --regions us-east-1,eu-west-1 --since 2023-07-01 --until 2023-07-31 --output json
  redtrail verify --bucket REPLICA --original-bucket BUCKET --since 7d
  redtrail verify --folder ./copy --original-bucket BUCKET --since 7d --public-keys keys.json

Each finding has a name, the same in text and JSON; what it means, what is proven and what
is not, is told in docs/verification.md. The hour that is still without its digest is no
finding, unless the last digest is more than two hours old.

It takes s3:ListBucket on the bucket, s3:GetObject on its objects, cloudtrail:ListPublicKeys
(not with --public-keys), and kms:Decrypt where a key of yours encrypts the objects.
Nothing is written. A folder must hold AWSLogs/ as the bucket does; the newest digest of a
copy cannot be proven, since its signature stands in the metadata that S3 keeps.

Exit status: 0 valid, everything asked for is proven; 1 invalid, something was deleted,
altered or added; 2 wrong usage; 3 unproven: nothing is known to be wrong, but some of it is
not proven, or could not be read.";

impl Verify {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let range = range(&self.since, &self.until)?;
        let region = self.regions.first().or(self.region.as_ref());
        let endpoint_url = self.cloudtrail_endpoint_url.clone();
        let keys = KeysFrom::named(self.public_keys.as_deref(), region, endpoint_url)?;
        or_unproven(runtime()?.block_on(self.verify(range, keys)))
    }

    async fn verify(&self, range: TimeRange, keys: KeysFrom) -> Result<ExitCode, Failure> {
        let keys = keys.open().await;
        match (&self.folder, &self.bucket) {
            (Some(folder), _) => {
                if !folder.is_dir() {
                    return Err(Failure::usage(
                        format!("{} is no folder", folder.display()),
                        "Give --folder the folder that holds AWSLogs/.",
                    ));
                }
                self.verify_all(&TrailFolder::new(folder.clone()), &keys, range)
                    .await
            }
            (None, bucket) => {
                let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
                let client = shared_config::s3(given(&self.region), given(&self.endpoint_url));
                let bucket = bucket.as_deref().unwrap_or_default();
                let bucket = S3TrailBucket::new(client.await, bucket);
                self.verify_all(&bucket, &keys, range).await
            }
        }
    }

    async fn verify_all<B: TrailBucket>(
        &self,
        bucket: &B,
        keys: &Keys,
        range: TimeRange,
    ) -> Result<ExitCode, Failure> {
        let names = BucketNames {
            here: self.bucket.clone(),
            original: self.original_bucket.clone(),
        };
        let mut reporter = Reporter::new(self.output, SENTENCES, range)?;
        let evidence = InBucket(bucket);
        let mut verifier = Verifier::new(bucket, keys, &evidence, names, range);
        let mut stopped = None;
        match self.places(bucket).await {
            Err(failure) => stopped = Some(failure),
            Ok(places) => {
                reporter.places_to_come(places.len());
                for place in &places {
                    let verified = verifier.verify(place, &mut reporter).await;
                    // What could not be written is said first: nobody reads on.
                    reporter.written()?;
                    match verified {
                        Ok(summary) => reporter.place(PlaceJson::of(&summary))?,
                        Err(error) => {
                            stopped = Some(self.failure(error));
                            break;
                        }
                    }
                }
            }
        }
        reporter.exit(stopped)
    }

    async fn places<B: TrailBucket>(
        &self,
        bucket: &B,
    ) -> Result<Vec<redtrail_digest::place::Place>, Failure> {
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
        let wanted = Wanted {
            prefix: normal_prefix(&self.prefix),
            accounts: set(&self.accounts),
            regions: set(&self.regions),
        };
        let found = places_and_named(bucket, &wanted)
            .await
            .map_err(|error| self.failure(error))?;
        let is_found = |account: &&String| !found.iter().any(|place| place.account == **account);
        let of_whom = match wanted.accounts.iter().find(is_found) {
            Some(account) => format!("of the account {account} "),
            None if found.is_empty() => String::new(),
            None => return Ok(found),
        };
        Err(Failure::failed(
            format!("found no trail {of_whom}below {}AWSLogs/", wanted.prefix),
            "Check --prefix, --accounts and --regions: `aws s3 ls` shows what is there.",
            "there are no folders of CloudTrail's there",
        ))
    }

    fn failure(&self, error: EdgeError) -> Failure {
        let next = match error.kind {
            _ if is_about_keys(&error) => next_step(&error).to_owned(),
            EdgeErrorKind::Denied { permission } => format!(
                "The identity that `aws sts get-caller-identity` shows needs {permission} here."
            ),
            EdgeErrorKind::Missing => "Check the name of the bucket.".to_owned(),
            EdgeErrorKind::Refused if self.folder.is_some() => {
                "Give --folder a folder that can be read.".to_owned()
            }
            _ => "Check network and credentials (`aws sts get-caller-identity` must work), and \
                 give the bucket's region as --region."
                .to_owned(),
        };
        let cause = error.source.as_ref().map(|cause| chain(cause.as_ref()));
        Failure::failed(error.to_string(), next, cause.unwrap_or_default())
    }
}

/// With exactly one `/` at its end, unless it is nothing.
fn normal_prefix(prefix: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    if prefix.is_empty() {
        String::new()
    } else {
        format!("{prefix}/")
    }
}
