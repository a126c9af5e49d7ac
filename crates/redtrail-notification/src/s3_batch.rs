//! A task of an S3 Batch Operations job.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>

use redtrail_model::Arn;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    announced::{Announced, percent_decoded, required},
    unreadable::{Unreadable, excerpt},
};

const SHAPE: &str = "the task of S3 Batch Operations";

/// `aws_lambda_events`' own task lacks the bucket's name, which stands in the place of
/// its ARN from version 2.0 on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    s3_key: Option<String>,
    s3_version_id: Option<String>,
    s3_bucket: Option<String>,
    s3_bucket_arn: Option<String>,
}

pub(crate) fn task(task: &Value, announced: &mut Announced) -> Result<(), Unreadable> {
    let task = Task::deserialize(task).map_err(|error| Unreadable::malformed(SHAPE, &error))?;
    let bucket = match task.s3_bucket {
        Some(name) => required(Some(name), SHAPE, "`s3Bucket`")?,
        None => bucket_name(&required(task.s3_bucket_arn, SHAPE, "`s3BucketArn`")?)?,
    };
    let key = percent_decoded(&required(task.s3_key, SHAPE, "`s3Key`")?)?;
    announced.object(bucket, key, task.s3_version_id);
    Ok(())
}

fn bucket_name(arn: &str) -> Result<String, Unreadable> {
    Arn::parse(arn)
        .filter(|arn| arn.service == "s3" && !arn.resource.contains(['/', ':']))
        .map(|arn| arn.resource.to_owned())
        .ok_or_else(|| Unreadable::BucketArn { arn: excerpt(arn) })
}
