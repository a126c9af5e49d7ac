//! Whether two runs left the same tables.

use std::collections::BTreeMap;

use redtrail_core::{item::Item, ledger::VOLATILE};
use redtrail_model::Table;
use serde_dynamo::AttributeValue;

use crate::trail::{BUCKET, Place, SimObject, places};

/// Partition and sort key of an item.
pub(crate) fn keys(table: Table, item: &Item) -> [String; 2] {
    let schema = table.schema();
    [schema.partition_key, schema.sort_key].map(|name| text(item, name).unwrap_or_default())
}

fn text(item: &Item, name: &str) -> Option<String> {
    match item.inner().get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => Some(text.clone()),
        _ => None,
    }
}

/// The first item in which `items` differs from those of a clean run: in anything but what
/// tells of one run, and of several true places of an event's original, which one is named.
pub(crate) fn difference(
    items: &[(Table, Item)],
    clean: &[(Table, Item)],
    objects: &[SimObject],
) -> Option<String> {
    let places = places(objects);
    let (left, untrue) = lasting(items, &places);
    if untrue.is_some() {
        return untrue;
    }
    let (expected, _) = lasting(clean, &places);
    for (key, item) in &expected {
        match left.get(key) {
            None => return Some(format!("{key:?} is missing")),
            Some(there) if there != item => {
                return Some(format!("{key:?} is\n{there:?}, not\n{item:?}"));
            }
            Some(_) => {}
        }
    }
    let mut more = left.keys().filter(|key| !expected.contains_key(*key));
    more.next().map(|key| format!("{key:?} is too many"))
}

type Lasting = BTreeMap<(Table, [String; 2]), BTreeMap<String, AttributeValue>>;

fn lasting(
    items: &[(Table, Item)],
    places: &BTreeMap<String, Vec<Place>>,
) -> (Lasting, Option<String>) {
    let mut untrue = None;
    let mut all = Lasting::new();
    for (table, item) in items {
        let keys = keys(*table, item);
        let mut attributes: BTreeMap<_, _> = item.inner().clone().into_iter().collect();
        for name in VOLATILE {
            attributes.remove(name);
        }
        if let Table::Principals | Table::Resources = table {
            let place = place(item);
            let true_ones = places.get(&keys[1]).map(Vec::as_slice).unwrap_or_default();
            if !place
                .as_ref()
                .is_some_and(|place| true_ones.contains(place))
            {
                untrue.get_or_insert(format!("{keys:?} says it stands at {place:?}"));
            }
            for name in [
                "object_bucket",
                "object_key",
                "object_version",
                "record_index",
            ] {
                attributes.remove(name);
            }
        }
        all.insert((*table, keys), attributes);
    }
    (all, untrue)
}

fn place(item: &Item) -> Option<Place> {
    if text(item, "object_bucket")? != BUCKET {
        return None;
    }
    let index = text(item, "record_index")?.parse().ok()?;
    Some((
        text(item, "object_key")?,
        text(item, "object_version"),
        index,
    ))
}
