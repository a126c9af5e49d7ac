//! Why an object as a whole is no log object that can be trusted.

use std::fmt;

use thiserror::Error;

/// What breaks the container or the top-level document. Nothing of a rejected object
/// is used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    #[error("the object is empty")]
    Empty,
    #[error("neither gzip nor JSON: it looks like {looks_like}")]
    NotGzip { looks_like: LooksLike },
    #[error("the gzip member holds another gzip file")]
    GzipInGzip,
    #[error("the gzip header has flags that mean nothing yet")]
    ReservedFlags,
    #[error("the gzip data is corrupt")]
    CorruptGzip,
    #[error("a checksum of the gzip member is wrong")]
    WrongChecksum,
    #[error("the length in the gzip trailer is wrong")]
    WrongLength,
    #[error("the object ends too early")]
    Truncated,
    #[error("bytes follow the gzip member")]
    TrailingBytes,
    #[error("more than {max_bytes} bytes when unpacked")]
    TooLarge { max_bytes: u64 },
    #[error("it unpacks to more than {max_ratio} times its size")]
    ExpandsTooFar { max_ratio: u64 },
    #[error("more than {max_records} records of the Redshift family")]
    TooManyRecords { max_records: u64 },
    #[error("not well-formed JSON at byte {offset} of the unpacked document")]
    Malformed { offset: u64 },
    #[error("no Records array")]
    NoRecords,
    #[error("Records is not an array")]
    RecordsNotAnArray,
    #[error("Records stands twice")]
    DoubledRecords,
    #[error("another document follows the first")]
    TrailingDocument,
}

/// What the first bytes of an object say that is no log object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LooksLike {
    Zip,
    Zlib,
    Zstd,
    ByteOrderMark,
    /// Where nothing but gzip will do.
    PlainJson,
    Other,
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zip => "zip",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
            Self::ByteOrderMark => "text with a byte order mark",
            Self::PlainJson => "plain JSON",
            Self::Other => "something else",
        })
    }
}

impl Rejected {
    /// The reason as a word for counts, metrics and the ledger.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotGzip { looks_like } => match looks_like {
                LooksLike::Zip => "zip",
                LooksLike::Zlib => "zlib",
                LooksLike::Zstd => "zstd",
                LooksLike::ByteOrderMark => "byte_order_mark",
                LooksLike::PlainJson | LooksLike::Other => "not_gzip",
            },
            Self::GzipInGzip => "gzip_in_gzip",
            Self::ReservedFlags => "reserved_flags",
            Self::CorruptGzip => "corrupt_gzip",
            Self::WrongChecksum => "wrong_checksum",
            Self::WrongLength => "wrong_length",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::TooLarge { .. } => "too_large",
            Self::ExpandsTooFar { .. } => "expands_too_far",
            Self::TooManyRecords { .. } => "too_many_records",
            Self::Malformed { .. } => "malformed",
            Self::NoRecords => "no_records",
            Self::RecordsNotAnArray => "records_not_an_array",
            Self::DoubledRecords => "doubled_records",
            Self::TrailingDocument => "trailing_document",
        }
    }
}
