//! What verification says of a place.

use redtrail_digest::{ChainSummary, PlaceSummary, place::Place};
use serde::Serialize;

use crate::digest_report::{PlaceMembers, PlaceTold, Sentences};

pub(crate) const SENTENCES: Sentences = Sentences {
    valid: "valid: all that CloudTrail delivered is there, unaltered, and nothing else",
    invalid: "invalid: something was deleted, altered or added",
    unproven: "unproven: nothing is known to be wrong, but not all is proven",
};

/// What was proven of a place.
#[derive(Serialize)]
pub(crate) struct PlaceJson {
    #[serde(flatten, with = "PlaceMembers")]
    place: Place,
    chains: Vec<ChainJson>,
    proven_logs: u64,
    awaiting_logs: u64,
}

#[derive(Serialize)]
struct ChainJson {
    trail: String,
    home_region: String,
    backfill: bool,
    digests: u64,
    proven_digests: u64,
    /// Newest first.
    proven: Vec<[String; 2]>,
}

impl PlaceJson {
    pub(crate) fn of(summary: &PlaceSummary) -> Self {
        let chain = |chain: &ChainSummary| ChainJson {
            trail: chain.name.trail.clone(),
            home_region: chain.name.home_region.clone(),
            backfill: chain.name.is_backfill,
            digests: chain.digests,
            proven_digests: chain.proven_digests,
            proven: chain
                .proven
                .iter()
                .map(|(from, to)| [from.to_string(), to.to_string()])
                .collect(),
        };
        Self {
            place: summary.place.clone(),
            chains: summary.chains.iter().map(chain).collect(),
            proven_logs: summary.proven_logs,
            awaiting_logs: summary.awaiting_logs,
        }
    }
}

impl PlaceTold for PlaceJson {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}:", self.place)];
        for chain in &self.chains {
            let of = if chain.backfill { "backfill of " } else { "" };
            let mut line = format!(
                "  {of}trail {}: {} of {} digests proven",
                chain.trail, chain.proven_digests, chain.digests
            );
            if !chain.backfill
                && let (Some([_, to]), Some([from, _])) =
                    (chain.proven.first(), chain.proven.last())
            {
                let breaks = chain.proven.len() - 1;
                line.push_str(&format!(", {from} to {to}"));
                if breaks > 0 {
                    line.push_str(&format!(", interrupted: {breaks}"));
                }
            }
            lines.push(line);
        }
        let mut logs = format!("  {} logs proven", self.proven_logs);
        if self.awaiting_logs > 0 {
            logs.push_str(&format!(", {} await their digest", self.awaiting_logs));
        }
        lines.push(logs);
        lines
    }
}
