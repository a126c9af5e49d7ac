//! Items into a store that answers late, not at all, with a part or with a failure: what is
//! sent again and what is not, for how long, and what of it is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support {
    pub(crate) mod block_on;
}

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::poll_fn,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, Timer, error_chain},
    item::Put,
    ledger::FINISHED,
    memory::{Faults, FaultyStore, MemoryStore, ReadFate, WriteFate, Written},
    writer::{Effort, Exertions, Writer},
};
use redtrail_model::Table;
use serde_dynamo::AttributeValue;
use support::block_on::block_on;

const MINUTE: Duration = Duration::from_secs(60);
const THROTTLED: EdgeErrorKind = EdgeErrorKind::Throttled { reason: "a" };

/// A clock that goes on by at most a millisecond whenever someone who waits for it looks.
struct Ticking {
    now: Mutex<Instant>,
    /// How often someone asked for the time.
    asked: AtomicUsize,
}

impl Timer for Ticking {
    fn now(&self) -> Instant {
        self.asked.fetch_add(1, Ordering::Relaxed);
        *self.now.lock().unwrap()
    }

    async fn sleep_until(&self, at: Instant) {
        poll_fn(|context| {
            let mut now = self.now.lock().unwrap();
            if *now >= at {
                return Poll::Ready(());
            }
            *now = at.min(*now + Duration::from_millis(1));
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// What befalls one request after the other.
struct Script {
    first: Mutex<VecDeque<WriteFate>>,
    then: WriteFate,
    sent: Mutex<Vec<Vec<Put>>>,
}

impl Faults for Script {
    fn on_write(&self, batch: &[Put]) -> WriteFate {
        self.sent.lock().unwrap().push(batch.to_vec());
        let next = self.first.lock().unwrap().pop_front();
        next.unwrap_or_else(|| self.then.clone())
    }

    fn on_get(&self, _: Table, _: [&str; 2]) -> ReadFate {
        ReadFate::default()
    }
}

type Store = FaultyStore<MemoryStore, Ticking, Script>;

fn store(first: impl IntoIterator<Item = WriteFate>, then: WriteFate) -> Store {
    FaultyStore {
        store: MemoryStore::default(),
        timer: Ticking {
            now: Mutex::new(Instant::now()),
            asked: AtomicUsize::new(0),
        },
        faults: Script {
            first: Mutex::new(first.into_iter().collect()),
            then,
            sent: Mutex::default(),
        },
    }
}

fn at_once(written: Written) -> WriteFate {
    WriteFate {
        written,
        ..WriteFate::default()
    }
}

fn failed(kind: EdgeErrorKind) -> WriteFate {
    let written = Vec::new();
    at_once(Written::Failed { kind, written })
}

fn unanswered() -> WriteFate {
    WriteFate {
        before: 60 * MINUTE,
        ..WriteFate::default()
    }
}

fn put(principal: usize, bytes: usize) -> Put {
    let text = AttributeValue::S;
    let item: HashMap<String, AttributeValue> = [
        ("principal".to_owned(), text(format!("p{principal}"))),
        ("event_key".to_owned(), text("e".to_owned())),
        ("filling".to_owned(), text("x".repeat(bytes))),
    ]
    .into();
    Put::new(Table::Principals, item.into())
}

#[derive(Clone, Copy, Debug)]
enum Way {
    PutAll,
    PutUnless,
}

fn writer<'a>(store: &'a Store, effort: &'a Effort) -> Writer<'a, Store, Ticking> {
    let timer = &store.timer;
    Writer {
        store,
        timer,
        effort,
    }
}

/// Writes these items in a minute.
fn write_all(puts: Vec<Put>, store: &Store, effort: &Effort) -> Result<(), EdgeError> {
    let until = store.timer.now() + MINUTE;
    block_on(writer(store, effort).put_all(puts, until))
}

/// Writes one item either way in a minute.
fn write_one(way: Way, store: &Store, effort: &Effort) -> Result<(), EdgeError> {
    let until = store.timer.now() + MINUTE;
    match way {
        Way::PutAll => write_all(vec![put(0, 1)], store, effort),
        Way::PutUnless => {
            let put = put(0, 1);
            let is_put = block_on(writer(store, effort).put_unless(&put, FINISHED, until))?;
            assert!(is_put);
            Ok(())
        }
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
/// says of each error whether to retry.
#[test]
fn ok_what_may_succeed_later_is_sent_again_and_nothing_else_is() {
    for way in [Way::PutAll, Way::PutUnless] {
        for kind in [EdgeErrorKind::Retryable, THROTTLED] {
            let store = store([failed(kind), failed(kind)], WriteFate::default());
            write_one(way, &store, &Effort::default()).unwrap();
            assert_eq!(
                store.faults.sent.lock().unwrap().len(),
                3,
                "{way:?} {kind:?}"
            );
            assert_eq!(store.store.items().len(), 1);
        }
        for kind in [
            EdgeErrorKind::Refused,
            EdgeErrorKind::Missing,
            EdgeErrorKind::Denied {
                permission: "dynamodb:PutItem",
            },
        ] {
            let store = store([failed(kind)], WriteFate::default());
            let error = write_one(way, &store, &Effort::default()).unwrap_err();
            assert_eq!(error.kind, kind);
            assert_eq!(
                store.faults.sent.lock().unwrap().len(),
                1,
                "{way:?} {kind:?}"
            );
            assert_eq!(store.store.items(), []);
        }
    }
}

/// A store that is down is asked less and less, and given up no later than it must be.
#[test]
fn err_down_for_as_long_as_there_is_time() {
    let nothing_processed = at_once(Written::AllBut(vec![0]));
    for way in [Way::PutAll, Way::PutUnless] {
        for fate in [failed(EdgeErrorKind::Retryable), nothing_processed.clone()] {
            let store = store([], fate);
            let until = store.timer.now() + MINUTE;
            let error = write_one(way, &store, &Effort::default()).unwrap_err();
            assert_eq!(error.kind, EdgeErrorKind::OutOfTime);
            assert!(store.timer.now() < until);
            // At waits of at most 50 ms each they would be over a thousand.
            let sent = store.faults.sent.lock().unwrap().len();
            assert!((5..100).contains(&sent), "{sent} requests, {way:?}");
        }
    }
}

#[test]
fn ok_what_it_took_is_told() {
    let throttled = |reason| failed(EdgeErrorKind::Throttled { reason });
    let fates = [
        throttled("a"),
        throttled("b"),
        throttled("a"),
        failed(EdgeErrorKind::Retryable),
        failed(EdgeErrorKind::Retryable),
        at_once(Written::AllBut(vec![0, 2])),
        at_once(Written::AllBut(vec![1])),
    ];
    let (store, effort) = (store(fates, WriteFate::default()), Effort::default());
    write_all((0..3).map(|n| put(n, 1)).collect(), &store, &effort).unwrap();
    let told = Exertions {
        batches: 8,
        unprocessed: 3,
        failed: 2,
        throttled: BTreeMap::from([("a", 2), ("b", 1)]),
        last_error: Some("could not write items".to_owned()),
    };
    assert_eq!(effort.sums(), told);

    // A single item counts as a batch of one, into the same sums.
    store.faults.first.lock().unwrap().push_back(throttled("b"));
    write_one(Way::PutUnless, &store, &effort).unwrap();
    let told = Exertions {
        batches: 10,
        throttled: BTreeMap::from([("a", 2), ("b", 2)]),
        last_error: Some("could not put an item".to_owned()),
        ..told
    };
    assert_eq!(effort.sums(), told);
}

/// Four batches are at the store, whatever waits behind them, and what waits takes no time of the
/// processor.
#[test]
fn ok_so_many_requests_at_once() {
    let store = store([failed(THROTTLED)], unanswered());
    let puts = (0..200).map(|n| put(n, 1)).collect();
    let error = write_all(puts, &store, &Effort::default()).unwrap_err();
    assert_eq!(
        error_chain(&error),
        "could not write all items in the time given: could not write items"
    );
    let sent = store.faults.sent.lock().unwrap();
    assert_eq!(sent.len(), 1 + 4);
    let asked = store.timer.asked.load(Ordering::Relaxed);
    assert!(asked < 100, "asked {asked} times what time it is");
}

#[test]
fn ok_a_request_without_an_answer_holds_up_no_other() {
    let store = store([unanswered(), failed(THROTTLED)], WriteFate::default());
    // Two batches, the second of one item.
    let puts = (0..26).map(|n| put(n, 1)).collect();
    let error = write_all(puts, &store, &Effort::default()).unwrap_err();
    assert_eq!(error.kind, EdgeErrorKind::OutOfTime);
    assert_eq!(store.store.partition(Table::Principals, "p25").len(), 1);
}
