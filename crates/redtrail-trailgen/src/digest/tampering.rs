//! What is done to a trail, and how it is to be found: each kind of tampering with the names
//! and counts of its findings.

use std::io::Write;

use sha2::{Digest, Sha256};

use super::{
    chain::{Hour, HourPlan, Made, log_content},
    hex,
    keys::SigningKey,
    mix::Expected,
};
use crate::{dice::Dice, gzip};

/// A way to tamper with a trail, or to have it other than simple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tampering {
    LogModified,
    LogDeleted,
    LogsOfHoursDeleted,
    LogWithSecondMember,
    LogWithBytesAfter,
    LogWithoutTrailer,
    LogUncompressed,
    LogMoved,
    LogHashAlgorithm,
    UnlistedObjects,
    UnlistedOddName,
    DigestModified,
    DigestDeleted,
    DigestsDeleted,
    DigestWithSecondMember,
    DigestWithBytesAfter,
    DigestWithoutTrailer,
    DigestMoved,
    DigestNoJson,
    DigestAlgorithm,
    AlgorithmLabel,
    SignatureBad,
    SignatureMissing,
    SignatureNotHex,
    ForeignKey,
    ForeignKeyInDisguise,
    AnotherHistory,
    OddEntries,
    Restart,
    Gap,
    BackfillDigestDeleted,
    BackfillDigestModified,
    BackfillTimeMissing,
    NewestModified,
    NewestDeleted,
    NewestSignatureMissing,
    NewestByForeignKey,
    OldestDeleted,
    OldestModified,
    LateStart,
    AllDigestsDeleted,
    Replica,
}

/// Where in a chain it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    Middle,
    Newest,
    Oldest,
    Everywhere,
}

impl Tampering {
    pub const ALL: [Self; 42] = [
        Self::LogModified,
        Self::LogDeleted,
        Self::LogsOfHoursDeleted,
        Self::LogWithSecondMember,
        Self::LogWithBytesAfter,
        Self::LogWithoutTrailer,
        Self::LogUncompressed,
        Self::LogMoved,
        Self::LogHashAlgorithm,
        Self::UnlistedObjects,
        Self::UnlistedOddName,
        Self::DigestModified,
        Self::DigestDeleted,
        Self::DigestsDeleted,
        Self::DigestWithSecondMember,
        Self::DigestWithBytesAfter,
        Self::DigestWithoutTrailer,
        Self::DigestMoved,
        Self::DigestNoJson,
        Self::DigestAlgorithm,
        Self::AlgorithmLabel,
        Self::SignatureBad,
        Self::SignatureMissing,
        Self::SignatureNotHex,
        Self::ForeignKey,
        Self::ForeignKeyInDisguise,
        Self::AnotherHistory,
        Self::OddEntries,
        Self::Restart,
        Self::Gap,
        Self::BackfillDigestDeleted,
        Self::BackfillDigestModified,
        Self::BackfillTimeMissing,
        Self::NewestModified,
        Self::NewestDeleted,
        Self::NewestSignatureMissing,
        Self::NewestByForeignKey,
        Self::OldestDeleted,
        Self::OldestModified,
        Self::LateStart,
        Self::AllDigestsDeleted,
        Self::Replica,
    ];

    pub(super) fn place(self) -> Where {
        match self {
            Self::NewestModified
            | Self::NewestDeleted
            | Self::NewestSignatureMissing
            | Self::NewestByForeignKey => Where::Newest,
            Self::OldestDeleted | Self::OldestModified | Self::LateStart => Where::Oldest,
            Self::AllDigestsDeleted | Self::Replica => Where::Everywhere,
            _ => Where::Middle,
        }
    }

