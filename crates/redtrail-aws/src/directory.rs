//! Who is known, what was used, and on which days: the directory's edges, read.

use redtrail_core::directory::{
    EdgeFact, Known, acted_edges, day_subject, known_subject, principal_subject, resource_subject,
};
use redtrail_model::{MAX_SORT_KEY_BYTES, PrincipalKey, Table, bounded};

use crate::{
    query::{Key, QueryError},
    reader::{Part, Range, Reader},
};

/// Edges read at a time where one is looked for among others.
const EDGES_AT_ONCE: usize = 100;

/// Sort keys of one day's uses begin so, whatever was done.
fn used(day: &str) -> String {
    format!("used#{day}#")
}

impl Reader {
    /// The principals with activity on a day, `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn active(&self, day: &str) -> Result<Vec<EdgeFact>, QueryError> {
        let subject = day_subject(day);
        self.items(Part::of(Table::Directory, &subject)).await
    }

    /// What a principal used on a day, each resource once for each kind of use.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn used_by(
        &self,
        principal: &PrincipalKey,
        day: &str,
    ) -> Result<Vec<EdgeFact>, QueryError> {
        let subject = principal_subject(principal.as_str());
        let used = used(day);
        let edges = Part::of(Table::Directory, &subject).within(Range::BeginsWith(&used));
        self.items(edges).await
    }

    /// The last day on which a principal used anything, or on which a resource was used, with
    /// what was done to what; of several on that day, one. One item is read.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn last_used(&self, key: &Key) -> Result<Option<EdgeFact>, QueryError> {
        let subject = match key {
            Key::Principal(key) => principal_subject(key.as_str()),
            Key::Resource(key) => resource_subject(key),
        };
        let edges = Part::of(Table::Directory, &subject).within(Range::BeginsWith("used#"));
        self.first(edges.backwards()).await
    }

    /// The last of a principal's uses that is wanted. They are read from the last on.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub(crate) async fn last_used_where(
        &self,
        principal: &PrincipalKey,
        wanted: impl Fn(&EdgeFact) -> bool,
    ) -> Result<Option<EdgeFact>, QueryError> {
        let subject = principal_subject(principal.as_str());
        let mut pages = self.pages(Part {
            most: Some(EDGES_AT_ONCE),
            ..Part::of(Table::Directory, &subject)
                .within(Range::BeginsWith("used#"))
                .backwards()
        });
        while let Some(page) = pages.next::<EdgeFact>().await? {
            if let Some(edge) = page.into_iter().find(|edge| wanted(edge)) {
                return Ok(Some(edge));
            }
        }
        Ok(None)
    }

    /// The principals that a session name, access key id, source identity or person acted as,
    /// by day from the first on.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn acted_as(&self, facet: Known, text: &str) -> Result<Vec<EdgeFact>, QueryError> {
        let subject = known_subject(facet);
        let edges = acted_edges(text);
        let edges = Part::of(Table::Directory, &subject).within(Range::BeginsWith(&edges));
        self.items(edges).await
    }

    /// The last of those days, and one of the principals on it. One item is read.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn last_acted(
        &self,
        facet: Known,
        text: &str,
    ) -> Result<Option<EdgeFact>, QueryError> {
        let subject = known_subject(facet);
        let edges = acted_edges(text);
        let edges = Part::of(Table::Directory, &subject).within(Range::BeginsWith(&edges));
        self.first(edges.backwards()).await
    }

    /// Whether any event was seen under that key. (Not of statements.)
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub async fn is_known(&self, key: &Key) -> Result<bool, QueryError> {
        let subject = known_subject(match key {
            Key::Principal(_) => Known::Principal,
            Key::Resource(_) => Known::Resource,
        });
        let edge = bounded(key.as_str(), MAX_SORT_KEY_BYTES);
        let known = Part::of(Table::Directory, &subject).within(Range::Is(&edge));
        Ok(self.first::<EdgeFact>(known).await?.is_some())
    }

    /// All keys that are known of principals or resources and satisfy `wanted`.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub(crate) async fn known_keys(
        &self,
        kind: Known,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, QueryError> {
        let subject = known_subject(kind);
        let mut pages = self.pages(Part::of(Table::Directory, &subject));
        let mut keys = Vec::new();
        while let Some(page) = pages.next::<EdgeFact>().await? {
            let known = page.into_iter().map(|fact| fact.other);
            keys.extend(known.filter(|key| wanted(key)));
        }
        Ok(keys)
    }

    /// The names of that facet that begin so, each once, at most so many. One item is read for
    /// each, however often it acted.
    ///
    /// # Errors
    /// When DynamoDB refuses or cannot be reached, or an item cannot be read.
    pub(crate) async fn known_names(
        &self,
        facet: Known,
        beginning: &str,
        most: usize,
    ) -> Result<Vec<String>, QueryError> {
        let subject = known_subject(facet);
        let beginning = acted_edges(beginning);
        let beginning = beginning.trim_end_matches('#');
        let end = format!("{beginning}{}", char::MAX);
        // DynamoDB takes no empty text for a key, not even to compare with.
        let mut from = if beginning.is_empty() {
            "\u{1}".to_owned()
        } else {
            beginning.to_owned()
        };
        let mut names = Vec::new();
        while names.len() < most {
            let rest = Part::of(Table::Directory, &subject).within(Range::Between(&from, &end));
            let Some(edge) = self.first::<EdgeFact>(rest).await? else {
                break;
            };
            let name = edge.edge.split('#').next().unwrap_or_default().to_owned();
            // `$` follows `#`: all edges of this name stand before it.
            from = format!("{name}$");
            names.push(name.replace("%23", "#").replace("%25", "%"));
        }
        Ok(names)
    }
}
