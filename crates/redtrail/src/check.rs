//! `redtrail check`: a deployed stack's function tries, as its own role, what it needs to work; each
//! finding is a line, with the statement that mends it.

use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    failure::{FAILED, Failure},
    output::{Answer, Form},
    stack::{Stack, StackError},
};

/// Lets a stack's function try bucket, key, tables and announcement, as its own role
///
/// The function looks for the trail's newest object and takes it as if it had been announced:
/// if it was, that changes nothing, and if it was not, its events are in the tables then.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Check {
    /// The CloudFormation stack's name
    #[arg(long, value_name = "NAME")]
    stack: String,

    /// What stands before AWSLogs/ in the keys of log objects, with its slash; by default the
    /// stack's TrailPrefix, or nothing where that is *
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Form,

    /// The stack's region
    #[arg(long, env = "AWS_REGION", hide_env_values = true)]
    region: Option<String>,

    /// Another CloudFormation and Lambda than the region's own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL",
        hide_env_values = true
    )]
    endpoint_url: Option<String>,
}

const HELP: &str = "\
Examples:
  redtrail check --stack redtrail
  redtrail check --stack redtrail --prefix organization/

It asks CloudFormation for the stack and invokes its function: cloudformation:DescribeStacks
and lambda:InvokeFunction. Credentials come from the environment and the AWS configuration
files, as for the AWS CLI.

Exit status: 0 nothing is wrong, 1 something is, or the stack could not be asked, 2 wrong
usage.";

/// What the function answers.
#[derive(Deserialize)]
struct Findings {
    findings: Vec<Finding>,
}

#[derive(Deserialize, Serialize)]
struct Finding {
    check: String,
    state: State,
    found: String,
    #[serde(default, skip_serializing)]
    mended_by: Option<String>,
    /// What mends it, in full.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Bad,
    Open,
}

impl Check {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stack = self.stack.clone();
        let output = self.output;
        let findings = runtime
            .block_on(self.findings())
            .map_err(|error| not_asked(&stack, error))?;
        let is_bad = findings.iter().any(|finding| finding.state == State::Bad);
        print(&findings, output)?;
        Ok(if is_bad {
            ExitCode::from(FAILED)
        } else {
            ExitCode::SUCCESS
        })
    }

    async fn findings(self) -> Result<Vec<Finding>, StackError> {
        let stack = Stack::describe(&self.stack, self.region, self.endpoint_url).await?;
        let bucket = match stack.parameter("TrailBucketName") {
            Some(bucket) => bucket,
            None => stack.output("TrialBucketName")?,
        };
        // With * it may be anything, and the role may list no more than below a prefix.
        let of_stack = stack.parameter("TrailPrefix").filter(|it| *it != "*");
        let prefix = self.prefix.as_deref().or(of_stack);
        let request = json!({
            "redtrail": "check",
            "bucket": bucket,
            "prefix": prefix.unwrap_or_default(),
            "stack_created_epoch_seconds": stack.created_epoch_seconds,
        });
        let answer = stack.invoke(&request).await?;
        let Findings { mut findings } =
            serde_json::from_value(answer).map_err(|_| StackError::Answer)?;
        for finding in findings.iter_mut().filter(|it| it.state == State::Bad) {
            finding.mend = mend(finding, &stack);
        }
        Ok(findings)
    }
}

/// The statement that lets the role in, or where to look.
fn mend(finding: &Finding, stack: &Stack) -> Option<String> {
    if let Some(statement) = finding
        .mended_by
        .as_ref()
        .and_then(|output| stack.outputs.get(output))
    {
        return Some(statement.trim_end().to_owned());
    }
    if finding.check != "announcement" {
        return None;
    }
    let advice = match stack.parameter("Delivery")? {
        "EventBridge" => {
            "turn on EventBridge in the bucket's event notifications; of another account or \
             Region, pass its events on to the output EventBusArn"
        }
        "Topic" => return stack.outputs.get("TopicPolicyStatement").cloned(),
        "BucketToQueue" | "BucketToFunction" => {
            return stack.outputs.get("BucketNotification").cloned();
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

fn print(findings: &[Finding], output: Form) -> Result<(), Failure> {
    let mut answer = Answer::new();
    for finding in findings {
        match output {
            Form::Jsonl => answer.json(finding)?,
            Form::Table => {
                let sign = match finding.state {
                    State::Good => '✔',
                    State::Bad => '✘',
                    State::Open => '?',
                };
                answer.line(&format!("{sign} {}: {}", finding.check, finding.found))?;
                for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
                    answer.line(&format!("    {line}"))?;
                }
            }
        }
    }
    answer.flush()?;
    Ok(())
}

fn not_asked(stack: &str, error: StackError) -> Failure {
    let next = match &error {
        StackError::Call(_) => {
            "Look at region and credentials: `aws sts get-caller-identity` tells who asks."
        }
        StackError::NoStack => "`aws cloudformation list-stacks` tells what there is.",
        StackError::NoOutput(_) => "Is it a stack of redtrail, wholly made?",
        StackError::Function(_) => "The function's log tells more: docs/operations.md.",
        StackError::Answer => "Deploy the version of this command.",
    };
    Failure::failed(format!("could not check the stack {stack}"), next, error)
}
