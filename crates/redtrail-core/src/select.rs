//! Which records are of the Redshift family, and by which sign. A record that is not is
//! only delimited: what is wrong inside it never matters.

use std::{borrow::Cow, collections::HashSet, fmt};

use memchr::{memchr2, memmem};
use redtrail_model::{EventRecord, Json, JsonText, SelectedBy, UserIdentity};
use serde::Serialize;
use simdutf8::basic::from_utf8;

use crate::{
    accounts,
    log_reader::Delimiter,
    skim::{Skim, Skimmer},
};

/// Event sources whose every event is of the family; also the names under which these
/// services call others. Compared exactly.
pub const FAMILY: [&str; 4] = [
    "redshift.amazonaws.com",
    "redshift-serverless.amazonaws.com",
    "redshift-data.amazonaws.com",
    "sqlworkbench.amazonaws.com",
];

/// Encryption context keys with which Redshift names its resource to KMS.
pub(crate) const ENCRYPTION_CONTEXT_KEYS: [&str; 2] =
    ["aws:redshift:arn", "aws:redshift-serverless:arn"];

/// What a record is to redtrail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Selected(SelectedBy),
    NotSelected,
    Unreadable(Unreadable),
}

/// What a glance tells of an element: its bytes were looked at, not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    Told(Judgement),
    /// Another service's event that has a name or an account id of Redshift's: only its members
    /// tell, and they are read anyway once it is normalized.
    Hinted,
}

/// Why an element cannot be judged or normalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// An element of `Records` that is no object.
    NotAnObject,
    /// No `eventSource`, or one that is no string.
    NoEventSource,
    /// `eventSource` stands twice.
    DoubledEventSource,
    /// A record that may be of the family is not well-formed JSON.
    Malformed,
    /// Larger than one element may be.
    TooLarge,
    /// No `eventTime` that can be read.
    NoEventTime,
    /// No `eventName`.
    NoEventName,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Account ids. Nothing of a record is ever put into it, so nobody can make it slow.
type Accounts = HashSet<String, foldhash::fast::RandomState>;

/// Judges records. Built once; it holds the services' names and Redshift's account ids.
#[derive(Debug)]
pub struct Selector {
    services: Vec<String>,
    redshift_accounts: Accounts,
    /// Finds what a record must contain to be of the family though another service logged
    /// it: each sign of [`Selector::sign`] holds a name or an account id that it looks out for.
    skimmer: Skimmer,
}

