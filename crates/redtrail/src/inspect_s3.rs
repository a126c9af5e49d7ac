//! `redtrail inspect s3://…`: a trail read where it lies, without any table. Several objects are
//! read at a time; what is printed stands in the order of their keys.

use std::{collections::VecDeque, process::ExitCode, sync::Arc};

use futures_util::{TryStreamExt, stream};
use jiff::Timestamp;
use redtrail_aws::{s3::S3Source, trail_bucket::S3TrailBucket};
use redtrail_core::{
    ingest::IngestError,
    inspect_stored::{Stored, inspect_again, inspect_stored},
    log_key::{LogKey, file_name, name_time},
    log_reader::Limits,
    object::ObjectAddress,
    select::Selector,
};
use redtrail_digest::{
    edge::ListedObject,
    log_list::{ListedLog, LogList, NamedTime},
    place::Place,
};
use redtrail_model::EventTime;
use tokio::task::JoinHandle;

use crate::{
    event_filter::EventFilter,
    event_writer::EventWriter,
    failure::{FAILED, Failure, chain},
    inspect::{Report, Verdict, reasons},
    inspect_coverage::InspectCoverage,
    output::{RowForm, json_remark, remark},
    tables::event_time,
    trail_s3::{SCHEME, TrailArgs, TrailUrl, next_step, unread},
};

/// Objects being read or waiting for their turn to be printed. The bound on held records is
/// shared among them.
const AT_ONCE: usize = 16;
/// A request that may succeed later is sent so often.
const ATTEMPTS: u32 = 3;
/// After so many objects in a row that could not be read, the next could not be either.
const UNREAD_IN_A_ROW: u32 = 20;

/// A trail, or one object of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InS3 {
    Trail(TrailUrl),
    Object(ObjectAddress),
}

impl InS3 {
    /// What the text names, if it is anything in S3.
    pub(crate) fn of(text: &str) -> Option<Result<Self, Failure>> {
        let place = text.strip_prefix(SCHEME)?;
        if let Some((bucket, key)) = place.split_once('/')
            && [".json.gz", ".json", ".gz"]
                .iter()
                .any(|end| key.ends_with(end))
        {
            return Some(match LogKey::parse(key) {
                Err(kind) if kind.name() != "other" => Err(Failure::usage(
                    format!("{text} is no log object but another kind: {kind}"),
                    "Give a log object, or the trail.",
                )),
                _ => Ok(Self::Object(ObjectAddress {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                    version_id: None,
                })),
            });
        }
        Some(text.parse().map(Self::Trail).map_err(|error| {
            Failure::usage(
                format!("{text} is no trail: {error}"),
                "Give s3://BUCKET, s3://BUCKET/PREFIX or s3://BUCKET/KEY.",
            )
        }))
    }
}

/// What to read, and how to tell it.
pub(crate) struct InspectS3 {
    pub(crate) place: InS3,
    pub(crate) of: TrailArgs,
    pub(crate) filter: EventFilter,
    pub(crate) selector: Arc<Selector>,
    pub(crate) output: RowForm,
}

/// An object that is being read.
type Reading = JoinHandle<Result<Stored, IngestError>>;

