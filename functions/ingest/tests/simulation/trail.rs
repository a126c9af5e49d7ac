//! The objects of a run and the truth about them: generated records, the same event in two
//! objects, twins that share an id, repeats, conflicts, expired events, elements that no one
//! can read and objects that no one can trust.

use std::collections::BTreeMap;

use bytes::Bytes;
use redtrail_core::{edge::ObjectIdentity, log_key::file_name};
use redtrail_trailgen::{HardShape, Record, Trail, TrailOptions, gzip};
use serde_json::json;

pub(crate) const BUCKET: &str = "trail";

const PRINCIPAL: &str = "arn:aws:iam::111122223333:user/ana";
const CLUSTER: &str = "arn:aws:redshift:us-east-1:111122223333:cluster:sales";

/// An object and the truth about it.
#[derive(Clone, Debug)]
pub(crate) struct SimObject {
    pub(crate) key: String,
    pub(crate) version: Option<String>,
    pub(crate) bytes: Bytes,
    pub(crate) is_bad: bool,
    pub(crate) elements: Vec<Element>,
}

impl SimObject {
    pub(crate) fn identity(&self) -> ObjectIdentity {
        ObjectIdentity {
            etag: Some(format!("\"{}\"", file_name(&self.key))),
            version_id: self.version.clone(),
            stored_bytes: Some(self.bytes.len() as u64),
        }
    }
}

/// An element of `Records`.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) json: String,
    pub(crate) truth: ElementTruth,
}

#[derive(Clone, Debug)]
pub(crate) enum ElementTruth {
    Selected(EventTruth),
    NotSelected,
    Quarantined,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventTruth {
    pub(crate) event_key: String,
    pub(crate) principal: String,
    pub(crate) resources: Vec<String>,
    pub(crate) is_expired: bool,
}

impl From<Record> for Element {
    fn from(record: Record) -> Self {
        let truth = match record.truth {
            None => ElementTruth::NotSelected,
            Some(truth) => ElementTruth::Selected(EventTruth {
                event_key: event_key(&truth.event_time, &truth.event_id),
                principal: truth.principal,
                resources: truth.resources,
                is_expired: false,
            }),
        };
        Self {
            json: record.json,
            truth,
        }
    }
}

fn event_key(time: &str, id: &str) -> String {
    format!("{}.000Z#{id}", time.trim_end_matches('Z'))
}

/// What one user does to one cluster.
pub(crate) fn event(time: &str, id: &str, more: &serde_json::Value) -> Element {
    let mut record = json!({
        "eventSource": "redshift.amazonaws.com", "eventName": "DeleteCluster", "eventID": id,
        "eventTime": time, "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": PRINCIPAL},
        "requestParameters": {"clusterIdentifier": "sales"},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    Element {
        json: record.to_string(),
        truth: ElementTruth::Selected(EventTruth {
            event_key: event_key(time, id),
            principal: PRINCIPAL.to_owned(),
            resources: vec![CLUSTER.to_owned()],
            is_expired: time.starts_with("2024"),
        }),
    }
}

/// The key of an object that was delivered so many minutes after nine.
fn key(minute: usize, name: &str) -> String {
    format!(
        "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T09{minute:02}Z_{name}.json.gz"
    )
}

fn document(elements: &[Element]) -> String {
    let records: Vec<&str> = elements.iter().map(|element| &*element.json).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

/// An object of which everything is good.
pub(crate) fn good_object(name: &str, elements: Vec<Element>) -> SimObject {
    SimObject {
        key: key(5, name),
        version: None,
        bytes: gzip(document(&elements).as_bytes()).into(),
        is_bad: false,
        elements,
    }
}

/// The objects of one run.
pub(crate) fn objects(seed: u64, rng: &mut fastrand::Rng) -> Vec<SimObject> {
    let options = TrailOptions {
        seed,
        accounts: vec!["111122223333".to_owned()],
        regions: vec!["us-east-1".to_owned()],
        redshift_share: 0.3 + 0.6 * rng.f64(),
        hard_share: 0.05,
        hard_shapes: vec![
            HardShape::Escapes,
            HardShape::NestedDecoys,
            HardShape::LoneSurrogate,
            HardShape::LookAlike,
        ],
        ..TrailOptions::default()
    };
    let has_versions = rng.bool();
    let mut maker = Maker {
        trail: Trail::with_options(options),
        rng,
        met: Vec::new(),
        made: 0,
    };
    let count = maker.rng.usize(2..6);
    (0..count).map(|_| maker.object(has_versions)).collect()
}

struct Maker<'r> {
    trail: Trail,
    rng: &'r mut fastrand::Rng,
    /// Elements that may stand in a later object as well.
    met: Vec<Element>,
    made: usize,
}

impl Maker<'_> {
    fn object(&mut self, has_versions: bool) -> SimObject {
        self.made += 1;
        let records = match self.rng.u32(..12) {
            0 => 0,
            1 => self.rng.usize(80..150),
            2..4 => self.rng.usize(20..60),
            _ => self.rng.usize(1..15),
        };
        let mut elements = Vec::new();
        while elements.len() < records {
            self.add(&mut elements);
        }
        let is_bad = self.rng.u32(..10) == 0;
        let name: String = (0..16).map(|_| self.rng.alphanumeric()).collect();
        SimObject {
            key: key(5 * self.made, &name),
            version: has_versions.then(|| format!("v{name}")),
            bytes: self.bytes(&elements, is_bad),
            is_bad,
            elements,
        }
    }

    fn add(&mut self, elements: &mut Vec<Element>) {
        match self.rng.u32(..100) {
            0..70 => {
                let element = Element::from(self.trail.record());
                self.met.push(element.clone());
                elements.push(element);
            }
            // An event of this object or an earlier one.
            70..84 => elements.extend(self.rng.choice(&self.met).cloned()),
            84..88 => elements.push(self.quarantined()),
            88..93 => {
                let shared = self.id("shared");
                let twins = ["requester", "owner"].map(|_| {
                    let more = json!({"sharedEventID": shared});
                    event("2026-03-02T09:00:00Z", &self.id("twin"), &more)
                });
                let [here, anywhere] = twins;
                elements.push(here);
                self.met.push(anywhere);
            }
            93..96 => {
                // Two records with one id, that tell different things.
                let id = self.id("conflict");
                for agent in ["one", "other"] {
                    let more = json!({"userAgent": agent});
                    elements.push(event("2026-03-02T09:00:00Z", &id, &more));
                }
            }
            _ => {
                let expired = event("2024-01-01T00:00:00Z", &self.id("expired"), &json!({}));
                self.met.push(expired.clone());
                elements.push(expired);
            }
        }
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}-{}-{}", self.made, self.rng.clone().u32(..))
    }

