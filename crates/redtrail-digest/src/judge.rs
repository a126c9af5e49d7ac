//! One digest judged: is it whole, in its place, signed by CloudTrail, and what its successor
//! says it is?

use jiff::Timestamp;
use redtrail_core::edge::{EdgeError, error_chain};

use crate::{
    chain::{Expected, Judged, Previous},
    digest_file::{HASH_ALGORITHM, Header, SIGNATURE_ALGORITHM, parse},
    edge::{DigestMetadata, PublicKeys},
    finding::FindingKind,
    key_ring::{FoundKey, KeyRing},
    object_name::DigestName,
    place::Place,
    range::{DIGEST_HOUR, shifted},
    unpack::{NotUnpacked, Unpacked},
};

/// The bucket that digests are to be signed for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketNames {
    /// The bucket that is read; `None` for a folder.
    pub here: Option<String>,
    /// The bucket that CloudTrail delivers to, when this is a replica of it.
    pub original: Option<String>,
}

/// How the bucket a digest was signed for stands to the one it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Same,
    Replica,
    Other,
}

impl BucketNames {
    fn relation(&self, signed: &str) -> Relation {
        match &self.original {
            Some(original) if original == signed => Relation::Same,
            Some(_) => Relation::Other,
            None if self.here.as_deref() == Some(signed) => Relation::Same,
            None => Relation::Replica,
        }
    }
}

/// A digest as it was read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) key: String,
    pub(crate) name: DigestName,
    pub(crate) read: Result<Unpacked, NotUnpacked>,
}

/// What became of a digest.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) digest: Judged,
    pub(crate) found: Vec<(FindingKind, Option<String>)>,
    /// It was signed for another bucket, which is not known to be the original.
    pub(crate) is_replica: bool,
}

/// What digests are judged by.
#[derive(Debug)]
pub(crate) struct Court<'c, 'k, K> {
    pub(crate) place: &'c Place,
    pub(crate) buckets: &'c BucketNames,
    pub(crate) keeps_metadata: bool,
    pub(crate) keys: &'c mut KeyRing<'k, K>,
}

impl<K: PublicKeys> Court<'_, '_, K> {
    /// # Errors
    /// When the keys cannot be had.
    pub(crate) async fn judge(
        &mut self,
        reading: &Reading,
        expected: Option<&Expected>,
    ) -> Result<Judgement, EdgeError> {
        let not_proven = |kind, detail| Judgement {
            digest: Judged {
                key: reading.key.clone(),
                start: shifted(reading.name.end, -DIGEST_HOUR),
                end: reading.name.end,
                is_proven: false,
                previous: Previous::Unknown,
                bucket: String::new(),
                sha256: None,
            },
            found: vec![(kind, detail)],
            is_replica: false,
        };
        let unpacked = match &reading.read {
            Ok(unpacked) => unpacked,
            Err(NotUnpacked::Missing) => {
                let why = "it went away while it was to be read".to_owned();
                return Ok(not_proven(FindingKind::DigestUnreadable, Some(why)));
            }
            Err(NotUnpacked::Unreadable(error)) => {
                let why = error_chain(error);
                return Ok(not_proven(FindingKind::DigestUnreadable, Some(why)));
            }
            Err(NotUnpacked::Damaged(why)) => {
                let why = format!("{}: {why}", why.reason());
                return Ok(not_proven(FindingKind::DigestDamaged, Some(why)));
            }
        };
        let header = match parse(&unpacked.plain) {
            Ok((header, _)) => header,
            Err(why) => {
                return Ok(not_proven(
                    FindingKind::DigestMalformed,
                    Some(why.to_string()),
                ));
            }
        };
        let relation = self.buckets.relation(&header.bucket);
        if let Some(why) = self.moved(&header, &reading.key, relation) {
            return Ok(not_proven(FindingKind::DigestMoved, Some(why)));
        }
        let mut found = Vec::new();
        let is_backfill = reading.name.chain.is_backfill;
        let made_at = unpacked.metadata.backfill_generation_timestamp.as_deref();
        if is_backfill && self.keeps_metadata && made_at.is_none() {
            found.push((FindingKind::BackfillTimeMissing, None));
        }
        let made_at = made_at
            .filter(|_| is_backfill)
            .and_then(|text| text.parse().ok());
        let signed = self.signature(&header, unpacked, expected, made_at).await?;
        let is_proven = weigh(signed, unpacked, expected, &mut found);
        let (start, end) = if is_proven {
            (header.start, header.end)
        } else {
            (shifted(reading.name.end, -DIGEST_HOUR), reading.name.end)
        };
        Ok(Judgement {
            digest: Judged {
                key: reading.key.clone(),
                start,
                end,
                is_proven,
                previous: header.previous.map_or(Previous::Start, Previous::Link),
                bucket: header.bucket,
                sha256: Some(unpacked.sha256),
            },
            found,
            is_replica: relation == Relation::Replica,
        })
    }

