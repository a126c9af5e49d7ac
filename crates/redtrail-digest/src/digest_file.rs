//! A digest's content: the members it must have, read strictly, and its list of logs, read
//! entry by entry. Nothing here decides whether the content can be trusted.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use std::fmt;

use jiff::Timestamp;
use redtrail_core::hash::hex;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use thiserror::Error;

pub(crate) const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";
pub(crate) const HASH_ALGORITHM: &str = "SHA-256";

/// S3's bound of a key.
const MAX_KEY_BYTES: usize = 1024;
/// Longer than any text that a digest holds: a signature of 8192 bits has 2048 digits.
const MAX_TEXT_BYTES: usize = 4096;

/// What a digest says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) account: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) bucket: String,
    pub(crate) object: String,
    pub(crate) fingerprint: String,
    pub(crate) signature_algorithm: String,
    /// `None` in a digest that starts a chain.
    pub(crate) previous: Option<Link>,
    /// As written: it is signed.
    end_text: String,
    /// As written: it is signed.
    previous_signature_text: Option<String>,
}

/// What a digest says of its predecessor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) bucket: String,
    pub(crate) object: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) hash_algorithm: String,
    pub(crate) signature: Vec<u8>,
}

/// The content is no digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Malformed {
    #[error("it is no JSON object, or a member stands twice")]
    NotAnObject,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is not {1}")]
    Wrong(&'static str, &'static str),
    #[error("only some of the members on the previous digest are null")]
    HalfALink,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow)]
    aws_account_id: Option<&'a RawValue>,
    digest_start_time: Option<&'a RawValue>,
    digest_end_time: Option<&'a RawValue>,
    #[serde(rename = "digestS3Bucket")]
    digest_s3_bucket: Option<&'a RawValue>,
    #[serde(rename = "digestS3Object")]
    digest_s3_object: Option<&'a RawValue>,
    digest_public_key_fingerprint: Option<&'a RawValue>,
    digest_signature_algorithm: Option<&'a RawValue>,
    #[serde(rename = "previousDigestS3Bucket")]
    previous_digest_s3_bucket: Option<&'a RawValue>,
    #[serde(rename = "previousDigestS3Object")]
    previous_digest_s3_object: Option<&'a RawValue>,
    previous_digest_hash_value: Option<&'a RawValue>,
    previous_digest_hash_algorithm: Option<&'a RawValue>,
    previous_digest_signature: Option<&'a RawValue>,
    log_files: Option<&'a RawValue>,
}

/// Takes a digest's content apart: its header and the text of its `logFiles`.
pub(crate) fn parse(plain: &[u8]) -> Result<(Header, &RawValue), Malformed> {
    let members: Members = serde_json::from_slice(plain).map_err(|_| Malformed::NotAnObject)?;
    let end_text = text("digestEndTime", members.digest_end_time)?;
    let start_text = text("digestStartTime", members.digest_start_time)?;
    let start = time("digestStartTime", &start_text)?;
    let end = time("digestEndTime", &end_text)?;
    if start >= end {
        return Err(Malformed::Wrong("digestEndTime", "after digestStartTime"));
    }
    let previous = [
        ("previousDigestS3Bucket", members.previous_digest_s3_bucket),
        ("previousDigestS3Object", members.previous_digest_s3_object),
        (
            "previousDigestHashValue",
            members.previous_digest_hash_value,
        ),
        (
            "previousDigestHashAlgorithm",
            members.previous_digest_hash_algorithm,
        ),
        ("previousDigestSignature", members.previous_digest_signature),
    ];
    // serde takes null for an absent member; both say that there is no predecessor.
    let (previous, previous_signature_text) = if previous.iter().all(|(_, raw)| raw.is_none()) {
        (None, None)
    } else if previous.iter().any(|(_, raw)| raw.is_none()) {
        return Err(Malformed::HalfALink);
    } else {
        let [bucket, object, hash, hash_algorithm, signature] = previous;
        let signature_text = text(signature.0, signature.1)?;
        let link = Link {
            bucket: text(bucket.0, bucket.1)?,
            object: text(object.0, object.1)?,
            hash: unhex(hash.0, &text(hash.0, hash.1)?)?,
            hash_algorithm: text(hash_algorithm.0, hash_algorithm.1)?,
            signature: unhex(signature.0, &signature_text)?,
        };
        (Some(link), Some(signature_text))
    };
    let log_files = members.log_files.ok_or(Malformed::Missing("logFiles"))?;
    if !log_files.get().starts_with('[') {
        return Err(Malformed::Wrong("logFiles", "an array"));
    }
    let header = Header {
        account: text("awsAccountId", members.aws_account_id)?,
        start,
        end,
        bucket: text("digestS3Bucket", members.digest_s3_bucket)?,
        object: text("digestS3Object", members.digest_s3_object)?,
        fingerprint: text(
            "digestPublicKeyFingerprint",
            members.digest_public_key_fingerprint,
        )?,
        signature_algorithm: text(
            "digestSignatureAlgorithm",
            members.digest_signature_algorithm,
        )?,
        previous,
        end_text,
        previous_signature_text,
    };
    Ok((header, log_files))
}

