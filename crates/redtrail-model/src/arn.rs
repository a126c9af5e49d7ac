//! Amazon Resource Names, read as text: six parts, the last free to hold colons.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::{borrow::Cow, ops::Deref};

/// An ARN taken apart, `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, borrowing
/// from the text it was read from. Region and account may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// All that follows the account, e.g. `cluster:examplecluster`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The parts of `text`, or `None` when it is no ARN: fewer than six parts, or
    /// an empty partition, service or resource.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.strip_prefix("arn:")?;
        let mut part = || {
            let colon = rest.bytes().position(|byte| byte == b':')?;
            let (part, behind) = rest.split_at_checked(colon)?;
            rest = behind.get(1..)?;
            Some(part)
        };
        let [partition, service, region, account] = [part()?, part()?, part()?, part()?];
        let arn = Self {
            partition,
            service,
            region,
            account,
            resource: rest,
        };
        let complete =
            !arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty();
        complete.then_some(arn)
    }

    /// The resource's type and what follows it: `cluster:name` and `namespace/uuid`
    /// both split at their first `:` or `/`.
    pub fn typed_resource(&self) -> Option<(&'a str, &'a str)> {
        self.resource.split_once([':', '/'])
    }
}

/// A text that should be an ARN, taken apart once however often it is asked for.
#[derive(Clone, Debug)]
pub struct ArnText<'a> {
    text: Cow<'a, str>,
    /// Of a borrowed text.
    arn: Option<Arn<'a>>,
}

impl ArnText<'_> {
    /// Its parts, as [`Arn::parse`] tells them.
    #[inline]
    pub fn arn(&self) -> Option<Arn<'_>> {
        match &self.text {
            Cow::Borrowed(_) => self.arn,
            // It had escapes, which no ARN needs.
            Cow::Owned(text) => Arn::parse(text),
        }
    }
}

impl<'a> From<Cow<'a, str>> for ArnText<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        let arn = match &text {
            Cow::Borrowed(text) => Arn::parse(text),
            Cow::Owned(_) => None,
        };
        Self { text, arn }
    }
}

impl Deref for ArnText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Whether `text` is an account id: twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The partition a Region belongs to, by the Region's prefix as botocore's
/// `partitions.json` (1.44.5) lists them; a Region it does not know is in `aws`.
pub fn partition_of(region: &str) -> &'static str {
    // `us-iso-` and `us-isob-` differ in their seventh byte, so no prefix swallows another.
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arn_parts() {
        let arn = Arn::parse("arn:aws-cn:redshift:cn-north-1:123456789012:dbuser:c/u:x").unwrap();
        assert_eq!(arn.partition, "aws-cn");
        assert_eq!(arn.account, "123456789012");
        assert_eq!(arn.typed_resource(), Some(("dbuser", "c/u:x")));
        let role = Arn::parse("arn:aws:iam::123456789012:role/a/b").unwrap();
        assert_eq!(
            (role.region, role.typed_resource()),
            ("", Some(("role", "a/b")))
        );
    }

    #[test]
    fn err_no_arn() {
        for text in [
            "",
            "arn",
            "arn:aws:iam::1",
            "arn:aws:iam::1:",
            "ARN:aws:iam::1:x",
            "arn::iam::1:x",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn partitions() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("eusc-de-east-1", "aws-eusc"),
            ("eu-central-1", "aws"),
        ] {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }
}
