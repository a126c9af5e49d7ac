//! The Redshift family: what an account owns there, the calls made on it, and the keys
//! each call must be found under.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cast::{Caller, Cast, Role},
    dice::Dice,
    event::Event,
    json::{Json, object},
    place::Place,
};

pub(crate) const REDSHIFT: &str = "redshift.amazonaws.com";
const SERVERLESS: &str = "redshift-serverless.amazonaws.com";
const DATA: &str = "redshift-data.amazonaws.com";
const WORKBENCH: &str = "sqlworkbench.amazonaws.com";
const KMS: &str = "kms.amazonaws.com";
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// A provisioned cluster and the namespace of its own.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) kms_key: String,
}

/// A serverless workgroup and its namespace.
#[derive(Clone, Debug)]
pub(crate) struct Workgroup {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) namespace_name: String,
    pub(crate) namespace_id: String,
}

impl Cluster {
    pub(crate) fn new(place: &Place, name: impl Into<String>, dice: &mut Dice) -> Self {
        Self {
            name: name.into(),
            namespace: dice.uuid(),
            kms_key: place.arn("kms", &format!("key/{}", dice.uuid())),
        }
    }

    pub(crate) fn arn(&self, place: &Place) -> String {
        place.arn("redshift", &format!("cluster:{}", self.name))
    }

    pub(crate) fn namespace_arn(&self, place: &Place) -> String {
        place.arn("redshift", &format!("namespace:{}", self.namespace))
    }

    pub(crate) fn datashare_arn(&self, place: &Place, share: &str) -> String {
        place.arn("redshift", &format!("datashare:{}/{share}", self.namespace))
    }
}

impl Workgroup {
    pub(crate) fn new(name: impl Into<String>, dice: &mut Dice) -> Self {
        let name = name.into();
        Self {
            id: dice.uuid(),
            namespace_name: format!("{name}-ns"),
            namespace_id: dice.uuid(),
            name,
        }
    }

    pub(crate) fn arn(&self, place: &Place) -> String {
        place.arn("redshift-serverless", &format!("workgroup/{}", self.id))
    }

    /// The key of a workgroup that a call names without its ARN.
    pub(crate) fn name_key(&self, place: &Place) -> String {
        let Place { account, region } = place;
        format!(
            "name:redshift-serverless:{region}:{account}:workgroup/{}",
            self.name
        )
    }
}

/// The key of a Data API statement.
pub(crate) fn statement_key(place: &Place, id: &str) -> String {
    format!("statement:{}:{}/{id}", place.region, place.account)
}

/// Where a Data API statement runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Warehouse<'a> {
    Cluster(&'a Cluster),
    Workgroup(&'a Workgroup),
}

impl Warehouse<'_> {
    fn member(self) -> (&'static str, String) {
        match self {
            Self::Cluster(cluster) => ("clusterIdentifier", cluster.name.clone()),
            Self::Workgroup(workgroup) => ("workgroupName", workgroup.name.clone()),
        }
    }

    fn key(self, place: &Place) -> String {
        match self {
            Self::Cluster(cluster) => cluster.arn(place),
            Self::Workgroup(workgroup) => workgroup.name_key(place),
        }
    }
}

// Amazon Redshift

pub(crate) fn describe_clusters(place: &Place, caller: Caller, cluster: Option<&Cluster>) -> Event {
    let event = Event::new(caller, REDSHIFT, "DescribeClusters").read_only();
    match cluster {
        Some(cluster) => event
            .request(object! {"clusterIdentifier": &cluster.name})
            .touching([cluster.arn(place)]),
        None => event.request(object! {"maxRecords": 100_i64}).touching([]),
    }
}

