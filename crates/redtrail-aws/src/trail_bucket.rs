//! A trail's bucket as verification reads it: objects with their metadata, and listings.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::list_objects_v2::{ListObjectsV2Output, builders::ListObjectsV2FluentBuilder},
    types::EncodingType,
};
use percent_encoding::percent_decode_str;
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind},
    object::ObjectAddress,
};
use redtrail_digest::edge::{DigestMetadata, ListedObject, OpenObject, TrailBucket};

use crate::s3::{S3Body, S3Source};

/// A bucket of S3.
#[derive(Clone, Debug)]
pub struct S3TrailBucket {
    client: aws_sdk_s3::Client,
    source: S3Source,
    bucket: String,
}

impl S3TrailBucket {
    pub fn new(client: aws_sdk_s3::Client, bucket: impl Into<String>) -> Self {
        Self {
            source: S3Source::new(client.clone()),
            client,
            bucket: bucket.into(),
        }
    }

    /// The objects in it, and in any other bucket that can be reached.
    pub fn source(&self) -> &S3Source {
        &self.source
    }

    fn list(&self, prefix: &str) -> ListObjectsV2FluentBuilder {
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        // A key may hold characters that XML cannot.
        list.prefix(prefix).encoding_type(EncodingType::Url)
    }

    async fn send(
        &self,
        prefix: &str,
        list: ListObjectsV2FluentBuilder,
    ) -> Result<ListObjectsV2Output, EdgeError> {
        list.send().await.map_err(|error| EdgeError {
            attempted: format!("list s3://{}/{prefix}", self.bucket),
            kind: kind(&error),
            source: Some(Box::new(error)),
        })
    }

    /// A key or prefix of an answer.
    fn decoded(
        &self,
        answer: &ListObjectsV2Output,
        text: Option<&str>,
    ) -> Result<String, EdgeError> {
        let text = text.unwrap_or_default();
        if answer.encoding_type() != Some(&EncodingType::Url) {
            return Ok(text.to_owned());
        }
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded.map(String::from).map_err(|error| EdgeError {
            attempted: format!("read a key that s3://{} holds", self.bucket),
            kind: EdgeErrorKind::Refused,
            source: Some(Box::new(error)),
        })
    }
}

impl TrailBucket for S3TrailBucket {
    type Body = S3Body;

    fn keeps_metadata(&self) -> bool {
        true
    }

    async fn open(&self, key: &str) -> Result<OpenObject<S3Body>, EdgeError> {
        let object = ObjectAddress {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            version_id: None,
        };
        let (body, mut metadata) = self.source.open_with_metadata(&object, None).await?;
        Ok(OpenObject {
            body,
            metadata: DigestMetadata {
                signature: metadata.remove("signature"),
                signature_algorithm: metadata.remove("signature-algorithm"),
                backfill_generation_timestamp: metadata.remove("backfill-generation-timestamp"),
            },
        })
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, EdgeError> {
        let list = self.list(prefix).set_start_after(after.map(str::to_owned));
        let mut answer = self.send(prefix, list).await?;
        // An answer without objects need not be the end.
        while answer.contents().is_empty()
            && answer.is_truncated() == Some(true)
            && let Some(token) = answer.next_continuation_token.take()
        {
            let list = self.list(prefix).continuation_token(token);
            answer = self.send(prefix, list).await?;
        }
        let objects = answer.contents().iter().map(|object| {
            Ok(ListedObject {
                key: self.decoded(&answer, object.key())?,
                bytes: object
                    .size()
                    .and_then(|bytes| bytes.try_into().ok())
                    .unwrap_or(0),
                etag: object.e_tag().map(str::to_owned),
            })
        });
        objects.collect()
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        let mut folders = Vec::new();
        let mut token = None;
        loop {
            let list = self
                .list(prefix)
                .delimiter("/")
                .set_continuation_token(token);
            let answer = self.send(prefix, list).await?;
            for folder in answer.common_prefixes() {
                let path = self.decoded(&answer, folder.prefix())?;
                let name = path
                    .strip_prefix(prefix)
                    .and_then(|name| name.strip_suffix('/'));
                folders.extend(name.map(str::to_owned));
            }
            token = answer.next_continuation_token().map(str::to_owned);
            if token.is_none() || answer.is_truncated() != Some(true) {
                return Ok(folders);
            }
        }
    }
}

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E>) -> EdgeErrorKind {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error.code().unwrap_or_default(), status) {
        ("ExpiredToken" | "RequestTimeTooSkewed", _) => EdgeErrorKind::Retryable,
        ("NoSuchBucket", _) | (_, Some(404)) => EdgeErrorKind::Missing,
        ("AccessDenied", _) | (_, Some(403)) => EdgeErrorKind::Denied {
            permission: "s3:ListBucket",
        },
        _ => EdgeErrorKind::Retryable,
    }
}
