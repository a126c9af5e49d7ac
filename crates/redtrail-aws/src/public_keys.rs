//! CloudTrail's public keys, which each Region has its own of.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html>

use std::collections::BTreeMap;

use aws_sdk_cloudtrail::{
    Client,
    config::Region,
    error::{ProvideErrorMetadata, SdkError},
    operation::list_public_keys::{ListPublicKeysError, ListPublicKeysOutput},
    primitives::DateTime,
    types::PublicKey,
};
use jiff::Timestamp;
use redtrail_core::edge::{EdgeError, EdgeErrorKind};
use redtrail_digest::{
    edge::{KeyList, PublicKeys},
    public_key::ListedKey,
};

/// Pages of one answer. `NextToken` is reserved, so one page is what comes today.
const MAX_PAGES: usize = 100;

/// Keys from CloudTrail.
#[derive(Clone, Debug)]
pub struct CloudTrailKeys {
    client: Client,
}

impl CloudTrailKeys {
    /// The client's own Region does not matter: each question goes to the Region it is about.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn page(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
        token: Option<String>,
    ) -> Result<ListPublicKeysOutput, SdkError<ListPublicKeysError>> {
        let list = self.client.list_public_keys();
        let list = list
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(until.as_second()))
            .set_next_token(token);
        let here = aws_sdk_cloudtrail::Config::builder().region(Region::new(region.to_owned()));
        list.customize().config_override(here).send().await
    }
}

impl PublicKeys for CloudTrailKeys {
    async fn list(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<KeyList, EdgeError> {
        let mut keys = BTreeMap::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let answer = self.page(region, from, until, token).await;
            let answer = answer.map_err(|error| EdgeError {
                attempted: format!("list CloudTrail's public keys of {region}"),
                kind: kind(&error),
                source: Some(Box::new(error)),
            })?;
            let listed = answer.public_key_list.unwrap_or_default();
            keys.extend(listed.into_iter().filter_map(|key| {
                let key = listed_key(key)?;
                Some((key.fingerprint.clone(), key))
            }));
            token = answer.next_token;
            if token.is_none() {
                return Ok(KeyList {
                    keys: keys.into_values().collect(),
                    is_complete: true,
                });
            }
        }
        Ok(KeyList {
            keys: keys.into_values().collect(),
            is_complete: false,
        })
    }
}

fn listed_key(key: PublicKey) -> Option<ListedKey> {
    let time = |time: DateTime| Timestamp::from_second(time.secs()).ok();
    Some(ListedKey {
        fingerprint: key.fingerprint?,
        der: key.value?.into_inner(),
        validity_start: key.validity_start_time.and_then(time),
        validity_end: key.validity_end_time.and_then(time),
    })
}

fn kind(error: &SdkError<ListPublicKeysError>) -> EdgeErrorKind {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error.code().unwrap_or_default(), status) {
        ("ThrottlingException" | "Throttling" | "ExpiredTokenException", _) => {
            EdgeErrorKind::Retryable
        }
        ("AccessDeniedException" | "AccessDenied", _) | (_, Some(403)) => EdgeErrorKind::Denied {
            permission: "cloudtrail:ListPublicKeys",
        },
        (_, Some(status)) if (400..500).contains(&status) => EdgeErrorKind::Refused,
        _ => EdgeErrorKind::Retryable,
    }
}