/// A call that names one cluster and changes it.
pub(crate) fn change_cluster(
    place: &Place,
    caller: Caller,
    name: &'static str,
    cluster: &Cluster,
) -> Event {
    let mut request = object! {"clusterIdentifier": &cluster.name};
    if name == "DeleteCluster" {
        request.push("skipFinalClusterSnapshot", true);
    }
    let status = match name {
        "DeleteCluster" => "deleting",
        "PauseCluster" => "pausing",
        "ResumeCluster" => "resuming",
        "RebootCluster" => "rebooting",
        _ => "modifying",
    };
    Event::new(caller, REDSHIFT, name)
        .request(request)
        .response(object! {
            "clusterIdentifier": &cluster.name,
            "nodeType": "ra3.xlplus",
            "clusterStatus": status,
            "clusterAvailabilityStatus": "Modifying",
            "masterUsername": "admin",
            "dBName": "sales",
            "automatedSnapshotRetentionPeriod": 7_i64,
            "clusterNamespaceArn": cluster.namespace_arn(place),
            "encrypted": true,
            "kmsKeyId": &cluster.kms_key,
            "numberOfNodes": 4_i64,
            "publiclyAccessible": false,
            "pendingModifiedValues": object! {},
        })
        .touching([cluster.arn(place)])
}

pub(crate) fn get_cluster_credentials(
    place: &Place,
    caller: Caller,
    cluster: &Cluster,
    database_user: &str,
) -> Event {
    let user = place.arn(
        "redshift",
        &format!("dbuser:{}/{database_user}", cluster.name),
    );
    let database = place.arn("redshift", &format!("dbname:{}/sales", cluster.name));
    Event::new(caller, REDSHIFT, "GetClusterCredentials")
        .request(object! {
            "dbUser": database_user.to_owned(),
            "dbName": "sales",
            "clusterIdentifier": &cluster.name,
            "durationSeconds": 900_i64,
            "autoCreate": false,
        })
        .response(object! {
            "dbUser": format!("IAM:{database_user}"),
            "dbPassword": HIDDEN,
            "expiration": "Mar 2, 2026 9:15:00 AM",
        })
        .touching([user, database, cluster.arn(place)])
}

pub(crate) fn create_cluster_snapshot(
    place: &Place,
    caller: Caller,
    cluster: &Cluster,
    snapshot: &str,
) -> Event {
    let arn = place.arn("redshift", &format!("snapshot:{}/{snapshot}", cluster.name));
    Event::new(caller, REDSHIFT, "CreateClusterSnapshot")
        .request(object! {
            "clusterIdentifier": &cluster.name,
            "snapshotIdentifier": snapshot.to_owned(),
            "manualSnapshotRetentionPeriod": 30_i64,
        })
        .response(object! {
            "snapshotIdentifier": snapshot.to_owned(),
            "clusterIdentifier": &cluster.name,
            "status": "creating",
            "snapshotType": "manual",
            "snapshotArn": arn.clone(),
            "numberOfNodes": 4_i64,
        })
        .touching([arn, cluster.arn(place)])
}

pub(crate) fn tag_cluster(place: &Place, caller: Caller, cluster: &Cluster) -> Event {
    Event::new(caller, REDSHIFT, "CreateTags")
        .request(object! {
            "resourceName": cluster.arn(place),
            "tags": vec![object! {"key": "cost-centre", "value": "4711"}],
        })
        .touching([cluster.arn(place)])
}

pub(crate) fn authorize_data_share(
    place: &Place,
    caller: Caller,
    cluster: &Cluster,
    share: &str,
    consumer: &str,
) -> Event {
    let arn = cluster.datashare_arn(place, share);
    let producer = cluster.namespace_arn(place);
    Event::new(caller, REDSHIFT, "AuthorizeDataShare")
        .request(object! {
            "dataShareArn": arn.clone(),
            "consumerIdentifier": consumer.to_owned(),
            "allowWrites": false,
        })
        .response(object! {
            "dataShareArn": arn.clone(),
            "producerArn": producer.clone(),
            "allowPubliclyAccessibleConsumers": false,
            "dataShareAssociations": vec![object! {
                "consumerIdentifier": consumer.to_owned(),
                "status": "AUTHORIZED",
                "createdDate": "Mar 2, 2026 9:04:12 AM",
                "statusChangeDate": "Mar 2, 2026 9:04:12 AM",
            }],
        })
        .touching([arn])
        .answering([producer])
}

