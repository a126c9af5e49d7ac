//! `{"redtrail": "check", "bucket": …, "prefix": …}`: the function tries, as its own role and where
//! it really runs, what it needs to work, and tells of each in a line. Its proof is work: it takes
//! the trail's newest object as if it had been announced, which changes nothing if it was.

use redtrail_aws::newest::NewestObject;
use redtrail_core::edge::{EdgeError, EdgeErrorKind, error_chain};
use redtrail_notification::InvocationFailed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::metrics::{self, Metrics};

/// CloudTrail's objects come within about a quarter of an hour, and so should their announcement.
const ANNOUNCED_WITHIN_SECONDS: i64 = 15 * 60;

/// What to check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Request {
    pub bucket: String,
    /// What stands before `AWSLogs/`.
    #[serde(default)]
    pub prefix: String,
}

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Good,
    Bad,
    /// Nothing speaks for or against it yet.
    Open,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub state: State,
    pub found: String,
    /// The output of the stack with the statement that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended_by: Option<&'static str>,
}

/// The request, if the payload is one: no trigger's payload has its first member.
pub fn request(payload: &[u8]) -> Option<Request> {
    #[derive(Deserialize)]
    struct Payload {
        redtrail: String,
        #[serde(flatten)]
        request: Request,
    }
    let payload: Payload = serde_json::from_slice(payload).ok()?;
    (payload.redtrail == "check").then_some(payload.request)
}

/// Tries everything. `newest` looks for the newest object, `ingest` takes a payload as if it were a
/// trigger's and counts in `metrics`.
pub async fn check<N, I>(
    request: &Request,
    now_epoch_seconds: i64,
    newest: N,
    ingest: I,
    metrics: &mut Metrics,
) -> Value
where
    N: Future<Output = Result<Option<NewestObject>, EdgeError>>,
    I: AsyncFnOnce(&[u8], &mut Metrics) -> Result<Value, InvocationFailed>,
{
    let mut findings = Vec::new();
    let mut say = |check, state, found: String, mended_by| {
        findings.push(Finding {
            check,
            state,
            found,
            mended_by,
        });
    };
    let object = match newest.await {
        Ok(object) => object,
        Err(error) => {
            let mended_by = match error.kind {
                EdgeErrorKind::Denied { .. } => Some("BucketPolicyStatements"),
                _ => None,
            };
            say("bucket", State::Bad, error_chain(&error), mended_by);
            return json!({ "findings": findings });
        }
    };
    let place = format!("s3://{}/{}AWSLogs/", request.bucket, request.prefix);
    say(
        "bucket",
        State::Good,
        format!("{place} can be listed"),
        None,
    );
    let Some(object) = object else {
        let found = format!("no log object lies below {place}");
        say("newest object", State::Bad, found, None);
        return json!({ "findings": findings });
    };
    let minutes = (now_epoch_seconds - object.modified_epoch_seconds).max(0) / 60;
    let answer = ingest(&announcement(request, &object), metrics).await;
    let metrics = &*metrics;
    let total = |metric| metrics.total(metric);
    let finished_before = total(metrics::OBJECTS_FINISHED_BEFORE) > 0;
    let is_damaged = total(metrics::OBJECTS_REJECTED) > 0;
    match answer {
        Ok(_) if is_damaged => {
            let found = format!("{} is damaged; the ledger tells how", object.key);
            say("newest object", State::Bad, found, None);
        }
        Ok(_) => {
            let found = format!("{}, {minutes} minutes old, can be read", object.key);
            say("newest object", State::Good, found, None);
        }
        Err(error) => {
            let (check, mended_by) = blamed(&error.first, metrics);
            say(check, State::Bad, error.first, mended_by);
            return json!({ "findings": findings });
        }
    }
    let found = match (finished_before, total(metrics::RECORDS_STORED)) {
        (true, _) => "the ledger can be read, and has that object as finished".to_owned(),
        (false, 0) if is_damaged => "the ledger can be written".to_owned(),
        (false, 0) => "the ledger can be written; that object has no event of Redshift".to_owned(),
        (false, stored) => format!("can be written: {stored} events of that object"),
    };
    say("tables", State::Good, found, None);
    let (state, found) = if finished_before {
        // Or an earlier check took it: one that finds a newer object tells.
        let found = "that object was announced, or taken by an earlier check";
        (State::Good, found.to_owned())
    } else if object.modified_epoch_seconds + ANNOUNCED_WITHIN_SECONDS < now_epoch_seconds {
        let found = format!("that object, {minutes} minutes old, was not announced");
        (State::Bad, found)
    } else {
        let found = "that object is too new to tell; ask again in a quarter of an hour";
        (State::Open, found.to_owned())
    };
    // Who announces is the stack's to know.
    say("announcement", state, found, None);
    json!({ "findings": findings })
}

