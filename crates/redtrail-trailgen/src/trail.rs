//! A trail: log objects of many accounts and Regions, one after the other, or one
//! object as large as is wanted, written without holding it.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use crate::{
    cast::Cast,
    dice::Dice,
    event::{Event, Record, Truth},
    family::Estate,
    gzip::{gzip, gzip_into},
    ordinary::ordinary,
    place::Place,
    shape::{HardShape, hard_record, white_space},
};

/// What kind of trail to make.
#[derive(Clone, Debug)]
pub struct TrailOptions {
    /// The same seed and options give the same trail, byte for byte.
    pub seed: u64,
    /// An organization trail has the organization's id in its keys.
    pub organization: Option<String>,
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// The share of records that belong to the Redshift family, 0 to 1.
    pub redshift_share: f64,
    /// The share of records in a hard shape, 0 to 1.
    pub hard_share: f64,
    /// The hard shapes to choose from.
    pub hard_shapes: Vec<HardShape>,
    /// The first events happen at this time.
    pub start: Timestamp,
}

impl Default for TrailOptions {
    /// An organization trail with the share of Redshift events that real trails show.
    fn default() -> Self {
        Self {
            seed: 0,
            organization: Some("o-exampleorg".into()),
            accounts: ["111122223333", "444455556666", "123456789012"]
                .map(Into::into)
                .into(),
            regions: ["us-east-1", "eu-west-1", "us-west-2"]
                .map(Into::into)
                .into(),
            redshift_share: 0.0003,
            hard_share: 0.0,
            hard_shapes: HardShape::ALL.into(),
            start: Timestamp::from_second(1_772_442_000).expect("March 2026 is a time"),
        }
    }
}

/// A source of log objects.
#[derive(Clone, Debug)]
pub struct Trail {
    options: TrailOptions,
    dice: Dice,
    scenes: Vec<Scene>,
    /// The end of the last delivery's five minutes.
    clock: Timestamp,
    /// The records of this object are not all in the order of their times.
    unordered: bool,
}

#[derive(Clone, Debug)]
struct Scene {
    place: Place,
    cast: Cast,
    estate: Estate,
}

/// A log object, before compression.
#[derive(Clone, Debug)]
pub struct LogObject {
    /// The object's key in the bucket.
    pub key: String,
    /// The document.
    pub plain: Vec<u8>,
    /// How many elements `Records` has.
    pub records: usize,
    /// The Redshift family events, in the order of their records.
    pub truth: Vec<Truth>,
}

impl LogObject {
    /// The object's body.
    pub fn gzip(&self) -> Vec<u8> {
        gzip(&self.plain)
    }
}

/// What was written of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub bytes: u64,
    pub records: u64,
    /// How many of them belong to the Redshift family.
    pub selected: u64,
}

const DELIVERY: SignedDuration = SignedDuration::from_mins(5);

impl Trail {
    /// A realistic trail.
    pub fn new(seed: u64) -> Self {
        Self::with_options(TrailOptions {
            seed,
            ..TrailOptions::default()
        })
    }

    pub fn with_options(options: TrailOptions) -> Self {
        let mut dice = Dice::new(options.seed);
        let mut scenes = Vec::new();
        for account in &options.accounts {
            for region in &options.regions {
                let place = Place::new(account, region);
                scenes.push(Scene {
                    cast: Cast::new(&place, options.start, &mut dice),
                    estate: Estate::new(&place, &mut dice),
                    place,
                });
            }
        }
        assert!(!scenes.is_empty(), "a trail needs an account and a Region");
        Self {
            clock: options.start,
            options,
            dice,
            scenes,
            unordered: true,
        }
    }

