//! Which resources an event touched, and their part in it: the rules of `rules/` put to
//! the record's request and response. It never guesses: a name AWS masked is no name,
//! and an ARN inside a policy or a tag is not touched.

mod arn_text;
mod call;
mod collector;
mod expression;
mod kind;
mod refused;
mod rules;
mod tree;

use std::borrow::Cow;

use redtrail_model::{Alias, Json, Touched, is_account_id};

pub use call::Call;
use collector::{Collector, Found};
pub use collector::{MAX_RELATED, MAX_RESOURCES};
use expression::{Expression, Object, Paths, Scope};
use kind::Place;
pub(crate) use kind::family_key;
use rules::{Class, Member, Pair, Rules, rules};
use tree::Node;

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

/// What `call` touched.
pub fn findings(call: &Call<'_>) -> Findings {
    let Call {
        record,
        operation,
        scope,
        ..
    } = *call;
    let rules = rules();
    let class = call.class();
    let asker = Asker {
        rules,
        place: Place::of(record),
    };
    let mut collector = Collector::new(call.service_name == "kms");

    for expression in operation.map_or(&[][..], |row| &row.resources) {
        asker.collect(expression, scope, &mut collector);
    }
    let named_foreign = !collector.touched.related.is_empty();

    for entry in record.resources.into_iter().flat_map(Json::elements) {
        collect_listed(entry, &mut collector);
    }
    let (general, aliases) = call
        .service
        .map_or((&[][..], &[][..]), |known| (&known.general, &known.aliases));
    let general = match operation {
        Some(row) if !row.general => &[],
        _ => general,
    };
    let details = Node::read(record.service_event_details);
    let trees = [scope.here, Object::of(details), scope.response];
    let (asked, answered) = trees.split_at(2);
    let told = if class.reads() { asked } else { &trees };
    asker.collect_objects(told, general, scope, &mut collector);
    // Of a call that reads one thing, whatever its request is, the answer may show which. An
    // enumeration's answer shows what there is, not what the caller asked for.
    if collector.touched.resources.is_empty() && class == Class::Read {
        asker.collect_objects(answered, general, scope, &mut collector);
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
    let mut found_aliases = Vec::new();
    if succeeded && !aliases.is_empty() {
        each_object(answered, rules, &mut |object| {
            let object = Object::of(object);
            for pair in aliases {
                asker.collect_alias(pair, object, &mut found_aliases, &mut collector);
            }
        });
    }
    collector.add_containers();
    Findings {
        changes_resource: class == Class::Change && succeeded,
        known_operation: operation.is_some(),
        aliases: found_aliases,
        resources_cut: collector.cut,
        related_cut: collector.related_cut,
        touched: collector.touched,
    }
}

/// Puts expressions to a record of one account and Region.
struct Asker<'r> {
    rules: &'r Rules,
    /// `None` where the record does not tell: then names give no keys.
    place: Option<Place<'r>>,
}

