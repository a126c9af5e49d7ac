//! The directory: put-only facts beside the events. Aliases and links say what belongs
//! together; edges say who used what on which day. The content of each is fixed by its
//! key, so replay and order change nothing.

mod edges;
mod facts;
mod remembered;
mod trail;

use redtrail_model::{AuditEvent, Table};
use serde::Serialize;

use crate::{item::Put, retention::Retention};

pub use edges::{
    EdgeFact, Kind, Known, acted_edges, day_subject, known_subject, principal_subject,
};
pub use facts::{
    ALIAS, AliasFact, LINK, LinkFact, ROLE, RoleFact, corrected_event_subject, resource_subject,
    shared_event_subject,
};
pub use remembered::{Fact, Remembered};
pub use trail::{TRAILS, Trail, TrailFact, trail_folder, trail_puts, trail_subject};

/// The items that one event adds to the directory. What is of an event or a day expires
/// with it; what is only known is kept.
///
/// # Errors
/// Never for facts as redtrail makes them: each field has a form in DynamoDB.
pub fn puts(event: &AuditEvent, retention: Retention) -> Result<Vec<Put>, serde_dynamo::Error> {
    let mut puts = facts::facts(event, retention)?;
    puts.extend(edges::edges(event, retention)?);
    Ok(puts)
}

fn put(fact: &impl Serialize) -> Result<Put, serde_dynamo::Error> {
    let item = serde_dynamo::to_item(fact)?;
    Ok(Put::new(Table::Directory, item))
}
