//! What a function is told that it has nothing to do about, and what it does not understand.

use redtrail_notification::{Message, PassedOver};

use crate::metrics::{self, Metrics};

/// Tells of something that is none of this function's business.
pub fn tell_passed_over(passed_over: &PassedOver, metrics: &mut Metrics) {
    metrics.add(metrics::OBJECTS_PASSED_OVER, 1);
    metrics.add(metrics::passed_over(&passed_over.reason), 1);
    tracing::info!(
        bucket = passed_over.bucket,
        key = passed_over.key,
        reason = passed_over.reason.name(),
        "passed over"
    );
}

/// Tells what of a message was not understood.
pub fn tell_unreadable(message: &Message, metrics: &mut Metrics) {
    for unreadable in &message.announced.unreadable {
        metrics.add(metrics::MESSAGES_UNREADABLE, 1);
        tracing::error!(error = %unreadable, reason = unreadable.name(), message_id = message.id, "message not understood");
    }
}
