//! The audit event: one event of the Redshift family, normalized. It answers who, what,
//! when, where from, and where its original stands; its field names are the attributes
//! of the tables.

use std::{collections::BTreeMap, fmt};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{
    event_time::EventTime,
    key::{EventKey, PrincipalKey, ResourceKey},
    origin::Origin,
};

/// A normalized event. An `Option` is `None` where AWS's data does not tell. Most texts have 24
/// bytes or fewer: a [`CompactString`] holds those itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Time and id: the sort key of both event tables.
    pub event_key: EventKey,
    /// CloudTrail's `eventID`; `sha256:` and the hash of the record where it has none.
    pub event_id: CompactString,
    pub event_time: EventTime,
    /// The service called, e.g. `redshift.amazonaws.com`.
    pub event_source: CompactString,
    /// The operation, e.g. `CreateCluster`.
    pub event_name: CompactString,
    /// `eventType`, where it is not `AwsApiCall`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<CompactString>,
    /// The account whose trail received the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<CompactString>,
    /// `awsRegion`. (`region` is a reserved word of DynamoDB's expressions.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_region: Option<CompactString>,

    /// Who: the partition key of the principals table.
    pub principal: PrincipalKey,
    /// `userIdentity.type` as CloudTrail wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_type: Option<CompactString>,
    /// The caller's account, where it is not `account_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_account_id: Option<CompactString>,
    /// The last part of an assumed role's STS ARN: the caller's free choice, save for
    /// Identity Center roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<CompactString>,
    /// The ARN that issued the session, where the principal is not that issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_issuer: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_authenticated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<CompactString>,
    /// The Identity Center user the call was made for: identity store ARN, `/user/`, user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<CompactString>,
    /// The human behind the credentials, where AWS vouches for one: on behalf of, else
    /// source identity, else the session name of an Identity Center role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<CompactString>,
    /// Was the request made with root or user credentials?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_or_user_credentials: Option<bool>,
    /// Was it made with temporary credentials of a role or federated user?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary_credentials: Option<bool>,
    /// Was it made by another AWS service?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_aws_service: Option<bool>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip_address: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<CompactString>,
    /// `readOnly`; older records have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<CompactString>,

    /// What was touched, in the attributes `resource_arns` and `resource_parts`,
    /// `related_arns` and `related_parts`.
    #[serde(flatten)]
    pub touched: Touched,
    /// The event changes a resource itself, rather than reading or using it.
    #[serde(skip, default)]
    pub changes_resource: bool,
    /// Keys that the event shows together; they go to the directory.
    #[serde(skip, default)]
    pub aliases: Vec<Alias>,
    /// The request's members that the keep-list names, shortened.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub request_parameters: BTreeMap<CompactString, CompactString>,
    /// The response's members that the keep-list names, shortened.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub response_elements: BTreeMap<CompactString, CompactString>,
    /// Shared by the copies of one event that other accounts received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_event_id: Option<CompactString>,
    /// `addendum.reason`: why CloudTrail delivered this record late or again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addendum_reason: Option<CompactString>,
    /// `addendum.originalEventID`: the event that this record corrects or completes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_event_id: Option<CompactString>,

    /// The sign that made this event one of the Redshift family.
    pub selected_by: SelectedBy,
    /// What a reader must know of this event.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub flags: Vec<Flag>,
    /// Names of attributes that were shortened; the whole is in the original.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cut: Vec<CompactString>,
    /// The original record's size in bytes.
    pub record_bytes: u64,
    /// Where the original stands.
    #[serde(flatten)]
    pub origin: Origin,
}

impl AuditEvent {
    /// The keys of the resources the event touched: partition keys of the resources table.
    pub fn resource_arns(&self) -> impl Iterator<Item = &ResourceKey> {
        self.touched.resources.iter().map(|resource| &resource.key)
    }
}

/// What an event touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "TouchedColumns", into = "TouchedColumns")]
pub struct Touched {
    /// Each has a row in the resources table.
    pub resources: Vec<Resource>,
    /// ARNs of other services that the call names. They have no rows of their own.
    pub related: Vec<RelatedArn>,
}

