//! The rules as data: the files under `rules/`, embedded and parsed once.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock},
};

use foldhash::fast::RandomState;

use redtrail_model::Part;

use super::{
    expression::{Expression, Kinds, Path, part_of},
    kind::Kind,
    tree::Names,
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
    kinds: Kinds,
    services: HashMap<&'static str, Service, RandomState>,
    /// What the names of members say, by [`Names::bit`].
    members: [Vec<(&'static str, Member)>; 64],
}

/// What the files say of one service; of `*`, of any other one.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// By name.
    operations: HashMap<&'static str, OperationRow, RandomState>,
    /// The rules by member name: those of the family have some.
    pub(crate) general: Vec<Expression>,
    pub(crate) aliases: Vec<Pair>,
    /// What is kept of any of its operations, once it is asked for.
    kept: OnceLock<Vec<Path>>,
}

const ANY: &str = "*";

/// A row of `operations.tsv`, read when it is asked for: a function that starts must not read
/// hundreds for the few that its trail holds.
#[derive(Debug)]
struct OperationRow {
    row: Row,
    read: OnceLock<Operation>,
}

/// What a row of `operations.tsv` says.
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
        let mut kinds = Kinds::new();
        for row in rows(
            "resources.tsv",
            include_str!("../../../rules/resources.tsv"),
        ) {
            let [name, service, format, otherwise] = row.columns();
            let kind = Kind::parse(service, format, otherwise).map_err(|why| row.error(why))?;
            kinds.insert(name, Arc::new(kind));
        }
        let mut services: HashMap<_, Service, RandomState> = HashMap::default();
        for row in rows(
            "operations.tsv",
            include_str!("../../../rules/operations.tsv"),
        ) {
            let [service, name] = row.columns();
            let operation = OperationRow {
                row,
                read: OnceLock::new(),
            };
            let operations = &mut services.entry(service).or_default().operations;
            if operations.insert(name, operation).is_some() {
                return Err(row.error("a second row for the operation"));
            }
        }
        for row in rows("general.tsv", include_str!("../../../rules/general.tsv")) {
            let [service, resources] = row.columns();
            let expressions = row.expressions(list(resources), &kinds)?;
            let service = services.entry(service).or_default();
            service.general.extend(expressions);
        }
        for row in rows("aliases.tsv", include_str!("../../../rules/aliases.tsv")) {
            let [service, first, second, bond] = row.columns();
            let pair = Pair {
                first: row.expression(first, &kinds)?,
                second: row.expression(second, &kinds)?,
                same: match bond {
                    "same" => true,
                    "belongs" => false,
                    _ => return Err(row.error("a bond that is not same or belongs")),
                },
            };
            services.entry(service).or_default().aliases.push(pair);
        }
        let mut members = [const { Vec::new() }; 64];
        for row in rows("members.tsv", include_str!("../../../rules/members.tsv")) {
            let [name, part] = row.columns();
            let member = match part {
                "skip" => Member::Skip,
                "-" => Member::Arn(None),
                word => Member::Arn(Some(
                    part_of(word).ok_or_else(|| row.error("an unknown part"))?,
                )),
            };
            members[Names::bit(name.as_bytes())].push((name, member));
        }
        Ok(Self {
            kinds,
            services,
            members,
        })
    }

    /// What is known of the service.
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    /// The operation's row, else the one for any other of its service; for a service
    /// outside the family, else the one for any service.
    pub(crate) fn operation<'r>(
        &'r self,
        service: Option<&'r Service>,
        name: &str,
    ) -> Option<&'r Operation> {
        let own =
            service.and_then(|service| service.row(name).or_else(|| service.operations.get(ANY)));
        let is_outside = service.is_none_or(|service| service.general.is_empty());
        let of_any = || {
            self.services
                .get(ANY)?
                .operations
                .get(ANY)
                .filter(|_| is_outside)
        };
        own.or_else(of_any).map(|row| row.operation(&self.kinds))
    }

    /// The members an item keeps of an operation without a row of its own: whatever is kept
    /// of another one of its service, for that is known to be safe.
    pub(crate) fn kept_of_any<'r>(&'r self, service: &'r Service) -> &'r [Path] {
        service.kept.get_or_init(|| {
            let rows = service.operations.values();
            let mut kept: Vec<_> = rows
                .flat_map(|row| row.operation(&self.kinds).keep.iter().cloned())
                .collect();
            kept.sort_unstable();
            kept.dedup();
            kept
        })
    }

    pub(crate) fn member(&self, name: &[u8]) -> Option<Member> {
        let mut members = self.members[Names::bit(name)].iter();
        let is_named = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
        if let Some((_, member)) = members.find(|(known, _)| is_named(known)) {
            return Some(*member);
        }
        let one = match name {
            [one @ .., b's' | b'S'] => one,
            _ => name,
        };
        let (_, end) = one.split_last_chunk()?;
        let end: &[u8; 3] = end;
        end.eq_ignore_ascii_case(b"arn")
            .then_some(Member::Arn(None))
    }
}

