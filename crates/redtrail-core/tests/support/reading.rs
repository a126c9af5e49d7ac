//! One object read as the function reads it, in pieces of any size.

use redtrail_core::{
    log_reader::{Limits, LogReader, Proven, Quarantined, Rejected},
    normalizer::Normalizer,
    select::Selector,
    tally::Tally,
};
use redtrail_model::{AuditEvent, Origin};

/// What came of a proven object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) proven: Proven,
    pub(crate) tally: Tally,
    pub(crate) quarantined: Vec<Quarantined>,
    pub(crate) events: Vec<AuditEvent>,
}

/// Reads `bytes` in pieces of these sizes, over and over; without any, in one piece. All that is
/// selected is held.
pub(crate) fn read(bytes: &[u8], cuts: &[usize], limits: Limits) -> Result<Reading, Rejected> {
    let selector = Selector::default();
    let limits = Limits {
        max_held_bytes: usize::MAX,
        ..limits
    };
    let mut reader = LogReader::new(limits, &selector);
    let mut records = Vec::new();
    let mut sizes = cuts.iter().copied().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).min(rest.len());
        let (piece, behind) = rest.split_at(size);
        reader.push(piece)?;
        records.extend(reader.take_held());
        rest = behind;
    }
    let proven = reader.finish()?;
    let mut normalizer = Normalizer::new(&selector, origin());
    let events: Vec<_> = normalizer.events(records).collect();
    let mut summary = normalizer.finish(&proven, &mut reader);
    summary.tally.stored = events.len() as u64;
    let quarantined = summary.quarantined;
    Ok(Reading {
        proven,
        tally: summary.tally,
        quarantined,
        events,
    })
}

fn origin() -> Origin {
    Origin {
        bucket: "trail".into(),
        key: "log.json.gz".into(),
        version: None,
        record_index: 0,
    }
}
