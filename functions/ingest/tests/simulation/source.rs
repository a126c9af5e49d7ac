//! S3 as it fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, LogBody, LogSource, ObjectIdentity, Timer},
    object::ObjectAddress,
};

use crate::{
    fuse::{Fuse, Stage},
    trail::SimObject,
    weather::{Fault, Weather},
};

/// The bucket that all containers read.
pub(crate) struct Bucket {
    weather: Arc<Weather>,
    objects: BTreeMap<String, SimObject>,
    /// Not there before these times.
    appear_at: BTreeMap<String, Instant>,
    denied_until: Mutex<Option<Instant>>,
    /// Objects of which one reading came garbled: no other will.
    garbled: Mutex<BTreeSet<String>>,
    piece_bytes: usize,
}

impl Bucket {
    pub(crate) fn new(weather: &Arc<Weather>, objects: &[SimObject]) -> Self {
        let now = weather.clock.now();
        let mut appear_at = BTreeMap::new();
        for object in objects {
            if weather.strikes(Fault::ObjectMissingAtFirst) {
                appear_at.insert(object.key.clone(), now + weather.millis(100..60_000));
            }
        }
        let keyed = objects
            .iter()
            .map(|object| (object.key.clone(), object.clone()));
        Self {
            appear_at,
            objects: keyed.collect(),
            denied_until: Mutex::default(),
            garbled: Mutex::default(),
            piece_bytes: weather.pick(&[300, 2000, 16_384]),
            weather: Arc::clone(weather),
        }
    }

    fn trouble(&self, key: &str, exactly: bool) -> Option<EdgeErrorKind> {
        let weather = &self.weather;
        let now = weather.clock.now();
        let mut denied_until = self.denied_until.lock().unwrap();
        if weather.strikes(Fault::SourceDenied) {
            *denied_until = Some(now + weather.millis(1000..60_000));
        }
        if denied_until.is_some_and(|until| now < until) {
            let permission = "s3:GetObject";
            return Some(EdgeErrorKind::Denied { permission });
        }
        let is_there = self.appear_at.get(key).is_none_or(|at| *at <= now);
        if !is_there {
            return Some(EdgeErrorKind::Missing);
        }
        if weather.strikes(Fault::SourceUnavailable) {
            return Some(EdgeErrorKind::Retryable);
        }
        if weather.strikes(Fault::SourceSlowDown) {
            let reason = "SlowDown";
            return Some(EdgeErrorKind::Throttled { reason });
        }
        if exactly && weather.strikes(Fault::ObjectChanged) {
            return Some(EdgeErrorKind::Changed);
        }
        None
    }

    /// What comes of the object's bytes, and whether it then breaks off.
    fn body(&self, object: &SimObject) -> (Bytes, bool) {
        let weather = &self.weather;
        let length = object.bytes.len() as u64;
        let cut = || object.bytes.slice(..weather.number(0..length) as usize);
        if weather.strikes(Fault::BodyCutShort) {
            return (cut(), false);
        }
        if weather.strikes(Fault::BodyBreaksOff) {
            return (cut(), true);
        }
        if weather.has(Fault::BodyGarbledOnce)
            && self.garbled.lock().unwrap().insert(object.key.clone())
        {
            weather.count(&format!("fault {:?}", Fault::BodyGarbledOnce));
            let mut bytes = object.bytes.to_vec();
            bytes[weather.number(0..length) as usize] ^= 1 << weather.number(0..8);
            return (bytes.into(), false);
        }
        (object.bytes.clone(), false)
    }
}

/// One container's way to the bucket.
pub(crate) struct SimSource {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) fuse: Arc<Fuse>,
}

pub(crate) struct SimBody {
    weather: Arc<Weather>,
    fuse: Arc<Fuse>,
    identity: ObjectIdentity,
    rest: Bytes,
    breaks_off: bool,
    piece_bytes: usize,
}

fn failed(attempted: &str, kind: EdgeErrorKind) -> EdgeError {
    EdgeError {
        attempted: attempted.to_owned(),
        kind,
        source: None,
    }
}

/// How long a call takes: mostly not long, sometimes longer than any invocation.
async fn pass_time(weather: &Weather) {
    let time = if weather.strikes(Fault::SourceDelay) {
        weather.millis(500..90_000)
    } else {
        weather.millis(1..30)
    };
    weather.clock.sleep(time).await;
}

impl LogSource for SimSource {
    type Body = SimBody;

    async fn open(
        &self,
        address: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> Result<SimBody, EdgeError> {
        let weather = &self.bucket.weather;
        self.fuse.step(Stage::Open, weather).await;
        pass_time(weather).await;
        self.fuse.step(Stage::Open, weather).await;
        let trouble = self.bucket.trouble(&address.key, exactly.is_some());
        weather.note(&format!("open {} {trouble:?}", address.key));
        if let Some(kind) = trouble {
            return Err(failed("open", kind));
        }
        let object = self.bucket.objects.get(&address.key);
        let object = object.ok_or_else(|| failed("open", EdgeErrorKind::Missing))?;
        let identity = object.identity();
        if exactly.is_some_and(|exactly| *exactly != identity) {
            return Err(failed("open", EdgeErrorKind::Changed));
        }
        if exactly.is_some() {
            weather.count("path read twice");
        }
        let (rest, breaks_off) = self.bucket.body(object);
        Ok(SimBody {
            weather: Arc::clone(weather),
            fuse: Arc::clone(&self.fuse),
            identity,
            rest,
            breaks_off,
            piece_bytes: self.bucket.piece_bytes,
        })
    }
}

impl LogBody for SimBody {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        self.fuse.step(Stage::Read, &self.weather).await;
        if self.weather.strikes(Fault::SourceDelay) {
            self.weather
                .clock
                .sleep(self.weather.millis(500..90_000))
                .await;
        } else {
            self.weather.clock.sleep(Duration::from_millis(1)).await;
        }
        if self.rest.is_empty() {
            return match self.breaks_off {
                true => Err(failed("read on", EdgeErrorKind::Retryable)),
                false => Ok(None),
            };
        }
        let length = self.piece_bytes.min(self.rest.len());
        Ok(Some(self.rest.split_to(length)))
    }
}
