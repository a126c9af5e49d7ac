//! The original records that references name: the object is read whole and proven, then
//! its elements are handed out as they stand there.

use std::io::{self, Read};

use thiserror::Error;

use crate::{
    edge::{EdgeError, LogBody, LogSource},
    inspect::pieces,
    log_reader::{Limits, Picked, Picker, Rejected},
    object::ObjectAddress,
};

/// Why originals could not be had.
#[derive(Debug, Error)]
pub enum OriginalError {
    #[error(transparent)]
    Edge(#[from] EdgeError),
    #[error("could not read {object} whole: {read} of {expected} bytes came")]
    CutShort {
        object: ObjectAddress,
        read: u64,
        expected: u64,
    },
    #[error("the object cannot be trusted")]
    Rejected(#[from] Rejected),
}

/// The elements at the places `wanted` in the object at `address`.
///
/// # Errors
/// When it cannot be read whole, or is rejected.
pub async fn fetch(
    source: &impl LogSource,
    address: &ObjectAddress,
    limits: Limits,
    wanted: impl IntoIterator<Item = u64> + Send,
) -> Result<Picked, OriginalError> {
    let mut picker = Picker::new(limits, wanted);
    let mut body = source.open(address, None).await?;
    let mut read = 0;
    let mut pushed = Ok(());
    while let Some(bytes) = body.next().await? {
        read += bytes.len() as u64;
        // A bad object is still read to its end: one that was cut short is no bad object.
        if pushed.is_ok() {
            pushed = picker.push(&bytes);
        }
    }
    match body.identity().stored_bytes {
        Some(expected) if expected != read => {
            return Err(OriginalError::CutShort {
                object: address.clone(),
                read,
                expected,
            });
        }
        _ => pushed?,
    }
    Ok(picker.finish()?)
}

/// The elements at the places `wanted` in the object that `from` holds.
///
/// # Errors
/// The outer error is one of reading; the inner one says why the object is rejected.
pub fn read(
    from: impl Read,
    limits: Limits,
    wanted: impl IntoIterator<Item = u64>,
) -> io::Result<Result<Picked, Rejected>> {
    let mut picker = Picker::new(limits, wanted);
    let mut pushed = Ok(());
    pieces(from, |bytes| {
        pushed = picker.push(bytes);
        Ok(pushed.is_ok())
    })?;
    Ok(pushed.and_then(|()| picker.finish()))
}
