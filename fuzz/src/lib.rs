//! What must hold of any input, however hostile: one module for each target. Each takes bytes
//! and panics where it does not hold.

pub mod cursor;
pub mod differential;
pub mod envelope;
pub mod keys;
pub mod reader;
pub mod record;

use std::sync::LazyLock;

use redtrail_core::select::Selector;

/// To make one takes longer than most inputs do.
static SELECTOR: LazyLock<Selector> = LazyLock::new(Selector::default);
