//! `redtrail backfill` against an S3, a DynamoDB and an SQS.

use std::{collections::BTreeSet, process::Stdio, thread};

use redtrail_core::retention::Retention;
use redtrail_model::{TABLES, Table};
use redtrail_trailgen::{Trail as Made, TrailOptions};
use serde_json::{Value, json};

use crate::{
    run::Output,
    stub::{describe_stacks, stub},
    trail::{BUCKET, Trail, assert_plain, key, log, record},
};

const ACCOUNT: &str = "111122223333";
const RETENTIONS: [&str; 3] = [
    "--retention-days=0",
    "--directory-retention-days=0",
    "--ledger-retention-days=0",
];

fn document(out: &Output) -> Value {
    serde_json::from_str(&out.stdout).unwrap_or_else(|_| panic!("{} {}", out.stdout, out.stderr))
}

/// The key of an object of the account's, delivered on that day of March 2026.
fn of(day: u8, time: &str) -> String {
    key("", ACCOUNT, "us-east-1", &format!("202603{day:02}T{time}"))
}

fn body(id: &str) -> Vec<u8> {
    log(&[record(id).to_string()])
}

/// What the function would read, of the messages that the queue has.
fn announced(messages: &[String]) -> Vec<String> {
    let records = messages.iter().map(|body| {
        json!({
            "messageId": "1", "receiptHandle": "h", "body": body, "attributes": {},
            "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:redtrail",
            "awsRegion": "us-east-1",
        })
    });
    let event = json!({ "Records": records.collect::<Vec<_>>() });
    let invocation = redtrail_notification::read(event.to_string().as_bytes());
    let objects = invocation.messages.into_iter().flat_map(|message| {
        assert!(
            message.announced.unreadable.is_empty() && message.announced.passed_over.is_empty()
        );
        message.announced.objects
    });
    objects
        .map(|object| {
            assert_eq!(
                (object.address.bucket.as_str(), object.force),
                (BUCKET, false)
            );
            object.address.key
        })
        .collect()
}

