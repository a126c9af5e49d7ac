//! Where something stands: account, Region, and the partition the Region belongs to.

/// An account and a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// Account ids that belong to Amazon Redshift, for the Regions trails are made in.
/// <https://docs.aws.amazon.com/redshift/latest/mgmt/logging-with-cloudtrail.html>
const REDSHIFT_ACCOUNTS: [(&str, &str); 8] = [
    ("us-east-1", "368064434614"),
    ("us-east-2", "790247189693"),
    ("us-west-2", "473191095985"),
    ("ca-central-1", "764870610256"),
    ("eu-west-1", "246478207311"),
    ("eu-central-1", "434091160558"),
    ("ap-southeast-2", "485979073181"),
    ("ap-northeast-1", "615915377779"),
];

impl Place {
    pub(crate) fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
        }
    }

    pub(crate) fn partition(&self) -> &'static str {
        if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else if self.region.starts_with("cn-") {
            "aws-cn"
        } else {
            "aws"
        }
    }

    /// The ARN of something in this account and Region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region } = self;
        format!(
            "arn:{}:{service}:{region}:{account}:{resource}",
            self.partition()
        )
    }

    /// The ARN of something of a service without Regions (IAM, STS) in this account.
    pub(crate) fn global_arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}::{}:{resource}",
            self.partition(),
            self.account
        )
    }

    /// The account Redshift's own calls come from in this Region; none is known for some.
    pub(crate) fn redshift_account(&self) -> Option<&'static str> {
        REDSHIFT_ACCOUNTS
            .iter()
            .find(|(region, _)| *region == self.region)
            .map(|(_, account)| *account)
    }
}
