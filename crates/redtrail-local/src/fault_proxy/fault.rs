//! What can go wrong with a request.

use std::collections::BTreeSet;
use std::time::Duration;

/// A fault of one request: something that AWS documents or that a network does. Resets and holds
/// happen once the whole request has been received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered 500, not applied. S3 says `InternalError`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>), DynamoDB
    /// `InternalServerError`
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
    Status500,
    /// Answered 503, not applied. Both say `ServiceUnavailable`
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html>).
    Status503,
    /// Refused for its rate, not applied. S3 answers 503 `SlowDown`, whatever the limit; DynamoDB
    /// answers 400 with an exception that holds a reason for each table
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html>).
    Throttle(ThroughputLimit),
    /// Goes on only after this time, whether or not the client still waits for it.
    Delay(Duration),
    /// The connection is reset without an answer and nothing is applied.
    ResetBefore,
    /// All is applied, then the connection is reset without an answer.
    ResetAfterApply,
    /// All is applied; the answer declares the length of its whole body, but the connection ends
    /// after so many bytes of it, and before the last one in any case.
    CutBody(usize),
    /// DynamoDB's `BatchWriteItem`: the puts at these positions of [`ProxiedRequest::puts`] are not
    /// applied and come back under `UnprocessedItems`, with what the server leaves itself
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
    /// [`ProxiedRequest::unprocessed`] makes it.
    ///
    /// [`ProxiedRequest::puts`]: super::ProxiedRequest::puts
    /// [`ProxiedRequest::unprocessed`]: super::ProxiedRequest::unprocessed
    Unprocessed(BTreeSet<usize>),
    /// Neither applied nor answered: the client waits until it gives up or is killed.
    /// [`FaultProxy::held`](super::FaultProxy::held) tells when it has come to this.
    HoldBefore,
    /// All is applied but nothing answered; otherwise as [`Fault::HoldBefore`].
    HoldAfterApply,
}

/// The kind of a [`Fault`], for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    Status500,
    Status503,
    Throttle,
    Delay,
    ResetBefore,
    ResetAfterApply,
    CutBody,
    Unprocessed,
    HoldBefore,
    HoldAfterApply,
}

/// Which limit a request exceeds: the last part of DynamoDB's throttling reasons. AWS documents an
/// exception for each, but not that it always comes in that one: the reason is what counts
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-diagnosing-workflow.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThroughputLimit {
    /// A table's provisioned capacity: `ProvisionedThroughputExceededException`.
    ProvisionedThroughput,
    /// What one partition can take, a hot key: `ThrottlingException`.
    KeyRangeThroughput,
    /// The account's quota for on-demand tables: `RequestLimitExceeded`.
    AccountLimit,
    /// The maximum that is configured for an on-demand table: `ThrottlingException`.
    MaxOnDemandThroughput,
}

impl Fault {
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Status500 => FaultKind::Status500,
            Self::Status503 => FaultKind::Status503,
            Self::Throttle(_) => FaultKind::Throttle,
            Self::Delay(_) => FaultKind::Delay,
            Self::ResetBefore => FaultKind::ResetBefore,
            Self::ResetAfterApply => FaultKind::ResetAfterApply,
            Self::CutBody(_) => FaultKind::CutBody,
            Self::Unprocessed(_) => FaultKind::Unprocessed,
            Self::HoldBefore => FaultKind::HoldBefore,
            Self::HoldAfterApply => FaultKind::HoldAfterApply,
        }
    }
}

impl ThroughputLimit {
    pub const ALL: [Self; 4] = [
        Self::ProvisionedThroughput,
        Self::KeyRangeThroughput,
        Self::AccountLimit,
        Self::MaxOnDemandThroughput,
    ];
}
