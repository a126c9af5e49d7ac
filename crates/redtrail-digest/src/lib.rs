//! CloudTrail's digests verified: that the log objects of a trail are those that CloudTrail
//! delivered, all of them and no others. It reads objects and keys through two traits, and
//! knows no SDK, no environment and no clock.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html>

mod chain;
mod digest_file;
pub mod discover;
pub mod edge;
pub mod finding;
mod index;
mod judge;
mod key_ring;
pub mod log_list;
pub mod memory;
mod object_name;
pub mod place;
pub mod public_key;
mod range;
pub mod saved_keys;
mod unpack;
mod verify;

pub use judge::BucketNames;
pub use object_name::ChainName;
pub use range::TimeRange;
pub use verify::{ChainSummary, PlaceSummary, Verifier};
