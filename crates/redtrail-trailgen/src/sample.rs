//! The sample organization trail: one morning on the cluster `sales-prod`, told by the
//! objects a bucket would hold, with one of each kind that is no good log object. Its
//! answers are known here without redtrail's help.

mod digest;
mod seed_page;
mod story;

use std::{fs, io, path::Path};

use crate::{event::Truth, gzip::gzip};

/// The bucket the sample stands in.
pub const BUCKET: &str = "redtrail-sample-trail";

/// Whom the demo asks about: the Identity Center role that Ana Lopez works in.
pub const PRINCIPAL: &str = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_DataAnalyst_8f2c4a1b9d3e7056";

/// The person behind [`PRINCIPAL`]: the session name of that role.
pub const PERSON: &str = "ana.lopez@example.com";

/// What the demo asks about: the cluster of the story.
pub const RESOURCE: &str = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod";

/// What an object of the sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A good log object.
    Log,
    /// A digest: not a log object, to be passed over.
    Digest,
    /// A log object whose body ends too early, to be rejected.
    Truncated,
}

/// An object of the sample.
#[derive(Clone, Debug)]
pub struct SampleObject {
    pub key: &'static str,
    pub kind: Kind,
    /// The document before compression; of a truncated object, what it should have been.
    pub plain: Vec<u8>,
    /// How many elements `Records` has; 0 for what is no log.
    pub records: usize,
    /// The Redshift family events; none for what cannot be read.
    pub truth: Vec<Truth>,
}

impl SampleObject {
    /// The object as it stands in the bucket.
    pub fn body(&self) -> Vec<u8> {
        let mut body = gzip(&self.plain);
        if self.kind == Kind::Truncated {
            body.truncate(body.len() * 3 / 5);
        }
        body
    }
}

/// Every object of the sample, in the order of the keys' times.
pub fn objects() -> Vec<SampleObject> {
    let mut objects = story::objects();
    objects.push(seed_page::object());
    let digest = digest::object(&objects);
    objects.push(digest);
    objects
}

/// The family events that the tables hold once the sample is ingested, each once.
pub fn truth() -> Vec<Truth> {
    let mut truth: Vec<Truth> = objects()
        .into_iter()
        .flat_map(|object| object.truth)
        .collect();
    truth.sort_by(|a, b| (&a.event_time, &a.event_id).cmp(&(&b.event_time, &b.event_id)));
    truth.dedup_by(|a, b| a.event_id == b.event_id);
    truth
}

/// The events of [`PRINCIPAL`], oldest first: exactly these.
pub fn events_by_principal() -> Vec<Truth> {
    let mut truth = truth();
    truth.retain(|event| event.principal == PRINCIPAL);
    truth
}

/// The events that touched [`RESOURCE`], oldest first: exactly these.
pub fn events_on_resource() -> Vec<Truth> {
    let mut truth = truth();
    truth.retain(|event| event.resources.iter().any(|key| key == RESOURCE));
    truth
}

