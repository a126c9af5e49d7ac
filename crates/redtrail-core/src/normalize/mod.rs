//! From an event record to an audit event.

pub mod credentials;
mod cuttable;
mod fit;
pub mod principal;
pub mod resources;
mod row_bytes;
pub mod summary;

use std::borrow::Cow;

use compact_str::CompactString;
use memchr::memchr;
use redtrail_model::{
    AuditEvent, EventKey, EventRecord, EventTime, Flag, JsonIndex, Origin, SelectedBy, UserIdentity,
};
use resources::Call;
use sha2::{Digest, Sha256};
use simdutf8::basic::from_utf8;

use crate::{
    hash::hex,
    log_reader::RawRecord,
    select::{FAMILY, Judgement, Selector, Unreadable},
};

/// Longest texts kept, in bytes; what is longer is cut and named in `cut`. Keys are
/// never cut: they have a rule of their own.
pub const MAX_NAME_BYTES: usize = 256;
pub const MAX_USER_AGENT_BYTES: usize = 120;
pub const MAX_ERROR_MESSAGE_BYTES: usize = 200;

/// The audit event of a record that `selector` selects. `origin` names the object; the
/// record's own place is added.
///
/// # Errors
/// When the record is not well-formed JSON, or lacks what a key is made of.
pub fn audit_event(
    record: &RawRecord,
    origin: &Origin,
    selector: &Selector,
) -> Result<AuditEvent, Unreadable> {
    next_audit_event(record, origin, selector, &mut JsonIndex::default())?
        .ok_or(Unreadable::NoEventSource)
}

/// [`audit_event`], of one record after another in the same memory; nothing where `selector` does
/// not select the record.
pub(crate) fn next_audit_event(
    record: &RawRecord,
    origin: &Origin,
    selector: &Selector,
    index: &mut JsonIndex,
) -> Result<Option<AuditEvent>, Unreadable> {
    let mut flags = Vec::new();
    // Nearly all records are; looking for what is not takes longer.
    let text = match from_utf8(&record.bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            flags.push(Flag::InvalidUtf8);
            String::from_utf8_lossy(&record.bytes)
        }
    };
    let Ok(parsed) = index.parse(&text) else {
        return match selector.judge(&record.bytes) {
            Judgement::NotSelected => Ok(None),
            _ => Err(Unreadable::Malformed),
        };
    };
    if flags.is_empty() && parsed.has_escapes && has_unpaired_surrogate(&text) {
        flags.push(Flag::InvalidUtf8);
    }
    let event = EventRecord::read(parsed.root);
    let Some(selected_by) = selector.sign(&event) else {
        return Ok(None);
    };
    let event_time: EventTime = event
        .event_time
        .as_deref()
        .and_then(|time| time.parse().ok())
        .ok_or(Unreadable::NoEventTime)?;
    let event_name = event.event_name.as_deref().filter(|name| !name.is_empty());
    let event_name = event_name.ok_or(Unreadable::NoEventName)?;
    // Two ids must not become one because what tells them apart is no text.
    let event_id = event.event_id.as_deref();
    let is_text = |id: &&str| id.is_ascii() || !id.contains(char::REPLACEMENT_CHARACTER);
    let event_id = match event_id.filter(is_text) {
        Some(id) => Cow::Borrowed(id),
        None => {
            flags.push(Flag::NoEventId);
            Cow::Owned(format!("sha256:{}", hex(&Sha256::digest(&record.bytes))))
        }
    };

    let identity = &event.user_identity;
    let principal = principal::principal(&event);
    let call = Call::of(&event);
    let findings = resources::findings(&call);
    // A service of the family that was configured has no rows at all.
    let has_rules = event
        .event_source
        .as_deref()
        .is_some_and(|name| FAMILY.contains(&name));
    let by_source = selected_by == SelectedBy::EventSource;
    if !findings.known_operation || (by_source && !has_rules) {
        flags.push(Flag::UnknownOperation);
    }
    if findings.resources_cut {
        flags.push(Flag::ResourcesCut);
    }
    let summary = summary::summary(&call);
    let mut shorten = Shorten { cut: summary.cut };
    if findings.related_cut {
        shorten.cut.push("related_arns".into());
    }
    let name = MAX_NAME_BYTES;

    let mut event = AuditEvent {
        event_key: EventKey::new(event_time, &event_id),
        event_id: shorten.text("event_id", &event_id, name),
        event_time,
        event_source: shorten.text(
            "event_source",
            event.event_source.as_deref().unwrap_or_default(),
            name,
        ),
        event_name: shorten.text("event_name", event_name, name),
        event_type: shorten.field(
            "event_type",
            event
                .event_type
                .as_deref()
                .filter(|kind| *kind != "AwsApiCall"),
            name,
        ),
        account_id: shorten.field("account_id", event.account_id(), name),
        aws_region: shorten.field("aws_region", event.aws_region.as_deref(), name),
        identity_type: shorten.field("identity_type", identity.identity_type.as_deref(), name),
        caller_account_id: shorten.field(
            "caller_account_id",
            caller_account(identity).filter(|caller| Some(*caller) != event.account_id()),
            name,
        ),
        session_name: shorten.field("session_name", principal::session_name(identity), name),
        session_issuer: shorten.field(
            "session_issuer",
            identity
                .session
                .issuer
                .arn
                .as_deref()
                .filter(|arn| *arn != principal.as_str()),
            name,
        ),
        access_key_id: shorten.field("access_key_id", identity.access_key_id.as_deref(), name),
        source_identity: shorten.field(
            "source_identity",
            identity.session.source_identity.as_deref(),
            name,
        ),
        mfa_authenticated: identity.session.mfa_authenticated,
        invoked_by: shorten.field("invoked_by", identity.invoked_by.as_deref(), name),
        on_behalf_of: shorten.field(
            "on_behalf_of",
            principal::identity_center_user(identity)
                .as_deref()
                .filter(|user| *user != principal.as_str()),
            name,
        ),
        person: shorten.field("person", principal::person(identity).as_deref(), name),
        root_or_user_credentials: credentials::root_or_user_credentials(&event),
        temporary_credentials: credentials::temporary_credentials(&event),
        by_aws_service: credentials::by_aws_service(&event, selector),
        source_ip_address: shorten.field(
            "source_ip_address",
            event.source_ip_address.as_deref(),
            name,
        ),
        user_agent: shorten.field(
            "user_agent",
            event.user_agent.as_deref(),
            MAX_USER_AGENT_BYTES,
        ),
        read_only: event.read_only,
        error_code: shorten.field("error_code", event.error_code.as_deref(), name),
        error_message: shorten.field(
            "error_message",
            event.error_message.as_deref(),
            MAX_ERROR_MESSAGE_BYTES,
        ),
        shared_event_id: shorten.field("shared_event_id", event.shared_event_id.as_deref(), name),
        addendum_reason: shorten.field(
            "addendum_reason",
            addendum(&event, "reason").as_deref(),
            name,
        ),
        original_event_id: shorten.field(
            "original_event_id",
            addendum(&event, "originalEventID").as_deref(),
            name,
        ),
        principal,
        touched: findings.touched,
        changes_resource: findings.changes_resource,
        aliases: findings.aliases,
        request_parameters: summary.request_parameters,
        response_elements: summary.response_elements,
        selected_by,
        flags,
        cut: shorten.cut,
        record_bytes: record.bytes.len() as u64,
        origin: Origin {
            record_index: record.index,
            ..origin.clone()
        },
    };
    fit::fit(&mut event);
    Ok(Some(event))
}

