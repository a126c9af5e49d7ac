//! The language of the rules: which members of a request or response name which kind
//! of resource. `rules/operations.tsv` describes it.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use compact_str::CompactString;
use redtrail_model::Part;

use super::{
    kind::Kind,
    tree::{Names, Node},
};

/// By name, the rows of `resources.tsv`.
pub(crate) type Kinds = HashMap<&'static str, Arc<Kind>>;

/// `[PART] TYPE(VALUE) [owner PATHS] [region PATHS] [in PATH] [if MEMBER=TEXT and ...]`.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) part: Part,
    /// A row of `resources.tsv`; `None` where only ready-made ARNs are taken.
    pub(crate) kind: Option<Arc<Kind>>,
    /// One for each part of the kind's format; empty for a wildcard.
    pub(crate) value: Vec<Paths>,
    pub(crate) owner: Option<Paths>,
    pub(crate) region: Option<Paths>,
    within: Option<Path>,
    conditions: Vec<Condition>,
    needs: Needs,
}

/// What one of the names must be among: those of the object asked, or those of the response.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    here: Names,
    response: Names,
}

/// `PATH|PATH|...`: the first that gives a value.
#[derive(Debug)]
pub(crate) struct Paths(Vec<Path>);

/// `a.b[]`, of the request, or with `<` of the response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) of_response: bool,
    steps: Vec<&'static str>,
    /// The path as a name: `a.b`.
    pub(crate) name: CompactString,
    /// Of the first step.
    first: Names,
}

const ANY_MEMBER: &str = "*";

#[derive(Debug)]
struct Condition {
    member: &'static str,
    text: &'static str,
    equal: bool,
}

/// Where an expression is asked: an object of the request, and the response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) here: Object<'a>,
    pub(crate) response: Object<'a>,
}

/// An object, or a list to look into, and the names of its members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    pub(crate) node: Node<'a>,
    names: Names,
}

impl<'a> Object<'a> {
    pub(crate) fn of(node: Node<'a>) -> Self {
        Self {
            node,
            names: node.names(),
        }
    }
}

impl Expression {
    /// The expression `text` spells, or what is wrong with it.
    pub(crate) fn parse(text: &'static str, kinds: &Kinds) -> Result<Self, &'static str> {
        let (text, conditions) = match text.split_once(" if ") {
            Some((text, conditions)) => {
                let conditions = conditions.split(" and ").map(Condition::parse);
                (text, conditions.collect::<Result<_, _>>()?)
            }
            None => (text, Vec::new()),
        };
        let mut words = text.split(' ');
        let mut head = words.next().unwrap_or_default();
        let part = part_of(head);
        if part.is_some() {
            head = words.next().ok_or("a part without a type")?;
        }
        let (kind, value) = match head.split_once('(') {
            Some((kind, value)) => {
                let value = value.strip_suffix(')').ok_or("a value without its `)`")?;
                (
                    kind,
                    value
                        .split('/')
                        .map(Paths::parse)
                        .collect::<Result<_, _>>()?,
                )
            }
            None => (head, Vec::new()),
        };
        let kind = match kind {
            "arn" => None,
            kind => Some(Arc::clone(kinds.get(kind).ok_or("an unknown type")?)),
        };
        let parts = kind.as_ref().map_or(1, |kind| kind.parts());
        if !value.is_empty() && value.len() != parts {
            return Err("not one value for each part of the type");
        }
        let mut expression = Self {
            part: part.unwrap_or(Part::Target),
            kind,
            value,
            owner: None,
            region: None,
            within: None,
            conditions,
            needs: Needs::default(),
        };
        while let Some(word) = words.next() {
            let operand = words.next().ok_or("a word without its path")?;
            match word {
                "owner" => expression.owner = Some(Paths::parse(operand)?),
                "region" => expression.region = Some(Paths::parse(operand)?),
                "in" => expression.within = Some(Path::parse(operand)?),
                _ => return Err("a word that is not owner, region, in or if"),
            }
        }
        let first = match (&expression.within, expression.value.last()) {
            (Some(path), _) => std::slice::from_ref(path),
            (None, Some(Paths(paths))) => paths,
            (None, None) => &[],
        };
        expression.needs = first.iter().fold(Needs::default(), Needs::or);
        Ok(expression)
    }

    /// Whether it may name something there; if not, it names nothing.
    pub(crate) fn may_name(&self, scope: &Scope<'_>) -> bool {
        self.needs.may_be_met(scope)
    }

    /// Calls `ask` with the scopes to ask in: each object the `in` path leads to where the
    /// conditions hold.
    pub(crate) fn each_scope<'a>(&self, scope: Scope<'a>, mut ask: impl FnMut(Scope<'a>)) {
        let mut ask_there = |scope: Scope<'a>| {
            let mut conditions = self.conditions.iter();
            if conditions.all(|condition| condition.holds(scope.here.node)) {
                ask(scope);
            }
        };
        let Some(path) = &self.within else {
            return ask_there(scope);
        };
        path.lead(scope, &mut |node| {
            for node in node.elements() {
                let here = Object::of(node);
                ask_there(Scope { here, ..scope });
            }
        });
    }
}

