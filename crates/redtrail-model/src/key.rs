//! Key texts: a promise to every reader of the tables. Each is injective: two
//! different things never share a key, however their names were chosen.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{arn::Arn, event_time::EventTime};

/// DynamoDB's bound for a partition key, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const MAX_PARTITION_KEY_BYTES: usize = 2048;
/// DynamoDB's bound for a sort key, in bytes.
pub const MAX_SORT_KEY_BYTES: usize = 1024;

/// Of a key that begins with an identity type; AWS's longest is 18 bytes.
const MAX_TYPE_BYTES: usize = 256;
const HASH_MARK: &str = "~";
const HASH_BYTES: usize = 64;

/// The text is no key of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey(&'static str);

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}", self.0)
    }
}

impl std::error::Error for InvalidKey {}

/// Who: the partition key of the principals table. The plain ARN wherever AWS gives
/// or implies one; everything else begins with its identity type
/// (`AWSService:redshift.amazonaws.com`), which no ARN can.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalKey(String);

impl PrincipalKey {
    /// The key of a principal with an ARN. Text that does not begin with `arn:` is
    /// not taken as an ARN: `None`.
    pub fn from_arn<'t>(arn: impl Into<Cow<'t, str>>) -> Option<Self> {
        let arn = arn.into();
        let is_arn = arn.starts_with("arn:");
        is_arn.then(|| Self(bounded(arn, MAX_PARTITION_KEY_BYTES)))
    }

    /// The key of a principal without an ARN: its identity type, then the parts that
    /// tell it apart, joined by `:`. In every part but the last `%` and `:` are written
    /// `%25` and `%3A`, so the parts can be told apart again; a type that would make
    /// the key look like an ARN is escaped too.
    pub fn tagged(identity_type: &str, parts: &[&str]) -> Self {
        let mut key = if identity_type == "arn" {
            "%61rn".to_owned()
        } else {
            bounded(escaped(identity_type), MAX_TYPE_BYTES)
        };
        for (index, part) in parts.iter().enumerate() {
            key.push(':');
            if index + 1 == parts.len() {
                key.push_str(part);
            } else {
                key.push_str(&escaped(part));
            }
        }
        Self(bounded(key, MAX_PARTITION_KEY_BYTES))
    }

    /// The identity type that the key tells, as CloudTrail names it: what it begins with,
    /// or what a plain ARN of IAM's and STS's implies.
    pub fn identity_type(&self) -> Option<&str> {
        let Some(arn) = Arn::parse(&self.0) else {
            return self.0.split(':').next();
        };
        let is = |kind: &str| {
            let rest = arn.resource.strip_prefix(kind);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match arn.service {
            "iam" if is("root") => Some("Root"),
            "iam" if is("user") => Some("IAMUser"),
            "iam" if is("role") => Some("AssumedRole"),
            "sts" if is("federated-user") => Some("FederatedUser"),
            _ => None,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What: the partition key of the resources table. `arn:` only for real ARNs and the
/// wildcards IAM authorises enumerations against; `name:SERVICE:REGION:ACCOUNT:TYPE/NAME`
/// where AWS logs a name only; `statement:REGION:ACCOUNT/ID` for a Data API statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceKey(String);

impl ResourceKey {
    /// The key of a resource with an ARN; `None` for text that is no ARN.
    pub fn from_arn<'t>(arn: impl Into<Cow<'t, str>>) -> Option<Self> {
        let arn = arn.into();
        let is_arn = Arn::parse(&arn).is_some();
        is_arn.then(|| Self(bounded(arn, MAX_PARTITION_KEY_BYTES)))
    }

    /// The key of a resource with this ARN, whose partition, service and resource are not empty.
    pub fn of(arn: Arn<'_>) -> Self {
        let Arn {
            partition,
            service,
            region,
            account,
            resource,
        } = arn;
        let arn = ["arn", partition, service, region, account, resource].join(":");
        Self(bounded(arn, MAX_PARTITION_KEY_BYTES))
    }

    /// The key of a resource that AWS names without its ARN. `%` and `:` in service,
    /// region and account, and `/` in the type too, are percent-escaped.
    pub fn from_name(service: &str, region: &str, account: &str, kind: &str, name: &str) -> Self {
        let place = [escaped(service), escaped(region), escaped(account)];
        let [service, region, account] = place.each_ref().map(|part| &**part);
        let kind = &*without_slash(escaped(kind));
        let key = [
            "name:", service, ":", region, ":", account, ":", kind, "/", name,
        ];
        Self(bounded(key.concat(), MAX_PARTITION_KEY_BYTES))
    }

    /// Of a key made of a name, the kind of thing it names: `namespace`.
    pub fn name_kind(&self) -> Option<&str> {
        let mut parts = self.0.strip_prefix("name:")?.splitn(4, ':');
        Some(parts.nth(3)?.split_once('/')?.0)
    }

    /// Whether it is the key of a Data API statement.
    pub fn is_statement(&self) -> bool {
        self.0.starts_with("statement:")
    }

    /// The key of a Data API statement.
    pub fn from_statement(region: &str, account: &str, id: &str) -> Self {
        let account = &*without_slash(escaped(account));
        let key = ["statement:", &escaped(region), ":", account, "/", id];
        Self(bounded(key.concat(), MAX_PARTITION_KEY_BYTES))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When, and which: the sort key of both event tables, `YYYY-MM-DDTHH:MM:SS.mmmZ#EVENTID`.
/// Of fixed width before the id, so that text order is time order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventKey(String);

impl EventKey {
    const TIME_BYTES: usize = 24;

    pub fn new(time: EventTime, event_id: &str) -> Self {
        let id = within(event_id.into(), MAX_SORT_KEY_BYTES - Self::TIME_BYTES - 1);
        let time = time.written();
        Self([str::from_utf8(&time).unwrap_or_default(), "#", &id].concat())
    }

    /// The time that the key begins with.
    pub fn time(&self) -> &str {
        self.0.get(..Self::TIME_BYTES).unwrap_or_default()
    }

    /// The event's id; of one too long for a key, its cut form.
    pub fn event_id(&self) -> &str {
        self.0.get(Self::TIME_BYTES + 1..).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PrincipalKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let fits = !text.is_empty() && text.len() <= MAX_PARTITION_KEY_BYTES;
        if fits && text.contains(':') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey(
                "a principal key: an ARN, or TYPE:ID as in AWSService:redshift.amazonaws.com",
            ))
        }
    }
}

impl FromStr for ResourceKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let known = ["arn:", "name:", "statement:"]
            .iter()
            .any(|start| text.starts_with(start));
        if known && text.len() <= MAX_PARTITION_KEY_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey(
                "a resource key: an ARN, name:SERVICE:REGION:ACCOUNT:TYPE/NAME or statement:REGION:ACCOUNT/ID",
            ))
        }
    }
}