impl InspectS3 {
    pub(crate) fn run(self, now: Timestamp) -> Result<ExitCode, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed("could not start", "Try once more.", error))?;
        runtime.block_on(self.inspect(now))
    }

    async fn inspect(self, now: Timestamp) -> Result<ExitCode, Failure> {
        let now = event_time(now)?;
        match &self.place {
            InS3::Object(object) => {
                let bucket = self.of.bucket(&object.bucket).await;
                let log = ListedLog {
                    named: named(&object.key),
                    object: ListedObject {
                        key: object.key.clone(),
                        bytes: 0,
                        etag: None,
                    },
                };
                let list = Lister {
                    places: VecDeque::new(),
                    page: VecDeque::from([log]),
                    list: None,
                    bucket: &bucket,
                    // Nothing is listed.
                    named: NamedTime::of_events(now, now),
                };
                let coverage = InspectCoverage::of_object(object);
                self.read(list, &bucket, &object.bucket, coverage).await
            }
            InS3::Trail(trail) => {
                let Some(since) = self.filter.window.since else {
                    return Err(Failure::usage(
                        "a trail is read from some time on",
                        "Give --since, e.g. --since 6h.",
                    ));
                };
                let until = self.filter.window.until.map_or(now, |until| until.min(now));
                let bucket = self.of.bucket(&trail.bucket).await;
                let places = self.of.places(&bucket, trail).await?;
                let list = Lister {
                    places: places.iter().cloned().collect(),
                    page: VecDeque::new(),
                    list: None,
                    bucket: &bucket,
                    named: NamedTime::of_events(since, until),
                };
                let coverage = InspectCoverage::of_trail(trail, &places, since, until);
                self.read(list, &bucket, &trail.bucket, coverage).await
            }
        }
    }

    async fn read(
        &self,
        list: Lister<'_>,
        bucket: &S3TrailBucket,
        bucket_name: &str,
        mut coverage: InspectCoverage,
    ) -> Result<ExitCode, Failure> {
        let mut answer = EventWriter::new(self.output)?;
        let started = stream::try_unfold(list, |mut list| async move {
            Ok::<_, Failure>(list.next().await?.map(|log| (log, list)))
        })
        .map_ok(|log| {
            let address = ObjectAddress {
                bucket: bucket_name.to_owned(),
                key: log.object.key.clone(),
                version_id: None,
            };
            let reading = start(
                bucket.source().clone(),
                address.clone(),
                Arc::clone(&self.selector),
            );
            async move {
                let stored = reading.await.unwrap_or_else(|error| {
                    // Only what panics or is cut off is not joined.
                    std::panic::resume_unwind(error.into_panic())
                });
                Ok((log, address, stored))
            }
        });
        let mut read = Box::pin(started.try_buffered(AT_ONCE));
        let mut unread_in_a_row = 0;
        while let Some((log, address, stored)) = read.try_next().await? {
            let told = self
                .tell(&address, stored, bucket.source(), &mut answer)
                .await;
            let report = match told {
                Ok(report) => {
                    unread_in_a_row = 0;
                    report
                }
                Err(Unprinted::Output(failure)) => return Err(failure),
                Err(Unprinted::Unread(error)) => {
                    unread_in_a_row += 1;
                    if unread_in_a_row == UNREAD_IN_A_ROW {
                        return Err(Failure::failed(
                            format!("gave up after {unread_in_a_row} objects in a row"),
                            next_step(error.kind()),
                            error,
                        ));
                    }
                    Told::rejected(chain(&error))
                }
            };
            coverage.object(&log, &report);
            if report.verdict != Verdict::Accepted {
                answer.flush()?;
                let name = address.to_string();
                let line = Report::of(&name, report.verdict, report.reason, report.tally);
                coverage.suspend(|| match self.output {
                    RowForm::Jsonl => json_remark(&line),
                    RowForm::Table | RowForm::Csv => remark(&line.line()),
                });
            }
        }
        answer.flush()?;
        coverage.tell(self.output);
        Ok(if coverage.is_complete() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FAILED)
        })
    }

    /// Prints the events of an object that are asked for.
    async fn tell(
        &self,
        address: &ObjectAddress,
        stored: Result<Stored, IngestError>,
        source: &S3Source,
        answer: &mut EventWriter,
    ) -> Result<Told, Unprinted> {
        let mut shown = 0;
        let mut emit = |event| {
            if !self.filter.holds(&event) {
                return Ok(());
            }
            shown += 1;
            answer
                .event(event)
                .map_err(|error| Unprinted::Output(error.into()))
        };
        let summary = match stored.map_err(Unprinted::Unread)? {
            Stored::Rejected(why) => {
                return Ok(Told::rejected(format!("{}: {why}", why.reason())));
            }
            Stored::Events(events, summary) => {
                events.into_iter().try_for_each(&mut emit)?;
                summary
            }
            Stored::Outgrown(outgrown) => {
                let (selector, limits) = (&self.selector, limits());
                inspect_again(source, address, &outgrown, selector, limits, emit).await?
            }
        };
        let is_whole = summary.tally.quarantined == 0;
        Ok(Told {
            verdict: if is_whole {
                Verdict::Accepted
            } else {
                Verdict::Partial
            },
            reason: (!is_whole).then(|| reasons(&summary)),
            tally: summary.tally,
            shown,
        })
    }
}

/// What became of an object.
pub(crate) struct Told {
    pub(crate) verdict: Verdict,
    reason: Option<String>,
    pub(crate) tally: redtrail_core::tally::Tally,
    /// Events printed.
    pub(crate) shown: u64,
}

impl Told {
    fn rejected(reason: String) -> Self {
        Self {
            verdict: Verdict::Rejected,
            reason: Some(reason),
            tally: redtrail_core::tally::Tally::default(),
            shown: 0,
        }
    }
}

/// Why an object's events were not printed.
enum Unprinted {
    Unread(IngestError),
    Output(Failure),
}

impl From<IngestError> for Unprinted {
    fn from(error: IngestError) -> Self {
        Self::Unread(error)
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_held_bytes /= AT_ONCE;
    limits
}

fn start(source: S3Source, address: ObjectAddress, selector: Arc<Selector>) -> Reading {
    tokio::spawn(async move {
        let mut attempt = 1;
        loop {
            // Boxed: the clients' futures nest deeper than the compiler follows.
            let read = Box::pin(inspect_stored(&source, &address, &selector, limits())).await;
            match read {
                Err(error) if error.kind().is_retryable() && attempt < ATTEMPTS => attempt += 1,
                read => return read,
            }
        }
    })
}

/// The time in a key's name; of none that says it, the beginning of time.
fn named(key: &str) -> Timestamp {
    let time = name_time(file_name(key)).map(EventTime::epoch_millis);
    time.and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The objects of all places, a page at a time.
struct Lister<'b> {
    bucket: &'b S3TrailBucket,
    named: NamedTime,
    places: VecDeque<Place>,
    list: Option<LogList<'b, S3TrailBucket>>,
    page: VecDeque<ListedLog>,
}

impl Lister<'_> {
    async fn next(&mut self) -> Result<Option<ListedLog>, Failure> {
        loop {
            if let Some(log) = self.page.pop_front() {
                return Ok(Some(log));
            }
            if let Some(list) = &mut self.list
                && let Some(page) = list.next().await.map_err(unread)?
            {
                self.page = page.into();
                continue;
            }
            let Some(place) = self.places.pop_front() else {
                return Ok(None);
            };
            self.list = Some(LogList::new(self.bucket, &place, self.named));
        }
    }
}
