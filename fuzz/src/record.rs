//! Records: what becomes an event becomes items that DynamoDB takes, and the event can be read
//! from its item again.

use redtrail_core::{
    directory, item, log_reader::RawRecord, memory::check_batch, normalize::audit_event,
    retention::Retention,
};
use redtrail_model::{AuditEvent, Origin};

use super::SELECTOR;

pub fn check(bytes: &[u8]) {
    let record = RawRecord {
        index: 7,
        offset: 0,
        bytes: bytes.to_vec(),
    };
    let origin = Origin {
        bucket: "trail".into(),
        key: "log.json.gz".into(),
        version: Some("v".into()),
        record_index: 0,
    };
    let Ok(event) = audit_event(&record, &origin, &SELECTOR) else {
        return;
    };
    let retention = Retention::Days(400);
    let puts = item::puts(&event, retention).expect("an event has items");
    let facts = directory::puts(&event, retention).expect("an event has facts");
    for put in puts.iter().chain(&facts) {
        check_batch(std::slice::from_ref(put)).expect("DynamoDB takes the item");
    }
    let mut keys: Vec<_> = puts
        .iter()
        .map(|put| (put.table.schema().partition_key, put.keys()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(
        keys.len(),
        puts.len(),
        "no item replaces another of the event"
    );
    let first = puts.into_iter().next().expect("the principal has an item");
    let again = item::event(first.item()).expect("an item is an event");
    // These two go into other items.
    let told = AuditEvent {
        changes_resource: false,
        aliases: vec![],
        ..event
    };
    assert_eq!(again, told);
}