/// Whether an escape of `json` is half of a surrogate pair without the other half.
fn has_unpaired_surrogate(json: &str) -> bool {
    let bytes = json.as_bytes();
    let unit = |at: usize| {
        let digits = json.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        at += match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => return true,
            _ => 2,
        };
    }
    false
}

fn addendum<'a>(event: &EventRecord<'a>, member: &str) -> Option<Cow<'a, str>> {
    event.addendum?.get(member)?.scalar()
}

fn caller_account<'a>(identity: &'a UserIdentity<'_>) -> Option<&'a str> {
    let issuer = &identity.session.issuer;
    identity
        .account_id
        .as_deref()
        .or(issuer.account_id.as_deref())
}

/// Cuts long texts on a character boundary and remembers which.
struct Shorten {
    cut: Vec<CompactString>,
}

impl Shorten {
    fn text(&mut self, name: &str, text: &str, max_bytes: usize) -> CompactString {
        if text.len() <= max_bytes {
            return text.into();
        }
        self.cut.push(name.into());
        text.get(..text.floor_char_boundary(max_bytes))
            .unwrap_or_default()
            .into()
    }

    /// An optional text; an empty one says nothing and is left out.
    fn field(&mut self, name: &str, text: Option<&str>, max_bytes: usize) -> Option<CompactString> {
        let text = text.filter(|text| !text.is_empty())?;
        Some(self.text(name, text, max_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_halves_of_surrogate_pairs_are_seen() {
        for (json, expected) in [
            (r#"{"a":"\ud83d\ude00 \u00e9 \n"}"#, false),
            (r#"{"a":"\\ud800"}"#, false),
            (r#"{"a":"\\\ud800"}"#, true),
            (r#"{"a":"\ud800"}"#, true),
            (r#"{"a":"\uDFFFé"}"#, true),
            (r#"{"a":"\ude00\ud83d"}"#, true),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, true),
            (r#"{"\uD83D":1}"#, true),
            (r#"{"a":"\u+800 \ud80"}"#, false),
        ] {
            assert_eq!(has_unpaired_surrogate(json), expected, "{json}");
        }
    }

    #[test]
    fn ok_a_configured_service_without_rules_is_marked() {
        let origin = Origin {
            bucket: "b".into(),
            key: "k".into(),
            version: None,
            record_index: 0,
        };
        let selector = Selector::default().with_services(["redshift-preview.amazonaws.com"]);
        for (service, flags) in [
            (
                "redshift-preview.amazonaws.com",
                vec![Flag::UnknownOperation],
            ),
            ("redshift.amazonaws.com", vec![]),
        ] {
            let record = format!(
                r#"{{"eventID":"e","eventTime":"2026-03-02T09:00:00Z","eventSource":"{service}","eventName":"DescribeClusters"}}"#
            );
            let record = RawRecord {
                index: 0,
                offset: 0,
                bytes: record.into_bytes(),
            };
            let event = audit_event(&record, &origin, &selector).unwrap();
            assert_eq!(event.flags, flags, "{service}");
        }
    }
}
