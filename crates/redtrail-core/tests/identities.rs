//! Every shape of `userIdentity` that AWS documents, and those it does not: its key, the
//! three answers, session name and person. And that no two identities share a key.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use proptest::prelude::*;
use redtrail_core::{
    log_reader::RawRecord,
    normalize::{audit_event, principal::role_without_path},
    select::Selector,
};
use redtrail_model::{AuditEvent, Origin, PrincipalKey};
use serde_json::{Value, json};

static SELECTOR: LazyLock<Selector> = LazyLock::new(Selector::default);

/// The event of a record with this identity; `more` are further members of the record.
fn event(identity: &Value, more: &Value) -> AuditEvent {
    let mut record = json!({
        "eventSource": "redshift.amazonaws.com",
        "eventName": "DescribeClusters",
        "eventTime": "2026-03-01T10:00:00Z",
        "eventID": "e",
        "awsRegion": "us-east-1",
        "recipientAccountId": "123456789012",
        "sourceIPAddress": "192.0.2.1",
        "userIdentity": identity,
    });
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    let bytes = record.to_string().into_bytes();
    let record = RawRecord {
        index: 0,
        offset: 0,
        bytes,
    };
    let origin = Origin {
        bucket: "b".into(),
        key: "k".into(),
        version: None,
        record_index: 0,
    };
    audit_event(&record, &origin, &SELECTOR).unwrap()
}

/// Answers in the order of the guide: root or user, temporary, by a service.
fn check_more(identity: Value, more: Value, key: &str, answers: [Option<bool>; 3]) -> AuditEvent {
    let event = event(&identity, &more);
    assert_eq!(event.principal.as_str(), key, "{identity}");
    let found = [
        event.root_or_user_credentials,
        event.temporary_credentials,
        event.by_aws_service,
    ];
    assert_eq!(found, answers, "{identity}");
    event
}

