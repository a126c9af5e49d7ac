//! What the function counts and measures, by the names and units that CloudWatch has it by.

use redtrail_function::metrics::Metric;

pub const OBJECTS_ACCEPTED: Metric = Metric::count("ObjectsAccepted");
/// Objects of which some records are quarantined.
pub const OBJECTS_PARTIAL: Metric = Metric::count("ObjectsPartial");
pub const OBJECTS_REJECTED: Metric = Metric::count("ObjectsRejected");
/// Objects that the ledger had as finished: announced again.
pub const OBJECTS_FINISHED_BEFORE: Metric = Metric::count("ObjectsFinishedBefore");
/// Objects given back, to be tried again.
pub const OBJECTS_FAILED: Metric = Metric::count("ObjectsFailed");
/// Of those, objects that will go on from where they stopped.
pub const OBJECTS_PUT_OFF: Metric = Metric::count("ObjectsPutOff");
pub const RECORDS_READ: Metric = Metric::count("RecordsRead");
pub const RECORDS_SELECTED: Metric = Metric::count("RecordsSelected");
pub const RECORDS_NOT_SELECTED: Metric = Metric::count("RecordsNotSelected");
pub const RECORDS_QUARANTINED: Metric = Metric::count("RecordsQuarantined");
pub const RECORDS_STORED: Metric = Metric::count("RecordsStored");
pub const RECORDS_DUPLICATE: Metric = Metric::count("RecordsDuplicate");
/// Duplicates that tell something else than the event before them.
pub const RECORDS_CONFLICTING: Metric = Metric::count("RecordsConflicting");
pub const RECORDS_EXPIRED: Metric = Metric::count("RecordsExpired");
/// Events of operations without a row in the rules: kept, by the general rule.
pub const UNKNOWN_OPERATIONS: Metric = Metric::count("UnknownOperations");
pub const ITEMS_WRITTEN: Metric = Metric::count("ItemsWritten");
/// Requests to write to the tables.
pub const BATCHES_WRITTEN: Metric = Metric::count("BatchesWritten");
/// Requests refused for their rate, and tried again.
pub const BATCHES_THROTTLED: Metric = Metric::count("BatchesThrottled");
/// Requests that failed otherwise, and were tried again.
pub const BATCHES_FAILED: Metric = Metric::count("BatchesFailed");
/// Items that DynamoDB left over, mostly because their key is busy; they were tried again.
pub const ITEMS_UNPROCESSED: Metric = Metric::count("ItemsUnprocessed");
pub const STORED_BYTES: Metric = Metric {
    name: "StoredBytes",
    unit: "Bytes",
};
pub const PLAIN_BYTES: Metric = Metric {
    name: "PlainBytes",
    unit: "Bytes",
};
/// From the latest event of an object to the moment it is durable in the tables.
pub const LAG: Metric = Metric {
    name: "Lag",
    unit: "Milliseconds",
};
pub const OBJECT_DURATION: Metric = Metric {
    name: "ObjectDuration",
    unit: "Milliseconds",
};
