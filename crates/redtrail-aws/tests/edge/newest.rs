//! The newest object of a trail, in listings that come in pages.

use redtrail_aws::{
    clients::{self, http_client},
    newest::{NewestObject, TrailBuckets},
};

use crate::{
    connection,
    http_server::{Answer, Request, Server},
};

const DAY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/";

fn key(time: &str) -> String {
    format!("{DAY}111122223333_CloudTrail_us-east-1_20260302T{time}Z_a1B2c3D4e5F6g7H8.json.gz")
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
fn listing(members: &str) -> Answer {
    Answer::reply(
        200,
        format!("<ListBucketResult><Name>trail</Name>{members}</ListBucketResult>"),
    )
}

fn object(key: &str, hour: u8) -> String {
    format!(
        "<Contents><Key>{key}</Key><Size>7</Size>\
         <LastModified>2026-03-02T{hour:02}:00:00.000Z</LastModified></Contents>"
    )
}

/// The day's folder has two pages.
fn answer(request: &Request) -> Answer {
    let parameter = |name: &str| {
        let (_, query) = request.path.split_once('?')?;
        let value = query.split('&').find_map(|it| it.strip_prefix(name))?;
        Some(value.replace("%2F", "/"))
    };
    let prefix = parameter("prefix=").unwrap();
    if prefix != DAY {
        let rest = DAY.strip_prefix(&prefix).unwrap();
        let next = rest.split('/').next().unwrap();
        return listing(&format!(
            "<CommonPrefixes><Prefix>{prefix}{next}/</Prefix></CommonPrefixes>"
        ));
    }
    match parameter("continuation-token=").as_deref() {
        None => listing(&format!(
            "<IsTruncated>true</IsTruncated>\
             <NextContinuationToken>on</NextContinuationToken>{}",
            object(&key("0900"), 9)
        )),
        Some("on") => listing(&format!(
            "<IsTruncated>false</IsTruncated>{}{}",
            object(&key("1800"), 18),
            object(&format!("{DAY}zzz.txt"), 23)
        )),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ok_the_newest_is_on_the_last_page() {
    let server = Server::start(answer).await;
    let buckets = TrailBuckets::new(clients::s3(&connection(&server), http_client()));
    let found = buckets.newest_log("trail", "").await.unwrap();
    let expected = NewestObject {
        key: key("1800"),
        modified_epoch_seconds: 1_772_474_400,
    };
    assert_eq!(found, Some(expected));
}
