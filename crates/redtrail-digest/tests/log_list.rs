//! The logs of a time, listed: which they are, how many pages that takes, and how much is held.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::date, tz::TimeZone};
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind},
    log_key::{file_name, name_time},
};
use redtrail_digest::{
    discover::{Wanted, places},
    edge::{DigestMetadata, ListedObject, OpenObject, TrailBucket},
    log_list::{LogList, NamedTime},
    memory::{MemoryBucket, MemoryObject},
    place::Place,
};
use redtrail_model::EventTime;

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here ever waits"),
    }
}

fn place(prefix: &str, organization: Option<&str>, account: &str) -> Place {
    Place {
        prefix: prefix.to_owned(),
        organization: organization.map(str::to_owned),
        account: account.to_owned(),
        region: "us-east-1".to_owned(),
    }
}

/// A key with that name in the folder of that day.
fn key(place: &Place, day: &str, name: &str) -> String {
    format!(
        "{}{day}/{}_CloudTrail_us-east-1_{name}Z_a1B2c3D4e5F6g7H8.json.gz",
        place.log_folder(),
        place.account
    )
}

fn time(text: &str) -> EventTime {
    text.parse().unwrap()
}

fn all<B: TrailBucket>(bucket: &B, place: &Place, named: NamedTime) -> Vec<String> {
    let mut list = LogList::new(bucket, place, named);
    let mut keys = Vec::new();
    while let Some(logs) = ready(list.next()).unwrap() {
        for log in logs {
            let of_name = name_time(file_name(&log.object.key)).unwrap();
            assert_eq!(log.named.as_millisecond(), of_name.epoch_millis());
            keys.push(log.object.key);
        }
    }
    keys
}

#[test]
fn ok_the_objects_that_may_hold_the_events_of_a_time() {
    for (prefix, organization) in [
        ("", None),
        ("a/AWSLogs/b c/", None),
        ("", Some("o-exampleorgid")),
    ] {
        let place = place(prefix, organization, "111122223333");
        let mut bucket = MemoryBucket::default();
        let mut expected = Vec::new();
        for (day, name, is_wanted) in [
            ("2026/03/01", "20260301T2355", false),
            // Made before, delivered on the day.
            ("2026/03/02", "20260301T2359", false),
            ("2026/03/02", "20260302T0849", false),
            // Named before some of its events.
            ("2026/03/02", "20260302T0850", true),
            ("2026/03/02", "20260302T0905", true),
            ("2026/03/02", "20260302T1200", true),
            ("2026/03/02", "20260302T2355", true),
            // The end of the day, delivered on the next.
            ("2026/03/03", "20260302T2355", true),
            ("2026/03/03", "20260303T0010", true),
            // Beyond, by more than events are late.
            ("2026/03/03", "20260303T0015", false),
            ("2026/03/03", "20260303T1200", false),
            // Later than any.
            ("2026/03/04", "20260303T0014", true),
            ("2026/03/05", "20260303T0014", false),
        ] {
            let key = key(&place, day, name);
            bucket.insert(&key, "x", DigestMetadata::default());
            if is_wanted {
                expected.push(key);
            }
        }
        for other in [
            format!("{}2026/03/02/notes.txt", place.log_folder()),
            format!("{}2026/03/02/", place.log_folder()),
            key(&place, "2026/03/02", "20260302T1200")
                .replace("/CloudTrail/", "/CloudTrail-Insight/"),
            key(&place, "2026/03/02", "20260302T1200").replace("us-east-1", "us-east-2"),
            // Planted: a log's name of another day, in folders of its own below this one's.
            format!(
                "{}2026/03/02/{}",
                place.log_folder(),
                key(&place, "2999/01/01", "29990101T0000")
            ),
            format!(
                "{}2026/03/02/{}",
                place.log_folder(),
                key(&place, "2026/03/03", "20260303T0005")
            ),
        ] {
            bucket.insert(&other, "x", DigestMetadata::default());
        }
        let named =
            NamedTime::of_events(time("2026-03-02T09:05:30Z"), time("2026-03-03T00:00:00Z"));
        assert_eq!(all(&bucket, &place, named), expected, "{prefix}");
    }
}

#[test]
fn ok_no_time_has_no_objects() {
    let place = place("", None, "111122223333");
    let mut bucket = MemoryBucket::default();
    let log = key(&place, "2026/03/02", "20260302T0905");
    bucket.insert(&log, "x", DigestMetadata::default());
    let later = time("2026-03-02T10:00:00Z");
    let named = NamedTime::of_events(later, time("2026-03-02T09:00:00Z"));
    assert!(all(&bucket, &place, named).is_empty());
}

/// A year of a hundred accounts, made up as it is listed.
struct Year {
    /// From one object to the next.
    step: SignedDuration,
    pages: AtomicUsize,
    listed: AtomicUsize,
}

