//! Keys and ARNs as short as a table needs them, and text broken where names have joints.

use redtrail_model::{Arn, AuditEvent, EventTime, PrincipalKey, ResourceKey};

use crate::plain_text::plain;

/// The most characters of a name that a table shows.
const LONGEST: usize = 72;

/// Who made the call: the principal, then what tells its sessions apart.
pub(crate) fn who(event: &AuditEvent) -> Vec<String> {
    let key = event.principal.as_str();
    let mut lines = match Arn::parse(key) {
        Some(arn) => {
            let mut lines = vec![without_path(arn.resource)];
            if event.account_id.as_deref() != Some(arn.account) && !arn.account.is_empty() {
                lines.push(format!("of {}", arn.account));
            }
            lines
        }
        None => vec![key.to_owned()],
    };
    lines.extend(event.session_name.as_deref().map(str::to_owned));
    let via = event
        .invoked_by
        .as_ref()
        .filter(|service| !key.ends_with(service.as_str()));
    lines.extend(via.map(|service| format!("via {service}")));
    lines.iter().map(|line| shortened(line, LONGEST)).collect()
}

/// A principal's type and name, and its account, in one line whatever they hold.
pub(crate) fn principal(key: &PrincipalKey) -> String {
    let short = match Arn::parse(key.as_str()) {
        Some(arn) => format!("{} of {}", without_path(arn.resource), arn.account),
        None => key.as_str().to_owned(),
    };
    plain(&shortened(&short, LONGEST)).into_owned()
}

/// A resource's type and name, in one line whatever they hold.
pub(crate) fn resource(key: &ResourceKey) -> String {
    let text = key.as_str();
    let short = if let Some(arn) = Arn::parse(text) {
        arn.resource.to_owned()
    } else if let Some(name) = text.strip_prefix("name:") {
        name.splitn(4, ':').last().unwrap_or(name).to_owned()
    } else if let Some(statement) = text.strip_prefix("statement:") {
        let id = statement.split_once('/').map_or(statement, |(_, id)| id);
        format!("statement/{id}")
    } else {
        text.to_owned()
    };
    plain(&shortened(&short, LONGEST)).into_owned()
}

/// `role/path/of/it/Name` as `role/Name`, and the role that Identity Center makes of a
/// permission set as `sso/PERMISSION_SET`: only AWS can put a role under that path.
fn without_path(resource: &str) -> String {
    let permission_set = resource
        .strip_prefix("role/aws-reserved/sso.amazonaws.com/")
        .and_then(|name| name.rsplit('/').next()?.strip_prefix("AWSReservedSSO_"))
        .and_then(|name| name.rsplit_once('_'));
    if let Some((permission_set, _)) = permission_set {
        return format!("sso/{permission_set}");
    }
    match (resource.split_once('/'), resource.rsplit_once('/')) {
        (Some((kind, _)), Some((_, name))) => format!("{kind}/{name}"),
        _ => resource.to_owned(),
    }
}

/// `2023-07-10 12:30:00`: what CloudTrail tells of a time. All are UTC.
pub(crate) fn second(time: EventTime) -> String {
    let text = time.to_string();
    text.split('.').next().unwrap_or(&text).replace('T', " ")
}

/// `text` without its middle, if it has more than `longest` characters.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    let characters = text.chars().count();
    if characters <= longest {
        return text.to_owned();
    }
    let end = longest / 2;
    let start = longest - end - 1;
    let mut short: String = text.chars().take(start).collect();
    short.push('…');
    short.extend(text.chars().skip(characters - end));
    short
}

/// `text` in lines of at most `width` characters, broken after a separator or before a
/// capital letter where one is in the line's second half.
pub(crate) fn broken(text: &str, width: usize) -> String {
    let width = width.max(1);
    if text.len() <= width {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    let mut rest = characters.as_slice();
    while rest.len() > width {
        let joint = (width.div_ceil(2)..=width)
            .rev()
            .find(|&at| is_joint(rest, at));
        let (line, after) = rest.split_at(joint.unwrap_or(width));
        lines.push(line.iter().collect::<String>().trim_end().to_owned());
        rest = after.strip_prefix(&[' ']).unwrap_or(after);
    }
    lines.push(rest.iter().collect());
    lines.join("\n")
}

/// Whether a line may end before the character at `at`.
fn is_joint(characters: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|index| characters.get(index));
    match (before, characters.get(at)) {
        (_, Some(' ')) => true,
        (Some(' ' | '/' | ':' | '-' | '_' | '.' | '@' | ',' | '='), _) => true,
        (Some(before), Some(after)) => before.is_lowercase() && after.is_uppercase(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn resources_by_type_and_name() {
        for (key, expected) in [
            (
                "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod",
                "cluster:sales-prod",
            ),
            (
                "arn:aws:redshift:us-east-1:111122223333:dbuser:sales-prod/ana",
                "dbuser:sales-prod/ana",
            ),
            (
                "arn:aws:redshift:us-east-1:111122223333:cluster:*",
                "cluster:*",
            ),
            (
                "name:redshift-serverless:us-east-1:111122223333:workgroup/etl",
                "workgroup/etl",
            ),
            (
                "name:redshift:us-east-1:111122223333:snapshot/a:b/c",
                "snapshot/a:b/c",
            ),
            ("statement:us-east-1:111122223333/8f2c", "statement/8f2c"),
        ] {
            assert_eq!(resource(&key.parse().unwrap()), expected);
        }
    }

    #[test]
    fn roles_without_their_path() {
        assert_eq!(without_path("role/a/b/Analyst"), "role/Analyst");
        assert_eq!(
            without_path(
                "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Read_Only_8f2c"
            ),
            "sso/Read_Only"
        );
        assert_eq!(
            without_path("role/x/AWSReservedSSO_Read_8f2c"),
            "role/AWSReservedSSO_Read_8f2c"
        );
        assert_eq!(without_path("user/ana"), "user/ana");
        assert_eq!(without_path("root"), "root");
    }

    #[test]
    fn names_break_at_their_joints() {
        assert_eq!(
            broken("GetClusterCredentials", 16),
            "GetCluster\nCredentials"
        );
        assert_eq!(broken("cluster:sales-prod", 14), "cluster:sales-\nprod");
        assert_eq!(broken("redshift us-east-1", 12), "redshift us-\neast-1");
        assert_eq!(broken("2026-03-02 08:55:00", 10), "2026-03-02\n08:55:00");
        assert_eq!(broken("aaaaaaaaaa", 4), "aaaa\naaaa\naa");
        assert_eq!(broken("short", 10), "short");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_wide(text in "[a-zA-Z:/\\-é中]{0,200}", width in 1_usize..40) {
            let lines = broken(&text, width);
            prop_assert!(lines.lines().all(|line| line.chars().count() <= width));
            prop_assert_eq!(lines.replace('\n', ""), text.clone());
            prop_assert!(shortened(&text, width).chars().count() <= width);
        }
    }
}
