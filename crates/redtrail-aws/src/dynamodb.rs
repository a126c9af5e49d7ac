//! Items to DynamoDB: BatchWriteItem, several batches in flight, what is left over tried
//! again with full jitter until time is up.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::batch_write_item::BatchWriteItemError,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use redtrail_core::{
    batch::batches,
    edge::{EdgeError, EdgeErrorKind, ItemStore},
    item::Put,
};
use redtrail_model::Table;

/// Batches in flight at once. With a batch's bound of 1 MiB, requests hold at most 4 MiB.
const BATCHES_IN_FLIGHT: usize = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// AWS advises to stop at about a minute; one call is given less than an invocation.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// What each table is called in the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    pub principals: String,
    pub resources: String,
    pub directory: String,
    pub ledger: String,
}

impl TableNames {
    pub fn of(&self, table: Table) -> &str {
        match table {
            Table::Principals => &self.principals,
            Table::Resources => &self.resources,
            Table::Directory => &self.directory,
            Table::Ledger => &self.ledger,
        }
    }
}

/// redtrail's tables in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    client: aws_sdk_dynamodb::Client,
    names: TableNames,
}

type Requests = HashMap<String, Vec<WriteRequest>>;

impl DynamoDbStore {
    pub fn new(client: aws_sdk_dynamodb::Client, names: TableNames) -> Self {
        Self { client, names }
    }

    fn requests(&self, puts: Vec<Put>) -> Result<Requests, EdgeError> {
        let mut requests = Requests::new();
        for Put { table, item } in puts {
            let name = self.names.of(table);
            let item: HashMap<String, AttributeValue> = item.into();
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put =
                put.map_err(|error| failed(name, EdgeErrorKind::Refused, Some(error.into())))?;
            let request = WriteRequest::builder().put_request(put).build();
            requests.entry(name.to_owned()).or_default().push(request);
        }
        Ok(requests)
    }

    async fn write(&self, mut requests: Requests, until: Instant) -> Result<(), EdgeError> {
        let mut attempt = 0;
        loop {
            let tables = requests
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            let sending = self
                .client
                .batch_write_item()
                .set_request_items(Some(requests.clone()))
                .send();
            let sent = tokio::time::timeout_at(until.into(), sending)
                .await
                .map_err(|elapsed| {
                    failed(&tables, EdgeErrorKind::Retryable, Some(elapsed.into()))
                })?;
            match sent {
                Ok(answer) => {
                    requests = answer.unprocessed_items.unwrap_or_default();
                    requests.retain(|_, left| !left.is_empty());
                    if requests.is_empty() {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let kind = kind(&error);
                    if kind != EdgeErrorKind::Retryable {
                        return Err(failed(&tables, kind, Some(error.into())));
                    }
                    tracing::debug!(%tables, error = %redtrail_core::edge::error_chain(&error), "batch failed");
                    if !pause(attempt, until).await {
                        return Err(failed(&tables, kind, Some(error.into())));
                    }
                    attempt += 1;
                    continue;
                }
            }
            let left: usize = requests.values().map(Vec::len).sum();
            tracing::debug!(%tables, left, attempt, "items were not processed");
            if !pause(attempt, until).await {
                return Err(failed(&tables, EdgeErrorKind::Retryable, None));
            }
            attempt += 1;
        }
    }
}

impl ItemStore for DynamoDbStore {
    async fn put_all(&self, puts: Vec<Put>, until: Instant) -> Result<(), EdgeError> {
        stream::iter(batches(puts))
            .map(|batch| async move { self.write(self.requests(batch)?, until).await })
            .buffer_unordered(BATCHES_IN_FLIGHT)
            .try_collect()
            .await
    }
}

/// Waits a random time up to a bound that doubles with each attempt: full jitter. False,
/// at once, when that would last past `until`.
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
async fn pause(attempt: u32, until: Instant) -> bool {
    let bound = FIRST_BACKOFF
        .saturating_mul(1 << attempt.min(16))
        .min(LONGEST_BACKOFF);
    let pause = bound.mul_f64(fastrand::f64());
    if Instant::now() + pause >= until {
        return false;
    }
    tokio::time::sleep(pause).await;
    true
}

fn failed(
    tables: &str,
    kind: EdgeErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> EdgeError {
    EdgeError {
        attempted: format!("write items to {tables}"),
        kind,
        source,
    }
}

fn kind(error: &SdkError<BatchWriteItemError>) -> EdgeErrorKind {
    match error.code().unwrap_or_default() {
        "AccessDeniedException" => EdgeErrorKind::Denied {
            permission: "dynamodb:BatchWriteItem",
        },
        "ResourceNotFoundException" => EdgeErrorKind::Missing,
        "ValidationException" | "ItemCollectionSizeLimitExceededException" => {
            EdgeErrorKind::Refused
        }
        _ => EdgeErrorKind::Retryable,
    }
}
