//! Trails whole and tampered with: everything is found, with its name and count, and nothing
//! is found where nothing is wrong.

use std::collections::BTreeMap;

use crate::support::{bucket, here, keys, range, verify};
use jiff::SignedDuration;
use redtrail_digest::{BucketNames, TimeRange, finding::Verdict};
use redtrail_trailgen::digest::{Mix, Tampering};

#[test]
fn nothing_is_found_on_a_thousand_clean_chains() {
    for seed in 0..1000 {
        let mix = Mix::clean(seed);
        let (heard, summaries) = verify(&mix, &bucket(&mix), &keys(&mix), here(&mix), range(&mix));
        assert_eq!(heard.findings, [], "seed {seed}");
        assert_eq!(heard.counts().verdict(), Verdict::Valid);
        let digests = mix
            .objects
            .keys()
            .filter(|key| key.contains("-Digest/"))
            .count() as u64;
        let logs = mix.objects.len() as u64 - digests;
        assert_eq!(summaries.len(), 1);
        assert_eq!(summaries[0].proven_logs, logs, "seed {seed}");
        let proven: u64 = summaries[0]
            .chains
            .iter()
            .map(|chain| chain.proven_digests)
            .sum();
        assert_eq!(
            (proven, heard.announced, heard.done),
            (digests, digests, digests)
        );
        let main = summaries[0]
            .chains
            .iter()
            .find(|chain| !chain.name.is_backfill)
            .unwrap();
        assert_eq!(main.proven, [(mix.plan.first, mix.until)], "seed {seed}");
    }
}

#[track_caller]
fn check(mix: &Mix, context: &str) {
    let (heard, _) = verify(mix, &bucket(mix), &keys(mix), here(mix), range(mix));
    let names = heard.names();
    assert_eq!(
        names, mix.expected,
        "{context}: {:?}\n{:#?}",
        mix.tamperings, heard.findings
    );
}

#[test]
fn each_tampering_is_found_alone() {
    for tampering in Tampering::ALL {
        for seed in 0..5 {
            check(&Mix::single(seed, tampering), &format!("seed {seed}"));
        }
    }
}

#[test]
fn all_tamperings_are_found_in_mixes() {
    let mut kinds = BTreeMap::new();
    for seed in 0..200 {
        let mix = Mix::tampered(seed);
        for tampering in &mix.tamperings {
            *kinds.entry(*tampering).or_insert(0) += 1;
        }
        check(&mix, &format!("seed {seed}"));
    }
    assert_eq!(kinds.len(), Tampering::ALL.len());
}

/// Whatever part of a clean chain is asked for, nothing is found.
#[test]
fn nothing_is_found_on_parts_of_clean_chains() {
    for seed in 0..300 {
        let mix = Mix::clean(seed);
        let minutes = mix.plan.hours.len() as i64 * 60;
        let number = i64::try_from(seed).unwrap();
        let from = (number * 7919) % minutes;
        let to = from + 1 + (number * 104_729) % (minutes - from);
        let part = TimeRange {
            since: mix.since + SignedDuration::from_mins(from),
            until: mix.since + SignedDuration::from_mins(to),
            now: mix.now,
        };
        let (heard, _) = verify(&mix, &bucket(&mix), &keys(&mix), here(&mix), part);
        assert_eq!(
            heard.findings,
            [],
            "seed {seed}: {from} to {to} of {minutes}"
        );
    }
}

#[test]
fn nothing_is_found_where_two_trails_share_a_bucket() {
    for seed in 0..20 {
        let [mut first, second] = Mix::two_trails(seed);
        first.objects.extend(second.objects);
        // The keys of both are the same, whichever way they are encoded.
        let now = first.now.max(second.now);
        let late = TimeRange {
            now,
            ..range(&first)
        };
        let (heard, summaries) = verify(&first, &bucket(&first), &keys(&first), here(&first), late);
        assert_eq!(heard.findings, [], "seed {seed}");
        let main = summaries[0]
            .chains
            .iter()
            .filter(|chain| !chain.name.is_backfill);
        assert_eq!(main.count(), 2);
    }
}

#[test]
fn a_replica_is_whole_when_its_original_is_named() {
    for seed in 0..5 {
        let mix = Mix::single(seed, Tampering::Replica);
        let names = BucketNames {
            original: Some(mix.plan.bucket.clone()),
            ..here(&mix)
        };
        let (heard, _) = verify(&mix, &bucket(&mix), &keys(&mix), names, range(&mix));
        assert_eq!(heard.findings, []);
    }
}

#[test]
fn a_digest_of_another_bucket_is_moved_when_the_original_is_named() {
    let mix = Mix::clean(1);
    let names = BucketNames {
        original: Some("another".to_owned()),
        ..here(&mix)
    };
    let (heard, _) = verify(&mix, &bucket(&mix), &keys(&mix), names, range(&mix));
    let digests = mix
        .objects
        .keys()
        .filter(|key| key.contains("-Digest/"))
        .count() as u64;
    assert_eq!(heard.names().get("digest_moved"), Some(&digests));
}
