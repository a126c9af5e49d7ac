//! Logs held against the bucket: is what lies there what the digest lists?

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use redtrail_core::edge::{EdgeError, error_chain};

use crate::{
    edge::{Evidence, ListedLog, TrailBucket, Wrong},
    finding::FindingKind,
    unpack::{Content, NotUnpacked, unpack},
};

/// Logs read at a time.
const LOGS_AT_A_TIME: usize = 16;

/// Reads each log and hashes what it holds.
#[derive(Clone, Copy, Debug)]
pub struct InBucket<'b, B>(pub &'b B);

impl<B: TrailBucket> Evidence for InBucket<'_, B> {
    fn is_asked_for(&self, _: Timestamp) -> bool {
        true
    }

    /// What is gone from the bucket, the bucket does not know.
    async fn known(&self, _: &str) -> Result<Vec<String>, EdgeError> {
        Ok(Vec::new())
    }

    async fn judge(&self, logs: &[ListedLog]) -> Result<Vec<Option<Wrong>>, EdgeError> {
        // By their places: a closure over references is not general enough for the compiler.
        let judged = stream::iter(0..logs.len()).map(async |at| match logs.get(at) {
            Some(log) => self.judge_one(log).await,
            None => Ok(None),
        });
        judged.buffered(LOGS_AT_A_TIME).try_collect().await
    }
}

impl<B: TrailBucket> InBucket<'_, B> {
    async fn judge_one(&self, log: &ListedLog) -> Result<Option<Wrong>, EdgeError> {
        let (kind, detail) = match unpack(self.0, &log.key, Content::Hashed).await? {
            Ok(unpacked) if log.sha256 == unpacked.sha256 => return Ok(None),
            Ok(_) => (FindingKind::LogAltered, None),
            Err(NotUnpacked::Missing) => (FindingKind::LogMissing, None),
            Err(NotUnpacked::Unreadable(error)) => {
                (FindingKind::LogUnreadable, Some(error_chain(&error)))
            }
            Err(NotUnpacked::Damaged(why)) => {
                let why = format!("{}: {why}", why.reason());
                (FindingKind::LogDamaged, Some(why))
            }
        };
        Ok(Some(Wrong { kind, detail }))
    }
}
