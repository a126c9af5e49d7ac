//! Which digests a place has for the time asked for, by their names alone: a few bytes for
//! each, since a year of hours has thousands.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp};
use redtrail_core::edge::EdgeError;

use crate::{
    edge::TrailBucket,
    object_name::{ChainName, DigestName, day_of},
    place::{Place, day_path},
    range::{DELIVERED_LATER, TimeRange, shifted},
};

/// Digests of one place. More cannot be of trails: it is ten digests an hour for eleven years.
const MAX_DIGESTS: usize = 1_000_000;
/// Trails of one account and Region. AWS allows five; others may have been before.
const MAX_CHAINS: usize = 100;
/// Days after the time asked for in which a digest is looked for that links back to it.
const DAYS_AFTER: usize = 2;

#[derive(Debug)]
pub(crate) struct DigestIndex {
    pub(crate) chains: Vec<ChainName>,
    /// End and chain of each digest, newest first.
    pub(crate) digests: Vec<(Timestamp, usize)>,
    pub(crate) is_cut: bool,
    numbers: BTreeMap<ChainName, usize>,
}

impl DigestIndex {
    /// The digests that end after `since`; those after `until` up to and with the first of
    /// each chain that also covers what was delivered late.
    pub(crate) async fn of<B: TrailBucket>(
        bucket: &B,
        place: &Place,
        range: &TimeRange,
    ) -> Result<Self, EdgeError> {
        let mut index = Self {
            chains: Vec::new(),
            digests: Vec::new(),
            is_cut: false,
            numbers: BTreeMap::new(),
        };
        let (first, last) = (day_of(range.since), day_of(range.until));
        let days = first
            .series(Span::new().days(1))
            .take_while(|day| *day <= last)
            .chain(last.series(Span::new().days(1)).skip(1).take(DAYS_AFTER));
        for day in days {
            if day > day_of(range.now) {
                break;
            }
            index.list(bucket, place, &day_path(day)).await?;
        }
        index.select(range);
        Ok(index)
    }

    async fn list<B: TrailBucket>(
        &mut self,
        bucket: &B,
        place: &Place,
        day: &str,
    ) -> Result<(), EdgeError> {
        let prefix = place.digest_folder() + day;
        let mut after = None;
        loop {
            let page = bucket.page(&prefix, after.as_deref()).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.key.clone());
            for object in &page {
                let Some(name) = DigestName::parse(place, &object.key) else {
                    continue;
                };
                if self.digests.len() == MAX_DIGESTS {
                    self.is_cut = true;
                    return Ok(());
                }
                match self.chain(name.chain) {
                    Some(chain) => self.digests.push((name.end, chain)),
                    None => self.is_cut = true,
                }
            }
        }
    }

    /// The number of a chain, unless there are too many.
    fn chain(&mut self, name: ChainName) -> Option<usize> {
        if let Some(number) = self.numbers.get(&name) {
            return Some(*number);
        }
        let number = self.chains.len();
        if number == MAX_CHAINS {
            return None;
        }
        self.chains.push(name.clone());
        self.numbers.insert(name, number);
        Some(number)
    }

    fn select(&mut self, range: &TimeRange) {
        self.digests.sort_unstable();
        let enough = shifted(range.until, DELIVERED_LATER);
        let mut is_complete = vec![false; self.chains.len()];
        self.digests.retain(|(end, chain)| {
            let Some(is_complete) = is_complete.get_mut(*chain) else {
                return false;
            };
            let is_selected = *end > range.since && !*is_complete;
            *is_complete |= *end >= enough;
            is_selected
        });
        self.digests.reverse();
    }

    pub(crate) fn has_main_chain(&self) -> bool {
        self.digests.iter().any(|(_, chain)| {
            self.chains
                .get(*chain)
                .is_some_and(|chain| !chain.is_backfill)
        })
    }
}
