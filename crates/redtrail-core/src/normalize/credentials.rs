//! The three questions the Redshift guide asks of every event. Each answer is true,
//! false, or `None` where AWS's data cannot tell.
//! <https://docs.aws.amazon.com/redshift/latest/mgmt/logging-with-cloudtrail.html>

use redtrail_model::UserIdentity;

use crate::select::Selector;

/// The console's sign-in service stands in `invokedBy` of old console records: no
/// service was acting.
const CONSOLE_SIGN_IN: &str = "signin.amazonaws.com";

/// Was the request made with root or user credentials?
pub fn root_or_user_credentials(identity: &UserIdentity<'_>) -> Option<bool> {
    match identity.identity_type.as_deref() {
        Some("Root" | "IAMUser") => Some(true),
        Some(
            "AssumedRole" | "Role" | "FederatedUser" | "AWSService" | "IdentityCenterUser"
            | "SAMLUser" | "WebIdentityUser" | "Directory",
        ) => Some(false),
        Some("Unknown") if is_identity_center_user(identity) => Some(false),
        None if identity.invoked_by.is_some() => Some(false),
        _ => None,
    }
}

/// Was it made with temporary security credentials for a role or federated user?
///
/// A console or MFA session of a user is still the user's; a bearer token of Identity
/// Center is neither.
pub fn temporary_credentials(identity: &UserIdentity<'_>) -> Option<bool> {
    match identity.identity_type.as_deref() {
        Some("Root") => Some(identity.session.assumed_root == Some(true)),
        Some("AssumedRole" | "Role" | "FederatedUser" | "SAMLUser" | "WebIdentityUser") => {
            Some(true)
        }
        Some("IAMUser" | "AWSService" | "IdentityCenterUser" | "Directory") => Some(false),
        Some("Unknown") if is_identity_center_user(identity) => Some(false),
        None if identity.invoked_by.is_some() => Some(false),
        _ => None,
    }
}

/// Was it made by another AWS service?
pub fn by_aws_service(identity: &UserIdentity<'_>, selector: &Selector) -> Option<bool> {
    let invoked = identity.invoked_by.as_deref().is_some_and(|by| by != CONSOLE_SIGN_IN);
    let accounts = [&identity.account_id, &identity.session.issuer.account_id];
    let redshifts_own =
        accounts.into_iter().flatten().any(|account| selector.is_redshift_account(account));
    if invoked || redshifts_own {
        return Some(true);
    }
    match identity.identity_type.as_deref() {
        Some("AWSService") => Some(true),
        Some(
            "Root" | "IAMUser" | "AssumedRole" | "Role" | "FederatedUser" | "IdentityCenterUser"
            | "SAMLUser" | "WebIdentityUser" | "Directory" | "Unknown",
        ) => Some(false),
        // Of another account's caller nothing is shown; of a new type nothing is known.
        _ => None,
    }
}

fn is_identity_center_user(identity: &UserIdentity<'_>) -> bool {
    identity.on_behalf_of_user.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtrail_model::RawJson;

    fn check(identity: &str, expected: (Option<bool>, Option<bool>, Option<bool>)) {
        let identity_of = UserIdentity::read(RawJson::parse(identity).unwrap());
        let selector = Selector::default();
        let answers = (
            root_or_user_credentials(&identity_of),
            temporary_credentials(&identity_of),
            by_aws_service(&identity_of, &selector),
        );
        assert_eq!(answers, expected, "{identity}");
    }

    #[test]
    fn ok_three_questions() {
        const YES: Option<bool> = Some(true);
        const NO: Option<bool> = Some(false);
        check(r#"{"type":"Root"}"#, (YES, NO, NO));
        check(r#"{"type":"Root","sessionContext":{"assumedRoot":"true"}}"#, (YES, YES, NO));
        check(r#"{"type":"IAMUser","sessionContext":{"attributes":{"mfaAuthenticated":"true"}}}"#, (YES, NO, NO));
        check(r#"{"type":"IAMUser","invokedBy":"signin.amazonaws.com"}"#, (YES, NO, NO));
        check(r#"{"type":"IAMUser","invokedBy":"redshift.amazonaws.com"}"#, (YES, NO, YES));
        check(r#"{"type":"AssumedRole","accountId":"123456789012"}"#, (NO, YES, NO));
        check(r#"{"type":"AssumedRole","accountId":"790247189693"}"#, (NO, YES, YES));
        check(r#"{"type":"FederatedUser"}"#, (NO, YES, NO));
        check(r#"{"type":"AWSService","invokedBy":"redshift.amazonaws.com"}"#, (NO, NO, YES));
        check(r#"{"accountId":"1","invokedBy":"redshift.amazonaws.com"}"#, (NO, NO, YES));
        check(r#"{"type":"AWSAccount","accountId":"123456789012"}"#, (None, None, None));
        check(r#"{"type":"AWSAccount","accountId":"790247189693"}"#, (None, None, YES));
        check(r#"{"type":"IdentityCenterUser","onBehalfOf":{"userId":"u"}}"#, (NO, NO, NO));
        check(r#"{"type":"Unknown","onBehalfOf":{"userId":"u"}}"#, (NO, NO, NO));
        check(r#"{"type":"Unknown"}"#, (None, None, NO));
        check(r#"{"type":"BrandNew"}"#, (None, None, None));
        check(r#"{}"#, (None, None, None));
    }
}
