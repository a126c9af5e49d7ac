//! Who made the call: one stable key for every identity type AWS documents and for
//! those it does not, and the facets of it that people ask by.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use redtrail_model::{Arn, PrincipalKey, UserIdentity};

/// The path of roles that IAM Identity Center manages. Nobody else can make a role
/// there, so the session name is the user name that Identity Center vouches for.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html>
const IDENTITY_CENTER_ROLE: &str = "role/aws-reserved/sso.amazonaws.com/";

/// The principal of the identity: the plain ARN wherever AWS gives or implies one, the
/// role for role sessions; otherwise its type and what tells it apart.
pub fn principal(identity: &UserIdentity<'_>) -> PrincipalKey {
    let own_arn = || identity.arn.as_deref().and_then(PrincipalKey::from_arn);
    let key = match identity.identity_type.as_deref() {
        Some("AssumedRole") => role_of_session(identity).or_else(own_arn),
        Some("Root") => own_arn().or_else(|| root_of_account(identity)),
        Some("AWSService") => identity
            .invoked_by
            .as_deref()
            .map(|service| PrincipalKey::tagged("AWSService", &[service]))
            .or_else(own_arn),
        Some("AWSAccount" | "Directory") => None,
        Some("SAMLUser" | "WebIdentityUser") => identity
            .principal_id
            .as_deref()
            .zip(identity.identity_type.as_deref())
            .map(|(id, identity_type)| PrincipalKey::tagged(identity_type, &[id])),
        Some("IdentityCenterUser" | "Unknown") => identity_center_user(identity)
            .as_deref()
            .and_then(PrincipalKey::from_arn)
            .or_else(own_arn),
        // Service events may have no type.
        None => own_arn().or_else(|| {
            let service = identity.invoked_by.as_deref()?;
            Some(PrincipalKey::tagged("AWSService", &[service]))
        }),
        Some(_) => own_arn(),
    };
    key.unwrap_or_else(|| by_account(identity))
}

/// The role of a role session, with its path where the issuer is given.
fn role_of_session(identity: &UserIdentity<'_>) -> Option<PrincipalKey> {
    let issuer = identity.session.issuer.arn.as_deref().and_then(PrincipalKey::from_arn);
    issuer.or_else(|| {
        let arn = Arn::parse(identity.arn.as_deref()?)?;
        let role = arn.resource.strip_prefix("assumed-role/")?;
        // The session name is what follows the last slash; an STS ARN has no role path.
        let (name, _session) = role.rsplit_once('/')?;
        let Arn { partition, account, .. } = arn;
        PrincipalKey::from_arn(&format!("arn:{partition}:iam::{account}:role/{name}"))
    })
}

fn root_of_account(identity: &UserIdentity<'_>) -> Option<PrincipalKey> {
    let account = identity.account_id.as_deref()?;
    Some(PrincipalKey::tagged("Root", &[account]))
}

fn by_account(identity: &UserIdentity<'_>) -> PrincipalKey {
    const USER_NAME: &str = "userName=";
    let identity_type = identity.identity_type.as_deref().unwrap_or("Unknown");
    let account = identity.account_id.as_deref().unwrap_or_default();
    match (identity.principal_id.as_deref(), identity.user_name.as_deref()) {
        // A principal id must not read as a user name.
        (Some(id), _) if id.starts_with(USER_NAME) => {
            let id = id.replacen('=', "%3D", 1);
            PrincipalKey::tagged(identity_type, &[account, &id])
        }
        (Some(id), _) => PrincipalKey::tagged(identity_type, &[account, id]),
        (None, Some(name)) => {
            PrincipalKey::tagged(identity_type, &[account, &format!("{USER_NAME}{name}")])
        }
        (None, None) => PrincipalKey::tagged(identity_type, &[account]),
    }
}

/// The Identity Center user the call was made for, `STORE_ARN/user/USER_ID`: AWS asks to
/// tell such users by both. (The ARN in the authorization reference lacks the store.)
pub fn identity_center_user(identity: &UserIdentity<'_>) -> Option<String> {
    let store = identity.on_behalf_of_store.as_deref()?;
    let user = identity.on_behalf_of_user.as_deref()?;
    Some(format!("{store}/user/{user}"))
}

/// The name of a role session: the caller's free choice, save for Identity Center roles.
pub fn session_name<'a>(identity: &'a UserIdentity<'_>) -> Option<&'a str> {
    if identity.identity_type.as_deref() != Some("AssumedRole") {
        return None;
    }
    let from_arn = identity.arn.as_deref().and_then(|arn| {
        let role = Arn::parse(arn)?.resource.strip_prefix("assumed-role/")?;
        Some(role.rsplit_once('/')?.1)
    });
    let from_id = || Some(identity.principal_id.as_deref()?.split_once(':')?.1);
    from_arn.or_else(from_id).filter(|name| !name.is_empty())
}

