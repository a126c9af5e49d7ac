//! Who may do what: services, roles, readers, and those whom the owners of bucket and key let in.

use std::collections::BTreeSet;

use redtrail_model::TABLES;
use serde_yaml_ng::Value;

use crate::read::{FUNCTIONS, all, find, has, is_of_type, names, read, template, texts};

#[test]
fn ok_a_service_acts_only_for_its_own_source() {
    let template = template();
    let is_for_a_service = |value: &Value| {
        has(value, "Effect")
            && value
                .get("Principal")
                .is_some_and(|who| has(who, "Service"))
    };
    for statement in all(&template["Resources"], is_for_a_service) {
        // A trust policy: a function's role names no function, which comes after it.
        if statement["Action"] == "sts:AssumeRole" {
            assert_eq!(statement["Principal"]["Service"], "lambda.amazonaws.com");
            continue;
        }
        let keys: BTreeSet<&str> = names(&statement["Condition"])
            .into_iter()
            .flat_map(|operator| names(&statement["Condition"][operator]))
            .collect();
        for key in ["aws:SourceArn", "aws:SourceAccount"] {
            assert!(keys.contains(key), "{key} in {statement:?}");
        }
    }
    for permission in all(
        &template["Resources"],
        is_of_type("AWS::Lambda::Permission"),
    ) {
        assert!(has(&permission["Properties"], "SourceArn"));
        assert!(has(&permission["Properties"], "SourceAccount"));
    }
}

/// The statements that a role or policy of the template allows something by.
fn allowed_to_identities(template: &Value) -> Vec<&Value> {
    ["IngestRole", "ReconcileRole", "ReaderPolicy", "ReaderRole"]
        .into_iter()
        .flat_map(|name| {
            let properties = &template["Resources"][name]["Properties"];
            let policies = [&properties["Policies"], &properties["PolicyDocument"]];
            policies.into_iter().flat_map(|policy| {
                let mut found = Vec::new();
                find(policy, &|value| has(value, "Sid"), &mut found);
                found
            })
        })
        .filter(|statement| statement["Effect"] == "Allow")
        .collect()
}

#[test]
fn ok_wildcards_only_where_aws_demands_them() {
    let template = template();
    let statements = allowed_to_identities(&template);
    assert!(statements.len() > 20);
    for statement in statements {
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{action}");
            let (service, operation) = action.split_once(':').unwrap();
            // The trail's bucket is read, never written.
            assert!(service != "s3" || operation.starts_with("Get") || operation == "ListBucket");
        }
        let everything = statement["Resource"] == "*";
        let sid = statement["Sid"].as_str().unwrap();
        assert_eq!(
            everything,
            ["AttachToSubnets", "GetPublicKeys"].contains(&sid),
            "{statement:?}"
        );
        if sid == "GetPublicKeys" {
            assert_eq!(statement["Action"], "cloudtrail:ListPublicKeys");
        }
    }
}

/// The check lists a folder, and nothing else that the function does not do anyway.
#[test]
fn ok_the_check_needs_no_permission_of_its_own() {
    let code = read("crates/redtrail-aws/src/newest.rs");
    let calls: Vec<&str> = code
        .split(".client\n")
        .skip(1)
        .filter_map(|after| after.split('(').next())
        .map(str::trim)
        .collect();
    assert_eq!(calls, [".list_objects_v2"]);
    let template = template();
    let role = &template["Resources"]["IngestRole"]["Properties"]["Policies"];
    let lists = all(role, |value| value["Action"] == "s3:ListBucket");
    assert_eq!(lists.len(), 1);
    // With a delimiter a folder is listed by its prefix, which the role may begin so.
    let prefix = &lists[0]["Condition"]["StringLike"]["s3:prefix"]["Sub"];
    assert_eq!(*prefix, "${TrailPrefix}AWSLogs/*");
}

/// One statement lets in both roles: each may then do what its own policy says.
#[test]
fn ok_the_owners_statements_let_in_what_the_roles_ask_for() {
    let template = template();
    let asked = |service: &str, of_tables: bool| -> BTreeSet<String> {
        let of_role = |role: &str| {
            let policies = &template["Resources"][role]["Properties"]["Policies"];
            all(policies, |value| has(value, "Sid"))
        };
        FUNCTIONS
            .iter()
            .flat_map(|[.., role, _]| of_role(role))
            .filter(|statement| statement["Effect"] == "Allow")
            .filter(|statement| (statement["Sid"] == "UseTablesKey") == of_tables)
            .flat_map(|statement| texts(&statement["Action"]))
            .filter(|action| action.starts_with(service))
            .collect()
    };
    for (output, service, of_tables) in [
        ("BucketPolicyStatements", "s3:", false),
        ("KeyPolicyStatement", "kms:", false),
        ("TablesKeyPolicyStatement", "kms:", true),
    ] {
        let value = &template["Outputs"][output]["Value"]["Sub"];
        let roles = &value[1]["Roles"]["If"];
        assert_eq!(roles[0], "Reconciles");
        assert_eq!(roles[1]["Join"][1][0]["GetAtt"], "IngestRole.Arn");
        assert_eq!(roles[1]["Join"][1][1]["GetAtt"], "ReconcileRole.Arn");
        assert_eq!(roles[2]["GetAtt"], "IngestRole.Arn");
        let text = value[0].as_str().unwrap();
        let statements: Value = serde_yaml_ng::from_str(&format!("[{text}]")).unwrap();
        let let_in: BTreeSet<String> = statements
            .as_sequence()
            .unwrap()
            .iter()
            .flat_map(|statement| {
                assert_eq!(
                    texts(&statement["Principal"]["AWS"]),
                    ["${Roles}".to_owned()].into()
                );
                texts(&statement["Action"])
            })
            .collect();
        assert_eq!(let_in, asked(service, of_tables), "{output}");
    }
}

#[test]
fn ok_readers_ask_and_nothing_else() {
    let template = template();
    let ask: BTreeSet<String> = ["dynamodb:GetItem", "dynamodb:Query"]
        .map(str::to_owned)
        .into();
    let policy = &template["Resources"]["ReaderPolicy"]["Properties"]["PolicyDocument"];
    let statement = &policy["Statement"][0];
    assert_eq!(texts(&statement["Action"]), ask);
    let mut resources = BTreeSet::new();
    for resource in statement["Resource"].as_sequence().unwrap() {
        let text = resource.get("GetAtt").or_else(|| resource.get("Sub"));
        resources.insert(text.unwrap().as_str().unwrap().to_owned());
    }
    let mut readable = BTreeSet::new();
    for schema in &TABLES {
        readable.insert(format!("{}.Arn", schema.logical_id));
        for index in schema.indexes {
            readable.insert(format!(
                "${{{}.Arn}}/index/{}",
                schema.logical_id, index.name
            ));
        }
        let table = &template["Resources"][schema.logical_id]["Properties"];
        let own = &table["ResourcePolicy"]["If"];
        assert_eq!(own[0], "HasReaders");
        let statements = &own[1]["PolicyDocument"]["Statement"];
        assert_eq!(statements.as_sequence().unwrap().len(), 1);
        assert_eq!(texts(&statements[0]["Action"]), ask);
        assert_eq!(statements[0]["Principal"]["AWS"]["Ref"], "ReaderPrincipals");
    }
    assert_eq!(resources, readable);
}
