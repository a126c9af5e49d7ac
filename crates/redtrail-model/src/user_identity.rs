//! The `userIdentity` element: who made the call, as AWS documents it.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use std::borrow::Cow;

use crate::{arn::ArnText, json::Json};

/// The caller. Every field may be absent; an empty text is read as absent.
#[derive(Clone, Debug, Default)]
pub struct UserIdentity<'a> {
    /// `type`: `Root`, `IAMUser`, `AssumedRole`, `Role`, `FederatedUser`, `Directory`,
    /// `AWSAccount`, `AWSService`, `IdentityCenterUser`, `SAMLUser`, `WebIdentityUser`,
    /// `Unknown`, or one that AWS adds later. Service events may have none.
    pub identity_type: Option<Cow<'a, str>>,
    /// Unique id of the entity; for a role session `ROLE_ID:SESSION_NAME`.
    pub principal_id: Option<Cow<'a, str>>,
    pub arn: Option<ArnText<'a>>,
    /// The account that owns the entity that granted permissions.
    pub account_id: Option<Cow<'a, str>>,
    pub access_key_id: Option<Cow<'a, str>>,
    pub user_name: Option<Cow<'a, str>>,
    /// The service that made the call for the caller, e.g. `redshift.amazonaws.com`.
    pub invoked_by: Option<Cow<'a, str>>,
    /// `SAMLUser` and `WebIdentityUser` only.
    pub identity_provider: Option<Cow<'a, str>>,
    /// `onBehalfOf.userId`: the Identity Center user.
    pub on_behalf_of_user: Option<Cow<'a, str>>,
    /// `onBehalfOf.identityStoreArn`.
    pub on_behalf_of_store: Option<Cow<'a, str>>,
    pub session: SessionContext<'a>,
}

/// `sessionContext`: present for temporary credentials.
#[derive(Clone, Debug, Default)]
pub struct SessionContext<'a> {
    pub issuer: SessionIssuer<'a>,
    /// `attributes.mfaAuthenticated`, a string in the record.
    pub mfa_authenticated: Option<bool>,
    /// `sourceIdentity`: set by the first role in a chain, unchangeable after.
    pub source_identity: Option<Cow<'a, str>>,
    /// `assumedRoot`: the session came from `AssumeRoot`.
    pub assumed_root: Option<bool>,
}

/// `sessionIssuer`: who gave the temporary credentials. May be `{}`.
#[derive(Clone, Debug, Default)]
pub struct SessionIssuer<'a> {
    /// Unique id of the role or user.
    pub principal_id: Option<Cow<'a, str>>,
    pub arn: Option<ArnText<'a>>,
    pub account_id: Option<Cow<'a, str>>,
    pub user_name: Option<Cow<'a, str>>,
}

impl<'a> UserIdentity<'a> {
    /// Becomes what `json` holds; anything of an unexpected kind is left out. In place, for it is
    /// large.
    pub(crate) fn read(&mut self, json: Json<'a>) {
        *self = Self::default();
        for (name, value) in json.members() {
            if let Some(text) = self.text_named(&name) {
                *text = value.text();
                continue;
            }
            match &*name {
                b"arn" => self.arn = value.text().map(ArnText::from),
                b"onBehalfOf" => {
                    self.on_behalf_of_user = value.get("userId").and_then(Json::text);
                    self.on_behalf_of_store = value.get("identityStoreArn").and_then(Json::text);
                }
                b"sessionContext" => self.session.read(value),
                _ => {}
            }
        }
    }

    /// The field of that name, if it is a text: they are read in one place, as an event's are.
    #[inline(always)]
    fn text_named(&mut self, name: &[u8]) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match name {
            b"type" => &mut self.identity_type,
            b"principalId" => &mut self.principal_id,
            b"accountId" => &mut self.account_id,
            b"accessKeyId" => &mut self.access_key_id,
            b"userName" => &mut self.user_name,
            b"invokedBy" => &mut self.invoked_by,
            b"identityProvider" => &mut self.identity_provider,
            _ => return None,
        })
    }

    /// Every account the caller belongs to: as the record names it, and as it stands in
    /// the caller's ARNs.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let issuer = &self.session.issuer;
        let named = [&self.account_id, &issuer.account_id];
        let arns = [&self.arn, &issuer.arn];
        let in_arns = arns.into_iter().flatten().filter_map(ArnText::arn);
        named
            .into_iter()
            .flatten()
            .map(|id| &**id)
            .chain(in_arns.map(|arn| arn.account))
    }
}

impl<'a> SessionContext<'a> {
    fn read(&mut self, json: Json<'a>) {
        *self = Self::default();
        for (name, value) in json.members() {
            match &*name {
                b"sessionIssuer" => self.issuer.read(value),
                b"attributes" => {
                    self.mfa_authenticated = value.get("mfaAuthenticated").and_then(Json::boolean);
                }
                b"sourceIdentity" => self.source_identity = value.text(),
                b"assumedRoot" => self.assumed_root = value.boolean(),
                _ => {}
            }
        }
    }
}

impl<'a> SessionIssuer<'a> {
    fn read(&mut self, json: Json<'a>) {
        *self = Self::default();
        for (name, value) in json.members() {
            let text = match &*name {
                b"arn" => {
                    self.arn = value.text().map(ArnText::from);
                    continue;
                }
                b"principalId" => &mut self.principal_id,
                b"accountId" => &mut self.account_id,
                b"userName" => &mut self.user_name,
                _ => continue,
            };
            *text = value.text();
        }
    }
}
