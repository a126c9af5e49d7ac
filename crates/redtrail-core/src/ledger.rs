//! One item for each trail object, written when everything of the object is durable, and
//! the rows that keep what was rejected or quarantined. Nothing in them comes from the
//! clock or the delivery but [`VOLATILE`].

use redtrail_model::{
    EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, RULES_VERSION, SCHEMA_VERSION, Table,
    bounded,
};
use serde::{Deserialize, Serialize};

use crate::{
    edge::{ObjectIdentity, Unless},
    hash::hex,
    item::Put,
    log_key::{LogKey, file_name, folder, name_time},
    log_reader::{Proven, Quarantined, Rejected},
    object::ObjectAddress,
    retention::{Retention, Retentions},
    tally::Tally,
};

/// The attributes that tell of one run: they differ when the object is read again.
pub const VOLATILE: [&str; 2] = ["finished_at", "duration_ms"];

/// What a waiting object's entry must not replace: the entry of the same object, finished by
/// another invocation meanwhile.
pub const FINISHED: Unless = Unless {
    same: &[
        "etag",
        "stored_bytes",
        "schema_version",
        "rules_version",
        "redtrail_version",
    ],
    differs: "verdict",
};

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every element was read.
    Accepted,
    /// Some elements are quarantined, the rest was read.
    Partial,
    /// The object as a whole cannot be trusted; nothing of it is stored.
    Rejected,
    /// Some of its events are durable; the invocation's time was up. It goes on from there.
    Waiting,
}

impl Verdict {
    /// The verdict as a word, as in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Partial => "partial",
            Self::Rejected => "rejected",
            Self::Waiting => "waiting",
        }
    }

    /// The verdict on a proven object.
    pub fn of(tally: &Tally) -> Self {
        if tally.quarantined == 0 {
            Self::Accepted
        } else {
            Self::Partial
        }
    }
}

/// Where an object stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerKey {
    /// Bucket and folder: `BUCKET/AWSLogs/…/2026/03/02/`.
    pub folder: String,
    /// File name, and `#` with the version in a bucket with versions.
    pub object_key: String,
}

impl LedgerKey {
    pub fn of(object: &ObjectAddress, identity: &ObjectIdentity) -> Self {
        let place = format!("{}/{}", object.bucket, folder(&object.key));
        let mut name = file_name(&object.key).to_owned();
        if let Some(version) = &identity.version_id {
            name.push('#');
            name.push_str(version);
        }
        Self {
            folder: bounded(&place, MAX_PARTITION_KEY_BYTES),
            object_key: bounded(&name, MAX_SORT_KEY_BYTES),
        }
    }

    /// The object that stands at this key; nothing if it is no log's, or was too long to be kept.
    pub fn object(&self) -> Option<ObjectAddress> {
        let (bucket, folder) = self.folder.split_once('/')?;
        // No log's file name holds a `#`.
        let (name, version_id) = match self.object_key.split_once('#') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (self.object_key.as_str(), None),
        };
        let object = ObjectAddress {
            bucket: bucket.to_owned(),
            key: format!("{folder}{name}"),
            version_id,
        };
        let identity = ObjectIdentity {
            version_id: object.version_id.clone(),
            ..ObjectIdentity::default()
        };
        let is_it = LogKey::parse(&object.key).is_ok() && Self::of(&object, &identity) == *self;
        is_it.then_some(object)
    }

    /// The key of a row about that object in `list`, by the day of its delivery, so that
    /// one Query finds a day's rows of all accounts. No bucket's name holds the `#`.
    fn listed(list: List, object: &ObjectAddress, identity: &ObjectIdentity, end: &str) -> Self {
        let day = LogKey::parse(&object.key)
            .map_or_else(|_| "unknown".to_owned(), |key| key.delivery_day.to_string());
        let version = identity
            .version_id
            .as_deref()
            .map(|id| format!("#{id}"))
            .unwrap_or_default();
        let place = format!("{}/{}{version}{end}", object.bucket, object.key);
        Self {
            folder: list.partition(&day),
            object_key: bounded(&place, MAX_SORT_KEY_BYTES),
        }
    }
}

/// The partition of the objects that were delivered on that day, `YYYY-MM-DD`, below the
/// folder of an account and Region.
pub fn day_folder(trail_folder: &str, day: &str) -> String {
    let folder = format!("{trail_folder}{}/", day.replace('-', "/"));
    bounded(&folder, MAX_PARTITION_KEY_BYTES)
}

/// The ledger item of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    #[serde(flatten)]
    pub key: LedgerKey,
    pub verdict: Verdict,
    /// Why the object was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Size as stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// What was proven of the object; absent when it was rejected or is waiting.
    #[serde(flatten)]
    pub content: Option<LedgerContent>,
    /// Of a waiting object: how many of its events are durable, in the order of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_durable: Option<u64>,
    /// When the object was finished or put off.
    pub finished_at: EventTime,
    /// Milliseconds from opening the object to then.
    pub duration_ms: u64,
    /// Of an object that is not accepted: the month of its delivery, `YYYY-MM`. By it stand
    /// such objects in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_month: Option<String>,
    /// For how many days events were kept then; absent when for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_kept_days: Option<u32>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
    pub rules_version: u32,
    /// redtrail's own version.
    pub redtrail_version: String,
}

