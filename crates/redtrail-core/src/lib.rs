//! Bytes of a log object go in, items come out: plain functions, and two small traits
//! for the edges. No AWS client, no async runtime, no environment and no clock.

mod account_ids;
mod accounts;
pub mod alias;
pub mod batch;
pub mod coverage;
pub mod digest_entry;
pub mod directory;
pub mod edge;
pub mod hash;
pub mod ingest;
pub mod inspect;
pub mod inspect_stored;
pub mod item;
pub mod ledger;
pub mod log_key;
pub mod log_reader;
pub mod memory;
pub mod normalize;
pub mod normalizer;
pub mod object;
pub mod original;
pub mod paste;
pub mod plain_text;
mod proving;
pub mod retention;
pub mod select;
mod skim;
mod skimmed_words;
pub mod tally;
pub mod uses;
pub mod writer;
