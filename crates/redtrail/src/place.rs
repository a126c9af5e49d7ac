//! What a reference names: one record, or an object as a whole.

use std::{fmt, str::FromStr};

use redtrail_core::object::ObjectAddress;
use redtrail_model::{InvalidReference, Origin};

/// A record or an object, in S3 or in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Record(Origin),
    /// Its record index means nothing.
    Object(Origin),
}

impl Place {
    /// The record's object, or the object.
    pub(crate) fn origin(&self) -> &Origin {
        match self {
            Self::Record(origin) | Self::Object(origin) => origin,
        }
    }

    /// A record of an object of S3, or the object.
    pub(crate) fn of(object: ObjectAddress, record_index: Option<u64>) -> Self {
        let origin = Origin {
            record_index: record_index.unwrap_or_default(),
            ..object.origin(object.version_id.as_deref())
        };
        match record_index {
            Some(_) => Self::Record(origin),
            None => Self::Object(origin),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(origin) => origin.fmt(f),
            Self::Object(origin) => f.write_str(&origin.object_reference()),
        }
    }
}

impl FromStr for Place {
    type Err = InvalidReference;

    /// `OBJECT#INDEX` or `OBJECT`. (In references as they are printed, no other `#` stands.)
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if text.contains('#') {
            text.parse().map(Self::Record)
        } else {
            format!("{text}#0").parse().map(Self::Object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_references_round_trip() {
        for (text, is_record) in [
            ("s3://trail/a%23b.json.gz?versionId=v#12", true),
            ("s3://trail/a%23b.json.gz?versionId=v", false),
            ("a/b.json.gz", false),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(matches!(place, Place::Record(_)), is_record);
            assert_eq!(place.to_string(), text);
        }
        assert!("s3://trail/a#".parse::<Place>().is_err());
        assert!("https://trail/a".parse::<Place>().is_err());
    }
}
