//! Payloads: whatever comes, something is announced, and the caller gets an answer.

use redtrail_core::log_key::LogKey;
use redtrail_notification::{Outcome, read};

pub fn check(payload: &[u8]) {
    let invocation = read(payload);
    assert!(!invocation.messages.is_empty());
    for message in &invocation.messages {
        let announced = &message.announced;
        let parts =
            announced.objects.len() + announced.passed_over.len() + announced.unreadable.len();
        assert!(parts > 0, "a message announces nothing and says not why");
        for object in &announced.objects {
            let keys = [Some(&object.address.key), object.alternative_key.as_ref()];
            let is_log = |key: &String| LogKey::parse(key).is_ok();
            assert!(keys.into_iter().flatten().any(is_log), "{object:?}");
            assert!(!object.address.bucket.is_empty());
        }
        for unreadable in &announced.unreadable {
            assert!(unreadable.to_string().len() < 1000);
        }
    }
    let outcomes = vec![Outcome::Failed("no".to_owned()); invocation.messages.len()];
    // One way or the other it is said that nothing succeeded.
    if let Ok(answer) = invocation.answer(&outcomes) {
        assert!(!answer.is_null(), "{answer}");
    }
}
