//! Bytes of a log object go in, items come out: plain functions, and two small traits
//! for the edges. No AWS client, no async runtime, no environment and no clock.

pub mod log_key;
pub mod normalize;
pub mod object;