fn check(identity: Value, key: &str, answers: [Option<bool>; 3]) -> AuditEvent {
    check_more(identity, json!({}), key, answers)
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

const ROOT: &str = "arn:aws:iam::123456789012:root";
const USER: &str = "arn:aws:iam::123456789012:user/team/ana";

#[test]
fn ok_root() {
    let root = |more: Value| {
        let mut root = json!({"type":"Root","principalId":"123456789012","arn":ROOT,
            "accountId":"123456789012","accessKeyId":"ASIAROOT","userName":"my-account"});
        root.as_object_mut()
            .unwrap()
            .append(&mut more.as_object().unwrap().clone());
        root
    };
    check(root(json!({})), ROOT, [YES, NO, NO]);
    let console = json!({"sessionContext":{"attributes":{"creationDate":"2026-03-01T09:00:00Z","mfaAuthenticated":"false"}}});
    assert_eq!(
        check(root(console), ROOT, [YES, NO, NO]).mfa_authenticated,
        NO
    );
    for assumed in [json!("true"), json!(true)] {
        check(
            root(json!({"sessionContext":{"assumedRoot":assumed}})),
            ROOT,
            [YES, YES, NO],
        );
    }
    check(
        root(json!({"invokedBy":"cloudformation.amazonaws.com"})),
        ROOT,
        [YES, NO, YES],
    );
    // Without its ARN: it is implied.
    check(
        json!({"type":"Root","accountId":"123456789012"}),
        ROOT,
        [YES, NO, NO],
    );
    check_more(
        json!({"type":"Root","principalId":"123456789012"}),
        json!({"awsRegion":"cn-north-1"}),
        "arn:aws-cn:iam::123456789012:root",
        [YES, NO, NO],
    );
    check(json!({"type":"Root"}), "Root:", [YES, NO, NO]);
}

#[test]
fn ok_users() {
    let user = json!({"type":"IAMUser","principalId":"AIDAX","arn":USER,"accountId":"123456789012",
        "accessKeyId":"AKIAX","userName":"ana"});
    let event = check(user.clone(), USER, [YES, NO, NO]);
    assert_eq!(event.access_key_id.as_deref(), Some("AKIAX"));
    assert_eq!(
        (event.session_name, event.person, event.caller_account_id),
        (None, None, None)
    );
    let mut session = user.clone();
    session["sessionContext"] = json!({"sessionIssuer":{},"webIdFederationData":{},
        "attributes":{"creationDate":"2026-03-01T09:00:00Z","mfaAuthenticated":"true"}});
    assert_eq!(
        check(session.clone(), USER, [YES, NO, NO]).mfa_authenticated,
        YES
    );
    // Old console records.
    session["invokedBy"] = json!("signin.amazonaws.com");
    for address in ["192.0.2.1", "signin.amazonaws.com", "AWS Internal"] {
        check_more(
            session.clone(),
            json!({"sourceIPAddress":address}),
            USER,
            [YES, NO, NO],
        );
    }
    for by in [
        "redshift.amazonaws.com",
        "AWS Internal",
        "cloudformation.amazonaws.com",
    ] {
        let mut invoked = user.clone();
        invoked["invokedBy"] = json!(by);
        check(invoked, USER, [YES, NO, YES]);
    }
    // Without invokedBy the address tells; the user agent is anybody's choice.
    for address in ["cloudformation.amazonaws.com", "AWS Internal/3"] {
        check_more(
            user.clone(),
            json!({"sourceIPAddress":address}),
            USER,
            [YES, NO, YES],
        );
    }
    check_more(
        user,
        json!({"userAgent":"cloudformation.amazonaws.com"}),
        USER,
        [YES, NO, NO],
    );
    // A failed sign-in shows no ARN, and the name may be hidden.
    check(
        json!({"type":"IAMUser","principalId":"AIDAX","accountId":"123456789012","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"}),
        "IAMUser:123456789012:AIDAX",
        [YES, NO, NO],
    );
    check(
        json!({"type":"IAMUser","accountId":"123456789012","userName":"ana"}),
        "IAMUser:123456789012:userName=ana",
        [YES, NO, NO],
    );
    for partition in [
        "aws-cn",
        "aws-us-gov",
        "aws-iso",
        "aws-iso-b",
        "aws-iso-e",
        "aws-iso-f",
        "aws-eusc",
    ] {
        let arn = format!("arn:{partition}:iam::123456789012:user/ana");
        check(json!({"type":"IAMUser","arn":arn}), &arn, [YES, NO, NO]);
    }
}

fn session(issuer: Value, arn: &str) -> Value {
    json!({"type":"AssumedRole","principalId":"AROAX:i-0f53e22dbe5df8a89","arn":arn,
        "accountId":"123456789012","accessKeyId":"ASIAX","sessionContext":{"sessionIssuer":issuer,
        "webIdFederationData":{},"attributes":{"creationDate":"2026-03-01T09:00:00Z","mfaAuthenticated":"false"}}})
}

fn role(arn: &str) -> Value {
    json!({"type":"Role","principalId":"AROAX","arn":arn,"accountId":"123456789012","userName":"r"})
}

#[test]
fn ok_role_sessions_are_their_role() {
    let sts = "arn:aws:sts::123456789012:assumed-role/r/i-0f53e22dbe5df8a89";
    for arn in [
        "arn:aws:iam::123456789012:role/r",
        "arn:aws:iam::123456789012:role/service-role/r",
        "arn:aws:iam::123456789012:role/team/a/b/r",
        "arn:aws-us-gov:iam::123456789012:role/r",
    ] {
        let event = check(session(role(arn), sts), arn, [NO, YES, NO]);
        assert_eq!(event.session_name.as_deref(), Some("i-0f53e22dbe5df8a89"));
        assert_eq!((event.session_issuer, event.person), (None, None));
    }
    // Without issuer the path is lost; readers find the other key.
    let lost = "arn:aws:iam::123456789012:role/r";
    check(session(json!({}), sts), lost, [NO, YES, NO]);
    check(session(Value::Null, sts), lost, [NO, YES, NO]);
    check(json!({"type":"AssumedRole","arn":sts}), lost, [NO, YES, NO]);
    check(
        json!({"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/r"}),
        lost,
        [NO, YES, NO],
    );
    let pathed = event(
        &session(role("arn:aws:iam::123456789012:role/team/a/b/r"), sts),
        &json!({}),
    );
    assert_eq!(role_without_path(&pathed.principal).unwrap().as_str(), lost);
    assert_eq!(
        role_without_path(&PrincipalKey::from_arn(lost).unwrap()),
        None
    );
    // No ARN at all: by the issuer's name, else by the role's id; never by the session.
    check(
        json!({"type":"AssumedRole","principalId":"AROAX:s","sessionContext":{"sessionIssuer":{"userName":"r","accountId":"123456789012"}}}),
        lost,
        [NO, YES, NO],
    );
    let bare = json!({"type":"AssumedRole","principalId":"AROAX:s","accountId":"123456789012"});
    let event = check(bare, "AssumedRole:123456789012:AROAX", [NO, YES, NO]);
    assert_eq!(event.session_name.as_deref(), Some("s"));
    // Instances that call by their identity role.
    let instance = json!({"type":"AssumedRole","principalId":"123456789012:aws:ec2-instance:i-1",
        "arn":"arn:aws:sts::123456789012:assumed-role/aws:ec2-instance/i-1","accountId":"123456789012"});
    let event = check(
        instance,
        "arn:aws:iam::123456789012:role/aws:ec2-instance",
        [NO, YES, NO],
    );
    assert_eq!(event.session_name.as_deref(), Some("i-1"));
}

#[test]
fn ok_role_sessions_that_a_service_uses() {
    let sts = "arn:aws:sts::123456789012:assumed-role/AWSServiceRoleForRedshift/s";
    let linked = "arn:aws:iam::123456789012:role/aws-service-role/redshift.amazonaws.com/AWSServiceRoleForRedshift";
    check(session(role(linked), sts), linked, [NO, YES, YES]);
    let mut invoked = session(role("arn:aws:iam::123456789012:role/service-role/r"), sts);
    invoked["invokedBy"] = json!("scheduler.redshift.amazonaws.com");
    let event = check(
        invoked,
        "arn:aws:iam::123456789012:role/service-role/r",
        [NO, YES, YES],
    );
    assert_eq!(
        event.invoked_by.as_deref(),
        Some("scheduler.redshift.amazonaws.com")
    );
    // Redshift's own account, as in the guide's sample of a KMS call.
    let own = json!({"type":"AssumedRole","principalId":"AROAX:i-1","arn":"arn:aws:sts::790247189693:assumed-role/prod-23264-role-wp/i-1",
        "accountId":"790247189693","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::790247189693:role/prod-23264-role-wp","accountId":"790247189693"}}});
    let event = check(
        own,
        "arn:aws:iam::790247189693:role/prod-23264-role-wp",
        [NO, YES, YES],
    );
    assert_eq!(event.caller_account_id.as_deref(), Some("790247189693"));
    let only_arn =
        json!({"type":"AssumedRole","arn":"arn:aws:sts::790247189693:assumed-role/r/i-1"});
    check(only_arn, "arn:aws:iam::790247189693:role/r", [NO, YES, YES]);
}

