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