    /// Where it says it belongs, if that is elsewhere.
    fn moved(&self, header: &Header, key: &str, relation: Relation) -> Option<String> {
        if header.object != key {
            return Some(format!("it is the digest {}", header.object));
        }
        if header.account != self.place.account {
            return Some(format!("it is of the account {}", header.account));
        }
        (relation == Relation::Other).then(|| format!("it is of the bucket {}", header.bucket))
    }

    async fn signature(
        &mut self,
        header: &Header,
        unpacked: &Unpacked,
        expected: Option<&Expected>,
        made_at: Option<Timestamp>,
    ) -> Result<Signed, EdgeError> {
        let unsigned = |kind| Ok(Signed::No { kind, detail: None });
        let metadata: &DigestMetadata = &unpacked.metadata;
        let bytes = match (&metadata.signature, expected) {
            (Some(text), _) => match hex::decode(text) {
                Ok(bytes) => bytes,
                Err(_) => return unsigned(FindingKind::SignatureMalformed),
            },
            (None, _) if self.keeps_metadata => return unsigned(FindingKind::SignatureMissing),
            // A copy without metadata: the successor repeats the signature.
            (None, Some(expected)) => expected.link.signature.clone(),
            (None, None) => return unsigned(FindingKind::SignatureNotKept),
        };
        let label = metadata.signature_algorithm.as_deref();
        let hash_label = header
            .previous
            .as_ref()
            .map(|link| link.hash_algorithm.as_str());
        let is_known = header.signature_algorithm == SIGNATURE_ALGORITHM
            && hash_label.is_none_or(|label| label == HASH_ALGORITHM);
        if !is_known {
            return unsigned(FindingKind::AlgorithmUnknown);
        }
        let key = match self.keys.find(&header.fingerprint, made_at).await? {
            FoundKey::Usable(key) => key,
            FoundKey::Unknown => {
                let detail = Some(header.fingerprint.clone());
                return Ok(Signed::No {
                    kind: FindingKind::KeyUnknown,
                    detail,
                });
            }
            FoundKey::NotSaved => {
                let detail = Some(header.fingerprint.clone());
                return Ok(Signed::No {
                    kind: FindingKind::KeyNotSaved,
                    detail,
                });
            }
            FoundKey::Unusable(why) => {
                let detail = Some(format!("{}: {why}", header.fingerprint));
                return Ok(Signed::No {
                    kind: FindingKind::KeyUnusable,
                    detail,
                });
            }
        };
        if !key.verifies(header.signed_text(&unpacked.sha256).as_bytes(), &bytes) {
            return unsigned(FindingKind::SignatureInvalid);
        }
        let is_labelled = !self.keeps_metadata || label == Some(SIGNATURE_ALGORITHM);
        Ok(Signed::Yes { bytes, is_labelled })
    }
}

/// What the signature says.
#[derive(Debug)]
enum Signed {
    Yes {
        bytes: Vec<u8>,
        /// The metadata name the algorithm that CloudTrail uses.
        is_labelled: bool,
    },
    No {
        kind: FindingKind,
        detail: Option<String>,
    },
}

/// Holds signature and successor against each other; true when the content is proven.
fn weigh(
    signed: Signed,
    unpacked: &Unpacked,
    expected: Option<&Expected>,
    found: &mut Vec<(FindingKind, Option<String>)>,
) -> bool {
    let link = expected
        .filter(|expected| expected.is_proven)
        .map(|expected| &expected.link);
    let is_linked = link.map(|link| link.hash == unpacked.sha256);
    match signed {
        Signed::Yes { bytes, is_labelled } => {
            if !is_labelled {
                found.push((FindingKind::AlgorithmUnknown, None));
            }
            let is_same = link.is_none_or(|link| link.signature == bytes);
            if is_linked == Some(false) || !is_same {
                let why = "its successor links to another content or signature".to_owned();
                found.push((FindingKind::LinkBroken, Some(why)));
            }
            is_linked != Some(false)
        }
        Signed::No { kind, detail } => {
            // Where the content is another one, that is why the signature does not fit it.
            if is_linked != Some(false) || kind != FindingKind::SignatureInvalid {
                found.push((kind, detail));
            }
            if is_linked == Some(false) {
                let why = "its successor links to another content".to_owned();
                found.push((FindingKind::DigestAltered, Some(why)));
            }
            is_linked == Some(true)
        }
    }
}
