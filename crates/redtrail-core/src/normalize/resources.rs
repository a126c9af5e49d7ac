//! Which resources an event touched, and their part in it.
use redtrail_model::{EventRecord, Touched};
pub struct Findings { pub touched: Touched, pub changes_resource: bool, pub known_operation: bool, pub resources_cut: bool }
pub fn findings(_record: &EventRecord<'_>) -> Findings { Findings { touched: Touched::default(), changes_resource: false, known_operation: false, resources_cut: false } }
