//! An object of a source, read without tables: as `inspect` reads the same bytes.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::io;

use futures_util::FutureExt;
use redtrail_core::{
    edge::EdgeErrorKind,
    ingest::IngestError,
    inspect::inspect,
    inspect_stored::{Outgrown, Stored, inspect_again, inspect_stored},
    log_reader::Limits,
    memory::MemorySource,
    object::ObjectAddress,
    select::Selector,
};
use redtrail_model::{AuditEvent, Origin};
use redtrail_trailgen::{Trail, TrailOptions};

fn address() -> ObjectAddress {
    ObjectAddress {
        bucket: "trail".to_owned(),
        key: "a/b.json.gz".to_owned(),
        version_id: None,
    }
}

fn object(seed: u64) -> Vec<u8> {
    let options = TrailOptions {
        seed,
        redshift_share: 0.5,
        ..TrailOptions::default()
    };
    Trail::with_options(options).object(60).gzip()
}

fn source(bytes: &[u8]) -> MemorySource {
    let source = MemorySource::default();
    source.insert("trail", "a/b.json.gz", bytes.to_vec());
    source
}

/// What `inspect` makes of the same bytes.
fn expected(bytes: &[u8]) -> Vec<AuditEvent> {
    let origin = Origin {
        bucket: "trail".into(),
        key: "a/b.json.gz".into(),
        version: None,
        record_index: 0,
    };
    let mut events = Vec::new();
    let read = inspect(
        || Ok(bytes),
        origin,
        &Selector::default(),
        Limits::default(),
        |event| {
            events.push(event);
            io::Result::Ok(())
        },
    );
    read.unwrap().unwrap();
    events
}

fn read(source: &MemorySource, limits: Limits) -> Stored {
    let (address, selector) = (address(), Selector::default());
    let read = inspect_stored(source, &address, &selector, limits);
    let read = Box::pin(read).now_or_never();
    read.unwrap().unwrap()
}

fn again(source: &MemorySource, outgrown: &Outgrown) -> Result<Vec<AuditEvent>, IngestError> {
    let mut events = Vec::new();
    let (address, selector) = (address(), Selector::default());
    let emit = |event| {
        events.push(event);
        Ok::<_, IngestError>(())
    };
    let limits = Limits::default();
    let mut emitted = 0;
    let read = inspect_again(
        source,
        &address,
        outgrown,
        &selector,
        limits,
        &mut emitted,
        emit,
    );
    let read = Box::pin(read).now_or_never().unwrap();
    read.map(|_| events)
}

#[test]
fn ok_events_and_counts() {
    for seed in 0..20 {
        let bytes = object(seed);
        let Stored::Events(events, summary) = read(&source(&bytes), Limits::default()) else {
            panic!("seed {seed}");
        };
        assert!(!events.is_empty(), "seed {seed}");
        assert_eq!(events, expected(&bytes), "seed {seed}");
        assert_eq!(summary.tally.read, 60, "seed {seed}");
    }
}

#[test]
fn ok_what_is_too_much_to_hold_is_read_again() {
    let limits = Limits {
        max_held_bytes: 2000,
        ..Limits::default()
    };
    let bytes = object(1);
    let source = source(&bytes);
    let Stored::Outgrown(outgrown) = read(&source, limits) else {
        panic!("it is more than two thousand bytes");
    };
    assert_eq!(again(&source, &outgrown).unwrap(), expected(&bytes));
    // Meanwhile it was replaced.
    source.insert("trail", "a/b.json.gz", object(2));
    let error = again(&source, &outgrown).unwrap_err();
    assert_eq!(error.kind(), EdgeErrorKind::Changed);
}

#[test]
fn ok_reading_again_goes_on_behind_what_was_handed_on() {
    let limits = Limits {
        max_held_bytes: 2000,
        ..Limits::default()
    };
    let bytes = object(1);
    let source = source(&bytes);
    let Stored::Outgrown(outgrown) = read(&source, limits) else {
        panic!("it is more than two thousand bytes");
    };
    let expected = expected(&bytes);
    let (address, selector) = (address(), Selector::default());
    let mut events = Vec::new();
    let mut emitted = 0;
    // Each reading breaks off one event later than the one before.
    for last in 0..=expected.len() {
        let emit = |event| {
            if events.len() == last {
                return Err(IngestError::NotTheSame {
                    object: address.clone(),
                });
            }
            events.push(event);
            Ok(())
        };
        let (outgrown, limits) = (&outgrown, Limits::default());
        let read = inspect_again(
            &source,
            &address,
            outgrown,
            &selector,
            limits,
            &mut emitted,
            emit,
        );
        let read = Box::pin(read).now_or_never().unwrap();
        assert_eq!(read.is_ok(), last == expected.len(), "{last}");
        assert_eq!(emitted, u64::try_from(last).unwrap());
    }
    assert_eq!(events, expected);
}

#[test]
fn err_bad_or_missing() {
    let whole = object(1);
    for bad in [&b"no log"[..], &whole[..whole.len() - 1]] {
        let read = read(&source(bad), Limits::default());
        assert!(matches!(read, Stored::Rejected(_)), "{read:?}");
    }
    let nothing = MemorySource::default();
    let (address, selector) = (address(), Selector::default());
    let read = inspect_stored(&nothing, &address, &selector, Limits::default());
    let error = Box::pin(read).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), EdgeErrorKind::Missing);
}
