//! Counts of one object, that add up: `read = selected + not_selected + quarantined` and
//! `selected = stored + duplicate + expired`.

use std::ops::AddAssign;

use serde::Serialize;

/// What became of the elements of `Records`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Elements of `Records`.
    pub read: u64,
    /// Records of the Redshift family.
    pub selected: u64,
    pub not_selected: u64,
    /// Elements that could not be judged or normalized.
    pub quarantined: u64,
    /// Selected and written.
    pub stored: u64,
    /// Selected, but the same event stood in this object before.
    pub duplicate: u64,
    /// Selected, but already past its retention.
    pub expired: u64,
    /// Those of the duplicates that tell something else than the event before them.
    pub conflicting: u64,
}

impl Tally {
    /// Whether every element is accounted for.
    pub fn adds_up(&self) -> bool {
        self.read == self.selected + self.not_selected + self.quarantined
            && self.selected == self.stored + self.duplicate + self.expired
            && self.conflicting <= self.duplicate
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.selected += other.selected;
        self.not_selected += other.not_selected;
        self.quarantined += other.quarantined;
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.expired += other.expired;
        self.conflicting += other.conflicting;
    }
}
