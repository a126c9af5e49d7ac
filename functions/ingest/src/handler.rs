//! One invocation: every object of every message is tried, several at once, each told of in
//! one log line, and the caller is answered in its own form.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use redtrail_core::{
    directory::Remembered,
    edge::{EdgeErrorKind, ItemStore, LogSource, Timer, error_chain},
    ingest::{IngestError, Report, Schedule, Settings, ingest},
    ledger::Verdict,
    log_reader::Limits,
    object::ObjectAddress,
    retention::Retentions,
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_function::{
    clock::Clock,
    messages::{tell_passed_over, tell_unreadable},
    metrics::{ACCESS_DENIED, Metrics},
};
use redtrail_notification::{AnnouncedObject, Invocation, InvocationFailed, Message, Outcome};
use serde_json::Value;

use crate::metrics;

/// The time kept back of an invocation, to say in the ledger where to go on.
const SAVE_RESERVE: Duration = Duration::from_millis(1500);
/// The time kept back of an invocation, for the answer.
const RESERVE: Duration = Duration::from_millis(500);

/// Objects at work at once: as many as a queue hands over at a time, so that one that waits
/// for a busy key delays no other. The bound on held records is shared among them.
const OBJECTS_AT_ONCE: usize = 10;

/// The function, over any source, store and clock.
pub struct Handler<L, S, T> {
    pub source: L,
    pub store: S,
    pub timer: T,
    pub selector: Selector,
    pub remembered: Remembered,
    pub limits: Limits,
    pub retentions: Retentions,
}

impl<L: LogSource, S: ItemStore, T: Timer> Handler<L, S, T> {
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
            schedule: Schedule {
                now: clock.now,
                started: self.timer.now(),
                until: clock.before_end(SAVE_RESERVE),
                save_until: clock.before_end(RESERVE),
            },
            effort: Effort::default(),
            metrics,
        };
        let outcomes = work.messages(&invocation).await;
        invocation.answer(&outcomes)
    }
}

/// One invocation at work.
struct Work<'a, L, S, T> {
    handler: &'a Handler<L, S, T>,
    schedule: Schedule,
    effort: Effort,
    metrics: &'a mut Metrics,
}

/// How reading and writing an object went.
struct Tried {
    address: ObjectAddress,
    took: Duration,
    result: Result<Report, IngestError>,
}

