//! Who made the call: one stable key for every identity type AWS documents and for
//! those it does not, and the facets of it that people ask by. What a record says is
//! taken as it stands, also where AWS's own samples show impossible ARNs.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use std::borrow::Cow;

use memchr::memrchr;
use redtrail_model::{
    Arn, ArnText, EventRecord, PrincipalKey, UserIdentity, escaped, is_account_id, partition_of,
};

/// The path of roles that IAM Identity Center manages. Nobody else can make a role
/// there, so the session name is the user name that Identity Center vouches for.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html>
const IDENTITY_CENTER_ROLE: &str = "role/aws-reserved/sso.amazonaws.com/";

/// The principal of the event: the plain ARN wherever AWS gives or implies one, the
/// role for role sessions; otherwise the identity's type and what tells it apart.
pub fn principal(event: &EventRecord<'_>) -> PrincipalKey {
    let identity = &event.user_identity;
    let key = match identity.identity_type.as_deref() {
        Some("AssumedRole") => role_of_session(event),
        Some("IAMUser") => own_arn(identity),
        Some("Root") => own_arn(identity).or_else(|| root_of_account(event)),
        Some("FederatedUser") => own_arn(identity).or_else(|| federated_user(event)),
        Some("AWSService") => calling_service(identity).or_else(|| own_arn(identity)),
        Some("SAMLUser" | "WebIdentityUser") if identity.principal_id.is_some() => None,
        Some("IdentityCenterUser" | "Unknown") => {
            identity_center_key(identity).or_else(|| arn_or_role(event))
        }
        Some(_) => arn_or_role(event).or_else(|| identity_center_key(identity)),
        None => arn_or_role(event)
            .or_else(|| identity_center_key(identity))
            .or_else(|| calling_service(identity))
            .or_else(|| service_of_event(event)),
    };
    key.unwrap_or_else(|| by_id(identity))
}

/// Whether the service made the event by itself: CloudTrail then names no caller.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/non-api-aws-service-events.html>
pub(crate) fn is_service_event(event: &EventRecord<'_>) -> bool {
    let identity = &event.user_identity;
    let caller = [
        &identity.identity_type,
        &identity.principal_id,
        &identity.user_name,
        &identity.on_behalf_of_user,
    ];
    event.event_type.as_deref() == Some("AwsServiceEvent")
        && identity.arn.is_none()
        && caller.into_iter().all(Option::is_none)
}

fn own_arn(identity: &UserIdentity<'_>) -> Option<PrincipalKey> {
    PrincipalKey::from_arn(identity.arn.as_deref()?)
}

/// The caller's ARN, or the role where that ARN is a role session's.
fn arn_or_role(event: &EventRecord<'_>) -> Option<PrincipalKey> {
    let identity = &event.user_identity;
    let arn = identity.arn.as_ref().and_then(ArnText::arn);
    if arn.and_then(RoleSession::of).is_some() {
        role_of_session(event)
    } else {
        own_arn(identity)
    }
}

/// The role of a role session, with its path where the issuer is given. Where issuer and
/// ARN disagree the issuer counts: the ARN of a session never shows the role's path.
fn role_of_session(event: &EventRecord<'_>) -> Option<PrincipalKey> {
    let identity = &event.user_identity;
    let issuer = &identity.session.issuer;
    let from_issuer = || PrincipalKey::from_arn(issuer.arn.as_deref()?);
    let from_session = || Some(role_session(identity.arn.as_ref()?.arn()?)?.0);
    let from_name = || {
        let account = issuer
            .account_id
            .as_deref()
            .or(identity.account_id.as_deref());
        iam_arn(
            event,
            account?,
            &format!("role/{}", issuer.user_name.as_deref()?),
        )
    };
    from_issuer()
        .or_else(from_session)
        .or_else(|| own_arn(identity))
        .or_else(from_name)
}

fn root_of_account(event: &EventRecord<'_>) -> Option<PrincipalKey> {
    let identity = &event.user_identity;
    // The unique id of the root user is its account.
    let account = identity
        .account_id
        .as_deref()
        .or(identity.principal_id.as_deref());
    iam_arn(event, account?, "root")
}

