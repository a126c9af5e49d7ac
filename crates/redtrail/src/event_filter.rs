//! Which events of a trail are asked for, told from the events alone: there is no directory here to
//! say what else a name stands for.

use clap::Args;
use jiff::Timestamp;
use redtrail_aws::query::Window;
use redtrail_core::paste::Paste;
use redtrail_model::{Arn, AuditEvent, PrincipalKey, ResourceKey};

use crate::{failure::Failure, tables::window};

/// Of which events.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FilterArgs {
    /// Only events from this time on
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// Only events of this principal, session, access key or person
    #[arg(long, value_name = "KEY")]
    principal: Option<String>,

    /// Only events that touched this resource
    #[arg(long, value_name = "KEY")]
    resource: Option<String>,
}

/// Events that are asked for.
#[derive(Clone, Debug)]
pub(crate) struct EventFilter {
    pub(crate) window: Window,
    caller: Option<Paste>,
    resource: Option<Paste>,
}

impl FilterArgs {
    /// What they ask for when it is `now`.
    pub(crate) fn filter(&self, now: Timestamp) -> Result<EventFilter, Failure> {
        let read = |text: &Option<String>| text.as_deref().map(Paste::read);
        let filter = EventFilter {
            window: window(self.since.as_deref(), self.until.as_deref(), now)?,
            caller: read(&self.principal),
            resource: read(&self.resource),
        };
        let wrong = |problem: &str, next: &str| Err(Failure::usage(problem, next));
        match (&filter.caller, &filter.resource) {
            (Some(Paste::Resource(_)), _) => {
                wrong("--principal names a resource", "Give it as --resource.")
            }
            (_, Some(Paste::Principal { .. } | Paste::AccessKey(_))) => {
                wrong("--resource names a caller", "Give it as --principal.")
            }
            (Some(Paste::Text(text)), _) | (_, Some(Paste::Text(text))) if text.is_empty() => {
                wrong("an empty name is no one's", "Give a key or a name.")
            }
            _ => Ok(filter),
        }
    }
}

impl EventFilter {
    pub(crate) fn holds(&self, event: &AuditEvent) -> bool {
        let time = event.event_time;
        self.window.since.is_none_or(|since| since <= time)
            && self.window.until.is_none_or(|until| time < until)
            && self.caller.as_ref().is_none_or(|asked| is_by(event, asked))
            && self
                .resource
                .as_ref()
                .is_none_or(|asked| is_on(event, asked))
    }
}

fn is_by(event: &AuditEvent, asked: &Paste) -> bool {
    match asked {
        Paste::Principal { key, session_name } => {
            let name = event.session_name.as_deref();
            let is_session = session_name.is_none() || session_name.as_deref() == name;
            is_session && (event.principal == *key || is_same_role(&event.principal, key))
        }
        Paste::AccessKey(id) => event.access_key_id.as_deref() == Some(id),
        Paste::Resource(_) => false,
        Paste::Text(text) => {
            let names = [&event.person, &event.session_name, &event.source_identity];
            is_named(event.principal.as_str(), text)
                || names.into_iter().flatten().any(|name| is_named(name, text))
        }
    }
}

fn is_on(event: &AuditEvent, asked: &Paste) -> bool {
    let mut touched = event.touched.resources.iter().map(|resource| &resource.key);
    match asked {
        Paste::Resource(key) => touched.any(|touched| touched == key),
        Paste::Text(text) => touched.any(|touched: &ResourceKey| is_named(touched.as_str(), text)),
        Paste::Principal { .. } | Paste::AccessKey(_) => false,
    }
}

/// A session does not tell the path of its role, and no two roles of an account differ in path
/// alone.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names>
fn is_same_role(one: &PrincipalKey, other: &PrincipalKey) -> bool {
    fn role(key: &PrincipalKey) -> Option<(&str, &str)> {
        let arn = Arn::parse(key.as_str()).filter(|arn| arn.service == "iam")?;
        let path = arn.resource.strip_prefix("role/")?;
        Some((arn.account, path.rsplit('/').next()?))
    }
    role(one).is_some_and(|one| role(other) == Some(one))
}

