//! The places that a bucket holds a trail's digests or logs of, by its folders.

use std::collections::BTreeSet;

use redtrail_core::{edge::EdgeError, log_key::is_organization};
use redtrail_model::is_account_id;

use crate::{
    edge::TrailBucket,
    place::{Place, aws_logs},
};

/// A label of a host's name has no more.
const MAX_REGION_BYTES: usize = 63;

/// Which places are asked for; an empty set means whatever is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What stands before `AWSLogs/`: nothing, or a prefix that ends with `/`.
    pub prefix: String,
    pub accounts: BTreeSet<String>,
    pub regions: BTreeSet<String>,
}

/// Whether a text may be a Region's name. Whoever can write to the bucket can make folders of
/// any name, and keys are fetched from a host that is called after the Region.
pub fn is_region(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_REGION_BYTES).contains(&text.len())
        && text.bytes().all(is_allowed)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

/// The places asked for that the bucket holds anything of, in order.
///
/// # Errors
/// When the bucket cannot be listed.
pub async fn places<B: TrailBucket>(bucket: &B, wanted: &Wanted) -> Result<Vec<Place>, EdgeError> {
    let organizations = organizations(bucket, wanted).await?;
    let found = places_of(bucket, wanted, &organizations).await?;
    Ok(found.into_iter().collect())
}

/// The same; one that was named is among them though nothing of it is in the bucket.
///
/// # Errors
/// When the bucket cannot be listed.
pub async fn places_and_named<B: TrailBucket>(
    bucket: &B,
    wanted: &Wanted,
) -> Result<Vec<Place>, EdgeError> {
    let organizations = organizations(bucket, wanted).await?;
    let mut found = places_of(bucket, wanted, &organizations).await?;
    for account in &wanted.accounts {
        for region in &wanted.regions {
            let is_found = |place: &Place| place.account == *account && place.region == *region;
            if !found.iter().any(is_found) {
                let organization = match organizations.as_slice() {
                    [None, Some(only)] => Some(only.clone()),
                    _ => None,
                };
                found.insert(Place {
                    prefix: wanted.prefix.clone(),
                    organization,
                    account: account.clone(),
                    region: region.clone(),
                });
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The organizations that have a folder; `None` stands for keys without one.
async fn organizations<B: TrailBucket>(
    bucket: &B,
    wanted: &Wanted,
) -> Result<Vec<Option<String>>, EdgeError> {
    let mut organizations = vec![None];
    for folder in bucket.folders(&aws_logs(&wanted.prefix, None)).await? {
        if is_organization(&folder) {
            organizations.push(Some(folder));
        }
    }
    Ok(organizations)
}

async fn places_of<B: TrailBucket>(
    bucket: &B,
    wanted: &Wanted,
    organizations: &[Option<String>],
) -> Result<BTreeSet<Place>, EdgeError> {
    let mut found = BTreeSet::new();
    for organization in organizations {
        let folder = aws_logs(&wanted.prefix, organization.as_deref());
        for account in bucket.folders(&folder).await? {
            let is_wanted = wanted.accounts.is_empty() || wanted.accounts.contains(&account);
            if !is_account_id(&account) || !is_wanted {
                continue;
            }
            for kind in ["CloudTrail-Digest", "CloudTrail"] {
                for region in bucket
                    .folders(&format!("{folder}{account}/{kind}/"))
                    .await?
                {
                    let is_wanted = wanted.regions.is_empty() || wanted.regions.contains(&region);
                    if is_wanted && is_region(&region) {
                        found.insert(Place {
                            prefix: wanted.prefix.clone(),
                            organization: organization.clone(),
                            account: account.clone(),
                            region,
                        });
                    }
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        for (text, expected) in [
            ("us-east-1", true),
            ("us-gov-west-1", true),
            ("cn-north-1", true),
            ("", false),
            ("1", false),
            ("us-east-1-", false),
            ("US-EAST-1", false),
            ("a.attacker.example", false),
            ("a@attacker.example#", false),
            ("..", false),
            ("us-\u{1b}", false),
        ] {
            assert_eq!(is_region(text), expected, "{text}");
        }
        assert!(!is_region(&"a".repeat(64)));
    }
}
