//! Records around the rule of selection: everything that decides, that only looks like
//! it, and that hides it.

use proptest::prelude::*;

use crate::support::rewrite::rewritten;

const SOURCES: &[&str] = &[
    r#""redshift.amazonaws.com""#,
    r#""sqlworkbench.amazonaws.com""#,
    r#""redshift.amazonaws.com.example.org""#,
    r#""Redshift.amazonaws.com""#,
    r#""kms.amazonaws.com""#,
    r#""kms.amazonaws.com""#,
    r#""s3.amazonaws.com""#,
    r#""""#,
    "null",
    "17",
    r#"["redshift.amazonaws.com"]"#,
    r#"{"eventSource":"redshift.amazonaws.com"}"#,
];
const IDENTITIES: &[&str] = &[
    r#"{"type":"IAMUser","accountId":"111122223333"}"#,
    r#"{"invokedBy":"redshift-data.amazonaws.com"}"#,
    r#"{"invokedBy":"Redshift.amazonaws.com","accountId":"790247189693x"}"#,
    r#"{"accountId":"790247189693"}"#,
    r#"{"sessionContext":{"sessionIssuer":{"accountId":"790247189693"}}}"#,
    r#"{"arn":"arn:aws:sts::790247189693:assumed-role/r/s"}"#,
    r#"{"arn":"arn:aws:sts::111122223333:assumed-role/790247189693/790247189693"}"#,
    r#"{"type":"AWSService","invokedBy":"AWS Internal"}"#,
    r#"{"invokedBy":"athena.amazonaws.com"}"#,
    r#"{"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/aws-service-role/redshift.amazonaws.com/r"}}}"#,
    r#"{"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/x/aws-service-role/redshift.amazonaws.com/r"}}}"#,
    r#"{"sessionContext":{"accountId":"790247189693"},"eventSource":"kms.amazonaws.com"}"#,
    r#""790247189693""#,
    "null",
];
const PARAMETERS: &[&str] = &[
    "null",
    r#"{"encryptionContext":{"aws:redshift:arn":"arn:aws:redshift:us-east-1:1:cluster:c"}}"#,
    r#"{"constraints":{"encryptionContextSubset":{"aws:redshift-serverless:arn":"x"}}}"#,
    r#"{"constraints":{"encryptionContextEquals":{"aws:redshift:arn":"x"}}}"#,
    r#"{"sourceEncryptionContext":{"aws:redshift:arn":"x"},"destinationEncryptionContext":{}}"#,
    r#"{"encryptionContext":{"aws:s3:arn":"aws:redshift:arn"},"aws:redshift:arn":"x"}"#,
    r#"{"a":"\"eventSource\":\"redshift.amazonaws.com\"}","eventSource":"x\\"}"#,
    r#""790247189693 redshift.amazonaws.com""#,
];
const ADDRESSES: &[&str] = &[
    r#""192.0.2.1""#,
    r#""AWS Internal/3""#,
    r#""redshift.amazonaws.com""#,
    r#""""#,
];
const AGENTS: &[&str] = &[
    r#""redshift.amazonaws.com""#,
    r#""my redshift.amazonaws.com""#,
    "null",
];
const BIG: &[&str] = &["123456789012345678901234567890123456789012", "-1e-300"];

/// One record, its members in any order and written in any way; sometimes without a
/// source, sometimes with two.
pub(crate) fn record() -> impl Strategy<Value = String> {
    (
        prop_oneof![
            6 => members("eventSource", SOURCES, 1..=1),
            1 => members("eventSource", SOURCES, 0..=2),
        ],
        members("userIdentity", IDENTITIES, 0..=1),
        members("requestParameters", PARAMETERS, 0..=1),
        members("sourceIPAddress", ADDRESSES, 0..=1),
        members("userAgent", AGENTS, 0..=1),
        members("big", BIG, 0..=1),
    )
        .prop_flat_map(|(source, identity, parameters, address, agent, big)| {
            let members = [source, identity, parameters, address, agent, big].concat();
            (
                Just(members).prop_shuffle(),
                prop::collection::vec(any::<u8>(), 0..40),
            )
        })
        .prop_map(|(members, choices)| {
            let record = rewritten(&format!("{{{}}}", members.join(",")), &choices);
            record.trim_ascii_end().to_owned()
        })
}

fn members(
    name: &'static str,
    values: &'static [&'static str],
    times: std::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = Vec<String>> {
    let member = prop::sample::select(values).prop_map(move |value| format!("{name:?}:{value}"));
    prop::collection::vec(member, times)
}
