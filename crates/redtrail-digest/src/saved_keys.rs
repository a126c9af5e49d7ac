//! Public keys kept in a file, so that verification needs no CloudTrail: the account may be
//! gone, the bucket a copy, the machine without a network.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use redtrail_core::edge::EdgeError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    edge::{KeyList, PublicKeys},
    public_key::ListedKey,
};

/// The keys of some Regions, each of some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedKeys {
    regions: BTreeMap<String, RegionKeys>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RegionKeys {
    since: Timestamp,
    until: Timestamp,
    keys: Vec<ListedKey>,
}

/// The file holds no keys.
#[derive(Debug, Error)]
pub enum UnreadableKeys {
    #[error("it is no file of public keys")]
    Json(#[from] serde_json::Error),
    #[error("`{0}` in it is no time")]
    Time(String),
    #[error("the key {fingerprint} of {region} is no base64")]
    Base64 { region: String, fingerprint: String },
}

impl SavedKeys {
    /// Adds the keys that CloudTrail lists for a Region and a time.
    pub fn insert(
        &mut self,
        region: &str,
        since: Timestamp,
        until: Timestamp,
        keys: Vec<ListedKey>,
    ) {
        let region_keys = RegionKeys { since, until, keys };
        self.regions.insert(region.to_owned(), region_keys);
    }

    /// The Regions that there are keys of.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.regions.keys().map(String::as_str)
    }

    /// As text of JSON.
    ///
    /// # Errors
    /// Never, as far as JSON is concerned; the caller has none to handle but this.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let regions = self.regions.iter().map(|(region, saved)| {
            let keys = saved.keys.iter().map(|key| KeyInFile {
                fingerprint: key.fingerprint.clone(),
                value: STANDARD.encode(&key.der),
                validity_start_time: key.validity_start.map(|time| time.to_string()),
                validity_end_time: key.validity_end.map(|time| time.to_string()),
            });
            let region_keys = RegionInFile {
                since: saved.since.to_string(),
                until: saved.until.to_string(),
                public_keys: keys.collect(),
            };
            (region.clone(), region_keys)
        });
        serde_json::to_string_pretty(&File {
            regions: regions.collect(),
        })
    }

    /// Reads what [`SavedKeys::to_json`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(text: &str) -> Result<Self, UnreadableKeys> {
        let file: File = serde_json::from_str(text)?;
        let mut saved = Self::default();
        for (region, in_file) in file.regions {
            let mut keys = Vec::with_capacity(in_file.public_keys.len());
            for key in in_file.public_keys {
                let der = STANDARD
                    .decode(&key.value)
                    .map_err(|_| UnreadableKeys::Base64 {
                        region: region.clone(),
                        fingerprint: key.fingerprint.clone(),
                    })?;
                keys.push(ListedKey {
                    fingerprint: key.fingerprint,
                    der,
                    validity_start: key.validity_start_time.map(time).transpose()?,
                    validity_end: key.validity_end_time.map(time).transpose()?,
                });
            }
            saved.insert(&region, time(in_file.since)?, time(in_file.until)?, keys);
        }
        Ok(saved)
    }
}

impl PublicKeys for SavedKeys {
    async fn list(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<KeyList, EdgeError> {
        Ok(self
            .regions
            .get(region)
            .map_or_else(KeyList::default, |saved| KeyList {
                keys: saved.keys.clone(),
                is_complete: saved.since <= from && until <= saved.until,
            }))
    }
}

fn time(text: String) -> Result<Timestamp, UnreadableKeys> {
    text.parse().map_err(|_| UnreadableKeys::Time(text))
}

#[derive(Serialize, Deserialize)]
struct File {
    regions: BTreeMap<String, RegionInFile>,
}

#[derive(Serialize, Deserialize)]
struct RegionInFile {
    since: String,
    until: String,
    public_keys: Vec<KeyInFile>,
}

#[derive(Serialize, Deserialize)]
struct KeyInFile {
    fingerprint: String,
    value: String,
    validity_start_time: Option<String>,
    validity_end_time: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_what_was_saved_is_read() {
        let mut saved = SavedKeys::default();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let key = ListedKey {
            fingerprint: "ab".to_owned(),
            der: vec![0, 1, 255],
            validity_start: Some(at("2026-01-01T00:00:00Z")),
            validity_end: None,
        };
        let (since, until) = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
        saved.insert("us-east-1", since, until, vec![key]);
        let text = saved.to_json().unwrap();
        assert_eq!(SavedKeys::from_json(&text).unwrap(), saved);
    }

    #[test]
    fn err_something_else() {
        for text in [
            "",
            "[]",
            r#"{"PublicKeyList":[]}"#,
            r#"{"regions":{"r":{"since":"2026-03-01T00:00:00Z","until":"2026-03-02T00:00:00Z",
                "public_keys":[{"fingerprint":"f","value":"*"}]}}}"#,
        ] {
            assert!(SavedKeys::from_json(text).is_err(), "{text}");
        }
    }
}
