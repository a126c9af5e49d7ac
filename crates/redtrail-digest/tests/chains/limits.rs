//! What cannot be proven is said so, and is never called tampering.

use std::collections::BTreeMap;

use crate::support::{Heard, bucket, here, keys, range, ready, verify};
use jiff::{SignedDuration, Timestamp};
use redtrail_core::edge::{EdgeError, EdgeErrorKind};
use redtrail_digest::{
    InBucket, TimeRange, Verifier,
    discover::{Wanted, places, places_and_named},
    edge::{DigestMetadata, KeyList, ListedObject, OpenObject, PublicKeys, TrailBucket},
    finding::{FindingCounts, Verdict},
    memory::{MemoryBucket, MemoryObject},
    saved_keys::SavedKeys,
};
use redtrail_trailgen::digest::{Mix, Tampering};

/// A clean chain of some hours, with logs, looked at long after.
fn clean(from: u64) -> Mix {
    (from..)
        .map(Mix::clean)
        .find(|mix| {
            let is_old = mix.now > mix.until + SignedDuration::from_hours(24);
            is_old
                && mix.plan.hours.len() > 4
                && mix.plan.hours.iter().all(|hour| hour.backfill_logs == 0)
        })
        .unwrap()
}

fn digests(mix: &Mix) -> u64 {
    mix.objects
        .keys()
        .filter(|key| key.contains("-Digest/"))
        .count() as u64
}

fn logs(mix: &Mix) -> u64 {
    mix.objects.len() as u64 - digests(mix)
}

fn verdict(heard: &Heard) -> Verdict {
    FindingCounts::verdict(&heard.counts())
}

/// A bucket whose owner permits not everything.
struct Guarded {
    bucket: MemoryBucket,
    denied: &'static str,
    kind: EdgeErrorKind,
}

impl TrailBucket for Guarded {
    type Body = MemoryObject;

    fn keeps_metadata(&self) -> bool {
        true
    }

