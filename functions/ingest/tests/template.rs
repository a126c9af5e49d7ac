//! The template's promises: what AWS asks of a queue and a function, who may do what, and that
//! alarms, dashboard, files and documents speak of what there is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use redtrail_function::metrics::{DIMENSION, NAMESPACE};
use redtrail_ingest::metrics;
use redtrail_model::TABLES;
use serde_yaml_ng::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The template with `!Name value` written as `{Name: value}`, so that all of it can be walked.
fn template() -> Value {
    untagged(serde_yaml_ng::from_str(&read("template.yaml")).unwrap())
}

fn untagged(value: Value) -> Value {
    match value {
        Value::Tagged(tagged) => {
            let name = tagged.tag.to_string().trim_start_matches('!').to_owned();
            let mut mapping = serde_yaml_ng::Mapping::new();
            mapping.insert(name.into(), untagged(tagged.value));
            mapping.into()
        }
        Value::Sequence(values) => Value::Sequence(values.into_iter().map(untagged).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(name, value)| (name, untagged(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Every mapping anywhere below, with what `is_wanted` holds for.
fn find<'a>(value: &'a Value, is_wanted: &dyn Fn(&Value) -> bool, found: &mut Vec<&'a Value>) {
    if is_wanted(value) {
        found.push(value);
    }
    match value {
        Value::Sequence(values) => values
            .iter()
            .for_each(|value| find(value, is_wanted, found)),
        Value::Mapping(entries) => entries
            .values()
            .for_each(|value| find(value, is_wanted, found)),
        _ => {}
    }
}

fn all(value: &Value, is_wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
    let mut found = Vec::new();
    find(value, &is_wanted, &mut found);
    assert!(!found.is_empty(), "a test that looks at nothing");
    found
}

fn has(value: &Value, member: &str) -> bool {
    value.get(member).is_some()
}

/// One text, or a list of texts.
fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Sequence(values) => values
            .iter()
            .map(|value| value.as_str().unwrap().to_owned())
            .collect(),
        one => [one.as_str().unwrap().to_owned()].into(),
    }
}

fn names(value: &Value) -> BTreeSet<&str> {
    let entries = value.as_mapping().unwrap();
    entries.keys().filter_map(Value::as_str).collect()
}

fn is_of_type(r#type: &str) -> impl Fn(&Value) -> bool {
    move |value| value.get("Type").and_then(Value::as_str) == Some(r#type)
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
#[test]
fn ok_the_queue_waits_six_times_as_long_as_the_function() {
    let template = template();
    let function = &template["Resources"]["IngestFunction"]["Properties"];
    let queue = &template["Resources"]["NotificationQueue"]["Properties"];
    let source = &function["Events"]["Notifications"]["Properties"];
    let window = source["MaximumBatchingWindowInSeconds"].as_u64();
    let timeout = function["Timeout"].as_u64().unwrap();
    let visibility = queue["VisibilityTimeout"].as_u64().unwrap();
    assert!(visibility >= 6 * timeout + window.unwrap_or(0));
    // Lambda throttles are receives too: at least five, says AWS.
    let receives = queue["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap();
    assert!(receives >= 5);
    assert_eq!(
        texts(&source["FunctionResponseTypes"]),
        ["ReportBatchItemFailures".to_owned()].into()
    );
    assert!(has(&source["ScalingConfig"], "MaximumConcurrency"));
    for queue in all(&template["Resources"], is_of_type("AWS::SQS::Queue")) {
        assert_eq!(queue["Properties"]["SqsManagedSseEnabled"], true);
        // Fourteen days, the longest there is.
        assert_eq!(queue["Properties"]["MessageRetentionPeriod"], 1_209_600);
    }
}

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
        // A trust policy: the function's role names no function, which comes after it.
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
    ["IngestRole", "ReaderPolicy", "ReaderRole"]
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
    assert!(statements.len() > 10);
    for statement in statements {
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{action}");
            let (service, operation) = action.split_once(':').unwrap();
            // The trail's bucket is read, never written.
            assert!(service != "s3" || operation.starts_with("Get") || operation == "ListBucket");
        }
        let everything = statement["Resource"] == "*";
        assert_eq!(
            everything,
            statement["Sid"] == "AttachToSubnets",
            "{statement:?}"
        );
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

#[test]
fn ok_the_owners_statements_let_in_what_the_role_asks_for() {
    let template = template();
    let asked = |service: &str| -> BTreeSet<String> {
        let policies = &template["Resources"]["IngestRole"]["Properties"]["Policies"];
        all(policies, |value| has(value, "Sid"))
            .into_iter()
            .filter(|statement| statement["Effect"] == "Allow")
            .filter(|statement| statement["Sid"] != "UseTablesKey")
            .flat_map(|statement| texts(&statement["Action"]))
            .filter(|action| action.starts_with(service))
            .collect()
    };
    for (output, service) in [
        ("BucketPolicyStatements", "s3:"),
        ("KeyPolicyStatement", "kms:"),
    ] {
        let value = &template["Outputs"][output]["Value"]["Sub"];
        let text = value.as_str().or_else(|| value[0].as_str()).unwrap();
        let statements: Value = serde_yaml_ng::from_str(&format!("[{text}]")).unwrap();
        let let_in: BTreeSet<String> = statements
            .as_sequence()
            .unwrap()
            .iter()
            .flat_map(|statement| {
                assert_eq!(statement["Principal"]["AWS"], "${IngestRole.Arn}");
                texts(&statement["Action"])
            })
            .collect();
        assert_eq!(let_in, asked(service));
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

#[test]
fn ok_every_table_is_published() {
    let template = template();
    for schema in &TABLES {
        let table = schema.logical_id;
        let name = schema.variable.to_lowercase().replace('_', "-");
        for (suffix, parameter, value) in [
            ("Name", "Parameter", ("Ref", table.to_owned())),
            ("Arn", "ArnParameter", ("GetAtt", format!("{table}.Arn"))),
        ] {
            let output = &template["Outputs"][format!("{table}{suffix}")];
            assert_eq!(output["Value"][value.0], value.1.as_str());
            let parameter = &template["Resources"][format!("{table}{parameter}")]["Properties"];
            assert_eq!(parameter["Value"][value.0], value.1.as_str());
            let path = parameter["Name"]["Sub"].as_str().unwrap();
            let end = if suffix == "Arn" { "-arn" } else { "" };
            assert_eq!(path, format!("/redtrail/${{AWS::StackName}}/{name}{end}"));
        }
    }
}

/// The metrics that the code gives, from where it names them.
fn metrics_of_the_code() -> BTreeSet<String> {
    let code = read("functions/ingest/src/metrics.rs");
    let code = code.split("#[cfg(test)]").next().unwrap();
    let named = code.lines().filter_map(|line| {
        ["count(\"", "name: \"", "=> \""]
            .into_iter()
            .find_map(|before| line.split_once(before))
    });
    named
        .map(|(_, name)| name.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn ok_alarms_and_dashboard_speak_of_metrics_that_there_are() {
    let template = template();
    let code = metrics_of_the_code();
    assert!(code.contains(metrics::LAG.name) && code.contains(metrics::OBJECTS_REJECTED.name));
    let of_redtrail =
        |value: &Value| value.get("Namespace").and_then(Value::as_str) == Some(NAMESPACE);
    for metric in all(&template["Resources"], of_redtrail) {
        let name = metric["MetricName"].as_str().unwrap();
        assert!(code.contains(name), "{name}");
        let dimensions = metric["Dimensions"].as_sequence().unwrap();
        assert_eq!(dimensions.len(), 1);
        assert_eq!(dimensions[0]["Name"], DIMENSION);
    }
    let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Sub"];
    let body: serde_json::Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    let mut shown = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if metric[0] == NAMESPACE {
                assert_eq!(metric[2], DIMENSION);
                shown.insert(metric[1].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(shown, code, "the dashboard shows every metric");
}

#[test]
fn ok_the_alarm_on_throttles_watches_every_table_and_index() {
    let template = template();
    let alarm = &template["Resources"]["TableThrottlesAlarm"]["Properties"]["Metrics"];
    let is_metric = |value: &Value| has(value, "MetricName");
    let watched: BTreeSet<(String, Option<String>)> = all(alarm, is_metric)
        .into_iter()
        .map(|metric| {
            let dimension = |name: &str| {
                let dimensions = metric["Dimensions"].as_sequence().unwrap();
                let found = dimensions.iter().find(|it| it["Name"] == name);
                found.map(|it| it["Value"].clone())
            };
            let table = dimension("TableName").unwrap();
            let index = dimension("GlobalSecondaryIndexName");
            (
                table["Ref"].as_str().unwrap().to_owned(),
                index.map(|index| index.as_str().unwrap().to_owned()),
            )
        })
        .collect();
    let mut there = BTreeSet::new();
    for schema in &TABLES {
        let table = schema.logical_id.to_owned();
        there.insert((table.clone(), None));
        let indexes = schema.indexes.iter();
        there.extend(indexes.map(|index| (table.clone(), Some(index.name.to_owned()))));
    }
    assert_eq!(watched, there);
}

#[test]
fn ok_every_alarm_is_told_shown_and_explained() {
    let template = template();
    let runbook = read("docs/operations.md");
    let dashboard = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Sub"];
    let resources = template["Resources"].as_mapping().unwrap();
    let mut alarms = 0;
    for (name, resource) in resources {
        if resource["Type"] != "AWS::CloudWatch::Alarm" {
            continue;
        }
        alarms += 1;
        let name = name.as_str().unwrap();
        assert_eq!(
            resource["Properties"]["AlarmActions"]["If"][0],
            "HasAlarmTopic"
        );
        assert!(
            dashboard
                .as_str()
                .unwrap()
                .contains(&format!("${{{name}.Arn}}"))
        );
        let full = resource["Properties"]["AlarmName"]["Sub"].as_str().unwrap();
        let short = full.strip_prefix("${AWS::StackName}-").unwrap();
        assert!(runbook.contains(&format!("## {short}\n")), "{short}");
    }
    assert_eq!(alarms, 9);
}

#[test]
fn ok_parameters_and_outputs_are_documented_and_asked_for_in_groups() {
    let template = template();
    let document = read("docs/deployment.md");
    let parameters = names(&template["Parameters"]);
    for name in parameters.iter().chain(&names(&template["Outputs"])) {
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
    let groups = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let mut grouped = Vec::new();
    for group in groups.as_sequence().unwrap() {
        grouped.extend(texts(&group["Parameters"]));
    }
    let once: BTreeSet<&str> = grouped.iter().map(String::as_str).collect();
    assert_eq!(once.len(), grouped.len());
    assert_eq!(once, parameters);
}

#[test]
fn ok_settings_and_environment_files_name_what_there_is() {
    let template = template();
    let parameters = names(&template["Parameters"]);
    for line in read("samconfig.toml").lines() {
        let Some(overrides) = line.strip_prefix("parameter_overrides = \"") else {
            continue;
        };
        for entry in overrides.trim_end_matches('"').split(' ') {
            let (name, _) = entry.split_once('=').unwrap();
            assert!(parameters.contains(name), "{name}");
        }
    }
    // `sam local invoke` takes no notice of variables that the template does not set.
    let function = &template["Resources"]["IngestFunction"]["Properties"];
    let set = names(&function["Environment"]["Variables"]);
    for file in fs::read_dir(repository().join("events/env")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let file: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(names(&file), ["IngestFunction"].into());
        assert!(names(&file["IngestFunction"]).is_subset(&set));
    }
}
