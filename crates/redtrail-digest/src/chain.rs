//! How the digests of one chain hang together, newest to oldest: what each one says of the
//! one before it, and which times are covered. It reads nothing; digests are handed to it
//! judged.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    digest_file::Link,
    finding::{Finding, FindingKind},
    object_name::{ChainName, DigestName},
    place::Place,
    range::{DELIVERED_LATER, DIGEST_DUE, DIGEST_HOUR, TimeRange, hours, shifted},
};

/// So much is no hole where the time of a digest is not proven, or where the later digest names
/// the earlier one as its predecessor: AWS shows, but does not say, that one begins when the
/// other ends.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(30);

/// A digest and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) key: String,
    /// As it says if it is proven, else as its name does.
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) is_proven: bool,
    pub(crate) previous: Previous,
    /// The bucket it was signed for.
    pub(crate) bucket: String,
    pub(crate) sha256: Option<[u8; 32]>,
}

/// What a digest says of its predecessor.
#[derive(Clone, Debug)]
pub(crate) enum Previous {
    /// It cannot be read.
    Unknown,
    /// There is none: validation or logging started.
    Start,
    Link(Link),
}

/// What a successor says of a digest.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) link: Link,
    /// Whether the successor can be believed.
    pub(crate) is_proven: bool,
}

/// Times, newest first; those that meet are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(pub(crate) Vec<(Timestamp, Timestamp)>);

impl Spans {
    pub(crate) fn push(&mut self, from: Timestamp, to: Timestamp) {
        match self.0.last_mut() {
            Some((start, _)) if *start <= to => *start = (*start).min(from),
            _ => self.0.push((from, to)),
        }
    }

    /// Whether a time is within, at least `after` from the beginning and `before` from the end.
    pub(crate) fn contains(
        &self,
        time: Timestamp,
        after: SignedDuration,
        before: SignedDuration,
    ) -> bool {
        self.0
            .iter()
            .any(|(from, to)| shifted(*from, after) <= time && time < shifted(*to, -before))
    }
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) name: ChainName,
    place: Place,
    range: TimeRange,
    /// What is said of digests that have not come yet, by their keys.
    expected: BTreeMap<String, Expected>,
    /// The content of digests that have come. Only of backfill, which comes in the order of the
    /// hours it is about and is linked in the order in which it was made.
    seen: BTreeMap<String, [u8; 32]>,
    newest_end: Option<Timestamp>,
    /// The one that came last; of a main chain only.
    successor: Option<Judged>,
    pub(crate) proven: Spans,
    /// Of backfill: times whose digest is there and says nothing that can be believed.
    unproven: Spans,
    replica: Option<(String, u64)>,
    pub(crate) digests: u64,
    pub(crate) proven_digests: u64,
}

impl Chain {
    pub(crate) fn new(name: ChainName, place: Place, range: TimeRange) -> Self {
        Self {
            name,
            place,
            range,
            expected: BTreeMap::new(),
            seen: BTreeMap::new(),
            newest_end: None,
            successor: None,
            proven: Spans::default(),
            unproven: Spans::default(),
            replica: None,
            digests: 0,
            proven_digests: 0,
        }
    }

    /// What has been said of the digest with this key.
    pub(crate) fn expected(&self, key: &str) -> Option<&Expected> {
        self.expected.get(key)
    }

    /// A digest that was signed for another bucket.
    pub(crate) fn count_replica(&mut self, bucket: &str) {
        let (_, count) = self.replica.get_or_insert_with(|| (bucket.to_owned(), 0));
        *count += 1;
    }

    /// Takes the next digest, older than those before it.
    pub(crate) fn accept(&mut self, digest: Judged) -> Vec<Finding> {
        self.digests += 1;
        if digest.is_proven {
            self.proven_digests += 1;
        }
        if self.name.is_backfill {
            self.accept_backfill(digest)
        } else {
            self.accept_main(digest)
        }
    }

