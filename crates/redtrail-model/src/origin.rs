//! Where the original record of an event stands, and the text people and programs pass
//! around for it: `s3://BUCKET/KEY?versionId=VERSION#INDEX`.

use std::{fmt, str::FromStr, sync::Arc};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// What stands in a key, version or path as it is. CloudTrail's own keys hold nothing else; all
/// other characters are percent-encoded, so that a reference is one word of plain ASCII
/// whatever a key holds, and its `?` and `#` mean one thing.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'=')
    .remove(b',')
    .remove(b'@')
    .remove(b'+');

const SCHEME: &str = "s3://";
const VERSION: &str = "versionId=";

/// Where the original record stands. The records of one object share its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Empty for a file that was read where it lay; `key` is then its path.
    #[serde(rename = "object_bucket")]
    pub bucket: Arc<str>,
    #[serde(rename = "object_key")]
    pub key: Arc<str>,
    /// The object's version, in a bucket with versions.
    #[serde(rename = "object_version", skip_serializing_if = "Option::is_none")]
    pub version: Option<Arc<str>>,
    /// Place of the record in `Records`, from 0.
    pub record_index: u64,
}

impl Origin {
    /// The reference without its `#INDEX`: the object, or the file.
    pub fn object_reference(&self) -> String {
        let key = utf8_percent_encode(&self.key, ENCODED);
        if self.is_file() {
            return key.to_string();
        }
        let object = format!("{SCHEME}{}/{key}", self.bucket);
        match &self.version {
            Some(version) => {
                let version = utf8_percent_encode(version, ENCODED);
                format!("{object}?{VERSION}{version}")
            }
            None => object,
        }
    }

    /// Whether it stands in a file rather than in S3.
    pub fn is_file(&self) -> bool {
        self.bucket.is_empty()
    }

    pub fn is_of_same_object(&self, other: &Self) -> bool {
        (&self.bucket, &self.key, &self.version) == (&other.bucket, &other.key, &other.version)
    }
}

impl fmt::Display for Origin {
    /// A reference to the original: `s3://BUCKET/KEY?versionId=VERSION#INDEX`, or
    /// `PATH#INDEX` of a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.object_reference(), self.record_index)
    }
}

impl FromStr for Origin {
    type Err = InvalidReference;

    /// Reads what `Display` writes. A key typed by hand need only have its `?` and `%` encoded.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (object, index) = text.rsplit_once('#').ok_or(InvalidReference::NO_INDEX)?;
        if !index.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidReference::NO_INDEX);
        }
        let record_index = index.parse().map_err(|_| InvalidReference::NO_INDEX)?;
        let (place, version) = match object.split_once('?') {
            Some((place, query)) => (place, Some(version(query)?)),
            None => (object, None),
        };
        let (bucket, key) = match place.strip_prefix(SCHEME) {
            Some(place) => place.split_once('/').ok_or(InvalidReference::NO_KEY)?,
            None if place.contains("://") => return Err(InvalidReference::OTHER_SCHEME),
            None if version.is_some() => return Err(InvalidReference::VERSION_OF_FILE),
            None => ("", place),
        };
        if key.is_empty() || (place.starts_with(SCHEME) && !is_bucket(bucket)) {
            return Err(InvalidReference::NO_KEY);
        }
        Ok(Self {
            bucket: bucket.into(),
            key: decoded(key)?,
            version,
            record_index,
        })
    }
}

/// Letters, digits, `.`, `-`; `_` in names of long ago.
fn is_bucket(name: &str) -> bool {
    let in_bucket = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.bytes().all(in_bucket)
}

fn version(query: &str) -> Result<Arc<str>, InvalidReference> {
    match query.strip_prefix(VERSION) {
        Some(version) if !version.is_empty() && !version.contains('?') => decoded(version),
        _ => Err(InvalidReference::OTHER_QUERY),
    }
}

fn decoded(text: &str) -> Result<Arc<str>, InvalidReference> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Arc::from)
        .map_err(|_| InvalidReference::NOT_UTF8)
}

/// Why a text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidReference(&'static str);

