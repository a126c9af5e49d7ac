//! Kinds of resources: how a key is built from the names a call gives, and how a
//! ready-made ARN is brought to the one spelling it is kept under.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use redtrail_model::{Arn, EventRecord, ResourceKey, is_account_id, partition_of};

/// Enough for the parts before the last one of nearly every key.
const ROOM_BYTES: usize = 32;

/// A row of `resources.tsv`.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) service: &'static str,
    format: Format,
    otherwise: Option<Format>,
}

#[derive(Debug)]
enum Format {
    /// What follows the account in an ARN.
    Arn(Template),
    /// Type and name, for what AWS gives no ARN.
    Name(&'static str, Template),
    Statement,
}

/// Text with slots for the parts that a call names.
#[derive(Debug)]
struct Template {
    start: &'static str,
    /// Each with the text that follows it.
    slots: Vec<(Slot, &'static str)>,
}

/// What may stand in a slot, so that no name can be chosen to spell another resource's ARN,
/// and how it is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Name,
    /// A name that AWS keeps in lower case.
    Lower,
    /// The same, and it may have colons: `rs:` begins the automatic ones.
    Snapshot,
    Colons,
    /// It may have slashes.
    Range,
    Uuid,
}

/// The account and Region that names in a record belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
}

impl<'a> Place<'a> {
    /// Where `record` belongs; `None` where it names no account or Region that could
    /// stand in an ARN.
    pub(crate) fn of(record: &'a EventRecord<'_>) -> Option<Self> {
        let accounts = [
            &record.recipient_account_id,
            &record.user_identity.account_id,
        ];
        let account = accounts
            .into_iter()
            .flatten()
            .find(|account| is_account_id(account))?;
        let region = record
            .aws_region
            .as_deref()
            .filter(|region| is_region(region))?;
        Some(Self { region, account })
    }

    fn key(self, service: &str, resource: &str) -> ResourceKey {
        ResourceKey::of(Arn {
            partition: partition_of(self.region),
            service,
            region: self.region,
            account: self.account,
            resource,
        })
    }
}

pub(crate) fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Kind {
    pub(crate) fn parse(
        service: &'static str,
        format: &'static str,
        otherwise: &'static str,
    ) -> Result<Self, &'static str> {
        let otherwise = match otherwise {
            "" => None,
            format => Some(Format::parse(format)?),
        };
        Ok(Self {
            service,
            format: Format::parse(format)?,
            otherwise,
        })
    }

    /// The key of what its parts name, those `before` the last and the last one. Where one is
    /// missing the last may do.
    pub(crate) fn key(
        &self,
        place: Place<'_>,
        before: &[Option<Cow<'_, str>>],
        last: &str,
    ) -> Option<ResourceKey> {
        let whole = self.format.key(self.service, place, before, last);
        whole.or_else(|| {
            let otherwise = self.otherwise.as_ref()?;
            otherwise.key(self.service, place, &[], last)
        })
    }

    /// The ARN IAM authorises an enumeration of this kind against.
    pub(crate) fn wildcard(&self, place: Place<'_>) -> Option<ResourceKey> {
        let Format::Arn(template) = &self.format else {
            return None;
        };
        let has_name = !template.slots.is_empty();
        has_name.then(|| place.key(self.service, &format!("{}*", template.start)))
    }

    /// How many parts its format has.
    pub(crate) fn parts(&self) -> usize {
        match &self.format {
            Format::Arn(template) | Format::Name(_, template) => template.slots.len(),
            Format::Statement => 1,
        }
    }
}

