//! The public keys of one Region, asked for once and looked up by fingerprint.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use redtrail_core::edge::EdgeError;

use crate::{
    edge::{KeyList, PublicKeys},
    public_key::{UnusableKey, VerifyingKey},
    range::{TimeRange, shifted},
};

/// Around the time at which a backfill digest was made.
const AROUND: SignedDuration = SignedDuration::from_hours(1);

/// What is known of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoundKey {
    Usable(VerifyingKey),
    Unusable(UnusableKey),
    /// CloudTrail has no such key.
    Unknown,
    /// It is not among the keys at hand, which are not all.
    NotSaved,
}

#[derive(Debug)]
pub(crate) struct KeyRing<'k, K> {
    source: &'k K,
    region: String,
    keys: BTreeMap<String, Result<VerifyingKey, UnusableKey>>,
    is_complete: bool,
}

impl<'k, K: PublicKeys> KeyRing<'k, K> {
    /// The keys in use in the time asked for.
    pub(crate) async fn of(
        source: &'k K,
        region: &str,
        range: &TimeRange,
    ) -> Result<Self, EdgeError> {
        let mut ring = Self {
            source,
            region: region.to_owned(),
            keys: BTreeMap::new(),
            is_complete: true,
        };
        let (from, until) = range.of_keys();
        ring.is_complete = ring.add(from, until).await?;
        Ok(ring)
    }

    /// The key of this fingerprint. With `made_at`, when the digest was not made in the hour
    /// that it is about, that time is asked for, too.
    pub(crate) async fn find(
        &mut self,
        fingerprint: &str,
        made_at: Option<Timestamp>,
    ) -> Result<FoundKey, EdgeError> {
        let mut is_complete = self.is_complete;
        if !self.keys.contains_key(fingerprint)
            && let Some(made_at) = made_at
        {
            is_complete = self
                .add(shifted(made_at, -AROUND), shifted(made_at, AROUND))
                .await?;
        }
        Ok(match self.keys.get(fingerprint) {
            Some(Ok(key)) => FoundKey::Usable(key.clone()),
            Some(Err(why)) => FoundKey::Unusable(*why),
            None if is_complete => FoundKey::Unknown,
            None => FoundKey::NotSaved,
        })
    }

    async fn add(&mut self, from: Timestamp, until: Timestamp) -> Result<bool, EdgeError> {
        let KeyList { keys, is_complete } = self.source.list(&self.region, from, until).await?;
        for key in keys {
            let usable = VerifyingKey::from_der(&key.der);
            self.keys.insert(key.fingerprint, usable);
        }
        Ok(is_complete)
    }
}
