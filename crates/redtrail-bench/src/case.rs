//! What is measured: reading one object as the function does, with its hash and without, and the
//! bare gunzip that both are held against.

use std::{
    hint::black_box,
    io::{self, Read},
};

use clap::ValueEnum;
use flate2::{Decompress, FlushDecompress, Status};
use redtrail_core::{
    log_reader::{Limits, LogReader},
    normalizer::Normalizer,
    select::Selector,
};
use redtrail_model::Origin;
use sha2::{Digest, Sha256};

/// The pieces that both sides read and unpack at a time: as large as a TLS record, and as the
/// reader unpacks.
const STORED_PIECE_BYTES: usize = 16 * 1024;
const PLAIN_PIECE_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Start and stop: what a process costs that reads nothing.
    Nothing,
    /// Unpack with the decoder that redtrail uses, and nothing else.
    Gunzip,
    /// Unpack and hash.
    GunzipSha256,
    /// Unpack, split, select, normalize.
    Read,
    /// The same and hash: the function without its edges.
    ReadSha256,
}

impl Case {
    /// Does it once.
    ///
    /// # Errors
    /// When the object cannot be read, or is none.
    pub(crate) fn run(self, object: impl Read, selector: &Selector) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Gunzip => gunzip(object, |_| {}),
            Self::GunzipSha256 => {
                let mut sha256 = Sha256::new();
                gunzip(object, |plain| sha256.update(plain))?;
                black_box(sha256.finalize());
                Ok(())
            }
            Self::Read => read(object, LogReader::unhashed(limits(), selector), selector),
            Self::ReadSha256 => read(object, LogReader::new(limits(), selector), selector),
        }
    }
}

fn gunzip(mut object: impl Read, mut plain: impl FnMut(&[u8])) -> io::Result<()> {
    let mut stored = vec![0; STORED_PIECE_BYTES];
    let mut unpacked = vec![0; PLAIN_PIECE_BYTES];
    let mut inflate = Decompress::new_gzip(15);
    loop {
        let length = object.read(&mut stored)?;
        let mut rest = stored.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        loop {
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(rest, &mut unpacked, FlushDecompress::None)?;
            let consumed = (inflate.total_in() - before_in) as usize;
            let produced = (inflate.total_out() - before_out) as usize;
            rest = rest.get(consumed..).unwrap_or_default();
            plain(black_box(unpacked.get(..produced).unwrap_or_default()));
            if status == Status::StreamEnd {
                return Ok(());
            }
            // It leaves room only when it has no more to unpack.
            if produced < PLAIN_PIECE_BYTES {
                break;
            }
        }
    }
}

fn read(mut object: impl Read, mut reader: LogReader<'_>, selector: &Selector) -> io::Result<()> {
    let mut stored = vec![0; STORED_PIECE_BYTES];
    loop {
        let length = object.read(&mut stored)?;
        let piece = stored.get(..length).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        reader.push(piece).map_err(io::Error::other)?;
    }
    let proven = reader.finish().map_err(io::Error::other)?;
    let mut normalizer = Normalizer::new(selector, origin());
    for event in normalizer.events(reader.take_held()) {
        black_box(&event);
    }
    black_box(normalizer.finish(&proven, &mut reader).tally);
    Ok(())
}

/// All events are held.
fn limits() -> Limits {
    Limits {
        max_held_bytes: usize::MAX,
        ..Limits::default()
    }
}

pub(crate) fn origin() -> Origin {
    Origin {
        bucket: "trail".into(),
        key: "object.json.gz".into(),
        version: None,
        record_index: 0,
    }
}
