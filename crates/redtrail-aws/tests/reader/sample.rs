//! The sample trail, ingested: whatever the directory knows is asked of both readers.

use redtrail_aws::reader::Reader;
use redtrail_model::{EventTime, Table};
use serde_json::{Value, json};

use crate::{ask, python, tables};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_the_python_client_answers_the_sample_as_the_rust_reader_does() {
    let now: EventTime = "2026-03-02T09:30:00Z".parse().unwrap();
    let aws = tables::with_sample(now).await;
    let questions = questions(&aws).await;
    let asked = [python::Questions {
        aws: &aws,
        now,
        questions: questions.clone(),
    }];
    let python = python::client(&asked).remove(0);
    assert_eq!(python.answers.len(), questions.len());
    let reader: Reader = tables::reader(&aws, now);
    let (mut events, mut by_name, mut uses) = (0, 0, 0);
    for (question, python) in questions.iter().zip(&python.answers) {
        let rust = ask::rust(&reader, question).await;
        assert_eq!(*python, rust, "{question}");
        let found = rust.as_array().map_or(&[][..], Vec::as_slice);
        events += found
            .iter()
            .filter(|found| found.get("event_id").is_some())
            .count();
        by_name += found
            .iter()
            .filter(|found| found.get("via").is_some())
            .count();
        uses += usize::from(rust.get("kind").is_some());
    }
    assert!(
        events > 100 && by_name > 0 && uses > 20,
        "{events} {by_name} {uses}"
    );
}

/// Of each principal, resource, session, key, person and day that the directory knows.
async fn questions(aws: &redtrail_local::LocalAws) -> Vec<Value> {
    let known = async |kind: &str| -> Vec<String> {
        let query = aws
            .dynamodb_client()
            .query()
            .table_name(aws.table_name(Table::Directory))
            .key_condition_expression("subject = :subject")
            .expression_attribute_values(
                ":subject",
                aws_sdk_dynamodb::types::AttributeValue::S(format!("known#{kind}")),
            );
        let items = query.send().await.unwrap().items.unwrap_or_default();
        let edge = |item: &std::collections::HashMap<String, _>| {
            let edge: &aws_sdk_dynamodb::types::AttributeValue = &item["edge"];
            edge.as_s().unwrap().clone()
        };
        items.iter().map(edge).collect()
    };
    let window = json!({"since": "2026-03-02T00:00:00Z", "until": "2026-03-02T09:10:00Z"});
    let with = |mut asked: Value, more: &Value| {
        let members = more.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(members);
        asked
    };
    let mut questions = vec![
        json!({"coverage": {}}),
        json!({"active": {"day": "2026-03-02"}}),
    ];
    let resources = known("resource").await;
    for (index, principal) in known("principal").await.iter().enumerate() {
        let asked = json!({"principal": principal});
        let resource = &resources[index % resources.len()];
        questions.extend([
            json!({"events": asked}),
            json!({"events": with(asked.clone(), &json!({"errors": true}))}),
            json!({"last_used": asked}),
            json!({"last_used": with(asked.clone(), &json!({"resource": resource}))}),
            json!({"coverage": with(asked, &window)}),
        ]);
    }
    for resource in &resources {
        let asked = json!({"resource": resource});
        questions.extend([
            json!({"events": with(asked.clone(), &json!({"newest_first": false, "page_size": 3}))}),
            json!({"events": with(asked.clone(), &json!({"changes": true}))}),
            json!({"coverage": with(asked, &window)}),
        ]);
    }
    for facet in ["session", "access_key", "person"] {
        for edge in known(facet).await {
            let text = edge.split('#').next().unwrap().to_owned();
            questions.push(json!({"acted_as": {facet: text}}));
            questions.push(json!({"events": with(json!({facet: text}), &window)}));
        }
    }
    questions
}
