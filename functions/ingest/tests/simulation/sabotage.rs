//! Writers broken on purpose, to see that the check can fail.

use std::{collections::BTreeMap, sync::Mutex};

use redtrail_core::{
    edge::EdgeError,
    item::{Item, Put},
};
use redtrail_model::Table;
use serde_dynamo::AttributeValue;

use crate::store::is_entry;

/// A way to break the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Of the items that were left over, the last is forgotten.
    DropsUnprocessed,
    /// A request that failed is taken for done.
    TakesFailureForDone,
    /// Every message is acknowledged, whatever became of its objects.
    AcknowledgesEarly,
    /// An event that stands in two objects is taken for two.
    ForgetsDuplicates,
    /// The ledger's entry goes with the first items of its object.
    WritesLedgerFirst,
}

pub(crate) const ALL_BROKEN: [Broken; 5] = [
    Broken::DropsUnprocessed,
    Broken::TakesFailureForDone,
    Broken::AcknowledgesEarly,
    Broken::ForgetsDuplicates,
    Broken::WritesLedgerFirst,
];

/// A broken writer, between the sound one and the store.
pub(crate) struct Sabotage {
    broken: Broken,
    /// Entries of the ledger as they come out at last, by file name.
    entries: BTreeMap<String, Put>,
    /// The object of each event that was met first.
    first: Mutex<BTreeMap<String, String>>,
}

impl Sabotage {
    /// `clean` are the items that a sound writer leaves.
    pub(crate) fn new(broken: Broken, clean: &[(Table, Item)]) -> Self {
        let puts = clean
            .iter()
            .map(|(table, item)| Put::new(*table, item.clone()));
        let of_file = |put: &Put| put.keys()[1].split('#').next().unwrap().to_owned();
        Self {
            broken,
            entries: puts
                .filter(is_entry)
                .map(|put| (of_file(&put), put))
                .collect(),
            first: Mutex::default(),
        }
    }

    pub(crate) fn acknowledges_all(&self) -> bool {
        self.broken == Broken::AcknowledgesEarly
    }

    /// What is sent instead of `batch`.
    pub(crate) fn before(&self, batch: &[Put]) -> Vec<Put> {
        let mut batch = batch.to_vec();
        match self.broken {
            Broken::ForgetsDuplicates => {
                batch.iter_mut().for_each(|put| self.name_after_object(put));
            }
            Broken::WritesLedgerFirst if batch.len() < 25 => {
                let file = batch.iter().find_map(file_of_event);
                batch.extend(file.and_then(|file| self.entries.get(&file)).cloned());
            }
            _ => {}
        }
        batch
    }

    /// The second object to show an event makes another one of it.
    fn name_after_object(&self, put: &mut Put) {
        let name = ["event_key", "object_key"].map(|name| attribute(put, name).map(str::to_owned));
        let (Table::Principals | Table::Resources, [Some(event), Some(object)]) = (put.table, name)
        else {
            return;
        };
        let mut first = self.first.lock().unwrap();
        let first = first.entry(event.clone()).or_insert(object.clone());
        if *first != object {
            let event_key = AttributeValue::S(format!("{event}#{object}"));
            let mut item = put.item();
            item.inner_mut().insert("event_key".to_owned(), event_key);
            *put = Put::new(put.table, item);
        }
    }

    /// What the writer is told instead of `written`.
    pub(crate) fn after(
        &self,
        written: Result<Vec<usize>, EdgeError>,
    ) -> Result<Vec<usize>, EdgeError> {
        match (self.broken, written) {
            (Broken::DropsUnprocessed, Ok(mut left)) => {
                left.pop();
                Ok(left)
            }
            (Broken::TakesFailureForDone, Err(_)) => Ok(Vec::new()),
            (_, written) => written,
        }
    }
}

fn attribute<'p>(put: &'p Put, name: &str) -> Option<&'p str> {
    match put.get(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

fn file_of_event(put: &Put) -> Option<String> {
    let key = (put.table == Table::Principals).then(|| attribute(put, "object_key"))??;
    key.rsplit('/').next().map(str::to_owned)
}