/// Whether it is the whole text, or the last name in it, in whatever case.
fn is_named(known: &str, text: &str) -> bool {
    let name = known.rsplit(['/', ':']).next().unwrap_or_default();
    [known, name]
        .iter()
        .any(|known| known.to_lowercase() == text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> AuditEvent {
        serde_json::from_value(json!({
            "event_key": "2026-03-02T09:00:00.000Z#e1", "event_id": "e1",
            "event_time": "2026-03-02T09:00:00.000Z",
            "event_source": "redshift.amazonaws.com", "event_name": "PauseCluster",
            "principal": "arn:aws:iam::111122223333:role/team/Analyst",
            "session_name": "ana@example.com", "access_key_id": "ASIAIOSFODNN7EXAMPLE",
            "resource_arns": [
                "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod",
                "name:redshift-serverless:us-east-1:111122223333:workgroup/bi"
            ],
            "resource_parts": ["target", "via"],
            "selected_by": "event_source",
            "record_bytes": 1500, "object_bucket": "b", "object_key": "k", "record_index": 7
        }))
        .unwrap()
    }

    fn filter(args: &FilterArgs) -> EventFilter {
        args.filter("2026-03-03T00:00:00Z".parse().unwrap())
            .unwrap()
    }

    #[test]
    fn ok_callers() {
        for (asked, expected) in [
            ("arn:aws:iam::111122223333:role/team/Analyst", true),
            ("arn:aws:iam::111122223333:role/Analyst", true),
            ("arn:aws:iam::444455556666:role/Analyst", false),
            ("arn:aws:iam::111122223333:role/team", false),
            ("arn:aws:iam::111122223333:user/Analyst", false),
            (
                "arn:aws:sts::111122223333:assumed-role/Analyst/ana@example.com",
                true,
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/Analyst/bo@example.com",
                false,
            ),
            ("ASIAIOSFODNN7EXAMPLE", true),
            ("ASIAIOSFODNN7EXAMPLF", false),
            ("analyst", true),
            ("Ana@example.com", true),
            ("ana", false),
            ("AROAEXAMPLEEXAMPLE123:ana@example.com", true),
        ] {
            let args = FilterArgs {
                principal: Some(asked.to_owned()),
                ..FilterArgs::default()
            };
            assert_eq!(filter(&args).holds(&event()), expected, "{asked}");
        }
    }

    #[test]
    fn ok_resources() {
        for (asked, expected) in [
            (
                "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod",
                true,
            ),
            (
                "arn:aws:redshift:us-east-1:111122223333:cluster:Sales-Prod",
                true,
            ),
            (
                "arn:aws:redshift:us-east-2:111122223333:cluster:sales-prod",
                false,
            ),
            (
                "name:redshift-serverless:us-east-1:111122223333:workgroup/bi",
                true,
            ),
            ("sales-prod", true),
            ("BI", true),
            ("sales", false),
        ] {
            let args = FilterArgs {
                resource: Some(asked.to_owned()),
                ..FilterArgs::default()
            };
            assert_eq!(filter(&args).holds(&event()), expected, "{asked}");
        }
    }

    #[test]
    fn ok_times() {
        for (since, until, expected) in [
            (None, None, true),
            (Some("2026-03-02T09:00:00Z"), None, true),
            (Some("2026-03-02T09:00:00.001Z"), None, false),
            (None, Some("2026-03-02T09:00:00Z"), false),
            (Some("2026-03-02"), Some("2026-03-02"), true),
        ] {
            let args = FilterArgs {
                since: since.map(str::to_owned),
                until: until.map(str::to_owned),
                ..FilterArgs::default()
            };
            assert_eq!(
                filter(&args).holds(&event()),
                expected,
                "{since:?} {until:?}"
            );
        }
    }

    #[test]
    fn err_the_one_for_the_other() {
        for (principal, resource) in [
            (
                Some("arn:aws:redshift:us-east-1:111122223333:cluster:a"),
                None,
            ),
            (None, Some("arn:aws:iam::111122223333:role/Analyst")),
            (None, Some("ASIAIOSFODNN7EXAMPLE")),
            (Some(""), None),
            (None, Some(" ")),
        ] {
            let args = FilterArgs {
                principal: principal.map(str::to_owned),
                resource: resource.map(str::to_owned),
                ..FilterArgs::default()
            };
            let now = "2026-03-03T00:00:00Z".parse().unwrap();
            assert!(args.filter(now).is_err(), "{principal:?} {resource:?}");
        }
    }
}
