//! The digest of the story's hour: CloudTrail's list of what it delivered, with the
//! hashes of the objects as they were then. It carries no signature.

use sha2::{Digest, Sha256};

use crate::{
    json::{Json, object},
    sample::{BUCKET, Kind, SampleObject},
};

const KEY: &str = "AWSLogs/o-exampleorg/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/111122223333_CloudTrail-Digest_us-east-1_redtrail-sample_us-east-1_20260302T100000Z.json.gz";
/// The account and Region the digest speaks for.
const FOLDER: &str = "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/";

pub(super) fn object(objects: &[SampleObject]) -> SampleObject {
    let log_files: Vec<Json> = objects
        .iter()
        .filter(|object| object.key.starts_with(FOLDER))
        .map(|object| {
            object! {
                "s3Bucket": BUCKET,
                "s3Object": object.key,
                "hashValue": hex(&Sha256::digest(&object.plain)),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": "2026-03-02T09:09:00Z",
                "oldestEventTime": "2026-03-02T08:55:00Z",
            }
        })
        .collect();
    let digest = object! {
        "awsAccountId": "111122223333",
        "digestStartTime": "2026-03-02T09:00:00Z",
        "digestEndTime": "2026-03-02T10:00:00Z",
        "digestS3Bucket": BUCKET,
        "digestS3Object": KEY,
        "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": "2026-03-02T09:24:00Z",
        "oldestEventTime": "2026-03-02T08:55:00Z",
        "previousDigestS3Bucket": Json::Null,
        "previousDigestS3Object": Json::Null,
        "previousDigestHashValue": Json::Null,
        "previousDigestHashAlgorithm": Json::Null,
        "previousDigestSignature": Json::Null,
        "logFiles": log_files,
    };
    SampleObject {
        key: KEY,
        kind: Kind::Digest,
        plain: digest.to_compact().into_bytes(),
        records: 0,
        truth: Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
