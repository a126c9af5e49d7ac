//! The rules as data: the files under `rules/`, embedded and parsed once.

use std::{collections::HashMap, sync::LazyLock};

use redtrail_model::Part;

use super::{
    expression::{Expression, Path, part_of},
    kind::Kind,
};

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    Rules::parse().expect("the embedded rules are well-formed: a test of this module parses them")
});

/// The rules redtrail was built with.
pub(crate) fn rules() -> &'static Rules {
    &RULES
}

/// Every file of rules.
#[derive(Debug)]
pub(crate) struct Rules {
    kinds: HashMap<&'static str, Kind>,
    /// By service, then by operation in lower case.
    operations: HashMap<&'static str, HashMap<String, Operation>>,
    general: HashMap<&'static str, Vec<Expression>>,
    aliases: HashMap<&'static str, Vec<Pair>>,
    /// By lower-case name.
    members: HashMap<String, Member>,
}

/// A row of `operations.tsv`.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) class: Class,
    pub(crate) resources: Vec<Expression>,
    /// The service's general rules apply too.
    pub(crate) general: bool,
    pub(crate) otherwise: Vec<Expression>,
    pub(crate) keep: Vec<Path>,
}

/// What an operation does to what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    List,
    Read,
    /// Control-plane writes, grants, tagging.
    Change,
    /// Hands out credentials.
    Credentials,
    /// Runs or cancels SQL.
    Statement,
    Use,
}

/// A row of `aliases.tsv`.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) first: Expression,
    pub(crate) second: Expression,
    pub(crate) same: bool,
}

/// What a member's name says of the ARN it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// It plays this part, or the one its own service tells.
    Arn(Option<Part>),
    /// Nothing inside is looked at.
    Skip,
}

/// A line of a rules file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}, `{line}`: {reason}")]
pub(crate) struct RuleError {
    file: &'static str,
    line: &'static str,
    reason: &'static str,
}

impl Rules {
    fn parse() -> Result<Self, RuleError> {
        let mut kinds = HashMap::new();
        for row in rows(
            "resources.tsv",
            include_str!("../../../rules/resources.tsv"),
        ) {
            let [name, service, format, otherwise] = row.columns();
            let kind = Kind::parse(service, format, otherwise).map_err(|why| row.error(why))?;
            kinds.insert(name, kind);
        }
        let mut operations: HashMap<_, HashMap<_, _>> = HashMap::new();
        for row in rows(
            "operations.tsv",
            include_str!("../../../rules/operations.tsv"),
        ) {
            let [service, name, class, resources, otherwise, keep] = row.columns();
            let words: Vec<_> = list(resources).filter(|word| *word != "none").collect();
            let named = words.iter().copied().filter(|word| *word != "general");
            let operation = Operation {
                class: Class::parse(class).ok_or_else(|| row.error("an unknown class"))?,
                general: words.contains(&"general"),
                resources: row.expressions(named, &kinds)?,
                otherwise: row.expressions(list(otherwise), &kinds)?,
                keep: keep
                    .split_whitespace()
                    .map(Path::parse)
                    .collect::<Result<_, _>>()
                    .map_err(|why| row.error(why))?,
            };
            let of_service = operations.entry(service).or_default();
            if of_service
                .insert(name.to_ascii_lowercase(), operation)
                .is_some()
            {
                return Err(row.error("a second row for the operation"));
            }
        }
        let mut general: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows("general.tsv", include_str!("../../../rules/general.tsv")) {
            let [service, resources] = row.columns();
            let expressions = row.expressions(list(resources), &kinds)?;
            general.entry(service).or_default().extend(expressions);
        }
        let mut aliases: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows("aliases.tsv", include_str!("../../../rules/aliases.tsv")) {
            let [service, first, second, bond] = row.columns();
            let same = match bond {
                "same" => true,
                "belongs" => false,
                _ => return Err(row.error("a bond that is not same or belongs")),
            };
            let (first, second) = (
                row.expression(first, &kinds)?,
                row.expression(second, &kinds)?,
            );
            aliases.entry(service).or_default().push(Pair {
                first,
                second,
                same,
            });
        }
        let mut members = HashMap::new();
        for row in rows("members.tsv", include_str!("../../../rules/members.tsv")) {
            let [name, part] = row.columns();
            let member = match part {
                "skip" => Member::Skip,
                "-" => Member::Arn(None),
                word => Member::Arn(Some(
                    part_of(word).ok_or_else(|| row.error("an unknown part"))?,
                )),
            };
            members.insert(name.to_ascii_lowercase(), member);
        }
        Ok(Self {
            kinds,
            operations,
            general,
            aliases,
            members,
        })
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    /// The operation's row, else the one for any other of its service; for a service
    /// outside the family, else the one for any service.
    pub(crate) fn operation(&self, service: &str, name: &str) -> Option<&Operation> {
        let row = |service: &str, name: &str| self.operations.get(service)?.get(name);
        let own = row(service, &name.to_ascii_lowercase()).or_else(|| row(service, "*"));
        let outside = !self.general.contains_key(service);
        own.or_else(|| row("*", "*").filter(|_| outside))
    }

    /// The rules by member name of a service of the family.
    pub(crate) fn general(&self, service: &str) -> &[Expression] {
        self.general.get(service).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn aliases(&self, service: &str) -> &[Pair] {
        self.aliases.get(service).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn member(&self, name: &str) -> Option<Member> {
        let name = name.to_ascii_lowercase();
        self.members.get(&name).copied().or_else(|| {
            (name.ends_with("arn") || name.ends_with("arns")).then_some(Member::Arn(None))
        })
    }

    /// The members an item keeps of the operation. Without a row of its own: whatever is
    /// kept of another operation of the service, for that is known to be safe.
    pub(crate) fn kept(&self, service: &str, name: &str) -> Vec<&Path> {
        if let Some(row) = self.operation(service, name) {
            return row.keep.iter().collect();
        }
        let rows = self
            .operations
            .get(service)
            .into_iter()
            .flat_map(HashMap::values);
        let mut kept: Vec<_> = rows.flat_map(|row| &row.keep).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}

impl Class {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "list" => Self::List,
            "read" => Self::Read,
            "change" => Self::Change,
            "credentials" => Self::Credentials,
            "statement" => Self::Statement,
            "use" => Self::Use,
            _ => return None,
        })
    }

    /// The class of an operation without a row, by what CloudTrail says of it and by
    /// the verb its name begins with.
    pub(crate) fn guess(name: &str, read_only: Option<bool>) -> Self {
        let begins = |verbs: &[&str]| verbs.iter().any(|verb| name.starts_with(verb));
        if begins(&["List", "Search"]) {
            Self::List
        } else if read_only == Some(true)
            || begins(&["Get", "Describe", "View", "Fetch", "BatchGet"])
        {
            Self::Read
        } else if begins(&["Execute", "BatchExecute", "Cancel"]) {
            Self::Statement
        } else if read_only == Some(false) {
            Self::Change
        } else {
            Self::Use
        }
    }

    /// CloudTrail leaves the responses of such calls out, and where older records hold
    /// them they list what the caller did not name.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::List | Self::Read)
    }
}

