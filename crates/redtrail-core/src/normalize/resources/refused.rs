//! What a call that IAM refused was aimed at. CloudTrail mostly keeps no parameters of such
//! calls, but the message names the ARN they were judged against.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use redtrail_model::EventRecord;

/// CloudTrail cuts longer messages off, and what stands at their end with them.
const MAX_MESSAGE_BYTES: usize = 1024;

/// The ARN in `User: ARN is not authorized to perform: ACTION on resource: ARN because …`.
/// Nothing the caller chooses in front of it may hold a blank, so it cannot be forged.
pub(crate) fn resource<'r>(record: &'r EventRecord<'_>) -> Option<&'r str> {
    record.error_code.as_ref()?;
    let message = record.error_message.as_deref()?;
    let (_, refused) = message.split_once(" is not authorized to perform: ")?;
    let (action, rest) = refused.split_once(" on resource: ")?;
    let resource = rest.split_whitespace().next()?;
    let is_whole = message.len() < MAX_MESSAGE_BYTES || resource.len() < rest.len();
    (is_whole && !action.contains(char::is_whitespace)).then_some(resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtrail_model::JsonText;

    #[test]
    fn ok_the_arn_in_the_message() {
        let user = "User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized";
        let cluster = "arn:aws:redshift:us-east-1:123456789012:cluster:c";
        let long = format!("{cluster}{}", "x".repeat(1024));
        for (message, expected) in [
            (
                format!("{user} to perform: redshift:DeleteCluster on resource: {cluster}"),
                Some(cluster),
            ),
            (
                format!(
                    "{user} to perform: redshift:DeleteCluster on resource: {cluster} because no identity-based policy allows the redshift:DeleteCluster action"
                ),
                Some(cluster),
            ),
            (
                format!("{user} to perform: redshift:DescribeStorage on resource: *"),
                Some("*"),
            ),
            (
                format!("{user} to perform: redshift:DeleteCluster on resource: {long}"),
                None,
            ),
            (
                format!(
                    "{user} to perform: redshift:DeleteCluster because no on resource: {cluster}"
                ),
                None,
            ),
            (format!("Cluster x on resource: {cluster}"), None),
            (format!("{user} to perform: redshift:DeleteCluster"), None),
        ] {
            let record = serde_json::json!({"errorCode": "AccessDenied", "errorMessage": message});
            let record = record.to_string();
            let json = JsonText::parse(&record).unwrap();
            let record = EventRecord::read(json.root());
            assert_eq!(resource(&record), expected, "{message}");
        }
    }
}
