//! An item should cost one write unit. What tells least is cut where that saves one; keys,
//! who, what and when, the error code, the answers, the session and what a change asked for
//! are not.

use redtrail_model::AuditEvent;

use super::{
    cuttable::{Cuttable, Left},
    row_bytes::{RowBytes, row_bytes},
};

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

/// Cuts `event` as far as that saves write units.
pub(super) fn fit(event: &mut AuditEvent) {
    let rows = row_bytes(event);
    let mut cuttable = Cuttable::of(event);
    // No item costs less.
    let fewest = 1 + event.touched.resources.len();
    let mut least = write_units(rows, &cuttable);
    let mut left = None;
    for cut in CUTS {
        if least <= fewest {
            break;
        }
        if !cut.make(&mut cuttable) {
            continue;
        }
        let units = write_units(rows, &cuttable);
        if units < least {
            least = units;
            left = Some(Left::of(&cuttable));
        }
    }
    if let Some(left) = left {
        left.apply(event);
    }
}

/// Of all items of an event.
fn write_units(rows: RowBytes<'_>, cuttable: &Cuttable<'_>) -> usize {
    rows.with(cuttable.bytes())
        .map(|bytes| (bytes + PLACE_BYTES).div_ceil(WRITE_UNIT_BYTES))
        .sum()
}

impl Cut {
    /// Whether there was something to cut.
    fn make(self, of: &mut Cuttable<'_>) -> bool {
        let (name, is_cut) = match self {
            Self::UserAgent { to } => ("user_agent", cut_to(&mut of.user_agent, to)),
            Self::ErrorMessage { to } => ("error_message", cut_to(&mut of.error_message, to)),
            Self::ResponseElements => ("response_elements", clear(&mut of.response_elements)),
            Self::RelatedArns => ("related_arns", clear(&mut of.related_arns)),
            Self::RequestParameters => ("request_parameters", clear(&mut of.request_parameters)),
        };
        if is_cut {
            let is_inside = |cut: &str| {
                let rest = cut.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            of.cut.retain(|cut| !is_inside(cut));
            of.cut.push(name);
        }
        is_cut
    }
}

/// Cuts the text on a character boundary, and says whether it did.
fn cut_to(text: &mut &str, to: usize) -> bool {
    if text.len() <= to {
        return false;
    }
    *text = text.get(..text.floor_char_boundary(to)).unwrap_or_default();
    true
}

/// Leaves nothing, and says whether there was something.
fn clear(bytes: &mut usize) -> bool {
    std::mem::take(bytes) > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::put_bytes,
        item::{Put, puts},
        retention::Retention,
    };
    use crate::{log_reader::RawRecord, normalize::audit_event, select::Selector};
    use redtrail_model::{Flag, Origin, SelectedBy, Table, Touched};
    use redtrail_trailgen::{Trail, TrailOptions};

    fn bytes(event: &AuditEvent) -> Vec<usize> {
        row_bytes(event).with(Cuttable::of(event).bytes()).collect()
    }

    fn units(event: &AuditEvent) -> usize {
        write_units(row_bytes(event), &Cuttable::of(event))
    }

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
        assert_eq!(units(&event), 2);
        assert_eq!(event.cut, ["user_agent", "error_message"]);
        assert_eq!(event.user_agent.as_deref(), AGENT.get(..40));
        assert_eq!(event.error_message, Some("é".repeat(40).into()));
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
            let place = serde_dynamo::to_item(&event.origin).unwrap();
            let place = put_bytes(&Put::new(Table::Principals, place));
            let items = puts(&event, Retention::Days(0)).unwrap();
            let made: Vec<_> = items.iter().map(|put| put_bytes(put) - place).collect();
            assert_eq!(bytes(&event), made, "{event:?}");
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
        assert_eq!(units(&event), 4);
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