/// Writes the sample's objects below `directory`, each at its key.
///
/// # Errors
/// When a file or folder cannot be written.
pub fn write(directory: &Path) -> io::Result<()> {
    for object in objects() {
        let path = directory.join(object.key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, object.body())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs::File, io::Read, path::PathBuf};

    use flate2::read::GzDecoder;
    use serde_json::Value;

    use super::*;

    fn committed() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/trail")
    }

    fn files_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_below(&path, found);
            } else {
                found.insert(path);
            }
        }
    }

    fn records(object: &SampleObject) -> Vec<Value> {
        let document: Value = serde_json::from_slice(&object.plain).unwrap();
        document["Records"].as_array().cloned().unwrap_or_default()
    }

    fn names(events: &[Truth]) -> Vec<&str> {
        events
            .iter()
            .map(|event| event.event_name.as_str())
            .collect()
    }

    /// If this fails after a wanted change: `redtrail-trailgen sample events/trail`.
    #[test]
    fn ok_the_committed_files_are_these() {
        let mut size = 0;
        let mut expected = BTreeSet::new();
        for object in objects() {
            let path = committed().join(object.key);
            let mut plain = Vec::new();
            let end = GzDecoder::new(File::open(&path).unwrap()).read_to_end(&mut plain);
            if object.kind == Kind::Truncated {
                assert!(end.is_err());
                assert!(!plain.is_empty() && plain.len() < object.plain.len());
                assert!(object.plain.starts_with(&plain));
            } else {
                assert!(end.is_ok());
                assert!(plain == object.plain, "{}", object.key);
            }
            size += path.metadata().unwrap().len();
            expected.insert(path);
        }
        assert!(size < 300_000, "{size} bytes");
        let mut found = BTreeSet::new();
        files_below(&committed(), &mut found);
        assert_eq!(found, expected);
    }

    #[test]
    fn ok_objects_hold_what_they_say() {
        for object in objects() {
            let records = records(&object);
            assert_eq!(records.len(), object.records);
            for record in &records {
                let account = record["recipientAccountId"].as_str().unwrap();
                assert!(object.key.contains(account) || object.key.contains("_s1E2e3D4"));
            }
            for truth in &object.truth {
                let told = records
                    .iter()
                    .find(|record| record["eventID"] == truth.event_id.as_str())
                    .unwrap();
                assert_eq!(told["eventName"], truth.event_name.as_str());
                assert_eq!(told["eventSource"], truth.event_source.as_str());
                assert_eq!(told["eventTime"], truth.event_time.as_str());
                assert_eq!(told["readOnly"].as_bool(), truth.read_only);
            }
        }
    }

    #[test]
    fn ok_the_days_answer_for_the_principal() {
        assert_eq!(
            names(&events_by_principal()),
            [
                "ListTabs",
                "DescribeClusters",
                "DescribeClusters",
                "CreateConnection",
                "GetClusterCredentials",
                "ExecuteStatement",
                "DescribeStatement",
                "DescribeStatement",
                "GetStatementResult",
                "ExecuteStatement",
                "DescribeStatement",
                "GetStatementResult",
                "ExecuteStatement",
                "DescribeStatement",
                "CancelStatement",
                "GetClusterCredentials",
            ],
        );
        let issued = |record: &Value| {
            record.pointer("/userIdentity/sessionContext/sessionIssuer/arn")
                == Some(&PRINCIPAL.into())
        };
        let told: usize = objects()
            .iter()
            .filter(|object| object.kind == Kind::Log)
            .map(|object| {
                records(object)
                    .iter()
                    .filter(|record| issued(record))
                    .count()
            })
            .sum();
        assert_eq!(told, events_by_principal().len());
    }

    #[test]
    fn ok_the_days_answer_for_the_cluster() {
        let events = events_on_resource();
        let count = |name: &str| {
            names(&events)
                .iter()
                .filter(|event| **event == name)
                .count()
        };
        // 28 polls of the loader, one look of Ana's and one of Ben's.
        assert_eq!(count("DescribeClusters"), 30);
        assert_eq!(count("ExecuteStatement"), 4);
        assert_eq!(count("GetClusterCredentials"), 2);
        assert_eq!(count("DeleteCluster"), 2);
        assert_eq!(events.len(), 30 + 4 + 2 + 2 + 7, "{:?}", names(&events));
        let refused: Vec<_> = events
            .iter()
            .filter(|event| event.error_code.is_some())
            .cloned()
            .collect();
        assert_eq!(
            names(&refused),
            ["GetClusterCredentials", "DeleteCluster", "DeleteCluster"]
        );

        let names_cluster = |record: &Value| {
            let request = &record["requestParameters"];
            let context = |path: &str| request.pointer(path) == Some(&RESOURCE.into());
            request["clusterIdentifier"] == "sales-prod"
                || request["clusterId"] == "sales-prod"
                || request["resourceName"] == RESOURCE
                || context("/encryptionContext/aws:redshift:arn")
                || context("/constraints/encryptionContextSubset/aws:redshift:arn")
        };
        let told: usize = objects()
            .iter()
            .filter(|object| object.kind == Kind::Log)
            .map(|object| {
                records(object)
                    .iter()
                    .filter(|record| names_cluster(record))
                    .count()
            })
            .sum();
        assert_eq!(told, events.len());
    }

    #[test]
    fn ok_every_event_is_told_once() {
        let truth = truth();
        let ids: BTreeSet<_> = truth.iter().map(|event| &event.event_id).collect();
        assert_eq!(ids.len(), truth.len());
        assert!(
            truth
                .iter()
                .any(|event| event.aws_region == "us-gov-west-1")
        );
        let shared = objects()
            .iter()
            .flat_map(|object| object.truth.clone())
            .filter(|event| {
                event
                    .resources
                    .iter()
                    .any(|key| key.ends_with("/sales_share"))
            })
            .map(|event| (event.event_name, event.account_id))
            .collect::<Vec<_>>();
        assert_eq!(
            shared,
            [
                ("AuthorizeDataShare".to_owned(), "111122223333".to_owned()),
                (
                    "AssociateDataShareConsumer".to_owned(),
                    "444455556666".to_owned()
                ),
            ]
        );
    }
}
