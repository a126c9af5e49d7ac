//! What else a trail holds: the calls of other services, in about the mix and size that
//! real trails show. None of them belongs to the Redshift family.

use jiff::Timestamp;

use crate::{
    cast::{Caller, Cast},
    dice::Dice,
    event::Event,
    json::{Json, object},
    place::Place,
};

/// An event of no interest to redtrail.
pub(crate) fn ordinary(place: &Place, cast: &mut Cast, now: Timestamp, dice: &mut Dice) -> Event {
    const OPERATIONS: [(u32, Make); 19] = [
        (14, kms_crypto),
        (8, kms_by_service),
        (10, assume_role_by_service),
        (4, get_caller_identity),
        (15, ec2_describe),
        (2, run_instances),
        (4, network_interface_by_service),
        (8, ssm),
        (6, secrets),
        (8, iam_read),
        (1, iam_write),
        (12, s3_bucket),
        (5, log_stream),
        (3, lambda_read),
        (1, lambda_update),
        (4, rds_describe),
        (2, glue),
        (2, cloudtrail_lookup),
        (1, secret_deletion),
    ];
    let weights = OPERATIONS.map(|(weight, _)| weight);
    let (_, make) = OPERATIONS[dice.weighted(&weights)];
    let event = make(&mut Scene {
        place,
        cast,
        now,
        dice,
    });
    if event.caller.from_outside && dice.chance(0.05) {
        return event.denied("*");
    }
    event
}

struct Scene<'a> {
    place: &'a Place,
    cast: &'a mut Cast,
    now: Timestamp,
    dice: &'a mut Dice,
}

type Make = fn(&mut Scene<'_>) -> Event;

impl Scene<'_> {
    fn anyone(&mut self) -> Caller {
        self.cast.anyone(self.now, self.dice)
    }

    fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.dice.hex(16))
    }

    fn bucket(&mut self) -> String {
        let what = self.dice.pick(&[
            "assets",
            "raw-events",
            "exports",
            "build-cache",
            "access-logs",
        ]);
        format!("{what}-{}-{}", self.place.account, self.place.region)
    }

    fn key_arn(&mut self) -> String {
        let id = self.dice.uuid();
        self.place.arn("kms", &format!("key/{id}"))
    }
}

fn kms_crypto(scene: &mut Scene<'_>) -> Event {
    let key = scene.key_arn();
    let table = scene
        .dice
        .pick(&["orders", "carts", "sessions", "invoices"]);
    let name = scene.dice.pick(&[
        "Decrypt",
        "GenerateDataKey",
        "Encrypt",
        "Sign",
        "DescribeKey",
    ]);
    let caller = scene.anyone();
    Event::new(caller, "kms.amazonaws.com", name)
        .read_only()
        .request(object! {
            "keyId": key.clone(),
            "encryptionContext": object! {
                "aws:dynamodb:tableName": table,
                "aws:dynamodb:subscriberId": scene.place.account.clone(),
            },
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        })
        .resource(&scene.place.account, "AWS::KMS::Key", &key)
}

fn kms_by_service(scene: &mut Scene<'_>) -> Event {
    let service = scene.dice.pick(&[
        "secretsmanager.amazonaws.com",
        "eks.amazonaws.com",
        "rds.amazonaws.com",
        "dynamodb.amazonaws.com",
    ]);
    let key = scene.key_arn();
    let secret = scene.dice.mixed(6);
    let secret = scene
        .place
        .arn("secretsmanager", &format!("secret:app/database-{secret}"));
    let version = scene.dice.uuid();
    let caller = scene.anyone().by_service(service);
    Event::new(caller, "kms.amazonaws.com", "Decrypt")
        .read_only()
        .request(object! {
            "encryptionContext": object! {"SecretARN": secret, "SecretVersionId": version},
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        })
        .resource(&scene.place.account, "AWS::KMS::Key", &key)
}

