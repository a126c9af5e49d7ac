//! A year's events, each with what a right reading of it finds.

use fastrand::Rng;
use serde_json::{Value, json};

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const HOME: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";
pub(crate) const PEOPLE: [&str; 4] = [
    "ana@example.com",
    "bo@example.com",
    "cy@example.com",
    "dee+ops@example.com",
];
/// The name of a workgroup that is deleted and made again.
pub(crate) const WORKGROUP: &str = "reports";

/// An event and the truth about it.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) id: String,
    /// `2025-03-02T09:00:00.000Z`
    pub(crate) time: String,
    pub(crate) account: &'static str,
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    pub(crate) principal: String,
    pub(crate) person: Option<&'static str>,
    pub(crate) session: Option<String>,
    pub(crate) access_key: String,
    pub(crate) did: Did,
    pub(crate) is_read_only: bool,
    /// Keys of the resources table.
    pub(crate) resources: Vec<String>,
    /// Those of them that it changed.
    pub(crate) changed: Vec<String>,
    /// The ARN of the workgroup it is about, whether or not it names it.
    pub(crate) workgroup: Option<String>,
    pub(crate) record: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Read,
    Write,
    Denied,
    Failed,
}

pub(crate) fn cluster(account: &str, name: &str) -> String {
    format!("arn:aws:redshift:{REGION}:{account}:cluster:{name}")
}

pub(crate) fn person_role(account: &str, set: &str) -> String {
    format!(
        "arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_{set}_0123456789abcdef"
    )
}

pub(crate) fn service_role(with_path: bool) -> String {
    let path = if with_path { "service/" } else { "" };
    format!("arn:aws:iam::{HOME}:role/{path}etl")
}

pub(crate) fn workgroup_arn(generation: usize) -> String {
    format!(
        "arn:aws:redshift-serverless:{REGION}:{HOME}:workgroup/0000000{generation}-aaaa-4bbb-8ccc-0123456789ab"
    )
}

pub(crate) fn workgroup_name() -> String {
    format!("name:redshift-serverless:{REGION}:{HOME}:workgroup/{WORKGROUP}")
}

pub(crate) fn datashare() -> String {
    format!("arn:aws:redshift:{REGION}:{HOME}:datashare:11111111-2222-4333-8444-555555555555/sales")
}

/// Who makes a call.
#[derive(Clone)]
struct Caller {
    principal: String,
    person: Option<&'static str>,
    session: Option<String>,
    access_key: String,
    identity: Value,
}

struct Story {
    dice: Rng,
    deeds: Vec<Deed>,
    /// Day of the year, and second of that day.
    clock: (u32, u32),
    workgroup: Option<usize>,
    generations: usize,
}

/// The events of a year, oldest first.
pub(crate) fn year(seed: u64) -> Vec<Deed> {
    let mut story = Story {
        dice: Rng::with_seed(seed),
        deeds: Vec::new(),
        clock: (0, 0),
        workgroup: None,
        generations: 0,
    };
    for day in 0..365 {
        story.clock = (day, 7 * 3600);
        story.day();
    }
    story.deeds
}

impl Story {
    fn day(&mut self) {
        if self.clock.0.is_multiple_of(90) {
            self.remake_workgroup();
        }
        for _ in 0..self.dice.usize(3..11) {
            self.clock.1 += self.dice.u32(30..3000);
            let caller = self.caller();
            match self.dice.u32(0..10) {
                0..=2 => self.on_cluster(caller, "DescribeClusters", Did::Read),
                3 => self.on_cluster(caller, "ModifyCluster", Did::Write),
                4 => self.credentials(caller),
                5 | 6 => self.statement(caller),
                7 => self.workgroup(caller, "GetWorkgroup"),
                8 => self.workgroup(caller, "UpdateWorkgroup"),
                _ => self.share(caller),
            }
        }
    }