impl Asker<'_> {
    fn collect(&self, expression: &Expression, scope: Scope<'_>, collector: &mut Collector) {
        self.find(expression, scope, |found| {
            collector.add(found, expression.part)
        });
    }

    /// What members of the objects of `trees` name by the `general` rules, and their
    /// ready-made ARNs.
    fn collect_objects<'a>(
        &self,
        trees: &[Object<'a>],
        general: &[Expression],
        scope: Scope<'a>,
        collector: &mut Collector,
    ) {
        if !general.is_empty() {
            each_object(trees, self.rules, &mut |object| {
                let here = Object::of(object);
                for expression in general {
                    self.collect(expression, Scope { here, ..scope }, collector);
                }
            });
        }
        each_object(trees, self.rules, &mut |object| {
            collect_arns(object, self.rules, collector);
        });
    }

    fn collect_wildcard(
        &self,
        expression: &Expression,
        scope: Scope<'_>,
        collector: &mut Collector,
    ) {
        let Some(kind) = &expression.kind else {
            return;
        };
        expression.each_scope(scope, |scope| {
            let elsewhere = Elsewhere::of(expression, scope);
            let place = self.place.map(|place| elsewhere.or(place));
            if let Some(key) = place.and_then(|place| kind.wildcard(place)) {
                collector.add(Found::Key(key), expression.part);
            }
        });
    }

    fn collect_alias(
        &self,
        pair: &Pair,
        object: Object<'_>,
        aliases: &mut Vec<Alias>,
        collector: &mut Collector,
    ) {
        // Of each object by itself.
        let scope = Scope {
            here: object,
            response: object,
        };
        let first_found = |expression| {
            let mut first = None;
            self.find(expression, scope, |found| {
                first.get_or_insert(found);
            });
            first
        };
        let Some(Found::Key(first)) = first_found(&pair.first) else {
            return;
        };
        let Some(Found::Key(second)) = first_found(&pair.second) else {
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

    /// Calls `found` with what the expression names in that scope.
    fn find(&self, expression: &Expression, scope: Scope<'_>, mut found: impl FnMut(Found)) {
        let Some((last, before)) = expression.value.split_last() else {
            return;
        };
        if !expression.may_name(&scope) {
            return;
        }
        expression.each_scope(scope, |scope| {
            // Asked for once there is a last part.
            let mut others: Option<(Vec<_>, Elsewhere<'_>)> = None;
            last.each_text(scope, |text| {
                // A caller may give an ARN where a name is asked for, and the Data API takes both.
                if let Some(ready_made) = Found::arn(&text) {
                    if expression.kind.is_none() || matches!(ready_made, Found::Key(_)) {
                        found(ready_made);
                    }
                    return;
                }
                if arn_text::begins_like_an_arn(&text) {
                    return;
                }
                if let (Some(kind), Some(place)) = (&expression.kind, self.place) {
                    let (before, elsewhere) = others.get_or_insert_with(|| {
                        let before = before.iter().map(|paths| paths.first_text(scope));
                        (before.collect(), Elsewhere::of(expression, scope))
                    });
                    if let Some(key) = kind.key(elsewhere.or(place), before, &text) {
                        found(Found::Key(key));
                    }
                }
            });
        });
    }
}

/// The owner and the Region that a call names for what it names.
struct Elsewhere<'a> {
    account: Option<Cow<'a, str>>,
    region: Option<Cow<'a, str>>,
}

impl<'a> Elsewhere<'a> {
    fn of(expression: &Expression, scope: Scope<'a>) -> Self {
        let text = |paths: &Option<Paths>| paths.as_ref()?.first_text(scope);
        Self {
            account: text(&expression.owner).filter(|account| is_account_id(account)),
            region: text(&expression.region).filter(|region| kind::is_region(region)),
        }
    }

    /// That place, where it names no other.
    fn or<'p>(&'p self, place: Place<'p>) -> Place<'p> {
        Place {
            region: self.region.as_deref().unwrap_or(place.region),
            account: self.account.as_deref().unwrap_or(place.account),
        }
    }
}

/// An entry of `resources[]`: `ARN` in most services, `arn` in some.
fn collect_listed(entry: Json<'_>, collector: &mut Collector) {
    let arn = entry
        .get("ARN")
        .or_else(|| entry.get("arn"))
        .and_then(Json::string);
    if let Some(found) = arn.as_deref().and_then(Found::arn) {
        collector.add_missing(found, None);
    }
}

/// The ready-made ARNs among an object's own members.
fn collect_arns(object: Node<'_>, rules: &Rules, collector: &mut Collector) {
    for (name, value) in object.members() {
        if value.is_object() {
            continue;
        }
        let Some(Member::Arn(part)) = rules.member(&name) else {
            continue;
        };
        for text in value.elements().filter_map(Node::text) {
            if let Some(found) = Found::arn(&text).or_else(|| Found::iam_role(&text)) {
                collector.add_missing(found, part);
            }
        }
    }
}

/// Calls `found` with every object of these trees, save what the rules say to skip. None is
/// remembered: somebody may write very many.
fn each_object<'a>(trees: &[Object<'a>], rules: &Rules, found: &mut dyn FnMut(Node<'a>)) {
    for tree in trees {
        each_object_of(tree.node, rules, found);
    }
}

fn each_object_of<'a>(tree: Node<'a>, rules: &Rules, found: &mut dyn FnMut(Node<'a>)) {
    if !tree.is_object() {
        for inner in tree.elements().filter(|inner| inner.has_inside()) {
            each_object_of(inner, rules, found);
        }
        return;
    }
    found(tree);
    for (name, inner) in tree.members() {
        if inner.has_inside() && rules.member(&name) != Some(Member::Skip) {
            each_object_of(inner, rules, found);
        }
    }
}