/// The human behind the credentials, where AWS vouches for one: the Identity Center user
/// the call was made for; else the source identity, marked as such; else the session
/// name of an Identity Center role, the same across accounts and permission sets. Any
/// other session name is the caller's free choice and names nobody.
pub fn person(identity: &UserIdentity<'_>) -> Option<String> {
    identity_center_user(identity)
        .or_else(|| {
            let source = identity.session.source_identity.as_deref()?;
            Some(format!("sourceIdentity:{source}"))
        })
        .or_else(|| {
            let role = Arn::parse(identity.session.issuer.arn.as_deref()?)?;
            let managed = role.service == "iam" && role.resource.starts_with(IDENTITY_CENTER_ROLE);
            managed.then(|| session_name(identity).map(str::to_owned)).flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtrail_model::RawJson;

    fn check(identity: &str, expected: &str) {
        let json = RawJson::parse(identity).unwrap();
        assert_eq!(principal(&UserIdentity::read(json)).as_str(), expected, "{identity}");
    }

    #[test]
    fn ok_plain_arn_where_aws_gives_one() {
        check(
            r#"{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/team/ana"}"#,
            "arn:aws:iam::123456789012:user/team/ana",
        );
        check(
            r#"{"type":"Root","arn":"arn:aws:iam::123456789012:root"}"#,
            "arn:aws:iam::123456789012:root",
        );
        check(
            r#"{"type":"FederatedUser","arn":"arn:aws:sts::123456789012:federated-user/bo"}"#,
            "arn:aws:sts::123456789012:federated-user/bo",
        );
        check(
            r#"{"type":"BrandNewType","arn":"arn:aws:iam::123456789012:thing/x"}"#,
            "arn:aws:iam::123456789012:thing/x",
        );
    }

    #[test]
    fn ok_role_sessions_are_their_role() {
        let role = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1";
        check(
            &format!(
                r#"{{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ana","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"{role}"}}}}}}"#
            ),
            role,
        );
        check(
            r#"{"type":"AssumedRole","arn":"arn:aws-us-gov:sts::123456789012:assumed-role/etl/i-1","sessionContext":{"sessionIssuer":{}}}"#,
            "arn:aws-us-gov:iam::123456789012:role/etl",
        );
        // As a sample of AWS's own guide has it: taken as it stands.
        check(
            r#"{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:user/janedoe"}"#,
            "arn:aws:sts::111122223333:user/janedoe",
        );
    }

    #[test]
    fn ok_type_and_id_where_there_is_no_arn() {
        check(r#"{"type":"AWSService","invokedBy":"redshift.amazonaws.com"}"#, "AWSService:redshift.amazonaws.com");
        check(r#"{"accountId":"1","invokedBy":"redshift.amazonaws.com"}"#, "AWSService:redshift.amazonaws.com");
        check(r#"{"type":"AWSAccount","accountId":"123456789012","principalId":"AIDAX"}"#, "AWSAccount:123456789012:AIDAX");
        check(r#"{"type":"AWSAccount","accountId":"123456789012"}"#, "AWSAccount:123456789012");
        check(r#"{"type":"Directory","accountId":"123456789012","userName":"ana"}"#, "Directory:123456789012:userName=ana");
        check(r#"{"type":"SAMLUser","principalId":"q:sub","userName":"sub"}"#, "SAMLUser:q:sub");
        check(r#"{}"#, "Unknown:");
    }

    #[test]
    fn ok_identity_center_users() {
        for identity_type in ["IdentityCenterUser", "Unknown"] {
            check(
                &format!(
                    r#"{{"type":"{identity_type}","accountId":"1","onBehalfOf":{{"userId":"u-1","identityStoreArn":"arn:aws:identitystore::1:identitystore/d-9"}}}}"#
                ),
                "arn:aws:identitystore::1:identitystore/d-9/user/u-1",
            );
        }
    }

    #[test]
    fn ok_names_forge_no_other_identity() {
        check(r#"{"type":"IAMUser","arn":"AWSService:redshift.amazonaws.com","accountId":"1"}"#, "IAMUser:1");
        check(r#"{"type":"Directory","accountId":"1","principalId":"userName=ana"}"#, "Directory:1:userName%3Dana");
        check(r#"{"type":"AWSService:redshift.amazonaws.com"}"#, "AWSService%3Aredshift.amazonaws.com:");
    }

    fn check_person(identity: &str, expected: Option<&str>) {
        let json = RawJson::parse(identity).unwrap();
        assert_eq!(person(&UserIdentity::read(json)).as_deref(), expected, "{identity}");
    }

    #[test]
    fn ok_persons() {
        let session = |role: &str, more: &str| {
            format!(
                r#"{{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/r/ana@example.com","sessionContext":{{"sessionIssuer":{{"arn":"{role}"}}{more}}}}}"#
            )
        };
        let managed = "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_r";
        check_person(&session(managed, ""), Some("ana@example.com"));
        check_person(&session(managed, r#","sourceIdentity":"bo""#), Some("sourceIdentity:bo"));
        check_person(&session("arn:aws:iam::1:role/aws-reserved-sso.amazonaws.com/r", ""), None);
    }
}
