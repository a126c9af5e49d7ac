//! All of it for one run: S3, DynamoDB with the template's tables, and the environment to use them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use redtrail_model::{TABLES, Table};
use tempfile::TempDir;

use crate::bootstrap::Bootstrap;
use crate::clients::dynamodb_client;
use crate::dynamodb::{DynamoDbServer, DynamoDbStorage};
use crate::environment::Environment;
use crate::error::LocalError;
use crate::s3::{S3Server, StoredObject};
use crate::tables::declared_tables;

/// An S3 and a DynamoDB on this machine, until they are stopped or dropped.
#[derive(Debug)]
pub struct LocalAws {
    s3: S3Server,
    dynamodb: DynamoDbServer,
    dynamodb_client: aws_sdk_dynamodb::Client,
    table_names: BTreeMap<Table, String>,
    temporary_folder: Option<TempDir>,
}

/// How to start; by default on any free ports, leaving nothing behind.
#[derive(Clone, Debug)]
pub struct LocalAwsOptions {
    pub storage: Storage,
    /// The address to listen on: loopback, or one that others reach too.
    pub listen: Ipv4Addr,
    /// 0 is any free one.
    pub s3_port: u16,
    /// 0 is any free one.
    pub dynamodb_port: u16,
    /// The tables are called by it: `redtrail-principals` and so on.
    pub table_prefix: String,
}

/// Where buckets and tables live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Gone with the servers.
    Temporary,
    /// A folder, made when it is not there yet, found again by the next run.
    Folder(PathBuf),
}

impl Default for LocalAwsOptions {
    fn default() -> Self {
        Self {
            storage: Storage::Temporary,
            listen: Ipv4Addr::LOCALHOST,
            s3_port: 0,
            dynamodb_port: 0,
            table_prefix: "redtrail".to_owned(),
        }
    }
}

impl LocalAws {
    /// Starts both servers and makes the tables that the template, given as text, declares.
    pub async fn start(template: &str, options: &LocalAwsOptions) -> Result<Self, LocalError> {
        let (s3_folder, dynamodb_storage, temporary_folder) = match &options.storage {
            Storage::Temporary => {
                let folder = TempDir::with_prefix("redtrail-local-")
                    .map_err(|source| folder_error(&std::env::temp_dir(), source))?;
                (
                    folder.path().to_owned(),
                    DynamoDbStorage::Memory,
                    Some(folder),
                )
            }
            Storage::Folder(folder) => {
                let s3_folder = folder.join("s3");
                std::fs::create_dir_all(&s3_folder)
                    .map_err(|source| folder_error(&s3_folder, source))?;
                let database = folder.join("dynamodb.sqlite");
                (s3_folder, DynamoDbStorage::File(database), None)
            }
        };
        let address = |port| SocketAddrV4::new(options.listen, port);
        let s3 = S3Server::start(&s3_folder, address(options.s3_port)).await?;
        let dynamodb =
            DynamoDbServer::start(&dynamodb_storage, address(options.dynamodb_port)).await?;
        let dynamodb_client = dynamodb_client(&dynamodb.endpoint());
        let table_names = create_tables(&dynamodb_client, template, &options.table_prefix).await?;
        Ok(Self {
            s3,
            dynamodb,
            dynamodb_client,
            table_names,
            temporary_folder,
        })
    }

    pub fn s3_endpoint(&self) -> String {
        self.s3.endpoint()
    }

    pub fn dynamodb_endpoint(&self) -> String {
        self.dynamodb.endpoint()
    }

    pub fn s3_client(&self) -> &aws_sdk_s3::Client {
        self.s3.client()
    }

    pub fn dynamodb_client(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb_client
    }

    /// What a table is called here.
    pub fn table_name(&self, table: Table) -> &str {
        self.table_names.get(&table).map_or("", String::as_str)
    }

    /// Puts every file of a folder into a bucket, made when it is not there yet; keys are relative
    /// paths.
    pub async fn put_folder(
        &self,
        bucket: &str,
        folder: &Path,
    ) -> Result<Vec<StoredObject>, LocalError> {
        self.s3.put_folder(bucket, folder).await
    }