#[test]
fn ok_impossible_arns_of_aws_own_samples() {
    // The datashare sample of the Redshift guide.
    let jane = "arn:aws:sts::111122223333:user/janedoe";
    let sample = json!({"type":"AssumedRole","principalId":"AKIAIOSFODNN7EXAMPLE:janedoe","arn":jane,"accountId":"111122223333",
        "sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AKIAIOSFODNN7EXAMPLE:janedoe","arn":jane,"accountId":"111122223333","userName":"janedoe"}}});
    let event = check(sample, jane, [NO, YES, NO]);
    assert_eq!(event.session_name.as_deref(), Some("janedoe"));
    check(
        json!({"type":"AssumedRole","arn":jane}),
        jane,
        [NO, YES, NO],
    );
    // Role-Name in the ARN, Admin as issuer: the issuer counts.
    let event = check(
        session(
            role("arn:aws:iam::111122223333:role/Admin"),
            "arn:aws:sts::111122223333:assumed-role/Role-Name/Session",
        ),
        "arn:aws:iam::111122223333:role/Admin",
        [NO, YES, NO],
    );
    assert_eq!(event.session_name.as_deref(), Some("Session"));
    for (identity_type, arn) in [
        ("IAMUser", "arn:aws:sts::1:assumed-role/r/s"),
        ("Root", "arn:aws:iam::1:user/x"),
        ("FederatedUser", "arn:aws:iam::1:role/r"),
    ] {
        let key = self::event(&json!({"type":identity_type,"arn":arn}), &json!({})).principal;
        assert_eq!(key.as_str(), arn, "{identity_type}");
    }
    // An issuer whose ARN is none.
    check(
        session(
            json!({"type":"Role","arn":"EXAMPLE"}),
            "arn:aws:sts::123456789012:assumed-role/r/s",
        ),
        "arn:aws:iam::123456789012:role/r",
        [NO, YES, NO],
    );
}

