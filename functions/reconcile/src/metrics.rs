//! What the function counts, by the names that CloudWatch has it by. A digest is looked at again
//! with the next one, and when it is given back: it is then counted again.

use redtrail_function::metrics::Metric;

/// Digests that were announced, and are there.
pub const DIGESTS_READ: Metric = Metric::count("DigestsRead");
/// Those of them whose hour ended within the last three: one that comes again for longer does not
/// pass for a new one.
pub const RECENT_DIGESTS: Metric = Metric::count("RecentDigests");
/// Digests that were announced, and are not there.
pub const DIGESTS_NOT_FOUND: Metric = Metric::count("DigestsNotFound");
/// Digests given back: what they list is not all ingested yet, or something could not be read.
pub const DIGESTS_GIVEN_BACK: Metric = Metric::count("DigestsGivenBack");
pub const DIGESTS_PROVEN: Metric = Metric::count("DigestsProven");
/// Genuine digests of which not every log was ingested as it is listed.
pub const DIGESTS_INCOMPLETE: Metric = Metric::count("DigestsIncomplete");
/// Digests that prove nothing.
pub const DIGESTS_BROKEN: Metric = Metric::count("DigestsBroken");
/// Digests that are missing, altered, not genuine, or not linked to the one before.
pub const CHAINS_BROKEN: Metric = Metric::count("ChainsBroken");
pub const LOGS_LISTED: Metric = Metric::count("LogsListed");
/// Listed logs that are not finished in the ledger.
pub const LOGS_MISSING: Metric = Metric::count("LogsMissing");
/// Listed logs that were ingested with another content.
pub const LOGS_ALTERED: Metric = Metric::count("LogsAltered");
pub const LOGS_REJECTED: Metric = Metric::count("LogsRejected");
/// Objects among the logs that CloudTrail did not deliver.
pub const LOGS_UNLISTED: Metric = Metric::count("LogsUnlisted");
/// Missing logs that were handed to the ingest queue.
pub const LOGS_HANDED_BACK: Metric = Metric::count("LogsHandedBack");