    /// What must be so before the chain is made. `hours` are three that nothing else touches.
    pub(super) fn plan(self, hours: &mut [HourPlan], expected: &mut Expected) {
        let [first, second, third] = hours else {
            unreachable!("three hours are set aside for each");
        };
        first.logs = first.logs.max(1);
        match self {
            Self::LogHashAlgorithm => {
                first.hash_algorithm = "MD5";
                expected.add("algorithm_unknown", 1);
            }
            Self::DigestAlgorithm => {
                first.signature_algorithm = "SHA1withRSA";
                // The hour's backfill digest would say the same.
                first.backfill_logs = 0;
                expected.add("algorithm_unknown", 1);
            }
            Self::OddEntries => {
                first.odd_entries = &[
                    "1",
                    "{\"s3Bucket\":[],\"s3Object\":\"\\u001b[2J\"}",
                    "{\"s3Bucket\":\"another\",\"s3Object\":\"o\",\"hashValue\":\"00\",\
                     \"hashAlgorithm\":\"SHA-256\"}",
                ];
                expected.add("log_entry_malformed", 2);
                expected.add("log_elsewhere", 1);
            }
            Self::Restart => {
                first.is_start = true;
                expected.add("restart", 1);
            }
            Self::Gap => {
                first.has_digest = false;
                second.has_digest = false;
                third.is_start = true;
                first.backfill_logs = 0;
                second.backfill_logs = 0;
                expected.add("restart", 1);
                expected.add("gap", 2);
                expected.add("log_unproven", first.logs + second.logs);
            }
            Self::BackfillDigestDeleted | Self::BackfillDigestModified => {
                first.backfill_logs = 2;
                // Its successor links to it.
                third.backfill_logs = 1;
            }
            Self::BackfillTimeMissing => first.backfill_logs = 1,
            _ => {}
        }
    }

