//! Payloads valid, odd and hostile, and what is read from them.

use proptest::prelude::*;
use redtrail_notification::{Announced, Caller, Unreadable, read};
use serde_json::{Value, json};

const LOG: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";
const OTHER_LOG: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0910Z_i9J0k1L2m3N4o5P6.json.gz";

fn notification_record(name: &str, key: &str) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": name,
        "s3": {"bucket": {"name": "trail"}, "object": {"key": key}},
    })
}

fn notification(key: &str) -> Value {
    json!({"Records": [notification_record("ObjectCreated:Put", key)]})
}

fn queue(bodies: &[Value]) -> Value {
    let message = |(index, body): (usize, &Value)| {
        let body = body
            .as_str()
            .map_or_else(|| body.to_string(), str::to_owned);
        json!({"messageId": format!("m{index}"), "eventSource": "aws:sqs", "body": body})
    };
    json!({"Records": bodies.iter().enumerate().map(message).collect::<Vec<_>>()})
}

fn topic(message: &Value) -> Value {
    json!({"Type": "Notification", "Message": message.to_string()})
}

fn event_bridge(key: &str) -> Value {
    json!({
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "trail"}, "object": {"key": key}},
    })
}

fn job(task: &Value) -> Value {
    json!({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": [task]})
}

fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).expect(pointer) = value;
    payload
}

fn without(mut payload: Value, pointer: &str, member: &str) -> Value {
    let parent = payload.pointer_mut(pointer).and_then(Value::as_object_mut);
    parent.expect(pointer).remove(member).expect(member);
    payload
}

/// What the one message of a payload announces.
#[track_caller]
fn only(payload: &Value) -> Announced {
    let mut messages = read(payload.to_string().as_bytes()).messages;
    assert_eq!(messages.len(), 1, "{payload}");
    messages.remove(0).announced
}

#[track_caller]
fn keys(payload: &Value) -> Vec<String> {
    let announced = only(payload);
    assert_eq!(announced.unreadable, [], "{payload}");
    announced
        .objects
        .into_iter()
        .map(|object| object.address.key)
        .collect()
}

#[track_caller]
fn passed_over(payload: &Value) -> Vec<String> {
    let announced = only(payload);
    assert_eq!(announced.unreadable, [], "{payload}");
    assert_eq!(announced.objects, [], "{payload}");
    announced
        .passed_over
        .iter()
        .map(|passed| passed.reason.to_string())
        .collect()
}

/// The names of the failures of a payload that yields nothing else.
#[track_caller]
fn unreadable(payload: &Value) -> Vec<&'static str> {
    let announced = only(payload);
    assert_eq!(announced.objects, [], "{payload}");
    assert_eq!(announced.passed_over, [], "{payload}");
    announced.unreadable.iter().map(Unreadable::name).collect()
}

#[test]
fn ok_notification_versions() {
    for version in ["2.0", "2.1", "2.2", "2.3", "2.5", "2.9", "2.10", "2.99"] {
        let payload = with(notification(LOG), "/Records/0/eventVersion", json!(version));
        assert_eq!(keys(&payload), [LOG], "{version}");
    }
    for version in ["1.0", "3.0", "20.1", "2", "2.", "2.x", "-2.1", " 2.1", "x"] {
        let payload = with(notification(LOG), "/Records/0/eventVersion", json!(version));
        assert_eq!(unreadable(&payload), ["notification_version"], "{version}");
    }
}

#[test]
fn ok_created_and_nothing_else() {
    let events = |name| json!({"Records": [notification_record(name, LOG)]});
    for name in [
        "ObjectCreated:Put",
        "ObjectCreated:Post",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectCreated:Put",
    ] {
        assert_eq!(keys(&events(name)), [LOG], "{name}");
    }
    for name in [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "ObjectRestore:Completed",
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "Replication:OperationFailedReplication",
        "IntelligentTiering",
        "ReducedRedundancyLostObject",
    ] {
        let reason = format!("not_object_created ({name})");
        assert_eq!(passed_over(&events(name)), [reason], "{name}");
    }
    for detail_type in [
        "Object Deleted",
        "Object Tags Added",
        "Object Restore Completed",
    ] {
        let payload = with(event_bridge(LOG), "/detail-type", json!(detail_type));
        let reason = format!("not_object_created ({detail_type})");
        assert_eq!(passed_over(&payload), [reason]);
    }
}

