//! Which resources an event touched, and their part in it: the rules of `rules/` put to
//! the record's request and response. It never guesses: a name AWS masked is no name,
//! and an ARN inside a policy or a tag is not touched.

mod arn_text;
mod collector;
mod expression;
mod kind;
mod refused;
mod rules;
mod tree;

use redtrail_model::{Alias, EventRecord, RawJson, Touched, is_account_id};

use collector::{Collector, Found};
pub use collector::{MAX_RELATED, MAX_RESOURCES};
use expression::Expression;
pub(crate) use expression::Scope;
use kind::Place;
pub(crate) use kind::family_key;
pub(crate) use rules::rules;
use rules::{Class, Member, Pair, Rules};
pub(crate) use tree::Node;

/// Most aliases taken from one event: far more than any response shows.
pub const MAX_ALIASES: usize = 100;

/// What the rules found in an event.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub touched: Touched,
    /// The event changed a resource itself: a control-plane write, a grant, tagging.
    /// A call that failed changed nothing.
    pub changes_resource: bool,
    /// The operation has a row of its own, or its service is outside the family.
    pub known_operation: bool,
    /// Keys the response shows together.
    pub aliases: Vec<Alias>,
    /// More was touched than there are rows for one event.
    pub resources_cut: bool,
    /// More ARNs of other services were named than an item keeps.
    pub related_cut: bool,
}

/// What `record` touched.
pub fn findings(record: &EventRecord<'_>) -> Findings {
    let rules = rules();
    let service = service(record);
    let name = record.event_name.as_deref().unwrap_or_default();
    let operation = rules.operation(service, name);
    let class = operation.map_or_else(|| Class::guess(name, record.read_only), |row| row.class);

    let request = Node::read(record.request_parameters);
    let response = Node::read(record.response_elements);
    let details = Node::read(record.service_event_details);
    let response = response.unwrapped();
    let asker = Asker {
        rules,
        place: Place::of(record),
    };
    let scope = Scope {
        here: &request,
        response,
    };
    let mut collector = Collector::new(service == "kms");

    for expression in operation.map_or(&[][..], |row| &row.resources) {
        asker.collect(expression, scope, &mut collector);
    }
    let named_foreign = !collector.touched.related.is_empty();

    for arn in record.resources.map(RawJson::elements).unwrap_or_default() {
        collect_listed(arn, &mut collector);
    }
    let general = match operation {
        Some(row) if !row.general => &[][..],
        _ => rules.general(service),
    };
    let mut trees = vec![&request, &details];
    if !class.reads() {
        trees.push(response);
    }
    asker.collect_trees(&trees, general, response, &mut collector);
    // Of a call that reads one thing, whatever its request is, the answer may show which. An
    // enumeration's answer shows what there is, not what the caller asked for.
    if collector.touched.resources.is_empty() && class == Class::Read {
        asker.collect_trees(&[response], general, response, &mut collector);
    }
    if collector.touched.resources.is_empty()
        && let Some(found) = refused::resource(record).and_then(Found::arn)
    {
        collector.add_missing(found, None);
    }
    if collector.touched.resources.is_empty() && !named_foreign {
        for expression in operation.map_or(&[][..], |row| &row.otherwise) {
            asker.collect_wildcard(expression, scope, &mut collector);
        }
    }

    let succeeded = record.error_code.is_none();
    let mut aliases = Vec::new();
    if succeeded {
        visit_objects(response, rules, &mut |here| {
            for pair in rules.aliases(service) {
                asker.collect_alias(pair, here, &mut aliases, &mut collector);
            }
        });
    }
    collector.add_containers();
    Findings {
        changes_resource: class == Class::Change && succeeded,
        known_operation: operation.is_some(),
        aliases,
        resources_cut: collector.cut,
        related_cut: collector.related_cut,
        touched: collector.touched,
    }
}

/// The service called, as in ARNs: `redshift-data` of `redshift-data.amazonaws.com`.
pub(crate) fn service<'r>(record: &'r EventRecord<'_>) -> &'r str {
    let source = record.event_source.as_deref().unwrap_or_default();
    source.split('.').next().unwrap_or_default()
}

/// Puts expressions to a record of one account and Region.
struct Asker<'r> {
    rules: &'r Rules,
    /// `None` where the record does not tell: then names give no keys.
    place: Option<Place<'r>>,
}