impl Selector {
    /// A selector that also knows `further_accounts` (twelve digits each) as Redshift's own.
    pub fn new<'a>(further_accounts: impl IntoIterator<Item = &'a str>) -> Self {
        let services = FAMILY.map(str::to_owned).into();
        let further = further_accounts.into_iter().map(str::to_owned);
        Self::of(
            services,
            accounts::published()
                .map(str::to_owned)
                .chain(further)
                .collect(),
        )
    }

    /// The same selector that also counts these services to the family, as in `eventSource`.
    #[must_use]
    pub fn with_services<'a>(self, further: impl IntoIterator<Item = &'a str>) -> Self {
        let Self {
            mut services,
            redshift_accounts,
            ..
        } = self;
        services.extend(further.into_iter().map(str::to_owned));
        Self::of(services, redshift_accounts)
    }

    fn of(services: Vec<String>, redshift_accounts: Accounts) -> Self {
        let names = services.iter().map(String::as_str);
        let accounts = redshift_accounts.iter().map(String::as_str);
        let skimmer = Skimmer::new(names, ENCRYPTION_CONTEXT_KEYS, accounts);
        Self {
            services,
            redshift_accounts,
            skimmer,
        }
    }

    /// Whether the caller belongs to Redshift: its account, its issuer's, or the account in
    /// one of its ARNs is one of Redshift's own.
    pub fn is_redshift(&self, identity: &UserIdentity<'_>) -> bool {
        identity
            .accounts()
            .any(|account| self.redshift_accounts.contains(account))
    }

    fn is_family(&self, service: &str) -> bool {
        self.services.iter().any(|name| name == service)
    }

    /// What the record in `bytes`, one delimited element of `Records`, is.
    pub fn judge(&self, bytes: &[u8]) -> Judgement {
        match self.glance(bytes, None) {
            Glance::Told(judgement) => judgement,
            Glance::Hinted => self.judge_parsed(bytes),
        }
    }

    /// What finds the objects that need a judgement.
    pub(crate) fn skimmer(&self) -> &Skimmer {
        &self.skimmer
    }

    /// As much of [`Selector::judge`] as a glance tells. `skim` is what [`Selector::skimmer`] said
    /// of the record, if it has been asked.
    pub(crate) fn glance(&self, bytes: &[u8], skim: Option<Skim>) -> Glance {
        // An escape can hide a sign, or another `eventSource`.
        let plain = skim
            .or_else(|| self.skimmer.skim(bytes).ok())
            .filter(|skim| skim.length == bytes.len())
            .filter(|skim| !skim.has_escapes || memmem::find(bytes, b"\\u").is_none());
        let may_be_family = plain.is_none_or(|skim| skim.is_hinted);
        let string = plain.and_then(|skim| string_behind(bytes, skim.source?));
        if string.is_some() && !may_be_family {
            return Glance::Told(Judgement::NotSelected);
        }
        let source = match string.and_then(without_escapes) {
            Some(source) => Cow::Borrowed(source),
            None => match event_source(bytes) {
                Ok(source) => source,
                Err(reason) => return Glance::Told(Judgement::Unreadable(reason)),
            },
        };
        if self.is_family(&source) {
            return Glance::Told(Judgement::Selected(SelectedBy::EventSource));
        }
        if !may_be_family {
            return Glance::Told(Judgement::NotSelected);
        }
        match plain {
            Some(_) => Glance::Hinted,
            // In some trails that is every record.
            None => Glance::Told(self.judge_parsed(bytes)),
        }
    }

    /// What the members of another service's event tell.
    pub(crate) fn judge_parsed(&self, bytes: &[u8]) -> Judgement {
        let text = match from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        };
        match JsonText::parse(&text) {
            Ok(json) => self
                .sign(&EventRecord::read(json.root()))
                .map_or(Judgement::NotSelected, Judgement::Selected),
            Err(_) if self.has_hint(bytes) => Judgement::Unreadable(Unreadable::Malformed),
            Err(_) => Judgement::NotSelected,
        }
    }

    /// Whether the record contains what each sign does.
    fn has_hint(&self, bytes: &[u8]) -> bool {
        let names = self.services.iter().chain(&self.redshift_accounts);
        let mut hints = names.map(String::as_str).chain(ENCRYPTION_CONTEXT_KEYS);
        hints.any(|hint| memmem::find(bytes, hint.as_bytes()).is_some())
    }

    /// The sign that makes `record` one of the family, the surest first. Address and user
    /// agent stand in for account ids in Regions for which AWS publishes none.
    pub fn sign(&self, record: &EventRecord<'_>) -> Option<SelectedBy> {
        let identity = &record.user_identity;
        let source = record.event_source.as_deref().unwrap_or_default();
        let is_family =
            |text: &Option<Cow<'_, str>>| text.as_deref().is_some_and(|text| self.is_family(text));
        let uses_kms = || source == "kms.amazonaws.com";
        if self.is_family(source) {
            Some(SelectedBy::EventSource)
        } else if is_family(&identity.invoked_by) {
            Some(SelectedBy::InvokedBy)
        } else if self.is_redshift(identity) {
            Some(SelectedBy::RedshiftAccount)
        } else if service_linked_to(identity).is_some_and(|service| self.is_family(service)) {
            Some(SelectedBy::ServiceLinkedRole)
        } else if is_family(&record.source_ip_address) {
            Some(SelectedBy::SourceAddress)
        } else if is_family(&record.user_agent) && came_from_inside(record) {
            Some(SelectedBy::UserAgent)
        } else if uses_kms() && record.request_parameters.is_some_and(encrypts_for_redshift) {
            Some(SelectedBy::EncryptionContext)
        } else {
            None
        }
    }
}

impl Default for Selector {
    fn default() -> Self {
        Self::new([])
    }
}

/// The service whose service-linked role the session is of. Only AWS makes roles in that
/// path; a role's name alone proves nothing, so a record without session issuer is not told.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
pub(crate) fn service_linked_to<'a>(identity: &'a UserIdentity<'_>) -> Option<&'a str> {
    let role = identity.session.issuer.arn.as_ref()?.arn()?;
    let path = role.resource.strip_prefix("role/aws-service-role/")?;
    (role.service == "iam").then_some(path.split_once('/')?.0)
}

/// Whether the call came from inside AWS, in the name of no other service. Anybody can send
/// any user agent, and some services pass their caller's on; nobody chooses the address and
/// the service that CloudTrail writes.
fn came_from_inside(record: &EventRecord<'_>) -> bool {
    const INSIDE: &str = "AWS Internal";
    let identity = &record.user_identity;
    let address = record.source_ip_address.as_deref().unwrap_or_default();
    let invoked_by = identity.invoked_by.as_deref().unwrap_or(INSIDE);
    let by_service = identity.identity_type.as_deref() == Some("AWSService");
    invoked_by == INSIDE && (by_service || address.starts_with(INSIDE))
}