impl Service {
    /// The row of that name in any case: no two differ by it alone.
    fn row(&self, name: &str) -> Option<&OperationRow> {
        self.operations.get(name).or_else(|| {
            let mut rows = self.operations.iter();
            let (_, row) = rows.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some(row)
        })
    }
}

impl OperationRow {
    fn operation(&self, kinds: &Kinds) -> &Operation {
        self.read.get_or_init(|| {
            Operation::parse(self.row, kinds)
                .expect("the embedded rules are well-formed: a test of this module parses them")
        })
    }
}

impl Operation {
    fn parse(row: Row, kinds: &Kinds) -> Result<Self, RuleError> {
        let [_service, _name, class, resources, otherwise, keep] = row.columns();
        let words: Vec<_> = list(resources).filter(|word| *word != "none").collect();
        let named = words.iter().copied().filter(|word| *word != "general");
        Ok(Self {
            class: Class::parse(class).ok_or_else(|| row.error("an unknown class"))?,
            general: words.contains(&"general"),
            resources: row.expressions(named, kinds)?,
            otherwise: row.expressions(list(otherwise), kinds)?,
            keep: keep
                .split_whitespace()
                .map(Path::parse)
                .collect::<Result<_, _>>()
                .map_err(|why| row.error(why))?,
        })
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
#[derive(Clone, Copy, Debug)]
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
        kinds: &Kinds,
    ) -> Result<Vec<Expression>, RuleError> {
        texts.map(|text| self.expression(text, kinds)).collect()
    }

    fn expression(self, text: &'static str, kinds: &Kinds) -> Result<Expression, RuleError> {
        Expression::parse(text, kinds).map_err(|why| self.error(why))
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
        let rules = Rules::parse().unwrap_or_else(|error| panic!("{error}"));
        for service in rules.services.values() {
            for (name, row) in &service.operations {
                if let Err(error) = Operation::parse(row.row, &rules.kinds) {
                    panic!("{error}");
                }
                let names = service.operations.keys();
                let rows = names.filter(|other| other.eq_ignore_ascii_case(name));
                assert_eq!(rows.count(), 1, "{name} in any case");
            }
        }
    }

    #[test]
    fn ok_operations_are_found_in_any_case() {
        let service = rules().service("redshift");
        let found = |name| rules().operation(service, name).unwrap();
        let written = found("CreateCluster");
        assert!(std::ptr::eq(written, found("createCLUSTER")));
        assert!(!std::ptr::eq(written, found("DeleteCluster")));
    }

    #[test]
    fn ok_nothing_secret_is_kept() {
        let services = rules().services.values();
        for (name, row) in services.flat_map(|service| &service.operations) {
            for path in &row.operation(&rules().kinds).keep {
                let kept = path.name.to_ascii_lowercase();
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
