//! Log objects from S3: GetObject, streamed.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use std::collections::HashMap;

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectError,
    primitives::ByteStream,
};
use bytes::Bytes;
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, LogBody, LogSource, ObjectIdentity},
    object::ObjectAddress,
};

/// Objects of S3.
#[derive(Clone, Debug)]
pub struct S3Source {
    client: aws_sdk_s3::Client,
}

impl S3Source {
    pub fn new(client: aws_sdk_s3::Client) -> Self {
        Self { client }
    }
}

/// An object of S3, being read.
#[derive(Debug)]
pub struct S3Body {
    object: ObjectAddress,
    identity: ObjectIdentity,
    stream: ByteStream,
}

impl S3Source {
    /// Opens an object, with what stands beside it as `x-amz-meta-`.
    pub(crate) async fn open_with_metadata(
        &self,
        object: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> Result<(S3Body, HashMap<String, String>), EdgeError> {
        let version = exactly.and_then(|exactly| exactly.version_id.as_ref());
        // A version alone does not do: `null`, of suspended versioning, can be written anew.
        let etag = exactly.and_then(|exactly| exactly.etag.as_ref());
        let got = self
            .client
            .get_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_version_id(version.or(object.version_id.as_ref()).cloned())
            .set_if_match(etag.cloned())
            .send()
            .await
            .map_err(|error| EdgeError {
                attempted: format!("fetch {object}"),
                kind: kind(&error),
                source: Some(Box::new(error)),
            })?;
        let identity = ObjectIdentity {
            etag: got.e_tag,
            version_id: got.version_id,
            stored_bytes: got.content_length.and_then(|bytes| bytes.try_into().ok()),
        };
        let body = S3Body {
            object: object.clone(),
            identity,
            stream: got.body,
        };
        Ok((body, got.metadata.unwrap_or_default()))
    }
}

impl LogSource for S3Source {
    type Body = S3Body;

    async fn open(
        &self,
        object: &ObjectAddress,
        exactly: Option<&ObjectIdentity>,
    ) -> Result<S3Body, EdgeError> {
        let (body, _) = self.open_with_metadata(object, exactly).await?;
        Ok(body)
    }
}

impl LogBody for S3Body {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        self.stream.try_next().await.map_err(|error| EdgeError {
            attempted: format!("read {} to its end", self.object),
            kind: EdgeErrorKind::Retryable,
            source: Some(Box::new(error)),
        })
    }
}

fn kind(error: &SdkError<GetObjectError>) -> EdgeErrorKind {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    match (code, status) {
        ("NoSuchKey" | "NoSuchVersion" | "NoSuchBucket", _) | (_, Some(404)) => {
            EdgeErrorKind::Missing
        }
        ("PreconditionFailed", _) | (_, Some(412)) => EdgeErrorKind::Changed,
        // The object was moved to an archive tier.
        ("InvalidObjectState", _) => EdgeErrorKind::Refused,
        // Credentials run out and are renewed.
        ("ExpiredToken" | "RequestTimeTooSkewed", _) => EdgeErrorKind::Retryable,
        (code, _) if code.starts_with("KMS.") => EdgeErrorKind::Denied {
            permission: "kms:Decrypt",
        },
        ("AccessDenied", _) | (_, Some(403)) => {
            // S3 hands on what KMS said in words alone.
            let of_key = error
                .message()
                .is_some_and(|message| message.contains("kms:"));
            let permission = if of_key {
                "kms:Decrypt"
            } else {
                "s3:GetObject"
            };
            EdgeErrorKind::Denied { permission }
        }
        _ => EdgeErrorKind::Retryable,
    }
}
