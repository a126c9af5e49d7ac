//! One call as the rules look at it: looked up once, asked often.

use memchr::memchr;
use redtrail_model::EventRecord;

use super::{
    expression::{Object, Path, Scope},
    rules::{Class, Operation, Service, rules},
    tree::Node,
};

/// A record, and what the rules say of its operation.
#[derive(Clone, Copy, Debug)]
pub struct Call<'r> {
    pub(crate) record: &'r EventRecord<'r>,
    /// As in ARNs: `redshift-data` of `redshift-data.amazonaws.com`.
    pub(crate) service_name: &'r str,
    pub(crate) service: Option<&'static Service>,
    pub(crate) operation: Option<&'static Operation>,
    /// The request and the response.
    pub(crate) scope: Scope<'r>,
}

impl<'r> Call<'r> {
    /// The call that `record` tells of.
    pub fn of(record: &'r EventRecord<'r>) -> Self {
        let source = record.event_source.as_deref().unwrap_or_default();
        let service_end = memchr(b'.', source.as_bytes()).unwrap_or(source.len());
        let service_name = source.get(..service_end).unwrap_or_default();
        let service = rules().service(service_name);
        let name = record.event_name.as_deref().unwrap_or_default();
        Self {
            record,
            service_name,
            service,
            operation: rules().operation(service, name),
            scope: Scope {
                here: Object::of(Node::read(record.request_parameters)),
                response: Object::of(Node::read(record.response_elements).unwrapped()),
            },
        }
    }

    pub(crate) fn class(&self) -> Class {
        let name = self.record.event_name.as_deref().unwrap_or_default();
        self.operation.map_or_else(
            || Class::guess(name, self.record.read_only),
            |row| row.class,
        )
    }

    /// The members that an item keeps of it.
    pub(crate) fn kept(&self) -> &'static [Path] {
        match (self.operation, self.service) {
            (Some(row), _) => &row.keep,
            (None, Some(service)) => rules().kept_of_any(service),
            (None, None) => &[],
        }
    }
}
