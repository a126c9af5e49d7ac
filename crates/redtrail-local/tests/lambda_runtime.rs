//! The Runtime API and the process around it, driven by AWS's own runtime for Rust. This file is
//! both sides: run by Lambda's variables it is the function, otherwise it is the test.

#![allow(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, its helpers too"
)]

use std::io::Write;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use redtrail_local::{Bootstrap, Environment, InvocationOutcome};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        lambda_runtime::run(service_fn(function)).await.unwrap();
    } else {
        ok_response_error_and_log().await;
        ok_killed_in_the_middle_and_started_again().await;
    }
}

async fn function(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    writeln!(std::io::stdout(), r#"{{"working_on":{payload}}}"#)?;
    if let Some(message) = payload["fail"].as_str() {
        return Err(message.into());
    }
    if payload["hang"] == true {
        tokio::time::sleep(PATIENCE * 10).await;
    }
    let left = context
        .deadline()
        .duration_since(std::time::SystemTime::now())?;
    Ok(json!({
        "echo": payload,
        "seconds_left": left.as_secs(),
        "function": context.env_config.function_name,
    }))
}

async fn start() -> Bootstrap {
    let path = std::env::current_exe().unwrap();
    Bootstrap::start(&path, &Environment::new()).await.unwrap()
}

async fn ok_response_error_and_log() {
    let bootstrap = start().await;
    let InvocationOutcome::Response(body) = bootstrap.invoke(r#"{"n":1}"#, PATIENCE).await else {
        panic!("no response");
    };
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["echo"], json!({"n": 1}));
    assert_eq!(body["function"], "redtrail-ingest");
    let left = body["seconds_left"].as_u64().unwrap();
    assert!((30..=60).contains(&left), "{left}");

    let outcome = bootstrap.invoke(r#"{"fail":"on purpose"}"#, PATIENCE).await;
    let InvocationOutcome::Error { body, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errorMessage"], "on purpose");

    let ended = bootstrap.stop().await;
    assert_eq!(ended.status, "signal: 9 (SIGKILL)");
    assert!(
        ended
            .stdout
            .contains(&r#"{"working_on":{"n":1}}"#.to_owned())
    );
    assert!(
        ended
            .stdout
            .contains(&r#"{"working_on":{"fail":"on purpose"}}"#.to_owned())
    );
}

async fn ok_killed_in_the_middle_and_started_again() {
    let bootstrap = start().await;
    let kill = async {
        while bootstrap.take_stdout().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bootstrap.kill().await
    };
    let (outcome, status) = tokio::join!(bootstrap.invoke(r#"{"hang":true}"#, PATIENCE), kill);
    assert_eq!(outcome, InvocationOutcome::Exited(status));

    let bootstrap = start().await;
    let outcome = bootstrap.invoke("{}", PATIENCE).await;
    assert!(matches!(outcome, InvocationOutcome::Response(_)));
}
