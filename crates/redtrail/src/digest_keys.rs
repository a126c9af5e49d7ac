//! The public keys that digests are verified with: CloudTrail's, or those of a file.

use std::{fs, path::Path};

use redtrail_aws::public_keys::CloudTrailKeys;
use redtrail_core::edge::EdgeError;
use redtrail_digest::{
    edge::{KeyList, PublicKeys},
    saved_keys::SavedKeys,
};

use crate::{
    failure::{Failure, chain},
    output::remark,
    public_keys::cloudtrail,
};

/// Where keys are to come from.
pub(crate) enum KeysFrom {
    CloudTrail {
        region: Option<String>,
        endpoint_url: Option<String>,
    },
    File(SavedKeys),
}

impl KeysFrom {
    /// From `file` if there is one, else from CloudTrail.
    pub(crate) fn named(
        file: Option<&Path>,
        region: Option<&String>,
        endpoint_url: Option<String>,
    ) -> Result<Self, Failure> {
        match file {
            Some(file) => saved_keys(file).map(Self::File),
            None => Ok(Self::CloudTrail {
                region: region.cloned(),
                endpoint_url,
            }),
        }
    }

    pub(crate) async fn open(self) -> Keys {
        match self {
            Self::File(keys) => Keys::Saved(keys),
            Self::CloudTrail {
                region,
                endpoint_url,
            } => Keys::CloudTrail(cloudtrail(region.as_ref(), endpoint_url).await),
        }
    }
}

/// CloudTrail's keys, or those of a file.
pub(crate) enum Keys {
    CloudTrail(CloudTrailKeys),
    Saved(SavedKeys),
}

impl PublicKeys for Keys {
    async fn list(
        &self,
        region: &str,
        from: jiff::Timestamp,
        until: jiff::Timestamp,
    ) -> Result<KeyList, EdgeError> {
        match self {
            Self::CloudTrail(keys) => keys.list(region, from, until).await,
            Self::Saved(keys) => keys.list(region, from, until).await,
        }
    }
}

fn saved_keys(file: &Path) -> Result<SavedKeys, Failure> {
    let unreadable = |why: String| {
        Failure::usage(
            format!("could not read the keys in {}: {why}", file.display()),
            "`redtrail public-keys` writes such a file.",
        )
    };
    let text = fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let saved = SavedKeys::from_json(&text).map_err(|error| unreadable(chain(&error)))?;
    if saved.regions().next().is_none() {
        remark(&format!("{} holds no keys", file.display()));
    }
    Ok(saved)
}