/// A resource and its part in the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    pub key: ResourceKey,
    pub part: Part,
}

/// An ARN of another service, and its part in the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelatedArn {
    pub arn: String,
    pub part: Part,
}

/// Two keys that one event shows together: of one thing (its name and its ARN), or of a
/// thing and the one it belongs to (a cluster and its namespace).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias {
    pub first: ResourceKey,
    pub second: ResourceKey,
    /// Both are keys of one thing.
    pub same: bool,
}

/// [`Touched`] as attributes: plain lists of text, the parts in the order of the keys.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct TouchedColumns {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_arns: Vec<ResourceKey>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_parts: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_arns: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_parts: Vec<Part>,
}

impl From<Touched> for TouchedColumns {
    fn from(touched: Touched) -> Self {
        let (resource_arns, resource_parts) = touched
            .resources
            .into_iter()
            .map(|Resource { key, part }| (key, part))
            .unzip();
        let (related_arns, related_parts) = touched
            .related
            .into_iter()
            .map(|RelatedArn { arn, part }| (arn, part))
            .unzip();
        Self {
            resource_arns,
            resource_parts,
            related_arns,
            related_parts,
        }
    }
}

impl From<TouchedColumns> for Touched {
    fn from(columns: TouchedColumns) -> Self {
        Self {
            resources: columns
                .resource_arns
                .into_iter()
                .zip(columns.resource_parts)
                .map(|(key, part)| Resource { key, part })
                .collect(),
            related: columns
                .related_arns
                .into_iter()
                .zip(columns.related_parts)
                .map(|(arn, part)| RelatedArn { arn, part })
                .collect(),
        }
    }
}

/// The part something plays in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the call acts on or reads.
    Target,
    /// The side of a datashare that shares.
    Producer,
    /// The side of a datashare that receives.
    Consumer,
    /// What data or settings are taken from: a snapshot restored, a table's source.
    Source,
    /// The KMS key of a KMS call.
    Key,
    /// The cluster or workgroup something named in the call belongs to.
    Via,
    /// An IAM role that is passed along.
    Role,
    /// A Secrets Manager secret.
    Secret,
    /// An SNS topic.
    Topic,
    /// Any other ARN.
    Other,
}

impl Part {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Source => "source",
            Self::Key => "key",
            Self::Via => "via",
            Self::Role => "role",
            Self::Secret => "secret",
            Self::Topic => "topic",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sign that made a record one of the Redshift family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectedBy {
    /// `eventSource` is one of the family.
    EventSource,
    /// Another service's call, made by Redshift: `userIdentity.invokedBy`.
    InvokedBy,
    /// Another service's call from an account id that belongs to Redshift.
    RedshiftAccount,
    /// Another service's call from a session of Redshift's service-linked role.
    ServiceLinkedRole,
    /// Another service's call that came from Redshift: `sourceIPAddress` is its name.
    SourceAddress,
    /// Another service's call from inside AWS whose `userAgent` is Redshift's name.
    UserAgent,
    /// A KMS call whose encryption context names a Redshift resource.
    EncryptionContext,
}

impl fmt::Display for SelectedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Something odd that a reader must know; the event is kept all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The record has no `eventID`: its hash stands in.
    NoEventId,
    /// The record held bytes that are no UTF-8, or halves of surrogate pairs; they were
    /// replaced by U+FFFD.
    InvalidUtf8,
    /// The rules have no row for this operation: its resources come from the general rule.
    UnknownOperation,
    /// The event touched more resources than there are rows for one event.
    ResourcesCut,
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_part_is_read_as_it_is_written() {
        use Part::*;
        for part in [
            Target, Producer, Consumer, Source, Key, Via, Role, Secret, Topic, Other,
        ] {
            let written = serde_json::to_value(part).unwrap();
            assert_eq!(written, part.as_str());
            assert_eq!(part.to_string(), part.as_str());
            assert_eq!(serde_json::from_value::<Part>(written).unwrap(), part);
        }
    }
}
