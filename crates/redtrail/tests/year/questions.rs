//! The questions, and their answers by looking through all events.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    run::{Output, json_lines},
    story::{
        Deed, Did, HOME, OTHER, PEOPLE, REGION, WORKGROUP, cluster, datashare, person_role,
        service_role, workgroup_arn, workgroup_name,
    },
    trail::Trail,
};

const SINCE: &str = "2025-05-10T00:00:00Z";
const UNTIL: &str = "2025-06-20T12:00:00Z";

fn ask(trail: &Trail, args: &[&str]) -> Output {
    let args = [args, &["--output", "jsonl"]].concat();
    let out = trail.redtrail(&args, b"");
    assert_eq!(out.status, 0, "{args:?}: {}", out.stderr);
    out
}

/// The ids of the events that answer.
fn ids(trail: &Trail, args: &[&str]) -> Vec<String> {
    let lines = json_lines(&ask(trail, &[&["query"], args].concat()).stdout);
    let id = |line: &Value| line["event_id"].as_str().unwrap().to_owned();
    lines.iter().map(id).collect()
}

/// The ids of the events that satisfy it, newest first.
fn scan(deeds: &[Deed], wanted: impl Fn(&Deed) -> bool) -> Vec<String> {
    let wanted = deeds.iter().rev().filter(|deed| wanted(deed));
    let ids: Vec<String> = wanted.map(|deed| deed.id.clone()).collect();
    assert!(
        !ids.is_empty(),
        "a question without an answer shows nothing"
    );
    ids
}

fn in_window(deed: &Deed) -> bool {
    let (since, until) = (SINCE.replace('Z', ".000Z"), UNTIL.replace('Z', ".000Z"));
    deed.time >= since && deed.time < until
}

pub(crate) fn ask_all(trail: &Trail, deeds: &[Deed]) {
    principals(trail, deeds);
    resources(trail, deeds);
    filters(trail, deeds);
    workgroups(trail, deeds);
    touched(trail, deeds);
    who(trail, deeds);
    active(trail, deeds);
    find(trail);
}

fn principals(trail: &Trail, deeds: &[Deed]) {
    let window = ["--since", SINCE, "--until", UNTIL];
    let role = person_role(OTHER, "Admin");
    assert_eq!(
        ids(trail, &["principal", &role]),
        scan(deeds, |deed| deed.principal == role)
    );
    assert_eq!(
        ids(
            trail,
            &[&["principal", role.as_str()], &window[..]].concat()
        ),
        scan(deeds, |deed| deed.principal == role && in_window(deed))
    );
    // Seen with and without its path, and asked by either and by its name.
    let etl = scan(deeds, |deed| deed.principal.ends_with("/etl"));
    for text in [&service_role(true), &service_role(false)] {
        assert_eq!(ids(trail, &["principal", text]), etl, "{text}");
    }
    // A person in four roles of two accounts, by e-mail and as an alert shows one of them.
    for person in PEOPLE {
        assert_eq!(
            ids(trail, &["principal", person]),
            scan(deeds, |deed| deed.person == Some(person))
        );
    }
    let sts = role.replace(":iam:", ":sts:").replace(
        ":role/aws-reserved/sso.amazonaws.com/eu-west-1/",
        ":assumed-role/",
    );
    assert_eq!(
        ids(trail, &["principal", &format!("{sts}/{}", PEOPLE[0])]),
        scan(deeds, |deed| deed.principal == role
            && deed.person == Some(PEOPLE[0]))
    );
    // A session and its key.
    let of_session = deeds
        .iter()
        .find(|deed| deed.person.is_none() && deed.session.is_some());
    let session = of_session.unwrap().session.clone().unwrap();
    assert_eq!(
        ids(trail, &["principal", &session]),
        scan(deeds, |deed| deed.session.as_ref() == Some(&session))
    );
    let key = &of_session.unwrap().access_key;
    assert_eq!(
        ids(trail, &["principal", key]),
        scan(deeds, |deed| deed.access_key == *key)
    );
}

