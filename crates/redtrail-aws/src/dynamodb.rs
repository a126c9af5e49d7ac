//! redtrail's tables in DynamoDB: BatchWriteItem for what is written; of the ledger, GetItem for
//! what is known, PutItem for where to go on.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>

use std::{collections::HashMap, slice, sync::Arc};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        batch_write_item::BatchWriteItemError, get_item::GetItemError, put_item::PutItemError,
    },
    types::{AttributeValue, PutRequest, ThrottlingReason, WriteRequest},
};
use redtrail_core::{
    batch::put_bytes,
    edge::{EdgeError, EdgeErrorKind, ItemStore, Unless},
    item::{Item, Put},
};
use redtrail_model::{TABLES, Table};
use tokio::sync::{Semaphore, SemaphorePermit};

/// What each table is called in the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    pub principals: String,
    pub resources: String,
    pub directory: String,
    pub ledger: String,
}

impl TableNames {
    /// For who touches the ledger and no other table.
    pub fn ledger_alone(ledger: String) -> Self {
        Self {
            principals: String::new(),
            resources: String::new(),
            directory: String::new(),
            ledger,
        }
    }

    pub fn of(&self, table: Table) -> &str {
        match table {
            Table::Principals => &self.principals,
            Table::Resources => &self.resources,
            Table::Directory => &self.directory,
            Table::Ledger => &self.ledger,
        }
    }
}

/// Bytes of items in batches at once: the SDK takes several times that for them. It is room
/// for two of the largest items, or for four full batches of large ones.
pub const MAX_BYTES_IN_FLIGHT: u32 = 1 << 20;

/// redtrail's tables in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    client: aws_sdk_dynamodb::Client,
    names: TableNames,
    room: Arc<Semaphore>,
}

type Requests = HashMap<String, Vec<WriteRequest>>;

impl DynamoDbStore {
    pub fn new(client: aws_sdk_dynamodb::Client, names: TableNames) -> Self {
        Self {
            client,
            names,
            room: Arc::new(Semaphore::new(MAX_BYTES_IN_FLIGHT as usize)),
        }
    }

    /// Waits until these items may be in a request, in the order in which it was asked.
    async fn room_for(&self, batch: &[Put]) -> Result<SemaphorePermit<'_>, EdgeError> {
        let bytes: usize = batch.iter().map(put_bytes).sum();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.acquire_many(bytes.min(MAX_BYTES_IN_FLIGHT));
        room.await
            .map_err(|error| self.failed(batch, EdgeErrorKind::Retryable, error.into()))
    }

    fn requests(&self, batch: &[Put]) -> Result<Requests, EdgeError> {
        let mut requests = Requests::new();
        for put in batch {
            let name = self.names.of(put.table);
            let item: HashMap<String, AttributeValue> = put.item().into();
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put =
                put.map_err(|error| self.failed(batch, EdgeErrorKind::Refused, error.into()))?;
            let request = WriteRequest::builder().put_request(put).build();
            requests.entry(name.to_owned()).or_default().push(request);
        }
        Ok(requests)
    }

    fn failed(
        &self,
        batch: &[Put],
        kind: EdgeErrorKind,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> EdgeError {
        let tables = TABLES
            .iter()
            .filter(|schema| batch.iter().any(|put| put.table == schema.table))
            .map(|schema| self.names.of(schema.table))
            .collect::<Vec<_>>()
            .join(", ");
        EdgeError {
            attempted: format!("write items to {tables}"),
            kind,
            source: Some(source),
        }
    }

    /// The place in `batch` of an item that came back.
    fn position(&self, batch: &[Put], table: &str, left: &WriteRequest) -> Option<usize> {
        let item = left.put_request()?.item();
        batch.iter().position(|put| {
            let schema = put.table.schema();
            let is_same = |name: &str, text: &str| {
                item.get(name)
                    .and_then(|value| value.as_s().ok())
                    .is_some_and(|there| there == text)
            };
            let [partition, sort] = put.keys();
            self.names.of(put.table) == table
                && is_same(schema.partition_key, partition)
                && is_same(schema.sort_key, sort)
        })
    }
}

