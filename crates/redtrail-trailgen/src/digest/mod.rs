//! Chains of digests with their logs, signed with keys of their own, whole or tampered with,
//! and the truth about what was done to them.

mod chain;
mod keys;
mod mix;
mod tampering;

pub use chain::{ChainPlan, HourPlan, TrailObject};
pub use keys::SigningKey;
pub use mix::{Mix, PublicKeyEntry};
pub use tampering::Tampering;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
