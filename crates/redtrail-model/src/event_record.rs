//! One element of `Records`, as CloudTrail writes it: read loosely, nothing judged.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use std::borrow::Cow;

use crate::{json::Json, user_identity::UserIdentity};

/// An event record. Absent, null, empty and unreadable fields are `None`; a field of an
/// unexpected scalar kind is kept as its text. Fields that redtrail does not read are
/// not here: the full record stays in S3.
#[derive(Clone, Debug, Default)]
pub struct EventRecord<'a> {
    pub user_identity: UserIdentity<'a>,
    pub event_time: Option<Cow<'a, str>>,
    /// The service that was called, e.g. `redshift.amazonaws.com`.
    pub event_source: Option<Cow<'a, str>>,
    /// The operation, e.g. `CreateCluster`.
    pub event_name: Option<Cow<'a, str>>,
    pub aws_region: Option<Cow<'a, str>>,
    /// An address, a service's DNS name, or `AWS Internal`.
    pub source_ip_address: Option<Cow<'a, str>>,
    pub user_agent: Option<Cow<'a, str>>,
    pub error_code: Option<Cow<'a, str>>,
    pub error_message: Option<Cow<'a, str>>,
    /// Omitted by CloudTrail above 100 KB.
    pub request_parameters: Option<Json<'a>>,
    /// Null for read-only calls; omitted by CloudTrail above 100 KB.
    pub response_elements: Option<Json<'a>>,
    pub service_event_details: Option<Json<'a>>,
    /// A GUID in CloudTrail's documentation; other texts occur.
    pub event_id: Option<Cow<'a, str>>,
    pub read_only: Option<bool>,
    /// `resources[]`: the entries as they stand.
    pub resources: Option<Json<'a>>,
    /// `AwsApiCall`, `AwsServiceEvent`, `AwsConsoleAction`, …
    pub event_type: Option<Cow<'a, str>>,
    /// The account that received the event: whose trail this is.
    pub recipient_account_id: Option<Cow<'a, str>>,
    /// The same for the copies of one event in different accounts.
    pub shared_event_id: Option<Cow<'a, str>>,
    /// Why an event was delivered late or again; may name the event it corrects.
    pub addendum: Option<Json<'a>>,
}

impl<'a> EventRecord<'a> {
    /// Reads one record; of what is no object, nothing. Where a field stands twice, the last one
    /// that is not null counts, as in every common JSON reader.
    pub fn read(json: Json<'a>) -> Self {
        let mut record = Self::default();
        for (name, value) in json.members() {
            if let Some(text) = record.text_named(&name) {
                *text = value.text();
                continue;
            }
            match &*name {
                b"userIdentity" => record.user_identity.read(value),
                b"requestParameters" => record.request_parameters = Some(value),
                b"responseElements" => record.response_elements = Some(value),
                b"serviceEventDetails" => record.service_event_details = Some(value),
                b"readOnly" => record.read_only = value.boolean(),
                b"resources" => record.resources = Some(value),
                b"addendum" => record.addendum = Some(value),
                _ => {}
            }
        }
        record
    }

    /// The field of that name, if it is a text. Texts are then read in one place: the code for
    /// it is long, and a copy for each took an event longer.
    #[inline(always)]
    fn text_named(&mut self, name: &[u8]) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match name {
            b"eventTime" => &mut self.event_time,
            b"eventSource" => &mut self.event_source,
            b"eventName" => &mut self.event_name,
            b"awsRegion" => &mut self.aws_region,
            b"sourceIPAddress" => &mut self.source_ip_address,
            b"userAgent" => &mut self.user_agent,
            b"errorCode" => &mut self.error_code,
            b"errorMessage" => &mut self.error_message,
            b"eventID" => &mut self.event_id,
            b"eventType" => &mut self.event_type,
            b"recipientAccountId" => &mut self.recipient_account_id,
            b"sharedEventID" => &mut self.shared_event_id,
            _ => return None,
        })
    }

    /// The account whose trail the event stands in: the recipient, or the caller's
    /// where the record names no recipient.
    pub fn account_id(&self) -> Option<&str> {
        self.recipient_account_id
            .as_deref()
            .or(self.user_identity.account_id.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonText;

    #[test]
    fn ok_loose_kinds() {
        let json = JsonText::parse(
            r#"{"eventID":42,"readOnly":"true","userIdentity":"nobody","requestParameters":[1],"eventTime":null}"#,
        )
        .unwrap();
        let record = EventRecord::read(json.root());
        assert_eq!(record.event_id.as_deref(), Some("42"));
        assert_eq!(record.read_only, Some(true));
        assert!(record.user_identity.identity_type.is_none());
        assert!(record.request_parameters.is_some());
        assert!(record.event_time.is_none());
    }

    #[test]
    fn err_no_object() {
        for text in ["[]", "1", "null", "\"{}\""] {
            let json = JsonText::parse(text).unwrap();
            assert!(
                EventRecord::read(json.root()).event_source.is_none(),
                "{text}"
            );
        }
    }
}
