//! The template's promises, for both of its functions: what AWS asks of a queue and a function, who
//! may do what, and that alarms, dashboard, files and documents speak of what there is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alarms;
mod permissions;
mod read;

use std::{collections::BTreeSet, fs};

use redtrail_model::TABLES;
use serde_yaml_ng::Value;

use read::{FUNCTIONS, all, has, is_of_type, names, read, repository, template, texts};

/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
#[test]
fn ok_a_queue_waits_six_times_as_long_as_its_function() {
    let template = template();
    let resources = &template["Resources"];
    for [function, source, queue, dead_letters, role, _] in FUNCTIONS {
        let function = &resources[function]["Properties"];
        let source = &function["Events"][source]["Properties"];
        assert_eq!(source["Queue"]["GetAtt"], format!("{queue}.Arn"));
        assert_eq!(function["Role"]["GetAtt"], format!("{role}.Arn"));
        let queue = &resources[queue]["Properties"];
        let window = source["MaximumBatchingWindowInSeconds"].as_u64();
        let timeout = function["Timeout"].as_u64().unwrap();
        let visibility = queue["VisibilityTimeout"].as_u64().unwrap();
        assert!(visibility >= 6 * timeout + window.unwrap_or(0));
        // Lambda throttles are receives too: at least five, says AWS.
        let redrive = &queue["RedrivePolicy"];
        assert!(redrive["maxReceiveCount"].as_u64().unwrap() >= 5);
        // What one function reads the other passes over: no dead letters of both in one queue.
        assert_eq!(
            redrive["deadLetterTargetArn"]["GetAtt"],
            format!("{dead_letters}.Arn")
        );
        assert_eq!(
            texts(&source["FunctionResponseTypes"]),
            ["ReportBatchItemFailures".to_owned()].into()
        );
        assert!(has(&source["ScalingConfig"], "MaximumConcurrency"));
    }
    for queue in all(resources, is_of_type("AWS::SQS::Queue")) {
        assert_eq!(queue["Properties"]["SqsManagedSseEnabled"], true);
        // Fourteen days, the longest there is.
        assert_eq!(queue["Properties"]["MessageRetentionPeriod"], 1_209_600);
    }
}

#[test]
fn ok_the_functions_are_built_alike_but_for_the_binary() {
    let template = template();
    let [ingest, reconcile] =
        FUNCTIONS.map(|[function, ..]| template["Resources"][function].clone());
    for (function, binary) in [(&ingest, "bootstrap"), (&reconcile, "redtrail-reconcile")] {
        let metadata = &function["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda");
        assert_eq!(metadata["BuildProperties"]["Binary"], binary);
    }
    for property in [
        "Handler",
        "Runtime",
        "Architectures",
        "MemorySize",
        "VpcConfig",
    ] {
        assert!(has(&ingest["Properties"], property));
        assert_eq!(
            ingest["Properties"][property],
            reconcile["Properties"][property]
        );
    }
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

/// The queue's URL stands where the tables' names do, for commands that hand objects back.
#[test]
fn ok_the_ingest_queue_is_published() {
    let template = template();
    let parameter = &template["Resources"]["NotificationQueueUrlParameter"]["Properties"];
    assert_eq!(parameter["Value"]["Ref"], "NotificationQueue");
    assert_eq!(
        parameter["Name"]["Sub"],
        "/redtrail/${AWS::StackName}/notification-queue-url"
    );
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
    // `sam local invoke` takes no notice of variables that the template does not set. The function
    // for digests needs an SQS and a CloudTrail, which `redtrail local` has none of.
    let function = &template["Resources"]["IngestFunction"]["Properties"];
    let set = names(&function["Environment"]["Variables"]);
    for file in fs::read_dir(repository().join("events/env")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let file: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(names(&file), ["IngestFunction"].into());
        assert!(names(&file["IngestFunction"]).is_subset(&set));
    }
}