impl<L: LogSource, S: ItemStore, T: Timer> Work<'_, L, S, T> {
    async fn messages(&mut self, invocation: &Invocation) -> Vec<Outcome> {
        for message in &invocation.messages {
            for passed_over in &message.announced.passed_over {
                tell_passed_over(passed_over, self.metrics);
            }
            tell_unreadable(message, self.metrics);
        }
        let mut met = HashSet::new();
        let objects = invocation
            .messages
            .iter()
            .flat_map(|message| &message.announced.objects);
        // An object that is announced twice is read once.
        let objects: Vec<_> = objects.filter(|object| met.insert(*object)).collect();
        let outcomes = self.objects(&objects).await;
        self.tell_effort();
        let of_message = |message: &Message| {
            let announced = message.announced.objects.iter();
            let outcomes = announced.filter_map(|object| outcomes.get(object));
            outcomes
                .max_by_key(|outcome| severity(outcome))
                .cloned()
                .unwrap_or_else(|| Outcome::Succeeded("nothing to do".to_owned()))
        };
        invocation.messages.iter().map(of_message).collect()
    }

    async fn objects<'o>(
        &mut self,
        objects: &[&'o AnnouncedObject],
    ) -> HashMap<&'o AnnouncedObject, Outcome> {
        let at_once = objects.len().clamp(1, OBJECTS_AT_ONCE);
        let mut limits = self.handler.limits;
        limits.max_held_bytes /= at_once;
        let (handler, schedule) = (self.handler, self.schedule);
        let effort = std::mem::take(&mut self.effort);
        let mut tried = stream::iter(objects)
            // Boxed: the clients' futures nest deeper than the compiler follows.
            .map(|object| {
                let trying = handler.attempt(object, limits, schedule, &effort);
                Box::pin(async move { (*object, trying.await) })
            })
            .buffer_unordered(at_once);
        let mut outcomes = HashMap::new();
        while let Some((object, tried)) = tried.next().await {
            outcomes.insert(object, self.tell(&tried));
        }
        drop(tried);
        self.effort = effort;
        outcomes
    }

    fn tell(&mut self, tried: &Tried) -> Outcome {
        match &tried.result {
            Ok(report) if report.was_finished => self.tell_finished_before(tried, report),
            Ok(report) => self.tell_report(tried, report),
            Err(error) => self.tell_failure(&tried.address, error),
        }
    }

    fn tell_finished_before(&mut self, tried: &Tried, report: &Report) -> Outcome {
        self.metrics.add(metrics::OBJECTS_FINISHED_BEFORE, 1);
        tracing::info!(
            bucket = tried.address.bucket,
            key = tried.address.key,
            version_id = tried.address.version_id,
            verdict = report.verdict.name(),
            reason = report.reason,
            duration_ms = millis(tried.took),
            "finished before"
        );
        outcome(report)
    }

    fn tell_report(&mut self, tried: &Tried, report: &Report) -> Outcome {
        let address = &tried.address;
        let tally = report.tally;
        let duration_ms = millis(tried.took);
        let verdict = match report.verdict {
            Verdict::Accepted => metrics::OBJECTS_ACCEPTED,
            Verdict::Partial => metrics::OBJECTS_PARTIAL,
            // One that waits comes as a failure.
            Verdict::Rejected | Verdict::Waiting => metrics::OBJECTS_REJECTED,
        };
        for (metric, value) in [
            (verdict, 1),
            (metrics::RECORDS_READ, tally.read),
            (metrics::RECORDS_SELECTED, tally.selected),
            (metrics::RECORDS_NOT_SELECTED, tally.not_selected),
            (metrics::RECORDS_QUARANTINED, tally.quarantined),
            (metrics::RECORDS_STORED, tally.stored),
            (metrics::RECORDS_DUPLICATE, tally.duplicate),
            (metrics::RECORDS_CONFLICTING, tally.conflicting),
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
            .map(|last| self.schedule.now.epoch_millis() - last.epoch_millis());
        let lag = lag.and_then(|millis| u64::try_from(millis).ok());
        if let Some(lag) = lag {
            self.metrics
                .record(metrics::LAG, lag.saturating_add(self.elapsed_millis()));
        }

        tracing::info!(
            bucket = address.bucket,
            key = address.key,
            version_id = address.version_id,
            verdict = report.verdict.name(),
            reason = report.reason,
            read = tally.read,
            selected = tally.selected,
            not_selected = tally.not_selected,
            quarantined = tally.quarantined,
            stored = tally.stored,
            duplicate = tally.duplicate,
            conflicting = tally.conflicting,
            expired = tally.expired,
            items = report.items,
            unknown_operations = report.unknown_operations,
            stored_bytes = report.stored_bytes,
            plain_bytes = report.plain_bytes,
            read_twice = report.read_twice,
            resumed_after = report.resumed_after,
            duration_ms,
            "object"
        );
        outcome(report)
    }

    fn tell_failure(&mut self, address: &ObjectAddress, error: &IngestError) -> Outcome {
        self.metrics.add(metrics::OBJECTS_FAILED, 1);
        let events_durable = match error {
            IngestError::PutOff { events_durable, .. } => {
                self.metrics.add(metrics::OBJECTS_PUT_OFF, 1);
                Some(*events_durable)
            }
            _ => None,
        };
        let kind = error.kind();
        let permission = match kind {
            EdgeErrorKind::Denied { permission } => {
                self.metrics.add(ACCESS_DENIED, 1);
                Some(permission)
            }
            _ => None,
        };
        let error = error_chain(error);
        tracing::error!(
            bucket = address.bucket,
            key = address.key,
            version_id = address.version_id,
            kind = kind.name(),
            permission,
            events_durable,
            error,
            "object failed"
        );
        Outcome::Failed(format!("{address}: {error}"))
    }

    /// What it took to write, where not all went well.
    fn tell_effort(&mut self) {
        let sums = self.effort.sums();
        self.metrics.add(metrics::BATCHES_WRITTEN, sums.batches);
        let throttled = sums.throttled.values().sum();
        for (metric, value) in [
            (metrics::ITEMS_UNPROCESSED, sums.unprocessed),
            (metrics::BATCHES_THROTTLED, throttled),
            (metrics::BATCHES_FAILED, sums.failed),
        ] {
            if value > 0 {
                self.metrics.add(metric, value);
            }
        }
        if throttled + sums.failed + sums.unprocessed > 0 {
            tracing::warn!(
                batches = sums.batches,
                unprocessed = sums.unprocessed,
                throttled = ?sums.throttled,
                failed = sums.failed,
                last_error = sums.last_error,
                "writing was held up"
            );
        }
    }

    fn elapsed_millis(&self) -> u64 {
        millis(
            self.handler
                .timer
                .now()
                .saturating_duration_since(self.schedule.started),
        )
    }
}

impl<L: LogSource, S: ItemStore, T: Timer> Handler<L, S, T> {
    async fn attempt(
        &self,
        object: &AnnouncedObject,
        limits: Limits,
        schedule: Schedule,
        effort: &Effort,
    ) -> Tried {
        let started = self.timer.now();
        let settings = Settings {
            selector: &self.selector,
            remembered: &self.remembered,
            limits,
            retentions: self.retentions,
            schedule,
            force: object.force,
        };
        let writer = Writer {
            store: &self.store,
            timer: &self.timer,
            effort,
        };
        let mut address = object.address.clone();
        let mut result = ingest(&self.source, writer, &address, settings).await;
        if let (Err(error), Some(key)) = (&result, &object.alternative_key)
            && error.kind() == EdgeErrorKind::Missing
        {
            address.key.clone_from(key);
            result = ingest(&self.source, writer, &address, settings).await;
        }
        Tried {
            address,
            took: self.timer.now().saturating_duration_since(started),
            result,
        }
    }
}

fn outcome(report: &Report) -> Outcome {
    match &report.reason {
        Some(reason) => Outcome::Rejected(reason.clone()),
        None if report.was_finished => Outcome::Succeeded("finished before".to_owned()),
        None => Outcome::Succeeded(format!("{} events stored", report.tally.stored)),
    }
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