#[test]
fn ok_key_encoding_by_shape() {
    let spaced = format!("a b+c/{LOG}");
    // S3 notifications are form-urlencoded.
    assert_eq!(
        keys(&notification(&format!("a+b%2Bc/{LOG}"))),
        [spaced.as_str()]
    );
    // The keys of jobs are percent-encoded.
    let task = json!({"taskId": "t", "s3Key": format!("a%20b+c/{LOG}"), "s3BucketArn": "arn:aws-cn:s3:::trail"});
    assert_eq!(keys(&job(&task)), [spaced.as_str()]);
    // Undocumented: as it is, and decoded as second choice.
    let cloudtrail = |key: &str| json!({"s3Bucket": "trail", "s3ObjectKey": [key]});
    for shape in [event_bridge, cloudtrail] {
        for (key, alternative) in [
            (LOG.to_owned(), None),
            (format!("a+b%2Bc/{LOG}"), Some(spaced.clone())),
            (LOG.replace('/', "%2F"), Some(LOG.to_owned())),
            (format!("%FF/{LOG}"), None),
        ] {
            let announced = only(&shape(&key));
            assert_eq!(announced.objects.len(), 1, "{key}");
            assert_eq!(announced.objects[0].address.key, key);
            assert_eq!(announced.objects[0].alternative_key, alternative);
        }
    }
    // Decoded once, not until nothing is left to decode.
    assert_eq!(
        keys(&notification(&format!("%252F/{LOG}"))),
        [format!("%2F/{LOG}")]
    );
    assert_eq!(
        unreadable(&notification(&format!("%FF/{LOG}"))),
        ["key_encoding"]
    );
}

#[test]
fn ok_versions_of_objects() {
    let version = |payload| only(&payload).objects[0].address.version_id.clone();
    let object = |version: Value| json!({"key": LOG, "versionId": version});
    let at = "/Records/0/s3/object";
    assert_eq!(
        version(with(notification(LOG), at, object(json!("v1")))),
        Some("v1".into())
    );
    assert_eq!(
        version(with(notification(LOG), at, object(json!("")))),
        None
    );
    assert_eq!(
        version(with(notification(LOG), at, object(Value::Null))),
        None
    );
    let bridge = json!({"key": LOG, "version-id": "v1"});
    assert_eq!(
        version(with(event_bridge(LOG), "/detail/object", bridge)),
        Some("v1".into())
    );
    let task = json!({"taskId": "t", "s3Key": LOG, "s3VersionId": "v1", "s3Bucket": "trail"});
    assert_eq!(version(job(&task)), Some("v1".into()));
}

#[test]
fn ok_payloads_within_payloads() {
    let failed = |request: Value| json!({"version": "1.0", "requestContext": {"condition": "EventAgeExceeded"}, "requestPayload": request});
    let lambda_topic =
        |message: Value| json!({"Records": [{"EventSource": "aws:sns", "Sns": topic(&message)}]});
    for payload in [
        queue(&[topic(&notification(LOG))]),
        queue(&[topic(&event_bridge(LOG))]),
        lambda_topic(event_bridge(LOG)),
        failed(lambda_topic(notification(LOG))),
        failed(queue(&[topic(&notification(LOG))])),
        queue(&[topic(&failed(queue(&[topic(&notification(LOG))])))]),
        queue(&[queue(&[queue(&[notification(LOG)])])]),
        // JSON in a string.
        json!(notification(LOG).to_string()),
    ] {
        assert_eq!(keys(&payload), [LOG], "{payload}");
    }
}