fn assume_role_by_service(scene: &mut Scene<'_>) -> Event {
    let service = scene.dice.pick(&[
        "lambda.amazonaws.com",
        "ec2.amazonaws.com",
        "ecs-tasks.amazonaws.com",
        "glue.amazonaws.com",
    ]);
    let name = scene.dice.pick(&[
        "orders-api-lambda",
        "eks-node-group",
        "checkout-task",
        "glue-crawler",
    ]);
    let role = scene
        .place
        .global_arn("iam", &format!("role/service-role/{name}"));
    let session = scene.id("i");
    let key = scene.dice.unique_id("ASIA", 20);
    let token = scene.dice.mixed(360);
    let role_id = scene.dice.unique_id("AROA", 21);
    let session_arn = scene
        .place
        .global_arn("sts", &format!("assumed-role/{name}/{session}"));
    let expiration = scene.now.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string();
    let caller = Caller::service(service, scene.dice);
    Event::new(caller, "sts.amazonaws.com", "AssumeRole")
        .read_only()
        .request(object! {"roleArn": role.clone(), "roleSessionName": session.clone()})
        .response(object! {
            "credentials": object! {
                "accessKeyId": key,
                "sessionToken": token,
                "expiration": expiration,
            },
            "assumedRoleUser": object! {
                "assumedRoleId": format!("{role_id}:{session}"),
                "arn": session_arn,
            },
        })
        .resource(&scene.place.account, "AWS::IAM::Role", &role)
        .shared()
}

fn get_caller_identity(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone();
    Event::new(caller, "sts.amazonaws.com", "GetCallerIdentity").read_only()
}

fn ec2_describe(scene: &mut Scene<'_>) -> Event {
    let name = scene.dice.pick(&[
        "DescribeInstances",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeNetworkInterfaces",
        "DescribeVpcs",
        "DescribeSubnets",
        "DescribeVolumes",
    ]);
    let values: Vec<Json> = (0..scene.dice.between(1, 4))
        .map(|_| {
            let id = scene.id("vpc");
            object! {"value": id}
        })
        .collect();
    let caller = scene.anyone();
    Event::new(caller, "ec2.amazonaws.com", name)
        .read_only()
        .request(object! {
            "maxResults": 1000_i64,
            "filterSet": object! {
                "items": vec![object! {
                    "name": "vpc-id",
                    "valueSet": object! {"items": values},
                }],
            },
        })
}

fn run_instances(scene: &mut Scene<'_>) -> Event {
    let (image, subnet, group) = (scene.id("ami"), scene.id("subnet"), scene.id("sg"));
    let reservation = scene.id("r");
    let instances: Vec<Json> = (0..scene.dice.between(1, 3))
        .map(|_| {
            let (instance, interface) = (scene.id("i"), scene.id("eni"));
            let host = scene.dice.between(2, 250);
            object! {
                "instanceId": instance,
                "imageId": image.clone(),
                "instanceState": object! {"code": 0_i64, "name": "pending"},
                "privateDnsName": format!("ip-10-0-4-{host}.{}.compute.internal", scene.place.region),
                "amiLaunchIndex": 0_i64,
                "instanceType": "m7g.large",
                "subnetId": subnet.clone(),
                "privateIpAddress": format!("10.0.4.{host}"),
                "groupSet": object! {"items": vec![object! {"groupId": group.clone(), "groupName": "app"}]},
                "networkInterfaceSet": object! {"items": vec![object! {
                    "networkInterfaceId": interface,
                    "subnetId": subnet.clone(),
                    "status": "in-use",
                    "sourceDestCheck": true,
                }]},
                "ebsOptimized": true,
                "architecture": "arm64",
            }
        })
        .collect();
    let caller = scene.anyone();
    Event::new(caller, "ec2.amazonaws.com", "RunInstances")
        .request(object! {
            "instancesSet": object! {"items": vec![object! {
                "imageId": image.clone(), "minCount": 1_i64, "maxCount": 3_i64,
            }]},
            "instanceType": "m7g.large",
            "subnetId": subnet.clone(),
            "disableApiTermination": false,
        })
        .response(object! {
            "reservationId": reservation,
            "ownerId": scene.place.account.clone(),
            "instancesSet": object! {"items": instances},
        })
}

