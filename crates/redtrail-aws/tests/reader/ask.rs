//! A question in JSON, as the cases have it, asked of the Rust reader; the answer in JSON.

use std::collections::BTreeMap;

use redtrail_aws::{
    answer::Answer,
    coverage::coverage,
    last_use::last_use,
    names::{Name, names},
    query::{EventQuery, Filter, Key, Order, Subset, Window},
    reader::Reader,
};
use redtrail_core::{
    coverage::Reach,
    directory::{EdgeFact, Known},
};
use redtrail_model::EventTime;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Events(Events),
    LastUsed(LastUsed),
    ActedAs(Facet),
    Active { day: String },
    Coverage(Covered),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Events {
    principal: Option<String>,
    resource: Option<String>,
    session: Option<String>,
    person: Option<String>,
    access_key: Option<String>,
    source_identity: Option<String>,
    since: Option<EventTime>,
    until: Option<EventTime>,
    #[serde(default)]
    errors: bool,
    #[serde(default)]
    changes: bool,
    #[serde(default)]
    writes: bool,
    event_name: Option<String>,
    event_source: Option<String>,
    #[serde(default = "yes")]
    newest_first: bool,
    page_size: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LastUsed {
    principal: String,
    resource: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Covered {
    principal: Option<String>,
    resource: Option<String>,
    account: Option<String>,
    region: Option<String>,
    since: Option<EventTime>,
    until: Option<EventTime>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FacetKind {
    Session,
    Person,
    AccessKey,
    SourceIdentity,
}

type Facet = BTreeMap<String, String>;

fn yes() -> bool {
    true
}

/// The Rust reader's answer.
pub(crate) async fn rust(reader: &Reader, question: &Value) -> Value {
    match serde_json::from_value(question.clone()).unwrap() {
        Question::Events(asked) => events(reader, asked).await,
        Question::LastUsed(asked) => {
            let principal = asked.principal.parse().unwrap();
            let resource = asked.resource.map(|resource| resource.parse().unwrap());
            let last = last_use(reader, &principal, resource.as_ref());
            last.await.unwrap().map_or(
                Value::Null,
                |edge| json!({"day": edge.activity_day, "kind": edge.kind, "resource": edge.other}),
            )
        }
        Question::ActedAs(facet) => {
            let (kind, text) = facet.first_key_value().unwrap();
            let kind: FacetKind = serde_json::from_value(kind.as_str().into()).unwrap();
            let edges = acted_as(reader, kind, text).await.into_iter();
            let day = |edge: EdgeFact| json!({"day": edge.activity_day, "principal": edge.other});
            edges.map(day).collect()
        }
        Question::Active { day } => {
            let edges = reader.active(&day).await.unwrap().into_iter();
            edges.map(|edge| Value::from(edge.other)).collect()
        }
        Question::Coverage(asked) => covered(reader, asked).await,
    }
}

async fn events(reader: &Reader, asked: Events) -> Value {
    let filter = Filter {
        event_name: asked.event_name,
        event_source: asked.event_source,
        session_name: asked.session.clone(),
        access_key_id: asked.access_key.clone(),
        source_identity: asked.source_identity.clone(),
        person: asked.person.clone(),
        writes: asked.writes,
    };
    let query = |key: Key, window: Window| EventQuery {
        key,
        window: window.within(Window {
            since: asked.since,
            until: asked.until,
        }),
        subset: match (asked.errors, asked.changes) {
            (true, _) => Subset::Errors,
            (_, true) => Subset::Changes,
            _ => Subset::All,
        },
        filter: filter.clone(),
        order: if asked.newest_first {
            Order::NewestFirst
        } else {
            Order::OldestFirst
        },
        page_size: asked.page_size,
    };
    let principal = asked
        .principal
        .map(|key| Key::Principal(key.parse().unwrap()));
    let resource = asked
        .resource
        .map(|key| Key::Resource(key.parse().unwrap()));
    let (queries, names): (Vec<EventQuery>, Vec<Name>) = match principal.or(resource) {
        Some(key) => {
            let names = names(reader, &key).await.unwrap();
            (vec![query(key, Window::default())], names)
        }
        None => {
            let (kind, text) = [
                (FacetKind::Session, asked.session),
                (FacetKind::Person, asked.person),
                (FacetKind::AccessKey, asked.access_key),
                (FacetKind::SourceIdentity, asked.source_identity),
            ]
            .into_iter()
            .find_map(|(kind, text)| Some((kind, text?)))
            .unwrap();
            let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for edge in acted_as(reader, kind, &text).await {
                let days = days.entry(edge.other).or_default();
                days.extend(edge.activity_day);
            }
            // Of each principal the days from the first to the last.
            let of = |(principal, days): (String, Vec<String>)| {
                let midnight = |day: &String| format!("{day}T00:00:00Z").parse().ok();
                let last: Option<EventTime> = days.last().and_then(midnight);
                let window = Window {
                    since: days.first().and_then(midnight),
                    until: last.and_then(|last| {
                        EventTime::from_epoch_millis(last.epoch_millis() + 24 * 60 * 60 * 1000)
                    }),
                };
                query(Key::Principal(principal.parse().unwrap()), window)
            };
            (days.into_iter().map(of).collect(), Vec::new())
        }
    };
    let mut answer = Answer::of(reader, queries, &names);
    let mut found = Vec::new();
    while let Some(next) = answer.next().await.unwrap() {
        let mut event = serde_json::to_value(&next.event).unwrap();
        if next.via_alias {
            event["via"] = "alias".into();
        }
        found.push(event);
    }
    Value::from(found)
}

async fn acted_as(reader: &Reader, kind: FacetKind, text: &str) -> Vec<EdgeFact> {
    let facet = match kind {
        FacetKind::Session => Known::Session,
        FacetKind::Person => Known::Person,
        FacetKind::AccessKey => Known::AccessKey,
        FacetKind::SourceIdentity => Known::SourceIdentity,
    };
    reader.acted_as(facet, text).await.unwrap()
}

async fn covered(reader: &Reader, asked: Covered) -> Value {
    let reach = match (&asked.principal, &asked.resource) {
        (Some(principal), _) => Reach::of_principal(&principal.parse().unwrap()),
        (None, Some(resource)) => Reach::of_resource(&resource.parse().unwrap()),
        (None, None) => Reach {
            account_id: asked.account,
            aws_region: asked.region,
        },
    };
    let window = Window {
        since: asked.since,
        until: asked.until,
    };
    let coverage = coverage(reader, &[reach], window).await.unwrap();
    json!({"coverage": coverage, "complete": coverage.is_complete()})
}
