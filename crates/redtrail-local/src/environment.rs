//! The environment variables that point a function, boto3 or the AWS CLI at the embedded servers.

use std::fmt;

/// The region of the embedded servers.
pub const REGION: &str = "us-east-1";
/// The one access key that the embedded S3 knows.
pub const ACCESS_KEY_ID: &str = "redtraillocal";
/// Its secret: known to all, good for nothing else.
pub const SECRET_ACCESS_KEY: &str = "redtraillocalsecret";

/// Environment variables, in the order they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// Region and credentials for the embedded servers.
    pub fn new() -> Self {
        Self::default()
            .with("AWS_REGION", REGION)
            .with("AWS_DEFAULT_REGION", REGION)
            .with("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .with("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    }

    /// Sets a variable, in place of an earlier value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Lines to paste into a shell: what would get in the way is unset, the rest exported.
impl fmt::Display for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "unset AWS_PROFILE AWS_SESSION_TOKEN")?;
        for (name, value) in self.iter() {
            writeln!(formatter, "export {name}={}", quoted(value))?;
        }
        Ok(())
    }
}

fn quoted(value: &str) -> String {
    let plain = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-' | ':' | '/')
    };
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn ok_a_later_value_replaces_an_earlier_one() {
        let environment = Environment::new().with("AWS_REGION", "eu-central-1");
        assert_eq!(environment.get("AWS_REGION"), Some("eu-central-1"));
        assert_eq!(
            environment
                .iter()
                .filter(|(name, _)| *name == "AWS_REGION")
                .count(),
            1
        );
    }

    #[test]
    fn ok_a_shell_reads_back_what_was_set() {
        for value in ["http://127.0.0.1:8000", "", "it's $HOME; `true`\n\"x\""] {
            let lines = Environment::new().with("PASTED", value).to_string();
            let output = Command::new("sh")
                .arg("-c")
                .arg(format!("{lines}printf '%s' \"$PASTED${{AWS_PROFILE-}}\""))
                .env("AWS_PROFILE", "somebody")
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }
}
