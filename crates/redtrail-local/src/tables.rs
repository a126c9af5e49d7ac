//! The template's tables, and how to make them: keys, indexes and time to live as declared there.
//! Knows CloudFormation's short tags (`!Ref`, `!Sub`, …) well enough to read past them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::types;
use aws_sdk_dynamodb::{Client, Error};
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::error::LocalError;

/// A table as the template declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredTable {
    pub logical_id: String,
    pub properties: TableProperties,
}

/// Those properties of `AWS::DynamoDB::Table` that a program can notice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableProperties {
    pub billing_mode: String,
    pub attribute_definitions: Vec<AttributeDefinition>,
    pub key_schema: Vec<KeySchemaElement>,
    #[serde(default)]
    pub global_secondary_indexes: Vec<GlobalSecondaryIndex>,
    pub time_to_live_specification: Option<TimeToLiveSpecification>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeySchemaElement {
    pub attribute_name: String,
    pub key_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GlobalSecondaryIndex {
    pub index_name: String,
    pub key_schema: Vec<KeySchemaElement>,
    pub projection: Projection,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Projection {
    pub projection_type: String,
    #[serde(default)]
    pub non_key_attributes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimeToLiveSpecification {
    pub attribute_name: String,
    pub enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: String,
    #[serde(default)]
    properties: Value,
}

/// The tables among a template's resources, by logical id.
pub fn declared_tables(template: &str) -> Result<Vec<DeclaredTable>, LocalError> {
    let template: Template =
        serde_yaml_ng::from_str(template).map_err(|source| LocalError::Template { source })?;
    template
        .resources
        .into_iter()
        .filter(|(_, resource)| resource.r#type == "AWS::DynamoDB::Table")
        .map(|(logical_id, resource)| {
            match serde_yaml_ng::from_value(resource.properties) {
                Ok(properties) => Ok(DeclaredTable {
                    logical_id,
                    properties,
                }),
                Err(source) => Err(LocalError::DeclaredTable { logical_id, source }),
            }
        })
        .collect()
}

impl DeclaredTable {
    /// Makes the table and waits until it is active. One that is there already is taken as it is if
    /// its keys are the declared ones.
    pub async fn create(&self, client: &Client, name: &str) -> Result<(), LocalError> {
        let attempt = format!("create the table {name}");
        let create_table = self
            .create_table(name)
            .map_err(LocalError::request(attempt.as_str()))?;
        match create_table.send_with(client).await.map_err(Error::from) {
            Ok(_) => {}
            Err(Error::ResourceInUseException(_)) => return self.check_keys(client, name).await,
            Err(error) => return Err(LocalError::request(attempt)(error)),
        }
        client
            .wait_until_table_exists()
            .table_name(name)
            .wait(Duration::from_secs(30))
            .await
            .map_err(LocalError::request(attempt))?;
        self.turn_on_time_to_live(client, name).await
    }

    /// The declaration as the input of `CreateTable`.
    pub fn create_table(&self, name: &str) -> Result<CreateTableInputBuilder, BuildError> {
        let properties = &self.properties;
        let attribute_definitions = properties
            .attribute_definitions
            .iter()
            .map(|attribute| {
                types::AttributeDefinition::builder()
                    .attribute_name(&attribute.attribute_name)
                    .attribute_type(attribute.attribute_type.as_str().into())
                    .build()
            })
            .collect::<Result<_, _>>()?;
        let indexes = properties
            .global_secondary_indexes
            .iter()
            .map(global_secondary_index)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(aws_sdk_dynamodb::operation::create_table::CreateTableInput::builder()
            .table_name(name)
            .billing_mode(properties.billing_mode.as_str().into())
            .set_attribute_definitions(Some(attribute_definitions))
            .set_key_schema(Some(key_schema(&properties.key_schema)?))
            // DynamoDB refuses an empty list.
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes)))
    }

    async fn turn_on_time_to_live(&self, client: &Client, name: &str) -> Result<(), LocalError> {
        let Some(declared) = &self.properties.time_to_live_specification else {
            return Ok(());
        };
        let attempt = format!("turn on the time to live of the table {name}");
        let specification = types::TimeToLiveSpecification::builder()
            .attribute_name(&declared.attribute_name)
            .enabled(declared.enabled)
            .build()
            .map_err(LocalError::request(attempt.as_str()))?;
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(specification)
            .send()
            .await
            .map_err(LocalError::request(attempt))?;
        Ok(())
    }

    async fn check_keys(&self, client: &Client, name: &str) -> Result<(), LocalError> {
        let attempt = format!("describe the table {name}");
        let declared = self
            .create_table(name)
            .map_err(LocalError::request(attempt.as_str()))?;
        let described = client
            .describe_table()
            .table_name(name)
            .send()
            .await
            .map_err(LocalError::request(attempt))?;
        let table = described.table();
        let present_keys = table.map(|table| table.key_schema()).unwrap_or_default();
        let mut present_indexes: Vec<_> = table
            .map(|table| table.global_secondary_indexes())
            .unwrap_or_default()
            .iter()
            .map(|index| (index.index_name().unwrap_or_default(), index.key_schema()))
            .collect();
        let mut declared_indexes: Vec<_> = declared
            .get_global_secondary_indexes()
            .iter()
            .flatten()
            .map(|index| (index.index_name(), index.key_schema()))
            .collect();
        present_indexes.sort_unstable_by_key(|(name, _)| *name);
        declared_indexes.sort_unstable_by_key(|(name, _)| *name);
        if declared.get_key_schema().as_deref() == Some(present_keys)
            && declared_indexes == present_indexes
        {
            Ok(())
        } else {
            Err(LocalError::OtherKeys {
                name: name.to_owned(),
            })
        }
    }
}

fn global_secondary_index(
    index: &GlobalSecondaryIndex,
) -> Result<types::GlobalSecondaryIndex, BuildError> {
    let non_key_attributes = &index.projection.non_key_attributes;
    let projection = types::Projection::builder()
        .projection_type(index.projection.projection_type.as_str().into())
        .set_non_key_attributes(
            (!non_key_attributes.is_empty()).then(|| non_key_attributes.clone()),
        )
        .build();
    types::GlobalSecondaryIndex::builder()
        .index_name(&index.index_name)
        .set_key_schema(Some(key_schema(&index.key_schema)?))
        .projection(projection)
        .build()
}

fn key_schema(elements: &[KeySchemaElement]) -> Result<Vec<types::KeySchemaElement>, BuildError> {
    elements
        .iter()
        .map(|element| {
            types::KeySchemaElement::builder()
                .attribute_name(&element.attribute_name)
                .key_type(element.key_type.as_str().into())
                .build()
        })
        .collect()
}
