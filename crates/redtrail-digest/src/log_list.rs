//! The log objects that a place delivered in a time, by their names, a page at a time: a year
//! takes no more memory than an hour.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use redtrail_core::{
    coverage::DELIVERY_MILLIS,
    edge::EdgeError,
    log_key::{LogKey, file_name, name_time},
};
use redtrail_model::EventTime;

use crate::{
    edge::{ListedObject, TrailBucket},
    place::{Place, day_path},
    range::{DELIVERED_LATER, shifted},
};

/// Names tell the minute.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The names of objects that may hold the events of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedTime {
    from: Timestamp,
    /// Not itself.
    to: Timestamp,
}

impl NamedTime {
    /// For the events from `since` on and before `until`. A name may say a time that is somewhat
    /// before the delivery, as in the digest that AWS prints, and so before some of its events. An
    /// event may be delivered a quarter of an hour after it; one that is later still stands in an
    /// object beyond these.
    pub fn of_events(since: EventTime, until: EventTime) -> Self {
        let from = shifted(since.timestamp(), -DELIVERED_LATER);
        let minute = from.as_second().rem_euclid(MINUTE.as_secs());
        Self {
            from: shifted(
                Timestamp::from_second(from.as_second()).unwrap_or(from),
                SignedDuration::from_secs(-minute),
            ),
            to: until.later(DELIVERY_MILLIS).timestamp(),
        }
    }

    /// The first time among them, and the one after them.
    pub fn ends(&self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }

    fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

/// A log object, and the time in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLog {
    pub object: ListedObject,
    pub named: Timestamp,
}

/// The logs of one place, in the order of their keys.
pub struct LogList<'b, B> {
    bucket: &'b B,
    folder: String,
    /// How the names that CloudTrail gives begin, up to the time.
    name_start: String,
    named: NamedTime,
    /// The last folder to look into. What is made at the end of a day may be delivered into the
    /// folder of the next.
    last_day: Date,
    after: Option<String>,
    is_done: bool,
}

impl<'b, B: TrailBucket> LogList<'b, B> {
    pub fn new(bucket: &'b B, place: &Place, named: NamedTime) -> Self {
        let folder = place.log_folder();
        let name_start = format!("{}_CloudTrail_{}_", place.account, place.region);
        let day = date(named.from);
        let first = format!(
            "{folder}{}{name_start}{}",
            day_path(day),
            named.from.strftime("%Y%m%dT%H%M")
        );
        Self {
            bucket,
            after: Some(first),
            folder,
            name_start,
            named,
            last_day: date(named.to).saturating_add(1.day()),
            is_done: named.is_empty(),
        }
    }

    /// The next of them; `None` when there are no more.
    ///
    /// # Errors
    /// When the bucket cannot be listed.
    pub async fn next(&mut self) -> Result<Option<Vec<ListedLog>>, EdgeError> {
        while !self.is_done {
            let page = self
                .bucket
                .page(&self.folder, self.after.as_deref())
                .await?;
            let logs = self.take(page);
            if !logs.is_empty() {
                return Ok(Some(logs));
            }
        }
        Ok(None)
    }

    /// What of a page is asked for; and goes on after it.
    fn take(&mut self, page: Vec<ListedObject>) -> Vec<ListedLog> {
        let Some(last) = page.last().map(|object| object.key.clone()) else {
            self.is_done = true;
            return Vec::new();
        };
        let mut logs = Vec::new();
        let mut skip_to = None;
        for object in page {
            let Ok(key) = LogKey::parse(&object.key) else {
                continue;
            };
            let name = file_name(&object.key);
            // Whoever can write to the bucket can make any folders below this one.
            let path = object.key.strip_prefix(&self.folder);
            let path = path.and_then(|path| path.strip_prefix(&day_path(key.delivery_day)));
            if path != Some(name) {
                continue;
            }
            if key.delivery_day > self.last_day {
                self.is_done = true;
                break;
            }
            let day = key.delivery_day;
            let Some(named) = name_time(name).map(EventTime::timestamp) else {
                continue;
            };
            if self.named.holds(named) {
                logs.push(ListedLog { object, named });
            } else if named >= self.named.to && name.starts_with(&self.name_start) {
                // CloudTrail's names stand in the order of their times: only the next day's
                // folder may have more.
                skip_to = day.checked_add(1.day()).ok();
            }
        }
        let next_day = skip_to.filter(|day| *day <= self.last_day);
        if skip_to.is_some() && next_day.is_none() {
            self.is_done = true;
        }
        let skipped = next_day.map(|day| {
            let path = day_path(day);
            format!("{}{}", self.folder, path.trim_end_matches('/'))
        });
        self.after = Some(skipped.map_or(last.clone(), |skipped| skipped.max(last)));
        logs
    }
}

fn date(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}