/// What the ledger knows of an object that is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of these very bytes under these rules.
    Unknown,
    /// Everything of it is durable.
    Finished,
    GoesOn {
        /// How many of its events are durable.
        events_durable: u64,
    },
}

/// What a proven object held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerContent {
    /// SHA-256 of the unpacked content, in lower-case hex, as in CloudTrail's digest files.
    pub sha256: String,
    /// Size of the unpacked content.
    pub plain_bytes: u64,
    pub records_read: u64,
    pub records_selected: u64,
    pub records_not_selected: u64,
    pub records_quarantined: u64,
    pub records_duplicate: u64,
    /// Duplicates that tell something else than the event before them.
    pub records_conflicting: u64,
    /// Time of the earliest selected event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_event_time: Option<EventTime>,
    /// Time of the latest selected event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event_time: Option<EventTime>,
}

/// One object on its way into the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    pub object: &'a ObjectAddress,
    pub identity: &'a ObjectIdentity,
    pub finished_at: EventTime,
    pub duration_ms: u64,
    pub retentions: Retentions,
}

impl LedgerEntry {
    /// The entry of a proven object. `events` are the times of its first and last
    /// selected event.
    pub fn proven(
        run: Run<'_>,
        proven: &Proven,
        tally: &Tally,
        events: Option<(EventTime, EventTime)>,
    ) -> Self {
        let content = LedgerContent {
            sha256: proven.sha256.map_or_else(String::new, |hash| hex(&hash)),
            plain_bytes: proven.plain_bytes,
            records_read: tally.read,
            records_selected: tally.selected,
            records_not_selected: tally.not_selected,
            records_quarantined: tally.quarantined,
            records_duplicate: tally.duplicate,
            records_conflicting: tally.conflicting,
            first_event_time: events.map(|(first, _)| first),
            last_event_time: events.map(|(_, last)| last),
        };
        Self {
            content: Some(content),
            ..Self::new(run, Verdict::of(tally))
        }
    }

    /// The entry of a rejected object.
    pub fn rejected(run: Run<'_>, why: &Rejected) -> Self {
        Self {
            reason: Some(why.reason().to_owned()),
            ..Self::new(run, Verdict::Rejected)
        }
    }

    /// The entry of an object that goes on after so many of its events.
    pub fn waiting(run: Run<'_>, events_durable: u64) -> Self {
        Self {
            events_durable: Some(events_durable),
            ..Self::new(run, Verdict::Waiting)
        }
    }

    fn new(run: Run<'_>, verdict: Verdict) -> Self {
        let day = delivery_day(run.object);
        Self {
            key: LedgerKey::of(run.object, run.identity),
            verdict,
            reason: None,
            etag: run.identity.etag.clone(),
            stored_bytes: run.identity.stored_bytes,
            content: None,
            events_durable: None,
            finished_at: run.finished_at,
            duration_ms: run.duration_ms,
            attention_month: day
                .filter(|_| verdict != Verdict::Accepted)
                .map(attention_month),
            events_kept_days: match run.retentions.events {
                Retention::Days(days) => Some(days),
                Retention::Forever => None,
            },
            expires_at: day.and_then(|day| run.retentions.ledger.expires_after_day(day)),
            schema_version: SCHEMA_VERSION,
            rules_version: RULES_VERSION,
            redtrail_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// When the object was made, to the minute, from its name.
    pub fn made_at(&self) -> Option<EventTime> {
        name_time(self.key.object_key.split('#').next()?)
    }

    /// How this entry's object stands, if it is the object with that identity and reading it
    /// again would do nothing else.
    pub fn standing(&self, identity: &ObjectIdentity) -> Standing {
        let is_same = self.etag.is_some()
            && self.etag == identity.etag
            && self.stored_bytes == identity.stored_bytes
            && self.schema_version == SCHEMA_VERSION
            && self.rules_version == RULES_VERSION;
        // Another release may read what this one could not.
        let is_same_release = self.redtrail_version == env!("CARGO_PKG_VERSION");
        match self.verdict {
            _ if !is_same => Standing::Unknown,
            Verdict::Accepted => Standing::Finished,
            _ if !is_same_release => Standing::Unknown,
            Verdict::Partial | Verdict::Rejected => Standing::Finished,
            Verdict::Waiting => Standing::GoesOn {
                events_durable: self.events_durable.unwrap_or_default(),
            },
        }
    }

    /// # Errors
    /// Never for an entry as redtrail makes it: each field has a form in DynamoDB.
    pub fn put(&self) -> Result<Put, serde_dynamo::Error> {
        let item = serde_dynamo::to_item(self)?;
        Ok(Put::new(Table::Ledger, item))
    }
}

/// The partition of the index that holds what was delivered in the month of that time and is
/// not accepted.
fn attention_month(time: EventTime) -> String {
    let mut month = time.to_string();
    month.truncate("YYYY-MM".len());
    month
}

/// The beginning of the day on which an object was delivered.
fn delivery_day(object: &ObjectAddress) -> Option<EventTime> {
    let key = LogKey::parse(&object.key).ok()?;
    format!("{}T00:00:00Z", key.delivery_day).parse().ok()
}

/// What is listed by the day of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Rejected objects.
    Rejected,
    /// Elements that could not be read.
    Quarantine,
}

impl List {
    /// The partition of a day, which is written `YYYY-MM-DD`.
    pub fn partition(self, day: &str) -> String {
        let name = match self {
            Self::Rejected => "rejected",
            Self::Quarantine => "quarantine",
        };
        format!("{name}#{day}")
    }
}

/// A row that lists a rejected object, or one element of an object that is quarantined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    #[serde(flatten)]
    pub key: LedgerKey,
    pub object_bucket: String,
    /// The object's full key. (`object_key` is the table's sort key.)
    pub full_object_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_version: Option<String>,
    pub reason: String,
    #[serde(flatten)]
    pub element: Option<ListedElement>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
}