    fn quarantined(&mut self) -> Element {
        let unreadable = [
            "null",
            "[1]",
            r#"{"eventSource":"redshift.amazonaws.com","eventName":"x"}"#,
            r#"{"eventName":"PauseCluster"}"#,
        ];
        let json = unreadable[self.rng.usize(..unreadable.len())];
        Element {
            json: json.to_owned(),
            truth: ElementTruth::Quarantined,
        }
    }

    fn bytes(&mut self, elements: &[Element], is_bad: bool) -> Bytes {
        let document = document(elements);
        let whole = gzip(document.as_bytes());
        let bytes = match (is_bad, self.rng.u32(..4)) {
            (false, _) => whole,
            (true, 0) => whole[..whole.len() - self.rng.usize(1..20)].to_vec(),
            (true, 1) => format!("<Error>{document}</Error>").into_bytes(),
            (true, 2) => gzip(&document.as_bytes()[..document.len() - 1]),
            (true, _) => [whole.as_slice(), b"more"].concat(),
        };
        bytes.into()
    }
}

/// A place of a record: object, version, index.
pub(crate) type Place = (String, Option<String>, u64);

/// Where each event truly stands.
pub(crate) fn places(objects: &[SimObject]) -> BTreeMap<String, Vec<Place>> {
    let mut places: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for object in objects.iter().filter(|object| !object.is_bad) {
        for (index, element) in (0..).zip(&object.elements) {
            if let ElementTruth::Selected(event) = &element.truth {
                let place = (object.key.clone(), object.version.clone(), index);
                let of_event = places.entry(event.event_key.clone()).or_default();
                of_event.push(place);
            }
        }
    }
    places
}
