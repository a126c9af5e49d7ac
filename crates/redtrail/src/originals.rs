//! Original records, from S3 or from files: read as the function reads them, and why they
//! could not be had, with the next step.

use std::fs::File;

use redtrail_aws::{s3::S3Source, shared_config};
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind},
    log_reader::{Limits, Picked, Rejected},
    object::ObjectAddress,
    original::{self, OriginalError},
};
use redtrail_model::Origin;

use crate::failure::{Failure, chain};

/// The largest record that is shown; CloudTrail's own bound is 256 KB.
pub(crate) const MAX_RECORD_BYTES: usize = 8 << 20;

/// Where originals are read. S3 is asked for its settings when it is first needed.
pub(crate) struct Originals {
    region: Option<String>,
    endpoint_url: Option<String>,
    source: Option<S3Source>,
}

/// Why nothing could be read of an object.
pub(crate) enum NotRead {
    /// It is damaged.
    Rejected { attempt: String, why: Rejected },
    /// It could not be had.
    Failed {
        failure: Failure,
        /// Other objects would fare no better.
        ends_all: bool,
    },
}

impl NotRead {
    fn failed(failure: Failure) -> Self {
        Self::Failed {
            failure,
            ends_all: false,
        }
    }

    pub(crate) fn ends_all(&self) -> bool {
        matches!(self, Self::Failed { ends_all: true, .. })
    }

    /// As a failure of the command.
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::Rejected { attempt, why } => Failure::failed(
                attempt,
                "The object is damaged, and nothing of it is shown; `aws s3api \
                 list-object-versions` may know an earlier version of it.",
                format!("{}: {why}", why.reason()),
            ),
            Self::Failed { failure, .. } => failure,
        }
    }
}

impl Originals {
    /// Of the bucket's Region and the S3 that are given; else of those that are configured.
    pub(crate) fn new(region: Option<String>, endpoint_url: Option<String>) -> Self {
        Self {
            region: region.filter(|text| !text.is_empty()),
            endpoint_url: endpoint_url.filter(|text| !text.is_empty()),
            source: None,
        }
    }

    /// The elements `wanted` of the object, or the file, that `object` names.
    pub(crate) async fn pick(
        &mut self,
        object: &Origin,
        wanted: Vec<u64>,
    ) -> Result<Picked, NotRead> {
        let limits = Limits {
            max_record_bytes: MAX_RECORD_BYTES,
            ..Limits::default()
        };
        if object.is_file() {
            return read_file(&object.key, limits, wanted);
        }
        let address = ObjectAddress::of(object);
        original::fetch(self.source().await, &address, limits, wanted)
            .await
            .map_err(|error| not_fetched(&address, error))
    }

    async fn source(&mut self) -> &S3Source {
        let source = match self.source.take() {
            Some(source) => source,
            None => {
                S3Source::new(shared_config::s3(self.region.take(), self.endpoint_url.take()).await)
            }
        };
        self.source.insert(source)
    }
}

fn read_file(path: &str, limits: Limits, wanted: Vec<u64>) -> Result<Picked, NotRead> {
    if path == "-" {
        return Err(NotRead::failed(Failure::usage(
            "what `inspect` read from standard input is not there any more",
            "Give `inspect` the object as a file, and `raw` the reference it then prints.",
        )));
    }
    let attempt = || format!("could not read {path}");
    let unreadable = |error| {
        NotRead::failed(Failure::failed(
            attempt(),
            "A reference holds the path that `inspect` was given: go to the folder where it ran.",
            chain(&error),
        ))
    };
    File::open(path)
        .and_then(|file| original::read(file, limits, wanted))
        .map_err(unreadable)?
        .map_err(|why| NotRead::Rejected {
            attempt: attempt(),
            why,
        })
}

fn not_fetched(address: &ObjectAddress, error: OriginalError) -> NotRead {
    let edge = match error {
        OriginalError::Edge(edge) => edge,
        OriginalError::Rejected(why) => {
            return NotRead::Rejected {
                attempt: format!("could not read {address}"),
                why,
            };
        }
        cut_short @ OriginalError::CutShort { .. } => {
            return NotRead::failed(Failure::failed(cut_short.to_string(), "Try once more.", ""));
        }
    };
    let next = next_step(address, &edge);
    let cause = edge.source.as_ref().map(|cause| chain(cause.as_ref()));
    NotRead::Failed {
        ends_all: edge.kind.is_retryable(),
        failure: Failure::failed(edge.to_string(), next, cause.unwrap_or_default()),
    }
}

fn next_step(address: &ObjectAddress, error: &EdgeError) -> String {
    let bucket = &address.bucket;
    match error.kind {
        EdgeErrorKind::Missing => "It is gone: expired by a lifecycle rule, deleted, or in \
             another account's or endpoint's bucket."
            .to_owned(),
        EdgeErrorKind::Denied { permission } => {
            let permission = match (permission, &address.version_id) {
                ("s3:GetObject", Some(_)) => "s3:GetObjectVersion",
                _ => permission,
            };
            format!(
                "The identity that `aws sts get-caller-identity` shows needs {permission} here. \
                 Without s3:ListBucket on the bucket, S3 says the same of an object that is gone."
            )
        }
        EdgeErrorKind::Refused => "An archived object must be restored first: \
             `aws s3api restore-object`."
            .to_owned(),
        EdgeErrorKind::Changed
        | EdgeErrorKind::Retryable
        | EdgeErrorKind::Throttled { .. }
        | EdgeErrorKind::OutOfTime => format!(
            "Check network and credentials (`aws sts get-caller-identity` must work), and give \
             the bucket's region as --region: `aws s3api get-bucket-location --bucket {bucket}` \
             tells it."
        ),
    }
}