/// <https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-kms.html>
fn encrypts_for_redshift(parameters: Json<'_>) -> bool {
    let constraints = parameters.get("constraints");
    [
        parameters.get("encryptionContext"),
        // ReEncrypt has one for each side.
        parameters.get("sourceEncryptionContext"),
        parameters.get("destinationEncryptionContext"),
        constraints.and_then(|all| all.get("encryptionContextSubset")),
        constraints.and_then(|all| all.get("encryptionContextEquals")),
    ]
    .into_iter()
    .flatten()
    .any(|context| {
        ENCRYPTION_CONTEXT_KEYS
            .iter()
            .any(|key| context.get(key).is_some())
    })
}

/// The inside of the string that is the value of the key that ends at `at`, and what follows.
fn string_behind(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?.trim_ascii_start().strip_prefix(b":")?;
    rest.trim_ascii_start().strip_prefix(b"\"")
}

/// The string that ends within `inside`, unless something in it is escaped.
fn without_escapes(inside: &[u8]) -> Option<&str> {
    let end = memchr2(b'"', b'\\', inside)?;
    let (text, rest) = inside.split_at_checked(end)?;
    std::str::from_utf8(text)
        .ok()
        .filter(|_| rest.starts_with(b"\""))
}

/// The record's own `eventSource`, found without reading what is not asked for.
fn event_source(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let mut rest = bytes.strip_prefix(b"{").ok_or(Unreadable::NotAnObject)?;
    let mut source = None;
    while let Some((key, value, behind)) = next_member(rest) {
        rest = behind;
        if !is_event_source_key(key) {
            continue;
        }
        if source.is_some() {
            return Err(Unreadable::DoubledEventSource);
        }
        source = Some(value);
        // A second key would contain these bytes, or be written with an escape.
        if memmem::find(rest, b"\"eventSource\"").is_none() && memmem::find(rest, b"\\u").is_none()
        {
            break;
        }
    }
    let text = source.filter(|value| value.starts_with(b"\""));
    let text = text.and_then(|value| std::str::from_utf8(value).ok());
    let json = text.and_then(|text| JsonText::parse(text).ok());
    json.and_then(|json| Some(Cow::Owned(json.root().string()?.into_owned())))
        .ok_or(Unreadable::NoEventSource)
}

fn is_event_source_key(key: &[u8]) -> bool {
    key == b"\"eventSource\""
        || key.contains(&b'\\')
            && serde_json::from_slice::<String>(key).is_ok_and(|key| key == "eventSource")
}

/// The next `"key": value` of an object and what stands behind it; `None` at the
/// object's end, or where no member can be told.
fn next_member(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'"')?;
    let (key, rest) = delimited(bytes.get(at..)?)?;
    let rest = rest
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    let (value, rest) = match rest.first()? {
        b'{' | b'[' | b'"' => delimited(rest)?,
        _ => {
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
            rest.split_at_checked(end)?
        }
    };
    Some((key, value, rest))
}

