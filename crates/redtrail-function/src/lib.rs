//! What redtrail's Lambda functions share: their environment, their log lines, their clock and
//! their metrics.

pub mod clock;
pub mod environment;
pub mod messages;
pub mod metrics;
pub mod plain_lines;
pub mod start;