/// A federated user's unique id is `ACCOUNT:NAME`, which is all its ARN says.
fn federated_user(event: &EventRecord<'_>) -> Option<PrincipalKey> {
    let (account, name) = event
        .user_identity
        .principal_id
        .as_deref()?
        .split_once(':')?;
    let partition = partition_of(event.aws_region.as_deref()?);
    let is_named = is_account_id(account) && !name.is_empty();
    let arn = || format!("arn:{partition}:sts::{account}:federated-user/{name}");
    is_named.then(|| PrincipalKey::from_arn(arn())).flatten()
}

fn iam_arn(event: &EventRecord<'_>, account: &str, resource: &str) -> Option<PrincipalKey> {
    let partition = partition_of(event.aws_region.as_deref()?);
    let arn = || format!("arn:{partition}:iam::{account}:{resource}");
    is_account_id(account)
        .then(|| PrincipalKey::from_arn(arn()))
        .flatten()
}

fn calling_service(identity: &UserIdentity<'_>) -> Option<PrincipalKey> {
    let service = identity.invoked_by.as_deref()?;
    Some(PrincipalKey::tagged("AWSService", &[&unmarked(service)]))
}

/// The service that logged an event of its own making.
fn service_of_event(event: &EventRecord<'_>) -> Option<PrincipalKey> {
    let service = event
        .event_source
        .as_deref()
        .filter(|_| is_service_event(event))?;
    Some(PrincipalKey::tagged("AWSService", &[&unmarked(service)]))
}

fn identity_center_key(identity: &UserIdentity<'_>) -> Option<PrincipalKey> {
    PrincipalKey::from_arn(identity_center_user(identity)?)
}

/// The key of an identity without an ARN: `TYPE:ACCOUNT:ID`, and `TYPE:ID` of those whose
/// ids are unique beyond an account. What stands in for the id is marked with its name.
fn by_id(identity: &UserIdentity<'_>) -> PrincipalKey {
    let identity_type = identity.identity_type.as_deref().unwrap_or("Unknown");
    let id = match identity.principal_id.as_deref() {
        // Of `ROLE_ID:SESSION_NAME` the role stays and the session goes.
        Some(id) if identity_type == "AssumedRole" => {
            Some(unmarked(id.rsplit_once(':').map_or(id, |(role, _)| role)))
        }
        // Here an id without mark is the service's name.
        Some(id) if identity_type == "AWSService" => Some(Cow::Owned(format!("principalId={id}"))),
        Some(id) => Some(unmarked(id)),
        None => identity
            .user_name
            .as_deref()
            .map(|name| Cow::Owned(format!("userName={name}"))),
    };
    let id = id.or_else(|| {
        let user = identity.on_behalf_of_user.as_deref()?;
        let store = identity.on_behalf_of_store.as_deref();
        Some(Cow::Owned(match store {
            Some(store) => format!("userId={}:{user}", escaped(store)),
            None => format!("userId={}", escaped(user)),
        }))
    });
    let account = identity.account_id.as_deref().unwrap_or_default();
    let worldwide = matches!(identity_type, "SAMLUser" | "WebIdentityUser" | "AWSService");
    match id {
        Some(id) if worldwide => PrincipalKey::tagged(identity_type, &[&id]),
        Some(id) => PrincipalKey::tagged(identity_type, &[account, &id]),
        None if worldwide => {
            PrincipalKey::tagged(identity_type, &[&format!("accountId={account}")])
        }
        None => PrincipalKey::tagged(identity_type, &[&escaped(account)]),
    }
}

/// The id itself; where it begins like a mark of [`by_id`] it is escaped, so that no id
/// reads as a name.
fn unmarked(id: &str) -> Cow<'_, str> {
    const MARKS: [&str; 4] = ["userName", "userId", "principalId", "accountId"];
    if MARKS.iter().any(|mark| id.starts_with(mark)) {
        Cow::Owned(escaped(id).replace('=', "%3D"))
    } else {
        Cow::Borrowed(id)
    }
}