/// Which element is quarantined. Its content stays in S3 alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedElement {
    /// Place in `Records`, from 0.
    pub record_index: u64,
    /// Where it begins in the unpacked document.
    pub byte_offset: u64,
    pub record_bytes: u64,
    /// SHA-256 of the element, in lower-case hex.
    pub sha256: String,
}

impl Listed {
    /// The row of a rejected object, under `rejected#YYYY-MM-DD`.
    pub fn rejected(run: Run<'_>, why: &Rejected) -> Self {
        let key = LedgerKey::listed(List::Rejected, run.object, run.identity, "");
        Self::new(key, run, why.reason().to_owned(), None)
    }

    /// The row of a quarantined element, under `quarantine#YYYY-MM-DD`.
    pub fn quarantined(run: Run<'_>, element: &Quarantined) -> Self {
        let end = format!("#{:010}", element.index);
        let key = LedgerKey::listed(List::Quarantine, run.object, run.identity, &end);
        let listed = ListedElement {
            record_index: element.index,
            byte_offset: element.offset,
            record_bytes: element.length,
            sha256: hex(&element.sha256),
        };
        Self::new(key, run, element.reason.to_string(), Some(listed))
    }

    fn new(key: LedgerKey, run: Run<'_>, reason: String, element: Option<ListedElement>) -> Self {
        let day = delivery_day(run.object);
        Self {
            key,
            object_bucket: run.object.bucket.clone(),
            full_object_key: run.object.key.clone(),
            object_version: run.identity.version_id.clone(),
            reason,
            element,
            expires_at: day.and_then(|day| run.retentions.ledger.expires_after_day(day)),
            schema_version: SCHEMA_VERSION,
        }
    }

    /// The object it is about.
    pub fn object(&self) -> ObjectAddress {
        ObjectAddress {
            bucket: self.object_bucket.clone(),
            key: self.full_object_key.clone(),
            version_id: self.object_version.clone(),
        }
    }

    /// Where that object's own entry stands.
    pub fn entry_key(&self) -> LedgerKey {
        let identity = ObjectIdentity {
            version_id: self.object_version.clone(),
            ..ObjectIdentity::default()
        };
        LedgerKey::of(&self.object(), &identity)
    }

    /// # Errors
    /// Never for a row as redtrail makes it: each field has a form in DynamoDB.
    pub fn put(&self) -> Result<Put, serde_dynamo::Error> {
        let item = serde_dynamo::to_item(self)?;
        Ok(Put::new(Table::Ledger, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::trail_folder;

    const KEY: &str = "a/AWSLogs/o-exampleorgid/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_aaaaaaaaaaaaaaaa.json.gz";

    fn address(key: &str, version_id: Option<&str>) -> ObjectAddress {
        ObjectAddress {
            bucket: "trail".into(),
            key: key.into(),
            version_id: version_id.map(str::to_owned),
        }
    }

    fn key_of(object: &ObjectAddress) -> LedgerKey {
        let identity = ObjectIdentity {
            version_id: object.version_id.clone(),
            ..ObjectIdentity::default()
        };
        LedgerKey::of(object, &identity)
    }

    #[test]
    fn ok_a_key_leads_back_to_its_object() {
        for object in [
            address(KEY, None),
            address(KEY, Some("null")),
            address(KEY, Some("v#1")),
            address(&format!("/{KEY}"), None),
            address(&format!("#~\u{202e}\u{1b}/{KEY}"), Some("v1")),
        ] {
            let folder = day_folder(&trail_folder(&object), "2026-03-02");
            assert_eq!(key_of(&object).folder, folder);
            assert_eq!(key_of(&object).object(), Some(object));
        }
    }

    #[test]
    fn err_no_log_or_cut() {
        let long = "v".repeat(2 * MAX_SORT_KEY_BYTES);
        for object in [
            address("a/b.json.gz", None),
            address("b.json.gz", None),
            address(KEY, Some(&long)),
        ] {
            assert_eq!(key_of(&object).object(), None);
        }
    }
}
