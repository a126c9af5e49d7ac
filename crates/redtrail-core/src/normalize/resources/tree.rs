//! A request or response, as rules look at it: names in any case, lists looked into, nothing
//! too deep. It knows no rules.

use std::borrow::Cow;

use redtrail_model::Json;

/// Deeper than any request or response AWS documents; what lies below is not looked at.
const MAX_DEPTH: u8 = 12;

/// One value. Numbers and booleans are texts as they are written; nulls are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    json: Json<'a>,
    /// How many levels of objects and lists below are looked at.
    below: u8,
}

impl<'a> Node<'a> {
    /// The tree of `json`; one without members where there is none.
    pub(crate) fn read(json: Option<Json<'a>>) -> Self {
        Self {
            json: json.unwrap_or(Json::NULL),
            below: MAX_DEPTH - 1,
        }
    }

    /// The object inside, where this one only wraps it: CloudTrail writes a response
    /// with and without the member that holds all of it.
    pub(crate) fn unwrapped(self) -> Self {
        let mut members = self.members();
        match (members.next(), members.next()) {
            (Some((_, inner)), None) if inner.is_object() => inner,
            _ => self,
        }
    }

    /// The member of that name in any case, the last where it stands twice.
    pub(crate) fn member(self, name: &str) -> Option<Self> {
        self.inner(self.json.get_in_any_case(name)?)
    }

    #[inline]
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'a, [u8]>, Self)> + use<'a> {
        Members {
            members: self.json.members(),
            of: self,
        }
    }

    /// Of its own members; of a list's elements they may be any.
    pub(crate) fn names(self) -> Names {
        if self.json.is_array() {
            return Names::ANY;
        }
        self.members()
            .fold(Names::default(), |all, (name, _)| all.or(Names::of(&name)))
    }

    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        self.json.scalar()
    }

    pub(crate) fn is_object(self) -> bool {
        self.json.is_object()
    }

    /// Whether it is an object or a list.
    pub(crate) fn has_inside(self) -> bool {
        self.json.is_object() || self.json.is_array()
    }

    pub(crate) fn is_empty_list(self) -> bool {
        self.json.is_array() && self.elements().next().is_none()
    }

    /// The elements of a list; any other value alone.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> + use<'a> {
        let alone = (!self.json.is_array()).then_some(self);
        let elements = self.json.elements();
        alone
            .into_iter()
            .chain(elements.filter_map(move |json| self.inner(json)))
    }

    fn inner(self, json: Json<'a>) -> Option<Self> {
        let is_near = self.below > 0 || !(json.is_object() || json.is_array());
        is_near.then(|| Self {
            json,
            below: self.below.saturating_sub(1),
        })
    }
}

/// A value's members.
struct Members<'a, M> {
    members: M,
    of: Node<'a>,
}

impl<'a, M: Iterator<Item = (Cow<'a, [u8]>, Json<'a>)>> Iterator for Members<'a, M> {
    type Item = (Cow<'a, [u8]>, Node<'a>);

    // As a call of its own it would hand each name and value over in memory.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, json) = self.members.next()?;
            if let Some(inner) = self.of.inner(json) {
                return Some((name, inner));
            }
        }
    }
}

/// Which names there may be: one bit of sixty-four for each, by its length and by the letters
/// it begins and ends with, in any case. Two names may share a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Names(u64);

impl Names {
    pub(crate) const ANY: Self = Self(u64::MAX);

    pub(crate) fn of(name: &[u8]) -> Self {
        Self(1 << Self::bit(name))
    }

    /// Which of the sixty-four bits is the name's.
    pub(crate) fn bit(name: &[u8]) -> usize {
        let letter = |letter: Option<&u8>| usize::from(letter.map_or(0, u8::to_ascii_lowercase));
        let sum = name.len() * 5 + letter(name.first()) * 7 + letter(name.last()) * 11;
        sum % 64
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a name may be in both.
    pub(crate) fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use redtrail_model::JsonText;

    use super::*;

    #[test]
    fn ok_a_response_is_found_inside_its_wrapper() {
        for text in [r#"{"cluster":{"a":1,"b":2}}"#, r#"{"a":1,"b":2}"#] {
            let json = JsonText::parse(text).unwrap();
            let node = Node::read(Some(json.root())).unwrapped();
            assert_eq!(node.member("A").and_then(Node::text).as_deref(), Some("1"));
        }
    }

    #[test]
    fn ok_depth_is_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
        let json = JsonText::parse(&deep).unwrap();
        let mut node = Node::read(Some(json.root()));
        let mut depth = 0;
        while let Some(inner) = node.member("a") {
            node = inner;
            depth += 1;
        }
        assert_eq!(depth, MAX_DEPTH - 1);
    }

    #[test]
    fn ok_names_meet_in_any_case() {
        let some = Names::of(b"clusterIdentifier").or(Names::of(b"dbName"));
        assert!(some.meet(Names::of(b"DBNAME").or(Names::of(b"x"))));
        assert!(some.meet(Names::ANY));
        assert!(!some.meet(Names::default()) && !Names::of(b"a").meet(Names::of(b"b")));
    }
}