/// The share may stand in another account and Region; the cluster's namespace receives it.
pub(crate) fn associate_data_share_consumer(
    place: &Place,
    caller: Caller,
    cluster: &Cluster,
    share_arn: &str,
) -> Event {
    let consumer = cluster.namespace_arn(place);
    Event::new(caller, REDSHIFT, "AssociateDataShareConsumer")
        .request(object! {
            "dataShareArn": share_arn.to_owned(),
            "consumerArn": consumer.clone(),
            "associateEntireAccount": false,
        })
        .response(object! {
            "dataShareArn": share_arn.to_owned(),
            "allowPubliclyAccessibleConsumers": false,
            "dataShareAssociations": vec![object! {
                "consumerIdentifier": consumer.clone(),
                "status": "ACTIVE",
            }],
        })
        .touching([share_arn.to_owned(), consumer])
}

/// Only reads, yet its response is logged: the largest record real trails show.
fn describe_event_categories(caller: Caller) -> Event {
    let events = |category: &'static str| -> Vec<Json> {
        (0..75)
            .map(|number| {
                object! {
                    "eventId": format!("REDSHIFT-EVENT-{}", 1000 + number),
                    "eventCategories": vec![Json::from(category)],
                    "eventDescription": "The cluster [name] left one state for another; the time of the change is [time in UTC].",
                    "severity": if number % 5 == 0 { "ERROR" } else { "INFO" },
                }
            })
            .collect()
    };
    let maps = ["cluster", "cluster-snapshot"].map(|kind| {
        object! {"sourceType": kind, "events": events("Management")}
    });
    Event::new(caller, REDSHIFT, "DescribeEventCategories")
        .read_only()
        .response(object! {"eventCategoriesMapList": maps.to_vec()})
        .touching([])
}

// Amazon Redshift Serverless

pub(crate) fn get_credentials(place: &Place, caller: Caller, workgroup: &Workgroup) -> Event {
    Event::new(caller, SERVERLESS, "GetCredentials")
        .request(object! {"workgroupName": &workgroup.name, "durationSeconds": 900_i64})
        .response(object! {
            "dbUser": HIDDEN,
            "dbPassword": HIDDEN,
            "expiration": "Mar 2, 2026 9:20:00 AM",
        })
        .touching([workgroup.name_key(place)])
}

pub(crate) fn get_workgroup(place: &Place, caller: Caller, workgroup: &Workgroup) -> Event {
    Event::new(caller, SERVERLESS, "GetWorkgroup")
        .read_only()
        .request(object! {"workgroupName": &workgroup.name})
        .touching([workgroup.name_key(place)])
}

pub(crate) fn update_workgroup(place: &Place, caller: Caller, workgroup: &Workgroup) -> Event {
    Event::new(caller, SERVERLESS, "UpdateWorkgroup")
        .request(object! {"workgroupName": &workgroup.name, "baseCapacity": 32_i64})
        .response(object! {
            "workgroup": object! {
                "workgroupArn": workgroup.arn(place),
                "workgroupId": &workgroup.id,
                "workgroupName": &workgroup.name,
                "namespaceName": &workgroup.namespace_name,
                "baseCapacity": 32_i64,
                "enhancedVpcRouting": true,
                "publiclyAccessible": false,
                "status": "MODIFYING",
                "creationDate": "Jan 12, 2026 10:02:33 AM",
            },
        })
        .touching([])
        .answering([workgroup.arn(place)])
}

fn update_namespace(place: &Place, caller: Caller, workgroup: &Workgroup) -> Event {
    let arn = place.arn(
        "redshift-serverless",
        &format!("namespace/{}", workgroup.namespace_id),
    );
    Event::new(caller, SERVERLESS, "UpdateNamespace")
        .request(object! {
            "namespaceName": &workgroup.namespace_name,
            "logExports": vec!["userlog".into(), "connectionlog".into()],
        })
        .response(object! {
            "namespace": object! {
                "adminUsername": HIDDEN,
                "iamRoles": Json::List(Vec::new()),
                "namespaceArn": arn.clone(),
                "namespaceId": &workgroup.namespace_id,
                "namespaceName": &workgroup.namespace_name,
                "status": "MODIFYING",
            },
        })
        .touching([])
        .answering([arn])
}

