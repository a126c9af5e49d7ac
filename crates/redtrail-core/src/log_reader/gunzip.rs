//! The object's bytes made plain: exactly one gzip member, its checksum and length
//! proven and nothing after it; or JSON that was never compressed.

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use super::{LooksLike, Rejected};

/// <https://www.rfc-editor.org/rfc/rfc1952#page-8>: an indication of fields that a reader
/// does not know, so that what follows would be taken for something else.
const RESERVED_FLAGS: u8 = 0b1110_0000;
/// So many bytes tell the form.
const FORM_BYTES: usize = 4;
/// Plain bytes are handed on in pieces of at most this size.
const PIECE_BYTES: usize = 64 * 1024;

/// An object may unpack to that many times its size, past [`RATIO_FREE_BYTES`]. Public
/// copies of real trails stay below fifteen; deflate reaches a thousand.
pub const MAX_RATIO: u64 = 250;
/// As far an object may unpack whatever its ratio: CloudTrail's own bound is 50 MB.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;
/// The ratio is looked at after each so many stored bytes: at the same places however
/// the bytes are cut.
const LOOK_BYTES: u64 = 64 * 1024;

/// Unpacks one object as its bytes arrive.
pub struct Gunzip {
    form: Form,
    handed_on: HandedOn,
}

enum Form {
    /// Fewer bytes came than the form can be told from.
    Unknown(Vec<u8>),
    Gzip(Inflate),
    Plain,
}

impl Gunzip {
    pub fn new(max_plain_bytes: u64) -> Self {
        Self {
            form: Form::Unknown(Vec::new()),
            handed_on: HandedOn {
                plain_bytes: 0,
                max_plain_bytes,
            },
        }
    }

    /// Takes the next bytes of the object and hands their plain bytes to `plain`.
    ///
    /// # Errors
    /// When they break the object, or `plain` says so.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        plain: &mut impl FnMut(&[u8]) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        while self.push_piece(&mut bytes, plain)? {}
        Ok(())
    }

    /// Takes so many of the next bytes as unpack to one piece. False once all are taken and
    /// nothing of them is left to be handed on.
    ///
    /// # Errors
    /// As [`Gunzip::push`].
    pub(crate) fn push_piece(
        &mut self,
        bytes: &mut &[u8],
        plain: &mut impl FnMut(&[u8]) -> Result<(), Rejected>,
    ) -> Result<bool, Rejected> {
        match &mut self.form {
            Form::Unknown(start) => {
                start.extend_from_slice(take(bytes, FORM_BYTES - start.len()));
                let Some(form) = Form::of(start)? else {
                    return Ok(false);
                };
                let start = std::mem::take(start);
                self.form = form;
                self.push(&start, plain)?;
                Ok(true)
            }
            Form::Plain => {
                let piece = take(bytes, PIECE_BYTES);
                self.handed_on.add(piece, plain)?;
                Ok(!piece.is_empty())
            }
            Form::Gzip(inflate) => inflate.push_piece(bytes, &mut self.handed_on, plain),
        }
    }

    /// The object has ended.
    ///
    /// # Errors
    /// When it ended too early.
    pub fn finish(&self) -> Result<(), Rejected> {
        match &self.form {
            Form::Unknown(start) if start.is_empty() => Err(Rejected::Empty),
            Form::Gzip(inflate) if inflate.ended => inflate.look_at_ratio(&self.handed_on),
            Form::Unknown(_) | Form::Gzip(_) => Err(Rejected::Truncated),
            Form::Plain => Ok(()),
        }
    }
}

/// How much was handed on so far, and may be.
struct HandedOn {
    plain_bytes: u64,
    max_plain_bytes: u64,
}

