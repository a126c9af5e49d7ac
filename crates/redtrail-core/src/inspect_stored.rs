//! One object of a source read without any tables: the same reading as the function's, its events
//! handed to the caller once the object is proven.

use redtrail_model::AuditEvent;

use crate::{
    edge::{LogBody, LogSource, ObjectIdentity},
    ingest::IngestError,
    log_reader::{Limits, LogReader, Proven, Rejected},
    normalizer::{Normalizer, Summary},
    object::ObjectAddress,
    proving::{Proving, Whole, check_length},
    select::Selector,
};

/// What an object holds.
#[derive(Debug)]
pub enum Stored {
    Rejected(Rejected),
    Events(Vec<AuditEvent>, Summary),
    /// It is proven, but its selected records are more than were to be held.
    Outgrown(Outgrown),
}

/// An object to be read again.
#[derive(Clone, Debug)]
pub struct Outgrown {
    identity: ObjectIdentity,
    proven: Proven,
}

/// Reads an object, and holds its events if they are within the bound.
///
/// # Errors
/// When the object cannot be read whole.
pub async fn inspect_stored<L: LogSource>(
    source: &L,
    address: &ObjectAddress,
    selector: &Selector,
    limits: Limits,
) -> Result<Stored, IngestError> {
    let mut body = source.open(address, None).await?;
    let identity = body.identity().clone();
    let mut proving = Proving::new(LogReader::unhashed(limits, selector));
    while let Some(bytes) = body.next().await? {
        proving.push(&bytes);
    }
    let Whole {
        proven,
        mut reader,
        held,
    } = match proving.finish(address, &identity)? {
        Ok(whole) => whole,
        Err(why) => return Ok(Stored::Rejected(why)),
    };
    let Some(held) = held else {
        return Ok(Stored::Outgrown(Outgrown { identity, proven }));
    };
    let mut normalizer = Normalizer::new(selector, address.origin(identity.version_id.as_deref()));
    let events = normalizer.events(held).collect();
    Ok(Stored::Events(
        events,
        normalizer.finish(&proven, &mut reader),
    ))
}

/// Reads the very same bytes once more, and hands on each event as it comes. The first `emitted`
/// are passed over, and each that is handed on is counted there: after an error the next call goes
/// on behind it.
///
/// # Errors
/// When they cannot be read, or are others than before; and with whatever `emit` fails.
pub async fn inspect_again<L: LogSource, E: From<IngestError>>(
    source: &L,
    address: &ObjectAddress,
    outgrown: &Outgrown,
    selector: &Selector,
    limits: Limits,
    emitted: &mut u64,
    mut emit: impl FnMut(AuditEvent) -> Result<(), E>,
) -> Result<Summary, E> {
    let Outgrown { identity, proven } = outgrown;
    let not_the_same = || IngestError::NotTheSame {
        object: address.clone(),
    };
    let mut body = source
        .open(address, Some(identity))
        .await
        .map_err(IngestError::from)?;
    let mut reader = LogReader::unhashed(limits.of_second_reading(), selector);
    let mut normalizer = Normalizer::new(selector, address.origin(identity.version_id.as_deref()));
    let mut read = 0;
    let mut to_pass_over = *emitted;
    while let Some(bytes) = body.next().await.map_err(IngestError::from)? {
        read += bytes.len() as u64;
        let mut rest = &bytes[..];
        while reader.push_piece(&mut rest).map_err(|_| not_the_same())? {
            for event in normalizer.events(reader.take_held()) {
                if to_pass_over > 0 {
                    to_pass_over -= 1;
                    continue;
                }
                emit(event)?;
                *emitted += 1;
            }
        }
    }
    check_length(address, read, identity)?;
    if reader.finish().map_err(|_| not_the_same())? != *proven {
        return Err(not_the_same().into());
    }
    Ok(normalizer.finish(proven, &mut reader))
}
