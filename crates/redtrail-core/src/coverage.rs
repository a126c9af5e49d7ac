//! How far an answer reaches: whose trails could hold the events, since when and up to when
//! their objects were delivered, up to when digests prove that none is missing, and what
//! could not be read. Plain facts go in; no table and no clock.

use std::collections::{BTreeMap, BTreeSet};

use redtrail_model::{Arn, EventTime, PrincipalKey, ResourceKey, is_account_id};
use serde::Serialize;

use crate::{
    digest_entry::{DigestEntry, DigestVerdict},
    directory::Trail,
    ledger::{LedgerEntry, Verdict},
};

/// An event may be delivered so long after its time. AWS names five minutes as the usual
/// delay, and guarantees none.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html>
pub const DELIVERY_MILLIS: i64 = 15 * 60 * 1000;
/// An object delivered so long after the times asked for may still hold some of their events.
pub const LATE_MILLIS: i64 = DAY_MILLIS;
/// Milliseconds of a day.
pub const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Whose trails record the events in question: all accounts and Regions where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    pub account_id: Option<String>,
    pub aws_region: Option<String>,
}

impl Reach {
    /// The account of a user or role records each of its calls, in whatever Region it was made.
    /// Who else called may have done so anywhere.
    pub fn of_principal(principal: &PrincipalKey) -> Self {
        let arn = Arn::parse(principal.as_str());
        let arn = arn.filter(|arn| matches!(arn.service, "iam" | "sts"));
        Self {
            account_id: arn.map(|arn| arn.account.to_owned()),
            aws_region: None,
        }
    }

    /// The resource's own account and Region. What may be shared with other accounts is used
    /// in theirs, and recorded there.
    pub fn of_resource(resource: &ResourceKey) -> Self {
        let key = resource.as_str();
        let is_shared = |kind: &&str| key.contains(*kind);
        if [":datashare:", ":snapshot:", ":snapshot/"]
            .iter()
            .any(is_shared)
        {
            return Self::default();
        }
        let (region, account) = match Arn::parse(key) {
            Some(arn) => (Some(arn.region), Some(arn.account)),
            None => {
                let mut parts = key.split([':', '/']).skip(1);
                if key.starts_with("name:") {
                    parts.next();
                }
                (parts.next(), parts.next())
            }
        };
        let text = |text: &str| (!text.is_empty() && text != "*").then(|| text.to_owned());
        Self {
            account_id: account.filter(|id| is_account_id(id)).and_then(text),
            aws_region: region.and_then(text),
        }
    }

    pub fn holds(&self, trail: &Trail) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|w| w == text);
        is(&self.account_id, &trail.account_id) && is(&self.aws_region, &trail.aws_region)
    }
}

/// What the tables know of one trail's folder of an account and Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailState {
    pub trail: Trail,
    /// When its first object was made that is known, and its newest.
    pub tracked_since: Option<EventTime>,
    pub delivered_up_to: Option<EventTime>,
    /// For how many days events were kept when the newest object was read; `None` for ever.
    pub events_kept_days: Option<u32>,
    /// Of the times asked for, in the order of time.
    pub digests: Vec<DigestEntry>,
    /// Objects of the times asked for that are not accepted.
    pub attention: Vec<LedgerEntry>,
}

/// Why an answer may lack something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Of an account and Region asked for no object was ever delivered.
    NoTrail,
    /// The question reaches back before the first object.
    BeforeTracking,
    /// The question reaches back before what is kept.
    Expired,
    /// The question reaches a quarter of an hour and more beyond the newest object.
    NotDeliveredYet,
    Rejected,
    Quarantined,
    Waiting,
    /// A digest lists a log that was not ingested.
    Missing,
    /// A log was ingested with another content than its digest says.
    Altered,
    /// An object lies among the logs that CloudTrail did not deliver: its events may be invented.
    Unlisted,
    /// No digest says of all of that time that nothing is missing.
    NotProven,
}

