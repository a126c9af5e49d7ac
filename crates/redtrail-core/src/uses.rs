//! What events come to: for each resource that somebody touched, or for each caller who touched
//! a resource, how often and when. No table and no clock.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use compact_str::{CompactString, ToCompactString};
use redtrail_model::{AuditEvent, EventTime, Part, PrincipalKey, ResourceKey};
use serde::Serialize;

use crate::directory::Kind;

/// How often, and when first and last. An event counts once, as its [`Outcome`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Uses {
    pub reads: u64,
    pub writes: u64,
    pub denied: u64,
    pub failed: u64,
    pub first: Option<EventTime>,
    pub last: Option<EventTime>,
    /// Of the last event's original.
    pub last_reference: Option<String>,
}

/// What an event counts as: each as one thing. The later one is shown over the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Read,
    Write,
    /// For another reason than want of permission.
    Failed,
    Denied,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Failed, Self::Denied];

    pub fn of(event: &AuditEvent) -> Self {
        match Kind::of(event) {
            Kind::Denied => Self::Denied,
            _ if event.error_code.is_some() => Self::Failed,
            Kind::Write => Self::Write,
            Kind::Read => Self::Read,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }
}

impl Uses {
    fn count(&mut self, event: &AuditEvent) {
        *match Outcome::of(event) {
            Outcome::Denied => &mut self.denied,
            Outcome::Failed => &mut self.failed,
            Outcome::Read => &mut self.reads,
            Outcome::Write => &mut self.writes,
        } += 1;
        let time = Some(event.event_time);
        self.first = self.first.into_iter().chain(time).min();
        if self.last < time {
            self.last = time;
            self.last_reference = Some(event.origin.to_string());
        }
    }

    pub fn total(&self) -> u64 {
        self.reads + self.writes + self.denied + self.failed
    }
}

/// A resource that was touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TouchedResource {
    pub resource_key: ResourceKey,
    pub parts: BTreeSet<Part>,
    #[serde(flatten)]
    pub uses: Uses,
}

/// Who touched a resource: a principal, and who of those that act as it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Toucher {
    pub principal: PrincipalKey,
    /// The person, else the session's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acted: Option<CompactString>,
    #[serde(flatten)]
    pub uses: Uses,
}

/// Database credentials that were handed out. What is done with them over a connection,
/// CloudTrail does not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandOut {
    pub event_time: EventTime,
    pub event_name: CompactString,
    pub principal: PrincipalKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acted: Option<CompactString>,
    /// Clusters and workgroups that they open.
    pub opens: Vec<ResourceKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_user: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<CompactString>,
    /// As Redshift answered; where that was not kept, by the seconds that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip_address: Option<CompactString>,
    /// Of the original record.
    pub reference: String,
}

/// Operations that hand out database credentials.
const HAND_OUTS: [&str; 3] = [
    "GetClusterCredentials",
    "GetClusterCredentialsWithIAM",
    "GetCredentials",
];

/// Seconds that credentials hold where none were asked for.
/// <https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html>
const DEFAULT_SECONDS: i64 = 900;

/// What some events come to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    resources: BTreeMap<ResourceKey, (BTreeSet<Part>, Uses)>,
    touchers: HashMap<(PrincipalKey, Option<CompactString>), Uses>,
    hand_outs: Vec<HandOut>,
    all: Uses,
}

impl Summary {
    pub fn count(&mut self, event: &AuditEvent) {
        self.all.count(event);
        for touched in &event.touched.resources {
            let (parts, uses) = self.resources.entry(touched.key.clone()).or_default();
            parts.insert(touched.part);
            uses.count(event);
        }
        let toucher = (event.principal.clone(), acted(event));
        self.touchers.entry(toucher).or_default().count(event);
        if let Some(hand_out) = HandOut::of(event) {
            self.hand_outs.push(hand_out);
        }
    }

    /// All the events.
    pub fn all(&self) -> &Uses {
        &self.all
    }

    /// Credentials that were handed out, the last first.
    pub fn hand_outs(&self) -> Vec<HandOut> {
        let mut hand_outs = self.hand_outs.clone();
        hand_outs.sort_by_key(|hand_out| Reverse(hand_out.event_time));
        hand_outs
    }

    /// The resources that were touched, the last first.
    pub fn resources(&self) -> Vec<TouchedResource> {
        let resources = self.resources.iter();
        let mut resources: Vec<_> = resources
            .map(|(key, (parts, uses))| TouchedResource {
                resource_key: key.clone(),
                parts: parts.clone(),
                uses: uses.clone(),
            })
            .collect();
        resources.sort_by_key(|resource| Reverse(resource.uses.last));
        resources
    }

    /// Who made the calls, the last first.
    pub fn touchers(&self) -> Vec<Toucher> {
        let touchers = self.touchers.iter();
        let mut touchers: Vec<_> = touchers
            .map(|((principal, acted), uses)| Toucher {
                principal: principal.clone(),
                acted: acted.clone(),
                uses: uses.clone(),
            })
            .collect();
        touchers.sort_by_cached_key(|of| {
            (
                Reverse(of.uses.last),
                of.principal.clone(),
                of.acted.clone(),
            )
        });
        touchers
    }
}

impl HandOut {
    /// The credentials that the event handed out, as far as it tells.
    pub fn of(event: &AuditEvent) -> Option<Self> {
        let is_hand_out =
            event.error_code.is_none() && HAND_OUTS.contains(&event.event_name.as_str());
        if !is_hand_out {
            return None;
        }
        let member = |name: &str| {
            let answered = event.response_elements.get(name);
            let asked = event.request_parameters.get(name);
            let told = answered
                .into_iter()
                .chain(asked)
                .find(|text| !is_masked(text));
            told.cloned()
        };
        let user_of_key = || {
            let mut keys = event.resource_arns().map(ResourceKey::as_str);
            let key = keys.find(|key| key.contains(":dbuser:"))?;
            Some(key.rsplit('/').next()?.into())
        };
        let opens = |key: &&ResourceKey| {
            let key = key.as_str();
            [":cluster:", ":workgroup/"]
                .iter()
                .any(|kind| key.contains(kind))
        };
        Some(Self {
            event_time: event.event_time,
            event_name: event.event_name.clone(),
            principal: event.principal.clone(),
            acted: acted(event),
            opens: event.resource_arns().filter(opens).cloned().collect(),
            database_user: member("dbUser").or_else(user_of_key),
            database: member("dbName"),
            expires: member("expiration").or_else(|| expires_by(event)),
            source_ip_address: event.source_ip_address.clone(),
            reference: event.origin.to_string(),
        })
    }
}

/// When they expire by what was asked for, unless that was cut.
fn expires_by(event: &AuditEvent) -> Option<CompactString> {
    let seconds = match event.request_parameters.get("durationSeconds") {
        Some(seconds) => seconds.parse().ok()?,
        None if event
            .cut
            .iter()
            .any(|cut| cut.starts_with("request_parameters")) =>
        {
            return None;
        }
        None => DEFAULT_SECONDS,
    };
    let millis = event.event_time.epoch_millis();
    let expires = millis.checked_add(seconds.checked_mul(1000)?)?;
    Some(EventTime::from_epoch_millis(expires)?.to_compact_string())
}

/// Whether AWS put this in place of what it does not tell.
fn is_masked(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'*') || text == "HIDDEN_DUE_TO_SECURITY_REASONS"
}

/// The person, else the session's name.
fn acted(event: &AuditEvent) -> Option<CompactString> {
    event.person.clone().or_else(|| event.session_name.clone())
}
