//! The newest log object of a trail, found by walking its folders: ListObjectsV2. For a person who
//! asks whether all is well; no log object is ever found this way to be ingested otherwise.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::list_objects_v2::{ListObjectsV2Error, builders::ListObjectsV2FluentBuilder},
};
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind},
    log_key::LogKey,
};
use redtrail_model::is_account_id;

/// Of so many accounts, and of so many Regions of each, the newest object is looked for: enough to
/// find a trail alive, few enough to be quick.
const MOST_FOLDERS: usize = 8;
/// Of a day of one Region so many pages of a thousand names are read. Names begin with times, so
/// that the newest is on the last.
const MOST_PAGES: usize = 50;

/// Buckets of trails, to be looked into.
#[derive(Clone, Debug)]
pub struct TrailBuckets {
    client: aws_sdk_s3::Client,
}

/// One of them.
struct TrailBucket<'a> {
    client: &'a aws_sdk_s3::Client,
    bucket: &'a str,
}

/// A log object, and when S3 got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestObject {
    pub key: String,
    pub modified_epoch_seconds: i64,
}

impl TrailBuckets {
    pub fn new(client: aws_sdk_s3::Client) -> Self {
        Self { client }
    }

    /// The newest log object of a bucket below `prefix`, which stands before `AWSLogs/`.
    ///
    /// # Errors
    /// When the bucket cannot be listed.
    pub async fn newest_log(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Option<NewestObject>, EdgeError> {
        let client = &self.client;
        TrailBucket { client, bucket }.newest_log(prefix).await
    }
}

impl TrailBucket<'_> {
    async fn newest_log(&self, prefix: &str) -> Result<Option<NewestObject>, EdgeError> {
        let mut newest: Option<NewestObject> = None;
        for account in self.accounts(prefix).await?.into_iter().take(MOST_FOLDERS) {
            let regions = self.folders(&format!("{account}CloudTrail/")).await?;
            for region in regions.into_iter().take(MOST_FOLDERS) {
                let found = self.newest_of_region(region).await?;
                let when = |object: &Option<NewestObject>| {
                    object.as_ref().map(|object| object.modified_epoch_seconds)
                };
                if when(&found) > when(&newest) {
                    newest = found;
                }
            }
        }
        Ok(newest)
    }

    /// The accounts' folders: below `AWSLogs/`, or below an organization's folder there.
    async fn accounts(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        let is_account = |folder: &String| is_account_id(name(folder));
        let mut accounts = Vec::new();
        for folder in self.folders(&format!("{prefix}AWSLogs/")).await? {
            if is_account(&folder) {
                accounts.push(folder);
            } else if name(&folder).starts_with("o-") {
                let members = self.folders(&folder).await?;
                accounts.extend(members.into_iter().filter(is_account));
            }
        }
        Ok(accounts)
    }

    /// Below a Region's folder: its last year, month and day.
    async fn newest_of_region(&self, region: String) -> Result<Option<NewestObject>, EdgeError> {
        let mut folder = region;
        for _ in ["year", "month", "day"] {
            match self.folders(&folder).await?.into_iter().max() {
                Some(last) => folder = last,
                None => return Ok(None),
            }
        }
        let mut newest: Option<NewestObject> = None;
        let mut pages = self.list(&folder).into_paginator().send();
        for _ in 0..MOST_PAGES {
            let Some(page) = pages.next().await else {
                break;
            };
            let page = page.map_err(|error| self.failed(&folder, error))?;
            let objects = page.contents().iter().filter_map(|object| {
                let key = object.key()?;
                LogKey::parse(key).ok()?;
                Some(NewestObject {
                    key: key.to_owned(),
                    modified_epoch_seconds: object.last_modified()?.secs(),
                })
            });
            newest = newest
                .into_iter()
                .chain(objects)
                .max_by_key(|object| object.modified_epoch_seconds);
        }
        Ok(newest)
    }

    /// The folders in a folder; of very many the first thousand.
    async fn folders(&self, folder: &str) -> Result<Vec<String>, EdgeError> {
        let sent = self.list(folder).send().await;
        let listed = sent.map_err(|error| self.failed(folder, error))?;
        let prefixes = listed.common_prefixes().iter();
        let folders = prefixes.filter_map(|entry| entry.prefix().map(str::to_owned));
        Ok(folders.collect())
    }

    /// What lies directly in a folder.
    fn list(&self, folder: &str) -> ListObjectsV2FluentBuilder {
        self.client
            .list_objects_v2()
            .bucket(self.bucket)
            .prefix(folder)
            .delimiter("/")
    }

    fn failed(&self, folder: &str, error: SdkError<ListObjectsV2Error>) -> EdgeError {
        EdgeError {
            attempted: format!("list s3://{}/{folder}", self.bucket),
            kind: kind(&error),
            source: Some(Box::new(error)),
        }
    }
}

/// The last part of a folder's path.
fn name(folder: &str) -> &str {
    let path = folder.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

fn kind(error: &SdkError<ListObjectsV2Error>) -> EdgeErrorKind {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error.code().unwrap_or_default(), status) {
        ("NoSuchBucket", _) => EdgeErrorKind::Missing,
        // The bucket is in another Region than was asked.
        (
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, Some(301)) => EdgeErrorKind::Refused,
        ("ExpiredToken" | "RequestTimeTooSkewed", _) => EdgeErrorKind::Retryable,
        ("AccessDenied", _) | (_, Some(403)) => EdgeErrorKind::Denied {
            permission: "s3:ListBucket",
        },
        _ => EdgeErrorKind::Retryable,
    }
}
