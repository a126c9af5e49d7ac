//! `docs/events.md` says what the rules say. After a change of the rules, write it anew:
//! `REDTRAIL_UPDATE=1 cargo test --release --workspace --test events_doc`
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path};

const OPERATIONS: &str = include_str!("../rules/operations.tsv");
const RESOURCES: &str = include_str!("../rules/resources.tsv");

const INTRODUCTION: &str = "\
# Events and what they touch

Made from `crates/redtrail-core/rules/operations.tsv`; change that and write this anew (CONTRIBUTING.md says how).

Each row is an operation as CloudTrail names it. **Touches** lists the kinds of resources that get a row in the
resources table, by the part they play; *the ARN in …* is a ready-made ARN of whatever kind stands in that member
of the request, or of the response where it says so. What a call names but another service owns (roles, secrets,
topics, keys) is kept in `related_arns`. A snapshot, database user, group or database also touches its cluster,
with the part `via`. **Otherwise** is the wildcard that stands when the call names nothing: who lists all clusters
is found under `arn:PARTITION:redshift:REGION:ACCOUNT:cluster:*`. A name in a known member (*known members*) is
found by `rules/general.tsv`; so are the names in events that have no row here, which are flagged
`unknown_operation`. Of a call that IAM refused CloudTrail mostly keeps no parameters: then the ARN that the error
message names is what it touched. CloudTrail logs the response of some calls that only read: where the request of a
*read* names nothing, known members and ARNs of its response count; those of a *list* never do.

Only a **change** that succeeded gets a `change_key`. The other classes: list, read, credentials (handed out),
statement (run or cancelled), use.
";

#[test]
fn ok_the_document_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let wanted = document();
    if env::var_os("REDTRAIL_UPDATE").is_some() {
        fs::write(&file, &wanted).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/events.md is not what the rules say: REDTRAIL_UPDATE=1 cargo test --release --workspace --test events_doc"
    );
}

fn rows<const N: usize>(text: &str) -> impl Iterator<Item = [&str; N]> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.skip(1).map(|line| {
        let mut columns = line.split('\t');
        std::array::from_fn(|_| columns.next().unwrap_or_default())
    })
}

fn document() -> String {
    let formats: BTreeMap<_, _> = rows(RESOURCES)
        .map(|[kind, service, format]| (kind, (service, format)))
        .collect();
    let mut document = INTRODUCTION.to_owned();
    let mut last = "";
    for [service, operation, class, resources, otherwise, _keep, note] in rows(OPERATIONS) {
        let group = if service == "kms" || service == "*" {
            "Other services"
        } else {
            service
        };
        if group != last {
            write!(document, "\n## {group}\n\n| event | class | touches | otherwise | note |\n|---|---|---|---|---|\n").unwrap();
            last = group;
        }
        let event = match (service, operation) {
            ("*", _) => "any other".to_owned(),
            (service, "*") => format!("{service}: any other"),
            ("kms", _) => format!("{service}: {operation}"),
            _ => operation.to_owned(),
        };
        let touches = touches(resources);
        let otherwise = wildcards(otherwise, &formats);
        writeln!(
            document,
            "| {event} | {class} | {touches} | {otherwise} | {note} |"
        )
        .unwrap();
    }
    document
}

/// Kinds by their part, in the order of the rules.
fn touches(resources: &str) -> String {
    let mut parts: Vec<(&str, Vec<String>)> = Vec::new();
    for expression in resources
        .split("; ")
        .filter(|text| !matches!(*text, "" | "none"))
    {
        let is_part = |word: &str| {
            matches!(
                word,
                "producer" | "consumer" | "source" | "key" | "via" | "other"
            )
        };
        let (part, rest) = expression
            .split_once(' ')
            .filter(|(word, _)| is_part(word))
            .unwrap_or(("target", expression));
        let (kind, value) = rest.split_once('(').unwrap_or((rest, ""));
        let value = value.split_once(')').map_or("", |(value, _)| value);
        let found = match kind {
            "general" => "*known members*".to_owned(),
            "arn" => format!("the ARN in {}", members(value)),
            kind => kind.strip_suffix("-name").unwrap_or(kind).to_owned(),
        };
        match parts.iter_mut().find(|(known, _)| *known == part) {
            Some((_, kinds)) if kinds.contains(&found) => {}
            Some((_, kinds)) => kinds.push(found),
            None => parts.push((part, vec![found])),
        }
    }
    let texts = parts
        .iter()
        .map(|(part, kinds)| format!("{part}: {}", kinds.join(", ")));
    texts.collect::<Vec<_>>().join("; ")
}

fn members(paths: &str) -> String {
    let paths = paths.split('|').map(|path| match path.strip_prefix('<') {
        Some(path) => format!("`{path}` of the response"),
        None => format!("`{path}`"),
    });
    paths.collect::<Vec<_>>().join(" or ")
}

/// `cluster:*` of each kind, and the condition under which it stands.
fn wildcards(otherwise: &str, formats: &BTreeMap<&str, (&str, &str)>) -> String {
    let texts = otherwise
        .split("; ")
        .filter(|text| !text.is_empty())
        .map(|text| {
            let (text, condition) = text
                .split_once(" if ")
                .map_or((text, None), |(text, when)| (text, Some(when)));
            let kind = text.split(' ').next().unwrap_or_default();
            let (_, format) = formats[kind];
            let (start, _) = format.split_once('{').unwrap();
            let Some((member, value)) = condition.and_then(|when| when.split_once('=')) else {
                return format!("`{start}*`");
            };
            match (member.strip_suffix('!'), value) {
                (Some(member), _) => format!("`{start}*` unless {member} is {value}"),
                (None, "") => format!("`{start}*` without {member}"),
                (None, _) => format!("`{start}*` if {member} is {value}"),
            }
        });
    texts.collect::<Vec<_>>().join(", ")
}
