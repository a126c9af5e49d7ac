//! The address of an object in S3.

use std::fmt;

use redtrail_model::Origin;

/// An object as a notification names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectAddress {
    pub bucket: String,
    /// The key itself, with no encoding left in it.
    pub key: String,
    /// The version announced, in a bucket with versions.
    pub version_id: Option<String>,
}

impl ObjectAddress {
    /// Where its first record stands, in that version of it.
    pub fn origin(&self, version_id: Option<&str>) -> Origin {
        Origin {
            bucket: self.bucket.as_str().into(),
            key: self.key.as_str().into(),
            version: version_id.map(Into::into),
            record_index: 0,
        }
    }

    /// Of the object that the record stands in.
    pub fn of(origin: &Origin) -> Self {
        Self {
            bucket: origin.bucket.to_string(),
            key: origin.key.to_string(),
            version_id: origin.version.as_deref().map(str::to_owned),
        }
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)?;
        match &self.version_id {
            Some(version) => write!(f, "?versionId={version}"),
            None => Ok(()),
        }
    }
}