    /// Puts one object into a bucket, made when it is not there yet.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: &[u8],
    ) -> Result<StoredObject, LocalError> {
        self.s3.put_object(bucket, key, body).await
    }

    /// What points a function, boto3 or the AWS CLI at these servers and tables.
    pub fn environment(&self) -> Environment {
        let environment = Environment::new()
            .with("AWS_ENDPOINT_URL_S3", self.s3_endpoint())
            .with("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb_endpoint());
        TABLES.iter().fold(environment, |environment, schema| {
            environment.with(schema.variable, self.table_name(schema.table))
        })
    }

    /// Starts the function's binary against these servers, with `variables` on top of
    /// [`LocalAws::environment`].
    pub async fn start_function(
        &self,
        bootstrap: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Bootstrap, LocalError> {
        let environment = variables
            .iter()
            .fold(self.environment(), |environment, (name, value)| {
                environment.with(*name, *value)
            });
        Bootstrap::start(bootstrap, &environment).await
    }

    /// Ends both servers and removes what was temporary.
    pub async fn stop(self) -> Result<(), LocalError> {
        self.s3.stop().await;
        self.dynamodb.stop().await;
        if let Some(folder) = self.temporary_folder {
            let path = folder.path().to_owned();
            folder
                .close()
                .map_err(|source| folder_error(&path, source))?;
        }
        Ok(())
    }
}

/// Makes the template's tables, and sees to it that each table the code uses is among them.
async fn create_tables(
    client: &aws_sdk_dynamodb::Client,
    template: &str,
    prefix: &str,
) -> Result<BTreeMap<Table, String>, LocalError> {
    let declared = declared_tables(template)?;
    let mut names = BTreeMap::new();
    for schema in &TABLES {
        let table = declared
            .iter()
            .find(|table| table.logical_id == schema.logical_id)
            .ok_or(LocalError::UndeclaredTable {
                logical_id: schema.logical_id,
            })?;
        let name = schema.logical_id.trim_end_matches("Table").to_lowercase();
        let name = format!("{prefix}-{name}");
        table.create(client, &name).await?;
        names.insert(schema.table, name);
    }
    Ok(names)
}

fn folder_error(path: &Path, source: std::io::Error) -> LocalError {
    LocalError::Folder {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    const TEMPLATE: &str = include_str!("../../../template.yaml");

    #[tokio::test]
    async fn ok_temporary_leaves_nothing() {
        let local = LocalAws::start(TEMPLATE, &LocalAwsOptions::default())
            .await
            .unwrap();
        let folder = local.temporary_folder.as_ref().unwrap().path().to_owned();
        let source = TempDir::new().unwrap();
        fs::write(source.path().join("object"), "text").unwrap();
        local.put_folder("trail", source.path()).await.unwrap();
        assert!(folder.join("trail").join("object").exists());
        local.stop().await.unwrap();
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn ok_a_folder_is_found_again() {
        let folder = TempDir::new().unwrap();
        let source = TempDir::new().unwrap();
        fs::write(source.path().join("object"), "text").unwrap();
        let options = LocalAwsOptions {
            storage: Storage::Folder(folder.path().join("new")),
            ..LocalAwsOptions::default()
        };
        let first = LocalAws::start(TEMPLATE, &options).await.unwrap();
        first.put_folder("trail", source.path()).await.unwrap();
        let written = first
            .dynamodb_client()
            .put_item()
            .table_name(first.table_name(Table::Ledger))
            .item("folder", AttributeValue::S("f".to_owned()))
            .item("object_key", AttributeValue::S("o".to_owned()));
        written.send().await.unwrap();
        first.stop().await.unwrap();

        let second = LocalAws::start(TEMPLATE, &options).await.unwrap();
        let object = second
            .s3_client()
            .head_object()
            .bucket("trail")
            .key("object");
        assert_eq!(object.send().await.unwrap().content_length(), Some(4));
        let scan = second.dynamodb_client().scan();
        let items = scan
            .table_name(second.table_name(Table::Ledger))
            .send()
            .await
            .unwrap();
        assert_eq!(items.count(), 1);
        second.stop().await.unwrap();
    }

    #[tokio::test]
    async fn err_tables_with_other_keys_are_not_taken() {
        let folder = TempDir::new().unwrap();
        let options = LocalAwsOptions {
            storage: Storage::Folder(folder.path().to_owned()),
            ..LocalAwsOptions::default()
        };
        let first = LocalAws::start(TEMPLATE, &options).await.unwrap();
        first.stop().await.unwrap();
        let changed = TEMPLATE.replace("IndexName: failures", "IndexName: errors");
        let error = LocalAws::start(&changed, &options).await.unwrap_err();
        assert!(matches!(error, LocalError::OtherKeys { name } if name == "redtrail-principals"));
    }

    #[tokio::test]
    async fn err_a_table_the_template_lacks() {
        let template = TEMPLATE.replace("LedgerTable:", "AnotherTable:");
        let error = LocalAws::start(&template, &LocalAwsOptions::default())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the template declares no table LedgerTable"
        );
    }

    #[tokio::test]
    async fn ok_the_environment_names_endpoints_and_tables() {
        let options = LocalAwsOptions {
            table_prefix: "mine".to_owned(),
            ..LocalAwsOptions::default()
        };
        let local = LocalAws::start(TEMPLATE, &options).await.unwrap();
        let environment = local.environment();
        assert_eq!(
            environment.get("AWS_ENDPOINT_URL_S3"),
            Some(local.s3_endpoint().as_str())
        );
        assert_eq!(environment.get("PRINCIPALS_TABLE"), Some("mine-principals"));
        assert_eq!(environment.get("LEDGER_TABLE"), Some("mine-ledger"));
        let tables = local.dynamodb_client().list_tables().send().await.unwrap();
        let expected = [
            "mine-directory",
            "mine-ledger",
            "mine-principals",
            "mine-resources",
        ];
        assert_eq!(tables.table_names(), expected);
    }
}