    fn caller(&mut self) -> Caller {
        let id = self.dice.u32(0..1000);
        let access_key = format!("ASIAEXAMPLE{:09}", self.clock.0 * 1000 + id);
        match self.dice.u32(0..6) {
            0..=2 => {
                let person = PEOPLE[self.dice.usize(0..PEOPLE.len())];
                let account = [HOME, OTHER][self.dice.usize(0..2)];
                let set = ["Analyst", "Admin"][self.dice.usize(0..2)];
                let role = person_role(account, set);
                let name = role.rsplit('/').next().unwrap().to_owned();
                Caller {
                    identity: session(account, &name, person, &access_key, Some(&role)),
                    principal: role,
                    person: Some(person),
                    session: Some(person.to_owned()),
                    access_key,
                }
            }
            3 | 4 => {
                let run = format!("run-{}", self.clock.0);
                // Some records hold no session issuer, and so no path.
                let with_path = self.dice.u32(0..5) > 0;
                let role = service_role(with_path);
                let issuer = with_path.then_some(role.as_str());
                Caller {
                    identity: session(HOME, "etl", &run, &access_key, issuer),
                    principal: role,
                    person: None,
                    session: Some(run),
                    access_key,
                }
            }
            _ => {
                let arn = format!("arn:aws:iam::{HOME}:user/deploy");
                let access_key = "AKIAEXAMPLEDEPLOY000".to_owned();
                Caller {
                    identity: json!({
                        "type": "IAMUser", "principalId": "AIDAEXAMPLEDEPLOY0000", "arn": arn,
                        "accountId": HOME, "accessKeyId": access_key, "userName": "deploy"
                    }),
                    principal: arn,
                    person: None,
                    session: None,
                    access_key,
                }
            }
        }
    }

    fn on_cluster(&mut self, caller: Caller, name: &'static str, did: Did) {
        let account = account_of(&caller);
        let names: &[&str] = if account == HOME {
            &["sales-prod", "finance"]
        } else {
            &["lake"]
        };
        let cluster_name = names[self.dice.usize(0..names.len())];
        let arn = cluster(account, cluster_name);
        let did = self.outcome(did);
        let changed = if did == Did::Write {
            vec![arn.clone()]
        } else {
            Vec::new()
        };
        self.add(Draft {
            source: "redshift.amazonaws.com",
            name,
            request: json!({"clusterIdentifier": cluster_name}),
            response: Value::Null,
            did,
            is_read_only: name == "DescribeClusters",
            resources: vec![arn],
            changed,
            workgroup: None,
            caller,
        });
    }

    fn credentials(&mut self, caller: Caller) {
        let account = account_of(&caller);
        let cluster_name = if account == HOME {
            "sales-prod"
        } else {
            "lake"
        };
        let arn = cluster(account, cluster_name);
        let did = self.outcome(Did::Write);
        self.add(Draft {
            source: "redshift.amazonaws.com",
            name: "GetClusterCredentials",
            request: json!({"clusterIdentifier": cluster_name, "dbUser": "ana", "dbName": "dev"}),
            response: json!({"dbUser": "IAM:ana", "expiration": "Mar 2, 2026 9:20:00 AM"}),
            did,
            is_read_only: false,
            resources: vec![
                arn.replace(":cluster:", ":dbuser:") + "/ana",
                arn.replace(":cluster:", ":dbname:") + "/dev",
                arn,
            ],
            changed: Vec::new(),
            workgroup: None,
            caller,
        });
    }

    fn statement(&mut self, caller: Caller) {
        let account = account_of(&caller);
        let cluster_name = if account == HOME { "finance" } else { "lake" };
        let id = format!("{:08x}-1111-4222-8333-444444444444", self.dice.u32(..));
        let key = format!("statement:{REGION}:{account}/{id}");
        let polls = self.dice.usize(1..4);
        self.add(Draft {
            source: "redshift-data.amazonaws.com",
            name: "ExecuteStatement",
            request: json!({"clusterIdentifier": cluster_name, "database": "dev", "sql": "***"}),
            response: json!({"id": id, "clusterIdentifier": cluster_name}),
            did: Did::Write,
            is_read_only: false,
            resources: vec![cluster(account, cluster_name), key.clone()],
            changed: Vec::new(),
            workgroup: None,
            caller: caller.clone(),
        });
        for _ in 0..polls {
            self.clock.1 += 2;
            self.add(Draft {
                source: "redshift-data.amazonaws.com",
                name: "DescribeStatement",
                request: json!({"id": id}),
                response: Value::Null,
                did: Did::Read,
                is_read_only: true,
                resources: vec![key.clone()],
                changed: Vec::new(),
                workgroup: None,
                caller: caller.clone(),
            });
        }
    }

    /// Of reads AWS logs the name alone; the answer of a write shows the ARN.
    fn workgroup(&mut self, caller: Caller, name: &'static str) {
        let Some(generation) = self.workgroup else {
            return;
        };
        if account_of(&caller) != HOME {
            return;
        }
        let arn = workgroup_arn(generation);
        let is_read = name == "GetWorkgroup";
        let mut resources = vec![workgroup_name()];
        let mut changed = Vec::new();
        let mut response = Value::Null;
        if !is_read {
            resources = vec![arn.clone()];
            changed = resources.clone();
            response = json!({"workgroup": {
                "workgroupArn": arn, "workgroupName": WORKGROUP, "status": "MODIFYING"
            }});
        }
        self.add(Draft {
            source: "redshift-serverless.amazonaws.com",
            name,
            request: json!({"workgroupName": WORKGROUP}),
            response,
            did: if is_read { Did::Read } else { Did::Write },
            is_read_only: is_read,
            resources,
            changed,
            workgroup: Some(arn),
            caller,
        });
    }

