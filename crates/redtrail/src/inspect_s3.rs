//! `redtrail inspect s3://…`: a trail read where it lies, without any table. Several objects are
//! read at a time; what is printed stands in the order of their keys.

use std::{collections::VecDeque, process::ExitCode, sync::Arc, time::Duration};

use futures_util::{TryStreamExt, stream};
use jiff::Timestamp;
use redtrail_aws::{s3::S3Source, trail_bucket::S3TrailBucket};
use redtrail_core::{
    edge::EdgeErrorKind,
    ingest::IngestError,
    inspect_stored::{Outgrown, Stored, inspect_again, inspect_stored},
    log_key::{LogKey, file_name, name_time},
    log_reader::{Limits, Rejected},
    normalizer::Summary,
    object::ObjectAddress,
    select::Selector,
    tally::Tally,
};
use redtrail_digest::{
    edge::ListedObject,
    log_list::{ListedLog, LogList, NamedTime},
    place::Place,
};
use redtrail_model::{AuditEvent, EventTime};
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

/// Objects being read or waiting for their turn to be printed. Each may hold its 8 MiB of records:
/// 128 MiB in all, which a person's machine has, unlike the function.
const AT_ONCE: usize = 16;
/// An object is read so often before it counts as one that cannot be read.
const ATTEMPTS: u32 = 3;
/// Between two attempts a random time passes, up to this after the first and twice that after
/// each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
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
        if let Some(since) = self.filter.window.since.filter(|since| *since >= now) {
            return Err(Failure::usage(
                format!("nothing has happened since {since}: that is yet to come"),
                "Give a --since before now.",
            ));
        }
        match &self.place {
            InS3::Object(object) => {
                if self.of.is_narrowed() {
                    return Err(Failure::usage(
                        "--accounts and --regions choose among a trail's folders, and one object \
                         is named",
                        "Leave them out, or give the trail.",
                    ));
                }
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
                    place: None,
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
                    places: places.iter().cloned().map(Arc::new).collect(),
                    place: None,
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
        let read = self
            .read_all(list, bucket, bucket_name, &mut answer, &mut coverage)
            .await;
        if !matches!(read, Err(Failure::Output(_))) {
            answer.flush()?;
            coverage.tell(self.output, read.is_ok());
        }
        read?;
        Ok(if coverage.is_sound() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FAILED)
        })
    }

    async fn read_all(
        &self,
        list: Lister<'_>,
        bucket: &S3TrailBucket,
        bucket_name: &str,
        answer: &mut EventWriter,
        coverage: &mut InspectCoverage,
    ) -> Result<(), Failure> {
        let started = stream::try_unfold(list, |mut list| async move {
            Ok::<_, Failure>(list.next().await?.map(|listed| (listed, list)))
        })
        .map_ok(|(place, log)| {
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
                Ok((place, log, address, stored))
            }
        });
        let mut read = Box::pin(started.try_buffered(AT_ONCE));
        let mut unread_in_a_row = 0;
        while let Some((place, log, address, stored)) = read.try_next().await? {
            let told = self.tell(&address, stored, bucket.source(), answer).await?;
            coverage.object(place.as_deref(), &log, &told);
            if told.verdict != Verdict::Accepted {
                answer.flush()?;
                let name = address.to_string();
                let line = Report::of(&name, told.verdict, told.reason, told.tally);
                coverage.suspend(|| match self.output {
                    RowForm::Jsonl => json_remark(&line),
                    RowForm::Table | RowForm::Csv => remark(&line.line()),
                });
            }
            let Some(error) = told.error else {
                unread_in_a_row = 0;
                continue;
            };
            unread_in_a_row += 1;
            if unread_in_a_row == UNREAD_IN_A_ROW {
                return Err(Failure::failed(
                    format!("gave up after {unread_in_a_row} objects in a row"),
                    next_step(error.kind()),
                    error,
                ));
            }
        }
        Ok(())
    }

    /// Prints the events of an object that are asked for, and tells what became of it.
    async fn tell(
        &self,
        address: &ObjectAddress,
        stored: Result<Stored, IngestError>,
        source: &S3Source,
        answer: &mut EventWriter,
    ) -> Result<Told, Failure> {
        let mut printing = Printing {
            filter: &self.filter,
            answer,
            shown: 0,
        };
        let printed = self.print(address, stored, source, &mut printing).await;
        let shown = printing.shown;
        let told = |verdict, reason| Told {
            verdict,
            reason,
            tally: Tally::default(),
            shown,
            error: None,
        };
        match printed {
            Ok(Ok(summary)) => {
                let told = if summary.tally.quarantined == 0 {
                    told(Verdict::Accepted, None)
                } else {
                    told(Verdict::Partial, Some(reasons(&summary)))
                };
                Ok(Told {
                    tally: summary.tally,
                    ..told
                })
            }
            Ok(Err(why)) => {
                let reason = format!("{}: {why}", why.reason());
                Ok(told(Verdict::Rejected, Some(reason)))
            }
            Err(Unprinted::Unread(error)) => {
                let reason = match shown {
                    0 => chain(&error),
                    shown => format!("after {shown} of its events: {}", chain(&error)),
                };
                Ok(Told {
                    error: Some(error),
                    ..told(Verdict::Failed, Some(reason))
                })
            }
            Err(Unprinted::Output(failure)) => Err(failure),
        }
    }

    async fn print(
        &self,
        address: &ObjectAddress,
        stored: Result<Stored, IngestError>,
        source: &S3Source,
        printing: &mut Printing<'_>,
    ) -> Result<Result<Summary, Rejected>, Unprinted> {
        let mut stored = stored?;
        let mut attempt = 1;
        loop {
            let outgrown = match stored {
                Stored::Rejected(why) => return Ok(Err(why)),
                Stored::Events(events, summary) => {
                    events
                        .into_iter()
                        .try_for_each(|event| printing.event(event))?;
                    return Ok(Ok(summary));
                }
                Stored::Outgrown(outgrown) => outgrown,
            };
            match self
                .print_outgrown(address, &outgrown, source, printing)
                .await
            {
                // It was replaced in between; what is printed cannot be taken back.
                Err(Unprinted::Unread(error))
                    if error.kind() == EdgeErrorKind::Changed
                        && printing.shown == 0
                        && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    stored = read(source, address, &self.selector).await?;
                }
                printed => return printed.map(Ok),
            }
        }
    }

    /// Of an object with more than was to be held: it is proven, so that its events may be printed
    /// while it is read again, and what was printed before a break is passed over.
    async fn print_outgrown(
        &self,
        address: &ObjectAddress,
        outgrown: &Outgrown,
        source: &S3Source,
        printing: &mut Printing<'_>,
    ) -> Result<Summary, Unprinted> {
        let mut emitted = 0;
        let mut attempt = 1;
        loop {
            // Boxed: the clients' futures nest deeper than the compiler follows.
            let read = Box::pin(inspect_again(
                source,
                address,
                outgrown,
                &self.selector,
                Limits::default(),
                &mut emitted,
                |event| printing.event(event),
            ))
            .await;
            match read {
                Err(Unprinted::Unread(error)) if is_worth(attempt, &error) => {
                    backoff(attempt).await
                }
                read => return read,
            }
            attempt += 1;
        }
    }
}

