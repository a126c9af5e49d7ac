//! Log objects to ingest.

use redtrail_trailgen::{Trail, TrailOptions};
use serde_json::json;

pub(crate) fn document(records: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

pub(crate) fn event(id: &str, time: &str) -> String {
    json!({
        "eventSource": "redshift.amazonaws.com", "eventName": "DeleteCluster", "eventID": id,
        "eventTime": time, "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana"},
        "requestParameters": {"clusterIdentifier": "sales"},
    })
    .to_string()
}

/// Many events, other services' records, a duplicate and two elements that are quarantined.
pub(crate) fn mixed_records() -> Vec<String> {
    let options = TrailOptions {
        redshift_share: 0.4,
        ..TrailOptions::default()
    };
    let mut trail = Trail::with_options(options);
    let mut records: Vec<String> = (0..60).map(|_| trail.record().json).collect();
    records.insert(7, event("twice", "2026-03-02T09:00:00Z"));
    records.insert(
        9,
        r#"{"eventSource":"redshift.amazonaws.com","eventName":"x"}"#.to_owned(),
    );
    records.insert(30, "null".to_owned());
    records.push(event("twice", "2026-03-02T09:00:00Z"));
    records
}
