//! What an event touched, gathered without doubles and within bounds.

use redtrail_model::{Arn, Part, RelatedArn, Resource, ResourceKey, Touched};

use super::{arn_text, kind};

/// Most resources kept for one event: each has a row.
pub const MAX_RESOURCES: usize = 100;
/// Most ARNs of other services kept for one event: far beyond what a call names, and each
/// of its rows carries them all.
pub const MAX_RELATED: usize = 20;

/// What an expression or a ready-made ARN leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A resource of the family.
    Key(ResourceKey),
    /// An ARN of another service.
    Foreign { arn: ResourceKey, part: Part },
}

impl Found {
    /// What the ready-made ARN in `text` is; `None` for other text.
    pub(crate) fn arn(text: &str) -> Option<Self> {
        let text = arn_text::decoded(text)?;
        let arn = Arn::parse(&text)?;
        if let Some(key) = kind::family_key(arn) {
            return Some(Self::Key(key));
        }
        let part = match arn.service {
            "iam" if arn.resource.starts_with("role/") => Part::Role,
            "secretsmanager" => Part::Secret,
            "sns" => Part::Topic,
            "kms" => Part::Key,
            _ => Part::Other,
        };
        Some(Self::Foreign {
            arn: ResourceKey::from_arn(text)?,
            part,
        })
    }

    /// The role in the text that Redshift Serverless makes of one.
    pub(crate) fn iam_role(text: &str) -> Option<Self> {
        let is_role =
            |found: &Self| matches!(found, Self::Foreign { part, .. } if *part == Part::Role);
        Self::arn(arn_text::of_iam_role(text)?).filter(is_role)
    }
}

pub(crate) struct Collector {
    pub(crate) touched: Touched,
    /// A resource did not fit.
    pub(crate) cut: bool,
    /// An ARN of another service did not fit.
    pub(crate) related_cut: bool,
    /// The call is one to KMS: its keys are resources.
    kms: bool,
}

impl Collector {
    pub(crate) fn new(kms: bool) -> Self {
        Self {
            touched: Touched::default(),
            cut: false,
            related_cut: false,
            kms,
        }
    }

    /// Takes what a rule found; where it is known already, the stronger part counts.
    pub(crate) fn add(&mut self, found: Found, part: Part) {
        match found {
            Found::Key(key) => self.add_resource(key, part, true),
            Found::Foreign { arn, part: own } => {
                let part = if part == Part::Target { own } else { part };
                self.add_foreign(arn, part, true);
            }
        }
    }

    /// Takes what no rule names: what is known already keeps its part.
    pub(crate) fn add_missing(&mut self, found: Found, part: Option<Part>) {
        match found {
            Found::Key(key) => self.add_resource(key, part.unwrap_or(Part::Target), false),
            Found::Foreign { arn, part: own } => self.add_foreign(arn, part.unwrap_or(own), false),
        }
    }

    /// Puts `key` in the place of `name`, another key of the same thing.
    pub(crate) fn replace(&mut self, name: &ResourceKey, key: &ResourceKey) {
        let resources = &mut self.touched.resources;
        let Some(at) = resources.iter().position(|resource| resource.key == *name) else {
            return;
        };
        let part = resources[at].part;
        if resources.iter().any(|resource| resource.key == *key) {
            resources.remove(at);
        } else {
            resources[at].key = key.clone();
        }
        self.add_resource(key.clone(), part, true);
    }

    /// Adds what the resources so far lie in, such as the cluster of a snapshot.
    pub(crate) fn add_containers(&mut self) {
        let keys = self.touched.resources.iter().map(|resource| &resource.key);
        let containers: Vec<_> = keys.filter_map(kind::container).collect();
        for key in containers {
            self.add_resource(key, Part::Via, false);
        }
    }

    fn add_resource(&mut self, key: ResourceKey, part: Part, strengthen: bool) {
        let resources = &mut self.touched.resources;
        if let Some(known) = resources.iter_mut().find(|resource| resource.key == key) {
            if strengthen {
                known.part = known.part.min(part);
            }
        } else if resources.len() < MAX_RESOURCES {
            resources.push(Resource { key, part });
        } else {
            self.cut = true;
        }
    }

    fn add_foreign(&mut self, arn: ResourceKey, part: Part, strengthen: bool) {
        let is_key = Arn::parse(arn.as_str())
            .is_some_and(|arn| arn.service == "kms" && arn.resource.starts_with("key/"));
        if self.kms && is_key {
            return self.add_resource(arn, Part::Key, strengthen);
        }
        let arn = String::from(arn);
        let related = &mut self.touched.related;
        if let Some(known) = related.iter_mut().find(|known| known.arn == arn) {
            if strengthen {
                known.part = known.part.min(part);
            }
        } else if related.len() < MAX_RELATED {
            related.push(RelatedArn { arn, part });
        } else {
            self.related_cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> Found {
        Found::arn(&format!("arn:aws:redshift:us-east-1:1:cluster:{name}")).unwrap()
    }

    #[test]
    fn ok_the_strongest_part_wins() {
        let mut collector = Collector::new(false);
        collector.add(cluster("a"), Part::Via);
        collector.add(cluster("A"), Part::Target);
        collector.add_missing(cluster("a"), Some(Part::Producer));
        assert_eq!(collector.touched.resources.len(), 1);
        assert_eq!(collector.touched.resources[0].part, Part::Target);
    }

    #[test]
    fn ok_at_most_a_hundred() {
        let mut collector = Collector::new(false);
        for number in 0..100 {
            collector.add(cluster(&number.to_string()), Part::Target);
        }
        assert!(!collector.cut);
        collector.add(cluster("more"), Part::Target);
        assert!(collector.cut);
        assert_eq!(collector.touched.resources.len(), 100);
    }
}
