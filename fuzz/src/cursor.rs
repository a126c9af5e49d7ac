//! Texts that people and programs hand in: a page token (an event's key), keys, references,
//! times. What is taken is what was meant.

use redtrail_core::log_key::LogKey;
use redtrail_model::{
    EventKey, EventTime, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, Origin, PrincipalKey,
    ResourceKey,
};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(token) = text.parse::<EventKey>() {
        assert_eq!(token.to_string(), text);
        assert!(text.len() <= MAX_SORT_KEY_BYTES);
        let time: EventTime = token.time().parse().expect("a key begins with its time");
        assert_eq!(time.to_string(), token.time());
        assert!(!token.event_id().is_empty());
    }
    if let Ok(time) = text.parse::<EventTime>() {
        let canonical = time.to_string();
        assert_eq!(canonical.len(), 24, "{canonical}");
        assert_eq!(canonical.parse(), Ok(time));
        assert_eq!(
            EventTime::from_epoch_millis(time.epoch_millis()),
            Some(time)
        );
    }
    if let Ok(key) = text.parse::<PrincipalKey>() {
        assert!(key.as_str() == text && text.len() <= MAX_PARTITION_KEY_BYTES);
    }
    if let Ok(key) = text.parse::<ResourceKey>() {
        assert!(key.as_str() == text && text.len() <= MAX_PARTITION_KEY_BYTES);
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
    if LogKey::parse(text).is_ok() {
        assert!(text.ends_with(".json.gz"), "{text}");
    }
}
