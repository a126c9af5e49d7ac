//! The records that AWS prints as examples of Redshift's events, with their own old
//! times. <https://docs.aws.amazon.com/redshift/latest/mgmt/logging-with-cloudtrail.html>

use crate::{
    event::Truth,
    sample::{Kind, SampleObject},
};

const RECORDS: &str = include_str!("seed_page.jsonl");

const KEY: &str = "AWSLogs/o-exampleorg/123456789012/CloudTrail/us-east-2/2026/03/02/123456789012_CloudTrail_us-east-2_20260302T0920Z_s1E2e3D4p5A6g7E8.json.gz";

pub(super) fn object() -> SampleObject {
    let records: Vec<&str> = RECORDS.lines().collect();
    SampleObject {
        key: KEY,
        kind: Kind::Log,
        plain: format!("{{\"Records\":[{}]}}\n", records.join(",")).into_bytes(),
        records: records.len(),
        truth: truth(),
    }
}

/// What AWS's page says of each record, written by hand. The two `ExecuteStatement`
/// records have one event id: they are one event, shown with and without a token.
fn truth() -> Vec<Truth> {
    let statement = [
        "c1fb7076-102f-43e5-9ec9-40820bcc1175",
        "2020-08-19T17:55:59Z",
        "redshift-data.amazonaws.com",
        "ExecuteStatement",
        "123456789012",
        "us-east-1",
        "arn:aws:sts::123456789012:user/janedoe",
    ];
    let cluster = ["arn:aws:redshift:us-east-1:123456789012:cluster:example-cluster-identifier"];
    vec![
        event(
            [
                "03a3d818-37c8-46a6-aad5-0151803bdb09",
                "2021-08-02T23:40:58Z",
                "redshift.amazonaws.com",
                "AuthorizeDataShare",
                "111122223333",
                "us-east-1",
                "arn:aws:sts::111122223333:user/janedoe",
            ],
            &[
                "arn:aws:redshift:us-east-1:111122223333:datashare:4c64c6ec-73d5-42be-869b-b7f7c43c7a53/testshare",
                "arn:aws:redshift:us-east-1:111122223333:namespace:4c64c6ec-73d5-42be-869b-b7f7c43c7a53",
            ],
            false,
        ),
        event(
            [
                "1dbee944-f889-4beb-b228-7ad0f312464",
                "2022-03-21T23:15:40Z",
                "redshift-serverless.amazonaws.com",
                "CreateNamespace",
                "111111111111",
                "us-east-1",
                "arn:aws:iam::111111111111:role/admin",
            ],
            &[
                "arn:aws:redshift-serverless:us-east-1:111111111111:namespace/befa5123-16c2-4449-afca-1d27cb40fc99",
            ],
            false,
        ),
        event(statement, &cluster, false),
        event(statement, &cluster, false),
        event(
            [
                "a7cdd442-e92f-46a2-bc82-2325588d41c3",
                "2022-09-21T22:22:05Z",
                "sqlworkbench.amazonaws.com",
                "CreateConnection",
                "123456789012",
                "ca-central-1",
                "arn:aws:iam::123456789012:role/MyRole",
            ],
            &[
                "arn:aws:sqlworkbench:ca-central-1:123456789012:connection/ce56b1be-dd65-4bfb-8b17-12345123456",
                "arn:aws:redshift:ca-central-1:123456789012:cluster:redshift-cluster-2",
            ],
            false,
        ),
        event(
            [
                "619bad54-1764-4de4-a786-8898b0a7f40c",
                "2017-03-03T17:16:51Z",
                "kms.amazonaws.com",
                "Decrypt",
                "123456789012",
                "us-east-2",
                "arn:aws:iam::790247189693:role/prod-23264-role-wp",
            ],
            &[
                "arn:aws:kms:us-east-2:123456789012:key/f8f4f94f-e588-4254-b7e8-078b99270be7",
                "arn:aws:redshift:us-east-2:123456789012:cluster:my-dw-instance-2",
            ],
            true,
        ),
    ]
}

fn event(fields: [&str; 7], resources: &[&str], read_only: bool) -> Truth {
    let [
        event_id,
        event_time,
        event_source,
        event_name,
        account_id,
        aws_region,
        principal,
    ] = fields.map(str::to_owned);
    Truth {
        event_id,
        event_time,
        event_source,
        event_name,
        account_id,
        aws_region,
        principal,
        resources: resources.iter().map(|key| (*key).to_owned()).collect(),
        read_only: Some(read_only),
        error_code: None,
    }
}