/// How far an answer reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Every account asked for was followed from here on.
    pub tracked_since: Option<EventTime>,
    /// Events before this have expired.
    pub kept_since: Option<EventTime>,
    /// Of every account asked for, the newest object was made at this time or later.
    pub delivered_up_to: Option<EventTime>,
    /// Up to here digests prove of every account and Region asked for that no object is missing.
    pub proven_up_to: Option<EventTime>,
    /// Objects of the time asked for.
    pub objects_rejected: u64,
    pub objects_waiting: u64,
    pub records_quarantined: u64,
    /// Logs that digests list and that were not ingested so.
    pub objects_missing: u64,
    pub objects_altered: u64,
    /// Objects that lie among the logs of a proven hour, and that no digest lists.
    pub objects_unlisted: u64,
    /// Empty when the answer is complete.
    pub gaps: BTreeSet<Gap>,
}

impl Coverage {
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }

    /// Of what `reaches` asked from `since` until `until`, when it is `now`. Nothing said of the
    /// beginning means all that is kept. `states` are those of the trails that they hold.
    pub fn of(
        reaches: &[Reach],
        states: &[TrailState],
        since: Option<EventTime>,
        until: Option<EventTime>,
        now: EventTime,
    ) -> Self {
        let until = until.map_or(now, |until| until.min(now));
        let mut coverage = Self::default();
        coverage.places(states);
        coverage.bounds(states, now);
        coverage.count(states, since, until);
        let start = since.or(coverage.tracked_since.max(coverage.kept_since));
        coverage.prove(states, start, until);
        coverage.find_gaps(since, until);
        let has_trail = |reach: &Reach| states.iter().any(|state| reach.holds(&state.trail));
        if !reaches.iter().all(has_trail) {
            coverage.gaps.insert(Gap::NoTrail);
        }
        coverage
    }

    fn places(&mut self, states: &[TrailState]) {
        let sorted = |text: fn(&Trail) -> &String| {
            let all: BTreeSet<&String> = states.iter().map(|state| text(&state.trail)).collect();
            all.into_iter().cloned().collect()
        };
        self.accounts = sorted(|trail| &trail.account_id);
        self.regions = sorted(|trail| &trail.aws_region);
    }

    fn bounds(&mut self, states: &[TrailState], now: EventTime) {
        // A Region that delivers later than others of its account, or no more, is a quiet one.
        let mut accounts: BTreeMap<&str, [Option<EventTime>; 2]> = BTreeMap::new();
        for state in states {
            let [since, up_to] = accounts.entry(&state.trail.account_id).or_default();
            *since = earliest(*since, state.tracked_since);
            *up_to = (*up_to).max(state.delivered_up_to);
        }
        self.tracked_since = accounts.values().filter_map(|[since, _]| *since).max();
        let up_to = accounts.values().map(|[_, up_to]| *up_to);
        self.delivered_up_to = up_to.min().flatten();
        let newest = states.iter().max_by_key(|state| state.delivered_up_to);
        self.kept_since = newest.and_then(|state| {
            let kept = i64::from(state.events_kept_days?) * DAY_MILLIS;
            Some(now.later(-kept))
        });
    }

    fn count(&mut self, states: &[TrailState], since: Option<EventTime>, until: EventTime) {
        for state in states {
            for entry in &state.attention {
                let made = entry.made_at();
                let is_before = made.zip(since).is_some_and(|(made, since)| made < since);
                if is_before || made.is_some_and(|made| made > until.later(LATE_MILLIS)) {
                    continue;
                }
                match entry.verdict {
                    Verdict::Rejected => self.objects_rejected += 1,
                    Verdict::Waiting => self.objects_waiting += 1,
                    Verdict::Partial | Verdict::Accepted => {
                        let content = entry.content.as_ref();
                        let records = content.map_or(1, |content| content.records_quarantined);
                        self.records_quarantined += records.max(1);
                    }
                }
            }
            let is_asked_for =
                |digest: &&DigestEntry| since.is_none_or(|since| since < digest.digest_end);
            for digest in state.digests.iter().filter(is_asked_for) {
                self.objects_missing += digest.logs_missing;
                self.objects_altered += digest.logs_altered;
                self.objects_unlisted += digest.logs_unlisted;
            }
        }
    }

    /// Of several folders of one account and Region, those that have digests must all be proven:
    /// their trails may record different events.
    fn prove(&mut self, states: &[TrailState], start: Option<EventTime>, until: EventTime) {
        let mut proven: BTreeMap<(&str, &str), Vec<Option<EventTime>>> = BTreeMap::new();
        for state in states {
            let pair = (&*state.trail.account_id, &*state.trail.aws_region);
            let of_pair = proven.entry(pair).or_default();
            if !state.digests.is_empty() {
                of_pair.push(proven_up_to(&state.digests, start));
            }
        }
        let of_pair = |times: Vec<Option<EventTime>>| times.into_iter().min().flatten();
        let all: Option<Vec<EventTime>> = proven.into_values().map(of_pair).collect();
        let up_to = all.and_then(|times| times.into_iter().min());
        self.proven_up_to = up_to.map(|time| time.min(until.later(DELIVERY_MILLIS)));
    }

    fn find_gaps(&mut self, since: Option<EventTime>, until: EventTime) {
        if self.accounts.is_empty() {
            return;
        }
        let is_proven = self.proven_up_to >= Some(until.later(DELIVERY_MILLIS));
        // A question without a beginning is about what there is, but for one that ends before.
        let begins = since.unwrap_or(until);
        let reaches_before = |bound: Option<EventTime>| bound.is_some_and(|bound| begins < bound);
        let found = [
            // A proof that reaches back to the beginning tells more than the first object.
            (
                Gap::BeforeTracking,
                reaches_before(self.tracked_since) && !is_proven,
            ),
            (Gap::Expired, reaches_before(self.kept_since)),
            (
                Gap::NotDeliveredYet,
                // What was called just now is on its way.
                self.delivered_up_to < Some(until.later(-DELIVERY_MILLIS)) && !is_proven,
            ),
            (Gap::Rejected, self.objects_rejected > 0),
            (Gap::Quarantined, self.records_quarantined > 0),
            (Gap::Waiting, self.objects_waiting > 0),
            (Gap::Missing, self.objects_missing > 0),
            (Gap::Altered, self.objects_altered > 0),
            (Gap::Unlisted, self.objects_unlisted > 0),
            (Gap::NotProven, !is_proven),
        ];
        self.gaps.extend(
            found
                .into_iter()
                .filter_map(|(gap, found)| found.then_some(gap)),
        );
    }
}

