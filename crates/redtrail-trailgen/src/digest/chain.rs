//! Digests hour by hour, each linked to the one before, and the logs they list, as CloudTrail
//! writes them.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::{hex, keys::SigningKey};
use crate::{dice::Dice, gzip};

/// An object of the trail's bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailObject {
    pub bytes: Vec<u8>,
    /// User metadata, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

/// A place's trail to be made.
#[derive(Clone, Debug)]
pub struct ChainPlan {
    pub bucket: String,
    /// Nothing, or a prefix that ends with `/`.
    pub prefix: String,
    pub organization: Option<String>,
    pub account: String,
    pub region: String,
    pub trail: String,
    pub home_region: String,
    /// When the first hour begins.
    pub first: Timestamp,
    pub hours: Vec<HourPlan>,
    /// The first digest has a predecessor, which is not made.
    pub goes_on_before: bool,
}

/// An hour of a trail.
#[derive(Clone, Debug)]
pub struct HourPlan {
    pub logs: usize,
    /// Logs of this hour that only a backfill digest lists, if there is one.
    pub backfill_logs: usize,
    /// Logs named for the end of this hour and delivered, hence listed, in the next.
    pub late_logs: usize,
    /// Further entries of the digest's list, as JSON.
    pub odd_entries: &'static [&'static str],
    /// Validation is on.
    pub has_digest: bool,
    /// The digest says that it has no predecessor.
    pub is_start: bool,
    pub signature_algorithm: &'static str,
    /// Of the first log.
    pub hash_algorithm: &'static str,
    pub uses_second_key: bool,
}

impl Default for HourPlan {
    fn default() -> Self {
        Self {
            logs: 1,
            backfill_logs: 0,
            late_logs: 0,
            odd_entries: &[],
            has_digest: true,
            is_start: false,
            signature_algorithm: "SHA256withRSA",
            hash_algorithm: "SHA-256",
            uses_second_key: false,
        }
    }
}

/// An hour that was made: the keys of its objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Hour {
    pub(super) start: Option<Timestamp>,
    pub(super) logs: Vec<String>,
    pub(super) digest: Option<String>,
    pub(super) backfill_logs: Vec<String>,
    pub(super) backfill_digest: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) hours: Vec<Hour>,
    pub(super) objects: BTreeMap<String, TrailObject>,
}

/// What a digest says of its predecessor.
#[derive(Clone)]
struct Link {
    key: String,
    hash: String,
    signature: String,
}

struct Keys {
    first: SigningKey,
    second: SigningKey,
}

impl ChainPlan {
    pub(super) fn make(&self, dice: &mut Dice) -> Made {
        let keys = Keys {
            first: SigningKey::first(),
            second: SigningKey::second(),
        };
        let mut made = Made::default();
        let mut previous = self.goes_on_before.then(|| Link {
            key: self.digest_key(self.first, false),
            hash: dice.hex(64),
            signature: dice.hex(512),
        });
        let mut backfill_previous = None;
        let mut late = Vec::new();
        for (number, plan) in self.hours.iter().enumerate() {
            let start = self.hour(number);
            let mut hour = Hour {
                start: Some(start),
                ..Hour::default()
            };
            let mut listed = std::mem::take(&mut late);
            for index in 0..plan.logs {
                let minute = dice.between(10, 40);
                let entry = self.log(start, minute, dice, &mut made);
                let algorithm = if index == 0 {
                    plan.hash_algorithm
                } else {
                    "SHA-256"
                };
                listed.push(entry.to_json(&self.bucket, algorithm));
                hour.logs.push(entry.key);
            }
            for _ in 0..plan.late_logs {
                let minute = dice.between(55, 59);
                let entry = self.log(start, minute, dice, &mut made);
                late.push(entry.to_json(&self.bucket, "SHA-256"));
            }
            listed.extend(plan.odd_entries.iter().map(|entry| (*entry).to_owned()));
            if plan.has_digest {
                if plan.is_start {
                    previous = None;
                }
                let link = self.digest(number, false, &listed, previous.as_ref(), &keys, &mut made);
                hour.digest = Some(link.key.clone());
                previous = Some(link);
            }
            if plan.backfill_logs > 0 {
                let mut listed = Vec::new();
                for _ in 0..plan.backfill_logs {
                    let minute = dice.between(10, 40);
                    let entry = self.log(start, minute, dice, &mut made);
                    listed.push(entry.to_json(&self.bucket, "SHA-256"));
                    hour.backfill_logs.push(entry.key);
                }
                let previous = backfill_previous.as_ref();
                let link = self.digest(number, true, &listed, previous, &keys, &mut made);
                hour.backfill_digest = Some(link.key.clone());
                backfill_previous = Some(link);
            }
            made.hours.push(hour);
        }
        made
    }

    /// When an hour begins.
    pub(super) fn hour(&self, number: usize) -> Timestamp {
        let hours = i64::try_from(number).expect("a plan has few hours");
        self.first + SignedDuration::from_hours(hours)
    }

    fn folder(&self, kind: &str, time: Timestamp) -> String {
        let organization = self.organization.as_ref().map(|id| format!("{id}/"));
        format!(
            "{}AWSLogs/{}{}/{kind}/{}/{}/",
            self.prefix,
            organization.unwrap_or_default(),
            self.account,
            self.region,
            time.to_zoned(TimeZone::UTC).strftime("%Y/%m/%d"),
        )
    }