    fn accept_main(&mut self, digest: Judged) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.newest_end.is_none() {
            self.newest_end = Some(digest.end);
            findings.extend(self.tail(digest.end));
        }
        let mut covered_until = digest.end;
        if let Some(successor) = &self.successor {
            let is_named = self.expected.contains_key(&digest.key);
            let is_intruder =
                successor.is_proven && !digest.is_proven && digest.end > successor.start;
            if is_intruder && !is_named {
                // It takes nobody's place: the successor's predecessor is still to come.
                return findings;
            }
            findings.extend(self.between(&digest, successor, is_named));
            let is_near = successor.start <= shifted(digest.end, TOLERANCE);
            if successor.is_proven && is_named && is_near {
                covered_until = covered_until.max(successor.start);
            }
        }
        if digest.is_proven {
            self.proven.push(digest.start, covered_until);
        }
        self.expected.clear();
        self.expect(&digest);
        self.successor = Some(digest);
        findings
    }

    /// What lies between a digest and the one after it.
    fn between(&self, digest: &Judged, successor: &Judged, is_named: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let is_start = successor.is_proven && matches!(successor.previous, Previous::Start);
        // The first digest after the time asked for is looked at, too, and may be a start.
        let is_asked_for = self.range.since < successor.start && successor.start < self.range.until;
        if is_start && is_asked_for {
            findings.push(Finding {
                key: Some(successor.key.clone()),
                time: Some((successor.start, successor.start)),
                ..self.finding(FindingKind::Restart)
            });
        }
        let tolerance = if digest.is_proven && successor.is_proven && !is_named {
            SignedDuration::ZERO
        } else {
            TOLERANCE
        };
        if shifted(digest.end, tolerance) < successor.start {
            let kind = if is_start {
                FindingKind::Gap
            } else {
                FindingKind::DigestMissing
            };
            findings.extend(self.hours(kind, digest.end, successor.start));
        } else if successor.is_proven && !is_start && !is_named {
            findings.push(Finding {
                key: Some(successor.key.clone()),
                detail: Some(format!("it does not link to {}", digest.key)),
                ..self.finding(FindingKind::LinkBroken)
            });
        }
        findings
    }

    fn accept_backfill(&mut self, digest: Judged) -> Vec<Finding> {
        let mut findings = Vec::new();
        if digest.is_proven {
            self.proven.push(digest.start, digest.end);
        } else {
            self.unproven.push(digest.start, digest.end);
        }
        if let Some(sha256) = digest.sha256 {
            self.seen.insert(digest.key.clone(), sha256);
        }
        self.expected.remove(&digest.key);
        if let (Previous::Link(link), true) = (&digest.previous, digest.is_proven)
            && let Some(sha256) = self.seen.get(&link.object)
        {
            if *link.hash != sha256[..] {
                findings.push(Finding {
                    key: Some(digest.key.clone()),
                    detail: Some(format!("it links to another content of {}", link.object)),
                    ..self.finding(FindingKind::LinkBroken)
                });
            }
        } else {
            self.expect(&digest);
        }
        findings
    }

    fn expect(&mut self, digest: &Judged) {
        if let Previous::Link(link) = &digest.previous
            && link.bucket == digest.bucket
        {
            let expected = Expected {
                link: link.clone(),
                is_proven: digest.is_proven,
            };
            self.expected.insert(link.object.clone(), expected);
        }
    }

    /// All digests have come.
    pub(crate) fn finish(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(oldest) = &self.successor {
            findings.extend(self.before(oldest));
        }
        for (key, _) in self.missing_backfill() {
            findings.push(Finding {
                key: Some(key.to_owned()),
                ..self.finding(FindingKind::DigestMissing)
            });
        }
        if let Some((bucket, count)) = &self.replica {
            findings.push(Finding {
                count: *count,
                detail: Some(format!("signed for the bucket {bucket}")),
                ..self.finding(FindingKind::LooksLikeReplica)
            });
        }
        findings
    }

    /// What lies before the oldest digest.
    fn before(&self, oldest: &Judged) -> Option<Finding> {
        let previous = if oldest.is_proven {
            &oldest.previous
        } else {
            &Previous::Unknown
        };
        let (kind, key, detail) = match previous {
            Previous::Start => (
                FindingKind::UnprovenStart,
                None,
                "the chain starts here".to_owned(),
            ),
            Previous::Unknown => (
                FindingKind::UnprovenStart,
                None,
                "the oldest digest is not proven".to_owned(),
            ),
            Previous::Link(link) if link.bucket != oldest.bucket => (
                FindingKind::UnprovenStart,
                None,
                format!("the chain goes on in the bucket {}", link.bucket),
            ),
            Previous::Link(link) if DigestName::parse(&self.place, &link.object).is_none() => (
                FindingKind::UnprovenStart,
                None,
                format!("the chain goes on at {}", link.object),
            ),
            Previous::Link(link) => {
                let key = Some(link.object.clone());
                (
                    FindingKind::DigestMissing,
                    key,
                    "the chain goes on".to_owned(),
                )
            }
        };
        Some(Finding {
            key,
            detail: Some(detail),
            ..self.hours(kind, self.range.since, oldest.start)?
        })
    }

    /// Backfill digests that others link to and that are not there.
    fn missing_backfill(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.expected.iter().filter_map(|(key, expected)| {
            let end = DigestName::parse(&self.place, key)?.end;
            let is_asked_for = self.range.since < end && end <= self.range.until;
            (self.name.is_backfill && expected.is_proven && is_asked_for)
                .then_some((key.as_str(), end))
        })
    }

    fn tail(&self, end: Timestamp) -> Option<Finding> {
        if self.is_recent(end) {
            return None;
        }
        self.hours(FindingKind::UnprovenTail, end, self.range.until)
    }

    fn is_recent(&self, end: Timestamp) -> bool {
        self.range.now < shifted(end, DIGEST_DUE)
    }

    /// Whether the digest that lists what was delivered then need not be there yet.
    pub(crate) fn awaits(&self, time: Timestamp) -> bool {
        self.newest_end
            .is_some_and(|end| self.is_recent(end) && time >= shifted(end, -DELIVERED_LATER))
    }

    /// Of backfill: whether a digest about this time is missing or cannot be believed.
    pub(crate) fn leaves_open(&self, time: Timestamp) -> bool {
        let slack = -DELIVERED_LATER;
        self.unproven.contains(time, slack, slack)
            || self.missing_backfill().any(|(_, end)| {
                let start = shifted(end, -(DIGEST_HOUR + DELIVERED_LATER));
                (start..shifted(end, DELIVERED_LATER)).contains(&time)
            })
    }

    fn hours(&self, kind: FindingKind, from: Timestamp, to: Timestamp) -> Option<Finding> {
        let (from, to) = self.range.clip(from, to)?;
        Some(Finding {
            count: hours(from, to),
            time: Some((from, to)),
            ..self.finding(kind)
        })
    }

    pub(crate) fn finding(&self, kind: FindingKind) -> Finding {
        Finding {
            kind,
            place: self.place.clone(),
            chain: Some(self.name.clone()),
            count: 1,
            key: None,
            time: None,
            detail: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-02T{text}Z").parse().unwrap()
    }

    fn digest(key: &str, start: &str, end: &str, previous: Option<&str>) -> Judged {
        let link = |object: &str| Link {
            bucket: "b".to_owned(),
            object: object.to_owned(),
            hash: vec![0; 32],
            hash_algorithm: "SHA-256".to_owned(),
            signature: Vec::new(),
        };
        Judged {
            key: key.to_owned(),
            start: at(start),
            end: at(end),
            is_proven: true,
            previous: previous.map_or(Previous::Start, |object| Previous::Link(link(object))),
            bucket: "b".to_owned(),
            sha256: Some([0; 32]),
        }
    }

    /// What is found on digests handed over newest first, and the times they cover.
    fn found(digests: &[Judged]) -> (Vec<(FindingKind, u64)>, usize) {
        let place = Place {
            prefix: String::new(),
            organization: None,
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let name = ChainName {
            trail: "t".to_owned(),
            home_region: "us-east-1".to_owned(),
            is_backfill: false,
        };
        let range = TimeRange {
            since: at("08:00:00"),
            until: at("12:00:00"),
            now: at("12:30:00"),
        };
        let mut chain = Chain::new(name, place, range);
        let mut findings: Vec<Finding> = digests
            .iter()
            .flat_map(|digest| chain.accept(digest.clone()))
            .collect();
        findings.extend(chain.finish());
        let counts = findings.iter().map(|finding| (finding.kind, finding.count));
        (counts.collect(), chain.proven.0.len())
    }

    #[test]
    fn digests_that_name_each_other_need_not_meet_to_the_second() {
        let newest = digest("c", "11:00:01", "12:00:00", Some("b"));
        let oldest = digest("b", "08:00:00", "11:00:00", Some("a"));
        assert_eq!(found(&[newest.clone(), oldest.clone()]), (vec![], 1));
        // Where the names differ, too, something is missing.
        let another = Judged {
            key: "x".to_owned(),
            ..oldest
        };
        let missing = (FindingKind::DigestMissing, 1);
        assert_eq!(found(&[newest.clone(), another]), (vec![missing], 2));
        // And hours are hours, whatever the link says.
        let early = digest("b", "08:00:00", "09:00:00", Some("a"));
        let missing = (FindingKind::DigestMissing, 3);
        assert_eq!(found(&[newest, early]), (vec![missing], 2));
    }

    #[test]
    fn a_restart_after_the_time_asked_for_is_none() {
        let before = digest("b", "08:00:00", "12:00:00", Some("a"));
        let after = digest("d", "14:00:00", "15:00:00", None);
        assert_eq!(found(&[after, before]), (vec![], 2));
        let before = digest("b", "08:00:00", "11:00:00", Some("a"));
        let after = digest("c", "11:00:00", "12:00:00", None);
        assert_eq!(found(&[after, before]).0, [(FindingKind::Restart, 1)]);
    }

    #[test]
    fn a_link_to_something_else_is_broken() {
        let newest = digest("c", "11:00:00", "12:00:00", Some("x"));
        let oldest = digest("b", "08:00:00", "11:00:00", Some("a"));
        let broken = (FindingKind::LinkBroken, 1);
        assert_eq!(found(&[newest, oldest]), (vec![broken], 1));
    }

    #[test]
    fn a_chain_that_came_from_elsewhere_is_not_missed() {
        const BEFORE: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20260302T110000Z.json.gz";
        let newest = |object: &str| digest("c", "11:00:00", "12:00:00", Some(object));
        let missing = [(FindingKind::DigestMissing, 3)];
        assert_eq!(found(&[newest(BEFORE)]).0, missing);
        let elsewhere = [(FindingKind::UnprovenStart, 3)];
        // As before the trail was given a prefix.
        assert_eq!(found(&[newest(&format!("p/{BEFORE}"))]).0, elsewhere);
        let mut of_other_bucket = newest(BEFORE);
        if let Previous::Link(link) = &mut of_other_bucket.previous {
            link.bucket = "before".to_owned();
        }
        assert_eq!(found(&[of_other_bucket]).0, elsewhere);
    }
}
