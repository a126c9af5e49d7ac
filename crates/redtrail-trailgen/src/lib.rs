//! CloudTrail log objects made to measure, for tests, benches and the demo: the shape,
//! size and mix of a real trail, a chosen share of Redshift's events, and the truth about
//! each of them. Everything follows from a seed; nothing here knows how redtrail reads.

mod cast;
pub mod catalogue;
mod dice;
pub mod digest;
mod event;
mod family;
mod gzip;
mod json;
mod ordinary;
mod place;
pub mod sample;
mod shape;
mod trail;

pub use event::{Record, Truth};
pub use gzip::gzip;
pub use shape::HardShape;
pub use trail::{LogObject, Trail, TrailOptions, Written};
