//! Who calls: people, roles, users, services, each with the `userIdentity` CloudTrail
//! writes for it and the principal key that identity is known by.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use crate::{
    dice::Dice,
    event::whole_seconds,
    json::{Json, object},
    place::Place,
};

/// A caller with its credentials of the moment.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) identity: Json,
    /// The key of the principals table.
    pub(crate) principal: String,
    /// The ARN that error messages name.
    pub(crate) session_arn: String,
    pub(crate) address: String,
    pub(crate) user_agent: Cow<'static, str>,
    /// The call came over TLS from outside of AWS: the record tells how.
    pub(crate) from_outside: bool,
    pub(crate) from_console: bool,
}

/// A role, by its account, path and name.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) place: Place,
    /// `/` or `/some/path/`.
    pub(crate) path: Cow<'static, str>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) unique_id: String,
}

/// The Region that the sample organization's Identity Center lives in: it stands in the
/// path of the roles it makes.
const IDENTITY_CENTER_PATH: &str = "/aws-reserved/sso.amazonaws.com/eu-west-1/";

const TOOLS: [&str; 10] = [
    "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux#6.1.141-155.222.amzn2023.x86_64 md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython m/N,E,b cfg/retry-mode#standard md/installer#exe md/prompt#off",
    "Boto3/1.38.46 md/Botocore#1.38.46 ua/2.1 os/linux#5.10.237-230.949.amzn2.x86_64 md/arch#x86_64 lang/python#3.12.11 md/pyimpl#CPython exec-env/AWS_Lambda_python3.12 m/Z,b,D,n cfg/retry-mode#legacy Botocore/1.38.46",
    "aws-sdk-go-v2/1.36.5 ua/2.1 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#arm64 api/ec2#1.230.0 m/E,g",
    "APN/1.0 HashiCorp/1.0 Terraform/1.12.2 (+https://www.terraform.io) terraform-provider-aws/6.2.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.5 ua/2.1 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#amd64",
    "aws-sdk-java/2.31.77 md/io#async md/http#NettyNio ua/2.1 api/S3#2.31.x os/Linux#6.1.141 lang/java#21.0.7 md/OpenJDK_64-Bit_Server_VM#21.0.7+6-LTS md/vendor#Amazon.com_Inc. md/en_US m/D,N",
    "aws-sdk-js/3.840.0 ua/2.1 os/linux#5.10.237 lang/js md/nodejs#22.16.0 api/secrets-manager#3.840.0 exec-env/AWS_Lambda_nodejs22.x m/E,b",
    "aws-sdk-rust/1.3.7 ua/2.1 api/dynamodb/1.80.0 os/linux lang/rust/1.88.0 m/E,b",
    "amazon-ssm-agent/3.3.2471.0 aws-sdk-go/1.55.7 (go1.23.9; linux; amd64)",
    "eksctl/0.210.0 aws-sdk-go-v2/1.36.5 ua/2.1 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#amd64 api/sts#1.34.0",
    "Datadog/Agent 7.67.1 aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.23.10 md/GOOS#linux md/GOARCH#arm64",
];

const BROWSERS: [&str; 3] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "AWS Internal",
];

impl Role {
    pub(crate) fn new(
        place: &Place,
        path: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        dice: &mut Dice,
    ) -> Self {
        Self {
            place: place.clone(),
            path: path.into(),
            name: name.into(),
            unique_id: dice.unique_id("AROA", 21),
        }
    }

    /// The role that Identity Center makes for a permission set.
    pub(crate) fn of_permission_set(place: &Place, permission_set: &str, dice: &mut Dice) -> Self {
        let name = format!("AWSReservedSSO_{permission_set}_{}", dice.hex(16));
        Self::new(place, IDENTITY_CENTER_PATH, name, dice)
    }

    /// The role's ARN, with its path.
    pub(crate) fn arn(&self) -> String {
        self.place
            .global_arn("iam", &format!("role{}{}", self.path, self.name))
    }

    /// A session of this role. Its STS ARN leaves the path out.
    pub(crate) fn session(&self, session: &str, since: Timestamp, dice: &mut Dice) -> Caller {
        let arn = self
            .place
            .global_arn("sts", &format!("assumed-role/{}/{session}", self.name));
        let mfa = if dice.chance(0.2) { "true" } else { "false" };
        let identity = object! {
            "type": "AssumedRole",
            "principalId": format!("{}:{session}", self.unique_id),
            "arn": arn.clone(),
            "accountId": self.place.account.clone(),
            "accessKeyId": dice.unique_id("ASIA", 20),
            "sessionContext": object! {
                "sessionIssuer": object! {
                    "type": "Role",
                    "principalId": self.unique_id.clone(),
                    "arn": self.arn(),
                    "accountId": self.place.account.clone(),
                    "userName": Json::Text(self.name.clone()),
                },
                "attributes": object! {
                    "creationDate": whole_seconds(since),
                    "mfaAuthenticated": mfa,
                },
            },
        };
        Caller::new(identity, self.arn(), arn, dice)
    }
}