fn list_workgroups(caller: Caller) -> Event {
    Event::new(caller, SERVERLESS, "ListWorkgroups")
        .read_only()
        .request(object! {"maxResults": 100_i64})
        .touching([])
}

// Amazon Redshift Data API

/// `id` is the statement's, as the response names it.
pub(crate) fn execute_statement(
    place: &Place,
    caller: Caller,
    warehouse: Warehouse<'_>,
    id: &str,
) -> Event {
    let (member, name) = warehouse.member();
    let named = |mut json: Json| {
        json.push(member, name.clone());
        json
    };
    Event::new(caller, DATA, "ExecuteStatement")
        .request(named(object! {
            "database": "sales",
            "sql": "***OMITTED***",
            "withEvent": false,
        }))
        .response(named(object! {
            "id": id.to_owned(),
            "createdAt": "Mar 2, 2026 8:55:20 AM",
            "database": "sales",
        }))
        .touching([warehouse.key(place)])
}

/// A call that finds its statement by id.
pub(crate) fn on_statement(place: &Place, caller: Caller, name: &'static str, id: &str) -> Event {
    let event = Event::new(caller, DATA, name)
        .request(object! {"id": id.to_owned()})
        .touching([statement_key(place, id)]);
    if name == "CancelStatement" {
        event.response(object! {"status": true})
    } else {
        event.read_only()
    }
}

fn list_tables(place: &Place, caller: Caller, cluster: &Cluster) -> Event {
    Event::new(caller, DATA, "ListTables")
        .read_only()
        .request(object! {
            "clusterIdentifier": &cluster.name,
            "database": "sales",
            "schemaPattern": "public",
        })
        .touching([cluster.arn(place)])
}

// Query editor v2

pub(crate) fn create_connection(
    place: &Place,
    caller: Caller,
    cluster: &Cluster,
    dice: &mut Dice,
) -> Event {
    let connection = place.arn("sqlworkbench", &format!("connection/{}", dice.uuid()));
    let secret = format!("secret:sqlworkbench!{}-{}", dice.uuid(), dice.mixed(6));
    let secret = place.arn("secretsmanager", &secret);
    let host = format!(
        "{}.c9x1a2b3c4d5.{}.redshift.amazonaws.com",
        cluster.name, place.region
    );
    Event::new(caller, WORKBENCH, "CreateConnection")
        .request(object! {
            "password": "***",
            "databaseName": "***",
            "isServerless": false,
            "name": "***",
            "host": host,
            "authenticationType": "***",
            "clusterId": &cluster.name,
            "username": "***",
        })
        .response(object! {
            "result": true,
            "code": "",
            "data": object! {
                "id": connection.clone(),
                "name": "***",
                "authenticationType": "***",
                "databaseName": "***",
                "secretArn": secret,
                "clusterId": &cluster.name,
                "dbUser": "***",
                "accountId": place.account.clone(),
                "isServerless": false,
            },
        })
        .touching([cluster.arn(place)])
        .answering([connection])
}

pub(crate) fn list_tabs(caller: Caller) -> Event {
    Event::new(caller, WORKBENCH, "ListTabs")
        .read_only()
        .touching([])
}

// Other services, called by Redshift

/// KMS called from Redshift's own account, or, where none is known, by the service.
pub(crate) fn kms_by_redshift(
    place: &Place,
    cluster: &Cluster,
    now: Timestamp,
    dice: &mut Dice,
) -> Event {
    let since = now - SignedDuration::from_mins(50);
    let caller = Caller::redshift_account(place, since, dice)
        .unwrap_or_else(|| Caller::service(REDSHIFT, dice));
    let name = dice.pick(&["Decrypt", "Decrypt", "Decrypt", "Encrypt"]);
    Event::new(caller, KMS, name)
        .read_only()
        .request(object! {
            "encryptionContext": object! {
                "aws:redshift:createtime": "20260112T1002Z",
                "aws:redshift:arn": cluster.arn(place),
            },
        })
        .resource(&place.account, "AWS::KMS::Key", &cluster.kms_key)
        .touching([cluster.kms_key.clone(), cluster.arn(place)])
        .shared()
}

