//! The ingest function's queue, as a command line names it, and what to do when it takes nothing.

use redtrail_aws::{queue::IngestQueue, shared_config};
use redtrail_core::edge::{EdgeError, EdgeErrorKind};

use crate::{
    failure::{Failure, chain},
    trail_s3::next_step,
};

/// The queue with that URL, in its own Region.
pub(crate) async fn ingest_queue(url: &str) -> IngestQueue {
    IngestQueue::new(shared_config::sqs(region_of(url), None).await, url)
}

/// The Region in the address of a queue of AWS's own.
fn region_of(queue_url: &str) -> Option<String> {
    let host = queue_url.strip_prefix("https://sqs.")?;
    let (region, rest) = host.split_once('.')?;
    rest.starts_with("amazonaws.").then(|| region.to_owned())
}

/// What to do when the queue does not take what was sent.
pub(crate) fn unsent(error: EdgeError) -> Failure {
    let next = match error.kind {
        EdgeErrorKind::Denied { .. } | EdgeErrorKind::Throttled { .. } => next_step(error.kind),
        EdgeErrorKind::Missing => "Check the queue's URL: the stack's output \
             NotificationQueueUrl has it."
            .to_owned(),
        _ => "Check network, credentials and the queue's Region; then run it again: it goes on \
             where it stopped."
            .to_owned(),
    };
    let cause = error.source.as_ref().map(|cause| chain(cause.as_ref()));
    Failure::failed(error.to_string(), next, cause.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_queues() {
        for (url, expected) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
                Some("eu-west-1"),
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q",
                Some("cn-north-1"),
            ),
            ("http://127.0.0.1:9324/000000000000/q", None),
            ("https://sqs.example.com/q", None),
        ] {
            assert_eq!(region_of(url).as_deref(), expected, "{url}");
        }
    }
}
