//! Why an object as a whole is no log object that can be trusted.

use thiserror::Error;

/// What breaks the container or the top-level document. Nothing of a rejected object
/// is used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    #[error("the object is empty")]
    Empty,
    #[error("neither gzip nor JSON: it looks like {looks_like}")]
    NotGzip { looks_like: &'static str },
    #[error("the gzip data is corrupt")]
    CorruptGzip,
    #[error("the object ends too early")]
    Truncated,
    #[error("bytes follow the gzip member")]
    TrailingBytes,
    #[error("more than {max_bytes} bytes when unpacked")]
    TooLarge { max_bytes: u64 },
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

impl Rejected {
    /// The reason as a word for counts, metrics and the ledger.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotGzip { .. } => "not_gzip",
            Self::CorruptGzip => "corrupt_gzip",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::NoRecords => "no_records",
            Self::RecordsNotAnArray => "records_not_an_array",
            Self::DoubledRecords => "doubled_records",
            Self::TrailingDocument => "trailing_document",
        }
    }
}