#[test]
fn ok_roles_and_federated_users() {
    let arn = "arn:aws:iam::123456789012:role/team/r";
    check(
        json!({"type":"Role","principalId":"AROAX","arn":arn,"userName":"r"}),
        arn,
        [NO, YES, NO],
    );
    let bo = "arn:aws:sts::123456789012:federated-user/bo";
    for (issuer_type, issuer) in [("Root", ROOT), ("IAMUser", USER)] {
        let identity = json!({"type":"FederatedUser","principalId":"123456789012:bo","arn":bo,"accountId":"123456789012",
            "sessionContext":{"sessionIssuer":{"type":issuer_type,"arn":issuer,"accountId":"123456789012"}}});
        let event = check(identity, bo, [NO, YES, NO]);
        assert_eq!(event.session_issuer.as_deref(), Some(issuer));
        assert_eq!((event.session_name, event.person), (None, None));
    }
    check(
        json!({"type":"FederatedUser","principalId":"123456789012:bo","accountId":"123456789012"}),
        bo,
        [NO, YES, NO],
    );
    check(
        json!({"type":"FederatedUser","principalId":"bo","accountId":"123456789012"}),
        "FederatedUser:123456789012:bo",
        [NO, YES, NO],
    );
}

#[test]
fn ok_services_and_service_events() {
    let key = "AWSService:redshift.amazonaws.com";
    let service_event =
        || json!({"eventType":"AwsServiceEvent","sourceIPAddress":"redshift.amazonaws.com"});
    check(
        json!({"type":"AWSService","invokedBy":"redshift.amazonaws.com"}),
        key,
        [NO, NO, YES],
    );
    check(
        json!({"type":"AWSService","invokedBy":"redshift.amazonaws.com","accountId":"123456789012","principalId":"x"}),
        key,
        [NO, NO, YES],
    );
    check_more(
        json!({"accountId":"123456789012","invokedBy":"redshift.amazonaws.com"}),
        service_event(),
        key,
        [NO, NO, YES],
    );
    check_more(
        json!({"invokedBy":"AWS Internal"}),
        service_event(),
        "AWSService:AWS Internal",
        [NO, NO, YES],
    );
    // The service that made the event is the one that logged it.
    check_more(
        json!({"accountId":"123456789012"}),
        service_event(),
        key,
        [NO, NO, YES],
    );
    check_more(json!({}), service_event(), key, [NO, NO, YES]);
    check(
        json!({"type":"AWSService","accountId":"123456789012"}),
        "AWSService:accountId=123456789012",
        [NO, NO, YES],
    );
    // A service event that names a person is that person's.
    check_more(
        json!({"type":"Unknown","userName":"ana","accountId":"123456789012"}),
        json!({"eventType":"AwsServiceEvent"}),
        "Unknown:123456789012:userName=ana",
        [None, None, NO],
    );
}