impl Caller {
    fn new(identity: Json, principal: String, session_arn: String, dice: &mut Dice) -> Self {
        Self {
            identity,
            principal,
            session_arn,
            address: dice.address(),
            user_agent: Cow::Borrowed(dice.pick(&TOOLS)),
            from_outside: true,
            from_console: false,
        }
    }

    pub(crate) fn user(place: &Place, path_and_name: &str, dice: &mut Dice) -> Self {
        let arn = place.global_arn("iam", &format!("user/{path_and_name}"));
        let name = path_and_name.rsplit('/').next().unwrap_or(path_and_name);
        let identity = object! {
            "type": "IAMUser",
            "principalId": dice.unique_id("AIDA", 21),
            "arn": arn.clone(),
            "accountId": place.account.clone(),
            "accessKeyId": dice.unique_id("AKIA", 20),
            "userName": name.to_owned(),
        };
        Self::new(identity, arn.clone(), arn, dice)
    }

    /// The account's root user, signed in at the console.
    pub(crate) fn root(place: &Place, since: Timestamp, dice: &mut Dice) -> Self {
        let arn = place.global_arn("iam", "root");
        let identity = object! {
            "type": "Root",
            "principalId": place.account.clone(),
            "arn": arn.clone(),
            "accountId": place.account.clone(),
            "accessKeyId": dice.unique_id("ASIA", 20),
            "sessionContext": object! {
                "attributes": object! {
                    "creationDate": whole_seconds(since),
                    "mfaAuthenticated": "true",
                },
            },
        };
        Self::new(identity, arn.clone(), arn, dice).at_console(dice)
    }

    /// A federated user whose token an IAM user made.
    pub(crate) fn federated(
        place: &Place,
        name: &str,
        issuer: &str,
        since: Timestamp,
        dice: &mut Dice,
    ) -> Self {
        let arn = place.global_arn("sts", &format!("federated-user/{name}"));
        let identity = object! {
            "type": "FederatedUser",
            "principalId": format!("{}:{name}", place.account),
            "arn": arn.clone(),
            "accountId": place.account.clone(),
            "accessKeyId": dice.unique_id("ASIA", 20),
            "sessionContext": object! {
                "sessionIssuer": object! {
                    "type": "IAMUser",
                    "principalId": dice.unique_id("AIDA", 21),
                    "arn": place.global_arn("iam", &format!("user/{issuer}")),
                    "accountId": place.account.clone(),
                    "userName": issuer.to_owned(),
                },
                "attributes": object! {
                    "creationDate": whole_seconds(since),
                    "mfaAuthenticated": "false",
                },
            },
        };
        Self::new(identity, arn.clone(), arn, dice)
    }

    /// A caller of another account, as the account that is called sees it.
    pub(crate) fn other_account(account: &str, dice: &mut Dice) -> Self {
        let id = dice.unique_id("AROA", 21);
        let identity = object! {
            "type": "AWSAccount",
            "principalId": id.clone(),
            "accountId": account.to_owned(),
        };
        let principal = format!("AWSAccount:{account}:{id}");
        Self::new(identity, principal.clone(), principal, dice)
    }

    /// An AWS service acting in its own name.
    pub(crate) fn service(principal: &'static str, dice: &mut Dice) -> Self {
        let identity = object! {"type": "AWSService", "invokedBy": principal};
        let key = format!("AWSService:{principal}");
        Self::new(identity, key.clone(), key, dice).by_service(principal)
    }

    /// A role of Redshift's own account, as it calls KMS for a cluster.
    pub(crate) fn redshift_account(
        place: &Place,
        since: Timestamp,
        dice: &mut Dice,
    ) -> Option<Self> {
        let home = Place::new(place.redshift_account()?, place.region.clone());
        let number = dice.between(10_000, 99_999);
        let role = Role::new(&home, "/", format!("prod-{number}-role-wp"), dice);
        let instance = format!("i-0{}", dice.hex(16));
        let mut caller = role.session(&instance, since, dice);
        caller.user_agent = Cow::Borrowed("aws-internal/3");
        caller.from_outside = false;
        Some(caller)
    }

    /// The same caller, with a service calling for it.
    pub(crate) fn by_service(mut self, principal: &'static str) -> Self {
        if self.identity.member_mut("invokedBy").is_none() {
            self.identity.push("invokedBy", principal);
        }
        self.address = principal.to_owned();
        self.user_agent = Cow::Borrowed(principal);
        self.from_outside = false;
        self
    }

