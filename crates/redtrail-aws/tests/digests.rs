//! Verification over the wire: trails tampered with in an S3, keys from a ListPublicKeys.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudtrail::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;
use jiff::Timestamp;
use redtrail_aws::{public_keys::CloudTrailKeys, trail_bucket::S3TrailBucket};
use redtrail_core::edge::EdgeErrorKind;
use redtrail_digest::{
    BucketNames, InBucket, TimeRange, Verifier,
    discover::{Wanted, places},
    edge::{DigestDone, PublicKeys, TrailBucket, Watch},
    finding::{Finding, FindingCounts},
};
use redtrail_local::{LOOPBACK, PublicKeysServer, S3Server};
use redtrail_trailgen::digest::{Mix, SigningKey, Tampering};
use tempfile::TempDir;

#[derive(Default)]
struct Counts(FindingCounts);

impl Watch for Counts {
    fn finding(&mut self, finding: Finding) {
        self.0 += &finding;
    }

    fn digests_to_come(&mut self, _: u64) {}

    fn digest_done(&mut self, _: DigestDone) {}
}

fn cloudtrail(endpoint: &str) -> CloudTrailKeys {
    let config = aws_sdk_cloudtrail::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint);
    CloudTrailKeys::new(aws_sdk_cloudtrail::Client::from_conf(config.build()))
}

async fn put(server: &S3Server, mix: &Mix) {
    let client = server.client();
    client
        .create_bucket()
        .bucket(&mix.bucket)
        .send()
        .await
        .unwrap();
    for (key, object) in &mix.objects {
        let put = client
            .put_object()
            .bucket(&mix.bucket)
            .key(key)
            .set_metadata(Some(object.metadata.clone().into_iter().collect()))
            .body(object.bytes.clone().into());
        put.send().await.unwrap();
    }
}

/// In as many as there are kinds of tampering each has its turn; `make nightly` takes more.
const EVERY_KIND: u64 = Tampering::ALL.len() as u64;

fn mixes() -> u64 {
    let given = std::env::var("DIGEST_MIXES").ok();
    given.map_or(EVERY_KIND, |number| number.parse().unwrap())
}

async fn verified(mix: &Mix) -> BTreeMap<&'static str, u64> {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start(folder.path(), LOOPBACK).await.unwrap();
    put(&server, mix).await;
    let keys = mix.public_keys.iter();
    let keys = keys.map(|key| (key.fingerprint.clone(), key.der.clone()));
    let keys_server = PublicKeysServer::start(keys).await.unwrap();
    let keys = cloudtrail(&keys_server.endpoint());
    let bucket = S3TrailBucket::new(server.client().clone(), mix.bucket.clone());
    let names = BucketNames {
        here: Some(mix.bucket.clone()),
        original: None,
    };
    let range = TimeRange {
        since: mix.since,
        until: mix.until,
        now: mix.now,
    };
    let wanted = Wanted {
        prefix: mix.plan.prefix.clone(),
        ..Wanted::default()
    };
    let mut counts = Counts::default();
    let evidence = InBucket(&bucket);
    let mut verifier = Verifier::new(&bucket, &keys, &evidence, names, range);
    let found = places(&bucket, &wanted).await.unwrap();
    assert_eq!(found.len(), 1);
    for place in found {
        verifier.verify(&place, &mut counts).await.unwrap();
    }
    let counts = counts.0.0.into_iter();
    counts.map(|(kind, count)| (kind.name(), count)).collect()
}

#[tokio::test]
async fn all_tamperings_are_found_in_mixes() {
    for seed in 0..mixes() {
        let mix = Mix::tampered(seed);
        let found = verified(&mix).await;
        assert_eq!(found, mix.expected, "seed {seed}: {:?}", mix.tamperings);
    }
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    for seed in 2000..2020 {
        assert_eq!(
            verified(&Mix::clean(seed)).await,
            BTreeMap::new(),
            "seed {seed}"
        );
    }
}

#[tokio::test]
async fn ok_keys_come_as_they_were_given() {
    let key = SigningKey::first();
    let given = [(key.fingerprint.clone(), key.public_spki())];
    let server = PublicKeysServer::start(given).await.unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (from, until) = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
    let listed = cloudtrail(&server.endpoint());
    let listed = listed.list("eu-central-1", from, until).await.unwrap();
    assert!(listed.is_complete);
    assert_eq!(listed.keys.len(), 1);
    assert_eq!(listed.keys[0].fingerprint, key.fingerprint);
    assert_eq!(listed.keys[0].der, key.public_spki());
}

/// More than one page, and keys that a listing must escape.
#[tokio::test]
async fn ok_listings() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start(folder.path(), LOOPBACK).await.unwrap();
    let client = server.client();
    client
        .create_bucket()
        .bucket("listed")
        .send()
        .await
        .unwrap();
    let mut keys = vec!["x/é ü/&<1".to_owned()];
    keys.extend((0..1100).map(|number| format!("x/y/{number:04}")));
    for key in &keys {
        std::fs::create_dir_all(folder.path().join("listed").join(key).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join("listed").join(key), b"1").unwrap();
    }
    keys.sort();
    let bucket = S3TrailBucket::new(client.clone(), "listed");
    let mut listed = Vec::new();
    loop {
        let after = listed.last().cloned();
        let page = bucket.page("x/", after.as_deref()).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|object| object.bytes == 1));
        listed.extend(page.into_iter().map(|object| object.key));
    }
    assert_eq!(listed, keys);
    let mut folders = bucket.folders("x/").await.unwrap();
    folders.sort();
    assert_eq!(folders, ["y", "é ü"]);
    let missing = S3TrailBucket::new(client.clone(), "none");
    let error = missing.page("x/", None).await.unwrap_err();
    assert_eq!(error.kind, EdgeErrorKind::Missing);
    assert_eq!(
        bucket.open("none").await.unwrap_err().kind,
        EdgeErrorKind::Missing
    );
}

#[test]
fn every_tampering_is_in_the_mixes() {
    let mixes = (0..EVERY_KIND).map(Mix::tampered);
    let kinds: BTreeSet<Tampering> = mixes.flat_map(|mix| mix.tamperings).collect();
    assert_eq!(kinds.len(), Tampering::ALL.len());
}