#[test]
fn ok_sns_without_optional_members() {
    // FIFO topics sign nothing; `Subject` is optional everywhere.
    let message = json!({
        "Type": "Notification", "MessageId": "m", "SequenceNumber": "1", "TopicArn": "t",
        "Message": notification(LOG).to_string(), "Timestamp": "2026-03-02T09:05:00Z",
    });
    assert_eq!(keys(&queue(&[message])), [LOG]);
}

#[test]
fn ok_nothing_to_do() {
    let confirmation =
        |kind: &str| json!({"Type": kind, "Message": "You have chosen …", "Token": "t"});
    for (payload, reason) in [
        (
            json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"}),
            "s3_test_event",
        ),
        (
            confirmation("SubscriptionConfirmation"),
            "subscription_confirmation",
        ),
        (
            confirmation("UnsubscribeConfirmation"),
            "unsubscribe_confirmation",
        ),
        (
            json!("CloudTrail validation message."),
            "cloudtrail_validation",
        ),
        (notification("AWSLogs/111122223333/CloudTrail/"), "other"),
        (event_bridge("a%20b"), "other"),
    ] {
        assert_eq!(passed_over(&payload), [reason], "{payload}");
        assert_eq!(
            passed_over(&queue(std::slice::from_ref(&payload))),
            [reason],
            "{payload}"
        );
    }
    let as_it_is = read(b"CloudTrail validation message.\n");
    assert_eq!(
        as_it_is.messages[0].announced.passed_over[0].reason.name(),
        "cloudtrail_validation"
    );
}

#[test]
fn err_unknown_payloads() {
    let task = json!({"taskId": "t", "s3Key": LOG, "s3BucketArn": "arn:aws:s3:::trail"});
    let bus =
        |source: &str, kind: &str| json!({"source": source, "detail-type": kind, "detail": {}});
    for (payload, name) in [
        (json!(null), "unknown_shape"),
        (json!(5), "unknown_shape"),
        (json!([]), "unknown_shape"),
        (json!({}), "unknown_shape"),
        (json!([notification(LOG)]), "unknown_shape"),
        (json!({"Event": "s3:OtherEvent"}), "unknown_shape"),
        (json!({"Type": "Other", "Message": ""}), "unknown_shape"),
        (json!("hello"), "not_json"),
        (json!("{\"Records\":["), "not_json"),
        (json!({"Records": []}), "missing_member"),
        (json!({"Records": {}}), "missing_member"),
        (json!({"Records": null}), "missing_member"),
        (json!({"Records": [{}]}), "missing_member"),
        (json!({"Records": [null]}), "missing_member"),
        (
            json!({"Records": [{"eventSource": "aws:kinesis"}]}),
            "unknown_event_source",
        ),
        // The content of a log object.
        (
            json!({"Records": [{"eventSource": "redshift.amazonaws.com"}]}),
            "unknown_event_source",
        ),
        (
            json!({"Records": [{"EventSource": "aws:sns"}]}),
            "missing_member",
        ),
        (
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification"}}]}),
            "missing_member",
        ),
        (
            json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m"}]}),
            "missing_member",
        ),
        (
            json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": ""}]}),
            "not_json",
        ),
        (
            with(notification(LOG), "/Records/0/s3/bucket/name", json!("")),
            "missing_member",
        ),
        (
            without(notification(LOG), "/Records/0/s3/bucket", "name"),
            "missing_member",
        ),
        (
            without(notification(LOG), "/Records/0/s3/object", "key"),
            "missing_member",
        ),
        (
            without(notification(LOG), "/Records/0", "eventVersion"),
            "missing_member",
        ),
        (
            without(notification(LOG), "/Records/0", "eventName"),
            "missing_member",
        ),
        (without(notification(LOG), "/Records/0", "s3"), "malformed"),
        (
            with(notification(LOG), "/Records/0/s3/object/key", json!(7)),
            "malformed",
        ),
        (
            without(event_bridge(LOG), "/detail/object", "key"),
            "missing_member",
        ),
        (
            without(event_bridge(LOG), "/detail/bucket", "name"),
            "missing_member",
        ),
        (without(event_bridge(LOG), "", "detail"), "malformed"),
        (
            bus("aws.s3", "AWS API Call via CloudTrail"),
            "unknown_event_bridge_event",
        ),
        (
            bus("aws.events", "Scheduled Event"),
            "unknown_event_bridge_event",
        ),
        (json!({"s3ObjectKey": [LOG]}), "missing_member"),
        (
            json!({"s3Bucket": "trail", "s3ObjectKey": []}),
            "missing_member",
        ),
        (
            json!({"s3Bucket": "trail", "s3ObjectKey": LOG}),
            "missing_member",
        ),
        (
            json!({"s3Bucket": "trail", "s3ObjectKey": [""]}),
            "missing_member",
        ),
        (
            json!({"invocationSchemaVersion": "1.0", "tasks": []}),
            "missing_member",
        ),
        (json!({"invocationSchemaVersion": "1.0"}), "missing_member"),
        (job(&without(task.clone(), "", "s3Key")), "missing_member"),
        (
            job(&without(task.clone(), "", "s3BucketArn")),
            "missing_member",
        ),
        (
            job(&with(task.clone(), "/s3BucketArn", json!("trail"))),
            "bucket_arn",
        ),
        (
            job(&with(
                task.clone(),
                "/s3BucketArn",
                json!("arn:aws:sqs:r:1:trail"),
            )),
            "bucket_arn",
        ),
        (job(&with(task, "/s3Key", json!("%FF"))), "key_encoding"),
        (
            json!({"requestContext": {"condition": "RetriesExhausted"}}),
            "request_dropped",
        ),
        (
            json!({"requestContext": {}, "requestPayload": null}),
            "request_dropped",
        ),
        (json!({"requestPayload": {}}), "unknown_shape"),
    ] {
        assert_eq!(unreadable(&payload), [name], "{payload}");
    }
    for bytes in [
        &b""[..],
        b" ",
        b"\xff\xfe",
        b"{\"Records\":[\"\xff\"]}",
        b"\0",
    ] {
        let announced = &read(bytes).messages[0].announced;
        assert_eq!(announced.unreadable[0].name(), "not_json");
    }
}

