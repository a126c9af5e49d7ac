//! A standard queue of SQS and what Lambda does with it: any order, at least once, back after
//! the visibility timeout.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use redtrail_core::{edge::Timer, object::ObjectAddress};
use redtrail_notification::IngestRequest;
use serde_json::{Value, json};

use crate::{
    trail::{BUCKET, SimObject},
    weather::{Fault, Weather},
};

const MAX_BATCH: usize = 10;

pub(crate) struct Queue {
    weather: Arc<Weather>,
    visibility_timeout: Duration,
    messages: Mutex<Vec<Message>>,
}

struct Message {
    body: String,
    visible_at: Instant,
    is_in_flight: bool,
    is_deleted: bool,
}

impl Queue {
    /// Each object is announced once, one after the other.
    pub(crate) fn orderly(weather: &Arc<Weather>, objects: &[SimObject]) -> Self {
        let bodies = objects.iter().map(one_object);
        Self::new(weather, Duration::from_secs(60), bodies.collect())
    }

    /// Each object is announced once or more often, alone or with others, some late.
    pub(crate) fn busy(weather: &Arc<Weather>, objects: &[SimObject], timeout: Duration) -> Self {
        let mut bodies: Vec<String> = Vec::new();
        for object in objects {
            for _ in 0..weather.pick(&[1, 1, 2, 3]) {
                bodies.push(match weather.number(0..10) {
                    0 => request(object),
                    1 | 2 => many_objects(&[object, &objects[0]]),
                    _ => one_object(object),
                });
            }
        }
        if weather.chance(0.2) {
            let all: Vec<&SimObject> = objects.iter().collect();
            bodies.push(many_objects(&all));
        }
        let factor = weather.pick(&[1, 6]);
        let queue = Self::new(weather, timeout * factor + Duration::from_secs(1), bodies);
        let now = weather.clock.now();
        for message in queue.messages.lock().unwrap().iter_mut() {
            if weather.chance(0.3) {
                message.visible_at = now + weather.millis(0..120_000);
            }
        }
        queue
    }

    fn new(weather: &Arc<Weather>, visibility_timeout: Duration, bodies: Vec<String>) -> Self {
        let now = weather.clock.now();
        let message = |body| Message {
            body,
            visible_at: now,
            is_in_flight: false,
            is_deleted: false,
        };
        Self {
            weather: Arc::clone(weather),
            visibility_timeout,
            messages: Mutex::new(bodies.into_iter().map(message).collect()),
        }
    }

    /// Up to ten messages as Lambda hands them over, and which they are.
    pub(crate) fn receive(&self) -> Option<(Vec<usize>, Value)> {
        let now = self.weather.clock.now();
        let mut messages = self.messages.lock().unwrap();
        let mut ids: Vec<usize> = (0..messages.len()).collect();
        self.weather.shuffle(&mut ids);
        ids.retain(|id| {
            let message = &messages[*id];
            !message.is_deleted
                && (message.visible_at <= now
                    || message.is_in_flight && self.weather.strikes(Fault::DeliveredTwiceAtOnce))
        });
        let most = self.weather.number(1..MAX_BATCH as u64 + 1);
        ids.truncate(usize::try_from(most).unwrap());
        let records: Vec<Value> = ids
            .iter()
            .map(|id| {
                let message = &mut messages[*id];
                message.is_in_flight = true;
                message.visible_at = now + self.visibility_timeout;
                json!({"messageId": id.to_string(), "eventSource": "aws:sqs", "body": message.body})
            })
            .collect();
        self.weather.note(&format!("receive {ids:?}"));
        (!ids.is_empty()).then(|| (ids, json!({ "Records": records })))
    }

    /// When the next message can be had; `None` when none is left.
    pub(crate) fn next_visible(&self) -> Option<Instant> {
        let messages = self.messages.lock().unwrap();
        let waiting = messages.iter().filter(|message| !message.is_deleted);
        waiting.map(|message| message.visible_at).min()
    }

    /// Deletes what succeeded; what failed comes again, soon or after the timeout.
    pub(crate) fn settle(&self, ids: &[usize], failed: &BTreeSet<usize>) {
        let weather = &self.weather;
        let now = weather.clock.now();
        let mut messages = self.messages.lock().unwrap();
        for id in ids {
            let message = &mut messages[*id];
            if message.is_deleted {
                continue;
            }
            if !failed.contains(id) {
                message.is_in_flight = false;
                if weather.strikes(Fault::DeliveredAfterDelete) {
                    message.visible_at = now + weather.millis(0..300_000);
                } else {
                    message.is_deleted = true;
                }
            } else if weather.chance(0.5) {
                message.is_in_flight = false;
                message.visible_at = now + weather.millis(0..20_000);
            }
        }
    }
}

/// S3's own notification.
fn one_object(object: &SimObject) -> String {
    let mut told = json!({"key": object.key});
    if let Some(version) = &object.version {
        told["versionId"] = json!(version);
    }
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": told},
    }]})
    .to_string()
}

/// CloudTrail's notification, which tells no versions.
fn many_objects(objects: &[&SimObject]) -> String {
    let keys: Vec<&str> = objects.iter().map(|object| &*object.key).collect();
    json!({"s3Bucket": BUCKET, "s3ObjectKey": keys}).to_string()
}

/// A person's wish to have the object read again.
fn request(object: &SimObject) -> String {
    let address = ObjectAddress {
        bucket: BUCKET.to_owned(),
        key: object.key.clone(),
        version_id: object.version.clone(),
    };
    serde_json::to_string(&IngestRequest::new([address], true)).unwrap()
}
