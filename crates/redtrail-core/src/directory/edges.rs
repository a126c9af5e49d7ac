//! Who used what on which day. An edge is written once a day for each pair, however many
//! events there were, so that people, sessions and keys are found without a row an event.
//! A session or temporary key may come with a single call, so each has one edge only.

use redtrail_model::{
    AuditEvent, EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, SCHEMA_VERSION, SelectedBy,
    bounded,
};
use serde::{Deserialize, Serialize};

use super::{facts::resource_subject, put};
use crate::{item::Put, retention::Retention};

/// An edge of the directory: on that day, the subject had to do with the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeFact {
    pub subject: String,
    pub edge: String,
    /// What the edge leads to: a key of principals or resources.
    pub other: String,
    /// `YYYY-MM-DD`, UTC; none for what is only known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Read,
    Write,
    /// The caller was not permitted to.
    Denied,
}

impl Kind {
    /// What the event was. Older records do not tell whether they only read; then the
    /// operation's name does.
    pub fn of(event: &AuditEvent) -> Self {
        const NOT_PERMITTED: [&str; 3] = ["AccessDenied", "Unauthorized", "NotAuthorized"];
        let code = event.error_code.as_deref().unwrap_or_default();
        if NOT_PERMITTED.iter().any(|word| code.contains(word)) {
            return Self::Denied;
        }
        let reads_by_name = ["Describe", "List", "Get"]
            .iter()
            .any(|verb| event.event_name.starts_with(verb))
            && !event.event_name.contains("Credentials");
        if event.read_only.unwrap_or(reads_by_name) {
            Self::Read
        } else {
            Self::Write
        }
    }

    /// What was done, as a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Denied => "denied",
        }
    }
}

/// What people know and ask by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    Principal,
    Resource,
    Session,
    AccessKey,
    SourceIdentity,
    Person,
}

impl Known {
    pub fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Resource => "resource",
            Self::Session => "session",
            Self::AccessKey => "access_key",
            Self::SourceIdentity => "source_identity",
            Self::Person => "person",
        }
    }
}

/// Under it: the resources that a principal used, by day.
pub fn principal_subject(principal: &str) -> String {
    bounded(format!("principal#{principal}"), MAX_PARTITION_KEY_BYTES)
}

/// Under it: the principals with activity on that day, `YYYY-MM-DD`.
pub fn day_subject(day: &str) -> String {
    format!("day#{day}")
}

/// Under it: all that is known of one kind; of sessions, access keys, source identities and
/// persons also the principals they acted as, by day.
pub fn known_subject(kind: Known) -> String {
    format!("known#{}", kind.name())
}

/// The edges of a session name, access key id, source identity or person begin so. No text
/// reads as the beginning of another: `%` and `#` are percent-escaped.
pub fn acted_edges(text: &str) -> String {
    format!("{}#", text.replace('%', "%25").replace('#', "%23"))
}

/// The edges that one event adds.
pub(super) fn edges(
    event: &AuditEvent,
    retention: Retention,
) -> Result<Vec<Put>, serde_dynamo::Error> {
    let expires_at = retention.expires_after_day(event.event_time);
    let day = day(event.event_time);
    let kind = Kind::of(event);
    let principal = event.principal.as_str();
    let mut edges = Vec::new();
    let mut on_day = |subject: String, edge: String, other: &str, kind: Option<Kind>| {
        edges.push(EdgeFact {
            subject,
            edge: bounded(&edge, MAX_SORT_KEY_BYTES),
            other: other.to_owned(),
            activity_day: Some(day.clone()),
            kind,
            expires_at,
            schema_version: SCHEMA_VERSION,
        });
    };

    // Statements are found by their own partition; each lives for one call.
    let resources = || event.resource_arns().filter(|key| !key.is_statement());
    for resource in resources() {
        let used = format!("used#{day}#{}", kind.name());
        let key = resource.as_str();
        on_day(
            principal_subject(principal),
            format!("{used}#{key}"),
            key,
            Some(kind),
        );
        on_day(
            resource_subject(resource),
            format!("{used}#{principal}"),
            principal,
            Some(kind),
        );
    }
    on_day(
        day_subject(&day),
        format!("principal#{principal}"),
        principal,
        None,
    );
    let facets = [
        (Known::Session, &event.session_name),
        (Known::AccessKey, &event.access_key_id),
        (Known::SourceIdentity, &event.source_identity),
        (Known::Person, &event.person),
    ];
    // Nobody holds the sessions and keys of Redshift's own accounts.
    let is_held = event.selected_by != SelectedBy::RedshiftAccount;
    for (facet, text) in facets {
        if let Some(text) = text.as_deref().filter(|_| is_held) {
            let edge = format!("{}{day}#{principal}", acted_edges(text));
            on_day(known_subject(facet), edge, principal, None);
        }
    }

    let known_resources = resources().map(|key| (Known::Resource, key.as_str()));
    let known = [(Known::Principal, principal)]
        .into_iter()
        .chain(known_resources);
    edges.extend(known.map(|(kind, text)| EdgeFact {
        subject: known_subject(kind),
        edge: bounded(text, MAX_SORT_KEY_BYTES),
        other: text.to_owned(),
        activity_day: None,
        kind: None,
        expires_at: None,
        schema_version: SCHEMA_VERSION,
    }));
    edges.iter().map(put).collect()
}