impl Needs {
    fn or(mut self, path: &Path) -> Self {
        let names = if path.of_response {
            &mut self.response
        } else {
            &mut self.here
        };
        *names = names.or(path.first);
        self
    }

    fn may_be_met(self, scope: &Scope<'_>) -> bool {
        self.here.meet(scope.here.names) || self.response.meet(scope.response.names)
    }
}

impl Paths {
    fn parse(text: &'static str) -> Result<Self, &'static str> {
        let paths = text.split('|').map(Path::parse).collect::<Result<_, _>>()?;
        Ok(Self(paths))
    }

    /// Calls `found` with the texts the first path that gives any leads to. Masks are none.
    pub(crate) fn each_text<'a>(&self, scope: Scope<'a>, mut found: impl FnMut(Cow<'a, str>)) {
        let mut is_found = false;
        for path in self.0.iter() {
            path.each_text(scope, |text| {
                is_found = true;
                found(text);
            });
            if is_found {
                return;
            }
        }
    }

    pub(crate) fn first_text<'a>(&self, scope: Scope<'a>) -> Option<Cow<'a, str>> {
        let mut first = None;
        self.each_text(scope, |text| {
            first.get_or_insert(text);
        });
        first
    }
}

impl Path {
    pub(crate) fn parse(text: &'static str) -> Result<Self, &'static str> {
        let (of_response, path) = match text.strip_prefix('<') {
            Some(path) => (true, path),
            None => (false, text),
        };
        // A list is looked into wherever one stands; `[]` only tells the reader.
        let step = |step: &'static str| step.strip_suffix("[]").unwrap_or(step);
        let steps: Vec<_> = path.split('.').map(step).collect();
        if steps.iter().any(|step| step.is_empty()) {
            return Err("an empty path");
        }
        let first = match steps.first() {
            Some(name) if *name != ANY_MEMBER => Names::of(name.as_bytes()),
            _ => Names::ANY,
        };
        Ok(Self {
            of_response,
            name: steps.join(".").into(),
            steps,
            first,
        })
    }

    /// Calls `found` with the texts that the path leads to. Masks are none.
    pub(crate) fn each_text<'a>(&self, scope: Scope<'a>, mut found: impl FnMut(Cow<'a, str>)) {
        self.lead(scope, &mut |node| {
            let told = node.elements().filter_map(Node::text);
            told.filter(|text| !text.is_empty() && !is_mask(text))
                .for_each(&mut found);
        });
    }

    /// Whether the path leads to lists that all are empty: a value of its own, by which a
    /// call may switch something off.
    pub(crate) fn is_empty_list(&self, scope: Scope<'_>) -> bool {
        let (mut lists, mut others) = (0, 0);
        self.lead(scope, &mut |node| match node.is_empty_list() {
            true => lists += 1,
            false => others += 1,
        });
        lists > 0 && others == 0
    }

    /// Calls `found` with each member that the path leads to.
    fn lead<'a>(&self, scope: Scope<'a>, found: &mut dyn FnMut(Node<'a>)) {
        let root = if self.of_response {
            scope.response
        } else {
            scope.here
        };
        if self.first.meet(root.names) {
            follow(&self.steps, root.node, found);
        }
    }
}

fn follow<'a>(steps: &[&str], node: Node<'a>, found: &mut dyn FnMut(Node<'a>)) {
    let Some((step, steps)) = steps.split_first() else {
        return found(node);
    };
    for object in node.elements() {
        if *step == ANY_MEMBER {
            for (_, inner) in object.members() {
                follow(steps, inner, found);
            }
        } else if let Some(inner) = object.member(step) {
            follow(steps, inner, found);
        }
    }
}

impl Condition {
    fn parse(text: &'static str) -> Result<Self, &'static str> {
        let (member, text) = text.split_once('=').ok_or("a condition without `=`")?;
        Ok(Self {
            member: member.strip_suffix('!').unwrap_or(member),
            text,
            equal: !member.ends_with('!'),
        })
    }

    fn holds(&self, node: Node<'_>) -> bool {
        let found = node.member(self.member).and_then(Node::text);
        found.unwrap_or_default().eq_ignore_ascii_case(self.text) == self.equal
    }
}

pub(crate) fn part_of(word: &str) -> Option<Part> {
    Some(match word {
        "target" => Part::Target,
        "producer" => Part::Producer,
        "consumer" => Part::Consumer,
        "source" => Part::Source,
        "key" => Part::Key,
        "via" => Part::Via,
        "other" => Part::Other,
        _ => return None,
    })
}

/// AWS wrote this instead of the value: `****` (redshift), `***OMITTED***` (Data API),
/// `***` (query editor v2), `HIDDEN_DUE_TO_SECURITY_REASONS` (serverless).
pub(crate) fn is_mask(text: &str) -> bool {
    text.starts_with("***")
        || text.bytes().all(|byte| byte == b'*')
        || text.starts_with("HIDDEN_DUE_TO_SECURITY_REASONS")
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtrail_model::JsonText;

    fn scope<'a>(request: &'a JsonText<'a>) -> Scope<'a> {
        Scope {
            here: Object::of(Node::read(Some(request.root()))),
            response: Object::of(Node::read(None)),
        }
    }

    fn kinds() -> Kinds {
        let cluster = Kind::parse("redshift", "cluster:{lower}", "").unwrap();
        Kinds::from([("cluster", Arc::new(cluster))])
    }

    fn check(path: &'static str, request: &str, expected: &[&str]) {
        let request = JsonText::parse(request).unwrap();
        let scope = scope(&request);
        let mut texts = Vec::new();
        let paths = Paths::parse(path).unwrap();
        paths.each_text(scope, |text| texts.push(text));
        assert_eq!(texts, expected, "{path}");
    }

    #[test]
    fn ok_paths() {
        check("a.b", r#"{"a":{"b":"x"}}"#, &["x"]);
        check("dBName", r#"{"dbName":"x"}"#, &["x"]);
        check(
            "a[].b",
            r#"{"a":[{"b":"x"},{"c":"y"},{"b":7}]}"#,
            &["x", "7"],
        );
        check("t.*.c", r#"{"t":{"pause":{"c":"x"}}}"#, &["x"]);
        check("a|b", r#"{"a":"","b":["x"]}"#, &["x"]);
        check("a.b", r#"[{"a":{"b":"x"}},[{"A":[{"b":"y"}]}]]"#, &["x"]);
        check("a", r#"[{"a":"x"},{"b":"y"},{"a":"z"}]"#, &["x", "z"]);
        check("a[].b", r#"{"a":[[{"b":"x"}],{"b":"y"}]}"#, &["y"]);
        check("a", r#"{"a":{"b":"x"}}"#, &[]);
    }

    #[test]
    fn ok_empty_lists() {
        let check = |path: &'static str, request: &str, expected: bool| {
            let request = JsonText::parse(request).unwrap();
            let scope = scope(&request);
            let path = Path::parse(path).unwrap();
            assert_eq!(path.is_empty_list(scope), expected, "{}", path.name);
        };
        check("a[]", r#"{"a":[]}"#, true);
        check("a.b[]", r#"{"a":{"b":[]}}"#, true);
        check("a[]", r#"{"a":["x"]}"#, false);
        check("a[]", r#"{"a":""}"#, false);
        check("a[]", r#"{"b":[]}"#, false);
        check("a[].b", r#"{"a":[]}"#, false);
    }

    #[test]
    fn ok_conditions_all_hold() {
        let found = |request: &str| {
            let request = JsonText::parse(request).unwrap();
            let scope = scope(&request);
            let expression = Expression::parse("cluster(a) if b=x and c!=y", &kinds()).unwrap();
            let mut count = 0;
            expression.each_scope(scope, |_| count += 1);
            count
        };
        assert_eq!(found(r#"{"b":"X"}"#), 1);
        assert_eq!(found(r#"{"b":"x","c":"y"}"#), 0);
        assert_eq!(found(r#"{"c":"z"}"#), 0);
    }

    #[test]
    fn ok_masks_are_no_values() {
        for mask in [
            "*",
            "****",
            "***OMITTED***",
            "***",
            "HIDDEN_DUE_TO_SECURITY_REASONS",
        ] {
            check("a", &format!(r#"{{"a":"{mask}"}}"#), &[]);
        }
    }

    #[test]
    fn err_expressions() {
        for text in [
            "cluster(a",
            "cluster(a) owner",
            "cluster(a) of b",
            "via",
            "cluster()",
            "cluster(a/b)",
            "claster(a)",
            "arn(a/b)",
            "cluster(a) if b",
            "cluster(a) if b=c and d",
        ] {
            assert!(Expression::parse(text, &kinds()).is_err(), "{text}");
        }
    }
}
