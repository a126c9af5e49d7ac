//! Account ids that belong to Amazon Redshift itself: it logs its calls to other
//! services under them, not under the customer's.
//! <https://docs.aws.amazon.com/redshift/latest/mgmt/logging-with-cloudtrail.html>

/// The published ids, one a Region: `REGION<tab>ACCOUNT`.
const PUBLISHED: &str = include_str!("../rules/redshift-account-ids.tsv");

/// The published account ids, twelve digits each.
pub(crate) fn published() -> impl Iterator<Item = &'static str> {
    PUBLISHED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').nth(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_id_is_an_account_id() {
        let ids: Vec<_> = published().collect();
        assert!(
            ids.contains(&"790247189693"),
            "us-east-2 of the guide's own example"
        );
        for id in ids {
            assert!(
                id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()),
                "{id}"
            );
        }
    }
}
