//! The fuzz targets over the corpora that are kept, as ordinary tests: `make fuzz` goes on from
//! them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "the fuzz targets are a crate of their own")]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::{fs, path::Path};

fn replay(target: &str, check: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        check(&fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{target} has a corpus");
}

#[test]
fn ok_cursor() {
    replay("cursor", targets::cursor::check);
}

#[test]
fn ok_differential() {
    replay("differential", targets::differential::check);
}

#[test]
fn ok_envelope() {
    replay("envelope", targets::envelope::check);
}

#[test]
fn ok_keys() {
    replay("keys", targets::keys::check);
}

#[test]
fn ok_reader() {
    replay("reader", targets::reader::check);
}

#[test]
fn ok_record() {
    replay("record", targets::record::check);
}
