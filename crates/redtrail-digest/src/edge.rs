//! The edges of verification: a bucket that holds a trail, CloudTrail's public keys, and
//! whoever is told what is found.

use std::future::Future;

use jiff::Timestamp;
use redtrail_core::edge::{EdgeError, LogBody};

use crate::{finding::Finding, public_key::ListedKey};

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

/// Who is told as verification goes on.
pub trait Watch {
    fn finding(&mut self, finding: Finding);

    /// So many digests are to be verified in the next place.
    fn digests_to_come(&mut self, count: u64);

    /// A digest and all it lists have been looked at.
    fn digest_done(&mut self);
}