fn network_interface_by_service(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone().by_service("autoscaling.amazonaws.com");
    let instances: Vec<Json> = (0..scene.dice.between(1, 5))
        .map(|_| {
            let id = scene.id("i");
            object! {"instanceId": id}
        })
        .collect();
    Event::new(caller, "ec2.amazonaws.com", "DescribeInstanceStatus")
        .read_only()
        .request(object! {
            "instancesSet": object! {"items": instances},
            "filterSet": object! {},
            "includeAllInstances": true,
        })
}

fn ssm(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone();
    if scene.dice.chance(0.5) {
        let path = scene
            .dice
            .pick(&["/app/db/url", "/app/flags", "/infra/vpc", "/ci/token"]);
        return Event::new(caller, "ssm.amazonaws.com", "GetParameter")
            .read_only()
            .request(object! {"name": path, "withDecryption": true});
    }
    let instance = scene.id("i");
    let host = scene.dice.between(2, 250);
    Event::new(caller, "ssm.amazonaws.com", "UpdateInstanceInformation").request(object! {
        "instanceId": instance,
        "agentVersion": "3.3.2471.0",
        "agentStatus": "Active",
        "platformType": "Linux",
        "platformName": "Amazon Linux",
        "platformVersion": "2023",
        "iPAddress": format!("10.0.7.{host}"),
        "computerName": format!("ip-10-0-7-{host}.{}.compute.internal", scene.place.region),
        "agentName": "amazon-ssm-agent",
        "sSMConnectionChannel": "ssmmessages",
    })
}

fn secrets(scene: &mut Scene<'_>) -> Event {
    let name = scene
        .dice
        .pick(&["GetSecretValue", "DescribeSecret", "GetResourcePolicy"]);
    let end = scene.dice.mixed(6);
    let secret = scene
        .place
        .arn("secretsmanager", &format!("secret:prod/payments-{end}"));
    let caller = scene.anyone();
    Event::new(caller, "secretsmanager.amazonaws.com", name)
        .read_only()
        .request(object! {"secretId": secret})
}

fn iam_read(scene: &mut Scene<'_>) -> Event {
    let name = scene.dice.pick(&[
        "GetRole",
        "ListAttachedRolePolicies",
        "ListRolePolicies",
        "ListInstanceProfilesForRole",
    ]);
    let role = scene.dice.pick(&[
        "ci-deployer",
        "eks-node-group",
        "glue-crawler",
        "monitoring-reader",
    ]);
    let caller = scene.anyone();
    Event::new(caller, "iam.amazonaws.com", name)
        .read_only()
        .request(object! {"roleName": role})
}

fn iam_write(scene: &mut Scene<'_>) -> Event {
    let bucket = scene.bucket();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"]}}]}}"#
    );
    let caller = scene.anyone();
    Event::new(caller, "iam.amazonaws.com", "PutRolePolicy").request(object! {
        "roleName": "glue-crawler",
        "policyName": "read-raw-events",
        "policyDocument": policy,
    })
}

fn s3_bucket(scene: &mut Scene<'_>) -> Event {
    let name = scene.dice.pick(&[
        "GetBucketAcl",
        "GetBucketPolicy",
        "GetBucketLogging",
        "GetBucketEncryption",
        "ListObjects",
    ]);
    let bucket = scene.bucket();
    let host = format!("{bucket}.s3.{}.amazonaws.com", scene.place.region);
    let arn = format!("arn:{}:s3:::{bucket}", scene.place.partition());
    let trace = scene.dice.mixed(75);
    let sent = scene.dice.between(80, 4000);
    let caller = scene.anyone();
    Event::new(caller, "s3.amazonaws.com", name)
        .read_only()
        .request(object! {"bucketName": bucket, "Host": host, "acl": ""})
        .additional(object! {
            "SignatureVersion": "SigV4",
            "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn": 0_i64,
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": format!("{trace}="),
            "bytesTransferredOut": sent,
        })
        .resource(&scene.place.account, "AWS::S3::Bucket", &arn)
}

