//! A function's environment, read once. A bad value names its variable and what was expected
//! of it.

use aws_credential_types::Credentials;
use redtrail_aws::clients::Connection;
use redtrail_core::retention::Retention;
use redtrail_model::Table;
use thiserror::Error;

/// A variable of the environment is missing or makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("environment variable {variable}: expected {expected}, found {found}")]
pub struct InvalidVariable {
    pub variable: String,
    pub expected: &'static str,
    pub found: String,
}

/// The variables, by their names.
#[derive(Clone, Copy, Debug)]
pub struct Environment<F>(pub F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// A value, unless it is nothing.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    /// # Errors
    /// When it is missing.
    pub fn required(&self, name: &str, expected: &'static str) -> Result<String, InvalidVariable> {
        self.optional(name).ok_or_else(|| InvalidVariable {
            variable: name.to_owned(),
            expected,
            found: "nothing".to_owned(),
        })
    }

    /// The name of a table.
    ///
    /// # Errors
    /// When it is missing.
    pub fn table(&self, table: Table) -> Result<String, InvalidVariable> {
        self.required(table.schema().variable, "the name of a table")
    }

    /// Where and as whom to call AWS: what Lambda sets, `TRAIL_BUCKET_REGION` and
    /// `TABLES_REGION`, and `AWS_ENDPOINT_URL` and its like for other servers than AWS's.
    ///
    /// # Errors
    /// When Region or credentials are missing.
    pub fn connection(&self) -> Result<Connection, InvalidVariable> {
        let region = self.required("AWS_REGION", "a Region")?;
        let endpoint = |service: &str| {
            let of_service = self.optional(&format!("AWS_ENDPOINT_URL_{service}"));
            of_service.or_else(|| self.optional("AWS_ENDPOINT_URL"))
        };
        Ok(Connection {
            credentials: Credentials::new(
                self.required("AWS_ACCESS_KEY_ID", "an access key id")?,
                self.required("AWS_SECRET_ACCESS_KEY", "a secret access key")?,
                self.optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            s3_region: self
                .optional("TRAIL_BUCKET_REGION")
                .unwrap_or_else(|| region.clone()),
            dynamodb_region: self
                .optional("TABLES_REGION")
                .unwrap_or_else(|| region.clone()),
            region,
            s3_endpoint: endpoint("S3"),
            dynamodb_endpoint: endpoint("DYNAMODB"),
            sqs_endpoint: endpoint("SQS"),
            cloudtrail_endpoint: endpoint("CLOUDTRAIL"),
        })
    }

    /// How long to keep something.
    ///
    /// # Errors
    /// When it is no number of days.
    pub fn retention(&self, name: &str) -> Result<Retention, InvalidVariable> {
        let Some(days) = self.optional(name) else {
            return Ok(Retention::Forever);
        };
        match days.trim().parse::<u32>() {
            Ok(0) => Ok(Retention::Forever),
            Ok(days) => Ok(Retention::Days(days)),
            Err(_) => Err(InvalidVariable {
                variable: name.to_owned(),
                expected: "a whole number of days, 0 to keep them for ever",
                found: days,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        set: &'static [(&'static str, &'static str)],
    ) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment(move |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn ok_connection() {
        let connection = environment(&[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("TRAIL_BUCKET_REGION", "us-east-1"),
            ("TABLES_REGION", " "),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
        ])
        .connection()
        .unwrap();
        assert_eq!(connection.s3_region, "us-east-1");
        assert_eq!(connection.dynamodb_region, "eu-west-1");
        assert_eq!(connection.region, "eu-west-1");
        let endpoints = [
            (connection.s3_endpoint, "http://127.0.0.1:2"),
            (connection.dynamodb_endpoint, "http://127.0.0.1:1"),
            (connection.sqs_endpoint, "http://127.0.0.1:1"),
            (connection.cloudtrail_endpoint, "http://127.0.0.1:1"),
        ];
        for (endpoint, expected) in endpoints {
            assert_eq!(endpoint.as_deref(), Some(expected));
        }
    }

    #[test]
    fn err_names_the_variable() {
        let environment = environment(&[("A", " "), ("B", "a year"), ("C", "-1"), ("D", "0")]);
        assert_eq!(environment.required("A", "a").unwrap_err().variable, "A");
        assert_eq!(environment.retention("B").unwrap_err().variable, "B");
        assert_eq!(environment.retention("C").unwrap_err().found, "-1");
        assert_eq!(environment.retention("D"), Ok(Retention::Forever));
        assert_eq!(environment.retention("E"), Ok(Retention::Forever));
    }
}