    /// A user signed in at the console: temporary keys, and an issuer without content.
    fn with_session(mut self, since: Timestamp, dice: &mut Dice) -> Self {
        if let Some(key) = self.identity.member_mut("accessKeyId") {
            *key = dice.unique_id("ASIA", 20).into();
        }
        self.identity.push(
            "sessionContext",
            object! {
                "sessionIssuer": object! {},
                "webIdFederationData": object! {},
                "attributes": object! {
                    "creationDate": whole_seconds(since),
                    "mfaAuthenticated": "true",
                },
            },
        );
        self.at_console(dice)
    }

    pub(crate) fn at_console(mut self, dice: &mut Dice) -> Self {
        self.user_agent = Cow::Borrowed(dice.pick(&BROWSERS));
        self.from_console = true;
        self
    }

    pub(crate) fn with(mut self, address: &str, user_agent: &'static str) -> Self {
        address.clone_into(&mut self.address);
        self.user_agent = Cow::Borrowed(user_agent);
        self
    }
}

/// The callers of one account and Region. Sessions end and begin again.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    place: Place,
    people: Vec<(Role, String)>,
    roles: Vec<(Role, String)>,
    callers: Vec<Caller>,
}

const PEOPLE: [&str; 12] = [
    "amira.haddad",
    "bruno.keller",
    "chen.wei",
    "dana.novak",
    "elif.aydin",
    "femi.adeyemi",
    "greta.olsen",
    "hiro.tanaka",
    "ines.duarte",
    "jonas.berg",
    "kavya.rao",
    "liam.murphy",
];
const PERMISSION_SETS: [&str; 4] = [
    "ReadOnlyAccess",
    "DataEngineer",
    "PowerUser",
    "BillingViewer",
];
const ROLES: [(&str, &str); 8] = [
    ("/", "ci-deployer"),
    ("/service-role/", "orders-api-lambda"),
    ("/", "eks-node-group"),
    ("/etl/", "nightly-loader"),
    ("/", "monitoring-reader"),
    ("/service-role/", "glue-crawler"),
    ("/", "backup-operator"),
    ("/apps/web/", "checkout-task"),
];

impl Cast {
    pub(crate) fn new(place: &Place, now: Timestamp, dice: &mut Dice) -> Self {
        let sets: Vec<Role> = PERMISSION_SETS
            .iter()
            .map(|set| Role::of_permission_set(place, set, dice))
            .collect();
        let people = PEOPLE
            .iter()
            .map(|person| {
                let role = sets[dice.below(sets.len())].clone();
                (role, format!("{person}@example.com"))
            })
            .collect();
        let roles = ROLES
            .iter()
            .map(|(path, name)| {
                let session = match *name {
                    "eks-node-group" => format!("i-0{}", dice.hex(16)),
                    other => other.to_owned(),
                };
                (Role::new(place, *path, *name, dice), session)
            })
            .collect();
        let mut cast = Self {
            place: place.clone(),
            people,
            roles,
            callers: Vec::new(),
        };
        cast.callers = (0..24).map(|_| cast.new_caller(now, dice)).collect();
        cast
    }

    /// Someone of the cast; now and then someone new.
    pub(crate) fn anyone(&mut self, now: Timestamp, dice: &mut Dice) -> Caller {
        let index = dice.below(self.callers.len());
        if dice.chance(0.6) {
            self.callers[index] = self.new_caller(now, dice);
        }
        self.callers[index].clone()
    }

    fn new_caller(&self, now: Timestamp, dice: &mut Dice) -> Caller {
        let since = now - SignedDuration::from_secs(dice.between(30, 3500));
        match dice.weighted(&[30, 50, 12, 2, 2, 3, 2]) {
            0 => {
                let (role, session) = &self.people[dice.below(self.people.len())];
                role.session(session, since, dice).at_console(dice)
            }
            1 => {
                let (role, session) = &self.roles[dice.below(self.roles.len())];
                // Jobs and tasks name each of their sessions anew.
                let session = match &*role.path {
                    "/" => session.clone(),
                    _ => format!("{session}-{}", dice.hex(16)),
                };
                role.session(&session, since, dice)
            }
            2 => {
                let name =
                    dice.pick(&["build-bot", "contractors/paula", "legacy/reporting", "dba"]);
                Caller::user(&self.place, name, dice)
            }
            3 => Caller::root(&self.place, since, dice),
            4 => Caller::user(&self.place, "support/night-shift", dice).with_session(since, dice),
            5 => Caller::federated(&self.place, "partner-portal", "portal-issuer", since, dice),
            _ => Caller::user(&self.place, "terraform", dice),
        }
    }
}