impl FromStr for EventKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        const WANTED: InvalidKey = InvalidKey("an event key: YYYY-MM-DDTHH:MM:SS.mmmZ#EVENTID");
        let (time, id) = text.split_once('#').ok_or(WANTED)?;
        let parsed: EventTime = time.parse().map_err(|_| WANTED)?;
        let canonical = parsed.to_string() == time && !id.is_empty();
        if canonical && text.len() <= MAX_SORT_KEY_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(WANTED)
        }
    }
}

macro_rules! text_key {
    ($($key:ident),*) => {$(
        impl fmt::Display for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $key {
            type Error = InvalidKey;

            fn try_from(text: String) -> Result<Self, InvalidKey> {
                text.parse()
            }
        }

        impl From<$key> for String {
            fn from(key: $key) -> String {
                key.0
            }
        }
    )*};
}
text_key!(PrincipalKey, ResourceKey, EventKey);

/// The one rule for texts too long for a DynamoDB key: `text` itself where it fits into
/// `limit` bytes and does not itself end like a cut text; else its beginning, `~`, and the
/// SHA-256 of all of it in 64 hex digits. Because both forms can be told apart, two texts
/// share a result only if their hashes agree.
pub fn bounded<'t>(text: impl Into<Cow<'t, str>>, limit: usize) -> String {
    within(text.into(), limit).into_owned()
}

fn within(text: Cow<'_, str>, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit && !ends_like_cut(&text) {
        return text;
    }
    let room = limit
        .saturating_sub(HASH_MARK.len() + HASH_BYTES)
        .min(text.len());
    let cut = text.floor_char_boundary(room);
    let start = text.get(..cut).unwrap_or_default();
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Cow::Owned(format!("{start}{HASH_MARK}{hex}"))
}

