//! The clock of tokio's runtime, so that waiting costs nothing and tests can make it stand
//! still.

use std::time::Instant;

use redtrail_core::edge::Timer;

/// tokio's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTimer;

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    async fn sleep_until(&self, at: Instant) {
        tokio::time::sleep_until(at.into()).await;
    }
}
