//! What of the request and response an item keeps.
use std::collections::BTreeMap;
use redtrail_model::EventRecord;
#[derive(Default)]
pub struct Summary { pub request_parameters: BTreeMap<String,String>, pub response_elements: BTreeMap<String,String>, pub cut: Vec<String> }
pub fn summary(_record: &EventRecord<'_>) -> Summary { Summary::default() }
