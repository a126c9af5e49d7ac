//! The edges of verification: a bucket that holds a trail, CloudTrail's public keys, and
//! whoever is told what is found.

use std::future::Future;

use jiff::Timestamp;
use redtrail_core::{
    edge::{EdgeError, LogBody},
    ledger::LedgerEntry,
    object::ObjectAddress,
};

use crate::{
    finding::{Finding, FindingCounts, FindingKind},
    public_key::ListedKey,
};

/// A bucket with a trail in it, or a copy of one.
pub trait TrailBucket: Sync {
    type Body: LogBody;

    /// Whether objects here have the metadata that S3 keeps beside them.
    fn keeps_metadata(&self) -> bool;

    fn open(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<OpenObject<Self::Body>, EdgeError>> + Send;

    /// The next objects whose keys begin with `prefix`, after the key `after`, in the order
    /// of their keys. None are left when there are none.
    fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Vec<ListedObject>, EdgeError>> + Send;

    /// The names, without `/`, of the folders in the folder `prefix`.
    fn folders(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, EdgeError>> + Send;
}

/// An object being read, and what stands beside it.
#[derive(Debug)]
pub struct OpenObject<B> {
    pub body: B,
    pub metadata: DigestMetadata,
}

/// The metadata that CloudTrail gives a digest object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestMetadata {
    /// `x-amz-meta-signature`
    pub signature: Option<String>,
    /// `x-amz-meta-signature-algorithm`
    pub signature_algorithm: Option<String>,
    /// `x-amz-meta-backfill-generation-timestamp`
    pub backfill_generation_timestamp: Option<String>,
}

/// An object as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    pub key: String,
    pub bytes: u64,
    /// As the object's own answer has it, quotes included; a folder has none.
    pub etag: Option<String>,
}

/// Where CloudTrail's public keys come from.
pub trait PublicKeys: Sync {
    /// The keys that were in use in a Region at any time from `from` to `until`.
    fn list(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<KeyList, EdgeError>> + Send;
}

/// Public keys of a Region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyList {
    pub keys: Vec<ListedKey>,
    /// Whether these are all keys of the time asked for: what is not among them is none.
    pub is_complete: bool,
}

/// What became of log objects.
pub trait Ledger: Sync {
    /// The entries of a day's folder, `BUCKET/…/YYYY/MM/DD/`, of the objects with these file
    /// names and all between them, whatever their versions.
    fn entries(
        &self,
        day_folder: &str,
        first: &str,
        last: &str,
    ) -> impl Future<Output = Result<Vec<LedgerEntry>, EdgeError>> + Send;
}

/// Where log objects are handed back, to be ingested.
pub trait Announce: Sync {
    fn announce(
        &self,
        objects: &[ObjectAddress],
    ) -> impl Future<Output = Result<(), EdgeError>> + Send;
}

/// What logs are held against: the bucket they lie in, or what became of them.
pub trait Evidence: Sync {
    /// What is wrong with each of these logs, in their order; nothing where the log is as its
    /// digest says.
    fn judge(
        &self,
        logs: &[ListedLog],
    ) -> impl Future<Output = Result<Vec<Option<Wrong>>, EdgeError>> + Send;
}

/// A log as a proven digest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLog {
    pub key: String,
    /// SHA-256 of the unpacked content.
    pub sha256: Vec<u8>,
}

/// What is wrong with a log, and more of it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub kind: FindingKind,
    pub detail: Option<String>,
}

/// A digest that has been looked at with all it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestDone {
    pub key: String,
    pub is_backfill: bool,
    /// The hour that it is about: as it says if it is proven, else as its name does.
    pub start: Timestamp,
    pub end: Timestamp,
    pub is_proven: bool,
    /// What was found on the digest itself.
    pub found: Option<FindingKind>,
    /// Logs that it lists.
    pub logs: u64,
    /// What was found on those.
    pub found_on_logs: FindingCounts,
}

/// Who is told as verification goes on.
pub trait Watch {
    fn finding(&mut self, finding: Finding);

    /// So many digests are to be verified in the next place.
    fn digests_to_come(&mut self, count: u64);

    fn digest_done(&mut self, done: DigestDone);
}