/// A line of a file, and the file it stands in.
#[derive(Clone, Copy)]
struct Row {
    file: &'static str,
    line: &'static str,
}

impl Row {
    /// The first columns; absent ones are empty.
    fn columns<const N: usize>(self) -> [&'static str; N] {
        let mut columns = self.line.split('\t');
        std::array::from_fn(|_| columns.next().unwrap_or_default())
    }

    fn expressions(
        self,
        texts: impl Iterator<Item = &'static str>,
        kinds: &HashMap<&'static str, Kind>,
    ) -> Result<Vec<Expression>, RuleError> {
        texts.map(|text| self.expression(text, kinds)).collect()
    }

    fn expression(
        self,
        text: &'static str,
        kinds: &HashMap<&'static str, Kind>,
    ) -> Result<Expression, RuleError> {
        let expression = Expression::parse(text).map_err(|why| self.error(why))?;
        let parts = match expression.kind {
            "arn" => 1,
            kind => kinds
                .get(kind)
                .ok_or_else(|| self.error("an unknown type"))?
                .parts(),
        };
        let given = expression.value.len();
        if given != 0 && given != parts {
            return Err(self.error("not one value for each part of the type"));
        }
        Ok(expression)
    }

    fn error(self, reason: &'static str) -> RuleError {
        RuleError {
            file: self.file,
            line: self.line,
            reason,
        }
    }
}

fn rows(file: &'static str, text: &'static str) -> impl Iterator<Item = Row> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.skip(1).map(move |line| Row { file, line })
}

fn list(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split("; ").filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_embedded_rules_are_well_formed() {
        if let Err(error) = Rules::parse() {
            panic!("{error}");
        }
    }

    #[test]
    fn ok_nothing_secret_is_kept() {
        let services = rules().operations.iter();
        for (name, operation) in services.flat_map(|(_, operations)| operations) {
            for path in &operation.keep {
                let kept = path.name().to_ascii_lowercase();
                let last = kept.rsplit('.').next().unwrap_or_default();
                let flags = ["manageadminpassword", "managemasterpassword"];
                let secret = [
                    "password",
                    "token",
                    "secret",
                    "sql",
                    "query",
                    "credential",
                    "content",
                    "policy",
                ]
                .iter()
                .any(|word| last.contains(word));
                assert!(!secret || flags.contains(&last), "{name} keeps {kept}");
            }
        }
    }
}