    fn digest_key(&self, end: Timestamp, is_backfill: bool) -> String {
        format!(
            "{}{}_CloudTrail-Digest_{}_{}_{}_{}{}.json.gz",
            self.folder("CloudTrail-Digest", end),
            self.account,
            self.region,
            self.trail,
            self.home_region,
            end.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ"),
            if is_backfill { "_backfill" } else { "" },
        )
    }

    /// A key for a log that is named for a minute of the hour that begins at `start`.
    pub(super) fn log_key(&self, start: Timestamp, minute: i64, dice: &mut Dice) -> String {
        let time = start + SignedDuration::from_mins(minute);
        format!(
            "{}{}_CloudTrail_{}_{}_{}.json.gz",
            self.folder("CloudTrail", time),
            self.account,
            self.region,
            time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%MZ"),
            dice.mixed(16),
        )
    }

    fn log(&self, start: Timestamp, minute: i64, dice: &mut Dice, made: &mut Made) -> Entry {
        let plain = log_content(start, dice);
        let entry = Entry {
            key: self.log_key(start, minute, dice),
            hash: hex(&Sha256::digest(&plain)),
            start,
        };
        let object = TrailObject {
            bytes: gzip(plain.as_bytes()),
            metadata: BTreeMap::new(),
        };
        made.objects.insert(entry.key.clone(), object);
        entry
    }

    fn digest(
        &self,
        number: usize,
        is_backfill: bool,
        listed: &[String],
        previous: Option<&Link>,
        keys: &Keys,
        made: &mut Made,
    ) -> Link {
        let Some(plan) = self.hours.get(number) else {
            unreachable!("the hours are those of the plan");
        };
        let signer = if plan.uses_second_key {
            &keys.second
        } else {
            &keys.first
        };
        let (start, end) = (self.hour(number), self.hour(number + 1));
        let key = self.digest_key(end, is_backfill);
        let (bucket, account) = (&self.bucket, &self.account);
        let quoted =
            |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("\"{text}\""));
        let newest = if listed.is_empty() {
            None
        } else {
            Some(end.to_string())
        };
        let oldest = if listed.is_empty() {
            None
        } else {
            Some(start.to_string())
        };
        let plain = format!(
            "{{\"awsAccountId\":\"{account}\",\"digestStartTime\":\"{start}\",\
             \"digestEndTime\":\"{end}\",\"digestS3Bucket\":\"{bucket}\",\
             \"digestS3Object\":\"{key}\",\"digestPublicKeyFingerprint\":\"{}\",\
             \"digestSignatureAlgorithm\":\"{}\",\"newestEventTime\":{},\
             \"oldestEventTime\":{},\"previousDigestS3Bucket\":{},\
             \"previousDigestS3Object\":{},\"previousDigestHashValue\":{},\
             \"previousDigestHashAlgorithm\":{},\"previousDigestSignature\":{},\
             \"logFiles\":[{}]}}",
            signer.fingerprint,
            plan.signature_algorithm,
            quoted(newest.as_deref()),
            quoted(oldest.as_deref()),
            quoted(previous.map(|_| bucket.as_str())),
            quoted(previous.map(|link| link.key.as_str())),
            quoted(previous.map(|link| link.hash.as_str())),
            quoted(previous.map(|_| "SHA-256")),
            quoted(previous.map(|link| link.signature.as_str())),
            listed.join(","),
        );
        let hash = hex(&Sha256::digest(&plain));
        let previous_signature = previous.map_or("null", |link| link.signature.as_str());
        let text = format!("{end}\n{bucket}/{key}\n{hash}\n{previous_signature}");
        let signature = hex(&signer.sign(&text));
        let mut metadata = BTreeMap::from([
            ("signature".to_owned(), signature.clone()),
            ("signature-algorithm".to_owned(), "SHA256withRSA".to_owned()),
        ]);
        if is_backfill {
            let made_at = end + SignedDuration::from_hours(6);
            metadata.insert(
                "backfill-generation-timestamp".to_owned(),
                made_at.to_string(),
            );
        }
        let bytes = gzip(plain.as_bytes());
        made.objects
            .insert(key.clone(), TrailObject { bytes, metadata });
        Link {
            key,
            hash,
            signature,
        }
    }
}

/// What a log holds.
pub(super) fn log_content(start: Timestamp, dice: &mut Dice) -> String {
    format!(
        "{{\"Records\":[{{\"eventVersion\":\"1.11\",\"eventTime\":\"{start}\",\
         \"eventSource\":\"redshift.amazonaws.com\",\"eventName\":\"DescribeClusters\",\
         \"eventID\":\"{}\"}}]}}",
        dice.uuid()
    )
}

struct Entry {
    key: String,
    hash: String,
    start: Timestamp,
}

impl Entry {
    fn to_json(&self, bucket: &str, algorithm: &str) -> String {
        let Self { key, hash, start } = self;
        format!(
            "{{\"s3Bucket\":\"{bucket}\",\"s3Object\":\"{key}\",\"hashValue\":\"{hash}\",\
             \"hashAlgorithm\":\"{algorithm}\",\"newestEventTime\":\"{start}\",\
             \"oldestEventTime\":\"{start}\"}}"
        )
    }
}
