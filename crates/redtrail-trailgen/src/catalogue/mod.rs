//! Bad and odd objects, each with its verdict and counts: what a reader of log objects
//! must do with them. The verdicts follow from the policy in `docs/limits.md`, not from what
//! any reader does.

mod bombs;
mod container;
mod document;
mod elements;
mod fields;
mod json_suite;
mod record;
mod sources;
mod text;

pub use record::{GOOD, GOOD_TIME};
pub use text::SECRET;

/// One object.
pub struct Case {
    /// Of letters, digits, `-`, `_`, `+` and `.` alone, so that it can name a file.
    pub name: String,
    make: Box<dyn Fn() -> Vec<u8> + Send + Sync>,
    pub expected: Expected,
}

/// What must become of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// With the word for the reason.
    Rejected(&'static str),
    /// For a reason that does not matter.
    RejectedSomehow,
    Read(Counts),
}

/// What a proven object must be found to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub not_selected: u64,
    pub duplicate: u64,
    /// Words for the reasons, and how many elements each.
    pub quarantined: Vec<(&'static str, u64)>,
    /// In their order.
    pub events: Vec<Kept>,
    /// Events that are not named.
    pub further_events: u64,
}

/// An event that must come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub event_id: String,
    /// Words for what a reader must know of it.
    pub flags: Vec<&'static str>,
}

impl Counts {
    pub fn quarantined(&self) -> u64 {
        self.quarantined.iter().map(|(_, count)| count).sum()
    }

    pub fn selected(&self) -> u64 {
        self.events.len() as u64 + self.further_events + self.duplicate
    }

    pub fn read(&self) -> u64 {
        self.selected() + self.not_selected + self.quarantined()
    }
}

impl Case {
    fn new(
        name: impl Into<String>,
        expected: Expected,
        make: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Box::new(make),
            expected,
        }
    }

    fn of(name: impl Into<String>, bytes: Vec<u8>, expected: Expected) -> Self {
        Self::new(name, expected, move || bytes.clone())
    }

    /// The object as stored.
    pub fn bytes(&self) -> Vec<u8> {
        (self.make)()
    }
}

/// All cases but the bombs.
pub fn cases() -> Vec<Case> {
    [
        json_suite::cases(),
        container::cases(),
        document::cases(),
        elements::cases(),
        fields::cases(),
        text::cases(),
        sources::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Objects that are small as stored and would be large in memory. Each takes a second or so.
pub fn bombs() -> Vec<Case> {
    bombs::cases()
}
