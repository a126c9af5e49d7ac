//! A request or response as a tree, read once and asked often. It knows no rules.

use std::borrow::Cow;

use redtrail_model::RawJson;

/// Deeper than any request or response AWS documents; what lies below is not looked at.
const MAX_DEPTH: usize = 12;

/// One value. Numbers and booleans are texts as they are written; nulls are left out.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// The tree of `json`; an object without members where there is none.
    pub(crate) fn read(json: Option<RawJson<'a>>) -> Self {
        json.and_then(|json| Self::read_to(json, MAX_DEPTH))
            .unwrap_or(Self::Object(Vec::new()))
    }

    fn read_to(json: RawJson<'a>, depth: usize) -> Option<Self> {
        if let Some(text) = json.scalar() {
            return Some(Self::Text(text));
        }
        let below = depth.checked_sub(1)?;
        if json.is_array() {
            let elements = json.elements().into_iter();
            return Some(Self::List(
                elements
                    .filter_map(|json| Self::read_to(json, below))
                    .collect(),
            ));
        }
        let members = json.members().into_iter();
        Some(Self::Object(
            members
                .filter_map(|(name, json)| Some((name, Self::read_to(json, below)?)))
                .collect(),
        ))
    }

    /// The object inside, where this one only wraps it: CloudTrail writes a response
    /// with and without the member that holds all of it.
    pub(crate) fn unwrapped(&self) -> &Self {
        match self {
            Self::Object(members) => match members.as_slice() {
                [(_, inner @ Self::Object(_))] => inner,
                _ => self,
            },
            _ => self,
        }
    }

    /// The member of that name in any case, the last where it stands twice.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        self.members()
            .iter()
            .rfind(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, node)| node)
    }

    pub(crate) fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_empty_list(&self) -> bool {
        matches!(self, Self::List(elements) if elements.is_empty())
    }

    /// The elements of a list; any other value alone.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            other => std::slice::from_ref(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node<'_> {
        Node::read(Some(RawJson::parse(text).unwrap()))
    }

    #[test]
    fn ok_a_response_is_found_inside_its_wrapper() {
        for text in [r#"{"cluster":{"a":1,"b":2}}"#, r#"{"a":1,"b":2}"#] {
            let node = tree(text);
            assert_eq!(node.unwrapped().member("A").and_then(Node::text), Some("1"));
        }
    }

    #[test]
    fn ok_depth_is_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
        let root = tree(&deep);
        let mut node = &root;
        let mut depth = 0;
        while let Some(inner) = node.member("a") {
            node = inner;
            depth += 1;
        }
        assert!(depth < MAX_DEPTH);
    }
}
