//! What of the request and response an item keeps: the members that the rules' keep-list
//! names, within bounds. Anything else stays in the original.

use std::{borrow::Cow, collections::BTreeMap};

use compact_str::{CompactString, format_compact};

use super::resources::Call;

/// Most bytes of names and values kept for one event, so that an item stays small.
pub const MAX_BYTES: usize = 300;
/// Most bytes of one value.
pub const MAX_VALUE_BYTES: usize = 100;
/// A value shorter than this tells nothing: it is left out whole.
const MIN_VALUE_BYTES: usize = 8;

/// Members by their path, shortened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub request_parameters: BTreeMap<CompactString, CompactString>,
    pub response_elements: BTreeMap<CompactString, CompactString>,
    /// What was shortened or left out for want of room, e.g. `request_parameters.tags.key`.
    pub cut: Vec<CompactString>,
}

/// The summary of `call`.
pub fn summary(call: &Call<'_>) -> Summary {
    let scope = call.scope;
    let mut summary = Summary::default();
    let mut room = MAX_BYTES;
    for path in call.kept() {
        let mut value = Cow::Borrowed("");
        path.each_text(scope, |text| {
            if value.is_empty() {
                value = text;
            } else {
                let value = value.to_mut();
                value.push(',');
                value.push_str(&text);
            }
        });
        if value.is_empty() && path.is_empty_list(scope) {
            // Not the same as an absent one: `"logExports": []` switches audit logs off.
            value = Cow::Borrowed("[]");
        }
        if value.is_empty() {
            continue;
        }
        let name = &path.name;
        let (kept, attribute) = if path.of_response {
            (&mut summary.response_elements, "response_elements")
        } else {
            (&mut summary.request_parameters, "request_parameters")
        };
        let bound = room.saturating_sub(name.len()).min(MAX_VALUE_BYTES);
        if value.len() > bound {
            summary.cut.push(format_compact!("{attribute}.{name}"));
            if bound < MIN_VALUE_BYTES {
                continue;
            }
        }
        let end = value.floor_char_boundary(bound);
        let value = CompactString::new(value.get(..end).unwrap_or_default());
        room = room.saturating_sub(name.len() + value.len());
        kept.insert(name.clone(), value);
    }
    summary
}

#[cfg(test)]
mod tests {
    use redtrail_model::{EventRecord, JsonText};

    use super::*;

    fn summary_of(record: &str) -> Summary {
        let json = JsonText::parse(record).unwrap();
        let record = EventRecord::read(json.root());
        summary(&Call::of(&record))
    }

    fn check(
        service: &str,
        operation: &str,
        request: &str,
        expected: &[(&str, &str)],
        cut: &[&str],
    ) {
        let record = format!(
            r#"{{"eventSource":"{service}.amazonaws.com","eventName":"{operation}","requestParameters":{request}}}"#
        );
        let summary = summary_of(&record);
        let expected = expected
            .iter()
            .map(|(name, value)| (CompactString::from(*name), CompactString::from(*value)));
        assert_eq!(
            summary.request_parameters,
            expected.collect(),
            "{operation}"
        );
        assert_eq!(summary.cut, cut, "{operation}");
    }

    #[test]
    fn ok_kept_members() {
        check(
            "redshift",
            "CreateCluster",
            r#"{"clusterIdentifier":"c","nodeType":"ra3.large","publiclyAccessible":true,"masterUserPassword":"Very-secret-1","tags":[{"key":"team","value":"x"}]}"#,
            &[
                ("nodeType", "ra3.large"),
                ("publiclyAccessible", "true"),
                ("tags.key", "team"),
            ],
            &[],
        );
        check(
            "redshift-data",
            "ExecuteStatement",
            r#"{"sql":"select 1","database":"dev","dbUser":"***","clientToken":"t"}"#,
            &[("database", "dev")],
            &[],
        );
    }

    #[test]
    fn ok_an_operation_without_a_row_keeps_what_others_of_its_service_do() {
        check(
            "redshift-data",
            "RunLater",
            r#"{"sql":"select 1","database":"dev","token":"t"}"#,
            &[("database", "dev")],
            &[],
        );
    }

    #[test]
    fn ok_long_values_are_cut_on_a_character() {
        let database = "é".repeat(400);
        check(
            "redshift-data",
            "ExecuteStatement",
            &format!(r#"{{"database":"{database}"}}"#),
            &[("database", &"é".repeat(50))],
            &["request_parameters.database"],
        );
    }

    #[test]
    fn ok_all_together_is_bounded() {
        let request =
            r#"{"database":"D","dbUser":"D","statementName":"D","sessionId":"D","schema":"D"}"#;
        let record = format!(
            r#"{{"eventSource":"redshift-data.amazonaws.com","eventName":"Unknown","requestParameters":{}}}"#,
            request.replace('D', &"d".repeat(90))
        );
        let summary = summary_of(&record);
        let bytes: usize = summary
            .request_parameters
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(bytes <= MAX_BYTES);
        assert!(!summary.cut.is_empty());
    }
}
