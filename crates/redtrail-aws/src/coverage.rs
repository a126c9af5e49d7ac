//! How far an answer reaches, from what directory and ledger know of the trails.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{ToSpan, civil::Date};
use redtrail_core::{
    coverage::{Coverage, Reach, TrailState},
    directory::Trail,
};
use redtrail_model::EventTime;

use crate::{
    ledger::End,
    query::{QueryError, Window},
    reader::Reader,
};

/// Trails looked at at a time.
const AT_ONCE: usize = 16;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// How far an answer about that window reaches: four Queries for each account and Region
/// that `reaches` hold, one for its digests, and one for each month.
///
/// # Errors
/// When DynamoDB refuses or cannot be reached, or an item cannot be read.
pub async fn coverage(
    reader: &Reader,
    reaches: &[Reach],
    window: Window,
) -> Result<Coverage, QueryError> {
    let facts = reader.trails().await?.into_iter();
    let trails: Vec<Trail> = facts
        .filter_map(|fact| Trail::of(&fact.trail_folder))
        .filter(|trail| reaches.iter().any(|reach| reach.holds(trail)))
        .collect();
    let state = |trail| state(reader, trail, window);
    let states = stream::iter(trails).map(state).buffered(AT_ONCE);
    let mut states: Vec<TrailState> = states.try_collect().await?;
    add_attention(reader, &mut states, window).await?;
    Ok(Coverage::of(
        &states,
        window.since,
        window.until,
        reader.now(),
    ))
}

async fn state(reader: &Reader, trail: Trail, window: Window) -> Result<TrailState, QueryError> {
    let [first, last] = reader.ends(&trail.trail_folder).await?;
    let tracked_since = first.as_ref().and_then(End::made_at);
    let from = window.since.or(tracked_since);
    let digests = match from {
        Some(from) => {
            let to = moved(end(reader, window), DAY_MILLIS);
            reader.digests(&trail.trail_folder, from, to).await?
        }
        None => Vec::new(),
    };
    Ok(TrailState {
        tracked_since,
        delivered_up_to: last.as_ref().and_then(End::made_at),
        events_kept_days: last
            .and_then(|last| last.entry)
            .and_then(|last| last.events_kept_days),
        digests,
        attention: Vec::new(),
        trail,
    })
}

/// Adds the objects of the window that are not accepted, month by month.
async fn add_attention(
    reader: &Reader,
    states: &mut [TrailState],
    window: Window,
) -> Result<(), QueryError> {
    let tracked = states.iter().filter_map(|state| state.tracked_since).min();
    let Some(from) =
        tracked.map(|tracked| window.since.map_or(tracked, |since| since.max(tracked)))
    else {
        return Ok(());
    };
    // For what was delivered late.
    let to = moved(end(reader, window), DAY_MILLIS);
    let of_one = match states {
        [state] => Some(state.trail.trail_folder.clone()),
        _ => None,
    };
    let of_one = of_one.as_deref();
    let query = |month: String| async move { reader.attention(&month, of_one).await };
    let mut months = stream::iter(months(from, to)).map(query).buffered(AT_ONCE);
    while let Some(entries) = months.try_next().await? {
        for entry in entries {
            let is_of =
                |state: &&mut TrailState| entry.key.folder.starts_with(&state.trail.trail_folder);
            if let Some(state) = states.iter_mut().find(is_of) {
                state.attention.push(entry);
            }
        }
    }
    Ok(())
}

fn end(reader: &Reader, window: Window) -> EventTime {
    let now = reader.now();
    window.until.map_or(now, |until| until.min(now))
}

/// `YYYY-MM`, from the first time's month to the last's.
fn months(from: EventTime, to: EventTime) -> Vec<String> {
    let day = |time: EventTime| -> Option<Date> { time.to_string().get(..10)?.parse().ok() };
    let (Some(from), Some(to)) = (day(from), day(to)) else {
        return Vec::new();
    };
    let months = from.first_of_month().series(1.month());
    let months = months.take_while(|month| *month <= to);
    months
        .map(|month| month.strftime("%Y-%m").to_string())
        .collect()
}

fn moved(time: EventTime, millis: i64) -> EventTime {
    EventTime::from_epoch_millis(time.epoch_millis().saturating_add(millis)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_months() {
        let time = |text: &str| text.parse().unwrap();
        let shown = |from: &str, to: &str| months(time(from), time(to));
        assert_eq!(
            shown("2025-11-30T23:00:00Z", "2026-02-01T00:00:00Z"),
            ["2025-11", "2025-12", "2026-01", "2026-02"]
        );
        assert_eq!(
            shown("2026-03-02T09:00:00Z", "2026-03-31T09:00:00Z"),
            ["2026-03"]
        );
        assert_eq!(
            shown("2026-03-02T09:00:00Z", "2025-01-01T00:00:00Z"),
            [""; 0]
        );
    }
}