/// Up to when the digests of one folder, in the order of time, prove everything: from `start` on or
/// from the first of them. Where several trails deliver into it, a hole among the digests of any is
/// one, and so is a digest that is not proven.
pub fn proven_up_to(digests: &[DigestEntry], start: Option<EventTime>) -> Option<EventTime> {
    let is_after_start = |time: &EventTime| start.is_none_or(|start| start < *time);
    let digests = || {
        digests
            .iter()
            .filter(|digest| is_after_start(&digest.digest_end))
    };
    let is_proven = |digest: &&DigestEntry| digest.digest_verdict == DigestVerdict::Proven;
    let not_proven = digests().filter(|digest| !is_proven(digest));
    let mut open = not_proven.map(|digest| digest.digest_start).min();
    let mut ends: BTreeMap<&str, EventTime> = BTreeMap::new();
    let mut up_to: Option<EventTime> = None;
    // The hour's own digest tells what was delivered in it; that of late logs adds to it.
    for digest in digests().filter(|digest| !digest.is_backfill) {
        if let Some(end) = ends.insert(&digest.trail, digest.digest_end)
            && end < digest.digest_start
        {
            open = earliest(open, Some(end));
        }
        let from = up_to.or(start).unwrap_or(digest.digest_start);
        if is_proven(&digest) && digest.digest_start <= from {
            up_to = up_to.max(Some(digest.digest_end));
        }
    }
    let up_to = up_to.map(|up_to| open.map_or(up_to, |open| open.min(up_to)));
    up_to.filter(is_after_start)
}

fn earliest(one: Option<EventTime>, other: Option<EventTime>) -> Option<EventTime> {
    one.into_iter().chain(other).min()
}
