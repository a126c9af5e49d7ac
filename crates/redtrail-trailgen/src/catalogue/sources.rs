//! Sources that are of the family, however they are written, and those that only look it.

use super::{
    Case,
    record::{Of, changed},
};

const FAMILY: [&str; 4] = [
    "redshift.amazonaws.com",
    "redshift-serverless.amazonaws.com",
    "redshift-data.amazonaws.com",
    "sqlworkbench.amazonaws.com",
];

const LOOK_ALIKES: [&str; 36] = [
    "Redshift.amazonaws.com",
    "REDSHIFT.AMAZONAWS.COM",
    "redshift.amazonaws.COM",
    " redshift.amazonaws.com",
    "redshift.amazonaws.com ",
    "redshift.amazonaws.com\\n",
    "redshift.amazonaws.com\\u0000",
    "\\u0000redshift.amazonaws.com",
    "redshift.amazonaws.com.",
    ".redshift.amazonaws.com",
    "redshift..amazonaws.com",
    "redshift.amazonaws.com.evil.example",
    "redshift.amazonaws.com/evil",
    "evil.example/redshift.amazonaws.com",
    "evil-redshift.amazonaws.com",
    "x.redshift.amazonaws.com",
    "redshift-.amazonaws.com",
    "redshift_data.amazonaws.com",
    "redshiftdata.amazonaws.com",
    "redshift-amazonaws.com",
    "redshift.amazonaws.co",
    "redshift.amazonaws.comm",
    "redshift.aws.amazon.com",
    "redshift",
    "https://redshift.amazonaws.com",
    "redshift.amazonaws.com:443",
    "sqlworkbench.amazonaws.com, redshift.amazonaws.com",
    "r\u{435}dshift.amazonaws.com",
    "red\u{455}hift.amazonaws.com",
    "redsh\u{131}ft.amazonaws.com",
    "red\u{17f}hift.amazonaws.com",
    "\u{ff52}\u{ff45}\u{ff44}shift.amazonaws.com",
    "redshift.amazonaws\u{ff0e}com",
    "redshift\u{200b}.amazonaws.com",
    "redshift\u{ad}.amazonaws.com",
    "redshift.amazonaws.com\u{301}",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for source in FAMILY {
        let escaped: String = source
            .bytes()
            .map(|byte| format!("\\u{byte:04x}"))
            .collect();
        for (how, value) in [("plain", source.to_owned()), ("escaped", escaped)] {
            let value = format!("\"{value}\"");
            // The operation is one of `redshift` alone.
            let flags: &[_] = match source {
                "redshift.amazonaws.com" => &[],
                _ => &["unknown_operation"],
            };
            let name = format!("source-{how}-{source}");
            cases.push(changed(name, &[("eventSource", &value)], Of::kept(flags)));
        }
    }
    for (index, source) in LOOK_ALIKES.into_iter().enumerate() {
        let value = format!("\"{source}\"");
        let name = |what: &str| format!("look-alike-{what}-{index}");
        cases.push(changed(
            name("source"),
            &[("eventSource", &value)],
            Of::NotSelected,
        ));
        let identity = format!(r#"{{"type":"AWSService","invokedBy":{value}}}"#);
        let glue = ("eventSource", "\"glue.amazonaws.com\"");
        cases.push(changed(
            name("invoked-by"),
            &[glue, ("userIdentity", &identity)],
            Of::NotSelected,
        ));
        cases.push(changed(
            name("address"),
            &[glue, ("sourceIPAddress", &value), ("userAgent", &value)],
            Of::NotSelected,
        ));
    }
    cases
}
