//! `redtrail public-keys`: CloudTrail's public keys, for verification without CloudTrail.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use redtrail_aws::{public_keys::CloudTrailKeys, shared_config};
use redtrail_core::edge::{EdgeError, EdgeErrorKind};
use redtrail_digest::{TimeRange, edge::PublicKeys, saved_keys::SavedKeys};
use redtrail_model::EventTime;

use crate::{
    failure::{Failure, chain, runtime},
    output::Answer,
    time_range::{self, End},
    words::region,
};

/// Saves CloudTrail's public keys, so that `verify` can do without CloudTrail
///
/// The keys of the Regions are written to standard output as one JSON document.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct PublicKeysCommand {
    /// The Regions whose digests are to be verified, separated by commas
    #[arg(
        long,
        required = true,
        value_delimiter = ',',
        value_name = "REGION",
        value_parser = region
    )]
    regions: Vec<String>,

    /// From when on keys are needed, as of `verify`
    #[arg(long, value_name = "TIME")]
    since: String,

    /// Until when keys are needed
    #[arg(long, value_name = "TIME", default_value = "now")]
    until: String,

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
  redtrail public-keys --regions us-east-1,eu-west-1 --since 2023-01-01 > keys.json
  redtrail verify --bucket BUCKET --since 2023-01-01 --public-keys keys.json

Keep the file where those who can write to the bucket cannot write: who can change it can
have anything proven. It takes cloudtrail:ListPublicKeys; the keys are the same for every
account.

Exit status: 0 saved, 1 keys could not be had, 2 wrong usage.";

impl PublicKeysCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let range = range(&self.since, &self.until)?;
        let saved = runtime()?.block_on(self.fetch(&range))?;
        let text = saved.to_json().map_err(std::io::Error::from)?;
        let mut answer = Answer::new();
        for line in text.lines() {
            answer.line(line)?;
        }
        answer.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    async fn fetch(&self, range: &TimeRange) -> Result<SavedKeys, Failure> {
        let source = cloudtrail(self.regions.first(), self.cloudtrail_endpoint_url.clone()).await;
        let (from, until) = range.of_keys();
        let mut saved = SavedKeys::default();
        for region in &self.regions {
            let listed = source.list(region, from, until).await;
            let listed = listed.map_err(|error| {
                let cause = error.source.as_ref().map(|cause| chain(cause.as_ref()));
                Failure::failed(
                    error.to_string(),
                    next_step(&error),
                    cause.unwrap_or_default(),
                )
            })?;
            saved.insert(region, from, until, listed.keys);
        }
        Ok(saved)
    }
}

/// CloudTrail, as whom the environment says; each question goes to its own Region.
pub(crate) async fn cloudtrail(
    region: Option<&String>,
    endpoint_url: Option<String>,
) -> CloudTrailKeys {
    let endpoint_url = endpoint_url.filter(|text| !text.is_empty());
    CloudTrailKeys::new(shared_config::cloudtrail(region.cloned(), endpoint_url).await)
}

/// The time asked for.
pub(crate) fn range(since: &str, until: &str) -> Result<TimeRange, Failure> {
    let now = Timestamp::now();
    let at = |text, end| {
        let time = time_range::instant(text, end, now).ok();
        time.map(EventTime::timestamp)
            .ok_or_else(|| Failure::usage(format!("`{text}` is not a time"), time_range::FORMS))
    };
    let range = TimeRange {
        since: at(since, End::Since)?,
        until: at(until, End::Until)?.min(now),
        now,
    };
    if range.since >= range.until {
        return Err(Failure::usage(
            format!(
                "nothing has happened between {} and {}",
                range.since, range.until
            ),
            "Give a --since before --until and before now.",
        ));
    }
    Ok(range)
}

/// Whether it is keys that could not be had.
pub(crate) fn is_about_keys(error: &EdgeError) -> bool {
    error.attempted.contains("public keys")
}

/// What to do when keys cannot be had.
pub(crate) fn next_step(error: &EdgeError) -> &'static str {
    match error.kind {
        EdgeErrorKind::Denied { .. } => {
            "The identity that `aws sts get-caller-identity` shows needs cloudtrail:ListPublicKeys; \
             or fetch the keys elsewhere with `redtrail public-keys`, and give --public-keys."
        }
        _ => {
            "Check the names of the Regions, network and credentials (`aws sts \
             get-caller-identity` must work)."
        }
    }
}
