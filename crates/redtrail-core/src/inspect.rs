//! One object read without any AWS: the same reading as the function's, its events handed
//! to the caller once the object is proven.

use std::io::{self, Read};

use redtrail_model::{AuditEvent, Origin};

use crate::{
    log_reader::{Limits, LogReader, Rejected},
    normalizer::{Normalizer, Summary},
    select::Selector,
};

/// Stored bytes read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads the object that `open` opens, twice if its selected records outgrow the bound, and
/// hands each event to `emit`. Of a rejected object nothing is handed out.
///
/// # Errors
/// The outer error is one of reading or emitting; the inner one says why the object as a
/// whole is rejected.
pub fn inspect<R: Read>(
    mut open: impl FnMut() -> io::Result<R>,
    origin: Origin,
    selector: &Selector,
    limits: Limits,
    mut emit: impl FnMut(AuditEvent) -> io::Result<()>,
) -> io::Result<Result<Summary, Rejected>> {
    let mut reader = LogReader::unhashed(limits, selector);
    let mut rejected = None;
    pieces(open()?, |bytes| {
        rejected = reader.push(bytes).err();
        Ok(rejected.is_none())
    })?;
    let proven = match rejected.map_or_else(|| reader.finish(), Err) {
        Ok(proven) => proven,
        Err(why) => return Ok(Err(why)),
    };

    let mut normalizer = Normalizer::new(selector, origin);
    if reader.is_outgrown() {
        reader = LogReader::unhashed(limits.of_second_reading(), selector);
        pieces(open()?, |mut bytes| {
            while reader.push_piece(&mut bytes).map_err(io::Error::other)? {
                normalizer
                    .events(reader.take_held())
                    .try_for_each(&mut emit)?;
            }
            Ok(true)
        })?;
        if reader.finish().map_err(io::Error::other)? != proven {
            return Err(io::Error::other(
                "the object was different when it was read again",
            ));
        }
    } else {
        normalizer
            .events(reader.take_held())
            .try_for_each(&mut emit)?;
    }
    Ok(Ok(normalizer.finish(&proven, &mut reader)))
}

/// Hands the bytes of `from` to `piece` until it answers false.
pub(crate) fn pieces(
    mut from: impl Read,
    mut piece: impl FnMut(&[u8]) -> io::Result<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 || !piece(buffer.get(..read).unwrap_or_default())? {
            return Ok(());
        }
    }
}
