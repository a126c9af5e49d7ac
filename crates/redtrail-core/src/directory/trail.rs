//! Which accounts and Regions deliver log objects, and on which days: what a reader goes by
//! to say how far the tables reach.

use redtrail_model::{
    EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, SCHEMA_VERSION, bounded,
};
use serde::{Deserialize, Serialize};

use super::put;
use crate::{
    item::Put,
    log_key::{LogKey, folder},
    object::ObjectAddress,
    retention::Retention,
};

/// Under it: the folder of every account and Region of which an object came.
pub const TRAILS: &str = "known#trail";

/// A folder of one account and Region, or a day on which one of its objects was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailFact {
    pub subject: String,
    pub edge: String,
    /// `BUCKET/PREFIX/AWSLogs/…/CloudTrail/REGION/`
    pub trail_folder: String,
    /// `YYYY-MM-DD`, from the object's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    pub schema_version: u32,
}

/// A folder of one account and Region, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trail {
    pub bucket: String,
    pub account_id: String,
    pub aws_region: String,
    pub trail_folder: String,
}

impl Trail {
    /// From `BUCKET/…/ACCOUNT/CloudTrail/REGION/`.
    pub fn of(trail_folder: &str) -> Option<Self> {
        let mut from_end = trail_folder.strip_suffix('/')?.rsplit('/');
        let region = from_end.next()?;
        let account = from_end.nth(1)?;
        let (bucket, _) = trail_folder.split_once('/')?;
        Some(Self {
            bucket: bucket.to_owned(),
            account_id: account.to_owned(),
            aws_region: region.to_owned(),
            trail_folder: trail_folder.to_owned(),
        })
    }
}

/// Under it: the days on which objects of that folder were delivered.
pub fn trail_subject(trail_folder: &str) -> String {
    bounded(format!("trail#{trail_folder}"), MAX_PARTITION_KEY_BYTES)
}

/// Bucket and folder of the account and Region that `object` is of, down to no day.
pub fn trail_folder(object: &ObjectAddress) -> String {
    // `YYYY/MM/DD/` stands last.
    let of_day = folder(&object.key);
    let of_region = of_day.len().checked_sub("YYYY/MM/DD/".len());
    let of_region = of_region.and_then(|length| of_day.get(..length));
    format!("{}/{}", object.bucket, of_region.unwrap_or_default())
}

/// What the delivery of `object` shows; nothing if its key is no log's.
///
/// # Errors
/// Never for facts as redtrail makes them: each field has a form in DynamoDB.
pub fn trail_puts(
    object: &ObjectAddress,
    retention: Retention,
) -> Result<Vec<Put>, serde_dynamo::Error> {
    let Ok(key) = LogKey::parse(&object.key) else {
        return Ok(Vec::new());
    };
    let folder = trail_folder(object);
    let day = key.delivery_day.to_string();
    let midnight: Option<EventTime> = format!("{day}T00:00:00Z").parse().ok();
    let known = TrailFact {
        subject: TRAILS.to_owned(),
        edge: bounded(&folder, MAX_SORT_KEY_BYTES),
        trail_folder: folder.clone(),
        delivery_day: None,
        expires_at: None,
        schema_version: SCHEMA_VERSION,
    };
    let on_day = TrailFact {
        subject: trail_subject(&folder),
        edge: format!("day#{day}"),
        delivery_day: Some(day),
        expires_at: midnight.and_then(|midnight| retention.expires_after_day(midnight)),
        ..known.clone()
    };
    [known, on_day].iter().map(put).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: &str) -> Vec<TrailFact> {
        let object = ObjectAddress {
            bucket: "trail".into(),
            key: key.into(),
            version_id: None,
        };
        let puts = trail_puts(&object, Retention::Days(1)).unwrap().into_iter();
        puts.map(|put| serde_dynamo::from_item(put.item()).unwrap())
            .collect()
    }

    #[test]
    fn ok_folder_and_day() {
        let facts = shown(
            "a/AWSLogs/o-exampleorgid/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_aaaaaaaaaaaaaaaa.json.gz",
        );
        let folder = "trail/a/AWSLogs/o-exampleorgid/111122223333/CloudTrail/us-east-1/";
        let keys: Vec<_> = facts
            .iter()
            .map(|fact| (fact.subject.as_str(), fact.edge.as_str()))
            .collect();
        assert_eq!(
            keys,
            [
                ("known#trail", folder),
                (format!("trail#{folder}").as_str(), "day#2026-03-02")
            ]
        );
        assert_eq!(facts[0].expires_at, None);
        let time: EventTime = "2026-03-04T00:00:00Z".parse().unwrap();
        assert_eq!(facts[1].expires_at, Some(time.epoch_seconds()));
    }

    #[test]
    fn ok_no_log_shows_nothing() {
        assert_eq!(shown("2026/03/02/x.json.gz"), []);
    }
}
