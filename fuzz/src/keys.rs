//! Keys: two different things never share one, each can be read again, and none is longer than
//! DynamoDB takes.

use redtrail_model::{
    EventKey, EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, PrincipalKey, ResourceKey,
};

/// Between the parts of a thing.
const SEPARATOR: char = '\n';

/// Two things, each of parts, are made keys of.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some((first, second)) = text.split_once("\n\n") else {
        return;
    };
    let [first, second] = [first, second].map(|thing| thing.split(SEPARATOR).collect::<Vec<_>>());
    principals(&first, &second);
    resources(&first, &second);
    events(first[0], second[0]);
}

fn principals(first: &[&str], second: &[&str]) {
    // The keys of one identity type are of as many parts.
    if first.len() != second.len() {
        return;
    }
    let key = |parts: &[&str]| PrincipalKey::tagged(parts[0], &parts[1..]);
    let [one, other] = [first, second].map(key);
    assert_eq!(
        one == other,
        first == second,
        "{one} of {first:?} and {second:?}"
    );
    assert!(!one.as_str().starts_with("arn:"), "{one}");
    assert!(one.as_str().len() <= MAX_PARTITION_KEY_BYTES);
    if one.as_str().contains(':') {
        assert_eq!(one.as_str().parse(), Ok(one));
    }
    let [arn, other] = [first[0], second[0]].map(|end| format!("arn:{end}"));
    let [arn_key, other_key] = [&arn, &other].map(PrincipalKey::from_arn);
    assert_eq!(arn_key == other_key, arn == other);
}

fn resources(first: &[&str], second: &[&str]) {
    let key = |parts: &[&str]| match *parts {
        [service, region, account, kind, name] => {
            Some(ResourceKey::from_name(service, region, account, kind, name))
        }
        [region, account, id] => Some(ResourceKey::from_statement(region, account, id)),
        [arn] => ResourceKey::from_arn(arn),
        _ => None,
    };
    let (Some(one), Some(other)) = (key(first), key(second)) else {
        return;
    };
    assert_eq!(
        one == other,
        first == second,
        "{one} of {first:?} and {second:?}"
    );
    assert!(one.as_str().len() <= MAX_PARTITION_KEY_BYTES);
    assert_eq!(one.as_str().parse(), Ok(one));
}

fn events(first: &str, second: &str) {
    let time: EventTime = "2026-03-02T09:00:00Z".parse().expect("a time");
    let [one, other] = [first, second].map(|id| EventKey::new(time, id));
    assert_eq!(one == other, first == second, "{one}");
    assert!(one.as_str().len() <= MAX_SORT_KEY_BYTES);
    if !first.is_empty() {
        assert_eq!(one.as_str().parse(), Ok(one));
    }
}
