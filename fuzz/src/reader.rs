//! Objects: the verdict does not depend on how the bytes are cut, the counts add up, and what is
//! accepted is JSON in its frame.

use redtrail_core::{
    log_reader::{Limits, LogReader, Proven, Quarantined, Rejected},
    normalizer::Normalizer,
    select::Selector,
    tally::Tally,
};
use redtrail_model::{AuditEvent, Origin};
use redtrail_trailgen::gzip;

use super::SELECTOR;

type Read = (Proven, Tally, Vec<Quarantined>, Vec<AuditEvent>);

/// The first byte says how the rest is cut, and whether it is packed first.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    let packed;
    let bytes = if choice & 1 == 1 {
        packed = gzip(bytes);
        &packed
    } else {
        bytes
    };
    let cut = usize::from(choice >> 1).pow(2) + 1;
    let limits = Limits {
        max_plain_bytes: 1 << 18,
        max_record_bytes: 1 << 10,
        ..Limits::default()
    };
    let whole = read(bytes, usize::MAX, limits, &SELECTOR);
    assert_eq!(whole, read(bytes, cut, limits, &SELECTOR), "cut {cut}");
    if let Ok((proven, tally, quarantined, events)) = whole {
        assert!(tally.adds_up(), "{tally:?}");
        assert_eq!(tally.read, proven.read);
        assert_eq!(tally.stored, events.len() as u64);
        let listed = quarantined.len() as u64;
        assert!(listed == tally.quarantined || listed == 100 && tally.quarantined > 100);
        for element in quarantined {
            assert!(element.length > 0 && element.offset + element.length < proven.plain_bytes);
        }
    }
}

fn read(bytes: &[u8], cut: usize, limits: Limits, selector: &Selector) -> Result<Read, Rejected> {
    let limits = Limits {
        max_held_bytes: usize::MAX,
        ..limits
    };
    let mut reader = LogReader::new(limits, selector);
    bytes.chunks(cut).try_for_each(|piece| reader.push(piece))?;
    let records = reader.take_held();
    let proven = reader.finish()?;
    let origin = Origin {
        bucket: "trail".into(),
        key: "log.json.gz".into(),
        version: None,
        record_index: 0,
    };
    let mut normalizer = Normalizer::new(selector, origin);
    let events: Vec<_> = normalizer.events(records).collect();
    let mut summary = normalizer.finish(&proven, &mut reader);
    summary.tally.stored = events.len() as u64;
    Ok((proven, summary.tally, summary.quarantined, events))
}
