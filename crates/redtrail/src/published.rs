//! The tables of a stack, from the SSM parameters that it publishes: `/redtrail/STACK/…`.

use aws_sdk_ssm::error::ProvideErrorMetadata;
use redtrail_aws::{dynamodb::TableNames, shared_config};
use redtrail_model::{Arn, Table};

use crate::failure::{Failure, chain};

/// The names of the stack's tables, and their Region.
pub(crate) async fn tables(
    stack: &str,
    region: Option<String>,
) -> Result<(TableNames, Option<String>), Failure> {
    let config = shared_config::config(region, None).await;
    let ssm = aws_sdk_ssm::Client::new(&config);
    let name = |table: Table, suffix: &str| {
        let table = table.schema().variable.to_lowercase().replace('_', "-");
        format!("/redtrail/{stack}/{table}{suffix}")
    };
    let wanted = [
        name(Table::Principals, ""),
        name(Table::Resources, ""),
        name(Table::Directory, ""),
        name(Table::Ledger, ""),
        name(Table::Principals, "-arn"),
    ];
    let output = ssm.get_parameters().set_names(Some(wanted.to_vec())).send();
    let output = output.await.map_err(|error| {
        let next = match error.code() {
            Some("AccessDeniedException") => {
                "It takes ssm:GetParameters on the parameters under /redtrail/STACK/: the stack's \
                 reader policy grants it."
            }
            _ => "Check Region, credentials and network: `aws sts get-caller-identity` must work.",
        };
        Failure::failed(
            format!("could not find the tables of the stack {stack}"),
            next,
            chain(&error),
        )
    })?;
    let value = |wanted: &String| {
        let mut found = output.parameters().iter();
        let found = found.find(|parameter| parameter.name() == Some(wanted))?;
        found.value().map(str::to_owned)
    };
    let missing = |wanted: &String| {
        Failure::failed(
            format!("could not find the tables of the stack {stack}"),
            "Is it a stack of redtrail, in this account and Region? \
             `aws cloudformation list-stacks` tells what there is.",
            format!("there is no SSM parameter {wanted}"),
        )
    };
    let [principals, resources, directory, ledger, arn] = &wanted;
    let get = |wanted| value(wanted).ok_or_else(|| missing(wanted));
    let names = TableNames {
        principals: get(principals)?,
        resources: get(resources)?,
        directory: get(directory)?,
        ledger: get(ledger)?,
    };
    let arn = get(arn)?;
    let region = Arn::parse(&arn).map(|arn| arn.region.to_owned());
    Ok((names, region))
}