#[test]
fn ok_other_accounts_and_directories() {
    let answers = [None, None, None];
    // AWS documents no ARN here; one that is there is used.
    check(
        json!({"type":"AWSAccount","arn":USER,"accountId":"123456789012"}),
        USER,
        answers,
    );
    check(
        json!({"type":"AWSAccount","principalId":"AIDAX","accountId":"111122223333"}),
        "AWSAccount:111122223333:AIDAX",
        answers,
    );
    check(
        json!({"type":"AWSAccount","principalId":"AROAX:s","accountId":"111122223333"}),
        "AWSAccount:111122223333:AROAX:s",
        answers,
    );
    check(
        json!({"type":"AWSAccount","accountId":"111122223333"}),
        "AWSAccount:111122223333",
        answers,
    );
    check(
        json!({"type":"AWSAccount","accountId":"790247189693"}),
        "AWSAccount:790247189693",
        [None, None, YES],
    );
    check(
        json!({"type":"AWSAccount","accountId":"111122223333","invokedBy":"s3.amazonaws.com"}),
        "AWSAccount:111122223333",
        [None, None, YES],
    );
    check(
        json!({"type":"Directory","principalId":"S-1","accountId":"123456789012","userName":"ana@example.com"}),
        "Directory:123456789012:S-1",
        [NO, NO, NO],
    );
    check(
        json!({"type":"Directory","accountId":"123456789012","userName":"ana@example.com"}),
        "Directory:123456789012:userName=ana@example.com",
        [NO, NO, NO],
    );
}

#[test]
fn ok_web_and_saml_users() {
    let saml = json!({"type":"SAMLUser","principalId":"SampleUkh1i4+ExamplesL/jEvs=:SamlExample","userName":"SamlExample","identityProvider":"bdGOnTesti4+ExamplexL/jEvs="});
    check(
        saml,
        "SAMLUser:SampleUkh1i4+ExamplesL/jEvs=:SamlExample",
        [NO, YES, NO],
    );
    let web = json!({"type":"WebIdentityUser","principalId":"accounts.google.com:app.apps.example.com:1234","userName":"1234","identityProvider":"accounts.google.com"});
    check(
        web,
        "WebIdentityUser:accounts.google.com:app.apps.example.com:1234",
        [NO, YES, NO],
    );
    check(
        json!({"type":"SAMLUser","userName":"sub"}),
        "SAMLUser:userName=sub",
        [NO, YES, NO],
    );
    // An OpenID provider makes the id begin like an ARN; it stays the user's id.
    check(
        json!({"type":"WebIdentityUser","principalId":"arn:aws:iam::1:oidc-provider/x:app:sub"}),
        "WebIdentityUser:arn:aws:iam::1:oidc-provider/x:app:sub",
        [NO, YES, NO],
    );
}

#[test]
fn ok_identity_center() {
    let store = "arn:aws:identitystore::111122223333:identitystore/d-9067642ac7";
    let user = "arn:aws:identitystore::111122223333:identitystore/d-9067642ac7/user/544894e8-80c1";
    let on_behalf = json!({"userId":"544894e8-80c1","identityStoreArn":store});
    for identity_type in ["IdentityCenterUser", "Unknown"] {
        let identity = json!({"type":identity_type,"accountId":"111122223333","onBehalfOf":on_behalf,"credentialId":"c"});
        let event = check(identity, user, [NO, NO, NO]);
        assert_eq!(event.person.as_deref(), Some(user));
        assert_eq!(event.on_behalf_of, None, "it is the principal");
        let invoked = json!({"type":identity_type,"onBehalfOf":on_behalf,"invokedBy":"sqlworkbench.amazonaws.com"});
        check(invoked, user, [NO, NO, YES]);
        let storeless = json!({"type":identity_type,"accountId":"1","onBehalfOf":{"userId":"u"}});
        check(
            storeless,
            &format!("{identity_type}:1:userId=u"),
            [NO, NO, NO],
        );
    }
    check(
        json!({"type":"IdentityCenterUser","accountId":"1"}),
        "IdentityCenterUser:1",
        [NO, NO, NO],
    );
    // Query editor v2 with trusted identity propagation: a role session and its user.
    let managed = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_1";
    let sts = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ana@example.com";
    let mut propagated = session(role(managed), sts);
    propagated["onBehalfOf"] = on_behalf;
    let event = check(propagated, managed, [NO, YES, NO]);
    assert_eq!(event.on_behalf_of.as_deref(), Some(user));
    assert_eq!(event.person.as_deref(), Some(user));
}

