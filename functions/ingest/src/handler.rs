//! One invocation: every object of every message is tried, each told of in one log line,
//! and the caller is answered in its own form.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use redtrail_core::{
    directory::Remembered,
    edge::{EdgeErrorKind, ItemStore, LogSource, error_chain},
    ingest::{IngestError, Report, Settings, ingest},
    item::Retention,
    ledger::Verdict,
    log_reader::Limits,
    object::ObjectAddress,
    select::Selector,
};
use redtrail_model::EventTime;
use redtrail_notification::{AnnouncedObject, Invocation, InvocationFailed, Message, Outcome};
use serde_json::Value;

use crate::metrics::{self, Metrics};

/// The time kept back of an invocation, for the answer.
const RESERVE: Duration = Duration::from_millis(750);

/// The function, over any source and store.
pub struct Handler<L, S> {
    pub source: L,
    pub store: S,
    pub selector: Selector,
    pub remembered: Remembered,
    pub limits: Limits,
    pub retention: Retention,
}

/// What an invocation is given of time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub now: EventTime,
    /// When Lambda will end the invocation.
    pub deadline: Instant,
}

impl<L: LogSource, S: ItemStore> Handler<L, S> {
    /// Processes one payload.
    ///
    /// # Errors
    /// When something failed that the caller cannot be given back in part, so that Lambda
    /// tries the whole invocation again.
    pub async fn handle(
        &self,
        payload: &[u8],
        clock: Clock,
        metrics: &mut Metrics,
    ) -> Result<Value, InvocationFailed> {
        let invocation = redtrail_notification::read(payload);
        let mut work = Work {
            handler: self,
            now: clock.now,
            started: Instant::now(),
            until: clock
                .deadline
                .checked_sub(RESERVE)
                .unwrap_or(clock.deadline),
            done: HashMap::new(),
            metrics,
        };
        let outcomes = work.messages(&invocation).await;
        invocation.answer(&outcomes)
    }
}

/// One invocation at work.
struct Work<'a, L, S> {
    handler: &'a Handler<L, S>,
    now: EventTime,
    /// When `now` was.
    started: Instant,
    until: Instant,
    /// An object that is announced twice is read once.
    done: HashMap<ObjectAddress, Outcome>,
    metrics: &'a mut Metrics,
}