#[test]
fn err_bad_records_leave_their_neighbours_alone() {
    let payload = json!({"Records": [
        notification_record("ObjectCreated:Put", LOG),
        {"eventSource": "aws:s3"},
        notification_record("ObjectRemoved:Delete", LOG),
        notification_record("ObjectCreated:Put", OTHER_LOG),
    ]});
    let announced = only(&payload);
    let keys = announced
        .objects
        .iter()
        .map(|object| object.address.key.as_str());
    assert_eq!(keys.collect::<Vec<_>>(), [LOG, OTHER_LOG]);
    assert_eq!(
        (announced.passed_over.len(), announced.unreadable.len()),
        (1, 1)
    );

    let payload = queue(&[
        json!("?"),
        notification(LOG),
        json!({"Records": []}),
        notification(LOG),
    ]);
    let invocation = read(payload.to_string().as_bytes());
    assert_eq!(invocation.caller, Caller::Sqs);
    let found = invocation.messages.iter().map(|message| {
        (
            message.id.as_deref(),
            message.announced.objects.len(),
            message.announced.unreadable.len(),
        )
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            (Some("m0"), 0, 1),
            (Some("m1"), 1, 0),
            (Some("m2"), 0, 1),
            (Some("m3"), 1, 0)
        ]
    );
}

#[test]
fn err_too_deep() {
    let nested = |times| {
        (0..times).fold(
            notification(LOG),
            |inner, _| json!({"requestPayload": inner}),
        )
    };
    assert_eq!(keys(&nested(6)), [LOG]);
    assert_eq!(unreadable(&nested(50)), ["too_deep"]);
    // Deeper than JSON itself is read.
    let brackets = "[".repeat(1_000_000);
    assert_eq!(
        read(brackets.as_bytes()).messages[0].announced.unreadable[0].name(),
        "not_json"
    );
}

