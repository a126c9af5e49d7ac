//! The template's tables, and how to make them: keys, indexes and time to live as declared there.
//! Knows CloudFormation's short tags (`!Ref`, `!Sub`, …) well enough to read past them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::CreateTableInput;
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
        .map(
            |(logical_id, resource)| match properties(resource.properties) {
                Ok(properties) => Ok(DeclaredTable {
                    logical_id,
                    properties,
                }),
                Err(source) => Err(LocalError::DeclaredTable { logical_id, source }),
            },
        )
        .collect()
}

fn properties(mut declared: Value) -> Result<TableProperties, serde_yaml_ng::Error> {
    const READ: [&str; 5] = [
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "TimeToLiveSpecification",
    ];
    // A cap on the cost, which hangs on the stack's parameters: no program notices it here.
    let indexes = declared.get_mut("GlobalSecondaryIndexes");
    for index in indexes
        .and_then(Value::as_sequence_mut)
        .into_iter()
        .flatten()
    {
        if let Some(index) = index.as_mapping_mut() {
            index.remove("OnDemandThroughput");
        }
    }
    // Deserializing would take `!Ref Name` for the text `Name`.
    if let Some(name) = READ.into_iter().find(|name| has_tag(&declared[*name])) {
        let message = format!("{name} is more than plain values");
        return Err(serde::de::Error::custom(message));
    }
    serde_yaml_ng::from_value(declared)
}

fn has_tag(value: &Value) -> bool {
    match value {
        Value::Tagged(_) => true,
        Value::Sequence(values) => values.iter().any(has_tag),
        Value::Mapping(entries) => entries.values().any(has_tag),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
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
        Ok(CreateTableInput::builder()
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

#[cfg(test)]
mod tests {
    use redtrail_model::{EXPIRES_AT, TABLES};

    use super::*;

    const TEMPLATE: &str = include_str!("../../../template.yaml");

    fn keys(elements: &[KeySchemaElement]) -> Vec<(&str, &str)> {
        elements
            .iter()
            .map(|element| (element.attribute_name.as_str(), element.key_type.as_str()))
            .collect()
    }

    #[test]
    fn ok_the_template_declares_the_tables_that_the_code_uses() {
        let mut declared = declared_tables(TEMPLATE).unwrap();
        assert_eq!(declared.len(), TABLES.len());
        for schema in &TABLES {
            let position = declared
                .iter()
                .position(|table| table.logical_id == schema.logical_id)
                .unwrap();
            let properties = declared.remove(position).properties;
            let mut attributes = vec![schema.partition_key, schema.sort_key];
            assert_eq!(
                keys(&properties.key_schema),
                [(schema.partition_key, "HASH"), (schema.sort_key, "RANGE")]
            );
            assert_eq!(
                properties.global_secondary_indexes.len(),
                schema.indexes.len()
            );
            for (index, expected) in properties
                .global_secondary_indexes
                .iter()
                .zip(schema.indexes)
            {
                assert_eq!(index.index_name, expected.name);
                assert_eq!(
                    keys(&index.key_schema),
                    [
                        (expected.partition_key, "HASH"),
                        (expected.sort_key, "RANGE")
                    ]
                );
                assert_eq!(index.projection.projection_type, "ALL");
                attributes.extend([expected.partition_key, expected.sort_key]);
            }
            // DynamoDB takes the attributes of keys, each once, and no others.
            attributes.sort_unstable();
            attributes.dedup();
            let mut defined: Vec<&str> = Vec::new();
            for attribute in &properties.attribute_definitions {
                assert_eq!(attribute.attribute_type, "S");
                defined.push(&attribute.attribute_name);
            }
            defined.sort_unstable();
            assert_eq!(defined, attributes);
            assert_eq!(properties.billing_mode, "PAY_PER_REQUEST");
            let time_to_live = properties.time_to_live_specification.unwrap();
            assert_eq!(time_to_live.attribute_name, EXPIRES_AT);
            assert!(time_to_live.enabled);
        }
    }

    #[test]
    fn ok_the_template_keeps_the_tables_whatever_happens_to_the_stack() {
        let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
        for schema in &TABLES {
            let table = &template["Resources"][schema.logical_id];
            assert_eq!(table["DeletionPolicy"], "Retain");
            assert_eq!(table["UpdateReplacePolicy"], "Retain");
            let properties = &table["Properties"];
            assert_eq!(properties["DeletionProtectionEnabled"], true);
            let recovery = &properties["PointInTimeRecoverySpecification"];
            assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
            // A fixed name forbids a second generation, the aws/dynamodb key forbids other accounts:
            // without a key of the customer's there is no specification, and so AWS's own key.
            assert!(properties.get("TableName").is_none());
            let Some(Value::Tagged(encryption)) = properties.get("SSESpecification") else {
                panic!("{} may have a customer's key", schema.logical_id);
            };
            assert_eq!(encryption.tag, "!If");
            assert_eq!(encryption.value[0], "HasTablesKmsKey");
            let Value::Tagged(key) = &encryption.value[1]["KMSMasterKeyId"] else {
                panic!("the key is the stack's parameter");
            };
            assert_eq!(key.value, "TablesKmsKeyArn");
            assert_eq!(
                serde_yaml_ng::to_string(&encryption.value[2]).unwrap(),
                "!Ref AWS::NoValue\n"
            );
            assert!(properties.get("LocalSecondaryIndexes").is_none());
        }
    }

    #[test]
    fn ok_the_function_is_told_every_table() {
        let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
        let function = &template["Resources"]["IngestFunction"]["Properties"];
        for schema in &TABLES {
            let variable = &function["Environment"]["Variables"][schema.variable];
            let Value::Tagged(reference) = variable else {
                panic!("{} is {variable:?}", schema.variable);
            };
            assert_eq!(reference.tag, "!Ref");
            assert_eq!(reference.value, schema.logical_id);
        }
    }

    #[test]
    fn err_a_key_that_is_not_plain_text() {
        let template = "
            Resources:
              Things:
                Type: AWS::DynamoDB::Table
                Properties:
                  BillingMode: PAY_PER_REQUEST
                  AttributeDefinitions: [{AttributeName: !Ref Name, AttributeType: S}]
                  KeySchema: [{AttributeName: !Ref Name, KeyType: HASH}]
        ";
        let error = declared_tables(template).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read the table Things of the template"
        );
    }

    #[test]
    fn err_not_a_template() {
        for text in [
            "",
            "[]",
            "Resources: 1",
            "Resources: {A: {}}",
            "\u{0}",
            "a: *b",
        ] {
            assert!(declared_tables(text).is_err(), "{text:?}");
        }
    }
}
