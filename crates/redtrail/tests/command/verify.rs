//! `redtrail verify` and `redtrail public-keys`: verdicts, names and exit statuses.

use std::{fs, path::Path, process::Command};

use redtrail_local::{Environment, LOOPBACK, PublicKeysServer, S3Server};
use redtrail_trailgen::digest::{Mix, Tampering};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::run::{Output, redtrail_in};

/// Trails made here are to lie in the past, whatever the clock says.
const PAST: &str = "2025-01-01T00:00:00Z";

fn past(from: u64, mix: impl Fn(u64) -> Mix) -> Mix {
    (from..)
        .map(mix)
        .find(|mix| mix.now < PAST.parse().unwrap())
        .unwrap()
}

/// An S3 that holds a trail, and a CloudTrail that knows its keys.
struct Servers {
    _runtime: Runtime,
    _folder: TempDir,
    _s3: S3Server,
    _keys: PublicKeysServer,
    environment: Environment,
}

impl Servers {
    fn start(mix: &Mix) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = TempDir::new().unwrap();
        let (s3, keys) = runtime.block_on(async {
            let s3 = S3Server::start(folder.path(), LOOPBACK).await.unwrap();
            s3.client()
                .create_bucket()
                .bucket(&mix.bucket)
                .send()
                .await
                .unwrap();
            for (key, object) in &mix.objects {
                let put = s3.client().put_object().bucket(&mix.bucket).key(key);
                put.set_metadata(Some(object.metadata.clone().into_iter().collect()))
                    .body(object.bytes.clone().into())
                    .send()
                    .await
                    .unwrap();
            }
            let keys = mix.public_keys.iter();
            let keys = keys.map(|key| (key.fingerprint.clone(), key.der.clone()));
            (s3, PublicKeysServer::start(keys).await.unwrap())
        });
        let environment = Environment::new()
            .with("AWS_ENDPOINT_URL_S3", s3.endpoint())
            .with("AWS_ENDPOINT_URL_CLOUDTRAIL", keys.endpoint());
        Self {
            _runtime: runtime,
            _folder: folder,
            _s3: s3,
            _keys: keys,
            environment,
        }
    }

    fn redtrail(&self, args: &[&str]) -> Output {
        let environment: Vec<(&str, &str)> = self.environment.iter().collect();
        redtrail_in(args, Path::new("."), &environment)
    }

    fn verify(&self, mix: &Mix, further: &[&str]) -> Output {
        let (since, until) = (mix.since.to_string(), mix.until.to_string());
        let question = [
            "verify",
            "--bucket",
            &mix.bucket,
            "--prefix",
            &mix.plan.prefix,
            "--since",
            &since,
            "--until",
            &until,
        ];
        self.redtrail(&[&question[..], further].concat())
    }
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn ok_valid() {
    let mix = past(1, Mix::clean);
    let servers = Servers::start(&mix);
    let said = servers.verify(&mix, &[]);
    assert_eq!(
        (said.status, said.stderr.as_str()),
        (0, ""),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains(": valid: "), "{}", said.stdout);
    let json = servers.verify(&mix, &["--output", "json"]);
    assert_eq!(json.status, 0);
    let document = document(&json);
    assert_eq!(document["verdict"], "valid");
    assert_eq!(document["findings"], json!([]));
    assert_eq!(document["counts"], json!({}));
    assert_eq!(document["places"][0]["account"], mix.plan.account);
    let named = servers.verify(
        &mix,
        &[
            "--accounts",
            &mix.plan.account,
            "--regions",
            &mix.plan.region,
        ],
    );
    assert_eq!(named.stdout, said.stdout);
}

#[test]
fn err_invalid_with_names_and_counts() {
    for tampering in [
        Tampering::LogDeleted,
        Tampering::DigestsDeleted,
        Tampering::UnlistedObjects,
    ] {
        let mix = past(1, |seed| Mix::single(seed, tampering));
        let servers = Servers::start(&mix);
        let json = servers.verify(&mix, &["--output", "json"]);
        assert_eq!(
            (json.status, json.stderr.as_str()),
            (1, ""),
            "{}",
            json.stdout
        );
        let document = document(&json);
        assert_eq!(document["verdict"], "invalid");
        assert_eq!(document["counts"], json!(mix.expected));
        let findings = document["findings"].as_array().unwrap();
        for (name, count) in &mix.expected {
            let of_name = findings.iter().filter(|finding| finding["name"] == **name);
            let total: u64 = of_name
                .map(|finding| finding["count"].as_u64().unwrap())
                .sum();
            assert_eq!(total, *count, "{name}");
        }
        let text = servers.verify(&mix, &[]);
        assert_eq!(text.status, 1);
        assert!(text.stdout.contains(": invalid: "), "{}", text.stdout);
        assert!(mix.expected.keys().all(|name| text.stdout.contains(name)));
    }
}

#[test]
fn unproven_a_replica_until_its_original_is_named() {
    let mix = past(1, |seed| Mix::single(seed, Tampering::Replica));
    let servers = Servers::start(&mix);
    let said = servers.verify(&mix, &[]);
    assert_eq!(said.status, 3, "{}", said.stdout);
    assert!(said.stdout.contains("looks_like_replica") && !said.stdout.contains("moved"));
    let named = servers.verify(&mix, &["--original-bucket", &mix.plan.bucket]);
    assert_eq!(named.status, 0, "{}", named.stdout);
}