fn resources(trail: &Trail, deeds: &[Deed]) {
    let of = |key: &str| scan(deeds, |deed| deed.resources.iter().any(|one| one == key));
    let sales = cluster(HOME, "sales-prod");
    let share = datashare();
    let dbuser = sales.replace(":cluster:", ":dbuser:") + "/ana";
    for key in [&sales, &cluster(OTHER, "lake"), &share, &dbuser] {
        assert_eq!(ids(trail, &["resource", key]), of(key), "{key}");
    }
    assert_eq!(ids(trail, &["resource", "sales-prod"]), of(&sales));
    let statement = deeds.iter().flat_map(|deed| &deed.resources);
    let statement = statement
        .clone()
        .find(|key| key.starts_with("statement:"))
        .unwrap();
    assert_eq!(ids(trail, &["statement", statement]), of(statement));
    let id = statement.rsplit('/').next().unwrap();
    assert_eq!(ids(trail, &["statement", id]), of(statement));
}

fn filters(trail: &Trail, deeds: &[Deed]) {
    let sales = cluster(HOME, "sales-prod");
    let on_sales = |deed: &Deed| deed.resources.contains(&sales);
    let role = person_role(HOME, "Analyst");
    let failed = |deed: &Deed| matches!(deed.did, Did::Denied | Did::Failed);
    assert_eq!(
        ids(trail, &["principal", &role, "--errors"]),
        scan(deeds, |deed| deed.principal == role && failed(deed))
    );
    assert_eq!(
        ids(trail, &["resource", &sales, "--errors"]),
        scan(deeds, |deed| on_sales(deed) && failed(deed))
    );
    assert_eq!(
        ids(trail, &["resource", &sales, "--changes"]),
        scan(deeds, |deed| deed.changed.contains(&sales))
    );
    assert_eq!(
        ids(
            trail,
            &[
                "resource",
                &sales,
                "--changes",
                "--since",
                SINCE,
                "--until",
                UNTIL
            ]
        ),
        scan(deeds, |deed| deed.changed.contains(&sales)
            && in_window(deed))
    );
    assert_eq!(
        ids(
            trail,
            &["resource", &sales, "--event", "GetClusterCredentials"]
        ),
        scan(deeds, |deed| on_sales(deed)
            && deed.name == "GetClusterCredentials")
    );
    assert_eq!(
        ids(trail, &["principal", &role, "--source", "redshift-data"]),
        scan(deeds, |deed| deed.principal == role
            && deed.source.starts_with("redshift-data."))
    );
    assert_eq!(
        ids(trail, &["resource", &sales, "--writes"]),
        scan(deeds, |deed| on_sales(deed) && !deed.is_read_only)
    );
    assert_eq!(
        ids(trail, &["resource", &sales, "--session", PEOPLE[1]]),
        scan(deeds, |deed| on_sales(deed)
            && deed.session.as_deref() == Some(PEOPLE[1]))
    );
}

/// Events that name the workgroup by its name alone belong to the ARN it stood for then.
fn workgroups(trail: &Trail, deeds: &[Deed]) {
    for generation in 1..=5 {
        let arn = workgroup_arn(generation);
        assert_eq!(
            ids(trail, &["resource", &arn]),
            scan(deeds, |deed| deed.workgroup.as_deref()
                == Some(arn.as_str())),
            "{arn}"
        );
    }
    // By the name, what each of those did that had it.
    let all = scan(deeds, |deed| deed.workgroup.is_some());
    for text in [&workgroup_name(), WORKGROUP] {
        assert_eq!(ids(trail, &["resource", text]), all, "{text}");
    }
}

type Counts = [u64; 4];

fn count(counts: &mut Counts, did: Did) {
    counts[match did {
        Did::Read => 0,
        Did::Write => 1,
        Did::Denied => 2,
        Did::Failed => 3,
    }] += 1;
}

fn counts_of(line: &Value) -> Counts {
    ["reads", "writes", "denied", "failed"].map(|name| line[name].as_u64().unwrap())
}