    /// The next log object, of that many records.
    pub fn object(&mut self, records: usize) -> LogObject {
        let scene = self.dice.below(self.scenes.len());
        let (start, end) = (self.clock, self.clock + DELIVERY);
        self.clock = end;
        self.unordered = self.dice.chance(0.27);
        let mut truth = Vec::new();
        let mut document = String::from(r#"{"Records":["#);
        for index in 0..records {
            if index > 0 {
                self.separator(&mut document);
            }
            let step = DELIVERY * i32::try_from(index).unwrap_or(i32::MAX)
                / i32::try_from(records).unwrap_or(i32::MAX);
            let record = self.next_record(scene, start + step);
            document.push_str(&record.json);
            truth.extend(record.truth);
        }
        document.push_str("]}\n");
        let key = self.key(&self.scenes[scene].place.clone(), end);
        LogObject {
            key,
            plain: document.into_bytes(),
            records,
            truth,
        }
    }

    /// The next log object, of about as many records as real ones have: half of them
    /// hold up to 53.
    pub fn typical_object(&mut self) -> LogObject {
        let records = (53.0 * (1.1 * self.dice.normal()).exp()).clamp(1.0, 5000.0);
        self.object(records as usize)
    }

    /// Writes one document of at least `bytes` bytes, uncompressed, telling the truth
    /// about each family event as it goes. Nothing of the document is held.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_object(
        &mut self,
        bytes: u64,
        out: &mut impl Write,
        mut tell: impl FnMut(Truth),
    ) -> io::Result<Written> {
        const STEP: SignedDuration = SignedDuration::from_millis(40);
        let scene = self.dice.below(self.scenes.len());
        self.unordered = true;
        let mut written = Written::default();
        let mut text = String::from(r#"{"Records":["#);
        loop {
            if written.records > 0 {
                self.separator(&mut text);
            }
            let record = self.next_record(scene, self.clock);
            self.clock += STEP;
            text.push_str(&record.json);
            written.records += 1;
            if let Some(truth) = record.truth {
                written.selected += 1;
                tell(truth);
            }
            let done = written.bytes + text.len() as u64 + 3 >= bytes;
            if done {
                text.push_str("]}\n");
            }
            if done || text.len() > 64 * 1024 {
                out.write_all(text.as_bytes())?;
                written.bytes += text.len() as u64;
                text.clear();
            }
            if done {
                return Ok(written);
            }
        }
    }

    /// [`Trail::write_object`], gzipped.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_gzip_object(
        &mut self,
        bytes: u64,
        out: impl Write,
        tell: impl FnMut(Truth),
    ) -> io::Result<Written> {
        gzip_into(out, |encoder| self.write_object(bytes, encoder, tell))
    }

    /// One record on its own.
    pub fn record(&mut self) -> Record {
        let scene = self.dice.below(self.scenes.len());
        self.next_record(scene, self.clock)
    }

    /// One record in these hard shapes; of the Redshift family or of any other service.
    pub fn hard_record(&mut self, shapes: &[HardShape], redshift: bool) -> Record {
        let scene = self.dice.below(self.scenes.len());
        let event = self.event(scene, self.clock, redshift);
        self.harden(scene, event, self.clock, shapes)
    }

    fn next_record(&mut self, scene: usize, time: Timestamp) -> Record {
        let time = if self.unordered && self.dice.chance(0.1) {
            time - SignedDuration::from_secs(self.dice.between(1, 90))
        } else {
            time
        };
        let redshift = self.dice.chance(self.options.redshift_share);
        let event = self.event(scene, time, redshift);
        if self.dice.chance(self.options.hard_share) {
            let shapes = self.choose_shapes();
            return self.harden(scene, event, time, &shapes);
        }
        event
            .stamp(time, &self.scenes[scene].place, &mut self.dice)
            .compact()
    }

    fn event(&mut self, scene: usize, time: Timestamp, redshift: bool) -> Event {
        let Scene {
            place,
            cast,
            estate,
        } = &mut self.scenes[scene];
        if redshift {
            estate.event(place, cast, time, &mut self.dice)
        } else {
            ordinary(place, cast, time, &mut self.dice)
        }
    }

    fn harden(
        &mut self,
        scene: usize,
        event: Event,
        time: Timestamp,
        shapes: &[HardShape],
    ) -> Record {
        let place = &self.scenes[scene].place;
        let stamp = |event: Event, dice: &mut Dice| event.stamp(time, place, dice);
        hard_record(event, shapes, stamp, place, &mut self.dice)
    }

    /// One shape, often two; the huge one seldom, or it would drown all else.
    fn choose_shapes(&mut self) -> Vec<HardShape> {
        let Self { options, dice, .. } = self;
        let choices = &options.hard_shapes;
        (0..dice.between(1, 3))
            .filter_map(|_| {
                let shape = choices.get(dice.below(choices.len())).copied()?;
                let kept = shape != HardShape::Huge || choices.len() == 1 || dice.chance(0.1);
                kept.then_some(shape)
            })
            .collect()
    }

    fn separator(&mut self, out: &mut String) {
        let spaces = self.options.hard_share > 0.0
            && self.options.hard_shapes.contains(&HardShape::WhiteSpace);
        if spaces {
            white_space(&mut self.dice, out);
        }
        out.push(',');
        if spaces {
            white_space(&mut self.dice, out);
        }
    }