impl Header {
    /// The text that CloudTrail signs, of a digest whose content has this hash.
    pub(crate) fn signed_text(&self, sha256: &[u8; 32]) -> String {
        format!(
            "{}\n{}/{}\n{}\n{}",
            self.end_text,
            self.bucket,
            self.object,
            hex(sha256),
            self.previous_signature_text.as_deref().unwrap_or("null"),
        )
    }
}

/// An entry of `logFiles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) bucket: String,
    pub(crate) object: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) hash_algorithm: String,
}

impl LogEntry {
    fn parse(entry: &RawValue) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Members<'a> {
            #[serde(borrow, rename = "s3Bucket")]
            bucket: Option<&'a RawValue>,
            #[serde(rename = "s3Object")]
            object: Option<&'a RawValue>,
            hash_value: Option<&'a RawValue>,
            hash_algorithm: Option<&'a RawValue>,
        }
        let members: Members =
            serde_json::from_str(entry.get()).map_err(|_| Malformed::NotAnObject)?;
        Ok(Self {
            bucket: text("s3Bucket", members.bucket)?,
            object: text("s3Object", members.object)?,
            hash: unhex("hashValue", &text("hashValue", members.hash_value)?)?,
            hash_algorithm: text("hashAlgorithm", members.hash_algorithm)?,
        })
    }
}

