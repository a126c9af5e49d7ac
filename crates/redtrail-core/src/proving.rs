//! The first reading of an object, to its end: it is proven, or it is bad. Its selected records are
//! held as long as they are within the bound.

use crate::{
    edge::ObjectIdentity,
    ingest::IngestError,
    log_reader::{LogReader, Proven, RawRecord, Rejected},
    object::ObjectAddress,
};

/// An object of which bytes come.
pub(crate) struct Proving<'s> {
    reader: LogReader<'s>,
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
    pub(crate) fn new(reader: LogReader<'s>) -> Self {
        Self {
            reader,
            rejected: None,
            read: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.read += bytes.len() as u64;
        // A bad object is still read to its end: one that was cut short is no bad object.
        if self.rejected.is_none() {
            self.rejected = self.reader.push(bytes).err();
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
            held: (!self.reader.is_outgrown()).then(|| self.reader.take_held()),
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