    async fn open(&self, key: &str) -> Result<OpenObject<MemoryObject>, EdgeError> {
        if key.contains(self.denied) {
            return Err(EdgeError {
                attempted: format!("fetch {key}"),
                kind: self.kind,
                source: None,
            });
        }
        self.bucket.open(key).await
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, EdgeError> {
        self.bucket.page(prefix, after).await
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        self.bucket.folders(prefix).await
    }
}

fn verify_guarded(
    mix: &Mix,
    denied: &'static str,
    kind: EdgeErrorKind,
) -> Result<Heard, EdgeError> {
    let guarded = Guarded {
        bucket: bucket(mix),
        denied,
        kind,
    };
    let keys = keys(mix);
    let wanted = Wanted {
        prefix: mix.plan.prefix.clone(),
        ..Wanted::default()
    };
    ready(async {
        let mut heard = Heard::default();
        let evidence = InBucket(&guarded);
        let mut verifier = Verifier::new(&guarded, &keys, &evidence, here(mix), range(mix));
        for place in places(&guarded, &wanted).await? {
            verifier.verify(&place, &mut heard).await?;
        }
        Ok(heard)
    })
}

#[test]
fn unproven_what_may_not_be_read() {
    let mix = clean(1);
    let denied = EdgeErrorKind::Denied {
        permission: "s3:GetObject",
    };
    for kind in [denied, EdgeErrorKind::Refused] {
        let heard = verify_guarded(&mix, "/CloudTrail/", kind).unwrap();
        assert_eq!(
            heard.names(),
            BTreeMap::from([("log_unreadable", logs(&mix))])
        );
        assert_eq!(verdict(&heard), Verdict::Unproven);
        let heard = verify_guarded(&mix, "/CloudTrail-Digest/", kind).unwrap();
        let expected = [
            ("digest_unreadable", digests(&mix)),
            ("log_unproven", logs(&mix)),
        ];
        assert_eq!(heard.names(), BTreeMap::from(expected));
        assert_eq!(verdict(&heard), Verdict::Unproven);
    }
}

#[test]
fn err_a_bucket_that_cannot_be_reached() {
    let error = verify_guarded(&clean(1), "/CloudTrail/", EdgeErrorKind::Retryable);
    assert_eq!(
        error.map(|_| ()).unwrap_err().kind,
        EdgeErrorKind::Retryable
    );
}

/// Keys that are not all there are, or not what keys look like.
struct SomeKeys(KeyList);

impl PublicKeys for SomeKeys {
    async fn list(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<KeyList, EdgeError> {
        Ok(self.0.clone())
    }
}

#[test]
fn unproven_without_the_right_keys() {
    let mix = clean(1);
    let mut broken = keys(&mix).0;
    broken.iter_mut().for_each(|key| key.der.push(0));
    for (keys, is_complete, name) in [
        (Vec::new(), false, "key_not_saved"),
        (Vec::new(), true, "key_unknown"),
        (broken, true, "key_unusable"),
    ] {
        let keys = SomeKeys(KeyList { keys, is_complete });
        let (heard, _) = verify(&mix, &bucket(&mix), &keys, here(&mix), range(&mix));
        assert_eq!(
            heard.names().get(name),
            Some(&digests(&mix)),
            "{:?}",
            heard.names()
        );
        let is_tampering = name == "key_unknown";
        assert_eq!(verdict(&heard) == Verdict::Invalid, is_tampering);
    }
}

#[test]
fn saved_keys_do_as_long_as_they_reach() {
    let mix = clean(1);
    let (from, until) = range(&mix).of_keys();
    let mut saved = SavedKeys::default();
    saved.insert(&mix.plan.region, from, until, keys(&mix).0);
    let text = saved.to_json().unwrap();
    let read = SavedKeys::from_json(&text).unwrap();
    let (heard, _) = verify(&mix, &bucket(&mix), &read, here(&mix), range(&mix));
    assert_eq!(heard.findings, []);
    // What is not among keys that reach is none; what is not among others may be one.
    let mut short = SavedKeys::default();
    short.insert(&mix.plan.region, from, until, Vec::new());
    let (heard, _) = verify(&mix, &bucket(&mix), &short, here(&mix), range(&mix));
    assert_eq!(heard.names().get("key_unknown"), Some(&digests(&mix)));
    short.insert(&mix.plan.region, from, from, Vec::new());
    let (heard, _) = verify(&mix, &bucket(&mix), &short, here(&mix), range(&mix));
    assert_eq!(heard.names().get("key_not_saved"), Some(&digests(&mix)));
}

/// A copy without metadata: each digest repeats its predecessor's signature.
#[test]
fn unproven_only_the_newest_of_a_copy() {
    for seed in 0..20 {
        let mix = clean(seed * 50);
        let copy = bucket(&mix).without_metadata();
        let (heard, summaries) = verify(&mix, &copy, &keys(&mix), here(&mix), range(&mix));
        assert_eq!(
            heard.names().get("signature_not_kept"),
            Some(&1),
            "seed {seed}"
        );
        assert_eq!(summaries[0].chains[0].proven_digests, digests(&mix) - 1);
        assert_eq!(verdict(&heard), Verdict::Unproven, "{:?}", heard.names());
    }
    // It is not taken on trust: a digest that was modified does not fit the signature.
    let mix = Mix::single(3, Tampering::DigestModified);
    let copy = bucket(&mix).without_metadata();
    let (heard, _) = verify(&mix, &copy, &keys(&mix), here(&mix), range(&mix));
    assert_eq!(heard.names().get("digest_altered"), Some(&1));
}

#[test]
fn logs_of_the_hour_under_way_are_awaited() {
    let mut mix = clean(1);
    let log = mix
        .objects
        .keys()
        .find(|key| key.contains("/CloudTrail/"))
        .unwrap()
        .clone();
    let (folder, _) = log.split_once("/CloudTrail/").unwrap();
    let delivered = mix.until + SignedDuration::from_mins(20);
    let time = delivered.to_zoned(jiff::tz::TimeZone::UTC);
    let (account, region) = (&mix.plan.account, &mix.plan.region);
    let key = format!(
        "{folder}/CloudTrail/{region}/{}/{account}_CloudTrail_{region}_{}_new.json.gz",
        time.strftime("%Y/%m/%d"),
        time.strftime("%Y%m%dT%H%MZ"),
    );
    let object = mix.objects[&log].clone();
    mix.objects.insert(key, object);
    let at = |minutes| {
        let now = mix.until + SignedDuration::from_mins(minutes);
        let range = TimeRange {
            since: mix.since,
            until: now,
            now,
        };
        let (heard, summaries) = verify(&mix, &bucket(&mix), &keys(&mix), here(&mix), range);
        (heard.names(), summaries[0].awaiting_logs)
    };
    assert_eq!(at(30), (BTreeMap::new(), 1));
    assert_eq!(at(119), (BTreeMap::new(), 1));
    let late = BTreeMap::from([("unproven_tail", 2), ("log_unproven", 1)]);
    assert_eq!(at(120), (late, 0));
}

/// An object with a digest's name takes no digest's place.
#[test]
fn err_a_digest_too_many_hides_nothing() {
    let mix = clean(1);
    let mut with_more = bucket(&mix);
    let plan = &mix.plan;
    let digest = mix.objects.keys().find(|key| key.contains("-Digest/"));
    let (folder, _) = digest.unwrap().split_once("/CloudTrail-Digest/").unwrap();
    let half_past = plan.first + SignedDuration::from_mins(150);
    let time = half_past.to_zoned(jiff::tz::TimeZone::UTC);
    let key = format!(
        "{folder}/CloudTrail-Digest/{}/{}/{}_CloudTrail-Digest_{}_{}_{}_{}.json.gz",
        plan.region,
        time.strftime("%Y/%m/%d"),
        plan.account,
        plan.region,
        plan.trail,
        plan.home_region,
        time.strftime("%Y%m%dT%H%M%SZ"),
    );
    with_more.insert(&key, b"junk".to_vec(), DigestMetadata::default());
    let (heard, summaries) = verify(&mix, &with_more, &keys(&mix), here(&mix), range(&mix));
    assert_eq!(heard.names(), BTreeMap::from([("digest_damaged", 1)]));
    assert_eq!(summaries[0].chains[0].proven_digests, digests(&mix));
    assert_eq!(summaries[0].chains[0].proven, [(plan.first, mix.until)]);
}

#[test]
fn unproven_more_trails_than_can_be() {
    let mix = clean(1);
    let mut crowded = bucket(&mix);
    let digest = mix
        .objects
        .keys()
        .find(|key| key.contains("-Digest/"))
        .unwrap();
    for number in 0..150 {
        let name = format!("_{}_{}_", mix.plan.trail, mix.plan.home_region);
        let key = digest.replace(&name, &format!("_zzz{number}_{}_", mix.plan.home_region));
        assert_ne!(key, *digest);
        crowded.insert(&key, b"junk".to_vec(), DigestMetadata::default());
    }
    let (heard, summaries) = verify(&mix, &crowded, &keys(&mix), here(&mix), range(&mix));
    assert_eq!(heard.names().get("too_many_digests"), Some(&1));
    assert!(heard.names().get("digest_damaged") < Some(&100));
    let mine = summaries[0]
        .chains
        .iter()
        .find(|chain| chain.name.trail == mix.plan.trail);
    assert_eq!(mine.unwrap().proven_digests, digests(&mix));
}

#[test]
fn named_places_are_looked_at_though_nothing_is_there() {
    let mix = clean(1);
    let wanted = Wanted {
        prefix: mix.plan.prefix.clone(),
        accounts: ["999999999999".to_owned()].into(),
        regions: ["eu-north-1".to_owned()].into(),
    };
    let empty = MemoryBucket::default();
    let keys = keys(&mix);
    ready(async {
        let found = places_and_named(&empty, &wanted).await.unwrap();
        assert_eq!(found.len(), 1);
        let mut heard = Heard::default();
        let evidence = InBucket(&empty);
        let mut verifier = Verifier::new(&empty, &keys, &evidence, here(&mix), range(&mix));
        verifier.verify(&found[0], &mut heard).await.unwrap();
        let hours = mix.plan.hours.len() as u64;
        assert_eq!(heard.names(), BTreeMap::from([("no_digest", hours)]));
    });
}