impl Format {
    fn parse(text: &'static str) -> Result<Self, &'static str> {
        if text == "statement" {
            return Ok(Self::Statement);
        }
        let Some(name) = text.strip_prefix("name:") else {
            return Ok(Self::Arn(Template::parse(text)?));
        };
        let (kind, template) = name.split_once('/').ok_or("a name without its type")?;
        Ok(Self::Name(kind, Template::parse(template)?))
    }

    fn key(
        &self,
        service: &str,
        place: Place<'_>,
        before: &[Option<Cow<'_, str>>],
        last: &str,
    ) -> Option<ResourceKey> {
        match self {
            Self::Arn(template) => Some(place.key(service, &template.filled(before, last)?)),
            Self::Name(kind, template) => Some(ResourceKey::from_name(
                service,
                place.region,
                place.account,
                kind,
                &template.filled(before, last)?,
            )),
            Self::Statement => Some(ResourceKey::from_statement(
                place.region,
                place.account,
                last,
            )),
        }
    }
}

impl Template {
    fn parse(text: &'static str) -> Result<Self, &'static str> {
        let mut pieces = text.split('{');
        let start = pieces.next().unwrap_or_default();
        let slots = pieces.map(|piece| {
            let (slot, text) = piece.split_once('}').ok_or("a `{` without its `}`")?;
            Slot::parse(slot).map(|slot| (slot, text))
        });
        Ok(Self {
            start,
            slots: slots.collect::<Result<_, _>>()?,
        })
    }

    /// With a part in each slot; `None` where one is missing or does not fit.
    fn filled(&self, before: &[Option<Cow<'_, str>>], last: &str) -> Option<String> {
        if before.len() + 1 != self.slots.len() {
            return None;
        }
        let parts = before.iter().map(Option::as_deref).chain([Some(last)]);
        let mut filled = String::with_capacity(self.start.len() + ROOM_BYTES + last.len());
        filled.push_str(self.start);
        for ((slot, text), part) in self.slots.iter().zip(parts) {
            let part = part.filter(|part| slot.fits(part))?;
            let start = filled.len();
            filled.push_str(part);
            if let (Slot::Lower | Slot::Snapshot, Some(part)) = (slot, filled.get_mut(start..)) {
                part.make_ascii_lowercase();
            }
            filled.push_str(text);
        }
        Some(filled)
    }
}

impl Slot {
    fn parse(name: &str) -> Result<Self, &'static str> {
        Ok(match name {
            "name" => Self::Name,
            "lower" => Self::Lower,
            "snapshot" => Self::Snapshot,
            "colons" => Self::Colons,
            "range" => Self::Range,
            "uuid" => Self::Uuid,
            _ => return Err("a slot that is not name, lower, snapshot, colons, range or uuid"),
        })
    }

    fn fits(self, part: &str) -> bool {
        match self {
            Self::Name | Self::Lower => memchr2(b'/', b':', part.as_bytes()).is_none(),
            Self::Snapshot | Self::Colons => memchr(b'/', part.as_bytes()).is_none(),
            Self::Range => memchr(b':', part.as_bytes()).is_none(),
            Self::Uuid => is_uuid(part),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The key of a ready-made ARN of the Redshift family, in the one spelling it is kept
/// under; `None` for any other one.
pub(crate) fn family_key(arn: Arn<'_>) -> Option<ResourceKey> {
    let resource = match arn.service {
        "redshift" => stored_spelling(arn),
        // AWS prints a serverless namespace both as `namespace/ID` and as `namespace:ID`.
        "redshift-serverless" => match arn.resource.find([':', '/']) {
            Some(at) if arn.resource.as_bytes().get(at) == Some(&b':') => {
                Cow::Owned(arn.resource.replacen(':', "/", 1))
            }
            _ => Cow::Borrowed(arn.resource),
        },
        "redshift-data" | "sqlworkbench" => Cow::Borrowed(arn.resource),
        _ => return None,
    };
    Some(ResourceKey::of(Arn {
        resource: &resource,
        ..arn
    }))
}

/// The resource with the names that Redshift stores in lower case so written.
fn stored_spelling(arn: Arn<'_>) -> Cow<'_, str> {
    let resource = arn.resource;
    let begins = |kinds: &[&str]| kinds.iter().any(|kind| resource.starts_with(kind));
    let lower = if begins(&[
        "cluster:",
        "snapshot:",
        "parametergroup:",
        "subnetgroup:",
        "securitygroup:",
    ]) {
        resource.len()
    } else if begins(&["dbuser:", "dbname:", "dbgroup:"]) {
        // The cluster's name.
        memchr(b'/', resource.as_bytes()).unwrap_or_default()
    } else {
        0
    };
    let mut letters = resource.bytes().take(lower);
    if !letters.any(|letter| letter.is_ascii_uppercase()) {
        return Cow::Borrowed(resource);
    }
    let mut resource = resource.to_owned();
    if let Some(lower) = resource.get_mut(..lower) {
        lower.make_ascii_lowercase();
    }
    Cow::Owned(resource)
}

/// What a key lies in: the cluster in the ARN of a database user, database, database
/// group or snapshot; the batch of a Data API sub-statement (`ID:2`).
pub(crate) fn container(key: &ResourceKey) -> Option<ResourceKey> {
    let text = key.as_str();
    // In each there is one, and telling an ARN's parts takes longer.
    memchr(b'/', text.as_bytes())?;
    if let Some(statement) = text.strip_prefix("statement:") {
        let numberless = statement.trim_end_matches(|last: char| last.is_ascii_digit());
        let batch = numberless.strip_suffix(':')?;
        let (place, batch) = batch.split_once('/')?;
        let (region, account) = place.split_once(':')?;
        let numbered = numberless.len() < statement.len();
        return numbered.then(|| ResourceKey::from_statement(region, account, batch));
    }
    let arn = Arn::parse(text).filter(|arn| arn.service == "redshift")?;
    let mut kinds = ["dbuser:", "dbname:", "dbgroup:", "snapshot:"].into_iter();
    let name = kinds.find_map(|kind| arn.resource.strip_prefix(kind))?;
    let (cluster, _) = name.split_once('/')?;
    (!matches!(cluster, "" | "*")).then(|| {
        ResourceKey::of(Arn {
            resource: &format!("cluster:{cluster}"),
            ..arn
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtrail_model::JsonText;

    fn snapshot() -> Kind {
        Kind::parse(
            "redshift",
            "snapshot:{lower}/{snapshot}",
            "name:snapshot/{snapshot}",
        )
        .unwrap()
    }

    #[test]
    fn ok_keys_from_names() {
        let place = Place {
            region: "cn-north-1",
            account: "123456789012",
        };
        let check = |before: Option<&str>, last: &str, expected: Option<&str>| {
            let key = snapshot().key(place, &[before.map(Cow::Borrowed)], last);
            assert_eq!(key.as_ref().map(ResourceKey::as_str), expected, "{last}");
        };
        check(
            Some("Example"),
            "rs:example-2026",
            Some("arn:aws-cn:redshift:cn-north-1:123456789012:snapshot:example/rs:example-2026"),
        );
        check(
            None,
            "Nightly",
            Some("name:redshift:cn-north-1:123456789012:snapshot/nightly"),
        );
        check(Some("a"), "b/c", None);
        assert_eq!(
            snapshot().wildcard(place).as_ref().map(ResourceKey::as_str),
            Some("arn:aws-cn:redshift:cn-north-1:123456789012:snapshot:*")
        );
    }

    #[test]
    fn ok_no_name_spells_another_resource() {
        let place = Place {
            region: "us-east-1",
            account: "123456789012",
        };
        let user = Kind::parse("redshift", "dbuser:{lower}/{name}", "").unwrap();
        assert_eq!(user.key(place, &[Some("a/b".into())], "c"), None);
        assert_eq!(user.key(place, &[Some("a".into())], "b/c"), None);
    }

    #[test]
    fn ok_places() {
        let check = |record: &str, expected: Option<(&str, &str)>| {
            let json = JsonText::parse(record).unwrap();
            let record = EventRecord::read(json.root());
            let place = Place::of(&record).map(|place| (place.region, place.account));
            assert_eq!(place, expected);
        };
        let caller = r#""userIdentity":{"accountId":"210987654321"}"#;
        check(
            &format!(r#"{{"awsRegion":"us-east-1","recipientAccountId":"123456789012",{caller}}}"#),
            Some(("us-east-1", "123456789012")),
        );
        check(
            &format!(r#"{{"awsRegion":"us-east-1","recipientAccountId":"",{caller}}}"#),
            Some(("us-east-1", "210987654321")),
        );
        check(
            r#"{"awsRegion":"us-east-1","recipientAccountId":"12:cluster"}"#,
            None,
        );
        check(
            r#"{"awsRegion":"us-east-1:1","recipientAccountId":"123456789012"}"#,
            None,
        );
    }

    #[test]
    fn ok_ready_made_arns_have_one_spelling() {
        for (arn, expected) in [
            (
                "arn:aws:redshift-serverless:us-east-1:1:namespace:0a1b",
                Some("arn:aws:redshift-serverless:us-east-1:1:namespace/0a1b"),
            ),
            (
                "arn:aws:redshift:us-east-1:1:namespace:0a1b",
                Some("arn:aws:redshift:us-east-1:1:namespace:0a1b"),
            ),
            (
                "arn:aws:redshift-serverless:us-east-1:1:snapshot/a:b",
                Some("arn:aws:redshift-serverless:us-east-1:1:snapshot/a:b"),
            ),
            (
                "arn:aws:redshift-serverless:us-east-1:1:snapshot:a/b:c",
                Some("arn:aws:redshift-serverless:us-east-1:1:snapshot/a/b:c"),
            ),
            (
                "arn:aws:redshift:us-east-1:1:dbuser:Main/Admin",
                Some("arn:aws:redshift:us-east-1:1:dbuser:main/Admin"),
            ),
            (
                "arn:aws:redshift:us-east-1:1:dbuser:Main",
                Some("arn:aws:redshift:us-east-1:1:dbuser:Main"),
            ),
            (
                "arn:aws:redshift:us-east-1:1:Cluster:Main",
                Some("arn:aws:redshift:us-east-1:1:Cluster:Main"),
            ),
            (
                "arn:aws:redshift:us-east-1:1:snapshot:Main/Nightly",
                Some("arn:aws:redshift:us-east-1:1:snapshot:main/nightly"),
            ),
            ("arn:aws:s3:::bucket", None),
            ("cluster", None),
        ] {
            let key = Arn::parse(arn).and_then(family_key);
            assert_eq!(key.as_ref().map(ResourceKey::as_str), expected, "{arn}");
        }
    }

    #[test]
    fn ok_containers() {
        for (key, expected) in [
            (
                "arn:aws:redshift:us-east-1:1:dbname:main/dev",
                Some("arn:aws:redshift:us-east-1:1:cluster:main"),
            ),
            ("arn:aws:redshift:us-east-1:1:snapshot:*", None),
            ("arn:aws:redshift:us-east-1:1:datashare:0a1b/sales", None),
            (
                "arn:aws:redshift-serverless:us-east-1:1:snapshot/0a1b",
                None,
            ),
            (
                "statement:us-east-1:1/0a1b:2",
                Some("statement:us-east-1:1/0a1b"),
            ),
            (
                "statement:us-east-1:1/a/b:c:10",
                Some("statement:us-east-1:1/a/b:c"),
            ),
            ("statement:us-east-1:1/0a1b:", None),
            ("statement:us-east-1:1/0a1b:c2", None),
            ("statement:us-east-1:1/12", None),
            ("statement:us-east-1:1/0a1b", None),
        ] {
            let found = container(&key.parse().unwrap());
            assert_eq!(found.as_ref().map(ResourceKey::as_str), expected, "{key}");
        }
    }
}
