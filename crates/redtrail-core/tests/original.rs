//! Originals come from whole objects alone.

mod support {
    pub(crate) mod block_on;
}

use bytes::Bytes;
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, LogBody, LogSource, ObjectIdentity},
    log_reader::{Limits, Picked, PickedElement, Rejected},
    object::ObjectAddress,
    original::{OriginalError, fetch},
};
use redtrail_trailgen::gzip;
use support::block_on::block_on;

const DOCUMENT: &[u8] = b"{\"Records\":[{\"eventID\":\"e1\"},null]}";

/// One object, said to have so many bytes.
struct Source {
    pieces: Vec<Bytes>,
    stored_bytes: Option<u64>,
}

struct Body {
    identity: ObjectIdentity,
    rest: Vec<Bytes>,
}

impl LogSource for Source {
    type Body = Body;

    async fn open(
        &self,
        object: &ObjectAddress,
        _: Option<&ObjectIdentity>,
    ) -> Result<Body, EdgeError> {
        if object.version_id.as_deref() != Some("v1") {
            return Err(EdgeError {
                attempted: format!("fetch {object}"),
                kind: EdgeErrorKind::Missing,
                source: None,
            });
        }
        let stored_bytes = self.stored_bytes;
        let identity = ObjectIdentity {
            stored_bytes,
            ..ObjectIdentity::default()
        };
        let rest = self.pieces.iter().rev().cloned().collect();
        Ok(Body { identity, rest })
    }
}

impl LogBody for Body {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        Ok(self.rest.pop())
    }
}

fn original(bytes: &[u8], stored_bytes: Option<usize>) -> Result<Picked, OriginalError> {
    let source = Source {
        pieces: bytes.chunks(7).map(Bytes::copy_from_slice).collect(),
        stored_bytes: stored_bytes.map(|bytes| bytes as u64),
    };
    block_on(fetch(&source, &address("v1"), Limits::default(), [1]))
}

fn address(version: &str) -> ObjectAddress {
    ObjectAddress {
        bucket: "trail".into(),
        key: "a.json.gz".into(),
        version_id: Some(version.into()),
    }
}

#[test]
fn ok_a_whole_object() {
    for object in [DOCUMENT.to_vec(), gzip(DOCUMENT)] {
        for stored_bytes in [Some(object.len()), None] {
            let picked = original(&object, stored_bytes).unwrap();
            assert_eq!(picked.read, 2);
            let Some(PickedElement::Whole(record)) = picked.elements.get(&1) else {
                panic!("{picked:?}")
            };
            assert_eq!(record.bytes, b"null");
        }
    }
}

#[test]
fn err_bytes_that_did_not_come_are_no_fault_of_the_object() {
    let whole = gzip(DOCUMENT);
    for came in [0, 1, whole.len() / 2, whole.len() - 1] {
        let error = original(&whole[..came], Some(whole.len())).unwrap_err();
        assert!(matches!(error, OriginalError::CutShort { .. }), "{error}");
        let error = original(&whole[..came], Some(came)).unwrap_err();
        assert!(matches!(error, OriginalError::Rejected(_)), "{error}");
    }
    // Found bad on the way, but it never came whole.
    let bad = [b"{\"Records\":[{}]}}", &DOCUMENT[..20]].concat();
    let error = original(&bad, Some(bad.len() + 1)).unwrap_err();
    assert!(matches!(error, OriginalError::CutShort { .. }), "{error}");
    let error = original(&bad, Some(bad.len())).unwrap_err();
    let OriginalError::Rejected(Rejected::TrailingDocument) = error else {
        panic!("{error}")
    };
}

#[test]
fn err_only_the_version_asked_for_will_do() {
    let source = Source {
        pieces: Vec::new(),
        stored_bytes: None,
    };
    let error = block_on(fetch(&source, &address("v2"), Limits::default(), [0])).unwrap_err();
    let OriginalError::Edge(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind, EdgeErrorKind::Missing);
}