#[test]
fn ok_persons() {
    let managed =
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1";
    let sts = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ana@example.com";
    let person = |identity: Value| event(&identity, &json!({})).person;
    assert_eq!(
        person(session(role(managed), sts)).as_deref(),
        Some("ana@example.com")
    );
    let mut chained = session(role(managed), sts);
    chained["sessionContext"]["sourceIdentity"] = json!("bo");
    assert_eq!(person(chained).as_deref(), Some("sourceIdentity:bo"));
    // The role's name and look-alike paths are anybody's choice.
    for arn in [
        "arn:aws:iam::123456789012:role/AWSReservedSSO_Admin_1",
        "arn:aws:iam::123456789012:role/team/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1",
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com.example/r",
    ] {
        assert_eq!(person(session(role(arn), sts)), None, "{arn}");
    }
    let forged = "arn:aws:sts::123456789012:assumed-role/r/sourceIdentity:bo";
    assert_eq!(person(session(role(managed), forged)), None);
}

#[test]
fn ok_unknown_shapes() {
    let unknown = [None, None, None];
    check(
        json!({"type":"Unknown","principalId":"p","accountId":"1"}),
        "Unknown:1:p",
        [None, None, NO],
    );
    check(
        json!({"type":"Unknown","accountId":"1"}),
        "Unknown:1",
        [None, None, NO],
    );
    check(json!({"type":"BrandNew","arn":USER}), USER, unknown);
    check(
        json!({"type":"BrandNew","principalId":"p","accountId":"1"}),
        "BrandNew:1:p",
        unknown,
    );
    check(
        json!({"type":"BrandNew","invokedBy":"redshift.amazonaws.com","accountId":"1"}),
        "BrandNew:1",
        [None, None, YES],
    );
    check(json!({"arn":USER}), USER, unknown);
    check(
        json!({"arn":"arn:aws:sts::1:assumed-role/r/s"}),
        "arn:aws:iam::1:role/r",
        unknown,
    );
    check(
        json!({"accountId":"1","userName":"ana"}),
        "Unknown:1:userName=ana",
        unknown,
    );
    check(
        json!({"type":"","arn":"","accountId":"1","principalId":""}),
        "Unknown:1",
        unknown,
    );
    check(json!({}), "Unknown:", unknown);
    check(json!("nobody"), "Unknown:", unknown);
    check(
        json!({"type":["IAMUser"],"arn":{"x":1},"sessionContext":"s"}),
        "Unknown:",
        unknown,
    );
    check(Value::Null, "Unknown:", unknown);
}

