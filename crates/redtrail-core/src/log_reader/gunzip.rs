//! The object's bytes made plain: exactly one gzip member, its checksum and length
//! proven and nothing after it; or JSON that was never compressed.

use flate2::{Decompress, FlushDecompress, Status};

use super::Rejected;

/// Plain bytes are handed on in pieces of at most this size.
const PIECE_BYTES: usize = 64 * 1024;

/// Unpacks one object as its bytes arrive.
pub struct Gunzip {
    form: Form,
    piece: Vec<u8>,
    plain_bytes: u64,
    max_plain_bytes: u64,
}

enum Form {
    /// Fewer bytes came than the form can be told from.
    Unknown(Vec<u8>),
    Gzip {
        inflate: Box<Decompress>,
        ended: bool,
    },
    Plain,
}

impl Gunzip {
    pub fn new(max_plain_bytes: u64) -> Self {
        Self {
            form: Form::Unknown(Vec::new()),
            piece: Vec::new(),
            plain_bytes: 0,
            max_plain_bytes,
        }
    }

    /// Takes the next bytes of the object and hands their plain bytes to `plain`.
    ///
    /// # Errors
    /// When they break the object, or `plain` says so.
    pub fn push(
        &mut self,
        bytes: &[u8],
        plain: &mut impl FnMut(&[u8]) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        match &mut self.form {
            Form::Unknown(start) => {
                start.extend_from_slice(bytes);
                let Some(form) = Form::of(start)? else {
                    return Ok(());
                };
                let start = std::mem::take(start);
                self.form = form;
                self.push(&start, plain)
            }
            Form::Plain => self.hand_on(bytes, plain),
            Form::Gzip { .. } => self.inflate(bytes, plain),
        }
    }

    /// The object has ended.
    ///
    /// # Errors
    /// When it ended too early.
    pub fn finish(&self) -> Result<(), Rejected> {
        match &self.form {
            Form::Unknown(start) if start.is_empty() => Err(Rejected::Empty),
            Form::Unknown(_) | Form::Gzip { ended: false, .. } => Err(Rejected::Truncated),
            Form::Gzip { ended: true, .. } | Form::Plain => Ok(()),
        }
    }

    fn inflate(
        &mut self,
        mut bytes: &[u8],
        plain: &mut impl FnMut(&[u8]) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(PIECE_BYTES, 0);
        while let Form::Gzip { inflate, ended } = &mut self.form {
            if *ended {
                if bytes.is_empty() {
                    break;
                }
                return Err(Rejected::TrailingBytes);
            }
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let outcome = inflate.decompress(bytes, &mut piece, FlushDecompress::None);
            let consumed = progress(before_in, inflate.total_in());
            let produced = progress(before_out, inflate.total_out());
            *ended = matches!(outcome, Ok(Status::StreamEnd));
            let ended = *ended;
            bytes = bytes.get(consumed..).unwrap_or_default();
            // What came before an error is read before it, however the bytes were cut.
            self.hand_on(piece.get(..produced).unwrap_or_default(), plain)?;
            outcome.map_err(|_| Rejected::CorruptGzip)?;
            if consumed == 0 && produced == 0 && !ended {
                // All input is consumed and no output is left.
                break;
            }
        }
        self.piece = piece;
        Ok(())
    }

    /// Hands on what the bound leaves room for; what is wrong within it is found first.
    fn hand_on(
        &mut self,
        bytes: &[u8],
        plain: &mut impl FnMut(&[u8]) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        let room = usize::try_from(self.max_plain_bytes - self.plain_bytes).unwrap_or(usize::MAX);
        let within = bytes.get(..room).unwrap_or(bytes);
        self.plain_bytes += within.len() as u64;
        plain(within)?;
        if within.len() < bytes.len() {
            return Err(Rejected::TooLarge {
                max_bytes: self.max_plain_bytes,
            });
        }
        Ok(())
    }
}

impl Form {
    /// What the first bytes say; `None` while too few came.
    fn of(start: &[u8]) -> Result<Option<Self>, Rejected> {
        Ok(Some(match start {
            [] | [0x1f | 0x28 | 0x78 | 0xef | b'P'] => return Ok(None),
            [0x1f, 0x8b, ..] => Self::Gzip {
                inflate: Box::new(Decompress::new_gzip(15)),
                ended: false,
            },
            [b'P', b'K', ..] => return Err(Rejected::NotGzip { looks_like: "zip" }),
            [0x28, 0xb5, ..] => return Err(Rejected::NotGzip { looks_like: "zstd" }),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
                return Err(Rejected::NotGzip { looks_like: "zlib" });
            }
            [0xef, 0xbb, ..] => {
                return Err(Rejected::NotGzip {
                    looks_like: "text with a byte order mark",
                });
            }
            [b'{' | b' ' | b'\t' | b'\r' | b'\n', ..] => Self::Plain,
            _ => {
                return Err(Rejected::NotGzip {
                    looks_like: "something else",
                });
            }
        }))
    }
}

fn progress(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], cut: usize) -> Result<Vec<u8>, Rejected> {
        let mut gunzip = Gunzip::new(1 << 20);
        let mut all = Vec::new();
        for piece in bytes.chunks(cut) {
            gunzip.push(piece, &mut |plain| {
                all.extend_from_slice(plain);
                Ok(())
            })?;
        }
        gunzip.finish().map(|()| all)
    }

    fn check(bytes: &[u8], expected: Result<&[u8], Rejected>) {
        for cut in [1, 7, 64, usize::MAX] {
            assert_eq!(
                read(bytes, cut),
                expected.clone().map(<[u8]>::to_vec),
                "cut {cut}"
            );
        }
    }

    #[test]
    fn ok_one_member_or_plain() {
        let plain: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        check(&gzip(&plain), Ok(&plain));
        check(&gzip(b""), Ok(b""));
        check(b" {}", Ok(b" {}"));
    }

    #[test]
    fn err_named_by_what_is_wrong() {
        let good = gzip(b"{\"Records\":[]}");
        check(b"", Err(Rejected::Empty));
        check(&good[..good.len() - 1], Err(Rejected::Truncated));
        check(&good[..4], Err(Rejected::Truncated));
        check(
            &[good.clone(), good.clone()].concat(),
            Err(Rejected::TrailingBytes),
        );
        check(
            &[good.clone(), vec![0]].concat(),
            Err(Rejected::TrailingBytes),
        );
        let mut checksum = good.clone();
        let at = checksum.len() - 6;
        checksum[at] ^= 1;
        check(&checksum, Err(Rejected::CorruptGzip));
        let mut length = good.clone();
        let at = length.len() - 1;
        length[at] ^= 1;
        check(&length, Err(Rejected::CorruptGzip));
        let mut reserved = good;
        reserved[3] |= 0x80;
        check(&reserved, Err(Rejected::CorruptGzip));
        check(b"PK\x03\x04", Err(Rejected::NotGzip { looks_like: "zip" }));
    }

    #[test]
    fn err_bomb() {
        check(
            &gzip(&vec![b' '; 2 << 20]),
            Err(Rejected::TooLarge { max_bytes: 1 << 20 }),
        );
    }
}
