//! The elements of one object, and the proof that they are all of it. Whatever is taken
//! from an object comes through here, so that there is one proof.

use sha2::{Digest, Sha256};

use super::{
    Limits, Rejected,
    gunzip::Gunzip,
    split::{Element, Splitter},
};
use crate::skim::Skimmer;

/// One object, taken apart as its bytes arrive.
pub(super) struct Document {
    gunzip: Gunzip,
    unpacked: Unpacked,
}

/// Everything behind the gunzip: one reader of plain bytes.
struct Unpacked {
    splitter: Splitter,
    sha256: Option<Sha256>,
    plain_bytes: u64,
}

impl Document {
    pub(super) fn new(limits: Limits, is_hashed: bool) -> Self {
        Self {
            gunzip: Gunzip::new(limits.max_plain_bytes),
            unpacked: Unpacked {
                splitter: Splitter::new(limits.max_record_bytes),
                sha256: is_hashed.then(Sha256::new),
                plain_bytes: 0,
            },
        }
    }

    /// Takes so many of the next bytes, as stored, as unpack to one piece, and hands out each
    /// element that ends in it. False once all are taken and nothing of them is left.
    pub(super) fn push_piece(
        &mut self,
        bytes: &mut &[u8],
        skimmer: &Skimmer,
        element: &mut impl FnMut(Element<'_>),
    ) -> Result<bool, Rejected> {
        let unpacked = &mut self.unpacked;
        self.gunzip
            .push_piece(bytes, &mut |plain| unpacked.push(plain, skimmer, element))
    }

    /// Proves that the object ended where it should.
    pub(super) fn finish(&self) -> Result<(), Rejected> {
        self.gunzip.finish()?;
        self.unpacked.splitter.finish()
    }

    /// SHA-256 of the unpacked content so far, where it is wanted.
    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        let sha256 = self.unpacked.sha256.clone();
        sha256.map(|sha256| sha256.finalize().into())
    }

    /// Size of the unpacked content so far.
    pub(super) fn plain_bytes(&self) -> u64 {
        self.unpacked.plain_bytes
    }
}

impl Unpacked {
    fn push(
        &mut self,
        plain: &[u8],
        skimmer: &Skimmer,
        element: &mut impl FnMut(Element<'_>),
    ) -> Result<(), Rejected> {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(plain);
        }
        self.plain_bytes += plain.len() as u64;
        self.splitter.push(plain, skimmer, element)
    }
}
