//! Why a payload, or a part of one, can't be read. Each is a failure: passing over what
//! is not understood would lose records quietly.

use thiserror::Error;

/// A payload or a part of it that can't be read. What is quoted from the payload is cut
/// short and has its control characters escaped, so a message is safe to log and print;
/// that is why no parser's error stands behind it as its source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    #[error("not JSON, nor a text that AWS is known to send: `{text}`")]
    NotJson { text: String },
    #[error("no trigger known has such a payload; it starts with `{start}`")]
    UnknownShape { start: String },
    #[error("no trigger known has records of the event source `{event_source}`")]
    UnknownEventSource { event_source: String },
    #[error("EventBridge event `{detail_type}` of `{source_name}` announces no object")]
    UnknownEventBridgeEvent {
        source_name: String,
        detail_type: String,
    },
    #[error("version `{version}` of the S3 notification is not 2.x")]
    NotificationVersion { version: String },
    #[error("{shape} has no {member}")]
    Missing {
        shape: &'static str,
        member: &'static str,
    },
    #[error("{shape} is not as AWS documents it: {problem}")]
    Malformed {
        shape: &'static str,
        problem: String,
    },
    #[error("`{arn}` is not the ARN of a bucket")]
    BucketArn { arn: String },
    #[error("the key `{key}` is not UTF-8 once decoded")]
    KeyEncoding { key: String },
    #[error(
        "the record of a failed invocation does not hold its request; \
         Lambda drops one that is too large"
    )]
    RequestDropped,
    #[error("payload within payload, too many times")]
    TooDeep,
}

impl Unreadable {
    /// The name it is counted by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::UnknownShape { .. } => "unknown_shape",
            Self::UnknownEventSource { .. } => "unknown_event_source",
            Self::UnknownEventBridgeEvent { .. } => "unknown_event_bridge_event",
            Self::NotificationVersion { .. } => "notification_version",
            Self::Missing { .. } => "missing_member",
            Self::Malformed { .. } => "malformed",
            Self::BucketArn { .. } => "bucket_arn",
            Self::KeyEncoding { .. } => "key_encoding",
            Self::RequestDropped => "request_dropped",
            Self::TooDeep => "too_deep",
        }
    }

    pub(crate) fn malformed(shape: &'static str, error: &serde_json::Error) -> Self {
        Self::Malformed {
            shape,
            problem: excerpt(&error.to_string()),
        }
    }
}

/// The start of a text, safe to print.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 80;
    let mut start = String::new();
    for character in text.chars().take(LENGTH) {
        match character {
            // `escape_debug` escapes them too, and JSON is full of them.
            '"' | '\'' => start.push(character),
            _ => start.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(LENGTH).is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_safe() {
        assert_eq!(excerpt(r#"{"a":'b'}"#), r#"{"a":'b'}"#);
        assert_eq!(
            excerpt("\u{1b}[2J\n\u{202e}\u{9b}"),
            "\\u{1b}[2J\\n\\u{202e}\\u{9b}"
        );
        assert_eq!(excerpt(&"ü".repeat(81)), format!("{}…", "ü".repeat(80)));
        assert_eq!(excerpt(&"ü".repeat(80)), "ü".repeat(80));
    }
}
