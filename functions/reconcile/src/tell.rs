//! What is found, as it is found, in the log.

use redtrail_core::digest_entry::{DigestEntry, DigestVerdict};
use redtrail_digest::{
    edge::{DigestDone, Watch},
    finding::{Finding, FindingKind, Verdict},
};
use redtrail_function::metrics::Metrics;

use crate::metrics;

/// Lines about one digest's neighbourhood: a million would drown the rest.
const MAX_LINES: u64 = 100;

/// Logs what is found.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    lines: u64,
    /// Digests, not logs, that are missing or not as CloudTrail made them.
    pub(crate) broken: u64,
}

impl Watch for Teller {
    fn finding(&mut self, finding: Finding) {
        let is_invalid = finding.kind.verdict() == Verdict::Invalid;
        if is_invalid && finding.kind != FindingKind::LogUnlisted {
            self.broken += finding.count;
        }
        self.log_finding(finding);
    }

    fn log_finding(&mut self, finding: Finding) {
        let is_invalid = finding.kind.verdict() == Verdict::Invalid;
        self.lines += 1;
        if self.lines > MAX_LINES {
            return;
        }
        let Finding {
            kind,
            place,
            chain,
            count,
            key,
            time,
            detail,
        } = finding;
        let trail = chain.map(|chain| chain.trail);
        let from = time.map(|(from, _)| from.to_string());
        let to = time.map(|(_, to)| to.to_string());
        let (kind, account, region) = (kind.name(), place.account, place.region);
        if is_invalid {
            tracing::error!(
                kind, count, account, region, trail, key, from, to, detail, "found"
            );
        } else {
            tracing::warn!(
                kind, count, account, region, trail, key, from, to, detail, "found"
            );
        }
    }

    fn digests_to_come(&mut self, _: u64) {}

    fn digest_done(&mut self, _: DigestDone) {}
}

impl Teller {
    /// Says that not all was said.
    pub(crate) fn finish(&self) {
        if self.lines > MAX_LINES {
            let further = self.lines - MAX_LINES;
            tracing::warn!(further, "found more; `redtrail reconcile` shows all of it");
        }
    }
}

/// Logs and counts the result of a digest.
pub(crate) fn tell_entry(entry: &DigestEntry, metrics: &mut Metrics) {
    let verdict = match entry.digest_verdict {
        DigestVerdict::Proven => metrics::DIGESTS_PROVEN,
        DigestVerdict::Incomplete => metrics::DIGESTS_INCOMPLETE,
        DigestVerdict::Broken => metrics::DIGESTS_BROKEN,
    };
    for (metric, value) in [
        (verdict, 1),
        (metrics::LOGS_LISTED, entry.logs_listed),
        (metrics::LOGS_MISSING, entry.logs_missing),
        (metrics::LOGS_ALTERED, entry.logs_altered),
        (metrics::LOGS_REJECTED, entry.logs_rejected),
        (metrics::LOGS_UNLISTED, entry.logs_unlisted),
    ] {
        metrics.add(metric, value);
    }
    tracing::info!(
        key = entry.full_object_key,
        start = %entry.digest_start,
        end = %entry.digest_end,
        verdict = entry.digest_verdict.name(),
        reason = entry.reason,
        listed = entry.logs_listed,
        missing = entry.logs_missing,
        altered = entry.logs_altered,
        rejected = entry.logs_rejected,
        unlisted = entry.logs_unlisted,
        "digest"
    );
}
