//! Hashes: as text, and short enough to remember many.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// `bytes` in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes all that is written to it");
    }
    text
}

/// The first sixteen bytes of a SHA-256: enough to tell any two things of one kind apart.
pub(crate) fn short(hash: Sha256) -> [u8; 16] {
    let hash: [u8; 32] = hash.finalize().into();
    let (start, _) = hash.split_at(16);
    start.try_into().expect("sixteen bytes are sixteen bytes")
}