impl Asker<'_> {
    fn collect(&self, expression: &Expression, scope: Scope<'_, '_>, collector: &mut Collector) {
        for found in self.found(expression, scope) {
            collector.add(found, expression.part);
        }
    }

    /// What members of any object in `trees` name by the `general` rules, and their
    /// ready-made ARNs.
    fn collect_trees(
        &self,
        trees: &[&Node<'_>],
        general: &[Expression],
        response: &Node<'_>,
        collector: &mut Collector,
    ) {
        for tree in trees {
            visit_objects(tree, self.rules, &mut |here| {
                for expression in general {
                    self.collect(expression, Scope { here, response }, collector);
                }
            });
        }
        for tree in trees {
            visit_objects(tree, self.rules, &mut |object| {
                collect_arns(object, self.rules, collector)
            });
        }
    }

    fn collect_wildcard(
        &self,
        expression: &Expression,
        scope: Scope<'_, '_>,
        collector: &mut Collector,
    ) {
        let Some(kind) = self.rules.kind(expression.kind) else {
            return;
        };
        for scope in expression.scopes(scope) {
            let key = self
                .place_of(expression, scope)
                .and_then(|place| kind.wildcard(place));
            if let Some(key) = key {
                collector.add(Found::Key(key), expression.part);
            }
        }
    }

    fn collect_alias(
        &self,
        pair: &Pair,
        here: &Node<'_>,
        aliases: &mut Vec<Alias>,
        collector: &mut Collector,
    ) {
        let scope = Scope {
            here,
            response: here,
        };
        let (Some(Found::Key(first)), Some(Found::Key(second))) = (
            self.found(&pair.first, scope).into_iter().next(),
            self.found(&pair.second, scope).into_iter().next(),
        ) else {
            return;
        };
        if pair.same {
            collector.replace(&first, &second);
        }
        let alias = Alias {
            first,
            second,
            same: pair.same,
        };
        if alias.first != alias.second && aliases.len() < MAX_ALIASES && !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }

    /// What the expression names in that scope.
    fn found(&self, expression: &Expression, scope: Scope<'_, '_>) -> Vec<Found> {
        let mut found = Vec::new();
        for scope in expression.scopes(scope) {
            let Some((last, before)) = expression.value.split_last() else {
                continue;
            };
            let before: Vec<_> = before
                .iter()
                .map(|paths| paths.texts(scope).first().copied())
                .collect();
            let place = self.place_of(expression, scope);
            for text in last.texts(scope) {
                // A caller may give an ARN where a name is asked for, and the Data API takes both.
                if let Some(ready_made) = Found::arn(text) {
                    if expression.kind == "arn" || matches!(ready_made, Found::Key(_)) {
                        found.push(ready_made);
                    }
                    continue;
                }
                if arn_text::begins_like_an_arn(text) {
                    continue;
                }
                let mut parts = before.clone();
                parts.push(Some(text));
                let kind = self.rules.kind(expression.kind);
                let key = kind
                    .zip(place)
                    .and_then(|(kind, place)| kind.key(place, &parts));
                found.extend(key.map(Found::Key));
            }
        }
        found
    }

    /// The place of what the expression names: the record's, save for the owner or the
    /// Region the call names.
    fn place_of<'t>(&'t self, expression: &Expression, scope: Scope<'t, '_>) -> Option<Place<'t>> {
        let place = self.place?;
        let first = |paths: &Option<expression::Paths>| {
            paths
                .as_ref()
                .and_then(|paths| paths.texts(scope).first().copied())
        };
        Some(Place {
            region: first(&expression.region)
                .filter(|region| kind::is_region(region))
                .unwrap_or(place.region),
            account: first(&expression.owner)
                .filter(|account| is_account_id(account))
                .unwrap_or(place.account),
        })
    }
}

/// An entry of `resources[]`: `ARN` in most services, `arn` in some.
fn collect_listed(entry: RawJson<'_>, collector: &mut Collector) {
    let arn = entry
        .get("ARN")
        .or_else(|| entry.get("arn"))
        .and_then(RawJson::string);
    if let Some(found) = arn.as_deref().and_then(Found::arn) {
        collector.add_missing(found, None);
    }
}

/// The ready-made ARNs among an object's own members.
fn collect_arns(object: &Node<'_>, rules: &Rules, collector: &mut Collector) {
    for (name, value) in object.members() {
        if matches!(value, Node::Object(_)) {
            continue;
        }
        let Some(Member::Arn(part)) = rules.member(name) else {
            continue;
        };
        for text in value.elements().iter().filter_map(Node::text) {
            if let Some(found) = Found::arn(text).or_else(|| Found::iam_role(text)) {
                collector.add_missing(found, part);
            }
        }
    }
}

/// Calls `visit` with every object of the tree, save what the rules say to skip.
fn visit_objects<'n, 'a>(node: &'n Node<'a>, rules: &Rules, visit: &mut impl FnMut(&'n Node<'a>)) {
    match node {
        Node::Text(_) => {}
        Node::List(elements) => {
            for element in elements {
                visit_objects(element, rules, visit);
            }
        }
        Node::Object(members) => {
            visit(node);
            for (name, inner) in members {
                let skipped = || rules.member(name) == Some(Member::Skip);
                if inner.text().is_none() && !skipped() {
                    visit_objects(inner, rules, visit);
                }
            }
        }
    }
}