/// The Identity Center user the call was made for, `STORE_ARN/user/USER_ID`: AWS asks to
/// tell such users by both. (The ARN in the authorization reference lacks the store.)
pub fn identity_center_user(identity: &UserIdentity<'_>) -> Option<String> {
    let store = identity
        .on_behalf_of_store
        .as_deref()
        .filter(|store| store.starts_with("arn:"))?;
    // User ids hold no slash; one that did must not move the border to the store.
    let user = identity
        .on_behalf_of_user
        .as_deref()?
        .replace('%', "%25")
        .replace('/', "%2F");
    Some(format!("{store}/user/{user}"))
}

/// A role session, as its STS ARN tells: `assumed-role/ROLE/SESSION`.
struct RoleSession<'a> {
    role: &'a str,
    name: Option<&'a str>,
}

impl<'a> RoleSession<'a> {
    fn of(arn: Arn<'a>) -> Option<Self> {
        matches!(arn.service, "sts" | "iam").then_some(())?;
        let session = arn.resource.strip_prefix("assumed-role/")?;
        // A session name holds no slash, so it is what follows the last one.
        let (role, name) = match memrchr(b'/', session.as_bytes()) {
            Some(slash) => (session.get(..slash)?, session.get(slash + 1..)),
            None => (session, None),
        };
        let name = name.filter(|name| !name.is_empty());
        (!role.is_empty()).then_some(Self { role, name })
    }
}

/// The role of a session, without its path, and the session's name, from the session's ARN.
pub fn role_session(arn: Arn<'_>) -> Option<(PrincipalKey, Option<&str>)> {
    let RoleSession { role, name } = RoleSession::of(arn)?;
    let Arn {
        partition, account, ..
    } = arn;
    let role = PrincipalKey::from_arn(format!("arn:{partition}:iam::{account}:role/{role}"))?;
    Some((role, name))
}

/// The name of a role session: the caller's free choice, save for Identity Center roles.
pub fn session_name<'a>(identity: &'a UserIdentity<'_>) -> Option<&'a str> {
    let from_arn = || RoleSession::of(identity.arn.as_ref()?.arn()?)?.name;
    from_arn().or_else(|| {
        let id = identity.principal_id.as_deref()?;
        let is_session = identity.identity_type.as_deref() == Some("AssumedRole");
        let (_, name) = id.rsplit_once(':').filter(|_| is_session)?;
        Some(name).filter(|name| !name.is_empty())
    })
}

/// The human behind the credentials, where AWS vouches for one: the Identity Center user
/// the call was made for; else the source identity, marked as such; else the session
/// name of an Identity Center role, the same across accounts and permission sets. Any
/// other session name is the caller's free choice and names nobody.
pub fn person(identity: &UserIdentity<'_>) -> Option<String> {
    let from_source = || {
        let source = identity.session.source_identity.as_deref()?;
        Some(format!("sourceIdentity:{source}"))
    };
    let from_session = || {
        let role = identity.session.issuer.arn.as_ref()?.arn()?;
        let managed = role.service == "iam" && role.resource.starts_with(IDENTITY_CENTER_ROLE);
        // STS allows no colon in a session name: none can read as the other two.
        managed
            .then(|| session_name(identity))?
            .filter(|name| !name.contains(':'))
            .map(str::to_owned)
    };
    identity_center_user(identity)
        .or_else(from_source)
        .or_else(from_session)
}

/// The key under which a record without session issuer has this role: without its path.
/// Role names are unique in an account whatever the path. `None` where there is no path.
pub fn role_without_path(principal: &PrincipalKey) -> Option<PrincipalKey> {
    let arn = Arn::parse(principal.as_str()).filter(|arn| arn.service == "iam")?;
    let (_path, name) = arn.resource.strip_prefix("role/")?.rsplit_once('/')?;
    let Arn {
        partition, account, ..
    } = arn;
    PrincipalKey::from_arn(format!("arn:{partition}:iam::{account}:role/{name}"))
}
