//! When a name stood for an ARN. Names are used again, so a name's events belong to an ARN
//! only for the time the pair held; events show that time in glimpses.

use redtrail_model::EventTime;
use serde::{Deserialize, Serialize};

/// What an event showed of a name and an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Glimpse {
    /// The pair begins here.
    Created,
    /// The pair held at this time.
    Seen,
    /// The pair ends here.
    Deleted,
}

impl Glimpse {
    /// What an operation of that name shows of a name of that kind (`namespace`). Only
    /// CreateNamespace makes a namespace; CreateSnapshot's answer merely shows one.
    pub fn of(event_name: &str, kind: &str) -> Self {
        let made = match kind {
            "managedvpcendpoint" => "EndpointAccess",
            other => other,
        };
        let is_about = |verb: &str| {
            event_name.strip_prefix(verb).is_some_and(|noun| {
                let noun = noun.strip_prefix("Cluster").unwrap_or(noun);
                noun.eq_ignore_ascii_case(made)
            })
        };
        if is_about("Create") {
            Self::Created
        } else if is_about("Delete") {
            Self::Deleted
        } else {
            Self::Seen
        }
    }
}

/// A name was seen to stand for an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub at: EventTime,
    pub arn: String,
    pub glimpse: Glimpse,
}

/// A span of time, both ends included. An open end reaches as far as there is time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Option<EventTime>,
    pub to: Option<EventTime>,
}

/// The spans in which the name of these sightings stood for `arn`.
///
/// A pair holds from its creation, or where that was not seen from the moment another
/// pair of the name ended; to its deletion, or up to the moment another pair began.
/// Between two pairs of which neither end was seen, the earlier one is taken to last
/// until the later one is first seen.
pub fn spans(mut sightings: Vec<Sighting>, arn: &str) -> Vec<Span> {
    // At one time a deletion precedes a creation: the name is free first.
    sightings.sort_by_key(|seen| (seen.at, seen.glimpse != Glimpse::Deleted));
    let mut spans: Vec<Span> = Vec::new();
    // Who holds the name, and since when; `None` within: since before all sightings.
    let mut holder: Option<(&str, Option<EventTime>)> = None;
    let mut free_since: Option<EventTime> = None;
    for seen in &sightings {
        match holder {
            Some((held_by, from)) if held_by == seen.arn => {
                if seen.glimpse == Glimpse::Deleted {
                    end(&mut spans, arn, held_by, from, seen.at);
                    holder = None;
                    free_since = Some(seen.at);
                }
                continue;
            }
            Some((held_by, from)) => {
                end(&mut spans, arn, held_by, from, seen.at);
                free_since = Some(seen.at);
            }
            None => {}
        }
        let from = match seen.glimpse {
            Glimpse::Created => Some(seen.at),
            Glimpse::Seen | Glimpse::Deleted => free_since,
        };
        if seen.glimpse == Glimpse::Deleted {
            end(&mut spans, arn, &seen.arn, from, seen.at);
            holder = None;
            free_since = Some(seen.at);
        } else {
            holder = Some((&seen.arn, from));
        }
    }
    if let Some((held_by, from)) = holder
        && held_by == arn
    {
        spans.push(Span { from, to: None });
    }
    spans
}

fn end(spans: &mut Vec<Span>, arn: &str, held_by: &str, from: Option<EventTime>, to: EventTime) {
    if held_by == arn {
        spans.push(Span { from, to: Some(to) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: u32) -> EventTime {
        format!("2026-03-02T{hour:02}:00:00Z").parse().unwrap()
    }

    /// Sightings as `HOUR ARN GLIMPSE`; spans of the ARN `a` as pairs of hours.
    fn check(sightings: &[(u32, &str, Glimpse)], expected: &[(Option<u32>, Option<u32>)]) {
        let seen = |(hour, arn, glimpse): &(u32, &str, Glimpse)| Sighting {
            at: time(*hour),
            arn: (*arn).to_owned(),
            glimpse: *glimpse,
        };
        let expected: Vec<Span> = expected
            .iter()
            .map(|(from, to)| Span {
                from: from.map(time),
                to: to.map(time),
            })
            .collect();
        let all: Vec<Sighting> = sightings.iter().map(seen).collect();
        assert_eq!(spans(all.clone(), "a"), expected, "{sightings:?}");
        // Whichever arrived first.
        let backwards = all.into_iter().rev().collect();
        assert_eq!(spans(backwards, "a"), expected, "{sightings:?} backwards");
    }

    #[test]
    fn ok_only_its_own_operations_make_and_end_a_pair() {
        for (event_name, kind, expected) in [
            ("CreateNamespace", "namespace", Glimpse::Created),
            ("DeleteWorkgroup", "workgroup", Glimpse::Deleted),
            ("CreateClusterSnapshot", "snapshot", Glimpse::Created),
            ("DeleteSnapshot", "snapshot", Glimpse::Deleted),
            (
                "CreateEndpointAccess",
                "managedvpcendpoint",
                Glimpse::Created,
            ),
            ("DeleteSnapshot", "namespace", Glimpse::Seen),
            ("CreateSnapshot", "namespace", Glimpse::Seen),
            ("RestoreFromSnapshot", "namespace", Glimpse::Seen),
            ("UpdateNamespace", "namespace", Glimpse::Seen),
        ] {
            assert_eq!(
                Glimpse::of(event_name, kind),
                expected,
                "{event_name} {kind}"
            );
        }
    }

    #[test]
    fn ok_the_time_a_pair_held() {
        use Glimpse::{Created, Deleted, Seen};
        check(&[], &[]);
        check(&[(5, "b", Seen)], &[]);
        check(&[(5, "a", Seen)], &[(None, None)]);
        check(&[(5, "a", Created)], &[(Some(5), None)]);
        check(&[(5, "a", Deleted)], &[(None, Some(5))]);
        check(
            &[(5, "a", Created), (7, "a", Seen), (9, "a", Deleted)],
            &[(Some(5), Some(9))],
        );
        check(
            &[
                (1, "a", Created),
                (2, "a", Deleted),
                (3, "b", Created),
                (4, "b", Deleted),
                (5, "a", Created),
            ],
            &[(Some(1), Some(2)), (Some(5), None)],
        );
        check(
            &[(3, "b", Created), (4, "b", Deleted), (6, "a", Seen)],
            &[(Some(4), None)],
        );
        check(&[(3, "a", Seen), (6, "b", Created)], &[(None, Some(6))]);
        check(&[(3, "a", Seen), (6, "b", Seen)], &[(None, Some(6))]);
        check(&[(3, "b", Seen), (6, "a", Seen)], &[(Some(6), None)]);
        check(&[(3, "b", Deleted), (3, "a", Created)], &[(Some(3), None)]);
    }
}
