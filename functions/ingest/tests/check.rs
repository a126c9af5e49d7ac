//! The check, by the real binary on a real S3 and a real DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, time::Duration};

use redtrail_local::{Bootstrap, InvocationOutcome, LocalAws, LocalAwsOptions};
use redtrail_model::Table;
use redtrail_trailgen::sample;
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../../../template.yaml");
const PATIENCE: Duration = Duration::from_secs(60);

/// Each finding as `check state`.
async fn check(function: &Bootstrap, bucket: &str, prefix: &str) -> Vec<String> {
    let request = json!({"redtrail": "check", "bucket": bucket, "prefix": prefix});
    let outcome = function.invoke(request.to_string(), PATIENCE).await;
    let InvocationOutcome::Response(body) = outcome else {
        panic!("{outcome:?}");
    };
    let answer: Value = serde_json::from_slice(&body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| format!("{} {}", text(&finding["check"]), text(&finding["state"])))
        .collect()
}

/// The sample has one, which might be the newest.
fn remove_the_damaged_object(folder: &Path) {
    let mut removed = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .to_string_lossy()
                .ends_with("_c0R1r2U3p4T5x6Y7.json.gz")
            {
                fs::remove_file(path).unwrap();
                removed += 1;
            }
        }
    }
    assert_eq!(removed, 1);
}

async fn objects_in_the_ledger(aws: &LocalAws) -> i32 {
    let scan = aws.dynamodb_client().scan();
    let scan = scan.table_name(aws.table_name(Table::Ledger));
    let items = scan.send().await.unwrap().items.unwrap_or_default();
    let is_object = |key: &&std::collections::HashMap<_, _>| key.contains_key("verdict");
    items.iter().filter(is_object).count().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_the_newest_object_is_read_and_written() {
    let aws = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    remove_the_damaged_object(folder.path());
    aws.put_folder(sample::BUCKET, folder.path()).await.unwrap();
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    let function = aws.start_function(bootstrap, &[]).await.unwrap();

    for _ in ["first", "again"] {
        let found = check(&function, sample::BUCKET, "").await;
        assert_eq!(found[..2], ["bucket good", "newest object good"]);
        assert_eq!(found[2], "tables good");
        // The object was put a moment ago, so that nothing is late yet.
        assert_ne!(found[3], "announcement bad");
        assert_eq!(objects_in_the_ledger(&aws).await, 1);
    }

    let elsewhere = check(&function, sample::BUCKET, "elsewhere/").await;
    assert_eq!(elsewhere, ["bucket good", "newest object bad"]);
    assert_eq!(check(&function, "no-such-bucket", "").await, ["bucket bad"]);
    function.stop().await;
    aws.stop().await.unwrap();
}