#[test]
fn ok_a_folder_and_saved_keys_without_any_aws() {
    let mix = past(1, |seed| {
        let mix = Mix::clean(seed);
        // The newest of more than one cannot be proven, and that is all.
        if mix.plan.hours.len() > 3 {
            mix
        } else {
            Mix::clean(seed + 100_000)
        }
    });
    let servers = Servers::start(&mix);
    let (since, until) = (mix.since.to_string(), mix.until.to_string());
    let region = mix.plan.region.as_str();
    let saved = servers.redtrail(&[
        "public-keys",
        "--regions",
        region,
        "--since",
        &since,
        "--until",
        &until,
    ]);
    assert_eq!((saved.status, saved.stderr.as_str()), (0, ""));

    let folder = TempDir::new().unwrap();
    for (key, object) in &mix.objects {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &object.bytes).unwrap();
    }
    fs::write(folder.path().join("keys.json"), &saved.stdout).unwrap();
    let verify = |form: &str| {
        let question = [
            "verify",
            "--folder",
            ".",
            "--prefix",
            &mix.plan.prefix,
            "--since",
            &since,
            "--until",
            &until,
            "--public-keys",
            "keys.json",
            "--original-bucket",
            &mix.plan.bucket,
            "--output",
            form,
        ];
        redtrail_in(question, folder.path(), &[])
    };
    let said = verify("json");
    assert_eq!(
        (said.status, said.stderr.as_str()),
        (3, ""),
        "{}",
        said.stdout
    );
    let document_before = document(&said);
    let names: Vec<&str> = document_before["counts"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert!(names.contains(&"signature_not_kept"), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| ["signature_not_kept", "log_unproven"].contains(name)),
        "{names:?}"
    );

    // A file that was added, with a name that a terminal would obey.
    let log = mix
        .objects
        .keys()
        .find(|key| key.contains("/CloudTrail/"))
        .unwrap();
    let (day, _) = log.rsplit_once('/').unwrap();
    fs::write(folder.path().join(day).join("\u{1b}[2J\u{202e}.gz"), b"x").unwrap();
    for form in ["json", "text"] {
        let said = verify(form);
        assert_eq!(said.status, 1, "{}", said.stdout);
        assert!(said.stdout.contains("log_unlisted"));
        assert!(
            !said.stdout.contains(['\u{1b}', '\u{202e}']),
            "{}",
            said.stdout
        );
    }
}

#[test]
fn unproven_what_cannot_be_read_and_the_document_is_whole() {
    let mix = past(1, Mix::clean);
    let servers = Servers::start(&mix);
    let said = servers.redtrail(&[
        "verify",
        "--bucket",
        "none",
        "--since",
        "2024-01-01",
        "--until",
        "2024-01-02",
        "--output",
        "json",
    ]);
    assert_eq!(said.status, 3, "{}", said.stderr);
    let document = document(&said);
    assert_eq!(document["verdict"], "unproven");
    assert!(
        document["stopped_by"]
            .as_str()
            .unwrap()
            .contains("s3://none")
    );
    assert!(
        said.stderr.contains("Check the name of the bucket"),
        "{}",
        said.stderr
    );

    // Nor is it valid when the answer could not be written.
    let verify = format!(
        "exec {} verify --bucket {} --prefix '{}' --since {} --until {} > /dev/full",
        env!("CARGO_BIN_EXE_redtrail"),
        mix.bucket,
        mix.plan.prefix,
        mix.since,
        mix.until,
    );
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(verify).envs(servers.environment.iter());
    assert_eq!(shell.output().unwrap().status.code(), Some(3));

    let account = servers.verify(&mix, &["--accounts", "999999999999"]);
    assert_eq!(account.status, 3, "{}", account.stdout);
    assert!(
        account.stderr.contains("999999999999"),
        "{}",
        account.stderr
    );
}

#[test]
fn err_usage() {
    for (args, said) in [
        (vec!["--since", "1d"], "--bucket"),
        (vec!["--bucket", "b"], "--since"),
        (
            vec!["--bucket", "b", "--since", "whenever"],
            "is not a time",
        ),
        (
            vec![
                "--bucket",
                "b",
                "--since",
                "2024-01-02",
                "--until",
                "2024-01-01T00:00:00Z",
            ],
            "--since before",
        ),
        (
            vec!["--bucket", "b", "--since", "1d", "--accounts", "12"],
            "twelve digits",
        ),
        (
            vec!["--bucket", "b", "--since", "1d", "--regions", "a@b"],
            "such as us-east-1",
        ),
        (
            vec![
                "--bucket",
                "b",
                "--since",
                "1d",
                "--public-keys",
                "none.json",
            ],
            "none.json",
        ),
        (
            vec![
                "--folder",
                "no-such-folder",
                "--since",
                "1d",
                "--public-keys",
                "Cargo.toml",
            ],
            "Cargo.toml",
        ),
        (
            vec!["--bucket", "b", "--folder", "f", "--since", "1d"],
            "cannot be used with",
        ),
    ] {
        let output = redtrail_in([&["verify"], &args[..]].concat(), Path::new("."), &[]);
        assert_eq!(output.status, 2, "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(said), "{args:?}: {}", output.stderr);
        assert_eq!(output.stdout, "");
    }
}
