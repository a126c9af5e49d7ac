//! How large the items of an event will be, told without making them: what is cut from an
//! event depends on it, and items are dear to make.

use std::fmt::{self, Write};

use redtrail_model::{
    AuditEvent, EXPIRES_AT, Part, RULES_VERSION, Resource, SCHEMA_VERSION, SelectedBy,
};

use crate::item::is_changed;

const TIME_BYTES: usize = 24;
/// What stands for a null, a boolean, or an element of a list.
const MARK_BYTES: usize = 1;
const COLLECTION_BYTES: usize = 3;

/// The bytes of the items that [`puts`](crate::item::puts) makes of an event, all but the
/// place of the original.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowBytes<'e> {
    /// Of what stands in each of them and is never cut.
    common: usize,
    /// Of what else stands in the principal's.
    of_principal: usize,
    /// What else stands in each resource's, and whether the event may have changed it.
    resources: &'e [Resource],
    changes_resource: bool,
}

impl RowBytes<'_> {
    /// Of each item, with so many of what may be cut.
    pub(super) fn with(self, cuttable_bytes: usize) -> impl Iterator<Item = usize> {
        let common = self.common + cuttable_bytes;
        let of_resources = self.resources.iter().map(move |resource| {
            let is_change = self.changes_resource && is_changed(resource.part);
            "resource_key".len()
                + resource.key.as_str().len()
                + "part".len()
                + part_bytes(resource.part)
                + when(is_change, "change_key", || TIME_BYTES)
        });
        std::iter::once(self.of_principal)
            .chain(of_resources)
            .map(move |own| common + own)
    }
}

/// The bytes of the items of `event`.
pub(super) fn row_bytes(event: &AuditEvent) -> RowBytes<'_> {
    // Each field is here: a new one must be counted or left out with a reason. What may be cut
    // is counted by itself.
    let AuditEvent {
        event_key,
        event_id,
        event_time,
        event_source,
        event_name,
        event_type,
        account_id,
        aws_region,
        principal,
        identity_type,
        caller_account_id,
        session_name,
        session_issuer,
        access_key_id,
        source_identity,
        mfa_authenticated,
        invoked_by,
        on_behalf_of,
        person,
        root_or_user_credentials,
        temporary_credentials,
        by_aws_service,
        source_ip_address,
        user_agent: _,
        read_only,
        error_code,
        error_message: _,
        touched,
        changes_resource,
        // They are written to the directory.
        aliases: _,
        request_parameters: _,
        response_elements: _,
        shared_event_id,
        addendum_reason,
        original_event_id,
        selected_by,
        flags,
        cut: _,
        record_bytes,
        origin: _,
    } = event;
    // What is implied is left out; what is implied and does not hold stands as a null.
    let implied_name = person.as_deref().filter(|person| !person.contains(':'));
    let has_session = access_key_id
        .as_deref()
        .is_some_and(|key| key.starts_with("ASIA"));
    let implied_mfa = has_session.then_some(false);
    let texts = [
        ("event_key", Some(event_key.as_str())),
        ("event_source", Some(event_source)),
        ("event_name", Some(event_name)),
        ("principal", Some(principal.as_str())),
        ("event_type", event_type.as_deref()),
        ("account_id", account_id.as_deref()),
        ("aws_region", aws_region.as_deref()),
        ("caller_account_id", caller_account_id.as_deref()),
        ("session_issuer", session_issuer.as_deref()),
        ("access_key_id", access_key_id.as_deref()),
        ("source_identity", source_identity.as_deref()),
        ("invoked_by", invoked_by.as_deref()),
        ("on_behalf_of", on_behalf_of.as_deref()),
        ("person", person.as_deref()),
        ("source_ip_address", source_ip_address.as_deref()),
        ("error_code", error_code.as_deref()),
        ("shared_event_id", shared_event_id.as_deref()),
        ("addendum_reason", addendum_reason.as_deref()),
        ("original_event_id", original_event_id.as_deref()),
        (
            "event_id",
            unless(Some(event_key.event_id()), Some(event_id)),
        ),
        (
            "session_name",
            unless(implied_name, session_name.as_deref()),
        ),
        (
            "identity_type",
            unless(principal.identity_type(), identity_type.as_deref()),
        ),
    ];
    let booleans = [
        ("root_or_user_credentials", root_or_user_credentials),
        ("temporary_credentials", temporary_credentials),
        ("by_aws_service", by_aws_service),
        ("read_only", read_only),
        (
            "mfa_authenticated",
            &Some(true).filter(|_| implied_mfa != *mfa_authenticated),
        ),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, value)| Some(name.len() + value?.len()));
    let booleans = booleans
        .into_iter()
        .filter_map(|(name, value)| value.map(|_| name.len() + MARK_BYTES));
    let numbers = [
        (
            "record_bytes",
            i64::try_from(*record_bytes).unwrap_or(i64::MAX),
        ),
        ("schema_version", SCHEMA_VERSION.into()),
        ("rules_version", RULES_VERSION.into()),
        (EXPIRES_AT, event_time.epoch_seconds()),
    ];
    let common = texts.sum::<usize>()
        + booleans.sum::<usize>()
        + numbers
            .map(|(name, number)| name.len() + number_bytes(number))
            .iter()
            .sum::<usize>()
        + list("flags", flags.iter().map(word_bytes))
        + when(
            *selected_by != SelectedBy::EventSource,
            "selected_by",
            || word_bytes(selected_by),
        );

    let resources = &touched.resources;
    let is_told = resources
        .iter()
        .all(|resource| resource.part == Part::Target);
    let parts = resources.iter().filter(|_| !is_told);
    let keys = resources.iter().map(|resource| resource.key.as_str().len());
    let of_principal = list("resource_arns", keys)
        + list(
            "resource_parts",
            parts.map(|resource| part_bytes(resource.part)),
        )
        + when(error_code.is_some(), "failure_key", || TIME_BYTES);
    RowBytes {
        common,
        of_principal,
        resources,
        changes_resource: *changes_resource,
    }
}

pub(super) fn part_bytes(part: Part) -> usize {
    part.as_str().len()
}

fn word_bytes(word: &impl fmt::Display) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting never fails.
    write!(count, "{word}").map_or(0, |()| count.0)
}

/// About one byte for two digits, and one more.
fn number_bytes(number: i64) -> usize {
    let sign = usize::from(number < 0);
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or_default() as usize + 1;
    (sign + digits).div_ceil(2) + 1
}

/// An attribute that is left out when it is empty.
pub(super) fn list(name: &str, elements: impl Iterator<Item = usize>) -> usize {
    let (count, bytes) = elements.fold((0, 0), |(count, sum), bytes| {
        (count + 1, sum + bytes + MARK_BYTES)
    });
    if count == 0 {
        return 0;
    }
    name.len() + COLLECTION_BYTES + bytes
}

fn when(stands: bool, name: &str, bytes: impl Fn() -> usize) -> usize {
    if stands { name.len() + bytes() } else { 0 }
}

/// What is written of `told`, where the other attributes tell `implied`.
fn unless<'a>(implied: Option<&str>, told: Option<&'a str>) -> Option<&'a str> {
    match told {
        Some(_) => told.filter(|_| told != implied),
        None => implied.map(|_| "0"),
    }
}
