//! What comparing one of CloudTrail's digest files with the ledger showed: the logs it lists,
//! and whether each was ingested with the same content. These items stand apart from those of
//! objects, and no run of the ingest function writes them.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use redtrail_model::{
    EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, SCHEMA_VERSION, Table, bounded,
};
use serde::{Deserialize, Serialize};

use crate::{item::Put, log_key::file_name};

/// What a digest proves of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestVerdict {
    /// The digest is genuine, and every log it lists was ingested unaltered.
    Proven,
    /// The digest is genuine, but not every log it lists was.
    Incomplete,
    /// The digest itself proves nothing.
    Broken,
}

impl DigestVerdict {
    /// The verdict as a word, as in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Incomplete => "incomplete",
            Self::Broken => "broken",
        }
    }
}

/// The ledger's item of one digest: one account, Region and hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestEntry {
    /// `digest#` and the folder of the account and Region whose logs it lists.
    pub folder: String,
    /// When the hour ended, so that text order is time order, `#` and the digest's file name:
    /// several trails, and digests of late logs, tell of the same hour.
    pub object_key: String,
    /// The digest's full key.
    pub full_object_key: String,
    /// The trail whose chain of digests it is in, and the Region in which that was made, as they
    /// stand in the digest's name: `TRAIL_REGION`.
    pub trail: String,
    pub digest_start: EventTime,
    pub digest_end: EventTime,
    /// It lists only logs that came too late for the hour's own digest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_backfill: bool,
    pub digest_verdict: DigestVerdict,
    /// Why the digest is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Logs that it lists, and those of them that are not in the ledger, are there with another
    /// content, or were rejected.
    pub logs_listed: u64,
    pub logs_missing: u64,
    pub logs_altered: u64,
    pub logs_rejected: u64,
    /// Objects among the logs of that hour that no digest lists: CloudTrail delivered none of
    /// them.
    #[serde(default)]
    pub logs_unlisted: u64,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
}

/// Under it: the digests of the logs in that folder of an account and Region, in the order of
/// time.
pub fn digest_partition(trail_folder: &str) -> String {
    bounded(format!("digest#{trail_folder}"), MAX_PARTITION_KEY_BYTES)
}

impl DigestEntry {
    /// The entry of a digest of which nothing is known yet but its hour.
    pub fn new(
        trail_folder: &str,
        full_object_key: &str,
        trail: &str,
        start: EventTime,
        end: EventTime,
    ) -> Self {
        let name = format!("{end}#{}", file_name(full_object_key));
        Self {
            folder: digest_partition(trail_folder),
            object_key: bounded(&name, MAX_SORT_KEY_BYTES),
            full_object_key: full_object_key.to_owned(),
            trail: trail.to_owned(),
            digest_start: start,
            digest_end: end,
            is_backfill: false,
            digest_verdict: DigestVerdict::Broken,
            reason: None,
            logs_listed: 0,
            logs_missing: 0,
            logs_altered: 0,
            logs_rejected: 0,
            logs_unlisted: 0,
            expires_at: None,
            schema_version: SCHEMA_VERSION,
        }
    }

    /// # Errors
    /// Never for an entry as redtrail makes it: each field has a form in DynamoDB.
    pub fn put(&self) -> Result<Put, serde_dynamo::Error> {
        let item = serde_dynamo::to_item(self)?;
        Ok(Put::new(Table::Ledger, item))
    }
}
