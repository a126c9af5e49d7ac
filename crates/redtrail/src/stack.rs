//! A deployed stack: its parameters and outputs from CloudFormation, and its function, invoked and
//! waited for. Only `check`, `backfill` and `reconcile` ask a stack; everything else asks tables by their names.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::Stack as Described;
use aws_sdk_lambda::{error::DisplayErrorContext, primitives::Blob};
use redtrail_aws::shared_config;
use serde_json::Value;
use thiserror::Error;

use crate::failure::Failure;

/// What a stack says of itself.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) created_epoch_seconds: Option<i64>,
    lambda: aws_sdk_lambda::Client,
}

/// A stack could not be asked.
#[derive(Debug, Error)]
pub(crate) enum StackError {
    #[error("{0}")]
    Call(String),
    #[error("there is no such stack in this account and Region")]
    NoStack,
    #[error("the stack has no output {0}")]
    NoOutput(&'static str),
    #[error("the function failed: {0}")]
    Function(String),
    #[error("the function answered what this command does not know; is it of another version?")]
    Answer,
}

impl Stack {
    pub(crate) async fn describe(
        name: &str,
        region: Option<String>,
        endpoint_url: Option<String>,
    ) -> Result<Self, StackError> {
        let config = shared_config::config(region, endpoint_url).await;
        let described = aws_sdk_cloudformation::Client::new(&config)
            .describe_stacks()
            .stack_name(name)
            .send()
            .await
            .map_err(|error| StackError::Call(DisplayErrorContext(error).to_string()))?;
        let stack = described.stacks().first().ok_or(StackError::NoStack)?;
        Ok(Self {
            parameters: parameters(stack),
            outputs: outputs(stack),
            created_epoch_seconds: stack.creation_time().map(|time| time.secs()),
            lambda: aws_sdk_lambda::Client::new(&config),
        })
    }

    pub(crate) fn output(&self, name: &'static str) -> Result<&str, StackError> {
        let output = self.outputs.get(name).map(String::as_str);
        output.ok_or(StackError::NoOutput(name))
    }

    /// A parameter's value, if it has one.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Invokes the ingest function and gives its answer.
    pub(crate) async fn invoke(&self, payload: &Value) -> Result<Value, StackError> {
        let answer = self
            .lambda
            .invoke()
            .function_name(self.output("IngestFunctionName")?)
            .payload(Blob::new(payload.to_string()))
            .send()
            .await
            .map_err(|error| StackError::Call(DisplayErrorContext(error).to_string()))?;
        let body = answer.payload().map_or(&[][..], Blob::as_ref);
        if answer.function_error().is_some() {
            return Err(StackError::Function(
                String::from_utf8_lossy(body).into_owned(),
            ));
        }
        serde_json::from_slice(body).map_err(|_| StackError::Answer)
    }
}

fn parameters(stack: &Described) -> BTreeMap<String, String> {
    let entries = stack.parameters().iter();
    entries
        .filter_map(|entry| {
            Some((
                entry.parameter_key()?.into(),
                entry.parameter_value()?.into(),
            ))
        })
        .collect()
}

fn outputs(stack: &Described) -> BTreeMap<String, String> {
    let entries = stack.outputs().iter();
    entries
        .filter_map(|entry| Some((entry.output_key()?.into(), entry.output_value()?.into())))
        .collect()
}

/// Why a stack did not tell what is needed of it.
pub(crate) fn not_described(name: &str, error: &StackError) -> Failure {
    Failure::failed(
        format!("could not ask the stack {name}"),
        "Check its name, Region and credentials: it takes cloudformation:DescribeStacks. Without \
         --stack, give tables, queue and retentions.",
        error.to_string(),
    )
}
