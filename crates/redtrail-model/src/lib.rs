//! The words redtrail and its readers share: CloudTrail's event record as AWS
//! writes it, the audit event redtrail makes of it, and the keys and tables the
//! audit events are found under. It knows no AWS client, no clock and no I/O.

mod arn;
mod audit_event;
mod event_record;
mod event_time;
mod json;
mod key;
mod origin;
mod tables;
mod user_identity;

pub use arn::{Arn, ArnText, is_account_id, partition_of};
pub use audit_event::{Alias, AuditEvent, Flag, Part, RelatedArn, Resource, SelectedBy, Touched};
pub use event_record::EventRecord;
pub use event_time::{EventTime, InvalidEventTime};
pub use json::{Json, JsonIndex, JsonText, NotJson, Parsed};
pub use key::{
    EventKey, InvalidKey, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, PrincipalKey, ResourceKey,
    bounded, escaped,
};
pub use origin::{InvalidReference, Origin};
pub use tables::{EXPIRES_AT, Index, RULES_VERSION, SCHEMA_VERSION, TABLES, Table, TableSchema};
pub use user_identity::{SessionContext, SessionIssuer, UserIdentity};
