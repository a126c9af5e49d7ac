//! From an event record to an audit event.

pub mod resources;
pub mod summary;
