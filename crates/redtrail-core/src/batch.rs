//! Items in the portions that DynamoDB takes: at most 25 requests, no key twice, a bound
//! on bytes, and the keys mixed, so that a busy key is spread over many portions.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use redtrail_model::Table;
use serde_dynamo::AttributeValue;

use crate::item::Put;

/// Requests in one BatchWriteItem.
pub const MAX_BATCH_ITEMS: usize = 25;
/// Bytes of one batch of several items. DynamoDB's own bound is 16 MB; less keeps the memory of
/// batches in flight small.
pub const MAX_BATCH_BYTES: usize = 256 << 10;

/// Puts on their way, and when each may go.
pub(crate) struct Queue {
    ready: VecDeque<Waiting>,
    /// By the time at which they are tried again, then in the order in which they came here.
    later: BTreeMap<(Instant, u64), Waiting>,
    put_back: u64,
    /// Partitions of which something was left over.
    busy: HashMap<u64, Busy>,
}

struct Waiting {
    put: Put,
    bytes: usize,
    /// A hash of table and partition key. Two that agree by chance only share their waits.
    partition: u64,
}

impl Waiting {
    fn new(put: Put) -> Self {
        Self {
            bytes: put_bytes(&put),
            partition: partition(&put),
            put,
        }
    }
}

#[derive(Clone, Copy)]
struct Busy {
    attempts: u32,
    until: Instant,
}

impl Queue {
    /// All of `puts`, of one key the last. The keys are mixed, so that a busy one is spread
    /// over many batches.
    pub(crate) fn new(puts: Vec<Put>) -> Self {
        let order = mixed(&puts);
        let mut puts: Vec<Option<Put>> = puts.into_iter().map(Some).collect();
        let ready = order
            .into_iter()
            .filter_map(|place| puts.get_mut(place)?.take());
        Self {
            ready: ready.map(Waiting::new).collect(),
            later: BTreeMap::new(),
            put_back: 0,
            busy: HashMap::new(),
        }
    }

