//! The three questions the Redshift guide asks of every event. Each answer is true,
//! false, or `None` where AWS's data cannot tell.
//! <https://docs.aws.amazon.com/redshift/latest/mgmt/logging-with-cloudtrail.html>

use redtrail_model::{EventRecord, UserIdentity};

use super::principal::is_service_event;
use crate::select::{Selector, service_linked_to};

/// The console's names, in `invokedBy` of old console records: a person was acting.
const CONSOLE: [&str; 2] = ["signin.amazonaws.com", "console.amazonaws.com"];

/// Was the request made with root or user credentials?
pub fn root_or_user_credentials(event: &EventRecord<'_>) -> Option<bool> {
    let identity = &event.user_identity;
    match identity.identity_type.as_deref() {
        Some("Root" | "IAMUser") => Some(true),
        Some(
            "AssumedRole" | "Role" | "FederatedUser" | "AWSService" | "IdentityCenterUser"
            | "SAMLUser" | "WebIdentityUser" | "Directory",
        ) => Some(false),
        Some("Unknown") if is_identity_center_user(identity) => Some(false),
        None if is_without_caller(event) => Some(false),
        _ => None,
    }
}

/// Was it made with temporary security credentials for a role or federated user?
///
/// A console or MFA session of a user is still the user's; a bearer token of Identity
/// Center is neither.
pub fn temporary_credentials(event: &EventRecord<'_>) -> Option<bool> {
    let identity = &event.user_identity;
    match identity.identity_type.as_deref() {
        Some("Root") => Some(identity.session.assumed_root == Some(true)),
        Some("AssumedRole" | "Role" | "FederatedUser" | "SAMLUser" | "WebIdentityUser") => {
            Some(true)
        }
        Some("IAMUser" | "AWSService" | "IdentityCenterUser" | "Directory") => Some(false),
        Some("Unknown") if is_identity_center_user(identity) => Some(false),
        None if is_without_caller(event) => Some(false),
        _ => None,
    }
}

/// Was it made by another AWS service?
pub fn by_aws_service(event: &EventRecord<'_>, selector: &Selector) -> Option<bool> {
    let identity = &event.user_identity;
    let sure = invoked_by_service(identity)
        || is_service_event(event)
        || came_from_service(event)
        || service_linked_to(identity).is_some()
        || selector.is_redshift(identity);
    if sure {
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

fn invoked_by_service(identity: &UserIdentity<'_>) -> bool {
    identity
        .invoked_by
        .as_deref()
        .is_some_and(|name| !CONSOLE.contains(&name))
}

/// Of a call that a service made CloudTrail shows the service's DNS name as address, or
/// `AWS Internal` and a number; of a person's at the console never more than the console's.
fn came_from_service(event: &EventRecord<'_>) -> bool {
    let invoked_by = event.user_identity.invoked_by.as_deref();
    let address = event.source_ip_address.as_deref().unwrap_or_default();
    let is_console = |name: &str| CONSOLE.contains(&name);
    let is_service = address.starts_with("AWS Internal")
        || address.ends_with(".amazonaws.com")
        || address.ends_with(".amazonaws.com.cn");
    is_service && !is_console(address) && !invoked_by.is_some_and(is_console)
}

/// No type, because the service itself made the event or the call.
fn is_without_caller(event: &EventRecord<'_>) -> bool {
    invoked_by_service(&event.user_identity) || is_service_event(event)
}

fn is_identity_center_user(identity: &UserIdentity<'_>) -> bool {
    identity.on_behalf_of_user.is_some()
}
