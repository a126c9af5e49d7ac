//! What the tables must hold, reckoned from the truth about the objects alone.

use std::collections::{BTreeMap, BTreeSet};

use redtrail_core::{
    item::Item,
    ledger::{LedgerEntry, Verdict},
};
use redtrail_model::Table;

use crate::{
    dump::keys,
    trail::{ElementTruth, SimObject},
};

/// The first thing in `items` that is not as the truth has it.
pub(crate) fn difference(items: &[(Table, Item)], objects: &[SimObject]) -> Option<String> {
    let mut events = BTreeSet::new();
    let mut resources = BTreeSet::new();
    let mut entries = BTreeMap::new();
    let mut listed = 0;
    for object in objects {
        // Read, selected, not selected, quarantined, duplicate, conflicting.
        let mut counts = [object.elements.len() as u64, 0, 0, 0, 0, 0];
        let mut met = BTreeMap::new();
        for element in &object.elements {
            match &element.truth {
                ElementTruth::NotSelected => counts[2] += 1,
                ElementTruth::Quarantined => counts[3] += 1,
                ElementTruth::Selected(event) => {
                    counts[1] += 1;
                    if let Some(first) = met.insert(&event.event_key, &element.json) {
                        counts[4] += 1;
                        counts[5] += u64::from(*first != element.json);
                        met.insert(&event.event_key, first);
                    }
                    if !object.is_bad && !event.is_expired {
                        events.insert((event.principal.clone(), event.event_key.clone()));
                        let of_event = event.resources.iter().cloned();
                        resources.extend(of_event.map(|key| (key, event.event_key.clone())));
                    }
                }
            }
        }
        let verdict = match (object.is_bad, counts[3]) {
            (true, _) => Verdict::Rejected,
            (false, 0) => Verdict::Accepted,
            (false, _) => Verdict::Partial,
        };
        listed += if object.is_bad { 1 } else { counts[3].min(100) };
        let file = object.key.rsplit('/').next().unwrap_or_default();
        entries.insert(
            file.to_owned(),
            (verdict, (!object.is_bad).then_some(counts)),
        );
    }

    let mut stored = BTreeSet::new();
    let mut entered = BTreeMap::new();
    let mut lists = 0;
    for (table, item) in items {
        let [partition, sort] = keys(*table, item);
        match table {
            Table::Principals => drop(stored.insert((partition, sort))),
            Table::Resources => {
                resources.remove(&(partition, sort.clone()));
                if !events.iter().any(|(_, event)| *event == sort) {
                    return Some(format!(
                        "a resource has the event {sort}, that there was not"
                    ));
                }
            }
            Table::Ledger if partition.contains('#') => lists += 1,
            Table::Ledger => {
                let entry: LedgerEntry = serde_dynamo::from_item(item.clone()).ok()?;
                let counts = entry.content.map(|content| {
                    [
                        content.records_read,
                        content.records_selected,
                        content.records_not_selected,
                        content.records_quarantined,
                        content.records_duplicate,
                        content.records_conflicting,
                    ]
                });
                let file = sort.split('#').next().unwrap_or_default().to_owned();
                entered.insert(file, (entry.verdict, counts));
            }
            Table::Directory => {}
        }
    }
    if stored != events {
        let differ: Vec<_> = stored.symmetric_difference(&events).collect();
        return Some(format!(
            "of these events some are missing or too many: {differ:?}"
        ));
    }
    if !resources.is_empty() {
        return Some(format!("these resources miss their event: {resources:?}"));
    }
    if entered != entries {
        return Some(format!(
            "the ledger has {entered:?}, the truth is {entries:?}"
        ));
    }
    (lists != listed).then(|| format!("{lists} rows list what {listed} should"))
}
