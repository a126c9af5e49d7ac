//! Objects read to their end: exactly one gzip member, and what it holds or its hash.

use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, LogBody},
    log_reader::{Gunzip, Limits, LooksLike, Rejected},
};
use sha2::{Digest, Sha256};

use crate::edge::{DigestMetadata, OpenObject, TrailBucket};

/// Readings of one object before it is given up.
const ATTEMPTS: u32 = 3;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An object that was read.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) sha256: [u8; 32],
    /// The content, when it was to be kept.
    pub(crate) plain: Vec<u8>,
    pub(crate) metadata: DigestMetadata,
}

/// Why an object's content could not be had.
#[derive(Debug)]
pub(crate) enum NotUnpacked {
    /// There is no such object.
    Missing,
    /// It may not be read, or must be restored first. The metadata are not known.
    Unreadable(EdgeError),
    /// Read twice, it was bad twice.
    Damaged(Rejected),
}

/// What is done with the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Kept, up to so many bytes.
    Kept { max_bytes: u64 },
    /// Only hashed.
    Hashed,
}

/// Reads an object to its end.
///
/// # Errors
/// When the bucket cannot be reached: other objects would fare no better.
pub(crate) async fn unpack<B: TrailBucket>(
    bucket: &B,
    key: &str,
    content: Content,
) -> Result<Result<Unpacked, NotUnpacked>, EdgeError> {
    let mut damaged_before = false;
    let mut attempt = 1;
    loop {
        match read(bucket, key, content).await {
            Ok(Ok(unpacked)) => return Ok(Ok(unpacked)),
            Ok(Err(_)) if !damaged_before => damaged_before = true,
            Ok(Err(why)) => return Ok(Err(NotUnpacked::Damaged(why))),
            Err(error) => match error.kind {
                EdgeErrorKind::Missing => return Ok(Err(NotUnpacked::Missing)),
                EdgeErrorKind::Denied { .. } | EdgeErrorKind::Refused => {
                    return Ok(Err(NotUnpacked::Unreadable(error)));
                }
                EdgeErrorKind::Changed
                | EdgeErrorKind::Retryable
                | EdgeErrorKind::Throttled { .. }
                | EdgeErrorKind::OutOfTime
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                _ => return Err(error),
            },
        }
    }
}

async fn read<B: TrailBucket>(
    bucket: &B,
    key: &str,
    content: Content,
) -> Result<Result<Unpacked, Rejected>, EdgeError> {
    let OpenObject { mut body, metadata } = bucket.open(key).await?;
    let max_bytes = match content {
        Content::Kept { max_bytes } => max_bytes,
        Content::Hashed => Limits::default().max_plain_bytes,
    };
    let mut gunzip = Gunzip::new(max_bytes);
    let mut start: Vec<u8> = Vec::with_capacity(GZIP_MAGIC.len());
    let mut sha256 = Sha256::new();
    let mut plain = Vec::new();
    let mut stored_bytes = 0;
    let mut pushed = Ok(());
    while let Some(bytes) = body.next().await? {
        stored_bytes += bytes.len() as u64;
        start.extend(bytes.iter().take(GZIP_MAGIC.len() - start.len()));
        // A bad object is still read to its end: one that was cut short is no bad object.
        if pushed.is_ok() {
            pushed = gunzip.push(&bytes, &mut |piece| {
                sha256.update(piece);
                if matches!(content, Content::Kept { .. }) {
                    plain.extend_from_slice(piece);
                }
                Ok(())
            });
        }
    }
    if let Some(expected) = body.identity().stored_bytes
        && expected != stored_bytes
    {
        return Err(EdgeError {
            attempted: format!("read {key} whole: {stored_bytes} of {expected} bytes came"),
            kind: EdgeErrorKind::Retryable,
            source: None,
        });
    }
    Ok(pushed.and_then(|()| gunzip.finish()).and_then(|()| {
        // The reader of logs takes plain JSON, too; CloudTrail never delivers it.
        if start != GZIP_MAGIC {
            return Err(Rejected::NotGzip {
                looks_like: LooksLike::PlainJson,
            });
        }
        Ok(Unpacked {
            sha256: sha256.finalize().into(),
            plain,
            metadata,
        })
    }))
}
