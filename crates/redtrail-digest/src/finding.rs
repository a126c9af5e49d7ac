//! What verification finds, each kind with a name for scripts.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{AddAssign, RangeInclusive},
};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{object_name::ChainName, place::Place};

/// What is wrong, or cannot be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// A digest that must have been there is not; counted in hours, of backfill in digests.
    DigestMissing,
    /// The content is not what its successor's link, or its signature, says.
    DigestAltered,
    /// Not exactly one whole gzip member.
    DigestDamaged,
    /// No JSON object with the members that a digest has.
    DigestMalformed,
    /// It says of itself that it belongs elsewhere.
    DigestMoved,
    /// The object's metadata hold no signature.
    SignatureMissing,
    /// The signature is no hexadecimal text.
    SignatureMalformed,
    /// Signature and content do not fit each other.
    SignatureInvalid,
    /// An algorithm that is not the one CloudTrail uses.
    AlgorithmUnknown,
    /// CloudTrail has no key with this fingerprint.
    KeyUnknown,
    /// Both digests are signed, yet one does not link to the other.
    LinkBroken,
    /// A backfill digest's metadata do not say when it was made.
    BackfillTimeMissing,
    /// A listed log is gone.
    LogMissing,
    /// A listed log has another content.
    LogAltered,
    /// A listed log is not exactly one whole gzip member.
    LogDamaged,
    /// An object among the logs of a proven time that no digest lists.
    LogUnlisted,

    /// Validation or logging was started again within the time asked for.
    Restart,
    /// Hours without digests before a restart.
    Gap,
    /// Hours asked for that are before the first digest.
    UnprovenStart,
    /// Hours asked for that are after the last digest, which is not recent.
    UnprovenTail,
    /// Hours asked for, when there is no digest at all.
    NoDigest,
    /// Signed for a bucket of another name, otherwise in its place.
    LooksLikeReplica,
    /// A copy that holds no metadata, and no successor that repeats the signature.
    SignatureNotKept,
    /// The saved keys do not reach to this digest.
    KeyNotSaved,
    /// The key is none that signatures may be verified with.
    KeyUnusable,
    /// A digest that may not, or cannot, be read.
    DigestUnreadable,
    /// A listed log that may not, or cannot, be read.
    LogUnreadable,
    /// A proven digest lists something in a form that is not known.
    LogEntryMalformed,
    /// A proven digest lists a log in another bucket.
    LogElsewhere,
    /// Logs of a time that no digest proves.
    LogUnproven,
    /// A listed log lies in the bucket as it should, and was not ingested.
    LogNotIngested,
    /// A listed log could not be finished yet.
    LogWaiting,
    /// A listed log was read and rejected.
    LogRejected,
    /// More digests than a trail can have made; the rest was not looked at.
    TooManyDigests,
}

/// What is known of the time asked for, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is proven.
    Valid,
    /// Nothing is known to be wrong, but not everything is proven.
    Unproven,
    /// Something was deleted, altered or added.
    Invalid,
}

impl FindingKind {
    /// Every kind, those that make all invalid first.
    pub const ALL: [Self; 34] = [
        Self::DigestMissing,
        Self::DigestAltered,
        Self::DigestDamaged,
        Self::DigestMalformed,
        Self::DigestMoved,
        Self::SignatureMissing,
        Self::SignatureMalformed,
        Self::SignatureInvalid,
        Self::AlgorithmUnknown,
        Self::KeyUnknown,
        Self::LinkBroken,
        Self::BackfillTimeMissing,
        Self::LogMissing,
        Self::LogAltered,
        Self::LogDamaged,
        Self::LogUnlisted,
        Self::Restart,
        Self::Gap,
        Self::UnprovenStart,
        Self::UnprovenTail,
        Self::NoDigest,
        Self::LooksLikeReplica,
        Self::SignatureNotKept,
        Self::KeyNotSaved,
        Self::KeyUnusable,
        Self::DigestUnreadable,
        Self::LogUnreadable,
        Self::LogEntryMalformed,
        Self::LogElsewhere,
        Self::LogUnproven,
        Self::LogNotIngested,
        Self::LogWaiting,
        Self::LogRejected,
        Self::TooManyDigests,
    ];