fn ends_like_cut(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(mark) = bytes.len().checked_sub(HASH_MARK.len() + HASH_BYTES) else {
        return false;
    };
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes.get(mark) == Some(&b'~') && bytes.iter().skip(mark + 1).all(hex)
}

/// `part` with `%` and `:` percent-escaped, so that parts joined by `:` can be told apart.
pub fn escaped(part: &str) -> Cow<'_, str> {
    if part.bytes().any(|byte| matches!(byte, b'%' | b':')) {
        Cow::Owned(part.replace('%', "%25").replace(':', "%3A"))
    } else {
        Cow::Borrowed(part)
    }
}

fn without_slash(part: Cow<'_, str>) -> Cow<'_, str> {
    if part.bytes().any(|byte| byte == b'/') {
        Cow::Owned(part.replace('/', "%2F"))
    } else {
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> EventTime {
        "2023-07-10T12:30:00Z".parse().unwrap()
    }

    #[test]
    fn ok_principal_keys_cannot_be_forged_by_names() {
        let service = PrincipalKey::tagged("AWSService", &["redshift.amazonaws.com"]);
        assert_eq!(service.as_str(), "AWSService:redshift.amazonaws.com");
        let pretender = PrincipalKey::tagged("AWSService:redshift.amazonaws.com", &[]);
        assert_ne!(service, pretender);
        assert_eq!(
            PrincipalKey::from_arn("AWSService:redshift.amazonaws.com"),
            None
        );
        assert!(
            !PrincipalKey::tagged("arn", &["aws:iam::1:root"])
                .as_str()
                .starts_with("arn:")
        );
        assert_ne!(
            PrincipalKey::tagged("AWSAccount", &["1", "2:3"]),
            PrincipalKey::tagged("AWSAccount", &["1:2", "3"]),
        );
    }

    #[test]
    fn ok_resource_keys_read_as_documented() {
        let name = ResourceKey::from_name(
            "redshift-serverless",
            "us-east-1",
            "123456789012",
            "workgroup",
            "wg",
        );
        assert_eq!(
            name.as_str(),
            "name:redshift-serverless:us-east-1:123456789012:workgroup/wg"
        );
        let statement = ResourceKey::from_statement("us-east-1", "123456789012", "5c52");
        assert_eq!(statement.as_str(), "statement:us-east-1:123456789012/5c52");
        assert_eq!(ResourceKey::from_arn("arn:aws:redshift"), None);
    }

    #[test]
    fn ok_long_keys_keep_dynamodbs_bounds_and_stay_apart() {
        let long = |end: &str| format!("arn:aws:iam::1:role/{}{end}", "é".repeat(2000));
        let keys: Vec<_> = ["a", "b"]
            .iter()
            .filter_map(|end| PrincipalKey::from_arn(long(end)))
            .collect();
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0], keys[1]);
        for key in &keys {
            assert!(key.as_str().len() <= MAX_PARTITION_KEY_BYTES);
            // A name chosen to equal another key's cut form gets a key of its own.
            assert_ne!(PrincipalKey::from_arn(key.as_str()).as_ref(), Some(key));
        }
        let id = "i".repeat(5000);
        assert!(EventKey::new(time(), &id).as_str().len() <= MAX_SORT_KEY_BYTES);
    }

    #[test]
    fn ok_every_key_made_can_be_read() {
        let long = "t".repeat(3000);
        for parts in [&[][..], &["1"], &["1", &long]] {
            let key = PrincipalKey::tagged(&long, parts);
            assert!(key.as_str().len() <= MAX_PARTITION_KEY_BYTES);
            if !parts.is_empty() {
                assert_eq!(key.as_str().parse(), Ok(key.clone()));
            }
        }
    }

    #[test]
    fn ok_event_keys_round_trip() {
        let key = EventKey::new(time(), "a#b");
        assert_eq!(key.as_str(), "2023-07-10T12:30:00.000Z#a#b");
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        assert_eq!(key.time().parse(), Ok(time()));
        assert_eq!(key.event_id(), "a#b");
        assert!("2023-07-10T12:30:00Z#a".parse::<EventKey>().is_err());
    }
}
