//! Kinds of resources: how a key is built from the names a call gives, and how a
//! ready-made ARN is brought to the one spelling it is kept under.

use redtrail_model::{Arn, EventRecord, ResourceKey, is_account_id, partition_of};

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
    Arn(&'static str),
    /// Type and name, for what AWS gives no ARN.
    Name(&'static str, &'static str),
    Statement,
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

    fn arn(self, service: &str, resource: &str) -> Option<ResourceKey> {
        let Self { region, account } = self;
        let partition = partition_of(region);
        ResourceKey::from_arn(&format!(
            "arn:{partition}:{service}:{region}:{account}:{resource}"
        ))
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

    /// The key of what `parts` name, `None` for a part that is missing.
    pub(crate) fn key(&self, place: Place<'_>, parts: &[Option<&str>]) -> Option<ResourceKey> {
        let all: Option<Vec<&str>> = parts.iter().copied().collect();
        let whole = all.and_then(|all| self.format.key(self.service, place, &all));
        whole.or_else(|| {
            let last = [(*parts.last()?)?];
            self.otherwise.as_ref()?.key(self.service, place, &last)
        })
    }

    /// The ARN IAM authorises an enumeration of this kind against.
    pub(crate) fn wildcard(&self, place: Place<'_>) -> Option<ResourceKey> {
        let Format::Arn(template) = self.format else {
            return None;
        };
        let (start, _) = template.split_once('{')?;
        place.arn(self.service, &format!("{start}*"))
    }

    /// How many parts its format has.
    pub(crate) fn parts(&self) -> usize {
        match self.format {
            Format::Arn(template) | Format::Name(_, template) => template.matches('{').count(),
            Format::Statement => 1,
        }
    }
}

impl Format {
    fn parse(text: &'static str) -> Result<Self, &'static str> {
        if text == "statement" {
            return Ok(Self::Statement);
        }
        let format = match text.strip_prefix("name:") {
            Some(name) => {
                let (kind, template) = name.split_once('/').ok_or("a name without its type")?;
                Self::Name(kind, template)
            }
            None => Self::Arn(text),
        };
        let (Self::Arn(template) | Self::Name(_, template)) = format else {
            return Ok(format);
        };
        for slot in template.split('{').skip(1) {
            let (slot, _) = slot.split_once('}').ok_or("a `{` without its `}`")?;
            if !matches!(
                slot,
                "name" | "lower" | "snapshot" | "colons" | "range" | "uuid"
            ) {
                return Err("a slot that is not name, lower, snapshot, colons, range or uuid");
            }
        }
        Ok(format)
    }

    fn key(&self, service: &str, place: Place<'_>, parts: &[&str]) -> Option<ResourceKey> {
        match *self {
            Self::Arn(template) => place.arn(service, &filled(template, parts)?),
            Self::Name(kind, template) => Some(ResourceKey::from_name(
                service,
                place.region,
                place.account,
                kind,
                &filled(template, parts)?,
            )),
            Self::Statement => Some(ResourceKey::from_statement(
                place.region,
                place.account,
                parts.first()?,
            )),
        }
    }
}

/// `template` with its slots filled in; `None` where a part is none that AWS takes, so
/// that no name can be chosen to spell another resource's ARN.
fn filled(template: &str, parts: &[&str]) -> Option<String> {
    let mut parts = parts.iter();
    let mut pieces = template.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (slot, rest) = piece.split_once('}')?;
        let part = *parts.next()?;
        let fits = match slot {
            "snapshot" | "colons" => !part.contains('/'),
            "range" => !part.contains(':'),
            "uuid" => is_uuid(part),
            _ => !part.contains(['/', ':']),
        };
        if !fits {
            return None;
        }
        match slot {
            "lower" | "snapshot" => text.push_str(&part.to_ascii_lowercase()),
            _ => text.push_str(part),
        }
        text.push_str(rest);
    }
    parts.next().is_none().then_some(text)
}

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The key of a ready-made ARN of the Redshift family, in the one spelling it is kept
/// under; `None` for any other text.
pub(crate) fn family_key(text: &str) -> Option<ResourceKey> {
    let arn = Arn::parse(text)?;
    let resource = match arn.service {
        "redshift" => stored_spelling(arn),
        // AWS prints a serverless namespace both as `namespace/ID` and as `namespace:ID`.
        "redshift-serverless" => match arn.resource.split_once([':', '/']) {
            Some((kind, id)) => format!("{kind}/{id}"),
            None => arn.resource.to_owned(),
        },
        "redshift-data" | "sqlworkbench" => arn.resource.to_owned(),
        _ => return None,
    };
    let Arn {
        partition,
        service,
        region,
        account,
        ..
    } = arn;
    ResourceKey::from_arn(&format!(
        "arn:{partition}:{service}:{region}:{account}:{resource}"
    ))
}

/// The resource with the names that Redshift stores in lower case so written.
fn stored_spelling(arn: Arn<'_>) -> String {
    let Some((kind, name)) = arn.resource.split_once(':') else {
        return arn.resource.to_owned();
    };
    match kind {
        "cluster" | "snapshot" | "parametergroup" | "subnetgroup" | "securitygroup" => {
            format!("{kind}:{}", name.to_ascii_lowercase())
        }
        "dbuser" | "dbname" | "dbgroup" => match name.split_once('/') {
            Some((cluster, name)) => format!("{kind}:{}/{name}", cluster.to_ascii_lowercase()),
            None => arn.resource.to_owned(),
        },
        _ => arn.resource.to_owned(),
    }
}

/// What a key lies in: the cluster in the ARN of a database user, database, database
/// group or snapshot; the batch of a Data API sub-statement (`ID:2`).
pub(crate) fn container(key: &ResourceKey) -> Option<ResourceKey> {
    let text = key.as_str();
    if let Some(statement) = text.strip_prefix("statement:") {
        let (place, id) = statement.split_once('/')?;
        let (region, account) = place.split_once(':')?;
        let (batch, number) = id.rsplit_once(':')?;
        let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        return numbered.then(|| ResourceKey::from_statement(region, account, batch));
    }
    let arn = Arn::parse(text)?;
    let (kind, name) = arn.resource.split_once(':')?;
    let (cluster, _) = name.split_once('/')?;
    let inside = arn.service == "redshift"
        && matches!(kind, "dbuser" | "dbname" | "dbgroup" | "snapshot")
        && !matches!(cluster, "" | "*");
    let Arn {
        partition,
        region,
        account,
        ..
    } = arn;
    inside
        .then(|| format!("arn:{partition}:redshift:{region}:{account}:cluster:{cluster}"))
        .and_then(|arn| ResourceKey::from_arn(&arn))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let check = |parts: &[Option<&str>], expected: Option<&str>| {
            let key = snapshot().key(place, parts);
            assert_eq!(key.as_ref().map(ResourceKey::as_str), expected, "{parts:?}");
        };
        check(
            &[Some("Example"), Some("rs:example-2026")],
            Some("arn:aws-cn:redshift:cn-north-1:123456789012:snapshot:example/rs:example-2026"),
        );
        check(
            &[None, Some("Nightly")],
            Some("name:redshift:cn-north-1:123456789012:snapshot/nightly"),
        );
        check(&[Some("a"), Some("b/c")], None);
        check(&[Some("a"), None], None);
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
        assert_eq!(user.key(place, &[Some("a/b"), Some("c")]), None);
        assert_eq!(user.key(place, &[Some("a"), Some("b/c")]), None);
    }

    #[test]
    fn ok_places() {
        let check = |record: &str, expected: Option<(&str, &str)>| {
            let record = EventRecord::parse(record).unwrap();
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
                "arn:aws:redshift:us-east-1:1:dbuser:Main/Admin",
                Some("arn:aws:redshift:us-east-1:1:dbuser:main/Admin"),
            ),
            ("arn:aws:s3:::bucket", None),
            ("cluster", None),
        ] {
            let key = family_key(arn);
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
            ("statement:us-east-1:1/0a1b", None),
        ] {
            let found = container(&key.parse().unwrap());
            assert_eq!(found.as_ref().map(ResourceKey::as_str), expected, "{key}");
        }
    }
}
