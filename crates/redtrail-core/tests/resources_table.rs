//! The rules against AWS's reference: every operation has a row, and a row that names
//! less than the reference lists says why.

use std::collections::HashMap;

use redtrail_core::normalize::resources::{Call, findings};
use redtrail_model::{EventRecord, JsonText};

const OPERATIONS: &str = include_str!("../rules/operations.tsv");
const REFERENCE: &str = include_str!("../rules/reference.tsv");

fn rows(text: &'static str) -> Vec<HashMap<&'static str, &'static str>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<_> = lines.next().expect("a header").split('\t').collect();
    let row = |line: &'static str| {
        let columns = line.split('\t').chain(std::iter::repeat(""));
        header.iter().copied().zip(columns).collect()
    };
    lines.map(row).collect()
}

/// What of a row's promise the reference does not bear out.
fn objection(
    wanted: &HashMap<&'static str, &'static str>,
    row: &HashMap<&'static str, &'static str>,
) -> Option<&'static str> {
    let (resources, note) = (row["resources"], row["note"]);
    let resources_are_any = resources.contains("arn(") || resources.contains("general");
    let covers = |kind: &str| {
        let kind = kind.trim_end_matches('*').to_lowercase();
        let kind = kind
            .strip_suffix("securitygroup")
            .filter(|kind| kind.ends_with("ec2"))
            .unwrap_or(&kind);
        resources.contains(kind) || row["otherwise"].contains(kind)
    };
    let mut required = wanted["resource_types"]
        .split(' ')
        .filter(|kind| kind.ends_with('*'));
    let reads = matches!(wanted["access_level"], "Read" | "List");
    let class = row["class"];
    if (resources == "none" || (resources.is_empty() && row["otherwise"].is_empty()))
        && note.is_empty()
    {
        Some("names nothing and gives no reason")
    } else if resources == "none" && !wanted["resource_types"].is_empty() {
        Some("says `none`, but the reference lists resource types")
    } else if !resources_are_any && !required.all(covers) && note.is_empty() {
        Some("leaves out a required resource type without a reason")
    } else if reads && class == "change" {
        Some("is a change, but the reference has it as read or list")
    } else if !reads && !wanted["access_level"].is_empty() && matches!(class, "read" | "list") {
        Some("is read or list, but the reference has it as a write")
    } else {
        None
    }
}

#[test]
fn ok_every_operation_has_a_row_that_the_reference_bears_out() {
    let all = rows(OPERATIONS);
    let row = |service, operation| {
        all.iter()
            .find(|row| row["service"] == service && row["operation"] == operation)
    };
    let reference = rows(REFERENCE);
    assert!(reference.len() >= 331);
    let mut wrong = Vec::new();
    for wanted in &reference {
        let (service, operation) = (wanted["service"], wanted["operation"]);
        let why = match row(service, operation) {
            None => Some("has no row"),
            Some(row) => objection(wanted, row),
        };
        wrong.extend(why.map(|why| format!("{service} {operation} {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ok_every_row_is_of_an_operation_that_exists() {
    let reference = rows(REFERENCE);
    let services: Vec<_> = reference.iter().map(|row| row["service"]).collect();
    for row in rows(OPERATIONS) {
        let (service, operation) = (row["service"], row["operation"]);
        let exists = reference
            .iter()
            .any(|wanted| wanted["service"] == service && wanted["operation"] == operation);
        assert!(
            exists || !services.contains(&service),
            "{service} {operation}"
        );
    }
}

#[test]
fn ok_every_operation_is_known_to_the_code() {
    for wanted in rows(REFERENCE) {
        let (service, operation) = (wanted["service"], wanted["operation"]);
        let record =
            format!(r#"{{"eventSource":"{service}.amazonaws.com","eventName":"{operation}"}}"#);
        let json = JsonText::parse(&record).unwrap();
        let record = EventRecord::read(json.root());
        let found = findings(&Call::of(&record));
        assert!(found.known_operation, "{service} {operation}");
    }
}