impl InvalidReference {
    const NO_INDEX: Self = Self("it does not end in #INDEX, the record's place in its object");
    const NO_KEY: Self = Self("it names no object: s3:// is followed by BUCKET/KEY");
    const OTHER_SCHEME: Self = Self("it begins neither with s3:// nor as a path");
    const OTHER_QUERY: Self =
        Self("after its ? stands no versionId=VERSION (a ? in a key is written %3F)");
    const VERSION_OF_FILE: Self = Self("a file has no version (a ? in a path is written %3F)");
    const NOT_UTF8: Self = Self("its %-escapes are no UTF-8 (a % in a key is written %25)");
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidReference {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(bucket: &str, key: &str, version: Option<&str>, record_index: u64) -> Origin {
        Origin {
            bucket: bucket.into(),
            key: key.into(),
            version: version.map(Arc::from),
            record_index,
        }
    }

    #[test]
    fn ok_references_read_as_documented() {
        let key = "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/03/02/\
                   111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";
        let version = "3sL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY_MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo";
        for (place, expected) in [
            (
                origin("trail", key, Some(version), 12),
                format!("s3://trail/{key}?versionId={version}#12"),
            ),
            (origin("trail", key, None, 0), format!("s3://trail/{key}#0")),
            (
                origin("trail", "a b?c#d%20é", None, 3),
                "s3://trail/a%20b%3Fc%23d%2520%C3%A9#3".to_owned(),
            ),
            (
                origin("trail", "k?versionId=v", None, 3),
                "s3://trail/k%3FversionId=v#3".to_owned(),
            ),
            (
                origin("trail", "/k//", Some("null"), 3),
                "s3://trail//k//?versionId=null#3".to_owned(),
            ),
            (
                origin("", "logs/a.json.gz", None, 7),
                "logs/a.json.gz#7".to_owned(),
            ),
            (origin("", "s3://x/y", None, 7), "s3%3A//x/y#7".to_owned()),
        ] {
            assert_eq!(place.to_string(), expected);
            assert_eq!(expected.parse::<Origin>(), Ok(place));
        }
    }

    #[test]
    fn ok_typed_by_hand() {
        for (text, expected) in [
            (
                "s3://trail/my logs/a#1#2",
                origin("trail", "my logs/a#1", None, 2),
            ),
            (
                "s3://trail/é:100%/a#2",
                origin("trail", "é:100%/a", None, 2),
            ),
            ("./a b.json#2", origin("", "./a b.json", None, 2)),
        ] {
            assert_eq!(text.parse::<Origin>(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn err_no_reference() {
        use InvalidReference as No;
        for (text, expected) in [
            ("", No::NO_INDEX),
            ("s3://trail/a.json.gz", No::NO_INDEX),
            ("s3://trail/a#", No::NO_INDEX),
            ("s3://trail/a#-1", No::NO_INDEX),
            ("s3://trail/a#+1", No::NO_INDEX),
            ("s3://trail/a#1 ", No::NO_INDEX),
            ("s3://trail/a#18446744073709551616", No::NO_INDEX),
            ("s3://trail#1", No::NO_KEY),
            ("s3://trail/#1", No::NO_KEY),
            ("s3:///a#1", No::NO_KEY),
            ("s3://tr ail/a#1", No::NO_KEY),
            ("#1", No::NO_KEY),
            ("https://trail.s3.amazonaws.com/a#1", No::OTHER_SCHEME),
            ("s3://trail/a?b#1", No::OTHER_QUERY),
            ("s3://trail/a?versionId=#1", No::OTHER_QUERY),
            ("s3://trail/a?versionId=v?versionId=w#1", No::OTHER_QUERY),
            ("a.json?versionId=v#1", No::VERSION_OF_FILE),
            ("s3://trail/%ff#1", No::NOT_UTF8),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(expected), "{text}");
        }
    }

    /// Texts of which references are made, and any other.
    fn part() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("?versionId=".to_owned()),
            Just("#12".to_owned()),
            Just("s3://".to_owned()),
            Just("%23".to_owned()),
            Just("/".to_owned()),
            "[?#%&=+ :/.\\\\'\"\u{1b}\n\u{202e}é中a-z0-9]",
            any::<String>(),
        ];
        proptest::collection::vec(piece, 1..6)
            .prop_map(|pieces| pieces.concat())
            .prop_filter("keys are not empty", |key| !key.is_empty())
    }

    fn any_origin() -> impl Strategy<Value = Origin> {
        let in_s3 = (
            "[a-z0-9][a-z0-9.-]{2,20}",
            part(),
            proptest::option::of(part()),
            any::<u64>(),
        );
        let in_file = (part(), any::<u64>());
        prop_oneof![
            in_s3.prop_map(|(bucket, key, version, index)| {
                origin(&bucket, &key, version.as_deref(), index)
            }),
            in_file.prop_map(|(path, index)| origin("", &path, None, index)),
        ]
    }

    proptest! {
        #[test]
        fn references_round_trip(place in any_origin()) {
            let text = place.to_string();
            prop_assert_eq!(text.parse::<Origin>(), Ok(place));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{}", text);
        }

        #[test]
        fn no_text_panics_and_what_is_read_is_written_the_same(text in part(), index in any::<u64>()) {
            for text in [format!("s3://trail/{text}#{index}"), format!("{text}#{index}"), text] {
                if let Ok(place) = text.parse::<Origin>() {
                    prop_assert_eq!(place.to_string().parse::<Origin>(), Ok(place));
                }
            }
        }
    }
}
