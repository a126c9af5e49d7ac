//! What a function takes to start, from its process's start until it first asks for an
//! invocation, beside two that do nothing.

use std::{collections::BTreeMap, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::processes::{Words, ask, words};

const START: &str = "crates/redtrail-bench/peers/start.py";
const ROUNDS: u32 = 25;
pub(crate) const BARE: &str = "bare lambda_runtime";
pub(crate) const DOCUMENTED: &str = "lambda_runtime as documented";
const FUNCTIONS: [(&str, &str); 4] = [
    (BARE, "target/release/examples/bare_function"),
    (DOCUMENTED, "target/release/examples/documented_function"),
    ("redtrail-ingest", "target/release/bootstrap"),
    ("redtrail-reconcile", "target/release/redtrail-reconcile"),
];
/// Where the root certificates stand in one file, as on Amazon Linux.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

#[derive(Serialize)]
struct Request<'a> {
    rounds: u32,
    commands: BTreeMap<&'a str, Words>,
    environment: BTreeMap<&'a str, &'a str>,
}

/// What a start took.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Start {
    Done {
        seconds: f64,
        /// Only where Valgrind is installed.
        instructions: Option<u64>,
    },
    Failed {
        error: String,
    },
}

/// The file of all root certificates, where there is one. Debian has them once more in
/// single files.
pub(crate) fn bundle() -> Option<&'static str> {
    let mut bundles = BUNDLES.into_iter();
    bundles.find(|path| Path::new(path).exists())
}

/// Starts each function in turn, so many times, with the root certificates of `bundle` alone.
///
/// # Errors
/// When Python cannot be run; a function that fails is an outcome.
pub(crate) fn measure(python: &Path, bundle: Option<&str>) -> io::Result<BTreeMap<String, Start>> {
    let commands = FUNCTIONS.map(|(name, path)| (name, words([path])));
    let mut environment: BTreeMap<&str, &str> = BTreeMap::from([
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_LAMBDA_FUNCTION_NAME", "function"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ("PRINCIPALS_TABLE", "principals"),
        ("RESOURCES_TABLE", "resources"),
        ("DIRECTORY_TABLE", "directory"),
        ("LEDGER_TABLE", "ledger"),
        ("INGEST_QUEUE_URL", "http://127.0.0.1:1/queue"),
    ]);
    environment.extend(bundle.map(|path| ("SSL_CERT_FILE", path)));
    let request = Request {
        rounds: ROUNDS,
        commands: BTreeMap::from(commands),
        environment,
    };
    ask(python, START, &request)
}