/// Of lines of a kind: counts, first and last by what they are of.
fn uses(
    lines: &[Value],
    kind: &str,
    key: impl Fn(&Value) -> String,
) -> BTreeMap<String, (Counts, String, String)> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let of_kind = lines.iter().filter(|line| line["kind"] == kind);
    of_kind
        .map(|line| {
            (
                key(line),
                (counts_of(line), text(line, "first"), text(line, "last")),
            )
        })
        .collect()
}

fn scan_uses<'d>(
    deeds: impl Iterator<Item = &'d Deed>,
    keys: impl Fn(&Deed) -> Vec<String>,
) -> BTreeMap<String, (Counts, String, String)> {
    let mut uses: BTreeMap<String, (Counts, String, String)> = BTreeMap::new();
    for deed in deeds {
        for key in keys(deed) {
            let (counts, _, last) = uses
                .entry(key)
                .or_insert_with(|| (Counts::default(), deed.time.clone(), String::new()));
            count(counts, deed.did);
            last.clone_from(&deed.time);
        }
    }
    assert!(!uses.is_empty());
    uses
}

fn touched(trail: &Trail, deeds: &[Deed]) {
    let person = PEOPLE[2];
    let window = ["--since", SINCE, "--until", UNTIL];
    let out = ask(
        trail,
        &[&["touched", "--person", person], &window[..]].concat(),
    );
    let lines = json_lines(&out.stdout);
    let own = || {
        let own = deeds.iter().filter(|deed| deed.person == Some(person));
        own.filter(|deed| in_window(deed))
    };
    let key = |line: &Value| line["resource_key"].as_str().unwrap().to_owned();
    let mut found = uses(&lines, "touched", key);
    // Of a workgroup the name and the ARN are in the row of each event that shows both.
    found.retain(|key, _| !key.contains("workgroup"));
    let mut expected = scan_uses(own(), |deed| deed.resources.clone());
    expected.retain(|key, _| !key.contains("workgroup"));
    assert_eq!(found, expected);

    let handed: Vec<_> = lines
        .iter()
        .filter(|line| line["kind"] == "hand_out")
        .collect();
    let expected: Vec<&Deed> = own()
        .filter(|deed| deed.name == "GetClusterCredentials" && deed.did == Did::Write)
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(handed.len(), expected.len());
    // They come first, the last of them at the top.
    for (line, deed) in lines.iter().zip(expected.iter().rev()) {
        assert_eq!(line["kind"], "hand_out");
        assert_eq!(line["event_time"], deed.time.as_str());
        assert_eq!(line["database_user"], "IAM:ana");
        assert_eq!(line["expires"], "Mar 2, 2026 9:20:00 AM");
        assert_eq!(line["opens"][0], deed.resources[2].as_str());
    }

    let out = ask(
        trail,
        &[
            &["touched", person, "--type", "cluster,datashare"],
            &window[..],
        ]
        .concat(),
    );
    let found = uses(&json_lines(&out.stdout), "touched", key);
    let is_wanted = |key: &String| key.contains(":cluster:") || key.contains(":datashare:");
    let expected = scan_uses(own(), |deed| {
        deed.resources
            .iter()
            .filter(|key| is_wanted(key))
            .cloned()
            .collect()
    });
    assert_eq!(found, expected);
}

fn who(trail: &Trail, deeds: &[Deed]) {
    let sales = cluster(HOME, "sales-prod");
    let out = ask(
        trail,
        &["who", "sales-prod", "--since", SINCE, "--until", UNTIL],
    );
    let key = |line: &Value| {
        format!(
            "{} {}",
            line["principal"].as_str().unwrap(),
            line["acted"].as_str().unwrap_or("-")
        )
    };
    let found = uses(&json_lines(&out.stdout), "caller", key);
    let on_sales = deeds
        .iter()
        .filter(|deed| deed.resources.contains(&sales) && in_window(deed));
    let expected = scan_uses(on_sales, |deed| {
        vec![format!(
            "{} {}",
            deed.principal,
            deed.session.as_deref().unwrap_or("-")
        )]
    });
    assert_eq!(found, expected);
}

