//! Public keys that are asked for once: of many accounts in one Region they are the same.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use redtrail_core::edge::EdgeError;

use crate::edge::{KeyList, PublicKeys};

/// Answers that are kept; the oldest goes first.
const MAX_ANSWERS: usize = 64;

/// Keys that are remembered, until [`forget`](Self::forget).
#[derive(Debug)]
pub struct CachedKeys<K> {
    source: K,
    answers: Mutex<Vec<Answer>>,
}

#[derive(Clone, Debug)]
struct Answer {
    region: String,
    from: Timestamp,
    until: Timestamp,
    list: KeyList,
}

impl<K> CachedKeys<K> {
    pub fn new(source: K) -> Self {
        Self {
            source,
            answers: Mutex::default(),
        }
    }

    /// Asks anew from now on: a key that is not known may have come meanwhile.
    pub fn forget(&self) {
        self.answers().clear();
    }

    fn answers(&self) -> MutexGuard<'_, Vec<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: PublicKeys> PublicKeys for CachedKeys<K> {
    async fn list(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<KeyList, EdgeError> {
        let holds = |answer: &&Answer| {
            answer.region == region && answer.from <= from && until <= answer.until
        };
        if let Some(answer) = self.answers().iter().find(holds) {
            return Ok(answer.list.clone());
        }
        let list = self.source.list(region, from, until).await?;
        let mut answers = self.answers();
        if answers.len() == MAX_ANSWERS {
            answers.remove(0);
        }
        answers.push(Answer {
            region: region.to_owned(),
            from,
            until,
            list: list.clone(),
        });
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Poll, Waker},
    };

    use super::*;

    struct Counted(AtomicUsize);

    impl PublicKeys for Counted {
        async fn list(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<KeyList, EdgeError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(KeyList::default())
        }
    }

    #[test]
    fn ok_asked_once() {
        let keys = CachedKeys::new(Counted(AtomicUsize::new(0)));
        let at = |second| Timestamp::from_second(second).unwrap();
        let ask = |region: &str, from, until| {
            let mut asked = pin!(keys.list(region, at(from), at(until)));
            let ready = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(ready, Poll::Ready(Ok(_))));
            keys.source.0.load(Ordering::Relaxed)
        };
        assert_eq!(ask("us-east-1", 10, 20), 1);
        assert_eq!(ask("us-east-1", 12, 20), 1);
        assert_eq!(ask("eu-west-1", 12, 20), 2);
        assert_eq!(ask("us-east-1", 12, 21), 3);
        assert_eq!(ask("us-east-1", 9, 20), 4);
        keys.forget();
        assert_eq!(ask("us-east-1", 12, 20), 5);
        for second in 0..200 {
            ask("us-east-1", second, 1000 + second);
        }
        assert_eq!(keys.answers().len(), MAX_ANSWERS);
    }
}
