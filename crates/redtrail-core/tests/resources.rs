//! The rules put to any JSON: nothing panics, and what is found stays within its bounds.

use proptest::prelude::*;
use redtrail_core::normalize::{
    resources::{Call, findings},
    summary::summary,
};
use redtrail_model::{EventRecord, JsonText};
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "clusterIdentifier|snapshotIdentifier|identifiers|dbUser|dbGroups|workgroupName|id|data",
        "resourceName|resourceArn|namespaceArn|encryptionContext|aws:redshift:arn|policy|tags",
        "\\PC{0,8}",
    ];
    let text = prop_oneof![
        "arn:aws:(redshift|redshift-serverless|kms|iam):us-east-1:1:[a-z:/*]{0,20}",
        "\\PC{0,30}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ok_any_json_gives_bounded_findings(
        source in "redshift|redshift-serverless|redshift-data|sqlworkbench|kms|s3|\\PC{0,9}",
        name in "GetClusterCredentials|BatchDeleteClusterSnapshots|DescribeTags|Decrypt|Create[A-Z]{1,3}",
        request in any_json(),
        response in any_json(),
        region in "us-east-1|\\PC{0,9}",
        account in "123456789012|\\PC{0,9}",
    ) {
        let record = json!({
            "eventSource": format!("{source}.amazonaws.com"),
            "eventName": name,
            "awsRegion": region,
            "recipientAccountId": account,
            "requestParameters": request,
            "responseElements": response,
            "resources": request,
            "serviceEventDetails": response,
        })
        .to_string();
        let json = JsonText::parse(&record).unwrap();
        let record = EventRecord::read(json.root());
        let call = Call::of(&record);
        let touched = findings(&call).touched;
        prop_assert!(touched.resources.len() <= 100 && touched.related.len() <= 100);
        for (index, one) in touched.resources.iter().enumerate() {
            prop_assert!(touched.resources.iter().skip(index + 1).all(|other| other.key != one.key));
        }
        let summary = summary(&call);
        let maps = [&summary.request_parameters, &summary.response_elements];
        let bytes: usize = maps.iter().flat_map(|map| map.iter()).map(|(name, value)| name.len() + value.len()).sum();
        prop_assert!(bytes <= 300);
    }
}
