//! An item should cost one write unit. What tells least is cut where that saves one; keys,
//! who, what and when, the error code, the answers, the session and what a change asked for
//! are not.

use redtrail_model::AuditEvent;

use super::row_bytes::row_bytes;

/// What one write unit pays for.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const WRITE_UNIT_BYTES: usize = 1024;
/// Counted for the place of the original, whatever it takes: what is cut depends on the
/// record alone. An organization's trail in a bucket with versions takes less.
const PLACE_BYTES: usize = 256;

/// What may be cut, the least telling first.
const CUTS: [Cut; 7] = [
    Cut::UserAgent { to: 40 },
    Cut::ErrorMessage { to: 80 },
    Cut::ResponseElements,
    Cut::UserAgent { to: 0 },
    Cut::ErrorMessage { to: 0 },
    Cut::RelatedArns,
    Cut::RequestParameters,
];

#[derive(Clone, Copy)]
enum Cut {
    UserAgent { to: usize },
    ErrorMessage { to: usize },
    ResponseElements,
    RelatedArns,
    RequestParameters,
}

/// `event`, cut as far as that saves write units.
pub(super) fn fit(mut event: AuditEvent) -> AuditEvent {
    let rows = 1 + event.touched.resources.len();
    let mut least = write_units(&event);
    if least <= rows {
        return event;
    }
    let mut fitted = event.clone();
    for cut in CUTS {
        if !cut.make(&mut event) {
            continue;
        }
        let units = write_units(&event);
        if units < least {
            least = units;
            fitted.clone_from(&event);
        }
        if least <= rows {
            break;
        }
    }
    fitted
}

/// Of all items of the event.
fn write_units(event: &AuditEvent) -> usize {
    row_bytes(event)
        .map(|bytes| (bytes + PLACE_BYTES).div_ceil(WRITE_UNIT_BYTES))
        .sum()
}

impl Cut {
    /// Whether there was something to cut.
    fn make(self, event: &mut AuditEvent) -> bool {
        let (name, is_cut) = match self {
            Self::UserAgent { to } => ("user_agent", shorten(&mut event.user_agent, to)),
            Self::ErrorMessage { to } => ("error_message", shorten(&mut event.error_message, to)),
            Self::ResponseElements => ("response_elements", clear(&mut event.response_elements)),
            Self::RelatedArns => ("related_arns", clear(&mut event.touched.related)),
            Self::RequestParameters => ("request_parameters", clear(&mut event.request_parameters)),
        };
        if is_cut {
            let inside = format!("{name}.");
            event
                .cut
                .retain(|cut| cut != name && !cut.starts_with(&inside));
            event.cut.push(name.to_owned());
        }
        is_cut
    }
}

/// Cuts the text on a character boundary, and says whether it did.
fn shorten(text: &mut Option<String>, to: usize) -> bool {
    let Some(long) = text.as_mut().filter(|text| text.len() > to) else {
        return false;
    };
    long.truncate(long.floor_char_boundary(to));
    if long.is_empty() {
        *text = None;
    }
    true
}

