//! Records made by hand, each member as raw JSON, and the good neighbours that stand around
//! an odd one.

use sha2::{Digest, Sha256};

use super::{Case, Counts, Expected, Kept};
use crate::gzip;

/// Ids of the good events around an odd element.
pub const GOOD: [&str; 2] = ["good-1", "good-2"];
/// When the good events happened.
pub const GOOD_TIME: &str = "2026-03-02T09:00:00Z";
pub(super) const ODD: &str = "odd";

const MEMBERS: [(&str, &str); 15] = [
    ("eventVersion", r#""1.11""#),
    (
        "userIdentity",
        r#"{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333","userName":"ana"}"#,
    ),
    ("eventTime", r#""2026-03-02T09:00:00Z""#),
    ("eventSource", r#""redshift.amazonaws.com""#),
    ("eventName", r#""DeleteCluster""#),
    ("awsRegion", r#""us-east-1""#),
    ("sourceIPAddress", r#""192.0.2.1""#),
    ("userAgent", r#""aws-cli/2""#),
    ("requestParameters", r#"{"clusterIdentifier":"sales"}"#),
    ("responseElements", "null"),
    ("eventID", r#""odd""#),
    ("readOnly", "false"),
    ("eventType", r#""AwsApiCall""#),
    ("recipientAccountId", r#""111122223333""#),
    ("eventCategory", r#""Management""#),
];

/// A record of the family with these members, as raw JSON, instead of or beside its own; one
/// of which the value is empty is left out.
pub(super) fn record(changes: &[(&str, &str)]) -> String {
    let changed = |name: &str| changes.iter().find(|(of, _)| *of == name);
    let own = MEMBERS
        .iter()
        .map(|member| changed(member.0).unwrap_or(member));
    let is_new = |change: &&(&str, &str)| MEMBERS.iter().all(|(own, _)| *own != change.0);
    let members: Vec<String> = own
        .chain(changes.iter().filter(is_new))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

pub(super) fn good(id: &str) -> String {
    record(&[("eventID", &format!("\"{id}\""))])
}

/// A document with these elements.
pub(super) fn document(elements: &[&[u8]]) -> Vec<u8> {
    [&b"{\"Records\":["[..], &elements.join(&b','), b"]}"].concat()
}

/// The element among good events, and one that is not of the family.
pub(super) fn among_good(element: &[u8]) -> Vec<u8> {
    let [first, second] = GOOD.map(good);
    let other = record(&[("eventSource", r#""s3.amazonaws.com""#)]);
    let elements = [
        first.as_bytes(),
        element,
        second.as_bytes(),
        other.as_bytes(),
    ];
    gzip(&document(&elements))
}

/// What must become of one element.
#[derive(Clone, Debug)]
pub(super) enum Of {
    /// Under this id, with these flags.
    Kept(String, Vec<&'static str>),
    NotSelected,
    Quarantined(&'static str),
}

impl Of {
    pub(super) fn kept(flags: &[&'static str]) -> Self {
        Self::Kept(ODD.to_owned(), flags.to_vec())
    }

    /// Of a record without an id of its own.
    pub(super) fn kept_by_hash(record: &[u8], flags: &[&'static str]) -> Self {
        let digest = Sha256::digest(record);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::Kept(format!("sha256:{hex}"), flags.to_vec())
    }

    /// Of the whole object: the neighbours are always kept.
    pub(super) fn with_neighbours(self) -> Expected {
        let good = |id: &str| Kept {
            event_id: id.to_owned(),
            flags: vec![],
        };
        let [first, second] = GOOD.map(good);
        let mut counts = Counts {
            not_selected: 1,
            events: vec![first, second],
            ..Counts::default()
        };
        match self {
            Self::Kept(event_id, flags) => counts.events.insert(1, Kept { event_id, flags }),
            Self::NotSelected => counts.not_selected += 1,
            Self::Quarantined(reason) => counts.quarantined.push((reason, 1)),
        }
        Expected::Read(counts)
    }
}

/// The case of one element among good ones.
pub(super) fn case(name: impl Into<String>, element: &[u8], of: Of) -> Case {
    let element = element.to_vec();
    Case::new(name, of.with_neighbours(), move || among_good(&element))
}

/// The same where the element is a record of the family with changed members.
pub(super) fn changed(name: impl Into<String>, changes: &[(&str, &str)], of: Of) -> Case {
    case(name, record(changes).as_bytes(), of)
}