/// What became of an object.
pub(crate) struct Told {
    pub(crate) verdict: Verdict,
    reason: Option<String>,
    pub(crate) tally: Tally,
    /// Events printed.
    pub(crate) shown: u64,
    /// Why it could not be read.
    error: Option<IngestError>,
}

/// Events of one object on their way out.
struct Printing<'a> {
    filter: &'a EventFilter,
    answer: &'a mut EventWriter,
    shown: u64,
}

impl Printing<'_> {
    fn event(&mut self, event: AuditEvent) -> Result<(), Unprinted> {
        if self.filter.holds(&event) {
            self.answer
                .event(event)
                .map_err(|error| Unprinted::Output(error.into()))?;
            self.shown += 1;
        }
        Ok(())
    }
}

/// Why an object's events were not printed, or not all.
enum Unprinted {
    Unread(IngestError),
    Output(Failure),
}

impl From<IngestError> for Unprinted {
    fn from(error: IngestError) -> Self {
        Self::Unread(error)
    }
}

fn start(source: S3Source, address: ObjectAddress, selector: Arc<Selector>) -> Reading {
    tokio::spawn(async move { read(&source, &address, &selector).await })
}

async fn read(
    source: &S3Source,
    address: &ObjectAddress,
    selector: &Selector,
) -> Result<Stored, IngestError> {
    let mut attempt = 1;
    loop {
        // Boxed: the clients' futures nest deeper than the compiler follows.
        let read = Box::pin(inspect_stored(source, address, selector, Limits::default())).await;
        match read {
            Err(error) if is_worth(attempt, &error) => backoff(attempt).await,
            read => return read,
        }
        attempt += 1;
    }
}

/// Whether to try once more.
fn is_worth(attempt: u32, error: &IngestError) -> bool {
    attempt < ATTEMPTS && error.kind().is_retryable()
}

/// Full jitter: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
async fn backoff(attempt: u32) {
    let bound = FIRST_BACKOFF * 2_u32.pow(attempt - 1);
    tokio::time::sleep(bound.mul_f64(fastrand::f64())).await;
}

/// The time in a key's name; of none that says it, the beginning of time.
fn named(key: &str) -> Timestamp {
    let time = name_time(file_name(key)).map(EventTime::timestamp);
    time.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The objects of all places, a page at a time.
struct Lister<'b> {
    bucket: &'b S3TrailBucket,
    named: NamedTime,
    places: VecDeque<Arc<Place>>,
    /// The one whose objects come now.
    place: Option<Arc<Place>>,
    list: Option<LogList<'b, S3TrailBucket>>,
    page: VecDeque<ListedLog>,
}

impl Lister<'_> {
    async fn next(&mut self) -> Result<Option<(Option<Arc<Place>>, ListedLog)>, Failure> {
        loop {
            if let Some(log) = self.page.pop_front() {
                return Ok(Some((self.place.clone(), log)));
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
            self.place = Some(place);
        }
    }
}