/// The day of that time, UTC.
fn day(time: EventTime) -> String {
    let mut day = time.to_string();
    day.truncate("YYYY-MM-DD".len());
    day
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log_reader::RawRecord, normalize::audit_event, select::Selector};
    use redtrail_model::Origin;
    use serde_dynamo::AttributeValue;

    fn event(more: &str) -> AuditEvent {
        let record = format!(
            r#"{{"eventID":"e1","eventTime":"2026-03-02T09:00:00Z","eventSource":"redshift.amazonaws.com","eventName":"DeleteCluster","awsRegion":"us-east-1","recipientAccountId":"111122223333","requestParameters":{{"clusterIdentifier":"sales"}},"userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/etl/run#7","accessKeyId":"ASIAX"}}{more}}}"#
        );
        let record = RawRecord {
            index: 0,
            offset: 0,
            bytes: record.into_bytes(),
        };
        let origin = Origin {
            bucket: "b".into(),
            key: "k".into(),
            version: None,
            record_index: 0,
        };
        audit_event(&record, &origin, &Selector::default()).unwrap()
    }

    #[test]
    fn ok_edges_of_one_event() {
        let role = "arn:aws:iam::111122223333:role/etl";
        let cluster = "arn:aws:redshift:us-east-1:111122223333:cluster:sales";
        let expected = [
            (
                format!("principal#{role}"),
                format!("used#2026-03-02#write#{cluster}"),
            ),
            (
                format!("resource#{cluster}"),
                format!("used#2026-03-02#write#{role}"),
            ),
            ("day#2026-03-02".to_owned(), format!("principal#{role}")),
            (
                "known#session".to_owned(),
                format!("run%237#2026-03-02#{role}"),
            ),
            (
                "known#access_key".to_owned(),
                format!("ASIAX#2026-03-02#{role}"),
            ),
            ("known#principal".to_owned(), role.to_owned()),
            ("known#resource".to_owned(), cluster.to_owned()),
        ];
        let found: Vec<_> = edges(&event(""), Retention::Forever)
            .unwrap()
            .iter()
            .map(|put| ["subject", "edge"].map(|name| put.get(name).cloned().unwrap()))
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(a, b)| [AttributeValue::S(a), AttributeValue::S(b)])
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ok_acted_edges_of_one_text_are_no_others() {
        let edges = ["a", "a#2026-03-02", "a%23", "a%"].map(acted_edges);
        for (index, edge) in edges.iter().enumerate() {
            let begin_so = |other: &&String| other.starts_with(edge.as_str());
            assert_eq!(edges.iter().filter(begin_so).count(), 1, "{index}");
        }
    }

    #[test]
    fn ok_nobody_holds_the_sessions_of_redshifts_own_accounts() {
        let mut event = event("");
        event.selected_by = SelectedBy::RedshiftAccount;
        let subjects = edges(&event, Retention::Forever).unwrap().into_iter();
        let subjects: Vec<_> = subjects
            .map(|put| put.get("subject").cloned().unwrap())
            .collect();
        let known = |kind| AttributeValue::S(known_subject(kind));
        assert!(subjects.contains(&known(Known::Principal)));
        for kind in [Known::Session, Known::AccessKey, Known::Person] {
            assert!(!subjects.contains(&known(kind)), "{kind:?}");
        }
    }

    #[test]
    fn ok_kinds() {
        let kind = |more: &str| Kind::of(&event(more));
        assert_eq!(kind(""), Kind::Write);
        assert_eq!(kind(r#","readOnly":true"#), Kind::Read);
        assert_eq!(kind(r#","errorCode":"AccessDenied""#), Kind::Denied);
        assert_eq!(
            kind(r#","errorCode":"Client.UnauthorizedOperation""#),
            Kind::Denied
        );
        assert_eq!(kind(r#","errorCode":"ClusterNotFound""#), Kind::Write);
    }
}