    /// The next batch that may go at `now`.
    pub(crate) fn next_batch(&mut self, now: Instant) -> Option<Vec<Put>> {
        while let Some(first) = self
            .later
            .first_entry()
            .filter(|first| first.key().0 <= now)
        {
            self.ready.push_back(first.remove());
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(waiting) = self.ready.pop_front() {
            match self.busy.get(&waiting.partition) {
                Some(busy) if busy.until > now => {
                    let until = busy.until;
                    self.wait(waiting, until);
                    continue;
                }
                _ => {}
            }
            if bytes + waiting.bytes > MAX_BATCH_BYTES && !batch.is_empty() {
                self.ready.push_front(waiting);
                break;
            }
            bytes += waiting.bytes;
            batch.push(waiting.put);
            if batch.len() == MAX_BATCH_ITEMS {
                break;
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// When something that waits may go; `None` when nothing waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.later.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes back what was not processed of a batch. All that its partitions still have waits
    /// until the time that `retry` gives for so many attempts; the rest does not.
    pub(crate) fn left_over(
        &mut self,
        batch: Vec<Put>,
        positions: &[usize],
        retry: impl Fn(u32) -> Instant,
    ) {
        let mut left = Vec::new();
        for (position, put) in batch.into_iter().enumerate() {
            if positions.contains(&position) {
                left.push(Waiting::new(put));
            } else if let Some(busy) = self.busy.get_mut(&partition(&put)) {
                busy.attempts = 0;
            }
        }
        let mut told = HashSet::new();
        for waiting in left {
            if told.insert(waiting.partition) {
                let busy = self.busy.get(&waiting.partition);
                let attempts = busy.map_or(0, |busy| busy.attempts);
                let busy = Busy {
                    attempts: attempts + 1,
                    until: retry(attempts),
                };
                self.busy.insert(waiting.partition, busy);
            }
            // It waits from there until its partition may be tried again.
            self.ready.push_back(waiting);
        }
    }

    /// Takes back a whole batch, to go again at `until`.
    pub(crate) fn put_back(&mut self, batch: Vec<Put>, until: Instant) {
        for put in batch {
            self.wait(Waiting::new(put), until);
        }
    }

    fn wait(&mut self, waiting: Waiting, until: Instant) {
        self.put_back += 1;
        self.later.insert((until, self.put_back), waiting);
    }
}

fn partition(put: &Put) -> u64 {
    // A hasher of fixed keys: the order of writes is the same in every run.
    let mut hasher = DefaultHasher::new();
    put.table.hash(&mut hasher);
    let [partition, _] = put.keys();
    partition.hash(&mut hasher);
    hasher.finish()
}

/// Places in `puts`, of one key the last. First come those that begin a partition, then each
/// one's second, and so on: in the order in which the keys first appear.
fn mixed(puts: &[Put]) -> Vec<usize> {
    let mut met: HashMap<(Table, [&str; 2]), usize> = HashMap::with_capacity(puts.len());
    let mut counts: HashMap<(Table, &str), usize> = HashMap::new();
    let mut ranked: Vec<(usize, usize)> = Vec::with_capacity(puts.len());
    for (place, put) in puts.iter().enumerate() {
        let keys @ [partition, _] = put.keys();
        match met.entry((put.table, keys)) {
            Entry::Occupied(first) => {
                if let Some((_, last)) = ranked.get_mut(*first.get()) {
                    *last = place;
                }
            }
            Entry::Vacant(key) => {
                key.insert(ranked.len());
                let rank = counts.entry((put.table, partition)).or_default();
                *rank += 1;
                ranked.push((*rank, place));
            }
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, place)| place).collect()
}

/// The size DynamoDB reckons for the item that is put, in bytes: names and values, and one to
/// three bytes for each list, map and its members.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub fn put_bytes(put: &Put) -> usize {
    put.attributes()
        .map(|(name, value)| name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // About one byte for two digits, and one more.
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::L(values) => {
            3 + values
                .iter()
                .map(|value| 1 + value_bytes(value))
                .sum::<usize>()
        }
        AttributeValue::M(members) => {
            3 + members
                .iter()
                .map(|(name, value)| 1 + name.len() + value_bytes(value))
                .sum::<usize>()
        }
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            texts.iter().map(String::len).sum()
        }
        AttributeValue::Bs(all) => all.iter().map(Vec::len).sum(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn put(principal: &str, event: usize, bytes: usize) -> Put {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item: HashMap<String, AttributeValue> = [
            ("principal".to_owned(), text(principal)),
            ("event_key".to_owned(), text(&event.to_string())),
            ("filling".to_owned(), text(&"x".repeat(bytes))),
        ]
        .into();
        Put::new(Table::Principals, item.into())
    }

    fn batches(puts: Vec<Put>) -> Vec<Vec<Put>> {
        let mut queue = Queue::new(puts);
        let now = Instant::now();
        std::iter::from_fn(|| queue.next_batch(now)).collect()
    }

    fn check(puts: Vec<Put>) -> Vec<Vec<Put>> {
        let batches = batches(puts.clone());
        let mut all: Vec<_> = batches.concat();
        assert_eq!(all.len(), puts.len());
        all.sort_by_key(|put| put.keys().map(str::to_owned));
        let mut expected = puts;
        expected.sort_by_key(|put| put.keys().map(str::to_owned));
        assert_eq!(all, expected);
        for batch in &batches {
            assert!(!batch.is_empty() && batch.len() <= MAX_BATCH_ITEMS);
            let distinct: HashSet<_> = batch.iter().map(Put::keys).collect();
            assert_eq!(distinct.len(), batch.len(), "a key twice in one batch");
            let bytes: usize = batch.iter().map(put_bytes).sum();
            assert!(batch.len() == 1 || bytes <= MAX_BATCH_BYTES);
        }
        batches
    }

    #[test]
    fn ok_full_batches() {
        let batches = check(
            (0..1000)
                .map(|n| put(&format!("p{}", n % 7), n, 500))
                .collect(),
        );
        assert_eq!(batches.len(), 40);
    }

    #[test]
    fn ok_a_busy_key_shares_every_batch() {
        let busy = (0..40).map(|n| put("busy", n, 1));
        let others = (0..40).map(|n| put(&format!("p{n}"), n, 1));
        let batches = check(busy.chain(others).collect());
        let first = &batches[0];
        assert!(first.iter().filter(|put| put.keys()[0] == "busy").count() <= 1);
    }

    #[test]
    fn ok_of_one_key_the_last_put_counts() {
        let puts = vec![put("p", 1, 1), put("q", 1, 1), put("p", 1, 3)];
        assert_eq!(batches(puts), [[put("p", 1, 3), put("q", 1, 1)]]);
    }

    #[test]
    fn ok_what_a_busy_key_has_left_waits_and_nothing_else_does() {
        let busy = (0..3).map(|n| put("busy", n, 1));
        let others = (0..40).map(|n| put(&format!("p{n}"), n, 1));
        let mut queue = Queue::new(busy.chain(others).collect());
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let first = queue.next_batch(now).unwrap();
        let position = first.iter().position(|put| put.keys()[0] == "busy");
        queue.left_over(first, &[position.unwrap()], |attempts| {
            assert_eq!(attempts, 0);
            later
        });
        let rest: Vec<_> = std::iter::from_fn(|| queue.next_batch(now))
            .flatten()
            .collect();
        assert_eq!(rest.len(), 40 - 24, "all the others");
        assert!(rest.iter().all(|put| put.keys()[0] != "busy"));
        assert_eq!(queue.next_due(), Some(later));
        let last = queue.next_batch(later).unwrap();
        assert_eq!(last.len(), 3);
        queue.left_over(last, &[0, 1], |attempts| {
            assert_eq!(attempts, 0, "one of them was written meanwhile");
            later
        });
        let last = queue.next_batch(later).unwrap();
        queue.left_over(last, &[0, 1], |attempts| {
            assert_eq!(attempts, 1);
            later
        });
        assert_eq!(queue.next_batch(later).unwrap().len(), 2);
        assert_eq!((queue.next_batch(later), queue.next_due()), (None, None));
    }

    #[test]
    fn ok_large_items_are_spread() {
        check((0..30).map(|n| put("p", n, 390_000)).collect());
    }

    #[test]
    fn ok_a_batch_may_be_full_to_the_last_byte() {
        let bytes = |puts: &[Put]| -> usize { puts.iter().map(put_bytes).sum() };
        let mut puts: Vec<_> = (0..2).map(|n| put("p", n, 100_000)).collect();
        let room = MAX_BATCH_BYTES - bytes(&puts) - put_bytes(&put("p", 2, 0));
        puts.push(put("p", 2, room));
        assert_eq!(bytes(&puts), MAX_BATCH_BYTES);
        assert_eq!(check(puts.clone()).len(), 1);
        puts[2] = put("p", 2, room + 1);
        assert_eq!(check(puts).len(), 2);
    }
}
