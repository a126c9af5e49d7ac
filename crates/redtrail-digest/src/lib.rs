//! CloudTrail's digests verified: that the log objects of a trail are those that CloudTrail
//! delivered, all of them and no others. It reads objects and keys through two traits, and
//! knows no SDK, no environment and no clock.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html>

mod cached_keys;
mod chain;
mod digest_file;
pub mod discover;
pub mod edge;
pub mod finding;
mod in_bucket;
mod in_ledger;
mod index;
mod judge;
mod key_ring;
pub mod log_list;
pub mod memory;
mod object_name;
pub mod place;
pub mod public_key;
mod range;
mod reconcile;
pub mod saved_keys;
mod unpack;
mod verify;

pub use cached_keys::CachedKeys;
pub use in_bucket::InBucket;
pub use judge::BucketNames;
pub use object_name::{ChainName, digest_place};
pub use range::TimeRange;
pub use reconcile::{Reconciled, Reconciler};
pub use verify::{ChainSummary, PlaceSummary, Verifier};