/// A grant made in the caller's name: only its encryption context tells Redshift.
pub(crate) fn kms_grant_for_cluster(place: &Place, caller: Caller, cluster: &Cluster) -> Event {
    Event::new(caller, KMS, "CreateGrant")
        .request(object! {
            "keyId": &cluster.kms_key,
            "granteePrincipal": place.global_arn("iam", "role/warehouse-keys"),
            "operations": vec!["Decrypt".into(), "Encrypt".into(), "GenerateDataKey".into()],
            "constraints": object! {
                "encryptionContextSubset": object! {"aws:redshift:arn": cluster.arn(place)},
            },
        })
        .response(
            object! {"grantId": "0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60"},
        )
        .resource(&place.account, "AWS::KMS::Key", &cluster.kms_key)
        .touching([cluster.kms_key.clone(), cluster.arn(place)])
}

/// Redshift assumes a role of the account, as COPY and UNLOAD make it do.
pub(crate) fn assume_role_by_redshift(place: &Place, dice: &mut Dice) -> Event {
    let role = place.global_arn("iam", "role/warehouse-copy");
    Event::new(
        Caller::service(REDSHIFT, dice),
        "sts.amazonaws.com",
        "AssumeRole",
    )
    .read_only()
    .request(object! {
        "roleArn": role.clone(),
        "roleSessionName": format!("RedshiftIamRoleSession{}", dice.mixed(8)),
    })
    .response(object! {
        "credentials": object! {
            "accessKeyId": dice.unique_id("ASIA", 20),
            "sessionToken": dice.mixed(360),
            "expiration": "Mar 2, 2026, 9:52:00 AM",
        },
    })
    .resource(&place.account, "AWS::IAM::Role", &role)
    .touching([])
    .shared()
}

/// Redshift's service-linked role looks after a cluster's network interfaces.
fn network_interface_by_redshift(place: &Place, now: Timestamp, dice: &mut Dice) -> Event {
    let role = Role::new(
        place,
        "/aws-service-role/redshift.amazonaws.com/",
        "AWSServiceRoleForRedshift",
        dice,
    );
    let caller = role
        .session("Redshift", now - SignedDuration::from_mins(5), dice)
        .by_service(REDSHIFT);
    let subnet = format!("subnet-0{}", dice.hex(16));
    Event::new(caller, "ec2.amazonaws.com", "DescribeSubnets")
        .read_only()
        .request(object! {
            "subnetSet": object! {"items": vec![object! {"subnetId": subnet}]},
            "filterSet": object! {},
        })
        .touching([])
}

/// A service of the caller's choice, called by Redshift for the caller.
fn secret_for_caller(place: &Place, caller: Caller, dice: &mut Dice) -> Event {
    let secret = format!("secret:redshift!sales-admin-{}", dice.mixed(6));
    Event::new(
        caller.by_service(REDSHIFT),
        "secretsmanager.amazonaws.com",
        "DescribeSecret",
    )
    .read_only()
    .request(object! {"secretId": place.arn("secretsmanager", &secret)})
    .touching([])
}

/// What an account owns of Redshift in one Region, and what happens to it by chance.
#[derive(Clone, Debug)]
pub(crate) struct Estate {
    clusters: Vec<Cluster>,
    workgroups: Vec<Workgroup>,
    statements: Vec<String>,
}