impl<L: LogSource, S: ItemStore> Work<'_, L, S> {
    async fn messages(&mut self, invocation: &Invocation) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for message in &invocation.messages {
            outcomes.push(self.message(message).await);
        }
        outcomes
    }

    async fn message(&mut self, message: &Message) -> Outcome {
        for passed_over in &message.announced.passed_over {
            self.metrics.add(metrics::OBJECTS_PASSED_OVER, 1);
            self.metrics
                .add(metrics::passed_over(&passed_over.reason), 1);
            tracing::info!(
                bucket = passed_over.bucket,
                key = passed_over.key,
                reason = passed_over.reason.name(),
                "passed over"
            );
        }
        for unreadable in &message.announced.unreadable {
            self.metrics.add(metrics::MESSAGES_UNREADABLE, 1);
            tracing::error!(error = %unreadable, reason = unreadable.name(), message_id = message.id, "message not understood");
        }
        let mut worst = Outcome::Succeeded("nothing to do".to_owned());
        for object in &message.announced.objects {
            let outcome = self.object(object).await;
            if severity(&outcome) >= severity(&worst) {
                worst = outcome;
            }
        }
        worst
    }

    async fn object(&mut self, object: &AnnouncedObject) -> Outcome {
        if let Some(outcome) = self.done.get(&object.address) {
            return outcome.clone();
        }
        let started = Instant::now();
        let mut address = object.address.clone();
        let mut result = self.ingest(&address).await;
        if let (Err(Failure::Ingest(error)), Some(key)) = (&result, &object.alternative_key)
            && error.kind() == EdgeErrorKind::Missing
        {
            address.key.clone_from(key);
            result = self.ingest(&address).await;
        }
        let outcome = match result {
            Ok(report) => self.tell(&address, &report, started.elapsed()),
            Err(failure) => self.tell_failure(&address, &failure),
        };
        self.done.insert(object.address.clone(), outcome.clone());
        outcome
    }

    async fn ingest(&self, address: &ObjectAddress) -> Result<Report, Failure> {
        if Instant::now() >= self.until {
            return Err(Failure::OutOfTime);
        }
        let handler = self.handler;
        let settings = Settings {
            selector: &handler.selector,
            remembered: &handler.remembered,
            limits: handler.limits,
            retention: handler.retention,
            now: self.now,
            until: self.until,
        };
        // Boxed: the clients' futures nest deeper than the compiler follows.
        let ingest = Box::pin(ingest(&handler.source, &handler.store, address, settings));
        match tokio::time::timeout_at(self.until.into(), ingest).await {
            Ok(result) => result.map_err(Failure::Ingest),
            Err(_) => Err(Failure::OutOfTime),
        }
    }

    fn tell(&mut self, address: &ObjectAddress, report: &Report, took: Duration) -> Outcome {
        let tally = report.tally;
        let duration_ms = millis(took);
        let verdict = match report.verdict {
            Verdict::Accepted => metrics::OBJECTS_ACCEPTED,
            Verdict::Partial => metrics::OBJECTS_PARTIAL,
            Verdict::Rejected => metrics::OBJECTS_REJECTED,
        };
        for (metric, value) in [
            (verdict, 1),
            (metrics::RECORDS_READ, tally.read),
            (metrics::RECORDS_SELECTED, tally.selected),
            (metrics::RECORDS_NOT_SELECTED, tally.not_selected),
            (metrics::RECORDS_QUARANTINED, tally.quarantined),
            (metrics::RECORDS_STORED, tally.stored),
            (metrics::RECORDS_DUPLICATE, tally.duplicate),
            (metrics::RECORDS_EXPIRED, tally.expired),
            (metrics::UNKNOWN_OPERATIONS, report.unknown_operations),
            (metrics::ITEMS_WRITTEN, report.items),
            (metrics::STORED_BYTES, report.stored_bytes),
            (metrics::PLAIN_BYTES, report.plain_bytes),
        ] {
            self.metrics.add(metric, value);
        }
        self.metrics.record(metrics::OBJECT_DURATION, duration_ms);
        let lag = report
            .last_event_time
            .map(|last| self.now.epoch_millis() - last.epoch_millis());
        let lag = lag.and_then(|millis| u64::try_from(millis).ok());
        if let Some(lag) = lag {
            self.metrics.record(
                metrics::LAG,
                lag.saturating_add(millis(self.started.elapsed())),
            );
        }

        let reason = report.rejected.as_ref().map(ToString::to_string);
        tracing::info!(
            bucket = address.bucket,
            key = address.key,
            version_id = address.version_id,
            verdict = report.verdict.name(),
            reason,
            read = tally.read,
            selected = tally.selected,
            not_selected = tally.not_selected,
            quarantined = tally.quarantined,
            stored = tally.stored,
            duplicate = tally.duplicate,
            expired = tally.expired,
            items = report.items,
            unknown_operations = report.unknown_operations,
            stored_bytes = report.stored_bytes,
            plain_bytes = report.plain_bytes,
            read_twice = report.read_twice,
            duration_ms,
            "object"
        );
        match reason {
            Some(reason) => Outcome::Rejected(reason),
            None => Outcome::Succeeded(format!("{} events stored", tally.stored)),
        }
    }

    fn tell_failure(&mut self, address: &ObjectAddress, failure: &Failure) -> Outcome {
        self.metrics.add(metrics::OBJECTS_FAILED, 1);
        let (kind, error) = match failure {
            Failure::OutOfTime => ("out_of_time", "the invocation's time is up".to_owned()),
            Failure::Ingest(error) => (error.kind().name(), error_chain(error)),
        };
        let mut permission = None;
        if let Failure::Ingest(failed) = failure
            && let EdgeErrorKind::Denied {
                permission: missing,
            } = failed.kind()
        {
            self.metrics.add(metrics::ACCESS_DENIED, 1);
            permission = Some(missing);
        }
        tracing::error!(
            bucket = address.bucket,
            key = address.key,
            version_id = address.version_id,
            kind,
            permission,
            error,
            "object failed"
        );
        Outcome::Failed(format!("{address}: {error}"))
    }
}

enum Failure {
    Ingest(IngestError),
    /// Neither done nor failed: given back.
    OutOfTime,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn severity(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded(_) => 0,
        Outcome::Rejected(_) => 1,
        Outcome::Failed(_) => 2,
    }
}
