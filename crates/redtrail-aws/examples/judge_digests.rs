//! Asks the AWS CLI about the same tampered trails, as a judge who knows nothing of redtrail:
//! `aws cloudtrail validate-logs` against an S3 and a ListPublicKeys on this machine. Run by
//! `make nightly`, which gives it the path of `aws`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it stops where something fails, and says what it saw"
)]

use std::{path::Path, process::ExitCode};

use jiff::{SignedDuration, Timestamp};
use redtrail_local::{Environment, LOOPBACK, PublicKeysServer, S3Server};
use redtrail_trailgen::digest::{Mix, SigningKey, Tampering};
use tempfile::TempDir;
use tokio::process::Command;

/// What awscli 1.45.11 passes over: what follows a gzip member and its trailer, names of
/// algorithms, a digest's hash in its successor's link, objects that are not listed.
const PASSED_OVER: [Tampering; 11] = [
    Tampering::LogWithSecondMember,
    Tampering::LogWithBytesAfter,
    Tampering::LogWithoutTrailer,
    Tampering::LogHashAlgorithm,
    Tampering::UnlistedObjects,
    Tampering::UnlistedOddName,
    Tampering::DigestWithSecondMember,
    Tampering::DigestWithBytesAfter,
    Tampering::DigestAlgorithm,
    Tampering::AlgorithmLabel,
    Tampering::AnotherHistory,
];

/// What the judge said.
struct Judgement {
    status: i32,
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(aws) = std::env::args().nth(1) else {
        println!("usage: judge_digests PATH-OF-AWS");
        return ExitCode::from(2);
    };
    let mut differences = 0;
    let aws = Path::new(&aws);
    for seed in [0, 100, 200] {
        let mix = without_organization(seed, None);
        differences += compare(&mix, "clean", Expected { status: 0, logs: 0 }, aws).await;
    }
    for tampering in Tampering::ALL {
        // It stops at an entry that it cannot read, and says nothing of the rest.
        if tampering == Tampering::OddEntries {
            continue;
        }
        let mix = without_organization(7, Some(tampering));
        let is_wrong = mix.expected.keys().any(|name| is_invalid(name));
        // It calls a replica moved.
        let is_found = is_wrong || tampering == Tampering::Replica;
        let is_passed_over = PASSED_OVER.contains(&tampering);
        let of_logs = ["log_missing", "log_altered", "log_damaged"];
        let logs = of_logs
            .iter()
            .filter_map(|name| mix.expected.get(name))
            .sum();
        let expected = Expected {
            status: i32::from(is_found && !is_passed_over),
            logs: if is_passed_over { 0 } else { logs },
        };
        differences += compare(&mix, &format!("{tampering:?}"), expected, aws).await;
    }
    println!("{differences} differences");
    ExitCode::from(u8::from(differences > 0))
}

/// What it must say.
struct Expected {
    status: i32,
    /// Logs that are not valid.
    logs: u64,
}

async fn compare(mix: &Mix, name: &str, expected: Expected, aws: &Path) -> u32 {
    let Judgement { status, text } = judged(mix, aws).await;
    let logs = invalid_logs(&text);
    let is_same = (status, logs) == (expected.status, expected.logs);
    let mark = if is_same { "same" } else { "DIFFERENT" };
    println!(
        "{mark:<10} {name:<24} exit {status} for {}, {logs} logs for {}; ours: {:?}",
        expected.status, expected.logs, mix.expected
    );
    if std::env::var_os("VERBOSE").is_some() {
        println!("{text}");
    }
    u32::from(!is_same)
}

/// The number before `log files INVALID` in its last lines.
fn invalid_logs(text: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.contains("log files") && line.contains("valid"));
    let invalid = line.and_then(|line| {
        let part = line.split(", ").find(|part| part.contains("INVALID"))?;
        part.split('/').next()?.trim().parse().ok()
    });
    invalid.unwrap_or(0)
}

fn is_invalid(name: &str) -> bool {
    use redtrail_digest::finding::{FindingKind, Verdict};
    FindingKind::ALL
        .iter()
        .any(|kind| kind.name() == name && kind.verdict() == Verdict::Invalid)
}

/// The AWS CLI asks the organization's own account for its id, which is not here.
fn without_organization(from: u64, tampering: Option<Tampering>) -> Mix {
    (from..)
        .map(|seed| match tampering {
            Some(tampering) => Mix::single(seed, tampering),
            None => Mix::clean(seed),
        })
        .find(|mix| mix.plan.organization.is_none())
        .unwrap()
}

async fn judged(mix: &Mix, aws: &Path) -> Judgement {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start(folder.path(), LOOPBACK).await.unwrap();
    let client = server.client();
    client
        .create_bucket()
        .bucket(&mix.bucket)
        .send()
        .await
        .unwrap();
    for (key, object) in &mix.objects {
        let put = client
            .put_object()
            .bucket(&mix.bucket)
            .key(key)
            .set_metadata(Some(object.metadata.clone().into_iter().collect()))
            .body(object.bytes.clone().into());
        put.send().await.unwrap();
    }
    // It reads one of the two encodings only.
    let keys = [SigningKey::first(), SigningKey::second()];
    let keys = keys.map(|key| (key.fingerprint.clone(), key.public_pkcs1()));
    let keys = PublicKeysServer::start(keys).await.unwrap();
    let plan = &mix.plan;
    let arn = format!(
        "arn:aws:cloudtrail:{}:{}:trail/{}",
        plan.home_region, plan.account, plan.trail
    );
    // It leaves out digests that end when the time begins.
    let start: Timestamp = mix.since + SignedDuration::from_mins(1);
    let mut command = Command::new(aws);
    command
        .args([
            "cloudtrail",
            "validate-logs",
            "--verbose",
            "--trail-arn",
            &arn,
        ])
        .args([
            "--start-time",
            &start.to_string(),
            "--end-time",
            &mix.until.to_string(),
        ])
        .args(["--s3-bucket", &mix.bucket, "--account-id", &plan.account])
        .args(["--region", &plan.region, "--endpoint-url", &keys.endpoint()])
        .env_clear()
        .env("AWS_ENDPOINT_URL_S3", server.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(Environment::new().iter());
    if !plan.prefix.is_empty() {
        command.args(["--s3-prefix", plan.prefix.trim_end_matches('/')]);
    }
    let output = command.output().await.unwrap();
    keys.stop().await;
    server.stop().await;
    Judgement {
        status: output.status.code().unwrap_or(-1),
        text: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    }
}