    /// Does it. `hours` are three that nothing else touches, oldest first.
    pub(super) fn apply(
        self,
        hours: &[Hour],
        unlisted_key: impl Fn(&mut Dice) -> String,
        made: &mut Made,
        dice: &mut Dice,
        expected: &mut Expected,
    ) {
        let [first, second, third] = hours else {
            unreachable!("three hours are set aside for each");
        };
        let newest = third;
        let log = first.logs.first().map_or("", String::as_str);
        let digest = first.digest.as_deref().unwrap_or("");
        let last = newest.digest.as_deref().unwrap_or("");
        let backfill = first.backfill_digest.as_deref().unwrap_or("");
        let lost = first.logs.len();
        match self {
            Self::LogModified => {
                let other = log_content(first.start.unwrap_or_default(), dice);
                made.rewrite(log, |_| gzip(other.as_bytes()));
                expected.add("log_altered", 1);
            }
            Self::LogDeleted => {
                made.objects.remove(log);
                expected.add("log_missing", 1);
            }
            Self::LogsOfHoursDeleted => {
                let logs = first.logs.iter().chain(&second.logs);
                expected.add("log_missing", logs.clone().count());
                logs.for_each(|log| drop(made.objects.remove(log)));
            }
            Self::LogWithSecondMember => {
                made.rewrite(log, |bytes| [bytes, &gzip(b"{\"Records\":[]}")].concat());
                expected.add("log_damaged", 1);
            }
            Self::LogWithBytesAfter => {
                made.rewrite(log, |bytes| [bytes, b"\0"].concat());
                expected.add("log_damaged", 1);
            }
            Self::LogWithoutTrailer => {
                made.rewrite(log, without_trailer);
                expected.add("log_damaged", 1);
            }
            Self::LogUncompressed => {
                made.rewrite(log, plain);
                expected.add("log_damaged", 1);
            }
            Self::LogMoved => {
                if let Some(object) = made.objects.remove(log) {
                    made.objects.insert(unlisted_key(dice), object);
                }
                expected.add("log_missing", 1);
                expected.add("log_unlisted", 1);
            }
            Self::UnlistedObjects => {
                let count = dice.below(4) + 1;
                for _ in 0..count {
                    made.copy(log, &unlisted_key(dice));
                }
                expected.add("log_unlisted", count);
            }
            Self::UnlistedOddName => {
                let folder = log.rsplit_once('/').map_or("", |(folder, _)| folder);
                made.copy(log, &format!("{folder}/copy/{}.gz", dice.mixed(8)));
                expected.add("log_unlisted", 1);
            }
            Self::DigestModified | Self::OldestModified => {
                made.rewrite(digest, with_a_log_less);
                expected.add("digest_altered", 1);
                expected.add("log_unproven", lost);
            }
            Self::DigestDeleted | Self::OldestDeleted => {
                made.objects.remove(digest);
                expected.add("digest_missing", 1);
                expected.add("log_unproven", lost);
            }
            Self::DigestsDeleted => {
                made.objects.remove(digest);
                made.objects.remove(second.digest.as_deref().unwrap_or(""));
                expected.add("digest_missing", 2);
                expected.add("log_unproven", lost + second.logs.len());
            }
            Self::DigestWithSecondMember => {
                made.rewrite(digest, |bytes| [bytes, &gzip(b"{}")].concat());
                expected.add("digest_damaged", 1);
                expected.add("log_unproven", lost);
            }
            Self::DigestWithBytesAfter => {
                made.rewrite(digest, |bytes| [bytes, b"x"].concat());
                expected.add("digest_damaged", 1);
                expected.add("log_unproven", lost);
            }
            Self::DigestWithoutTrailer => {
                made.rewrite(digest, without_trailer);
                expected.add("digest_damaged", 1);
                expected.add("log_unproven", lost);
            }
            Self::DigestMoved => {
                made.copy(second.digest.as_deref().unwrap_or(""), digest);
                expected.add("digest_moved", 1);
                expected.add("log_unproven", lost);
            }
            Self::DigestNoJson => {
                made.rewrite(digest, |_| gzip(b"{\"logFiles\":\"\\u001b[2J\"}"));
                expected.add("digest_malformed", 1);
                expected.add("log_unproven", lost);
            }
            Self::AlgorithmLabel => {
                made.label(digest, "signature-algorithm", Some("MD5withRSA"));
                expected.add("algorithm_unknown", 1);
            }
            Self::SignatureBad => {
                let flipped = |text: &str| match text.strip_prefix('0') {
                    Some(rest) => format!("1{rest}"),
                    None => text
                        .chars()
                        .enumerate()
                        .map(|(at, c)| if at == 0 { '0' } else { c })
                        .collect(),
                };
                let signature = made.signature(digest).map(|text| flipped(&text));
                made.label(digest, "signature", signature.as_deref());
                expected.add("signature_invalid", 1);
            }
            Self::SignatureMissing => {
                made.label(digest, "signature", None);
                expected.add("signature_missing", 1);
            }
            Self::SignatureNotHex => {
                made.label(digest, "signature", Some("not hexadecimal"));
                expected.add("signature_malformed", 1);
            }
            Self::ForeignKey => {
                made.sign_anew(digest, &SigningKey::foreign(), true);
                expected.add("key_unknown", 1);
                expected.add("digest_altered", 1);
                expected.add("log_unproven", lost);
            }
            Self::ForeignKeyInDisguise => {
                made.sign_anew(digest, &SigningKey::foreign(), false);
                expected.add("digest_altered", 1);
                expected.add("log_unproven", lost);
            }
            Self::AnotherHistory => {
                made.sign_anew(digest, &SigningKey::first(), true);
                expected.add("link_broken", 1);
                expected.add("log_unproven", lost);
            }
            Self::BackfillDigestDeleted => {
                made.objects.remove(backfill);
                expected.add("digest_missing", 1);
                expected.add("log_unproven", first.backfill_logs.len());
            }
            Self::BackfillDigestModified => {
                made.rewrite(backfill, with_a_log_less);
                expected.add("digest_altered", 1);
                expected.add("log_unproven", first.backfill_logs.len());
            }
            Self::BackfillTimeMissing => {
                made.label(backfill, "backfill-generation-timestamp", None);
                expected.add("backfill_time_missing", 1);
            }
            Self::NewestModified => {
                made.rewrite(last, with_a_log_less);
                expected.add("signature_invalid", 1);
                expected.add("log_unproven", newest.logs.len());
            }
            Self::NewestDeleted => {
                made.objects.remove(last);
                made.objects.remove(second.digest.as_deref().unwrap_or(""));
                expected.add("unproven_tail", 2);
                expected.add("log_unproven", newest.logs.len() + second.logs.len());
            }
            Self::NewestSignatureMissing => {
                made.label(last, "signature", None);
                expected.add("signature_missing", 1);
                expected.add("log_unproven", newest.logs.len());
            }
            Self::NewestByForeignKey => {
                made.sign_anew(last, &SigningKey::foreign(), true);
                expected.add("key_unknown", 1);
                expected.add("log_unproven", newest.logs.len());
            }
            Self::AllDigestsDeleted => {
                made.objects
                    .retain(|key, _| !key.contains("CloudTrail-Digest"));
            }
            // Done when the chain was planned, or to the question.
            Self::LogHashAlgorithm
            | Self::DigestAlgorithm
            | Self::Restart
            | Self::Gap
            | Self::OddEntries
            | Self::LateStart
            | Self::Replica => {}
        }
    }
}

