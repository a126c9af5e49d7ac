//! What became of log objects: the trails that the directory knows, their days, and the
//! ledger's entries and lists.

use redtrail_core::{
    digest_entry::{DigestEntry, digest_partition},
    directory::{TRAILS, TrailFact, trail_subject},
    edge::EdgeError,
    ledger::{LedgerEntry, LedgerKey, Listed, day_folder},
};
use redtrail_digest::edge::Ledger;
use redtrail_model::{EventTime, MAX_PARTITION_KEY_BYTES, Table, bounded};

use crate::{
    query::QueryError,
    reader::{Part, Range, Reader},
};

impl Reader {
    /// Of the directory: every folder of an account and Region of which an object came.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn trails(&self) -> Result<Vec<TrailFact>, QueryError> {
        self.items(Part::of(Table::Directory, TRAILS)).await
    }

    /// Of the directory: the days on which objects of that folder were delivered, in order.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn days(&self, trail_folder: &str) -> Result<Vec<TrailFact>, QueryError> {
        let subject = trail_subject(trail_folder);
        self.items(Part::of(Table::Directory, &subject)).await
    }

    /// Of the ledger: the objects of a day's folder, in the order of their names.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn entries(&self, day_folder: &str) -> Result<Vec<LedgerEntry>, QueryError> {
        self.items(Part::of(Table::Ledger, day_folder)).await
    }

    /// Of the ledger: the objects of a day's folder whose names stand from `first` to `last`,
    /// whatever their versions.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn entries_between(
        &self,
        day_folder: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<LedgerEntry>, QueryError> {
        // A version stands behind the name and a `#`, before all that may follow a name.
        let last = format!("{last}$");
        let folder = bounded(day_folder, MAX_PARTITION_KEY_BYTES);
        let part = Part::of(Table::Ledger, &folder).within(Range::Between(first, &last));
        self.items(part).await
    }

    /// Of the ledger: what a list has of a day.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn listed(&self, partition: &str) -> Result<Vec<Listed>, QueryError> {
        self.items(Part::of(Table::Ledger, partition)).await
    }

    /// Of the ledger: one object. (A Query of one item costs what a GetItem does, and takes no
    /// other permission.)
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or the item cannot be read.
    pub async fn entry(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, QueryError> {
        let entries = Part::of(Table::Ledger, &key.folder);
        self.first(entries.within(Range::Is(&key.object_key))).await
    }

    /// Of the ledger: the first and the last object of the folder of an account and Region,
    /// in the order of time.
    pub(crate) async fn ends(&self, trail_folder: &str) -> Result<[Option<End>; 2], QueryError> {
        let subject = trail_subject(trail_folder);
        let days = Part::of(Table::Directory, &subject);
        let mut ends = [None, None];
        for (end, of_end) in ends.iter_mut().zip([days, days.backwards()]) {
            let fact: Option<TrailFact> = self.first(of_end).await?;
            let Some(day) = fact.and_then(|fact| fact.delivery_day) else {
                continue;
            };
            let folder = day_folder(trail_folder, &day);
            let objects = Part {
                from_end: of_end.from_end,
                ..Part::of(Table::Ledger, &folder)
            };
            let entry = self.first(objects).await?;
            *end = Some(End { day, entry });
        }
        Ok(ends)
    }

    /// Of the ledger: the objects delivered in that month, `YYYY-MM`, that are not accepted, of
    /// all trails or of one folder.
    pub(crate) async fn attention(
        &self,
        month: &str,
        trail_folder: Option<&str>,
    ) -> Result<Vec<LedgerEntry>, QueryError> {
        let part = Part {
            index: Table::Ledger.schema().indexes.first(),
            range: trail_folder.map_or(Range::All, Range::BeginsWith),
            ..Part::of(Table::Ledger, month)
        };
        self.items(part).await
    }

    /// Of the ledger: what the digests of a folder's logs proved, of the hours that end between
    /// these times.
    pub(crate) async fn digests(
        &self,
        trail_folder: &str,
        from: EventTime,
        to: EventTime,
    ) -> Result<Vec<DigestEntry>, QueryError> {
        if from > to {
            // DynamoDB refuses a range whose end stands before its beginning.
            return Ok(Vec::new());
        }
        let partition = digest_partition(trail_folder);
        let (from, to) = (from.to_string(), to.to_string());
        let part = Part::of(Table::Ledger, &partition).within(Range::Between(&from, &to));
        self.items(part).await
    }
}

impl Ledger for Reader {
    async fn entries(
        &self,
        day_folder: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<LedgerEntry>, EdgeError> {
        let entries = self.entries_between(day_folder, first, last).await;
        entries.map_err(|error| EdgeError {
            attempted: "look into the ledger".to_owned(),
            kind: error.kind(),
            source: Some(Box::new(error)),
        })
    }
}

/// The first or the last day on which objects came.
#[derive(Debug)]
pub(crate) struct End {
    day: String,
    /// That day's first or last object; none when it has expired.
    pub(crate) entry: Option<LedgerEntry>,
}

impl End {
    /// When the object was made; of one that has expired, when its day began.
    pub(crate) fn made_at(&self) -> Option<EventTime> {
        let entry = self.entry.as_ref().and_then(LedgerEntry::made_at);
        entry.or_else(|| format!("{}T00:00:00Z", self.day).parse().ok())
    }
}
