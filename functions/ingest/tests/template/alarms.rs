//! Alarms and dashboard speak of metrics, tables and functions that there are, and the runbook of them.

use std::collections::{BTreeMap, BTreeSet};

use redtrail_function::metrics::{ACCESS_DENIED, DIMENSION, NAMESPACE};
use redtrail_ingest::metrics;
use redtrail_model::TABLES;
use serde_yaml_ng::Value;

use crate::read::{FUNCTIONS, all, has, names, read, template};

/// The metrics that a function's code gives, its own and those that functions share, from where
/// they are named.
fn metrics_of_the_code(function: &str) -> BTreeSet<String> {
    let [.., folder] = FUNCTIONS
        .into_iter()
        .find(|[it, ..]| *it == function)
        .unwrap();
    let own = read(&format!("functions/{folder}/src/metrics.rs"));
    let shared = read("crates/redtrail-function/src/metrics.rs");
    let code = [&own, &shared].map(|code| code.split("#[cfg(test)]").next().unwrap());
    let named = code
        .iter()
        .flat_map(|code| code.lines())
        .filter_map(|line| {
            ["count(\"", "name: \"", "=> \""]
                .into_iter()
                .find_map(|before| line.split_once(before))
        });
    named
        .map(|(_, name)| name.split('"').next().unwrap().to_owned())
        .collect()
}

/// The dashboard as it is with the function for digests, or without.
fn dashboard(template: &Value, reconciles: bool) -> String {
    let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Sub"];
    let mut text = body[0].as_str().unwrap().to_owned();
    for name in names(&body[1]) {
        let part = &body[1][name]["If"];
        assert_eq!(part[0], "Reconciles");
        let part = if reconciles {
            &part[1]["Sub"]
        } else {
            &part[2]
        };
        text = text.replace(&format!("${{{name}}}"), part.as_str().unwrap());
    }
    text
}

#[test]
fn ok_alarms_and_dashboard_speak_of_metrics_that_there_are() {
    let template = template();
    let code: BTreeMap<&str, BTreeSet<String>> = FUNCTIONS
        .into_iter()
        .map(|[function, ..]| (function, metrics_of_the_code(function)))
        .collect();
    let ingest = &code["IngestFunction"];
    assert!(ingest.contains(metrics::LAG.name) && ingest.contains(ACCESS_DENIED.name));
    assert!(code["ReconcileFunction"].contains("DigestsRead"));
    let of_redtrail =
        |value: &Value| value.get("Namespace").and_then(Value::as_str) == Some(NAMESPACE);
    for metric in all(&template["Resources"], of_redtrail) {
        let name = metric["MetricName"].as_str().unwrap();
        let dimensions = metric["Dimensions"].as_sequence().unwrap();
        assert_eq!(dimensions.len(), 1);
        assert_eq!(dimensions[0]["Name"], DIMENSION);
        let function = dimensions[0]["Value"]["Ref"].as_str().unwrap();
        assert!(code[function].contains(name), "{name} of {function}");
    }
    let mut functions = vec!["IngestFunction"];
    for reconciles in [false, true] {
        functions.extend(reconciles.then_some("ReconcileFunction"));
        let body = dashboard(&template, reconciles);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let mut shown = BTreeSet::new();
        for widget in body["widgets"].as_array().unwrap() {
            for metric in widget["properties"]["metrics"]
                .as_array()
                .into_iter()
                .flatten()
            {
                if metric[0] == NAMESPACE {
                    assert_eq!(metric[2], DIMENSION);
                    let [name, function] = [1, 3].map(|at| metric[at].as_str().unwrap().to_owned());
                    shown.insert((function, name));
                }
            }
        }
        let given: BTreeSet<(String, String)> = functions
            .iter()
            .flat_map(|function| {
                let names = code[function].iter().cloned();
                names.map(move |name| (format!("${{{function}}}"), name))
            })
            .collect();
        assert_eq!(shown, given, "the dashboard shows every metric");
    }
}

/// An alarm that speaks of both functions would otherwise be silent about one of them.
#[test]
fn ok_alarms_on_failures_watch_both_functions() {
    let template = template();
    for alarm in [
        "FunctionErrorsAlarm",
        "FunctionThrottlesAlarm",
        "AccessDeniedAlarm",
    ] {
        let metrics = &template["Resources"][alarm]["Properties"]["Metrics"];
        let of_a_function =
            |value: &Value| value["Name"] == DIMENSION && has(&value["Value"], "Ref");
        let watched: BTreeSet<&str> = all(metrics, of_a_function)
            .into_iter()
            .map(|dimension| dimension["Value"]["Ref"].as_str().unwrap())
            .collect();
        assert_eq!(watched, FUNCTIONS.map(|[function, ..]| function).into());
        assert_eq!(metrics[2]["If"][0], "Reconciles");
    }
}

/// Each digest is looked at again with the next one, which comes an hour later.
#[test]
fn ok_alarms_on_digests_stay_on_until_the_next_look() {
    let template = template();
    for alarm in ["LogsAlteredAlarm", "LogsUnlistedAlarm", "ChainBrokenAlarm"] {
        let alarm = &template["Resources"][alarm]["Properties"];
        assert_eq!(alarm["DatapointsToAlarm"], 1);
        let periods = alarm["EvaluationPeriods"].as_u64().unwrap();
        for metric in all(alarm, |value| has(value, "Period")) {
            assert!(periods * metric["Period"].as_u64().unwrap() > 3600);
        }
    }
    // What was handed back is not missing at the next look, after the queue's time-out.
    let missing = &template["Resources"]["LogsMissingAlarm"]["Properties"];
    let queue = &template["Resources"]["DigestQueue"]["Properties"];
    assert!(missing["DatapointsToAlarm"].as_u64().unwrap() > 1);
    assert!(missing["Period"].as_u64() > queue["VisibilityTimeout"].as_u64());
    let silent = &template["Resources"]["NoDigestsAlarm"]["Properties"];
    let periods = silent["EvaluationPeriods"].as_u64().unwrap();
    let metric = &silent["Metrics"][1]["MetricStat"];
    assert_eq!(periods * metric["Period"].as_u64().unwrap(), 2 * 3600);
    assert_eq!(silent["TreatMissingData"], "breaching");
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
    let dashboards = [true, false].map(|reconciles| dashboard(&template, reconciles));
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
        let of_digests = has(resource, "Condition");
        let is_shown = |dashboard: &String| dashboard.contains(&format!("${{{name}.Arn}}"));
        assert_eq!(dashboards.each_ref().map(is_shown), [true, !of_digests]);
        let full = resource["Properties"]["AlarmName"]["Sub"].as_str().unwrap();
        let short = full.strip_prefix("${AWS::StackName}-").unwrap();
        assert!(runbook.contains(&format!("## {short}\n")), "{short}");
    }
    assert_eq!(alarms, 15);
}
