//! What must hold of any input, however hostile: one module for each target. Each takes bytes
//! and panics where it does not hold.

pub mod cursor;
pub mod differential;
pub mod envelope;
pub mod keys;
pub mod reader;
pub mod record;
