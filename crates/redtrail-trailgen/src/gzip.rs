//! Gzip as a delivery would write it, but with nothing of the machine or the clock in
//! its header, so that equal content gives equal bytes.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder, write::GzEncoder};

/// `plain` as one gzip member.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = encoder(Vec::with_capacity(plain.len() / 4));
    encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .expect("writing to a Vec never fails")
}

/// Compresses all that `fill` writes into `out`, without holding it.
///
/// # Errors
/// When `out` or `fill` fails.
pub(crate) fn gzip_into<W: Write, T>(
    out: W,
    fill: impl FnOnce(&mut GzEncoder<W>) -> io::Result<T>,
) -> io::Result<T> {
    let mut encoder = encoder(out);
    let filled = fill(&mut encoder)?;
    encoder.finish()?.flush()?;
    Ok(filled)
}

fn encoder<W: Write>(out: W) -> GzEncoder<W> {
    GzBuilder::new().mtime(0).write(out, Compression::new(6))
}