/// Leaves nothing, and says whether there was something.
fn clear<C: Default + PartialEq>(all: &mut C) -> bool {
    std::mem::take(all) != C::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{batch::item_bytes, item::puts, retention::Retention};
    use crate::{log_reader::RawRecord, normalize::audit_event, select::Selector};
    use redtrail_model::{Flag, Origin, SelectedBy, Touched};
    use redtrail_trailgen::{Trail, TrailOptions};

    const AGENT: &str = "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython";

    /// A denied change of a cluster with a name of that length.
    fn event(name: usize, key: &str) -> AuditEvent {
        let role = "arn:aws:iam::111122223333:role/etl";
        let record = format!(
            r#"{{"eventID":"9e74c09e-17c4-454f-85cb-c3b5c437dbd3","eventTime":"2026-03-02T09:00:00Z","eventSource":"redshift.amazonaws.com","eventName":"ModifyCluster","awsRegion":"us-east-1","recipientAccountId":"111122223333","readOnly":false,"sourceIPAddress":"192.0.2.1","userAgent":"{AGENT}","errorCode":"AccessDenied","errorMessage":"{message}","requestParameters":{{"clusterIdentifier":"{name}","publiclyAccessible":true}},"userIdentity":{{"type":"AssumedRole","accountId":"111122223333","accessKeyId":"ASIAIOSFODNN7EXAMPLE","arn":"arn:aws:sts::111122223333:assumed-role/etl/nightly","sessionContext":{{"sessionIssuer":{{"arn":"{role}"}},"attributes":{{"mfaAuthenticated":"false"}}}}}}}}"#,
            message = "é".repeat(150),
            name = "c".repeat(name),
        );
        let record = RawRecord {
            index: 0,
            offset: 0,
            bytes: record.into_bytes(),
        };
        let origin = Origin {
            bucket: "example-organization-trail".into(),
            key: key.into(),
            version: None,
            record_index: 0,
        };
        audit_event(&record, &origin, &Selector::default()).unwrap()
    }

    #[test]
    fn ok_the_least_telling_goes_first_and_is_named() {
        let event = event(5, "k");
        assert_eq!(write_units(&event), 2);
        assert_eq!(event.cut, ["user_agent", "error_message"]);
        assert_eq!(event.user_agent.as_deref(), AGENT.get(..40));
        assert_eq!(event.error_message, Some("é".repeat(40)));
        assert_eq!(event.request_parameters["publiclyAccessible"], "true");
        assert_eq!(event.error_code.as_deref(), Some("AccessDenied"));
        assert_eq!(event.session_name.as_deref(), Some("nightly"));
    }

    /// The items are as large as told, whatever the event.
    #[test]
    fn ok_items_are_as_large_as_told() {
        let options = TrailOptions {
            redshift_share: 1.0,
            hard_share: 0.2,
            ..TrailOptions::default()
        };
        let mut trail = Trail::with_options(options);
        let origin = event(5, "k").origin;
        let selector = Selector::default();
        let mut check = |change: fn(&mut AuditEvent)| {
            let record = RawRecord {
                index: 0,
                offset: 0,
                bytes: trail.record().json.trim().as_bytes().to_vec(),
            };
            let Ok(mut event) = audit_event(&record, &origin, &selector) else {
                return;
            };
            change(&mut event);
            let place = item_bytes(&serde_dynamo::to_item(&event.origin).unwrap());
            let items = puts(&event, Retention::Days(0)).unwrap();
            let made: Vec<_> = items
                .iter()
                .map(|put| item_bytes(&put.item) - place)
                .collect();
            assert_eq!(row_bytes(&event).collect::<Vec<_>>(), made, "{event:?}");
        };
        for _ in 0..500 {
            check(|_| {});
        }
        let changes: [fn(&mut AuditEvent); 12] = [
            |event| event.event_id.push('x'),
            |event| event.identity_type = None,
            |event| event.identity_type = Some("Unknown".into()),
            |event| event.session_name = None,
            |event| event.session_name = Some("other".into()),
            |event| event.person = Some("ana".into()),
            |event| event.mfa_authenticated = None,
            |event| event.mfa_authenticated = Some(true),
            |event| event.access_key_id = Some("AKIAIOSFODNN7EXAMPLE".into()),
            |event| event.selected_by = SelectedBy::UserAgent,
            |event| event.flags = vec![Flag::InvalidUtf8, Flag::ResourcesCut],
            |event| event.touched = Touched::default(),
        ];
        for change in changes {
            (0..20).for_each(|_| check(change));
        }
    }

    #[test]
    fn ok_nothing_is_cut_that_saves_nothing() {
        let event = event(600, "k");
        assert_eq!(write_units(&event), 4);
        assert_eq!(event.cut, ["error_message"], "as in any event");
        assert_eq!(event.user_agent.as_deref(), Some(AGENT));
    }

    #[test]
    fn ok_the_place_of_the_original_decides_nothing() {
        let [short, long] = ["k", "k".repeat(900).as_str()].map(|key| event(60, key));
        assert_eq!(
            (&short.cut, &short.user_agent),
            (&long.cut, &long.user_agent)
        );
    }
}
