//! The first reading of an object, to its end: it is proven, or it is bad. Its selected records are
//! held as long as they are within the bound.

use crate::{
    edge::ObjectIdentity,
    ingest::IngestError,
    log_reader::{Limits, LogReader, Proven, RawRecord, Rejected},
    object::ObjectAddress,
};

/// Stored bytes unpacked at a time. Gzip unpacks to a thousandfold at most, so this bounds
/// what is held between two looks at it, however large the pieces of a body are.
pub(crate) const PIECE_BYTES: usize = 8 * 1024;

/// An object of which bytes come.
pub(crate) struct Proving<'s> {
    reader: LogReader<'s>,
    max_held_bytes: usize,
    outgrown: bool,
    rejected: Option<Rejected>,
    read: u64,
}

/// An object that was read whole.
pub(crate) struct Whole<'s> {
    pub(crate) proven: Proven,
    pub(crate) reader: LogReader<'s>,
    /// The selected records, unless they outgrew the bound.
    pub(crate) held: Option<Vec<RawRecord>>,
}

impl<'s> Proving<'s> {
    pub(crate) fn new(reader: LogReader<'s>, limits: Limits) -> Self {
        Self {
            reader,
            max_held_bytes: limits.max_held_bytes,
            outgrown: false,
            rejected: None,
            read: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.read += bytes.len() as u64;
        for piece in bytes.chunks(PIECE_BYTES) {
            // A bad object is still read to its end: one that was cut short is no bad object.
            if self.rejected.is_none() {
                self.rejected = self.reader.push(piece).err();
            }
            if self.reader.held_bytes() > self.max_held_bytes {
                self.reader.stop_holding();
                self.outgrown = true;
            }
        }
    }

    /// All bytes have come.
    ///
    /// # Errors
    /// When they are not as many as the object has.
    pub(crate) fn finish(
        mut self,
        object: &ObjectAddress,
        identity: &ObjectIdentity,
    ) -> Result<Result<Whole<'s>, Rejected>, IngestError> {
        check_length(object, self.read, identity)?;
        let proven = match self.rejected {
            Some(why) => Err(why),
            None => self.reader.finish(),
        };
        Ok(proven.map(|proven| Whole {
            proven,
            held: (!self.outgrown).then(|| self.reader.take_selected()),
            reader: self.reader,
        }))
    }
}

/// # Errors
/// When not as many bytes were read as the object has.
pub(crate) fn check_length(
    object: &ObjectAddress,
    read: u64,
    identity: &ObjectIdentity,
) -> Result<(), IngestError> {
    match identity.stored_bytes {
        Some(expected) if read != expected => Err(IngestError::CutShort {
            object: object.clone(),
            read,
            expected,
        }),
        _ => Ok(()),
    }
}