fn delimited(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(Delimiter::default().end(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &str, expected: Judgement) {
        assert_eq!(
            Selector::default().judge(record.as_bytes()),
            expected,
            "{record}"
        );
    }

    #[test]
    fn ok_by_event_source() {
        for source in FAMILY {
            check(
                &format!(r#"{{"eventSource":"{source}"}}"#),
                Judgement::Selected(SelectedBy::EventSource),
            );
        }
        check(
            r#"{ "a" : {"eventSource":"s3.amazonaws.com"}, "\u0065ventSource" : "\u0072edshift.amazonaws.com" }"#,
            Judgement::Selected(SelectedBy::EventSource),
        );
    }

    /// An escape keeps the glance from telling anything, and half a pair of surrogates the parse.
    #[test]
    fn what_cannot_be_parsed_is_unreadable_only_where_a_hint_stands() {
        check(
            r#"{"eventSource":"ec2.amazonaws.com","eventName":"\u0041","eventTime":{"a":1e}}"#,
            Judgement::NotSelected,
        );
        check(
            r#"{"eventSource":"ec2.amazonaws.com","eventName":"\u0041 redshift.amazonaws.com","eventTime":{"a":1e}}"#,
            Judgement::Unreadable(Unreadable::Malformed),
        );
    }

    #[test]
    fn ok_by_signs_in_other_services_events() {
        check(
            r#"{"eventSource":"glue.amazonaws.com","userIdentity":{"invokedBy":"redshift.amazonaws.com"}}"#,
            Judgement::Selected(SelectedBy::InvokedBy),
        );
        check(
            r#"{"eventSource":"kms.amazonaws.com","userIdentity":{"accountId":"790247189693"}}"#,
            Judgement::Selected(SelectedBy::RedshiftAccount),
        );
        check(
            r#"{"eventSource":"kms.amazonaws.com","requestParameters":{"constraints":{"encryptionContextSubset":{"aws:redshift:arn":"x"}}}}"#,
            Judgement::Selected(SelectedBy::EncryptionContext),
        );
        check(
            r#"{"eventSource":"glue.amazonaws.com","userIdentity":{"invokedBy":"\u0072edshift.amazonaws.com"}}"#,
            Judgement::Selected(SelectedBy::InvokedBy),
        );
        check(
            r#"{"eventSource":"kms.amazonaws.com","userIdentity":{"arn":"arn:aws:sts::790247189693:assumed-role/r/s"}}"#,
            Judgement::Selected(SelectedBy::RedshiftAccount),
        );
        check(
            r#"{"eventSource":"ec2.amazonaws.com","userIdentity":{"sessionContext":{"sessionIssuer":{"arn":"arn:aws-cn:iam::1:role\/aws-service-role\/redshift.amazonaws.com\/AWSServiceRoleForRedshift"}}}}"#,
            Judgement::Selected(SelectedBy::ServiceLinkedRole),
        );
        check(
            r#"{"eventSource":"s3.amazonaws.com","sourceIPAddress":"redshift-serverless.amazonaws.com"}"#,
            Judgement::Selected(SelectedBy::SourceAddress),
        );
        check(
            r#"{"eventSource":"s3.amazonaws.com","sourceIPAddress":"AWS Internal/3","userAgent":"redshift.amazonaws.com"}"#,
            Judgement::Selected(SelectedBy::UserAgent),
        );
        check(
            r#"{"eventSource":"kms.amazonaws.com","requestParameters":{"destinationEncryptionContext":{"aws:redshift-serverless:arn":"x"}}}"#,
            Judgement::Selected(SelectedBy::EncryptionContext),
        );
    }

    #[test]
    fn ok_not_ours() {
        for source in [
            "s3.amazonaws.com",
            "Redshift.amazonaws.com",
            "redshift.amazonaws.com.evil.example",
            "redshift.amazonaws.com ",
            "r\u{435}dshift.amazonaws.com",
            "",
        ] {
            check(
                &format!(r#"{{"eventSource":"{source}"}}"#),
                Judgement::NotSelected,
            );
        }
        check(
            r#"{"eventSource":"s3.amazonaws.com","requestParameters":{"eventSource":"redshift.amazonaws.com","accountId":"790247189693"}}"#,
            Judgement::NotSelected,
        );
        check(
            r#"{"eventSource":"s3.amazonaws.com","broken":}"#,
            Judgement::NotSelected,
        );
    }

    #[test]
    fn ok_signs_that_look_alike() {
        for record in [
            r#"{"eventSource":"s3.amazonaws.com","userIdentity":{"invokedBy":"redshift"}}"#,
            r#"{"eventSource":"s3.amazonaws.com","userIdentity":{"principalId":"AIDA:790247189693","userName":"790247189693"}}"#,
            r#"{"eventSource":"s3.amazonaws.com","userIdentity":{"arn":"arn:aws:sts::1:assumed-role/790247189693/790247189693"}}"#,
            r#"{"eventSource":"s3.amazonaws.com","userIdentity":{"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/team/aws-service-role/redshift.amazonaws.com/x"}}}}"#,
            r#"{"eventSource":"s3.amazonaws.com","sourceIPAddress":"192.0.2.1","userAgent":"redshift.amazonaws.com"}"#,
            r#"{"eventSource":"s3.amazonaws.com","sourceIPAddress":"athena.amazonaws.com","userAgent":"redshift.amazonaws.com","userIdentity":{"invokedBy":"athena.amazonaws.com"}}"#,
            r#"{"eventSource":"s3.amazonaws.com","sourceIPAddress":"AWS Internal","userAgent":"my redshift.amazonaws.com"}"#,
            r#"{"eventSource":"s3.amazonaws.com","requestParameters":{"encryptionContext":{"aws:redshift:arn":"x"}}}"#,
            r#"{"eventSource":"kms.amazonaws.com","requestParameters":{"encryptionContext":{"note":"aws:redshift:arn"}}}"#,
        ] {
            check(record, Judgement::NotSelected);
        }
    }

    #[test]
    fn ok_further_accounts_and_services() {
        let selector =
            Selector::new(["000000000001"]).with_services(["redshift.example.amazonaws.com"]);
        let judge = |record: &str| selector.judge(record.as_bytes());
        assert_eq!(
            judge(
                r#"{"eventSource":"kms.amazonaws.com","userIdentity":{"accountId":"000000000001"}}"#
            ),
            Judgement::Selected(SelectedBy::RedshiftAccount)
        );
        assert_eq!(
            judge(r#"{"eventSource":"redshift.example.amazonaws.com"}"#),
            Judgement::Selected(SelectedBy::EventSource)
        );
        assert_eq!(
            judge(
                r#"{"eventSource":"s3.amazonaws.com","sourceIPAddress":"redshift.example.amazonaws.com"}"#
            ),
            Judgement::Selected(SelectedBy::SourceAddress)
        );
        assert_eq!(
            judge(r#"{"eventSource":"redshift-data.amazonaws.com"}"#),
            Judgement::Selected(SelectedBy::EventSource)
        );
    }

    /// A text as JSON may write it: some of its characters escaped.
    fn written(text: &str, escapes: u32) -> String {
        let characters = text.chars().enumerate().map(|(at, character)| {
            if escapes >> (at % 32) & 1 == 1 {
                format!("\\u{:04x}", u32::from(character))
            } else {
                character.to_string()
            }
        });
        format!("\"{}\"", characters.collect::<String>())
    }

    const FIELDS: &[&str] = &[
        "redshift.amazonaws.com",
        "s3.amazonaws.com",
        "kms.amazonaws.com",
        "AWS Internal",
        "AWSService",
        "790247189693",
        "192.0.2.1",
        "arn:aws:sts::790247189693:assumed-role/r/s",
        "arn:aws:iam::1:role/aws-service-role/redshift.amazonaws.com/r",
    ];

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config {
            failure_persistence: None, ..proptest::test_runner::Config::default()
        })]

        #[test]
        fn ok_the_fast_path_selects_what_a_full_parse_selects(
            values in proptest::collection::vec(
                (proptest::sample::select(FIELDS), proptest::num::u32::ANY),
                9,
            ),
            few in proptest::bool::ANY,
        ) {
            let value = |at: usize| {
                let (text, escapes) = values[at];
                written(text, if few { 0 } else { escapes })
            };
            let record = format!(
                r#"{{"eventSource":{},"sourceIPAddress":{},"userAgent":{},"userIdentity":{{"type":{},"accountId":{},"arn":{},"invokedBy":{},"sessionContext":{{"sessionIssuer":{{"arn":{}}}}}}},"requestParameters":{{"encryptionContext":{{{}:1}}}}}}"#,
                value(0), value(1), value(2), value(3), value(4), value(5), value(6), value(7), written("aws:redshift:arn", values[8].1),
            );
            let selector = Selector::default();
            let json = JsonText::parse(&record).unwrap();
            let parsed = EventRecord::read(json.root());
            let expected = selector.sign(&parsed).map_or(Judgement::NotSelected, Judgement::Selected);
            assert_eq!(selector.judge(record.as_bytes()), expected, "{record}");
        }
    }

    #[test]
    fn err_unreadable() {
        check("[1]", Judgement::Unreadable(Unreadable::NotAnObject));
        check("null", Judgement::Unreadable(Unreadable::NotAnObject));
        check("{}", Judgement::Unreadable(Unreadable::NoEventSource));
        check(
            r#"{"eventSource":null}"#,
            Judgement::Unreadable(Unreadable::NoEventSource),
        );
        check(
            r#"{"eventSource":["redshift.amazonaws.com"]}"#,
            Judgement::Unreadable(Unreadable::NoEventSource),
        );
        check(
            r#"{"a":{"eventSource":"redshift.amazonaws.com"}}"#,
            Judgement::Unreadable(Unreadable::NoEventSource),
        );
        check(
            r#"{"eventSource":"s3.amazonaws.com","eventSource":"redshift.amazonaws.com"}"#,
            Judgement::Unreadable(Unreadable::DoubledEventSource),
        );
        check(
            r#"{"eventSource":"kms.amazonaws.com","userIdentity":{"accountId":"790247189693"},"broken":}"#,
            Judgement::Unreadable(Unreadable::Malformed),
        );
    }
}
