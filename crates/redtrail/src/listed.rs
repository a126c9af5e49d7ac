//! The ledger's lists of rejected objects and quarantined records, day by day, each with how
//! its object stands now.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use redtrail_aws::reader::Reader;
use redtrail_core::{
    ledger::{LedgerKey, List, Listed, Verdict},
    object::ObjectAddress,
};

use crate::{
    failure::Failure,
    place::Place,
    scope::{Days, Scope},
    tables::unanswered,
};

/// Queries under way at a time.
const AT_ONCE: usize = 8;

/// A row of a list.
pub(crate) struct Finding {
    /// `YYYY-MM-DD`
    pub(crate) day: String,
    pub(crate) list: List,
    pub(crate) row: Listed,
    /// How the object stands in the ledger; nothing if its entry is not there.
    pub(crate) verdict_now: Option<Verdict>,
}

impl Finding {
    pub(crate) fn place(&self) -> Place {
        let element = self.row.element.as_ref();
        Place::of(
            self.row.object(),
            element.map(|element| element.record_index),
        )
    }

    /// The object was read since, and what is listed here with it.
    pub(crate) fn is_mended(&self) -> bool {
        self.verdict_now == Some(Verdict::Accepted)
            || (self.list == List::Rejected && self.verdict_now == Some(Verdict::Partial))
    }
}

/// Hands the rows of these days to `each`, a day at a time, rejected objects first.
pub(crate) async fn findings(
    ledger: &Reader,
    scope: &Scope,
    days: Days,
    lists: &[List],
    mut each: impl FnMut(Vec<Finding>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let asked = days
        .iter()
        .flat_map(|day| lists.iter().map(move |list| (day.to_string(), *list)));
    let read = |(day, list): (String, List)| async move {
        let rows = ledger.listed(&list.partition(&day)).await;
        (day, list, rows)
    };
    let mut read = stream::iter(asked).map(read).buffered(AT_ONCE);
    while let Some((day, list, rows)) = read.next().await {
        let mut rows = rows.map_err(unanswered)?;
        rows.retain(|row| scope.holds_object(&row.object()));
        let verdicts = verdicts(ledger, &rows).await?;
        let findings = rows.into_iter().map(|row| Finding {
            day: day.clone(),
            list,
            verdict_now: verdicts.get(&row.object()).copied(),
            row,
        });
        each(findings.collect())?;
    }
    Ok(())
}

/// How the rows' objects stand now.
async fn verdicts(
    ledger: &Reader,
    rows: &[Listed],
) -> Result<HashMap<ObjectAddress, Verdict>, Failure> {
    let keys: HashMap<ObjectAddress, LedgerKey> = rows
        .iter()
        .map(|row| (row.object(), row.entry_key()))
        .collect();
    let ask = |(object, key): (ObjectAddress, LedgerKey)| async move {
        let entry = ledger.entry(&key).await.map_err(unanswered)?;
        Ok::<_, Failure>(entry.map(|entry| (object, entry.verdict)))
    };
    let known = stream::iter(keys).map(ask).buffer_unordered(AT_ONCE);
    known
        .try_filter_map(|known| async { Ok(known) })
        .try_collect()
        .await
}
