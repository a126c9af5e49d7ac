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
use redtrail_local::{Environment, PublicKeysServer, S3Server};
use redtrail_trailgen::digest::{Mix, SigningKey, Tampering};
use tempfile::TempDir;
use tokio::process::Command;

/// What awscli 1.45.11 passes over, each because of what it does not look at.
const PASSED_OVER: [Tampering; 0] = [];

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
    for seed in 0..3 {
        let mix = without_organization(seed, None);
        differences += compare(&mix, "clean", 0, Path::new(&aws)).await;
    }
    for tampering in Tampering::ALL {
        let mix = without_organization(7, Some(tampering));
        let is_wrong = mix.expected.keys().any(|name| is_invalid(name));
        let expected = i32::from(is_wrong && !PASSED_OVER.contains(&tampering));
        differences += compare(&mix, &format!("{tampering:?}"), expected, Path::new(&aws)).await;
    }
    println!("{differences} differences");
    ExitCode::from(u8::from(differences > 0))
}

async fn compare(mix: &Mix, name: &str, expected: i32, aws: &Path) -> u32 {
    let Judgement { status, text } = judged(mix, aws).await;
    let is_same = status == expected;
    let mark = if is_same { "same" } else { "DIFFERENT" };
    println!(
        "{mark:<10} {name:<24} exit {status}, expected {expected}; ours: {:?}",
        mix.expected
    );
    if !is_same || std::env::var_os("VERBOSE").is_some() {
        println!("{text}");
    }
    u32::from(!is_same)
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
    let server = S3Server::start(folder.path(), 0).await.unwrap();
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