/// Hands each entry of `logFiles` to `take`, without holding more than one of them.
pub(crate) fn log_entries(
    log_files: &RawValue,
    take: impl FnMut(Result<LogEntry, Malformed>),
) -> Result<(), Malformed> {
    struct Entries<F>(F);
    impl<'de, F: FnMut(Result<LogEntry, Malformed>)> Visitor<'de> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
            while let Some(entry) = entries.next_element::<&RawValue>()? {
                (self.0)(LogEntry::parse(entry));
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_str(log_files.get())
        .deserialize_seq(Entries(take))
        .map_err(|_| Malformed::Wrong("logFiles", "an array"))
}

fn text(name: &'static str, raw: Option<&RawValue>) -> Result<String, Malformed> {
    let raw = raw.ok_or(Malformed::Missing(name))?;
    let text: String =
        serde_json::from_str(raw.get()).map_err(|_| Malformed::Wrong(name, "a text"))?;
    let most = if name.ends_with("S3Object") || name == "s3Object" {
        MAX_KEY_BYTES
    } else {
        MAX_TEXT_BYTES
    };
    if text.len() > most {
        return Err(Malformed::Wrong(name, "of a length it can have"));
    }
    Ok(text)
}

fn time(name: &'static str, text: &str) -> Result<Timestamp, Malformed> {
    text.parse().map_err(|_| Malformed::Wrong(name, "a time"))
}

fn unhex(name: &'static str, text: &str) -> Result<Vec<u8>, Malformed> {
    hex::decode(text).map_err(|_| Malformed::Wrong(name, "hexadecimal"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The digest that the user guide prints, with its line of log files cut to one.
    const DOCUMENTED: &str = r#"{
        "awsAccountId": "111122223333",
        "digestStartTime": "2015-08-17T14:01:31Z",
        "digestEndTime": "2015-08-17T15:01:31Z",
        "digestS3Bucket": "amzn-s3-demo-bucket",
        "digestS3Object": "AWSLogs/111122223333/CloudTrail-Digest/us-east-2/2015/08/17/d.json.gz",
        "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": "2015-08-17T14:52:27Z",
        "oldestEventTime": "2015-08-17T14:42:27Z",
        "previousDigestS3Bucket": "amzn-s3-demo-bucket",
        "previousDigestS3Object": "AWSLogs/111122223333/CloudTrail-Digest/us-east-2/2015/08/17/p.json.gz",
        "previousDigestHashValue": "97fb791cf91ffc440d274f8190dbdd9aa09c34432aba82739df18b6d3c13df2d",
        "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestSignature": "50887ccffad4c002",
        "logFiles": [{
            "s3Bucket": "amzn-s3-demo-bucket",
            "s3Object": "AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/17/l.json.gz",
            "hashValue": "9bb6196fc6b84d6f075a56548feca262bd99ba3c2de41b618e5b6e22c1fc71f6",
            "hashAlgorithm": "SHA-256",
            "newestEventTime": "2015-08-17T14:52:27Z",
            "oldestEventTime": "2015-08-17T14:42:27Z"
        }]
    }"#;

    #[test]
    fn ok_as_documented() {
        let (header, log_files) = parse(DOCUMENTED.as_bytes()).unwrap();
        assert_eq!(
            header.signed_text(&[0xab; 32]),
            format!(
                "2015-08-17T15:01:31Z\namzn-s3-demo-bucket/AWSLogs/111122223333/CloudTrail-Digest/\
                 us-east-2/2015/08/17/d.json.gz\n{}\n50887ccffad4c002",
                "ab".repeat(32)
            )
        );
        let mut entries = Vec::new();
        log_entries(log_files, |entry| entries.push(entry.unwrap())).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].hash_algorithm, HASH_ALGORITHM);
        assert_eq!(entries[0].hash[..2], [0x9b, 0xb6]);
    }

    #[test]
    fn ok_a_starting_digest_signs_null() {
        let mut value: serde_json::Value = serde_json::from_str(DOCUMENTED).unwrap();
        for (name, member) in value.as_object_mut().unwrap() {
            if name.starts_with("previous") {
                *member = serde_json::Value::Null;
            }
        }
        let text = value.to_string();
        let (header, _) = parse(text.as_bytes()).unwrap();
        assert_eq!(header.previous, None);
        assert!(header.signed_text(&[0; 32]).ends_with("\nnull"));
    }

    #[test]
    fn err_what_is_no_digest() {
        let with = |from: &str, to: &str| {
            let changed = DOCUMENTED.replace(from, to);
            assert_ne!(changed, DOCUMENTED);
            parse(changed.as_bytes()).map(drop).unwrap_err().to_string()
        };
        for (from, to, said) in [
            (
                r#""2015-08-17T15:01:31Z""#,
                "7",
                "digestEndTime is not a text",
            ),
            (
                "2015-08-17T15:01:31Z",
                "\\u001b[31m",
                "digestEndTime is not a time",
            ),
            (
                "2015-08-17T15:01:31Z",
                "2015-08-17T14:01:31Z",
                "digestEndTime is not after digestStartTime",
            ),
            (
                r#""50887ccffad4c002""#,
                "null",
                "only some of the members on the previous digest are null",
            ),
            (
                "50887ccffad4c002",
                "50887ccffad4c00",
                "previousDigestSignature is not hexadecimal",
            ),
            (
                r#""logFiles": ["#,
                r#""logFiles": 1, "l": ["#,
                "logFiles is not an array",
            ),
            ("logFiles", "logfiles", "logFiles is missing"),
            (
                "digestStartTime",
                "digestEndTime",
                "it is no JSON object, or a member stands twice",
            ),
            (
                r#""31e8b5433410dfb61a9dc45cc65b22ff""#,
                "{}",
                "digestPublicKeyFingerprint is not a text",
            ),
        ] {
            assert_eq!(with(from, to), said);
        }
        for text in ["", "[]", "null", "{}", "{\"logFiles\":[]}", "\u{feff}{}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let long = DOCUMENTED.replace("d.json.gz", &"d".repeat(1100));
        assert!(parse(long.as_bytes()).is_err());
    }

    #[test]
    fn entries_of_odd_types_cost_only_themselves() {
        let raw: &RawValue = serde_json::from_str(
            r#"[1, {}, {"s3Bucket":"b","s3Object":"o","hashValue":"zz","hashAlgorithm":"SHA-256"},
               {"s3Bucket":"b","s3Object":"o","hashValue":"00","hashAlgorithm":"SHA-256"}]"#,
        )
        .unwrap();
        let mut entries = Vec::new();
        log_entries(raw, |entry| entries.push(entry)).unwrap();
        let said: Vec<String> = entries
            .iter()
            .map(|entry| {
                entry
                    .as_ref()
                    .map_or_else(Malformed::to_string, |_| "ok".to_owned())
            })
            .collect();
        assert_eq!(
            said,
            [
                "it is no JSON object, or a member stands twice",
                "s3Bucket is missing",
                "hashValue is not hexadecimal",
                "ok"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            parse(&bytes).ok();
            let mut changed = DOCUMENTED.as_bytes().to_vec();
            changed[at.index(DOCUMENTED.len())] = byte;
            if let Ok((_, log_files)) = parse(&changed) {
                log_entries(log_files, |_| ()).ok();
            }
        }
    }
}
