//! What each payload under `events/` announces. A new file needs a row here.

use std::{collections::BTreeSet, fs, path::Path};

use redtrail_notification::{Caller, Invocation, read};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");

/// The sample trail's logs, by the last letters of their names, and its digest.
const KEYS: [(&str, &str); 6] = [
    (
        "e1",
        "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz",
    ),
    (
        "e2",
        "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0910Z_i9J0k1L2m3N4o5P6.json.gz",
    ),
    (
        "w1",
        "AWSLogs/o-exampleorg/444455556666/CloudTrail/eu-west-1/2026/03/02/444455556666_CloudTrail_eu-west-1_20260302T0910Z_q7R8s9T0u1V2w3X4.json.gz",
    ),
    (
        "w2",
        "AWSLogs/o-exampleorg/444455556666/CloudTrail/eu-west-1/2026/03/02/444455556666_CloudTrail_eu-west-1_20260302T0915Z_y5Z6a7B8c9D0e1F2.json.gz",
    ),
    (
        "g1",
        "AWSLogs/o-exampleorg/777788889999/CloudTrail/us-gov-west-1/2026/03/02/777788889999_CloudTrail_us-gov-west-1_20260302T0915Z_g3H4i5J6k7L8m9N0.json.gz",
    ),
    (
        "digest of e",
        "AWSLogs/o-exampleorg/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/111122223333_CloudTrail-Digest_us-east-1_redtrail-sample_us-east-1_20260302T100000Z.json.gz",
    ),
];

/// File, caller, and what each of its messages announces: logs by their names above,
/// and in brackets what is passed over.
const EVENTS: &[(&str, &str, &[&str])] = &[
    ("destination-eventbridge", "direct", &["w1"]),
    ("destination-s3", "direct", &["e1"]),
    ("eventbridge", "direct", &["w1"]),
    (
        "eventbridge-deleted",
        "direct",
        &["[w1: not_object_created]"],
    ),
    ("eventbridge-destination-s3", "direct", &["e1"]),
    ("request", "direct", &["e1"]),
    ("s3", "direct", &["e1 e2"]),
    ("s3-batch", "job", &["e1", "e2", "[digest of e: digest]"]),
    ("s3-batch-2", "job", &["w1", "w2"]),
    ("s3-digest", "direct", &["e2 [digest of e: digest]"]),
    ("s3-removed", "direct", &["[e1: not_object_created]"]),
    ("s3-test", "direct", &["[s3_test_event]"]),
    ("sns-cloudtrail", "direct", &["e1 e2"]),
    (
        "sns-cloudtrail-validation",
        "direct",
        &["[cloudtrail_validation]"],
    ),
    ("sns-eventbridge", "direct", &["g1"]),
    ("sns-s3", "direct", &["w1"]),
    ("sqs-dead-letter-s3", "queue", &["w2"]),
    ("sqs-dead-letter-sns-cloudtrail", "queue", &["g1"]),
    ("sqs-dead-letter-sqs-s3", "queue", &["e1 e2"]),
    ("sqs-destination-s3", "queue", &["e2"]),
    ("sqs-destination-sns-s3", "queue", &["g1"]),
    ("sqs-eventbridge", "queue", &["w2", "g1"]),
    (
        "sqs-eventbridge-digest",
        "queue",
        &["[digest of e: digest]"],
    ),
    ("sqs-request", "queue", &["w1"]),
    ("sqs-s3", "queue", &["e1", "e2 w1"]),
    ("sqs-s3-test", "queue", &["[s3_test_event]"]),
    (
        "sqs-sns-cloudtrail",
        "queue",
        &["w1 w2", "g1", "[cloudtrail_validation]"],
    ),
    (
        "sqs-sns-confirmation",
        "queue",
        &["[subscription_confirmation]"],
    ),
    ("sqs-sns-eventbridge", "queue", &["e1"]),
    (
        "sqs-sns-raw-cloudtrail",
        "queue",
        &["w1 w2", "[cloudtrail_validation]"],
    ),
    ("sqs-sns-raw-s3", "queue", &["w2", "g1"]),
    ("sqs-sns-s3", "queue", &["e1", "w2"]),
];

#[test]
fn each_event_announces_what_it_should() {
    for (name, caller, messages) in EVENTS {
        let path = Path::new(FOLDER).join(name).with_extension("json");
        let invocation = read(&fs::read(&path).unwrap());
        let answers_to = match &invocation.caller {
            Caller::Sqs => "queue",
            Caller::S3Batch { .. } => "job",
            Caller::Direct => "direct",
        };
        assert_eq!(answers_to, *caller, "{name}");
        assert_eq!(announced(&invocation), *messages, "{name}");
    }
}

#[test]
fn each_file_has_a_row() {
    let files: BTreeSet<String> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let rows: BTreeSet<String> = EVENTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(files, rows);
}

fn announced(invocation: &Invocation) -> Vec<String> {
    let messages = invocation.messages.iter();
    messages
        .map(|message| {
            assert_eq!(message.announced.unreadable, []);
            assert_eq!(message.id.is_some(), invocation.caller != Caller::Direct);
            let objects = message.announced.objects.iter().map(|object| {
                assert_eq!(object.address.bucket, "redtrail-sample-trail");
                assert_eq!(object.address.version_id, None);
                assert_eq!(object.alternative_key, None);
                name(&object.address.key).to_owned()
            });
            let passed_over = message.announced.passed_over.iter().map(|passed_over| {
                let reason = passed_over.reason.name();
                match &passed_over.key {
                    Some(key) => format!("[{}: {reason}]", name(key)),
                    None => format!("[{reason}]"),
                }
            });
            objects.chain(passed_over).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn name(key: &str) -> &'static str {
    KEYS.iter().find(|(_, known)| *known == key).expect(key).0
}