    fn key(&mut self, place: &Place, delivered: Timestamp) -> String {
        let organization = match &self.options.organization {
            Some(id) => format!("{id}/"),
            None => String::new(),
        };
        let Place { account, region } = place;
        format!(
            "AWSLogs/{organization}{account}/CloudTrail/{region}/{}/{account}_CloudTrail_{region}_{}_{}.json.gz",
            delivered.strftime("%Y/%m/%d"),
            delivered.strftime("%Y%m%dT%H%MZ"),
            self.dice.mixed(16),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::shape::LONE_SURROGATES;

    fn trail(redshift_share: f64, hard_share: f64) -> Trail {
        Trail::with_options(TrailOptions {
            seed: 7,
            redshift_share,
            hard_share,
            ..TrailOptions::default()
        })
    }

    fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
        record
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The family by AWS's words alone: its sources, and calls made by it or for its clusters.
    fn is_family(record: &Value) -> bool {
        let source = text(record, "/eventSource");
        let kms = source == "kms.amazonaws.com";
        let context = ["", "/constraints"]
            .iter()
            .zip(["encryptionContext", "encryptionContextSubset"]);
        let for_cluster = context.into_iter().any(|(inside, name)| {
            let pointer = format!("/requestParameters{inside}/{name}/aws:redshift:arn");
            record.pointer(&pointer).is_some()
        });
        matches!(
            source,
            "redshift.amazonaws.com"
                | "redshift-serverless.amazonaws.com"
                | "redshift-data.amazonaws.com"
                | "sqlworkbench.amazonaws.com"
        ) || text(record, "/userIdentity/invokedBy") == "redshift.amazonaws.com"
            || ["368064434614", "246478207311", "473191095985"]
                .contains(&text(record, "/userIdentity/accountId"))
            || (kms && for_cluster)
    }

    fn principal(record: &Value) -> String {
        let identity = |field: &str| text(record, &format!("/userIdentity/{field}")).to_owned();
        match identity("type").as_str() {
            "AssumedRole" => identity("sessionContext/sessionIssuer/arn"),
            "AWSService" => format!("AWSService:{}", identity("invokedBy")),
            "AWSAccount" => format!(
                "AWSAccount:{}:{}",
                identity("accountId"),
                identity("principalId")
            ),
            _ => identity("arn"),
        }
    }

    /// What a record's text says agrees with the truth told about it.
    fn check(record: &Record) {
        // A lone surrogate is JSON, but no text: this reader wants it gone.
        let mut json = record.json.clone();
        for lone in LONE_SURROGATES {
            json = json.replace(lone, "");
        }
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(is_family(&value), record.truth.is_some(), "{}", record.json);
        let Some(truth) = &record.truth else { return };
        assert_eq!(text(&value, "/eventID"), truth.event_id);
        assert_eq!(text(&value, "/eventTime"), truth.event_time);
        assert_eq!(text(&value, "/eventName"), truth.event_name);
        assert_eq!(text(&value, "/recipientAccountId"), truth.account_id);
        assert_eq!(principal(&value), truth.principal);
        assert_eq!(
            value.get("errorCode").and_then(Value::as_str),
            truth.error_code.as_deref()
        );
        for key in &truth.resources {
            let name = key.rsplit([':', '/']).next().unwrap_or_default();
            let told = format!(
                "{}{}",
                value["requestParameters"], value["responseElements"]
            );
            let told = told + &value["resources"].to_string();
            assert!(told.contains(name), "{key} in {}", record.json);
        }
    }

    #[test]
    fn ok_truth_agrees_with_the_records() {
        let mut trail = trail(0.5, 0.0);
        for _ in 0..2000 {
            check(&trail.record());
        }
    }

    #[test]
    fn ok_truth_agrees_in_every_hard_shape() {
        let mut trail = trail(0.5, 0.0);
        for shape in HardShape::ALL {
            for redshift in [true, false] {
                for _ in 0..if shape == HardShape::Huge { 3 } else { 100 } {
                    check(&trail.hard_record(&[shape], redshift));
                }
            }
        }
        let all_but_huge: Vec<_> = HardShape::ALL
            .into_iter()
            .filter(|shape| *shape != HardShape::Huge)
            .collect();
        for turn in 0..200 {
            check(&trail.hard_record(&all_but_huge, turn % 2 == 0));
        }
    }

    #[test]
    fn ok_hard_shapes_are_what_they_say() {
        let mut trail = trail(0.0, 0.0);
        let mut sample = |shape| -> Vec<String> {
            (0..50)
                .map(|_| trail.hard_record(&[shape], true).json)
                .collect()
        };
        assert!(
            sample(HardShape::WhiteSpace)
                .iter()
                .any(|json| json.contains("\n"))
        );
        assert!(
            sample(HardShape::Escapes)
                .iter()
                .any(|json| !json.contains("\"eventSource\""))
        );
        assert!(
            sample(HardShape::ShuffledKeys)
                .iter()
                .any(|json| !json.starts_with("{\"eventVersion\""))
        );
        for json in sample(HardShape::NestedDecoys) {
            assert!(json.matches("\"eventSource\":").count() >= 3);
        }
        for json in sample(HardShape::Huge) {
            assert!(
                (250 * 1024..=256 * 1024).contains(&json.len()),
                "{}",
                json.len()
            );
        }
        for json in sample(HardShape::LoneSurrogate) {
            assert!(serde_json::from_str::<Value>(&json).is_err());
        }
    }

    #[test]
    fn ok_the_same_seed_gives_the_same_trail() {
        let bytes = |seed| {
            let mut trail = Trail::new(seed);
            let first = trail.object(20);
            let mut stream = Vec::new();
            trail
                .write_gzip_object(50_000, &mut stream, |_| {})
                .unwrap();
            (first.key.clone(), first.gzip(), stream)
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn ok_streams_are_whole_documents_of_the_size_asked() {
        let mut trail = trail(0.1, 0.2);
        let mut plain = Vec::new();
        let mut told = Vec::new();
        let written = trail
            .write_object(3_000_000, &mut plain, |truth| told.push(truth.event_id))
            .unwrap();
        assert_eq!(written.bytes, plain.len() as u64);
        assert!((3_000_000..3_400_000).contains(&written.bytes));
        assert_eq!(written.selected, told.len() as u64);
        let ids: BTreeSet<_> = told.iter().collect();
        assert_eq!(ids.len(), told.len());
        let document: Document<'_> = serde_json::from_slice(&plain).unwrap();
        assert_eq!(document.records.len() as u64, written.records);
    }

    #[derive(serde::Deserialize)]
    struct Document<'a> {
        #[serde(borrow, rename = "Records")]
        records: Vec<&'a serde_json::value::RawValue>,
    }

    /// Figures of 35,711 records of real trails: 1.4 KB at the median, 2.5 KB at the 99th
    /// percentile, 53 records an object, 5.6:1 in gzip. The bounds are wide on purpose.
    #[test]
    fn ok_looks_like_real_trails() {
        let mut trail = Trail::new(3);
        let objects: Vec<_> = (0..201).map(|_| trail.typical_object()).collect();
        let mut counts: Vec<_> = objects.iter().map(|object| object.records).collect();
        counts.sort_unstable();
        assert!(
            (40..=70).contains(&counts[100]),
            "{} records an object",
            counts[100]
        );

        let plain: usize = objects.iter().map(|object| object.plain.len()).sum();
        let packed: usize = objects.iter().map(|object| object.gzip().len()).sum();
        let ratio = plain as f64 / packed as f64;
        assert!((4.8..=6.8).contains(&ratio), "{ratio}:1 in gzip");

        let mut sizes = Vec::new();
        for object in &objects {
            let document: Document<'_> = serde_json::from_slice(&object.plain).unwrap();
            assert_eq!(document.records.len(), object.records);
            for record in document.records {
                let start = r#"{"eventVersion":"1."#;
                assert!(record.get().starts_with(start), "{}", record.get());
                let order = [
                    "\"userIdentity\":",
                    "\"eventTime\":",
                    "\"eventSource\":",
                    "\"eventName\":",
                    "\"awsRegion\":",
                    "\"requestParameters\":",
                    "\"eventID\":",
                    "\"eventCategory\":",
                ];
                let places = order.map(|key| record.get().find(key).unwrap());
                assert!(places.is_sorted(), "{}", record.get());
                sizes.push(record.get().len());
            }
        }
        sizes.sort_unstable();
        let (median, high) = (sizes[sizes.len() / 2], sizes[sizes.len() * 99 / 100]);
        assert!(
            (1200..=1600).contains(&median),
            "{median} bytes at the median"
        );
        assert!(
            (2000..=3500).contains(&high),
            "{high} bytes at the 99th percentile"
        );
    }

    #[test]
    fn ok_the_share_is_the_one_asked() {
        for share in [0.0, 0.01, 0.2, 1.0] {
            let object = trail(share, 0.0).object(5000);
            let found = object.truth.len() as f64 / 5000.0;
            assert!(
                (found - share).abs() <= 0.02 * (share + 0.2),
                "{found} for {share}"
            );
        }
    }
}
