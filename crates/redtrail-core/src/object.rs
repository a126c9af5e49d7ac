//! The address of an object in S3.

use std::fmt;

/// An object as a notification names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectAddress {
    pub bucket: String,
    /// The key itself, with no encoding left in it.
    pub key: String,
    /// The version announced, in a bucket with versions.
    pub version_id: Option<String>,
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
