//! `redtrail ledger`: what became of the log objects, by account, Region and day, or one by
//! one, and the days on which none came.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use futures_util::{StreamExt, stream};
use jiff::{Timestamp, ToSpan, civil::Date};
use redtrail_aws::reader::Reader;
use redtrail_core::{
    directory::Trail,
    ledger::{LedgerEntry, Verdict, day_folder},
};
use redtrail_model::Table;

use crate::{
    deliveries::Deliveries,
    failure::{FAILED, Failure, runtime},
    ledger_rows::{DayRow, GapRow, Rows},
    output::RowForm,
    scope::{Days, Scope},
    tables::{TableArgs, unanswered},
};

/// Days read at a time.
const DAYS_AT_ONCE: usize = 8;

/// Shows what became of the trail's log objects, and days on which none came
///
/// For each account, Region and day of delivery: how many objects there were, what was read
/// and kept of them, and the longest time between two of them.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Ledger {
    #[command(flatten)]
    scope: Scope,

    /// Each object on its own
    #[arg(long)]
    objects: bool,

    /// Of the objects, only those that stand so
    #[arg(long, value_delimiter = ',', requires = "objects")]
    verdict: Vec<OfVerdict>,

    /// End with status 1 if an object is rejected or waiting
    #[arg(long)]
    check: bool,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: RowForm,

    #[command(flatten)]
    tables: TableArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OfVerdict {
    /// Every record was read
    Accepted,
    /// Some records are quarantined, the rest was read
    Partial,
    /// The object as a whole cannot be trusted; nothing of it is stored
    Rejected,
    /// Time was up before all of it was stored
    Waiting,
}

const HELP: &str = "\
Examples:
  redtrail ledger                                       the last seven days
  redtrail ledger --since 2026-03-01 --account 111122223333
  redtrail ledger --since yesterday --objects --verdict rejected,waiting
  redtrail ledger --since 90d --output csv > deliveries.csv
  redtrail ledger --check > /dev/null || echo 'look into it'

Days are UTC and those of delivery, from the objects' keys; so are the times. --since and
--until take what `redtrail query` takes, and mean whole days.

A day between the first and the last on which objects came, but without any, is named as a
gap. It may be a quiet Region: only CloudTrail's digests can tell it from lost objects.

Tables come from LEDGER_TABLE and DIRECTORY_TABLE; Region and credentials from the
environment and the AWS configuration files. It takes dynamodb:Query on both tables.

Lines of --objects --output jsonl have a `reference`, which `redtrail quarantine show -` and
`redtrail quarantine replay -` read.

Exit status: 0 answered, 1 the tables could not be asked, or with --check some object is
rejected or waiting, 2 wrong usage.";

