//! A mix verified in memory.

use std::{
    collections::BTreeMap,
    pin::pin,
    task::{Context, Poll, Waker},
};

use jiff::Timestamp;
use redtrail_core::edge::EdgeError;
use redtrail_digest::{
    BucketNames, InBucket, PlaceSummary, TimeRange, Verifier,
    discover::{Wanted, places},
    edge::{DigestDone, DigestMetadata, KeyList, PublicKeys, Watch},
    finding::{Finding, FindingCounts},
    memory::MemoryBucket,
    public_key::ListedKey,
};
use redtrail_trailgen::digest::Mix;

/// All keys there are, whenever they are asked for.
pub(crate) struct AllKeys(pub(crate) Vec<ListedKey>);

impl PublicKeys for AllKeys {
    async fn list(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<KeyList, EdgeError> {
        Ok(KeyList {
            keys: self.0.clone(),
            is_complete: true,
        })
    }
}

#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) findings: Vec<Finding>,
    pub(crate) announced: u64,
    pub(crate) done: u64,
}

impl Watch for Heard {
    fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn digests_to_come(&mut self, count: u64) {
        self.announced += count;
    }

    fn digest_done(&mut self, _: DigestDone) {
        self.done += 1;
    }
}

impl Heard {
    pub(crate) fn counts(&self) -> FindingCounts {
        let mut counts = FindingCounts::default();
        self.findings.iter().for_each(|finding| counts += finding);
        counts
    }

    pub(crate) fn names(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.counts().0;
        counts
            .into_iter()
            .map(|(kind, count)| (kind.name(), count))
            .collect()
    }
}

pub(crate) fn keys(mix: &Mix) -> AllKeys {
    let key = |key: &redtrail_trailgen::digest::PublicKeyEntry| ListedKey {
        fingerprint: key.fingerprint.clone(),
        der: key.der.clone(),
        validity_start: None,
        validity_end: None,
    };
    AllKeys(mix.public_keys.iter().map(key).collect())
}

pub(crate) fn bucket(mix: &Mix) -> MemoryBucket {
    let mut bucket = MemoryBucket::default();
    for (key, object) in &mix.objects {
        let member = |name: &str| object.metadata.get(name).cloned();
        let metadata = DigestMetadata {
            signature: member("signature"),
            signature_algorithm: member("signature-algorithm"),
            backfill_generation_timestamp: member("backfill-generation-timestamp"),
        };
        bucket.insert(key, object.bytes.clone(), metadata);
    }
    bucket
}

pub(crate) fn range(mix: &Mix) -> TimeRange {
    TimeRange {
        since: mix.since,
        until: mix.until,
        now: mix.now,
    }
}

/// Verifies all places below the mix's prefix.
pub(crate) fn verify(
    mix: &Mix,
    bucket: &MemoryBucket,
    keys: &impl PublicKeys,
    names: BucketNames,
    range: TimeRange,
) -> (Heard, Vec<PlaceSummary>) {
    let wanted = Wanted {
        prefix: mix.plan.prefix.clone(),
        ..Wanted::default()
    };
    ready(async {
        let mut heard = Heard::default();
        let mut summaries = Vec::new();
        let evidence = InBucket(bucket);
        let mut verifier = Verifier::new(bucket, keys, &evidence, names, range);
        for place in places(bucket, &wanted).await.unwrap() {
            summaries.push(verifier.verify(&place, &mut heard).await.unwrap());
        }
        (heard, summaries)
    })
}

pub(crate) fn here(mix: &Mix) -> BucketNames {
    BucketNames {
        here: Some(mix.bucket.clone()),
        original: None,
    }
}

/// What a future that waits for nothing gives.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
