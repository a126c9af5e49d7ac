//! Counts and times of one invocation as CloudWatch metrics, in the embedded metric format:
//! one line of JSON on standard output, from which CloudWatch makes the metrics.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::{Write, stdout};

use redtrail_core::log_key::NotALog;
use redtrail_notification::Reason;
use serde_json::{Map, Value, json};

use crate::clock::epoch;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "redtrail";
/// The one dimension of all metrics.
pub const DIMENSION: &str = "FunctionName";

/// A metric's name and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub unit: &'static str,
}

impl Metric {
    /// A count.
    pub const fn count(name: &'static str) -> Self {
        Self {
            name,
            unit: "Count",
        }
    }
}

/// Objects and messages that were announced and are none of redtrail's business.
pub const OBJECTS_PASSED_OVER: Metric = Metric::count("ObjectsPassedOver");
/// What was given back because a policy does not permit reading or writing.
pub const ACCESS_DENIED: Metric = Metric::count("AccessDenied");
/// Messages that could not be understood.
pub const MESSAGES_UNREADABLE: Metric = Metric::count("MessagesUnreadable");

/// The metric of what is passed over for that reason.
pub fn passed_over(reason: &Reason) -> Metric {
    Metric::count(match reason {
        Reason::NotALog(NotALog::Digest) => "PassedOverDigest",
        Reason::NotALog(NotALog::Insight) => "PassedOverInsight",
        Reason::NotALog(NotALog::NetworkActivity) => "PassedOverNetworkActivity",
        Reason::NotALog(NotALog::Aggregated) => "PassedOverAggregated",
        Reason::NotALog(NotALog::Config) => "PassedOverConfig",
        Reason::NotALog(NotALog::Other) => "PassedOverOther",
        Reason::NotObjectCreated { .. } => "PassedOverNotObjectCreated",
        Reason::S3TestEvent => "PassedOverS3TestEvent",
        Reason::CloudTrailValidation => "PassedOverCloudTrailValidation",
        Reason::SubscriptionConfirmation => "PassedOverSubscriptionConfirmation",
        Reason::UnsubscribeConfirmation => "PassedOverUnsubscribeConfirmation",
    })
}

/// Values gathered in one invocation.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    values: Vec<(Metric, Vec<u64>)>,
}

impl Metrics {
    /// Adds to a sum.
    pub fn add(&mut self, metric: Metric, value: u64) {
        let values = self.values_of(metric);
        match values.first_mut() {
            Some(sum) => *sum += value,
            None => values.push(value),
        }
    }

    /// What was added so far.
    pub fn total(&self, metric: Metric) -> u64 {
        let of_metric = self.values.iter().filter(|(of, _)| *of == metric);
        of_metric.flat_map(|(_, values)| values).sum()
    }

    /// Adds one measurement of many.
    pub fn record(&mut self, metric: Metric, value: u64) {
        /// An array holds at most a hundred values.
        const MAX_VALUES: usize = 100;
        let values = self.values_of(metric);
        if values.len() < MAX_VALUES {
            values.push(value);
        }
    }

    fn values_of(&mut self, metric: Metric) -> &mut Vec<u64> {
        let at = self.values.iter().position(|(of, _)| *of == metric);
        let at = at.unwrap_or_else(|| {
            self.values.push((metric, Vec::new()));
            self.values.len() - 1
        });
        &mut self.values[at].1
    }

    /// Writes the line that CloudWatch reads, if anything was gathered.
    pub fn tell(&self, function_name: &str) {
        let now = epoch().as_millis().try_into().unwrap_or(0);
        if let Some(line) = self.line(function_name, now) {
            // Without standard output there is nobody to tell.
            drop(writeln!(stdout().lock(), "{line}"));
        }
    }

    /// The line that CloudWatch reads; `None` when nothing was gathered.
    pub fn line(&self, function_name: &str, epoch_millis: u64) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let definitions: Vec<Value> = self
            .values
            .iter()
            .map(|(metric, _)| json!({"Name": metric.name, "Unit": metric.unit}))
            .collect();
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({
                "Timestamp": epoch_millis,
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [[DIMENSION]],
                    "Metrics": definitions,
                }],
            }),
        );
        line.insert(DIMENSION.into(), function_name.into());
        for (metric, values) in &self.values {
            let value = match values.as_slice() {
                [one] => json!(one),
                many => json!(many),
            };
            line.insert(metric.name.into(), value);
        }
        Some(Value::Object(line).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: Metric = Metric::count("RecordsRead");
    const LAG: Metric = Metric {
        name: "Lag",
        unit: "Milliseconds",
    };

    #[test]
    fn ok_line_follows_the_specification() {
        let mut metrics = Metrics::default();
        metrics.add(RECORDS, 2);
        metrics.add(RECORDS, 3);
        metrics.record(LAG, 7);
        metrics.record(LAG, 9);
        let line: Value = serde_json::from_str(&metrics.line("f", 1).unwrap()).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], 1);
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string());
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(!line[metric["Name"].as_str().unwrap()].is_null());
        }
        assert_eq!(line["RecordsRead"], 5);
        assert_eq!(line["Lag"], json!([7, 9]));
    }

    #[test]
    fn ok_nothing_is_no_line() {
        assert_eq!(Metrics::default().line("f", 1), None);
    }
}
