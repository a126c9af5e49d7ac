//! Which records are of the Redshift family, and by which sign. A record that is not is
//! only delimited: what is wrong inside it never matters.

use std::{borrow::Cow, collections::HashSet, fmt};

use aho_corasick::AhoCorasick;
use memchr::memmem;
use redtrail_model::{EventRecord, RawJson, SelectedBy};
use serde::Serialize;

use crate::{accounts, log_reader::Delimiter};

/// Event sources whose every event is of the family; also the names under which these
/// services call others (`userIdentity.invokedBy`). Compared exactly.
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

/// Judges records. Built once; it holds Redshift's account ids.
#[derive(Debug)]
pub struct Selector {
    redshift_accounts: HashSet<String>,
    /// Finds what a record must contain to be of the family though another service logged it.
    hints: AhoCorasick,
}

impl Selector {
    /// A selector that also knows `further_accounts` (twelve digits each) as Redshift's own.
    pub fn new<'a>(further_accounts: impl IntoIterator<Item = &'a str>) -> Self {
        let further = further_accounts.into_iter().map(str::to_owned);
        let redshift_accounts: HashSet<String> =
            accounts::published().map(str::to_owned).chain(further).collect();
        let services = FAMILY.iter().chain(&ENCRYPTION_CONTEXT_KEYS).copied();
        let hints = AhoCorasick::new(services.chain(redshift_accounts.iter().map(String::as_str)))
            .expect("a few dozen short literals make a small automaton");
        Self { redshift_accounts, hints }
    }

    /// Whether the account belongs to Redshift.
    pub fn is_redshift_account(&self, account_id: &str) -> bool {
        self.redshift_accounts.contains(account_id)
    }

    /// What the record in `bytes`, one delimited element of `Records`, is.
    pub fn judge(&self, bytes: &[u8]) -> Judgement {
        let source = match event_source(bytes) {
            Ok(source) => source,
            Err(reason) => return Judgement::Unreadable(reason),
        };
        if FAMILY.contains(&&*source) {
            return Judgement::Selected(SelectedBy::EventSource);
        }
        // An escape can hide a hint; `\u` is rare enough to look closer each time.
        if !self.hints.is_match(bytes) && memmem::find(bytes, b"\\u").is_none() {
            return Judgement::NotSelected;
        }
        let text = String::from_utf8_lossy(bytes);
        match EventRecord::parse(&text) {
            Ok(record) => {
                self.sign(&record).map_or(Judgement::NotSelected, Judgement::Selected)
            }
            Err(_) if self.hints.is_match(bytes) => Judgement::Unreadable(Unreadable::Malformed),
            Err(_) => Judgement::NotSelected,
        }
    }

    /// The sign that makes `record` one of the family.
    pub fn sign(&self, record: &EventRecord<'_>) -> Option<SelectedBy> {
        let identity = &record.user_identity;
        let source = record.event_source.as_deref().unwrap_or_default();
        if FAMILY.contains(&source) {
            return Some(SelectedBy::EventSource);
        }
        if identity.invoked_by.as_deref().is_some_and(|service| FAMILY.contains(&service)) {
            return Some(SelectedBy::InvokedBy);
        }
        let accounts = [&identity.account_id, &identity.session.issuer.account_id];
        if accounts.into_iter().flatten().any(|account| self.is_redshift_account(account)) {
            return Some(SelectedBy::RedshiftAccount);
        }
        let names_redshift =
            source == "kms.amazonaws.com" && record.request_parameters.is_some_and(encrypts_for_redshift);
        names_redshift.then_some(SelectedBy::EncryptionContext)
    }
}

impl Default for Selector {
    fn default() -> Self {
        Self::new([])
    }
}

/// <https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-kms.html>
fn encrypts_for_redshift(parameters: RawJson<'_>) -> bool {
    let constraints = parameters.get("constraints");
    [
        parameters.get("encryptionContext"),
        constraints.and_then(|all| all.get("encryptionContextSubset")),
        constraints.and_then(|all| all.get("encryptionContextEquals")),
    ]
    .into_iter()
    .flatten()
    .any(|context| ENCRYPTION_CONTEXT_KEYS.iter().any(|key| context.get(key).is_some()))
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
        if memmem::find(rest, b"\"eventSource\"").is_none() && memmem::find(rest, b"\\u").is_none() {
            break;
        }
    }
    let text = source.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| RawJson::parse(text).ok()).and_then(RawJson::string).ok_or(Unreadable::NoEventSource)
}

fn is_event_source_key(key: &[u8]) -> bool {
    key == b"\"eventSource\""
        || key.contains(&b'\\') && serde_json::from_slice::<String>(key).is_ok_and(|key| key == "eventSource")
}

/// The next `"key": value` of an object and what stands behind it; `None` at the
/// object's end, or where no member can be told.
fn next_member(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'"')?;
    let (key, rest) = delimited(bytes.get(at..)?)?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
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
        assert_eq!(Selector::default().judge(record.as_bytes()), expected, "{record}");
    }

    #[test]
    fn ok_by_event_source() {
        for source in FAMILY {
            check(&format!(r#"{{"eventSource":"{source}"}}"#), Judgement::Selected(SelectedBy::EventSource));
        }
        check(
            r#"{ "a" : {"eventSource":"s3.amazonaws.com"}, "\u0065ventSource" : "\u0072edshift.amazonaws.com" }"#,
            Judgement::Selected(SelectedBy::EventSource),
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
            check(&format!(r#"{{"eventSource":"{source}"}}"#), Judgement::NotSelected);
        }
        check(
            r#"{"eventSource":"s3.amazonaws.com","requestParameters":{"eventSource":"redshift.amazonaws.com","accountId":"790247189693"}}"#,
            Judgement::NotSelected,
        );
        check(r#"{"eventSource":"s3.amazonaws.com","broken":}"#, Judgement::NotSelected);
    }

    #[test]
    fn err_unreadable() {
        check("[1]", Judgement::Unreadable(Unreadable::NotAnObject));
        check("null", Judgement::Unreadable(Unreadable::NotAnObject));
        check("{}", Judgement::Unreadable(Unreadable::NoEventSource));
        check(r#"{"eventSource":null}"#, Judgement::Unreadable(Unreadable::NoEventSource));
        check(r#"{"eventSource":["redshift.amazonaws.com"]}"#, Judgement::Unreadable(Unreadable::NoEventSource));
        check(r#"{"a":{"eventSource":"redshift.amazonaws.com"}}"#, Judgement::Unreadable(Unreadable::NoEventSource));
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
