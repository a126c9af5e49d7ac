//! What else than redtrail knows by itself is of the family, as the function is told.

use clap::Args;
use redtrail_core::select::Selector;
use redtrail_model::is_account_id;

use crate::failure::Failure;

/// Further accounts and services of the family.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SelectorArgs {
    /// A further account id of Redshift's own, as the function is told; may be repeated
    #[arg(
        long,
        value_name = "ID",
        env = "REDSHIFT_ACCOUNT_IDS",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = account_id
    )]
    redshift_account_id: Vec<String>,

    /// A further service of the family, as eventSource spells it; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        env = "REDSHIFT_SERVICE_NAMES",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = service_name
    )]
    redshift_service: Vec<String>,
}

impl SelectorArgs {
    pub(crate) fn selector(&self) -> Selector {
        // A variable that is set to nothing, as the stack does by default, is one empty value.
        fn given(values: &[String]) -> impl Iterator<Item = &str> {
            let values = values.iter().map(String::as_str);
            values.filter(|value| !value.is_empty())
        }
        Selector::new(given(&self.redshift_account_id)).with_services(given(&self.redshift_service))
    }

    /// Of these accounts and services of a stack, separated by commas; no others may be given.
    pub(crate) fn of_stack(&self, accounts: &str, services: &str) -> Result<Selector, Failure> {
        let given = [
            ("RedshiftAccountIds", &self.redshift_account_id, accounts),
            ("RedshiftServiceNames", &self.redshift_service, services),
        ];
        for (name, given, of_stack) in given {
            let is_of_stack = |value: &&str| values(of_stack).any(|known| known == *value);
            let mut given = given
                .iter()
                .map(|value| value.trim())
                .filter(|value| !value.is_empty());
            if let Some(other) = given.find(|value| !is_of_stack(value)) {
                return Err(Failure::usage(
                    format!("the stack's {name} does not have {other}"),
                    "Leave it out: the stack tells them.",
                ));
            }
        }
        Ok(Selector::new(values(accounts)).with_services(values(services)))
    }
}

/// Those of a list separated by commas.
fn values(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

fn account_id(text: &str) -> Result<String, &'static str> {
    let id = text.trim();
    if id.is_empty() || is_account_id(id) {
        Ok(id.to_owned())
    } else {
        Err("expected an account id of twelve digits")
    }
}

fn service_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    let is_name = name.contains(".amazonaws.") && !name.contains(char::is_whitespace);
    if name.is_empty() || is_name {
        Ok(name.to_owned())
    } else {
        Err("expected a service such as redshift.amazonaws.com")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use redtrail_core::select::Judgement;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        selector: SelectorArgs,
    }

    fn parse(further: &[&str]) -> Result<SelectorArgs, clap::Error> {
        let words = ["inspect"].iter().chain(further);
        Command::try_parse_from(words).map(|command| command.selector)
    }

    const BY_ACCOUNT: &str =
        r#"{"eventSource":"kms.amazonaws.com","userIdentity":{"accountId":"000000000002"}}"#;
    const BY_SERVICE: &str = r#"{"eventSource":"redshift-preview.amazonaws.com"}"#;

    #[test]
    fn ok_further_accounts_and_services() {
        for (words, expected) in [
            (vec![], [false, false]),
            (
                vec!["--redshift-account-id", "000000000001,000000000002"],
                [true, false],
            ),
            (
                vec![
                    "--redshift-account-id=000000000002",
                    "--redshift-account-id=000000000001",
                    "--redshift-service=redshift-preview.amazonaws.com",
                ],
                [true, true],
            ),
            (
                vec!["--redshift-account-id=", "--redshift-service="],
                [false, false],
            ),
        ] {
            let selector = parse(&words).unwrap().selector();
            let is_selected =
                |record: &str| matches!(selector.judge(record.as_bytes()), Judgement::Selected(_));
            assert_eq!(
                [BY_ACCOUNT, BY_SERVICE].map(is_selected),
                expected,
                "{words:?}"
            );
        }
    }

    #[test]
    fn err_what_is_no_account_or_service() {
        for word in [
            "--redshift-account-id=12345",
            "--redshift-account-id=000000000001,x",
            "--redshift-service=redshift",
            "--redshift-service=a b.amazonaws.com",
        ] {
            let error = parse(&[word]).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("expected a"), "{word}: {error}");
        }
    }

    #[test]
    fn ok_the_function_and_the_command_read_the_same_variables() {
        let command = <Command as clap::CommandFactory>::command();
        let variables: Vec<_> = command
            .get_arguments()
            .filter_map(|argument| argument.get_env()?.to_str())
            .collect();
        assert_eq!(
            variables,
            ["REDSHIFT_ACCOUNT_IDS", "REDSHIFT_SERVICE_NAMES"]
        );
    }
}