/// What S3 would say of that object.
fn announcement(request: &Request, object: &NewestObject) -> Vec<u8> {
    let event = json!({
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": request.bucket}, "object": {"key": object.key}},
    });
    event.to_string().into_bytes()
}

/// What an error speaks of: AWS names the denied action in its message.
fn blamed(error: &str, metrics: &Metrics) -> (&'static str, Option<&'static str>) {
    let denied = metrics.total(metrics::ACCESS_DENIED) > 0;
    let of_tables = ["could not write items", "could not read an item"]
        .into_iter()
        .any(|attempt| error.contains(attempt));
    let of_key = error.contains("kms:") || error.contains("KMS.");
    let (check, mended_by) = match (of_key, of_tables) {
        (true, true) => ("tables", "TablesKeyPolicyStatement"),
        (true, false) => ("key", "KeyPolicyStatement"),
        (false, true) => return ("tables", None),
        (false, false) => ("newest object", "BucketPolicyStatements"),
    };
    (check, denied.then_some(mended_by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_442_000;
    const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/\
                       111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";

    fn asked() -> Request {
        Request {
            bucket: "trail".to_owned(),
            prefix: String::new(),
        }
    }

    fn object(age_seconds: i64) -> Result<Option<NewestObject>, EdgeError> {
        Ok(Some(NewestObject {
            key: KEY.to_owned(),
            modified_epoch_seconds: NOW - age_seconds,
        }))
    }

    /// The findings as `check state`, and the outputs that mend.
    async fn findings(
        newest: Result<Option<NewestObject>, EdgeError>,
        answer: Result<Value, InvocationFailed>,
        counted: &[metrics::Metric],
    ) -> Vec<(String, Option<String>)> {
        let ingest = async |payload: &[u8], metrics: &mut Metrics| {
            let announced = redtrail_notification::read(payload)
                .messages
                .remove(0)
                .announced;
            assert_eq!(announced.objects[0].address.bucket, "trail");
            assert_eq!(announced.objects[0].address.key, KEY);
            for metric in counted {
                metrics.add(*metric, 1);
            }
            answer
        };
        let mut metrics = Metrics::default();
        let newest = async { newest };
        let told = check(&asked(), NOW, newest, ingest, &mut metrics).await;
        let findings = told["findings"].as_array().unwrap();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        findings
            .iter()
            .map(|finding| {
                let line = format!(
                    "{} {}",
                    finding["check"].as_str().unwrap(),
                    finding["state"].as_str().unwrap()
                );
                (line, text(&finding["mended_by"]))
            })
            .collect()
    }

    fn lines(findings: &[(String, Option<String>)]) -> Vec<&str> {
        findings.iter().map(|(line, _)| line.as_str()).collect()
    }

    fn failed(first: &str) -> Result<Value, InvocationFailed> {
        Err(InvocationFailed {
            failed: 1,
            messages: 1,
            first: first.to_owned(),
        })
    }

    #[test]
    fn only_its_own_payload_is_a_request() {
        let payload = br#"{"redtrail": "check", "bucket": "trail", "prefix": "p/"}"#;
        let expected = Request {
            bucket: "trail".to_owned(),
            prefix: "p/".to_owned(),
        };
        assert_eq!(request(payload), Some(expected));
        for other in [
            "{}",
            "[]",
            "\u{0}",
            r#"{"redtrail": "check"}"#,
            r#"{"redtrail": "other", "bucket": "trail"}"#,
            r#"{"bucket": "trail"}"#,
            r#"{"Records": [{"eventSource": "aws:s3"}]}"#,
        ] {
            assert_eq!(request(other.as_bytes()), None, "{other}");
        }
    }

    #[tokio::test]
    async fn all_is_well() {
        let counted = [metrics::OBJECTS_FINISHED_BEFORE];
        let told = findings(object(3600), Ok(Value::Null), &counted).await;
        assert_eq!(
            lines(&told),
            [
                "bucket good",
                "newest object good",
                "tables good",
                "announcement good"
            ]
        );
        assert!(told.iter().all(|(_, mended_by)| mended_by.is_none()));
    }

    #[tokio::test]
    async fn nobody_announced_it() {
        let counted = [metrics::OBJECTS_ACCEPTED, metrics::RECORDS_STORED];
        let told = findings(object(3600), Ok(Value::Null), &counted).await;
        assert_eq!(lines(&told)[3], "announcement bad");
        let told = findings(object(60), Ok(Value::Null), &counted).await;
        assert_eq!(lines(&told)[3], "announcement open");
    }

    #[tokio::test]
    async fn the_bucket_denies() {
        let newest = Err(EdgeError {
            attempted: "list s3://trail/AWSLogs/".to_owned(),
            kind: EdgeErrorKind::Denied {
                permission: "s3:ListBucket",
            },
            source: None,
        });
        let told = findings(newest, Ok(Value::Null), &[]).await;
        assert_eq!(
            told,
            [(
                "bucket bad".to_owned(),
                Some("BucketPolicyStatements".to_owned())
            )]
        );
    }

    #[tokio::test]
    async fn nothing_is_there() {
        let told = findings(Ok(None), Ok(Value::Null), &[]).await;
        assert_eq!(lines(&told), ["bucket good", "newest object bad"]);
    }

    #[tokio::test]
    async fn what_is_denied_is_told_with_what_mends_it() {
        for (error, line, mended_by) in [
            (
                "s3://trail/k: could not fetch s3://trail/k: AccessDenied: not authorized to perform: s3:GetObject",
                "newest object bad",
                Some("BucketPolicyStatements"),
            ),
            (
                "s3://trail/k: could not fetch s3://trail/k: AccessDenied: not authorized to perform: kms:Decrypt",
                "key bad",
                Some("KeyPolicyStatement"),
            ),
            (
                "s3://trail/k: could not write items to ledger: AccessDeniedException: not authorized to perform: dynamodb:BatchWriteItem",
                "tables bad",
                None,
            ),
            (
                "s3://trail/k: could not write items to ledger: AccessDeniedException: not authorized to perform: kms:Decrypt",
                "tables bad",
                Some("TablesKeyPolicyStatement"),
            ),
        ] {
            let told = findings(object(60), failed(error), &[metrics::ACCESS_DENIED]).await;
            let (last, mends) = told.last().unwrap();
            assert_eq!(last, line);
            assert_eq!(mends.as_deref(), mended_by);
        }
    }

    #[tokio::test]
    async fn a_damaged_object_is_bad_but_was_written_down() {
        let counted = [metrics::OBJECTS_REJECTED];
        let told = findings(object(60), Ok(Value::Null), &counted).await;
        assert_eq!(lines(&told)[1], "newest object bad");
        assert_eq!(lines(&told)[2], "tables good");
    }
}
