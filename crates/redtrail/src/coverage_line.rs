//! The end of an answer: how far it reaches, and what it cost. For programs one line of JSON on
//! standard error, for people a sentence or two.

use redtrail_aws::reader::Reader;
use redtrail_core::coverage::{Coverage, Gap};
use redtrail_model::EventTime;
use serde::Serialize;

use crate::output::{RowForm, json_remark, remark};

#[derive(Serialize)]
struct Line<'c> {
    coverage: &'c Coverage,
    complete: bool,
    read_units: f64,
}

/// Tells it, in the answer's form, and what it all cost.
pub(crate) fn tell(coverage: &Coverage, reader: &Reader, form: RowForm) {
    let read_units = reader.read_units();
    match form {
        RowForm::Jsonl => json_remark(&Line {
            coverage,
            complete: coverage.is_complete(),
            read_units,
        }),
        RowForm::Table | RowForm::Csv => {
            remark(&format!("coverage: {}", sentence(coverage)));
            // Where the service does not tell, nothing is said.
            if read_units > 0.0 {
                remark(&format!("{read_units} read units"));
            }
        }
    }
}

/// It in one line.
pub(crate) fn sentence(coverage: &Coverage) -> String {
    if coverage.gaps.contains(&Gap::NoTrail) {
        return "none. No trail of this account and Region has delivered anything: an \
                empty answer means nothing"
            .to_owned();
    }
    let place = match (&coverage.accounts[..], &coverage.regions[..]) {
        ([account], [region]) => format!("{account} in {region}"),
        ([account], regions) => format!("{account} in {} Regions", regions.len()),
        (accounts, regions) => {
            format!("{} accounts in {} Regions", accounts.len(), regions.len())
        }
    };
    let is = |gap| coverage.gaps.contains(&gap);
    let mut facts = Vec::new();
    if let Some(since) = coverage.tracked_since {
        facts.push(format!("tracked since {}", minute(since)));
    }
    if let Some(kept) = coverage.kept_since.filter(|_| is(Gap::Expired)) {
        facts.push(format!("events before {} have expired", minute(kept)));
    }
    if let Some(up_to) = coverage.delivered_up_to {
        facts.push(format!("delivered up to {}", minute(up_to)));
    }
    facts.push(match coverage.proven_up_to {
        Some(up_to) => format!("proven by digests up to {}", minute(up_to)),
        None => "not proven by digests".to_owned(),
    });
    let counts = [
        (coverage.objects_rejected, "objects rejected"),
        (coverage.objects_waiting, "objects waiting"),
        (coverage.records_quarantined, "records quarantined"),
        (coverage.objects_missing, "objects missing"),
        (coverage.objects_altered, "objects altered"),
        (
            coverage.objects_unlisted,
            "objects that CloudTrail did not deliver",
        ),
    ];
    for (count, what) in counts {
        if count > 0 {
            facts.push(format!("{what}: {count}"));
        }
    }
    let verdict = if coverage.is_complete() {
        "complete"
    } else if coverage.gaps.iter().all(|gap| *gap == Gap::NotProven) {
        "nothing is known to be missing"
    } else {
        "incomplete"
    };
    format!("{verdict}. {place}: {}", facts.join("; "))
}

/// `2026-03-02 09:05`: the names of objects tell no more.
fn minute(time: EventTime) -> String {
    let text = time.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}
