//! What a trigger's payload announces, and how to answer it. The shape is told from the
//! payload alone; nothing is fetched and nothing is decided about an object but whether
//! its key is that of a log.

mod announced;
mod answer;
mod envelope;
mod event_bridge;
mod invocation;
mod request;
mod s3_batch;
mod s3_notification;
mod unreadable;

pub use announced::{Announced, AnnouncedObject, PassedOver, Reason};
pub use answer::{InvocationFailed, Outcome};
pub use envelope::MAX_DEPTH;
pub use invocation::{Caller, Invocation, Message, read};
pub use request::IngestRequest;
pub use unreadable::Unreadable;