impl ItemStore for DynamoDbStore {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        let room = self.room_for(batch).await?;
        let sent = self
            .client
            .batch_write_item()
            .set_request_items(Some(self.requests(batch)?))
            .send()
            .await
            .map_err(|error| self.failed(batch, write_kind(&error), error.into()))?;
        drop(room);
        let left = sent.unprocessed_items.unwrap_or_default();
        let left = left
            .iter()
            .flat_map(|(table, requests)| requests.iter().map(move |request| (table, request)));
        left.map(|(table, request)| {
            // What was not sent cannot be left over: the answer tells nothing of this batch.
            self.position(batch, table, request).ok_or_else(|| {
                self.failed(
                    batch,
                    EdgeErrorKind::Retryable,
                    "an item that was not sent came back as unprocessed".into(),
                )
            })
        })
        .collect()
    }

    /// It waits for no room: at the end of an invocation there is no time to.
    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        let batch = slice::from_ref(put);
        let item: HashMap<String, AttributeValue> = put.item().into();
        let condition = condition(&item, unless);
        let sent = self
            .client
            .put_item()
            .table_name(self.names.of(put.table))
            .set_item(Some(item))
            .set_condition_expression(condition.expression)
            .set_expression_attribute_names(condition.names)
            .set_expression_attribute_values(condition.values)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(self.failed(batch, put_kind(&error), error.into())),
        }
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        let schema = table.schema();
        let name = self.names.of(table);
        let [partition, sort] = keys.map(|key| AttributeValue::S(key.to_owned()));
        let got = self
            .client
            .get_item()
            .table_name(name)
            .key(schema.partition_key, partition)
            .key(schema.sort_key, sort)
            .send()
            .await
            .map_err(|error| EdgeError {
                attempted: format!("read an item of {name}"),
                kind: get_kind(&error),
                source: Some(error.into()),
            })?;
        Ok(got.item.map(Item::from))
    }
}

fn write_kind(error: &SdkError<BatchWriteItemError>) -> EdgeErrorKind {
    let reasons = match error.as_service_error() {
        Some(BatchWriteItemError::ProvisionedThroughputExceededException(error)) => {
            error.throttling_reasons()
        }
        Some(BatchWriteItemError::ThrottlingException(error)) => error.throttling_reasons(),
        Some(BatchWriteItemError::RequestLimitExceeded(error)) => error.throttling_reasons(),
        _ => &[],
    };
    kind(error.code(), reasons, "dynamodb:BatchWriteItem")
}

fn put_kind(error: &SdkError<PutItemError>) -> EdgeErrorKind {
    let reasons = match error.as_service_error() {
        Some(PutItemError::ProvisionedThroughputExceededException(error)) => {
            error.throttling_reasons()
        }
        Some(PutItemError::ThrottlingException(error)) => error.throttling_reasons(),
        Some(PutItemError::RequestLimitExceeded(error)) => error.throttling_reasons(),
        _ => &[],
    };
    kind(error.code(), reasons, "dynamodb:PutItem")
}

fn get_kind(error: &SdkError<GetItemError>) -> EdgeErrorKind {
    kind(error.code(), &[], "dynamodb:GetItem")
}

#[derive(Default)]
struct Condition {
    expression: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

/// That the item there, if any, is not what `unless` says. No condition where the new item
/// lacks an attribute to compare.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>
fn condition(item: &HashMap<String, AttributeValue>, unless: Unless) -> Condition {
    let mut names = HashMap::new();
    let mut values = HashMap::new();
    let mut terms = Vec::new();
    let same = unless.same.iter().map(|name| (*name, "="));
    for (index, (name, operator)) in same.chain([(unless.differs, "<>")]).enumerate() {
        let Some(value) = item.get(name) else {
            return Condition::default();
        };
        names.insert(format!("#a{index}"), name.to_owned());
        values.insert(format!(":a{index}"), value.clone());
        terms.push(format!("#a{index} {operator} :a{index}"));
    }
    Condition {
        expression: Some(format!("NOT ({})", terms.join(" AND "))),
        names: Some(names),
        values: Some(values),
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
fn kind(
    code: Option<&str>,
    reasons: &[ThrottlingReason],
    permission: &'static str,
) -> EdgeErrorKind {
    match code.unwrap_or_default() {
        "AccessDeniedException" => EdgeErrorKind::Denied { permission },
        "ResourceNotFoundException" => EdgeErrorKind::Missing,
        "ValidationException" | "ItemCollectionSizeLimitExceededException" => {
            EdgeErrorKind::Refused
        }
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded" => EdgeErrorKind::Throttled {
            reason: limit(reasons),
        },
        _ => EdgeErrorKind::Retryable,
    }
}

/// The limit in a reason such as `TableWriteKeyRangeThroughputExceeded`.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html>
fn limit(reasons: &[ThrottlingReason]) -> &'static str {
    let mut told = reasons.iter().filter_map(ThrottlingReason::reason);
    let limits = [
        "KeyRangeThroughputExceeded",
        "ProvisionedThroughputExceeded",
        "MaxOnDemandThroughputExceeded",
        "AccountLimitExceeded",
    ];
    told.find_map(|reason| limits.into_iter().find(|limit| reason.ends_with(limit)))
        .unwrap_or("unknown")
}
