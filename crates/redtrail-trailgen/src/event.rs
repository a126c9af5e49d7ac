//! One event on its way into a record: what happened, then the stamp of time, place and
//! ids, then CloudTrail's fields in CloudTrail's order.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{
    cast::Caller,
    dice::Dice,
    json::{Json, object},
    place::Place,
};

/// A record's text and, where it belongs to the Redshift family, the truth about it.
#[derive(Clone, Debug)]
pub struct Record {
    /// One element of `Records`, as it stands in the file.
    pub json: String,
    /// `None` for an event that must not be selected.
    pub truth: Option<Truth>,
}

/// What a right reading of a Redshift family event finds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Truth {
    pub event_id: String,
    /// RFC 3339, whole seconds, as in the record.
    pub event_time: String,
    pub event_source: String,
    pub event_name: String,
    pub account_id: String,
    pub aws_region: String,
    /// The key of the principals table.
    pub principal: String,
    /// Keys of the resources table the event must stand under. Keys that follow from a
    /// general rule only (a wildcard for an unfiltered list) are not named here.
    pub resources: Vec<String>,
    /// `None` where the record does not tell.
    pub read_only: Option<bool>,
    pub error_code: Option<String>,
}

/// An event before it has a time, a place and ids.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) caller: Caller,
    pub(crate) source: Cow<'static, str>,
    name: &'static str,
    pub(crate) request: Json,
    response: Json,
    additional: Option<Json>,
    error: Option<(&'static str, String)>,
    read_only: bool,
    resources: Vec<Json>,
    /// The resource keys of a family event.
    touched: Option<Vec<String>>,
    /// Resource keys that only the response tells.
    answered: Vec<String>,
    shared: bool,
    event_type: &'static str,
    pub(crate) user_agent: Option<Json>,
}

impl Event {
    pub(crate) fn new(caller: Caller, source: &'static str, name: &'static str) -> Self {
        Self {
            caller,
            source: Cow::Borrowed(source),
            name,
            request: Json::Null,
            response: Json::Null,
            additional: None,
            error: None,
            read_only: false,
            resources: Vec::new(),
            touched: None,
            answered: Vec::new(),
            shared: false,
            event_type: "AwsApiCall",
            user_agent: None,
        }
    }

    pub(crate) fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    pub(crate) fn request(mut self, request: Json) -> Self {
        self.request = request;
        self
    }

    pub(crate) fn response(mut self, response: Json) -> Self {
        self.response = response;
        self
    }

    pub(crate) fn additional(mut self, additional: Json) -> Self {
        self.additional = Some(additional);
        self
    }

    /// An entry of the record's own `resources`.
    pub(crate) fn resource(mut self, account: &str, kind: &'static str, arn: &str) -> Self {
        self.resources
            .push(object! {"accountId": account.to_owned(), "type": kind, "ARN": arn.to_owned()});
        self
    }

    /// Marks a Redshift family event and names its resource keys.
    pub(crate) fn touching(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.touched = Some(keys.into_iter().collect());
        self
    }

    /// Names the keys that the response alone tells; a failure takes them away.
    pub(crate) fn answering(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.answered = keys.into_iter().collect();
        self
    }

    pub(crate) fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    pub(crate) fn service_event(mut self) -> Self {
        self.event_type = "AwsServiceEvent";
        self
    }

    pub(crate) fn failed(mut self, code: &'static str, message: impl Into<String>) -> Self {
        self.error = Some((code, message.into()));
        self.response = Json::Null;
        self.answered.clear();
        self
    }

    /// Refused by IAM, as `service:Operation` on the resource it names.
    pub(crate) fn denied(self, resource: &str) -> Self {
        let service = self.source.split('.').next().unwrap_or_default();
        let message = format!(
            "User: {} is not authorized to perform: {service}:{} on resource: {resource} \
             because no identity-based policy allows the {service}:{} action",
            self.caller.session_arn, self.name, self.name
        );
        self.failed("AccessDenied", message)
    }

    /// The record, with ids of its own.
    pub(crate) fn stamp(self, time: Timestamp, place: &Place, dice: &mut Dice) -> Stamped {
        let event_id = dice.uuid();
        let time = whole_seconds(time);
        let truth = self.touched.map(|touched| Truth {
            event_id: event_id.clone(),
            event_time: time.clone(),
            event_source: self.source.clone().into_owned(),
            event_name: self.name.to_owned(),
            account_id: place.account.clone(),
            aws_region: place.region.clone(),
            principal: self.caller.principal.clone(),
            resources: touched.into_iter().chain(self.answered).collect(),
            read_only: Some(self.read_only),
            error_code: self.error.as_ref().map(|(code, _)| (*code).to_owned()),
        });

        let from_outside = self.caller.from_outside;
        let host = self.source.split('.').next().unwrap_or_default();
        let host = format!("{host}.{}.amazonaws.com", place.region);
        let mut json = object! {
            "eventVersion": dice.pick(&["1.08", "1.09", "1.10", "1.11", "1.11"]),
            "userIdentity": self.caller.identity,
            "eventTime": time,
            "eventSource": Json::Text(self.source),
            "eventName": self.name,
            "awsRegion": place.region.clone(),
            "sourceIPAddress": self.caller.address,
            "userAgent": self.user_agent.unwrap_or(Json::Text(self.caller.user_agent)),
        };
        if let Some((code, message)) = self.error {
            json.push("errorCode", code);
            json.push("errorMessage", message);
        }
        json.push("requestParameters", self.request);
        json.push("responseElements", self.response);
        if let Some(additional) = self.additional {
            json.push("additionalEventData", additional);
        }
        json.push("requestID", dice.uuid());
        json.push("eventID", event_id);
        json.push("readOnly", self.read_only);
        if !self.resources.is_empty() {
            json.push("resources", self.resources);
        }
        json.push("eventType", self.event_type);
        json.push("managementEvent", true);
        json.push("recipientAccountId", place.account.clone());
        if self.shared {
            json.push("sharedEventID", dice.uuid());
        }
        json.push("eventCategory", "Management");
        if from_outside {
            let (version, suite) = dice.pick(&[
                ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
                ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
                ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
            ]);
            json.push(
                "tlsDetails",
                object! {"tlsVersion": version, "cipherSuite": suite, "clientProvidedHostHeader": host},
            );
        }
        if self.caller.from_console {
            json.push("sessionCredentialFromConsole", "true");
        }
        Stamped { json, truth }
    }
}

/// A record as a tree, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Stamped {
    pub(crate) json: Json,
    pub(crate) truth: Option<Truth>,
}

impl Stamped {
    pub(crate) fn compact(self) -> Record {
        Record {
            json: self.json.to_compact(),
            truth: self.truth,
        }
    }
}

/// CloudTrail's form of a time: RFC 3339 in UTC without a fraction.
pub(crate) fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