fn log_stream(scene: &mut Scene<'_>) -> Event {
    let caller = Caller::service("delivery.logs.amazonaws.com", scene.dice);
    let (vpc, interface) = (scene.id("vpc"), scene.id("eni"));
    Event::new(caller, "logs.amazonaws.com", "CreateLogStream")
        .request(object! {
            "forAccount": scene.place.account.clone(),
            "logGroupName": format!("/aws/vpc/{vpc}/flow-logs"),
            "logStreamName": format!("{interface}-all"),
        })
        .shared()
}

fn lambda_read(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone();
    let function = scene
        .dice
        .pick(&["orders-api", "thumbnailer", "invoice-mailer"]);
    Event::new(caller, "lambda.amazonaws.com", "GetFunction20150331v2")
        .read_only()
        .request(
            object! {"functionName": scene.place.arn("lambda", &format!("function:{function}"))},
        )
}

fn lambda_update(scene: &mut Scene<'_>) -> Event {
    let function = scene.place.arn("lambda", "function:orders-api");
    let hash = scene.dice.mixed(43);
    let revision = scene.dice.uuid();
    let caller = scene.anyone();
    let size = scene.dice.between(20_000, 9_000_000);
    Event::new(
        caller,
        "lambda.amazonaws.com",
        "UpdateFunctionCode20150331v2",
    )
    .request(object! {"functionName": function.clone(), "publish": true, "dryRun": false})
    .response(object! {
        "functionName": "orders-api",
        "functionArn": function,
        "runtime": "python3.13",
        "role": scene.place.global_arn("iam", "role/service-role/orders-api-lambda"),
        "handler": "app.handler",
        "codeSize": size,
        "description": "",
        "timeout": 15_i64,
        "memorySize": 512_i64,
        "codeSha256": format!("{hash}="),
        "version": "$LATEST",
        "environment": object! {},
        "tracingConfig": object! {"mode": "PassThrough"},
        "revisionId": revision,
        "state": "Active",
        "lastUpdateStatus": "InProgress",
        "packageType": "Zip",
        "architectures": vec!["arm64".into()],
        "ephemeralStorage": object! {"size": 512_i64},
    })
}

fn rds_describe(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone();
    let name = scene.dice.pick(&[
        "DescribeDBClusters",
        "DescribeDBInstances",
        "ListTagsForResource",
    ]);
    Event::new(caller, "rds.amazonaws.com", name)
        .read_only()
        .request(object! {"includeShared": false, "maxRecords": 100_i64})
}

fn glue(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone();
    let partition = scene.dice.between(0, 23);
    Event::new(caller, "glue.amazonaws.com", "GetPartition")
        .read_only()
        .request(object! {
            "databaseName": "lake",
            "tableName": "page_views",
            "partitionValues": vec!["2026-03-02".into(), Json::Text(format!("{partition:02}").into())],
        })
}

fn cloudtrail_lookup(scene: &mut Scene<'_>) -> Event {
    let caller = scene.anyone();
    Event::new(caller, "cloudtrail.amazonaws.com", "LookupEvents")
        .read_only()
        // Redshift's source as a value is no sign of a Redshift event.
        .request(object! {
            "maxResults": 50_i64,
            "lookupAttributes": vec![object! {
                "attributeKey": "EventSource",
                "attributeValue": "redshift.amazonaws.com",
            }],
        })
}

/// A service event: no type of identity, no request.
fn secret_deletion(scene: &mut Scene<'_>) -> Event {
    let account = scene.place.account.clone();
    let mut caller = Caller::service("secretsmanager.amazonaws.com", scene.dice);
    caller.identity = object! {"accountId": account, "invokedBy": "secretsmanager.amazonaws.com"};
    Event::new(
        caller,
        "secretsmanager.amazonaws.com",
        "SecretVersionDeletion",
    )
    .service_event()
}