const ACCOUNTS: u64 = 100;
const FIRST_ACCOUNT: u64 = 100_000_000_000;
const PAGE: usize = 1000;

impl Year {
    fn new(step: SignedDuration) -> Self {
        Self {
            step,
            pages: AtomicUsize::new(0),
            listed: AtomicUsize::new(0),
        }
    }

    fn first() -> Timestamp {
        date(2025, 1, 1)
            .to_zoned(TimeZone::UTC)
            .unwrap()
            .timestamp()
    }

    fn last() -> Timestamp {
        date(2026, 1, 1)
            .to_zoned(TimeZone::UTC)
            .unwrap()
            .timestamp()
    }

    /// The key of the object made then; one of the day's last is delivered on the next.
    fn key(folder: &str, account: &str, made: Timestamp) -> String {
        let delivered = made + SignedDuration::from_mins(7);
        format!(
            "{folder}{}/{account}_CloudTrail_us-east-1_{}Z_a1B2c3D4e5F6g7H8.json.gz",
            delivered.strftime("%Y/%m/%d"),
            made.strftime("%Y%m%dT%H%M")
        )
    }

    fn accounts() -> impl Iterator<Item = String> {
        (0..ACCOUNTS).map(|number| (FIRST_ACCOUNT + number).to_string())
    }
}

impl TrailBucket for Year {
    type Body = MemoryObject;

    fn keeps_metadata(&self) -> bool {
        true
    }

    async fn open(&self, key: &str) -> Result<OpenObject<MemoryObject>, EdgeError> {
        Err(EdgeError {
            attempted: format!("fetch {key}"),
            kind: EdgeErrorKind::Missing,
            source: None,
        })
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, EdgeError> {
        let account = prefix.split('/').nth(1).unwrap();
        let after = after.unwrap_or_default();
        // The day of the key after which to go on, and the one before it.
        let day = after.strip_prefix(prefix).and_then(|path| path.get(..10));
        let day = day.and_then(|day| day.replace('/', "-").parse().ok());
        let start = day.map_or(Self::first(), |day: jiff::civil::Date| {
            let day = day.saturating_sub(1.day());
            day.to_zoned(TimeZone::UTC).unwrap().timestamp()
        });
        let mut made = start.max(Self::first());
        let mut page = Vec::new();
        while made < Self::last() && page.len() < PAGE {
            let key = Self::key(prefix, account, made);
            if key.as_str() > after {
                page.push(ListedObject {
                    key,
                    bytes: 1,
                    etag: None,
                });
            }
            made += self.step;
        }
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.listed.fetch_add(page.len(), Ordering::Relaxed);
        Ok(page)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        Ok(match prefix.split('/').count() {
            2 => Self::accounts().collect(),
            4 if prefix.ends_with("/CloudTrail/") => vec!["us-east-1".to_owned()],
            _ => Vec::new(),
        })
    }
}

#[test]
fn ok_a_year_of_a_hundred_accounts_takes_a_page_of_memory() {
    let year = Year::new(SignedDuration::from_hours(1));
    let places = ready(places(&year, &Wanted::default())).unwrap();
    assert_eq!(places.len(), ACCOUNTS as usize);
    let named = NamedTime::of_events(time("2025-01-01T00:00:00Z"), time("2026-01-01T00:00:00Z"));
    let before_listing = most_resident_kib();
    let mut count = 0;
    for place in &places {
        let mut list = LogList::new(&year, place, named);
        let mut before = String::new();
        while let Some(logs) = ready(list.next()).unwrap() {
            for log in logs {
                assert!(log.object.key > before, "{before}");
                before = log.object.key;
                count += 1;
            }
        }
    }
    let of_a_place = 365 * 24;
    assert_eq!(count, of_a_place * places.len());
    if let (Some(before), Some(after)) = (before_listing, most_resident_kib()) {
        // The keys of a year alone are over 100 MiB.
        let grown = after - before;
        assert!(grown < 16 * 1024, "{grown} KiB more were held at some time");
    }
    // Nothing is listed twice, and a page more may be needed to see the end.
    assert_eq!(year.listed.load(Ordering::Relaxed), count);
    assert!(year.pages.load(Ordering::Relaxed) <= count.div_ceil(PAGE) + 2 * places.len());
}

/// The most memory that was resident of this process so far, where the system tells it.
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn most_resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn ok_an_hour_of_a_year_is_had_by_few_pages() {
    let year = Year::new(SignedDuration::from_mins(5));
    let account = Year::accounts().next().unwrap();
    let named = NamedTime::of_events(time("2025-07-10T23:00:00Z"), time("2025-07-11T00:00:00Z"));
    let keys = all(&year, &place("", None, &account), named);
    let names: BTreeSet<&str> = keys.iter().map(|key| file_name(key)).collect();
    assert_eq!(names.len(), 3 + 12 + 3);
    assert!(year.pages.load(Ordering::Relaxed) <= 3);
}