impl Made {
    fn rewrite(&mut self, key: &str, change: impl FnOnce(&[u8]) -> Vec<u8>) {
        if let Some(object) = self.objects.get_mut(key) {
            object.bytes = change(&object.bytes);
        }
    }

    fn copy(&mut self, from: &str, to: &str) {
        if let Some(object) = self.objects.get(from).cloned() {
            self.objects.insert(to.to_owned(), object);
        }
    }

    fn signature(&self, key: &str) -> Option<String> {
        self.objects.get(key)?.metadata.get("signature").cloned()
    }

    fn label(&mut self, key: &str, name: &str, value: Option<&str>) {
        if let Some(object) = self.objects.get_mut(key) {
            match value {
                Some(value) => drop(object.metadata.insert(name.to_owned(), value.to_owned())),
                None => drop(object.metadata.remove(name)),
            }
        }
    }

    /// Modifies a digest and signs it with a key, whose fingerprint it may name.
    fn sign_anew(&mut self, key: &str, signer: &SigningKey, names_key: bool) {
        let Some(object) = self.objects.get_mut(key) else {
            return;
        };
        let mut text =
            String::from_utf8_lossy(&plain(&with_a_log_less(&object.bytes))).into_owned();
        let member = |text: &str, name: &str| {
            let (_, rest) = text.split_once(&format!("\"{name}\":")).unwrap_or_default();
            let (value, _) = rest.split_once([',', '}']).unwrap_or_default();
            value.trim_matches('"').to_owned()
        };
        if names_key {
            let fingerprint = member(&text, "digestPublicKeyFingerprint");
            text = text.replace(&fingerprint, &signer.fingerprint);
        }
        let signed = format!(
            "{}\n{}/{}\n{}\n{}",
            member(&text, "digestEndTime"),
            member(&text, "digestS3Bucket"),
            member(&text, "digestS3Object"),
            hex(&Sha256::digest(&text)),
            member(&text, "previousDigestSignature"),
        );
        object.bytes = gzip(text.as_bytes());
        let signature = hex(&signer.sign(&signed));
        object.metadata.insert("signature".to_owned(), signature);
    }
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = flate2::write::GzDecoder::new(&mut plain);
    decoder
        .write_all(bytes)
        .and_then(|()| decoder.try_finish())
        .expect("it was made by `gzip`");
    drop(decoder);
    plain
}

/// The digest with nothing in its list.
fn with_a_log_less(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(&plain(bytes)).into_owned();
    let (head, _) = text.split_once("\"logFiles\":").unwrap_or_default();
    gzip(format!("{head}\"logFiles\":[],\"x\":0}}").as_bytes())
}

fn without_trailer(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().take(bytes.len() - 8).copied().collect()
}