/// Someone, by all that tells them apart.
#[derive(Clone, Debug, PartialEq)]
enum Who {
    User {
        arn: String,
    },
    Service {
        name: String,
    },
    InAccount {
        identity_type: String,
        account: Option<String>,
        id: Id,
    },
    Worldwide {
        identity_type: String,
        id: Id,
    },
    IdentityCenter {
        store: String,
        user: String,
    },
    WithoutStoreArn {
        identity_type: String,
        account: String,
        store: Option<String>,
        user: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Id {
    Principal(String),
    Name(String),
    Account(String),
}

impl Who {
    fn identity(&self) -> Value {
        let with_id = |identity_type: &str, account: &Option<String>, id: &Id| match id {
            Id::Principal(id) => json!({"type":identity_type,"accountId":account,"principalId":id}),
            Id::Name(name) => json!({"type":identity_type,"accountId":account,"userName":name}),
            Id::Account(account) => json!({"type":identity_type,"accountId":account}),
        };
        match self {
            Self::User { arn } => json!({"type":"IAMUser","arn":arn}),
            Self::Service { name } => json!({"type":"AWSService","invokedBy":name}),
            Self::InAccount {
                identity_type,
                account,
                id,
            } => with_id(identity_type, account, id),
            Self::Worldwide { identity_type, id } => with_id(identity_type, &None, id),
            Self::IdentityCenter { store, user } => {
                json!({"type":"IdentityCenterUser","onBehalfOf":{"userId":user,"identityStoreArn":store}})
            }
            Self::WithoutStoreArn {
                identity_type,
                account,
                store,
                user,
            } => {
                json!({"type":identity_type,"accountId":account,"onBehalfOf":{"userId":user,"identityStoreArn":store}})
            }
        }
    }
}

/// Names chosen to look like parts of keys.
fn forged() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "1",
        "a",
        ":",
        "%",
        "=",
        "/",
        "%3A",
        "%3D",
        "%25",
        "userName",
        "userId",
        "principalId",
        "accountId",
        "AWSService",
        "AWSAccount",
        "arn",
        "/user/",
        "~",
    ]);
    prop::collection::vec(pieces, 1..5).prop_map(|pieces| pieces.concat())
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![
        forged().prop_map(Id::Principal),
        forged().prop_map(Id::Name),
        forged().prop_map(Id::Account)
    ]
}

fn who() -> impl Strategy<Value = Who> {
    let in_account = prop_oneof![
        prop::sample::select(vec![
            "AWSAccount",
            "Directory",
            "Unknown",
            "BrandNew",
            "arn",
            "AWSService:1"
        ])
        .prop_map(str::to_owned),
        forged(),
    ];
    let worldwide = prop::sample::select(vec!["SAMLUser", "WebIdentityUser", "AWSService"]);
    let storeless = prop::sample::select(vec!["IdentityCenterUser", "Unknown"]);
    let account = prop::option::of(forged());
    prop_oneof![
        forged().prop_map(|name| Who::User {
            arn: format!("arn:aws:iam::1:user/{name}")
        }),
        forged().prop_map(|name| Who::Service { name }),
        (in_account, account, id()).prop_map(|(identity_type, account, id)| {
            // Where the account is all there is, it is in the id.
            let account = if matches!(id, Id::Account(_)) {
                None
            } else {
                account
            };
            Who::InAccount {
                identity_type,
                account,
                id,
            }
        }),
        (worldwide, id()).prop_map(|(identity_type, id)| Who::Worldwide {
            identity_type: identity_type.to_owned(),
            id
        }),
        (forged(), forged()).prop_map(|(store, user)| Who::IdentityCenter {
            store: format!("arn:{store}"),
            user
        }),
        (storeless, forged(), prop::option::of(forged()), forged()).prop_map(
            |(identity_type, account, store, user)| {
                let store = store.map(|store| format!("x{store}"));
                Who::WithoutStoreArn {
                    identity_type: identity_type.to_owned(),
                    account,
                    store,
                    user,
                }
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn ok_no_two_identities_share_a_key(everyone in prop::collection::vec(who(), 40)) {
        let keyed: Vec<_> = everyone
            .iter()
            .map(|who| (who.identity(), event(&who.identity(), &json!({})).principal))
            .collect();
        for (at, (who, key)) in keyed.iter().enumerate() {
            for (other, other_key) in keyed.iter().skip(at + 1) {
                prop_assert!(who == other || key != other_key, "{who} and {other} are both {key}");
            }
        }
    }
}