impl HandedOn {
    /// Hands on what the bound leaves room for; what is wrong within it is found first.
    fn add(
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

/// The one member that is unpacked.
struct Inflate {
    stream: Box<Decompress>,
    piece: Vec<u8>,
    stored_bytes: u64,
    ended: bool,
    /// All plain bytes of what was taken were handed on.
    drained: bool,
}

impl Inflate {
    fn new() -> Self {
        Self {
            stream: Box::new(Decompress::new_gzip(15)),
            piece: vec![0; PIECE_BYTES],
            stored_bytes: 0,
            ended: false,
            drained: true,
        }
    }

    fn push_piece(
        &mut self,
        bytes: &mut &[u8],
        handed_on: &mut HandedOn,
        plain: &mut impl FnMut(&[u8]) -> Result<(), Rejected>,
    ) -> Result<bool, Rejected> {
        if self.ended && !bytes.is_empty() {
            return Err(Rejected::TrailingBytes);
        }
        if self.drained && bytes.is_empty() {
            return Ok(false);
        }
        let since_look = self.stored_bytes % LOOK_BYTES;
        let until_look = match since_look {
            // All that was taken until a look is handed on before it.
            0 if !self.drained => 0,
            _ => LOOK_BYTES - since_look,
        };
        let until_look = usize::try_from(until_look).unwrap_or(usize::MAX);
        let stored = bytes.get(..until_look).unwrap_or(bytes);
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let outcome = self
            .stream
            .decompress(stored, &mut self.piece, FlushDecompress::None);
        let consumed = progress(before_in, self.stream.total_in());
        let produced = progress(before_out, self.stream.total_out());
        take(bytes, consumed);
        self.stored_bytes += consumed as u64;
        self.ended = matches!(outcome, Ok(Status::StreamEnd));
        // Where zlib leaves room in the output, it has taken all input and has nothing left
        // to put there: <https://zlib.net/zlib_how.html>.
        self.drained = self.ended || produced < PIECE_BYTES;
        // What came before an error is read before it, however the bytes were cut.
        handed_on.add(self.piece.get(..produced).unwrap_or_default(), plain)?;
        outcome.map_err(|error| broken(&error))?;
        if self.drained && self.stored_bytes.is_multiple_of(LOOK_BYTES) {
            self.look_at_ratio(handed_on)?;
        }
        Ok(consumed > 0 || produced > 0 || self.ended)
    }

    fn look_at_ratio(&self, handed_on: &HandedOn) -> Result<(), Rejected> {
        let most = RATIO_FREE_BYTES.max(self.stored_bytes.saturating_mul(MAX_RATIO));
        if handed_on.plain_bytes > most {
            return Err(Rejected::ExpandsTooFar {
                max_ratio: MAX_RATIO,
            });
        }
        Ok(())
    }
}

impl Form {
    /// What the first bytes say; `None` while too few came.
    fn of(start: &[u8]) -> Result<Option<Self>, Rejected> {
        Ok(Some(match start {
            [] | [0x1f | 0x28 | 0x78 | 0xef | b'P'] | [0x1f, 0x8b] | [0x1f, 0x8b, _] => {
                return Ok(None);
            }
            [0x1f, 0x8b, _, flags, ..] if flags & RESERVED_FLAGS != 0 => {
                return Err(Rejected::ReservedFlags);
            }
            [0x1f, 0x8b, ..] => Self::Gzip(Inflate::new()),
            [b'P', b'K', ..] => return Err(not_gzip(LooksLike::Zip)),
            [0x28, 0xb5, ..] => return Err(not_gzip(LooksLike::Zstd)),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => return Err(not_gzip(LooksLike::Zlib)),
            [0xef, 0xbb, ..] => return Err(not_gzip(LooksLike::ByteOrderMark)),
            [b'{' | b' ' | b'\t' | b'\r' | b'\n', ..] => Self::Plain,
            _ => return Err(not_gzip(LooksLike::Other)),
        }))
    }
}

fn not_gzip(looks_like: LooksLike) -> Rejected {
    Rejected::NotGzip { looks_like }
}

/// zlib tells what is wrong in words alone, which have been the same for decades.
fn broken(error: &DecompressError) -> Rejected {
    match error.message() {
        Some("incorrect data check" | "header crc mismatch") => Rejected::WrongChecksum,
        Some("incorrect length check") => Rejected::WrongLength,
        _ => Rejected::CorruptGzip,
    }
}

/// The first `length` of `bytes`, or all, which are then no more in them.
fn take<'b>(bytes: &mut &'b [u8], length: usize) -> &'b [u8] {
    let (taken, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
    *bytes = rest;
    taken
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
    fn ok_however_it_lies_to_the_pieces() {
        let mut random = fastrand::Rng::with_seed(3);
        for pieces in [1, 2] {
            for length in [-1, 0, 1] {
                let length = (pieces * PIECE_BYTES).saturating_add_signed(length);
                for plain in [
                    vec![b' '; length],
                    std::iter::repeat_with(|| random.u8(..))
                        .take(length)
                        .collect(),
                ] {
                    let stored = gzip(&plain);
                    check(&stored, Ok(&plain));
                    for cut in [stored.len() - 8, stored.len() - 1, PIECE_BYTES] {
                        assert_eq!(read(&stored, cut), Ok(plain.clone()), "cut {cut}");
                    }
                    check(&[&stored[..], b"x"].concat(), Err(Rejected::TrailingBytes));
                }
            }
        }
    }

    /// With a name in its header, so that it ends where the ratio is looked at.
    #[test]
    fn ok_a_member_of_just_64_kib_as_stored() {
        let plain: Vec<u8> = (0..60_000u32).map(|n| (n % 251) as u8).collect();
        let bare = gzip(&plain);
        let look = usize::try_from(LOOK_BYTES).unwrap();
        let mut stored = bare[..10].to_vec();
        stored[3] = 0x08;
        stored.resize(look - (bare.len() - 10) - 1, b'n');
        stored.push(0);
        stored.extend_from_slice(&bare[10..]);
        assert_eq!(stored.len(), look);
        check(&stored, Ok(&plain));
        check(&[&stored[..], b"x"].concat(), Err(Rejected::TrailingBytes));
    }

    #[test]
    fn err_named_by_what_is_wrong() {
        let good = gzip(b"{\"Records\":[]}");
        check(b"", Err(Rejected::Empty));
        for length in [1, 2, 3, 4, good.len() - 1] {
            check(&good[..length], Err(Rejected::Truncated));
        }
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
        check(&checksum, Err(Rejected::WrongChecksum));
        let mut length = good.clone();
        let at = length.len() - 1;
        length[at] ^= 1;
        check(&length, Err(Rejected::WrongLength));
        for flag in [0x20, 0x40, 0x80] {
            let mut reserved = good.clone();
            reserved[3] |= flag;
            check(&reserved, Err(Rejected::ReservedFlags));
        }
        let mut method = good;
        method[2] = 7;
        check(&method, Err(Rejected::CorruptGzip));
        for (start, looks_like) in [
            (&b"PK\x03\x04"[..], LooksLike::Zip),
            (b"\x28\xb5\x2f\xfd", LooksLike::Zstd),
            (b"\x78\x01", LooksLike::Zlib),
            (b"\x78\x5e", LooksLike::Zlib),
            (b"\x78\x9c", LooksLike::Zlib),
            (b"\x78\xda", LooksLike::Zlib),
            (b"\xef\xbb\xbf{}", LooksLike::ByteOrderMark),
            (b"BZh9", LooksLike::Other),
        ] {
            check(start, Err(not_gzip(looks_like)));
        }
    }

    #[test]
    fn err_bomb() {
        check(
            &gzip(&vec![b' '; 2 << 20]),
            Err(Rejected::TooLarge { max_bytes: 1 << 20 }),
        );
    }

    /// The verdict, and how many plain bytes were handed on until then.
    fn unpacked(bytes: &[u8], cut: usize) -> (Result<(), Rejected>, u64) {
        let mut gunzip = Gunzip::new(1 << 40);
        let mut plain_bytes = 0;
        let pushed = bytes.chunks(cut).try_for_each(|piece| {
            gunzip.push(piece, &mut |plain| {
                plain_bytes += plain.len() as u64;
                Ok(())
            })
        });
        (pushed.and_then(|()| gunzip.finish()), plain_bytes)
    }

    #[test]
    fn err_what_expands_too_far() {
        let too_far = Err(Rejected::ExpandsTooFar {
            max_ratio: MAX_RATIO,
        });
        let free = usize::try_from(RATIO_FREE_BYTES).unwrap();
        let bomb = gzip(&vec![b' '; free + 1]);
        let larger = gzip(&vec![b' '; 3 * free]);
        for cut in [1000, 8192, 100_000, usize::MAX] {
            assert_eq!(
                unpacked(&bomb, cut),
                (too_far.clone(), RATIO_FREE_BYTES + 1)
            );
            let (verdict, plain_bytes) = unpacked(&larger, cut);
            assert_eq!(verdict, too_far);
            // It is given up at the first look past the bound, the same for all.
            assert!(plain_bytes < 3 * RATIO_FREE_BYTES, "{plain_bytes}");
            assert_eq!(plain_bytes, unpacked(&larger, 77_777).1);
        }
        let (verdict, _) = unpacked(&gzip(&vec![b' '; free]), usize::MAX);
        assert_eq!(verdict, Ok(()));
    }

    /// An object past the bound between two looks, and back within it at the next, is taken.
    #[test]
    fn ok_the_ratio_is_looked_at_after_each_64_kib_as_stored() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut incompressible = |length| -> Vec<u8> {
            std::iter::repeat_with(|| random.u8(..))
                .take(length)
                .collect()
        };
        let mut plain = incompressible(200_000);
        plain.resize(plain.len() + 68_000_000, b' ');
        let past = gzip(&plain);
        assert!((4 * 64 * 1024..5 * 64 * 1024).contains(&past.len()));
        assert!(unpacked(&past, usize::MAX).0.is_err());
        plain.extend(incompressible(100_000));
        let back = gzip(&plain);
        for cut in [1000, usize::MAX] {
            assert_eq!(unpacked(&back, cut), (Ok(()), plain.len() as u64));
        }
    }
}