#[test]
fn ok_what_is_missing_is_announced_and_nothing_else() {
    let trail = Trail::start();
    let queue = trail.queue();
    let mut missing = Vec::new();
    for minute in 0..60 {
        missing.push(of(2, &format!("09{minute:02}")));
    }
    missing.push(of(3, "0005").replace("20260303T0005Z", "20260302T2355Z"));
    for key in &missing {
        trail.put_object(key, &body(key));
    }
    trail.deliver(&of(2, "1000"), &body("known"), Retention::Forever);
    // Delivered anew with another content, after it was read.
    trail.deliver(&of(2, "1005"), &body("known"), Retention::Forever);
    trail.put_object(&of(2, "1005"), &body("replaced"));
    missing.push(of(2, "1005"));
    for other in [of(1, "2340"), of(3, "0100")] {
        trail.put_object(&other, &body("other day"));
    }
    missing.sort();
    let question = [
        "backfill",
        "s3://trail/AWSLogs/",
        "--since=2026-03-02",
        "--until=2026-03-02",
        "--retention-days=0",
        "--output=json",
    ];
    let url = queue.queue_url();
    let endpoint = queue.endpoint();
    let ask = |more: &[&str]| {
        let variables = [("AWS_ENDPOINT_URL_SQS", endpoint.as_str())];
        trail.redtrail_in(&[&question[..], more].concat(), &variables, b"")
    };

    let out = ask(&["--queue-url", &url]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    let told = document(&out);
    assert_eq!(told["way"], "queue");
    assert_eq!(told["complete"], true);
    assert_eq!(told["listed"]["objects"], 63);
    assert_eq!(told["ingested_before"]["objects"], 1);
    assert_eq!(told["announced"]["objects"], 62);
    let mut read = announced(&queue.messages());
    read.sort();
    assert_eq!(read, missing);

    // Nothing was ingested meanwhile: it is announced once more.
    assert_eq!(
        document(&ask(&["--queue-url", &url]))["announced"]["objects"],
        62
    );
    assert_eq!(announced(&queue.messages()).len(), 124);

    // What SQS does not take is said, with what it takes.
    queue.refuse(100, "AccessDenied");
    let out = ask(&["--queue-url", &url]);
    assert_eq!(out.status, 1);
    assert_eq!(document(&out)["complete"], false);
    assert!(out.stderr.contains("sqs:SendMessage"), "{}", out.stderr);
    assert_plain(&out);
}

/// A trail that another stack's function has never seen.
fn made(trail: &Trail) -> usize {
    let mut made = Made::with_options(TrailOptions {
        seed: 7,
        redshift_share: 0.3,
        ..TrailOptions::default()
    });
    for _ in 0..30 {
        let object = made.object(40);
        trail.put_object(&object.key, &object.gzip());
    }
    30
}

fn here(trail: &Trail, more: &[&str]) -> Output {
    let question = [
        "backfill",
        "s3://trail",
        "--since=2026-03-01",
        "--here",
        "--output=json",
    ];
    trail.redtrail(&[&question[..], &RETENTIONS, more].concat(), b"")
}

#[test]
fn ok_here_and_killed_on_the_way() {
    let (clean, killed) = (Trail::start(), Trail::start());
    let objects = made(&clean);
    made(&killed);
    let out = here(&clean, &[]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    let told = document(&out);
    assert_eq!(told["ingested"]["objects"], objects);
    assert_eq!(told["accepted"], objects);
    assert!(told["events_stored"].as_u64().unwrap() > 100, "{told}");

    // At ten objects a second it is not done when the first of them are.
    let question = [
        "backfill",
        "s3://trail",
        "--since=2026-03-01",
        "--here",
        "--rate=10",
    ];
    let mut command = killed.command(&[&question[..], &RETENTIONS].concat());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while killed.items().is_empty() {
        assert!(child.try_wait().unwrap().is_none());
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(killed.items().len() < clean.items().len());

    let told = document(&here(&killed, &[]));
    let before = told["ingested_before"]["objects"].as_u64().unwrap();
    assert!(before < objects as u64, "{told}");
    assert_eq!(
        told["ingested"]["objects"].as_u64().unwrap() + before,
        objects as u64
    );
    assert!(killed.items() == clean.items(), "the tables differ");
    // There is nothing left to do.
    assert_eq!(document(&here(&killed, &[]))["ingested"]["objects"], 0);
}

#[test]
fn ok_a_dry_run_tells_what_a_run_then_does() {
    let trail = Trail::start();
    let objects = made(&trail);
    let dry = |more: &[&str]| {
        let question = ["backfill", "s3://trail/", "--since=2026-03-01", "--dry-run"];
        trail.redtrail(
            &[&question[..], &["--retention-days=0"], more].concat(),
            b"",
        )
    };
    let told = document(&dry(&["--output=json"]));
    let estimate = &told["estimate"];
    assert_eq!(estimate["to_ingest"]["objects"], objects);
    assert_eq!(estimate["sample"], estimate["to_ingest"]);
    for sum in ["events", "write_units"] {
        assert_eq!(estimate[sum]["low"], estimate[sum]["high"], "all were read");
    }
    assert!(trail.items().is_empty(), "nothing was written");
    let units = estimate["write_units"]["expected"].as_f64().unwrap();
    let dollars = estimate["dollars"]["expected"].as_f64().unwrap();
    assert!((dollars - units * 0.625e-6).abs() < 1e-12);
    let dear = document(&dry(&["--output=json", "--price-per-million=2"]));
    let dear = dear["estimate"]["dollars"]["expected"].as_f64().unwrap();
    assert!((dear - units * 2e-6).abs() < 1e-12);
    let out = dry(&[]);
    assert_eq!(out.status, 0);
    for part in ["all of them were read", "write units", "us-east-1", "0.625"] {
        assert!(out.stdout.contains(part), "{part}: {}", out.stdout);
    }

    let done = document(&here(&trail, &[]));
    assert_eq!(
        estimate["events"]["expected"].as_f64(),
        done["events_stored"].as_f64()
    );
    let told = document(&dry(&["--output=json"]));
    assert_eq!(told["estimate"]["to_ingest"]["objects"], 0);
    assert_eq!(told["ingested_before"]["objects"], objects);
    let out = dry(&[]);
    assert!(out.stdout.contains("nothing left"), "{}", out.stdout);
}

#[test]
fn ok_accounts_and_regions() {
    let trail = Trail::start();
    made(&trail);
    let all = document(&here(&trail, &["--dry-run"]));
    let mut sum = 0;
    for account in ["111122223333", "444455556666", "123456789012"] {
        let told = document(&here(&trail, &["--dry-run", "--accounts", account]));
        sum += told["listed"]["objects"].as_u64().unwrap();
    }
    assert_eq!(all["listed"]["objects"], sum);
    let told = document(&here(
        &trail,
        &[
            "--dry-run",
            "--accounts=111122223333,444455556666",
            "--regions=eu-west-1",
        ],
    ));
    assert!(told["listed"]["objects"].as_u64().unwrap() < sum);
    assert_eq!(told["places"], 2);
    // What is named and is not there is no trail that is done.
    for (words, named) in [
        (
            ["--accounts=111122223333", "--regions=us-esat-1"],
            "us-esat-1",
        ),
        (
            ["--accounts=111122223333,999999999999", "--rate=9"],
            "999999999999",
        ),
    ] {
        let out = here(&trail, &words);
        assert_eq!(out.status, 1, "{}", out.stdout);
        assert!(out.stderr.contains(named), "{}", out.stderr);
    }
}

#[test]
fn err_objects_that_cannot_be_had() {
    let trail = Trail::start();
    trail.put_object(&of(2, "0900"), &body("e1"));
    trail.put_object(&of(2, "0905"), b"no log");
    let out = here(&trail, &[]);
    // A bad object is done: the ledger tells of it.
    assert_eq!(out.status, 0);
    let told = document(&out);
    assert_eq!([&told["accepted"], &told["rejected"]], [1, 1]);
    assert!(out.stderr.contains("rejected ("), "{}", out.stderr);
    let again = document(&here(&trail, &[]));
    assert_eq!(again["ingested_before"]["objects"], 2);

    let variables = [("LEDGER_TABLE", "none")];
    let question = ["backfill", "s3://trail", "--since=2026-03-01", "--here"];
    let out = trail.redtrail_in(&[&question[..], &RETENTIONS].concat(), &variables, b"");
    assert_eq!(out.status, 1);
    assert!(out.stderr.contains("none"), "{}", out.stderr);
    let nowhere = [
        "backfill",
        "s3://trail/elsewhere",
        "--since=2026-03-01",
        "--here",
    ];
    let out = trail.redtrail(&[&nowhere[..], &RETENTIONS].concat(), b"");
    assert_eq!(out.status, 1);
    assert!(out.stderr.contains("elsewhere/AWSLogs/"), "{}", out.stderr);
}

#[test]
fn err_usage() {
    let trail = Trail::start();
    for (args, expected) in [
        (&["s3://trail", "--since=2d"][..], "--here"),
        (&["trail", "--since=2d", "--here"], "s3://BUCKET"),
        (
            &["s3://trail/AWSLogs/111122223333/", "--since=2d", "--here"],
            "--accounts",
        ),
        (&["s3://trail", "--here"], "--since"),
        (&["s3://trail", "--since=2d", "--here"], "--retention-days"),
        (
            &["s3://trail", "--since=2d", "--here", "--retention-days=9"],
            "--directory-retention-days",
        ),
        (
            &["s3://trail", "--since=1d", "--until=2d", "--dry-run"],
            "no time is both",
        ),
        (
            &["s3://trail", "--since=2d", "--here", "--queue-url=x"],
            "cannot be used with",
        ),
        (
            &["s3://trail", "--since=2d", "--here", "--rate=0"],
            "--rate",
        ),
        (
            &[
                "s3://trail",
                "--since=2d",
                "--dry-run",
                "--price-per-million=nan",
            ],
            "a price in dollars",
        ),
        // Beyond what is kept, wholly or in part.
        (
            &[
                "s3://trail",
                "--since=2026-03-02",
                "--until=2026-03-03",
                "--dry-run",
                "--retention-days=7",
            ],
            "RetentionDays",
        ),
        (
            &[
                "s3://trail",
                "--since=8d",
                "--queue-url=x",
                "--retention-days=7",
            ],
            "RetentionDays",
        ),
    ] {
        let out = trail.redtrail(&[&["backfill"], args].concat(), b"");
        assert_eq!(out.status, 2, "{args:?}: {}", out.stderr);
        assert!(out.stderr.contains(expected), "{args:?}: {}", out.stderr);
        assert_eq!(out.stdout, "");
    }
}

/// CloudFormation and SSM of one stack.
fn stack(parameters: &[(&str, &str)], queue_url: &str, tables: Vec<(String, String)>) -> String {
    let described = describe_stacks(parameters, &[("NotificationQueueUrl", queue_url)]);
    let found = tables.into_iter().map(
        |(name, value)| json!({ "Name": name, "Type": "String", "Value": value, "Version": 1 }),
    );
    let found: Vec<Value> = found.collect();
    let parameters = json!({ "Parameters": found, "InvalidParameters": [] }).to_string();
    stub(move |request| {
        let head = request.head.to_lowercase();
        Some(
            if head.contains("x-amz-target: amazonssm.getparameters\r\n") {
                ("application/x-amz-json-1.1", parameters.clone())
            } else {
                ("text/xml", described.clone())
            },
        )
    })
}

#[test]
fn ok_a_stack_tells_queue_tables_and_retentions() {
    let trail = Trail::start();
    let queue = trail.queue();
    let objects = made(&trail);
    let tables = TABLES.iter().flat_map(|schema| {
        let name = schema.variable.to_lowercase().replace('_', "-");
        let table = trail.table(schema.table).to_owned();
        let arn = format!("arn:aws:dynamodb:us-east-1:111122223333:table/{table}");
        [
            (format!("/redtrail/audit/{name}"), table),
            (format!("/redtrail/audit/{name}-arn"), arn),
        ]
    });
    let tables: Vec<_> = tables.collect();
    let run = |days: &str, more: &[&str]| {
        let parameters = [
            ("RetentionDays", days),
            ("DirectoryRetentionDays", "0"),
            ("LedgerRetentionDays", "0"),
            ("RedshiftAccountIds", ""),
        ];
        let endpoint = stack(&parameters, &queue.queue_url(), tables.clone());
        let variables = [
            ("AWS_ENDPOINT_URL_SQS", queue.endpoint()),
            ("AWS_ENDPOINT_URL_SSM", endpoint.clone()),
            ("AWS_ENDPOINT_URL_CLOUDFORMATION", endpoint),
        ];
        let mut variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        variables.extend(TABLES.iter().map(|schema| (schema.variable, "")));
        let question = [
            "backfill",
            "s3://trail",
            "--since=2026-03-01",
            "--stack=audit",
            "--output=json",
        ];
        trail.redtrail_in(&[&question[..], more].concat(), &variables, b"")
    };
    let out = run("0", &[]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    assert_eq!(document(&out)["announced"]["objects"], objects);
    let read: BTreeSet<String> = announced(&queue.messages()).into_iter().collect();
    assert_eq!(read.len(), objects);

    let out = run("7", &[]);
    assert_eq!(out.status, 2);
    assert!(out.stderr.contains("RetentionDays"), "{}", out.stderr);
    let out = run("0", &["--retention-days=9"]);
    assert_eq!(out.status, 2);

    let out = run("4000", &["--here"]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    let expiring = trail.items();
    let of_events = expiring
        .iter()
        .filter(|item| item.starts_with(&format!("{:?}", Table::Principals)));
    assert!(of_events.clone().count() > 100);
    assert!(of_events.clone().all(|item| item.contains("expires_at")));
}