    /// The name for scripts and counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::DigestMissing => "digest_missing",
            Self::DigestAltered => "digest_altered",
            Self::DigestDamaged => "digest_damaged",
            Self::DigestMalformed => "digest_malformed",
            Self::DigestMoved => "digest_moved",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureInvalid => "signature_invalid",
            Self::AlgorithmUnknown => "algorithm_unknown",
            Self::KeyUnknown => "key_unknown",
            Self::LinkBroken => "link_broken",
            Self::BackfillTimeMissing => "backfill_time_missing",
            Self::LogMissing => "log_missing",
            Self::LogAltered => "log_altered",
            Self::LogDamaged => "log_damaged",
            Self::LogUnlisted => "log_unlisted",
            Self::Restart => "restart",
            Self::Gap => "gap",
            Self::UnprovenStart => "unproven_start",
            Self::UnprovenTail => "unproven_tail",
            Self::NoDigest => "no_digest",
            Self::LooksLikeReplica => "looks_like_replica",
            Self::SignatureNotKept => "signature_not_kept",
            Self::KeyNotSaved => "key_not_saved",
            Self::KeyUnusable => "key_unusable",
            Self::DigestUnreadable => "digest_unreadable",
            Self::LogUnreadable => "log_unreadable",
            Self::LogEntryMalformed => "log_entry_malformed",
            Self::LogElsewhere => "log_elsewhere",
            Self::LogUnproven => "log_unproven",
            Self::LogNotIngested => "log_not_ingested",
            Self::LogWaiting => "log_waiting",
            Self::LogRejected => "log_rejected",
            Self::TooManyDigests => "too_many_digests",
        }
    }

    /// What it makes of the whole.
    pub fn verdict(self) -> Verdict {
        const INVALID: RangeInclusive<FindingKind> =
            FindingKind::DigestMissing..=FindingKind::LogUnlisted;
        if INVALID.contains(&self) {
            Verdict::Invalid
        } else {
            Verdict::Unproven
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    pub place: Place,
    /// The chain of digests it was found in.
    pub chain: Option<ChainName>,
    /// How many hours or objects it is about.
    pub count: u64,
    /// The key of the object, when it is about one.
    pub key: Option<String>,
    /// The time it is about.
    pub time: Option<(Timestamp, Timestamp)>,
    /// More of it in words. It may hold text from the bucket.
    pub detail: Option<String>,
}

/// How much was found of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FindingCounts(pub BTreeMap<FindingKind, u64>);

impl FindingCounts {
    /// The verdict over all that was counted.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.0.keys().map(|kind| kind.verdict());
        verdicts.max().unwrap_or(Verdict::Valid)
    }
}

impl AddAssign<&Finding> for FindingCounts {
    fn add_assign(&mut self, finding: &Finding) {
        *self.0.entry(finding.kind).or_default() += finding.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_kind_once_and_in_order() {
        assert!(FindingKind::ALL.is_sorted_by(|left, right| left < right));
        let last = FindingKind::ALL.last();
        assert_eq!(
            last.map(|kind| *kind as usize + 1),
            Some(FindingKind::ALL.len())
        );
        assert!(FindingKind::ALL.is_sorted_by_key(|kind| std::cmp::Reverse(kind.verdict())));
    }

    #[test]
    fn ok_every_kind_is_documented() {
        let document = include_str!("../../../docs/verification.md");
        for kind in FindingKind::ALL {
            let row = format!("| `{kind}` |");
            assert_eq!(document.matches(&row).count(), 1, "{kind}");
        }
    }
}