    /// Deletes the workgroup, and makes another one of the same name.
    fn remake_workgroup(&mut self) {
        let admin = |story: &mut Self| loop {
            let caller = story.caller();
            if account_of(&caller) == HOME {
                return caller;
            }
        };
        if self.workgroup.is_some() {
            let caller = admin(self);
            self.workgroup(caller, "DeleteWorkgroup");
            self.clock.1 += 600;
        }
        self.generations += 1;
        self.workgroup = Some(self.generations);
        let caller = admin(self);
        self.workgroup(caller, "CreateWorkgroup");
        self.clock.1 += 600;
    }

    /// One account shares, the other one takes it: each call is recorded where it was made.
    fn share(&mut self, caller: Caller) {
        let account = account_of(&caller);
        let (name, resources) = if account == HOME {
            ("AuthorizeDataShare", vec![datashare()])
        } else {
            ("AssociateDataShareConsumer", vec![datashare()])
        };
        self.add(Draft {
            source: "redshift.amazonaws.com",
            name,
            request: json!({"dataShareArn": datashare(), "consumerIdentifier": OTHER}),
            response: json!({"dataShareArn": datashare()}),
            did: Did::Write,
            is_read_only: false,
            changed: resources.clone(),
            resources,
            workgroup: None,
            caller,
        });
    }

    fn outcome(&mut self, did: Did) -> Did {
        match self.dice.u32(0..20) {
            0 => Did::Denied,
            1 => Did::Failed,
            _ => did,
        }
    }

    fn add(&mut self, draft: Draft) {
        let (day, second) = self.clock;
        let midnight = jiff::civil::date(2025, 1, 1)
            .checked_add(jiff::Span::new().days(day))
            .unwrap();
        let time = format!(
            "{midnight}T{:02}:{:02}:{:02}",
            second / 3600 % 24,
            second / 60 % 60,
            second % 60
        );
        let id = format!("{:06}-0000-4000-8000-000000000000", self.deeds.len());
        let account = account_of(&draft.caller);
        let error = match draft.did {
            Did::Denied => Some("AccessDenied"),
            Did::Failed => Some("ClusterNotFound"),
            Did::Read | Did::Write => None,
        };
        let mut record = json!({
            "eventVersion": "1.09", "userIdentity": draft.caller.identity,
            "eventTime": format!("{time}Z"), "eventSource": draft.source,
            "eventName": draft.name, "awsRegion": REGION, "sourceIPAddress": "203.0.113.7",
            "userAgent": "aws-cli/2.27.50", "requestParameters": draft.request,
            "responseElements": draft.response, "eventID": id, "readOnly": draft.is_read_only,
            "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": account,
            "eventCategory": "Management"
        });
        if let Some(error) = error {
            record["errorCode"] = error.into();
            record["responseElements"] = Value::Null;
        }
        self.deeds.push(Deed {
            id,
            time: format!("{time}.000Z"),
            account,
            source: draft.source,
            name: draft.name,
            principal: draft.caller.principal,
            person: draft.caller.person,
            session: draft.caller.session,
            access_key: draft.caller.access_key,
            did: draft.did,
            is_read_only: draft.is_read_only,
            resources: draft.resources,
            changed: draft.changed,
            workgroup: draft.workgroup,
            record,
        });
        self.clock.1 += 1;
    }
}

struct Draft {
    caller: Caller,
    source: &'static str,
    name: &'static str,
    request: Value,
    response: Value,
    did: Did,
    is_read_only: bool,
    resources: Vec<String>,
    changed: Vec<String>,
    workgroup: Option<String>,
}

fn account_of(caller: &Caller) -> &'static str {
    if caller.principal.contains(OTHER) {
        OTHER
    } else {
        HOME
    }
}

fn session(account: &str, role: &str, name: &str, access_key: &str, issuer: Option<&str>) -> Value {
    let mut identity = json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLEEXAMPLE000:{name}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{name}"),
        "accountId": account, "accessKeyId": access_key
    });
    if let Some(issuer) = issuer {
        identity["sessionContext"] = json!({"sessionIssuer": {
            "type": "Role", "principalId": "AROAEXAMPLEEXAMPLE000", "arn": issuer,
            "accountId": account, "userName": role
        }});
    }
    identity
}
