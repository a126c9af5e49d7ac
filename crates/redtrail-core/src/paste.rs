//! What people have at hand when they ask: an ARN from an alert, an access key id, a name. Told
//! from the text alone; what a name stands for, only the directory knows.

use redtrail_model::{Arn, PrincipalKey, ResourceKey};

use crate::normalize::{principal::role_session, resources::family_key};

/// What a pasted text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paste {
    /// A principal, and the role session whose ARN it was.
    Principal {
        key: PrincipalKey,
        session_name: Option<String>,
    },
    Resource(ResourceKey),
    AccessKey(String),
    /// Some name, or a part of one.
    Text(String),
}

/// The identity types whose keys are written `TYPE:…`.
const TAGGED: [&str; 9] = [
    "AWSAccount:",
    "AWSService:",
    "AssumedRole:",
    "Directory:",
    "FederatedUser:",
    "IAMUser:",
    "IdentityCenterUser:",
    "SAMLUser:",
    "WebIdentityUser:",
];

impl Paste {
    /// Reads `text`; quotes, commas and white space around it are none of it.
    pub fn read(text: &str) -> Self {
        let is_wrapping = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';');
        let text = text.trim_matches(is_wrapping);
        if let Some(arn) = Arn::parse(text) {
            return Self::arn(text, arn);
        }
        if let Ok(key) = text.parse::<ResourceKey>()
            && !text.starts_with("arn:")
        {
            return Self::Resource(key);
        }
        if TAGGED.iter().any(|start| text.starts_with(start))
            && let Ok(key) = text.parse()
        {
            return Self::Principal {
                key,
                session_name: None,
            };
        }
        if is_access_key_id(text) {
            return Self::AccessKey(text.to_owned());
        }
        // `principalId` of a role session: `AROA…:SESSION`.
        let session = text
            .split_once(':')
            .filter(|(id, _)| is_unique_id(id, "AROA"));
        Self::Text(session.map_or(text, |(_, session)| session).to_owned())
    }

    fn arn(text: &str, arn: Arn<'_>) -> Self {
        if let Some((key, session_name)) = role_session(arn) {
            return Self::Principal {
                key,
                session_name: session_name.map(str::to_owned),
            };
        }
        let is_principal = matches!(arn.service, "iam" | "sts" | "identitystore");
        let principal = PrincipalKey::from_arn(text).filter(|_| is_principal);
        let resource = family_key(arn).or_else(|| ResourceKey::from_arn(text));
        match (principal, resource) {
            (Some(key), _) => Self::Principal {
                key,
                session_name: None,
            },
            (None, Some(key)) => Self::Resource(key),
            (None, None) => Self::Text(text.to_owned()),
        }
    }
}

/// A user's lasting key or a temporary one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
fn is_access_key_id(text: &str) -> bool {
    is_unique_id(text, "AKIA") || is_unique_id(text, "ASIA")
}

fn is_unique_id(text: &str, prefix: &str) -> bool {
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    text.starts_with(prefix) && (16..=128).contains(&text.len()) && text.bytes().all(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_what_an_alert_shows() {
        let principal = |key: &str, session: Option<&str>| Paste::Principal {
            key: key.parse().unwrap(),
            session_name: session.map(str::to_owned),
        };
        let resource = |key: &str| Paste::Resource(key.parse().unwrap());
        let text = |text: &str| Paste::Text(text.to_owned());
        let cluster = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod";
        for (pasted, expected) in [
            (
                "arn:aws:sts::111122223333:assumed-role/Analyst/ana@example.com",
                principal(
                    "arn:aws:iam::111122223333:role/Analyst",
                    Some("ana@example.com"),
                ),
            ),
            (
                " \"arn:aws-cn:iam::111122223333:user/team/ana\",\n",
                principal("arn:aws-cn:iam::111122223333:user/team/ana", None),
            ),
            (
                "arn:aws:iam::111122223333:root",
                principal("arn:aws:iam::111122223333:root", None),
            ),
            (cluster, resource(cluster)),
            // Redshift stores it in lower case.
            (
                "arn:aws:redshift:us-east-1:111122223333:cluster:Sales-Prod",
                resource(cluster),
            ),
            (
                "statement:us-east-1:111122223333/8f2c",
                resource("statement:us-east-1:111122223333/8f2c"),
            ),
            (
                "AWSService:redshift.amazonaws.com",
                principal("AWSService:redshift.amazonaws.com", None),
            ),
            (
                "ASIAIOSFODNN7EXAMPLE",
                Paste::AccessKey("ASIAIOSFODNN7EXAMPLE".into()),
            ),
            ("AROAEXAMPLEEXAMPLE123:ana", text("ana")),
            ("AROAEXAMPLE", text("AROAEXAMPLE")),
            ("ASIA", text("ASIA")),
            ("ana@example.com", text("ana@example.com")),
            ("sales-prod", text("sales-prod")),
            ("arn:aws:redshift", text("arn:aws:redshift")),
            ("", text("")),
        ] {
            assert_eq!(Paste::read(pasted), expected, "{pasted}");
        }
    }
}
