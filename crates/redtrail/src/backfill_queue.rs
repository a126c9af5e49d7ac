//! Objects announced to the deployed function, which ingests them at its own pace.

use redtrail_aws::queue::IngestQueue;
use redtrail_core::{edge::Announce as _, object::ObjectAddress};

use crate::{
    backfill_report::Report,
    backfill_run::{Sink, Wanted},
    failure::Failure,
    ingest_queue::unsent,
    pace::Pace,
};

/// What one request to the queue has room for.
const AT_ONCE: usize = 50;

/// Announces objects.
pub(crate) struct Announce {
    queue: IngestQueue,
    pace: Pace,
    at_once: usize,
}

impl Announce {
    pub(crate) fn new(queue: IngestQueue, rate: Option<u32>) -> Self {
        let rate_at_once = rate.map_or(AT_ONCE, |rate| rate.try_into().unwrap_or(AT_ONCE));
        Self {
            queue,
            pace: Pace::new(rate),
            at_once: rate_at_once.clamp(1, AT_ONCE),
        }
    }
}

impl Sink for Announce {
    async fn take(&mut self, objects: Vec<Wanted>, report: &mut Report) -> Result<(), Failure> {
        for objects in objects.chunks(self.at_once) {
            let count = u32::try_from(objects.len()).unwrap_or(u32::MAX);
            tokio::time::sleep_until(self.pace.due(count)).await;
            for again in [false, true] {
                let wanted = objects.iter().filter(|wanted| wanted.again == again);
                let addresses: Vec<ObjectAddress> =
                    wanted.map(|wanted| wanted.address.clone()).collect();
                self.queue
                    .announce(&addresses, again)
                    .await
                    .map_err(unsent)?;
            }
            for wanted in objects {
                report.announced(wanted);
            }
        }
        Ok(())
    }
}