impl Ledger {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let days = self.scope.days(now)?;
        runtime()?.block_on(self.answer(now, days))
    }

    async fn answer(self, now: Timestamp, days: Days) -> Result<ExitCode, Failure> {
        let reader = self
            .tables
            .reader(now, &[Table::Directory, Table::Ledger])
            .await?;
        let mut rows = Rows::new(self.output, self.objects)?;
        let mut summary = Summary::default();
        for fact in reader.trails().await.map_err(unanswered)? {
            let Some(trail) = Trail::of(&fact.trail_folder) else {
                continue;
            };
            if !self
                .scope
                .holds(&trail.bucket, &trail.account_id, &trail.aws_region)
            {
                continue;
            }
            let tracked = Tracked::read(&reader, &trail.trail_folder).await?;
            summary.trail(&tracked);
            self.trail(&reader, &trail, &tracked, days, &mut rows, &mut summary)
                .await?;
        }
        rows.total(&summary, days)?;
        let is_bad = summary.all.rejected + summary.all.waiting > 0;
        Ok(if self.check && is_bad {
            ExitCode::from(FAILED)
        } else {
            ExitCode::SUCCESS
        })
    }

    /// Shows one trail's days.
    async fn trail(
        &self,
        ledger: &Reader,
        trail: &Trail,
        tracked: &Tracked,
        days: Days,
        rows: &mut Rows,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        let Some((first, last)) = tracked.ends() else {
            return Ok(());
        };
        // After the last day of a finished object there may be objects that are waiting.
        let asked = days.iter().filter(|day| *day >= first);
        let read = |day: Date| async move {
            let folder = day_folder(&trail.trail_folder, &day.to_string());
            (day, ledger.entries(&folder).await)
        };
        let mut read = stream::iter(asked).map(read).buffered(DAYS_AT_ONCE);
        let mut before = None;
        let mut gap: Option<GapRow> = None;
        while let Some((day, entries)) = read.next().await {
            let entries = entries.map_err(unanswered)?;
            let is_expired = entries.is_empty() && tracked.days.contains(&day);
            if entries.is_empty() && !is_expired {
                if day < last {
                    summary.gap_days += 1;
                    gap = Some(GapRow::longer(gap, day));
                }
                continue;
            }
            if let Some(gap) = gap.take() {
                rows.gap(trail, &gap)?;
            }
            let deliveries = Deliveries::of(&entries, before);
            // What came on a day that has expired is not known.
            before = deliveries.last_delivery.or(before).filter(|_| !is_expired);
            summary.day(&deliveries, is_expired);
            if self.objects {
                let wanted = entries.iter().filter(|entry| self.wants(entry));
                rows.objects(trail, day, wanted)?;
            } else {
                rows.day(
                    trail,
                    DayRow {
                        delivery_day: day,
                        deliveries,
                        is_expired,
                    },
                )?;
            }
        }
        if let Some(gap) = gap {
            rows.gap(trail, &gap)?;
        }
        Ok(())
    }

    fn wants(&self, entry: &LedgerEntry) -> bool {
        let is = |wanted: &OfVerdict| match wanted {
            OfVerdict::Accepted => entry.verdict == Verdict::Accepted,
            OfVerdict::Partial => entry.verdict == Verdict::Partial,
            OfVerdict::Rejected => entry.verdict == Verdict::Rejected,
            OfVerdict::Waiting => entry.verdict == Verdict::Waiting,
        };
        self.verdict.is_empty() || self.verdict.iter().any(is)
    }
}

/// The days on which objects of a trail were finished, in order.
struct Tracked {
    days: Vec<Date>,
}

impl Tracked {
    async fn read(directory: &Reader, trail_folder: &str) -> Result<Self, Failure> {
        let facts = directory.days(trail_folder).await.map_err(unanswered)?;
        let days = facts.into_iter().filter_map(|fact| fact.delivery_day);
        let mut days: Vec<Date> = days.filter_map(|day| day.parse().ok()).collect();
        days.sort_unstable();
        Ok(Self { days })
    }

    fn ends(&self) -> Option<(Date, Date)> {
        Some((*self.days.first()?, *self.days.last()?))
    }
}

/// All of an answer.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) trails: u64,
    /// The first and the last day on which an object of any of them was finished.
    pub(crate) tracked: Option<(Date, Date)>,
    pub(crate) all: Deliveries,
    pub(crate) gap_days: u64,
    pub(crate) expired_days: u64,
}

impl Summary {
    fn trail(&mut self, tracked: &Tracked) {
        self.trails += 1;
        let Some((first, last)) = tracked.ends() else {
            return;
        };
        let (earliest, latest) = self.tracked.unwrap_or((first, last));
        self.tracked = Some((earliest.min(first), latest.max(last)));
    }

    fn day(&mut self, deliveries: &Deliveries, is_expired: bool) {
        self.all.add(deliveries);
        self.expired_days += u64::from(is_expired);
    }
}

impl GapRow {
    /// The gap before it and this day, or this day alone.
    fn longer(gap: Option<Self>, day: Date) -> Self {
        match gap {
            Some(gap) if gap.last_day.saturating_add(1.day()) == day => Self {
                last_day: day,
                ..gap
            },
            _ => Self {
                first_day: day,
                last_day: day,
            },
        }
    }
}
