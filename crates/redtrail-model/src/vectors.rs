//! Which vectors of the processor to use.

use fearless_simd::{Level, prelude::*};

/// The widest vectors up to 32 bytes: those of 64 were measured to be no faster.
pub fn level() -> Level {
    let level = Level::new();
    #[cfg(target_arch = "x86_64")]
    let level = level.as_avx2().map_or(level, |avx2| avx2.level());
    level
}
