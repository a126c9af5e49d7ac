//! `{"redtrail": "check", "bucket": …, "prefix": …}`: the function tries, as its own role and where
//! it really runs, what it needs to work, and tells of each in a line. Its proof is work: it takes
//! the trail's newest object as if it had been announced, which changes nothing if it was.

use redtrail_aws::newest::NewestObject;
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, error_chain},
    object::ObjectAddress,
};
use redtrail_function::metrics::{ACCESS_DENIED, Metrics};
use redtrail_notification::{IngestRequest, InvocationFailed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::metrics;

/// CloudTrail's objects come within about a quarter of an hour, and so should their announcement.
const ANNOUNCED_WITHIN_SECONDS: i64 = 15 * 60;

/// What to check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Request {
    pub bucket: String,
    /// What stands before `AWSLogs/`.
    #[serde(default)]
    pub prefix: String,
    /// When the stack was made: nobody announced to it what is older.
    #[serde(default)]
    pub stack_created_epoch_seconds: Option<i64>,
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
    I: AsyncFn(&[u8], &mut Metrics) -> Result<Value, InvocationFailed>,
{
    let place = format!("s3://{}/{}AWSLogs/", request.bucket, request.prefix);
    let object = match newest.await {
        Ok(object) => object,
        Err(error) => return json!({ "findings": [not_listed(&error)] }),
    };
    let mut findings = vec![finding(
        "bucket",
        State::Good,
        format!("{place} can be listed"),
    )];
    let Some(object) = object else {
        let mut found = format!("no log object lies below {place}");
        if request.prefix.is_empty() {
            found += "; if the trail has a prefix, ask with --prefix";
        }
        findings.push(finding("newest object", State::Bad, found));
        return json!({ "findings": findings });
    };
    let newest = Newest {
        minutes: (now_epoch_seconds - object.modified_epoch_seconds).max(0) / 60,
        object,
    };
    let mut answer = ingest(&newest.announcement(request, false), metrics).await;
    let finished_before = metrics.total(metrics::OBJECTS_FINISHED_BEFORE) > 0;
    // What is finished was only looked up in the ledger: whether it can still be read and written
    // is seen by doing so, which changes nothing and is no news for alarms.
    let mut again = Metrics::default();
    let mut tried = &*metrics;
    if answer.is_ok() && finished_before {
        answer = ingest(&newest.announcement(request, true), &mut again).await;
        tried = &again;
    }
    match answer {
        Ok(_) => findings.extend([newest.readable(tried), key(), tables(tried)]),
        Err(error) => {
            findings.push(blamed(error.first, tried));
            if !finished_before {
                return json!({ "findings": findings });
            }
        }
    }
    findings.push(newest.announced(request, now_epoch_seconds, finished_before));
    json!({ "findings": findings })
}

fn finding(check: &'static str, state: State, found: String) -> Finding {
    Finding {
        check,
        state,
        found,
        mended_by: None,
    }
}

fn not_listed(error: &EdgeError) -> Finding {
    let is_denied = matches!(error.kind, EdgeErrorKind::Denied { .. });
    Finding {
        mended_by: is_denied.then_some("BucketPolicyStatements"),
        ..finding("bucket", State::Bad, error_chain(error))
    }
}

/// The object that it is tried with.
struct Newest {
    object: NewestObject,
    minutes: i64,
}

impl Newest {
    fn announcement(&self, request: &Request, force: bool) -> Vec<u8> {
        let address = ObjectAddress {
            bucket: request.bucket.clone(),
            key: self.object.key.clone(),
            version_id: None,
        };
        json!(IngestRequest::new([address], force))
            .to_string()
            .into_bytes()
    }

    fn readable(&self, tried: &Metrics) -> Finding {
        let Self { object, minutes } = self;
        let key = &object.key;
        if tried.total(metrics::OBJECTS_REJECTED) > 0 {
            let found = format!("{key} is damaged; the ledger tells how");
            return finding("newest object", State::Bad, found);
        }
        let mut found = format!("{key}, {minutes} minutes old, can be read");
        let quarantined = tried.total(metrics::RECORDS_QUARANTINED);
        if quarantined > 0 {
            found += &format!(", but for {quarantined} of its records; the ledger tells which");
        }
        finding("newest object", State::Good, found)
    }

    fn announced(&self, request: &Request, now: i64, finished_before: bool) -> Finding {
        let modified = self.object.modified_epoch_seconds;
        let is_older_than_the_stack = request
            .stack_created_epoch_seconds
            .is_some_and(|created| modified < created);
        let (state, found) = if finished_before {
            // Or an earlier check took it: one that finds a newer object tells.
            let found = "that object was announced, or taken by an earlier check";
            (State::Good, found.to_owned())
        } else if is_older_than_the_stack {
            let found = "that object is older than the stack; ask again when there is a newer one";
            (State::Open, found.to_owned())
        } else if modified + ANNOUNCED_WITHIN_SECONDS < now {
            let found = format!(
                "that object, {} minutes old, was not announced",
                self.minutes
            );
            (State::Bad, found)
        } else {
            let found = "that object is too new to tell; ask again in a quarter of an hour";
            (State::Open, found.to_owned())
        };
        // Who announces is the stack's to know.
        finding("announcement", state, found)
    }
}

/// S3 decrypts before it answers.
fn key() -> Finding {
    let found = "that object could be decrypted, if it is encrypted";
    finding("key", State::Good, found.to_owned())
}

fn tables(tried: &Metrics) -> Finding {
    let is_damaged = tried.total(metrics::OBJECTS_REJECTED) > 0;
    let found = match tried.total(metrics::RECORDS_STORED) {
        0 if is_damaged => "the ledger can be written".to_owned(),
        0 => "the ledger can be written; that object has no event of Redshift to keep".to_owned(),
        stored => format!("can be written: {stored} events of that object"),
    };
    finding("tables", State::Good, found)
}

/// What an error speaks of: AWS names the denied action in its message.
fn blamed(error: String, tried: &Metrics) -> Finding {
    let is_denied = tried.total(ACCESS_DENIED) > 0;
    let of_tables = ["could not write items", "could not read an item"]
        .into_iter()
        .any(|attempt| error.contains(attempt));
    let of_key = error.contains("kms:") || error.contains("KMS.");
    let (check, mended_by) = match (of_key, of_tables) {
        (true, true) => ("tables", Some("TablesKeyPolicyStatement")),
        (true, false) => ("key", Some("KeyPolicyStatement")),
        (false, true) => ("tables", None),
        (false, false) => ("newest object", Some("BucketPolicyStatements")),
    };
    Finding {
        mended_by: mended_by.filter(|_| is_denied),
        ..finding(check, State::Bad, error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use redtrail_function::metrics::Metric;

    use super::*;

    const NOW: i64 = 1_772_442_000;
    const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/\
                       111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";

    fn asked() -> Request {
        Request {
            bucket: "trail".to_owned(),
            prefix: String::new(),
            stack_created_epoch_seconds: None,
        }
    }

    fn object(age_seconds: i64) -> Result<Option<NewestObject>, EdgeError> {
        Ok(Some(NewestObject {
            key: KEY.to_owned(),
            modified_epoch_seconds: NOW - age_seconds,
        }))
    }

    /// What comes of taking the object: the answer, and what is counted.
    type Taken<'t> = (Result<Value, &'t str>, &'t [Metric]);

    /// The findings as `check state`, and the outputs that mend. The object is taken once, and once
    /// more by force where that is given too.
    async fn findings_of(
        request: &Request,
        newest: Result<Option<NewestObject>, EdgeError>,
        taken: &[Taken<'_>],
    ) -> Vec<(String, Option<String>)> {
        let times = AtomicUsize::new(0);
        let ingest = async |payload: &[u8], metrics: &mut Metrics| {
            let announced = redtrail_notification::read(payload)
                .messages
                .remove(0)
                .announced;
            let time = times.fetch_add(1, Ordering::Relaxed);
            assert_eq!(announced.objects[0].address.bucket, "trail");
            assert_eq!(announced.objects[0].address.key, KEY);
            assert_eq!(announced.objects[0].force, time == 1);
            let (answer, counted) = &taken[time];
            for metric in *counted {
                metrics.add(*metric, 1);
            }
            answer.clone().map_err(|first| InvocationFailed {
                failed: 1,
                messages: 1,
                first: first.to_owned(),
            })
        };
        let mut metrics = Metrics::default();
        let newest = async { newest };
        let told = check(request, NOW, newest, ingest, &mut metrics).await;
        assert_eq!(times.into_inner(), taken.len());
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

    async fn findings(
        newest: Result<Option<NewestObject>, EdgeError>,
        taken: &[Taken<'_>],
    ) -> Vec<(String, Option<String>)> {
        findings_of(&asked(), newest, taken).await
    }

    fn lines(findings: &[(String, Option<String>)]) -> Vec<&str> {
        findings.iter().map(|(line, _)| line.as_str()).collect()
    }

    #[test]
    fn only_its_own_payload_is_a_request() {
        let payload = br#"{"redtrail": "check", "bucket": "trail", "prefix": "p/", "stack_created_epoch_seconds": 7}"#;
        let expected = Request {
            bucket: "trail".to_owned(),
            prefix: "p/".to_owned(),
            stack_created_epoch_seconds: Some(7),
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

    const FINISHED_BEFORE: Taken<'_> = (Ok(Value::Null), &[metrics::OBJECTS_FINISHED_BEFORE]);
    const STORED: Taken<'_> = (
        Ok(Value::Null),
        &[metrics::OBJECTS_ACCEPTED, metrics::RECORDS_STORED],
    );
    const DAMAGED: Taken<'_> = (Ok(Value::Null), &[metrics::OBJECTS_REJECTED]);
    const DENIED: &[Metric] = &[ACCESS_DENIED];

    #[tokio::test]
    async fn all_is_well() {
        let told = findings(object(3600), &[FINISHED_BEFORE, STORED]).await;
        assert_eq!(
            lines(&told),
            [
                "bucket good",
                "newest object good",
                "key good",
                "tables good",
                "announcement good"
            ]
        );
        assert!(told.iter().all(|(_, mended_by)| mended_by.is_none()));
    }

    #[tokio::test]
    async fn nobody_announced_it() {
        let told = findings(object(3600), &[STORED]).await;
        assert_eq!(lines(&told)[4], "announcement bad");
        let told = findings(object(60), &[STORED]).await;
        assert_eq!(lines(&told)[4], "announcement open");
    }

    #[tokio::test]
    async fn nobody_could_announce_it_to_a_stack_that_was_not_there() {
        for (made_ago, line) in [(7200, "announcement bad"), (1800, "announcement open")] {
            let request = Request {
                stack_created_epoch_seconds: Some(NOW - made_ago),
                ..asked()
            };
            let told = findings_of(&request, object(3600), &[STORED]).await;
            assert_eq!(lines(&told)[4], line);
        }
    }

    #[tokio::test]
    async fn what_was_finished_before_is_not_taken_for_what_can_be_done_now() {
        let denied = "s3://trail/k: could not write items to ledger: AccessDeniedException: not authorized to perform: dynamodb:BatchWriteItem";
        let told = findings(object(3600), &[FINISHED_BEFORE, (Err(denied), DENIED)]).await;
        assert_eq!(
            lines(&told),
            ["bucket good", "tables bad", "announcement good"]
        );
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
        let told = findings(newest, &[]).await;
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
        let told = findings(Ok(None), &[]).await;
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
            let told = findings(object(60), &[(Err(error), DENIED)]).await;
            let (last, mends) = told.last().unwrap();
            assert_eq!(last, line);
            assert_eq!(mends.as_deref(), mended_by);
        }
    }

    #[tokio::test]
    async fn a_damaged_object_is_bad_but_was_written_down() {
        for taken in [&[DAMAGED][..], &[FINISHED_BEFORE, DAMAGED]] {
            let told = findings(object(60), taken).await;
            assert_eq!(lines(&told)[1], "newest object bad");
            assert_eq!(lines(&told)[3], "tables good");
        }
    }
}