fn active(trail: &Trail, deeds: &[Deed]) {
    let day = deeds[deeds.len() / 2].time[..10].to_owned();
    let out = ask(trail, &["active", "--day", &day]);
    let mut found = BTreeSet::new();
    for line in json_lines(&out.stdout) {
        let principal = line["principal"].as_str().unwrap().to_owned();
        for kind in line["kinds"].as_array().unwrap() {
            let resource = line["resource_key"].as_str().unwrap().to_owned();
            found.insert((
                principal.clone(),
                resource,
                kind.as_str().unwrap().to_owned(),
            ));
        }
    }
    let mut expected = BTreeSet::new();
    for deed in deeds.iter().filter(|deed| deed.time.starts_with(&day)) {
        let kind = match deed.did {
            Did::Denied => "denied",
            _ if deed.is_read_only => "read",
            _ => "write",
        };
        let keys = deed
            .resources
            .iter()
            .filter(|key| !key.starts_with("statement:"));
        for key in keys {
            expected.insert((deed.principal.clone(), key.clone(), kind.to_owned()));
        }
    }
    // A workgroup's ARN and name are told by its own test.
    found.retain(|(_, key, _)| !key.contains("workgroup"));
    expected.retain(|(_, key, _)| !key.contains("workgroup"));
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}

fn find(trail: &Trail) {
    let found = |text: &str| -> BTreeSet<(String, String)> {
        let lines = json_lines(&ask(trail, &["find", text]).stdout);
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        lines
            .iter()
            .map(|line| (text(line, "kind"), text(line, "key")))
            .collect()
    };
    let entry = |kind: &str, key: &str| (kind.to_owned(), key.to_owned());
    assert_eq!(
        found("ana@"),
        [entry("person", PEOPLE[0]), entry("session", PEOPLE[0])].into()
    );
    assert_eq!(found("DEE+OPS"), [entry("person", PEOPLE[3])].into());
    assert!(found("sales-prod").contains(&entry("resource", &cluster(HOME, "sales-prod"))));
    assert_eq!(
        found("analyst"),
        [HOME, OTHER]
            .map(|account| entry("principal", &person_role(account, "Analyst")))
            .into()
    );
    // The role, whose path the session's ARN leaves out, and the session.
    assert_eq!(
        found(&format!("arn:aws:sts::{HOME}:assumed-role/etl/run-1")),
        [
            entry("principal", &service_role(true)),
            entry("principal", &service_role(false)),
            entry("session", "run-1"),
        ]
        .into()
    );
    assert_eq!(
        found("AKIAEXAMPLEDEPLOY000"),
        [entry("access_key", "AKIAEXAMPLEDEPLOY000")].into()
    );
    let out = trail.redtrail(&["find", "nobody@example.com"], b"");
    assert_eq!(out.status, 1);
    assert!(out.stderr.contains("nothing is known"), "{}", out.stderr);
    let out = trail.redtrail(&["query", "principal", "analyst"], b"");
    assert_eq!((out.status, out.stdout.as_str()), (2, ""));
    for account in [HOME, OTHER] {
        assert!(
            out.stderr.contains(&person_role(account, "Analyst")),
            "{}",
            out.stderr
        );
    }
}

/// Whatever came first, the answers are the same.
pub(crate) fn same_answers(one: &Trail, other: &Trail) {
    let arn = workgroup_arn(2);
    let (role, without_path) = (service_role(true), service_role(false));
    let sales = cluster(HOME, "sales-prod");
    for args in [
        &["query", "resource", arn.as_str()][..],
        &["query", "resource", WORKGROUP],
        &["query", "principal", &role],
        &["query", "principal", &without_path],
        &["query", "principal", PEOPLE[0]],
        &["query", "resource", &sales, "--changes"],
        &["touched", PEOPLE[1], "--since", SINCE, "--until", UNTIL],
        &["who", &arn, "--since", SINCE, "--until", UNTIL],
        &["active", "--day", "2025-05-20"],
        &["find", "reports"],
        &["find", REGION, "--limit", "10000"],
    ] {
        let (one, other) = (ask(one, args), ask(other, args));
        assert_eq!(one.stdout, other.stdout, "{args:?}");
        assert!(!one.stdout.is_empty(), "{args:?}");
    }
}