#[test]
fn err_messages_are_short_and_safe() {
    let hostile = format!("\u{1b}]0;x\u{7}\u{202e}{}", "x".repeat(100_000));
    for payload in [
        json!(hostile),
        json!({ &hostile: 1 }),
        json!({"Records": [{"eventSource": hostile}]}),
        json!({"detail-type": hostile, "source": hostile, "detail": {}}),
        with(notification(LOG), "/Records/0/eventVersion", json!(hostile)),
        with(notification(LOG), "/Records/0/s3", json!(hostile)),
        notification(&format!("%FF{hostile}")),
        job(&json!({"s3Key": "k", "s3BucketArn": hostile})),
    ] {
        let unreadable = only(&payload).unreadable;
        assert_eq!(unreadable.len(), 1, "{payload}");
        assert_safe(&unreadable[0].to_string());
    }
    let removed = json!({"Records": [notification_record(&hostile, LOG)]});
    assert_safe(&passed_over(&removed)[0]);
}

#[track_caller]
fn assert_safe(text: &str) {
    assert!(text.len() < 600, "{text}");
    assert!(
        !text.contains(|c: char| c.is_control() || c == '\u{202e}'),
        "{text:?}"
    );
}

/// Whatever is read, something is said about each message.
fn says_something(payload: &[u8]) -> bool {
    let invocation = read(payload);
    !invocation.messages.is_empty()
        && invocation.messages.iter().all(|message| {
            let announced = &message.announced;
            !(announced.objects.is_empty()
                && announced.passed_over.is_empty()
                && announced.unreadable.is_empty())
        })
}

/// JSON of the members and values that the shapes are made of.
fn any_payload() -> impl Strategy<Value = Value> {
    let names = proptest::sample::select(vec![
        "Records",
        "eventSource",
        "EventSource",
        "body",
        "messageId",
        "Sns",
        "Type",
        "Message",
        "s3",
        "bucket",
        "object",
        "name",
        "key",
        "eventVersion",
        "eventName",
        "detail",
        "detail-type",
        "source",
        "s3Bucket",
        "s3ObjectKey",
        "Event",
        "tasks",
        "taskId",
        "s3Key",
        "invocationSchemaVersion",
        "requestPayload",
        "requestContext",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(vec![
            "aws:s3",
            "aws:sqs",
            "aws:sns",
            "aws.s3",
            "lambda",
            "Notification",
            "2.1",
            LOG,
            "Object Created",
            "ObjectCreated:Put",
            "s3:TestEvent",
            "trail",
            "[]",
            "{}",
            "CloudTrail validation message.",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(
                names.clone().prop_map(str::to_owned),
                inner.clone(),
                0..8
            )
            .prop_map(|members| Value::Object(members.into_iter().collect())),
            inner.prop_map(|payload| Value::String(payload.to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes(payload: Vec<u8>) {
        prop_assert!(says_something(&payload));
    }

    #[test]
    fn any_json(payload in any_payload()) {
        prop_assert!(says_something(payload.to_string().as_bytes()));
        prop_assert!(says_something(queue(&[payload]).to_string().as_bytes()));
    }

    #[test]
    fn any_cut(payload in proptest::sample::select(vec![
        queue(&[topic(&notification(LOG))]), event_bridge(LOG),
    ]), cut: proptest::sample::Index) {
        let bytes = payload.to_string().into_bytes();
        let cut = &bytes[..cut.index(bytes.len())];
        prop_assert!(!read(cut).messages[0].announced.unreadable.is_empty());
    }

    /// Every key that CloudTrail could have written comes back from every encoding.
    #[test]
    fn any_key(prefix in "[^/]{1,12}") {
        let key = format!("{prefix}/{LOG}");
        let encoded = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC).to_string();
        prop_assert_eq!(keys(&notification(&encoded.replace("%20", "+"))), std::slice::from_ref(&key));
        let task = json!({"taskId": "t", "s3Key": encoded, "s3Bucket": "trail"});
        prop_assert_eq!(keys(&job(&task)), std::slice::from_ref(&key));
        prop_assert_eq!(keys(&event_bridge(&key)), std::slice::from_ref(&key));
    }
}