impl Estate {
    pub(crate) fn new(place: &Place, dice: &mut Dice) -> Self {
        const CLUSTERS: [&str; 5] = [
            "orders",
            "finance-dw",
            "events-archive",
            "ml-features",
            "bi-shared",
        ];
        const WORKGROUPS: [&str; 3] = ["adhoc", "marketing", "data-science"];
        Self {
            clusters: CLUSTERS
                .iter()
                .map(|name| Cluster::new(place, *name, dice))
                .collect(),
            workgroups: WORKGROUPS
                .iter()
                .map(|name| Workgroup::new(*name, dice))
                .collect(),
            statements: (0..8).map(|_| dice.uuid()).collect(),
        }
    }

    /// One event of the family: mostly polling, as in real trails, and some of all else.
    pub(crate) fn event(
        &mut self,
        place: &Place,
        cast: &mut Cast,
        now: Timestamp,
        dice: &mut Dice,
    ) -> Event {
        let cluster = self.clusters[dice.below(self.clusters.len())].clone();
        let workgroup = self.workgroups[dice.below(self.workgroups.len())].clone();
        let caller = cast.anyone(now, dice);
        let weights = [
            14, 8, 18, 8, 12, 4, 3, 6, 3, 2, 3, 2, 2, 2, 1, 2, 2, 3, 3, 8, 2, 4, 2, 2, 1,
        ];
        let event = match dice.weighted(&weights) {
            0 => describe_clusters(place, caller, Some(&cluster)),
            1 => describe_clusters(place, caller, None),
            2 => on_statement(place, caller, "DescribeStatement", self.statement(dice)),
            3 => on_statement(place, caller, "GetStatementResult", self.statement(dice)),
            4 => {
                let id = self.new_statement(dice);
                execute_statement(place, caller, Warehouse::Cluster(&cluster), &id)
            }
            5 => {
                let id = self.new_statement(dice);
                execute_statement(place, caller, Warehouse::Workgroup(&workgroup), &id)
            }
            6 => on_statement(place, caller, "CancelStatement", self.statement(dice)),
            7 => {
                let user = dice.pick(&["analyst", "loader", "admin"]);
                get_cluster_credentials(place, caller, &cluster, user)
            }
            8 => get_credentials(place, caller, &workgroup),
            9 => get_workgroup(place, caller, &workgroup),
            10 => list_workgroups(caller),
            11 => update_workgroup(place, caller, &workgroup),
            12 => update_namespace(place, caller, &workgroup),
            13 => {
                let snapshot = format!("manual-{}", dice.hex(6));
                create_cluster_snapshot(place, caller, &cluster, &snapshot)
            }
            14 => tag_cluster(place, caller, &cluster),
            15 => {
                let name = dice.pick(&[
                    "PauseCluster",
                    "ResumeCluster",
                    "RebootCluster",
                    "ModifyCluster",
                ]);
                change_cluster(place, caller, name, &cluster)
            }
            16 => authorize_data_share(place, caller, &cluster, "daily_figures", "555566667777"),
            17 => create_connection(place, caller, &cluster, dice),
            18 => list_tables(place, caller, &cluster),
            19 => return kms_by_redshift(place, &cluster, now, dice),
            20 => kms_grant_for_cluster(place, caller, &cluster),
            21 => return assume_role_by_redshift(place, dice),
            22 => return network_interface_by_redshift(place, now, dice),
            23 => secret_for_caller(place, caller, dice),
            _ => {
                let seldom = dice.below(4);
                if seldom == 0 {
                    return describe_event_categories(caller);
                }
                let other = Caller::other_account("999988887777", dice);
                associate_data_share_consumer(
                    place,
                    other,
                    &cluster,
                    &format!(
                        "arn:aws:redshift:us-east-1:555566667777:datashare:{}/daily",
                        cluster.namespace
                    ),
                )
            }
        };
        if dice.chance(0.04) {
            let resource = cluster.arn(place);
            return event.denied(&resource);
        }
        event
    }

    fn statement(&self, dice: &mut Dice) -> &str {
        &self.statements[dice.below(self.statements.len())]
    }

    fn new_statement(&mut self, dice: &mut Dice) -> String {
        let id = dice.uuid();
        let index = dice.below(self.statements.len());
        self.statements[index].clone_from(&id);
        id
    }
}
