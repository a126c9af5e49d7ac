//! The rule of selection once more, over a record that is parsed in full.

use std::fmt;

use redtrail_core::select::{Judgement, Unreadable};
use redtrail_model::SelectedBy;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

const SERVICES: [&str; 4] = [
    "redshift.amazonaws.com",
    "redshift-serverless.amazonaws.com",
    "redshift-data.amazonaws.com",
    "sqlworkbench.amazonaws.com",
];
const CONTEXTS: [&str; 5] = [
    "/encryptionContext",
    "/sourceEncryptionContext",
    "/destinationEncryptionContext",
    "/constraints/encryptionContextSubset",
    "/constraints/encryptionContextEquals",
];
const PUBLISHED_ACCOUNTS: &str = include_str!("../../rules/redshift-account-ids.tsv");

/// What the well-formed JSON value `element` is to redtrail.
pub(crate) fn judge(element: &str) -> Judgement {
    let Ok(Members(members)) = serde_json::from_str(&without_lone_surrogates(element)) else {
        return Judgement::Unreadable(Unreadable::NotAnObject);
    };
    let sources: Vec<_> = members
        .iter()
        .filter(|(name, _)| name == "eventSource")
        .collect();
    let source = match sources[..] {
        [] => return Judgement::Unreadable(Unreadable::NoEventSource),
        [(_, Value::String(source))] => source.as_str(),
        [_] => return Judgement::Unreadable(Unreadable::NoEventSource),
        _ => return Judgement::Unreadable(Unreadable::DoubledEventSource),
    };
    let member = |name: &str| {
        // Of a member that stands twice the last that is not null counts.
        let found = members
            .iter()
            .rfind(|(known, value)| known == name && !value.is_null());
        found.map_or(&Value::Null, |(_, value)| value)
    };
    let identity = member("userIdentity");
    let text = |pointer| {
        identity
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let arns = [text("/arn"), text("/sessionContext/sessionIssuer/arn")];
    let arn_part = |arn: &str, part: usize| {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let is_whole = parts.len() == 6 && [1, 2, 5].iter().all(|part| !parts[*part].is_empty());
        let is_arn = is_whole && parts[0] == "arn";
        is_arn.then(|| parts[part].to_owned())
    };
    let accounts = [
        text("/accountId"),
        text("/sessionContext/sessionIssuer/accountId"),
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(arns.into_iter().filter_map(|arn| arn_part(arn, 4)));
    let linked_to = |service: &&str| {
        let path = format!("role/aws-service-role/{service}/");
        let is_of_iam = arn_part(arns[1], 2).as_deref() == Some("iam");
        is_of_iam && arn_part(arns[1], 5).is_some_and(|resource| resource.starts_with(&path))
    };
    let address = member("sourceIPAddress").as_str().unwrap_or_default();
    let inside = address.starts_with("AWS Internal") || text("/type") == "AWSService";
    let in_no_other_name = ["", "AWS Internal"].contains(&text("/invokedBy"));
    let agent = member("userAgent").as_str().unwrap_or_default();
    let encrypts = |context: &&str| {
        let context = member("requestParameters").pointer(context);
        ["aws:redshift:arn", "aws:redshift-serverless:arn"]
            .iter()
            .any(|key| context.and_then(|context| context.get(key)).is_some())
    };
    let sign = if SERVICES.contains(&source) {
        SelectedBy::EventSource
    } else if SERVICES.contains(&text("/invokedBy")) {
        SelectedBy::InvokedBy
    } else if accounts.into_iter().any(|account| is_redshift(&account)) {
        SelectedBy::RedshiftAccount
    } else if SERVICES.iter().any(linked_to) {
        SelectedBy::ServiceLinkedRole
    } else if SERVICES.contains(&address) {
        SelectedBy::SourceAddress
    } else if SERVICES.contains(&agent) && inside && in_no_other_name {
        SelectedBy::UserAgent
    } else if source == "kms.amazonaws.com" && CONTEXTS.iter().any(encrypts) {
        SelectedBy::EncryptionContext
    } else {
        return Judgement::NotSelected;
    };
    Judgement::Selected(sign)
}

fn is_redshift(account: &str) -> bool {
    PUBLISHED_ACCOUNTS
        .lines()
        .any(|line| line.split('\t').nth(1) == Some(account))
}

/// The members of an object, also those that stand twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Halves of surrogate pairs are JSON, but no text: a full parser refuses them.
fn without_lone_surrogates(json: &str) -> String {
    let mut out = String::new();
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push('\u{fffd}');
                rest = escape.split_at(6).1;
                continue;
            }
            _ => 2,
        };
        let (kept, behind) = escape.split_at(length);
        out.push_str(kept);
        rest = behind;
    }
    out + rest
}

fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}
