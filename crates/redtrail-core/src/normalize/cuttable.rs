//! What of an event may be cut, and the bytes it takes in each item.

use std::collections::BTreeMap;

use compact_str::CompactString;
use redtrail_model::AuditEvent;

use super::row_bytes::{list, part_bytes};

/// Texts as they stand; of all else the bytes, which are none when it is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cuttable<'e> {
    pub(super) user_agent: &'e str,
    pub(super) error_message: &'e str,
    pub(super) response_elements: usize,
    pub(super) related_arns: usize,
    pub(super) request_parameters: usize,
    /// The names of what is cut.
    pub(super) cut: Vec<&'e str>,
}

impl<'e> Cuttable<'e> {
    pub(super) fn of(event: &'e AuditEvent) -> Self {
        let related = &event.touched.related;
        let arns = related.iter().map(|one| one.arn.len());
        let parts = related.iter().map(|one| part_bytes(one.part));
        Self {
            user_agent: event.user_agent.as_deref().unwrap_or_default(),
            error_message: event.error_message.as_deref().unwrap_or_default(),
            response_elements: map("response_elements", &event.response_elements),
            related_arns: list("related_arns", arns) + list("related_parts", parts),
            request_parameters: map("request_parameters", &event.request_parameters),
            cut: event.cut.iter().map(CompactString::as_str).collect(),
        }
    }

    /// In each item.
    pub(super) fn bytes(&self) -> usize {
        text("user_agent", self.user_agent)
            + text("error_message", self.error_message)
            + self.response_elements
            + self.related_arns
            + self.request_parameters
            + list("cut", self.cut.iter().map(|name| name.len()))
    }
}

/// What is left of an event's [`Cuttable`].
pub(super) struct Left {
    user_agent_bytes: usize,
    error_message_bytes: usize,
    has_response_elements: bool,
    has_related_arns: bool,
    has_request_parameters: bool,
    cut: Vec<CompactString>,
}

impl Left {
    pub(super) fn of(cuttable: &Cuttable<'_>) -> Self {
        Self {
            user_agent_bytes: cuttable.user_agent.len(),
            error_message_bytes: cuttable.error_message.len(),
            has_response_elements: cuttable.response_elements > 0,
            has_related_arns: cuttable.related_arns > 0,
            has_request_parameters: cuttable.request_parameters > 0,
            cut: cuttable.cut.iter().map(|name| (*name).into()).collect(),
        }
    }

    /// Takes the rest out of the event.
    pub(super) fn apply(self, event: &mut AuditEvent) {
        shorten(&mut event.user_agent, self.user_agent_bytes);
        shorten(&mut event.error_message, self.error_message_bytes);
        if !self.has_response_elements {
            event.response_elements.clear();
        }
        if !self.has_related_arns {
            event.touched.related.clear();
        }
        if !self.has_request_parameters {
            event.request_parameters.clear();
        }
        event.cut = self.cut;
    }
}

/// Cuts a text to so many bytes; of none nothing is left.
fn shorten(text: &mut Option<CompactString>, to: usize) {
    if let Some(long) = text {
        long.truncate(to);
    }
    text.take_if(|text| text.is_empty());
}

/// An attribute that is left out when it is empty.
fn text(name: &str, text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        name.len() + text.len()
    }
}

fn map(name: &str, members: &BTreeMap<CompactString, CompactString>) -> usize {
    list(
        name,
        members.iter().map(|(name, value)| name.len() + value.len()),
    )
}
