//! Faults by chance.

use std::time::Duration;

use fastrand::Rng;

use super::fault::{Fault, ThroughputLimit};
use super::request::{AwsService, ProxiedRequest};

/// Faults at a share of the requests, each of a kind that the request can meet with. The fate of
/// the nth request depends on the seed, on n and on what is asked, not on other requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomFaults {
    pub seed: u64,
    /// From 0.0, never, to 1.0, always.
    pub rate: f64,
}

const LONGEST_DELAY: u64 = 100;
/// Bodies are cut before 2 to this power, as often in the first few bytes as far behind.
const LONGEST_CUT_BODY: u32 = 17;

impl RandomFaults {
    /// The fault of this request, for a plan to give.
    pub fn fault(&self, request: &ProxiedRequest) -> Option<Fault> {
        // Neighbouring seeds begin with neighbouring numbers; what these are the seeds of does not.
        let scattered = Rng::with_seed(self.seed).u64(..);
        let mut random = Rng::with_seed(scattered.wrapping_add(request.number)).fork();
        if random.f64() >= self.rate {
            return None;
        }
        let limits = ThroughputLimit::ALL;
        let cut_before = 1 << random.u32(..=LONGEST_CUT_BODY);
        let mut faults = vec![
            Fault::Status500,
            Fault::Status503,
            Fault::Throttle(limits[random.usize(..limits.len())]),
            Fault::Delay(Duration::from_millis(random.u64(1..=LONGEST_DELAY))),
            Fault::ResetBefore,
            Fault::CutBody(random.usize(..cut_before)),
        ];
        if request.service == AwsService::DynamoDb {
            faults.push(Fault::ResetAfterApply);
        }
        let puts = request.puts.len();
        if request.operation == "BatchWriteItem" && puts > 0 {
            let left = random.usize(1..=puts);
            let positions = random.choose_multiple(0..puts, left);
            faults.push(Fault::Unprocessed(positions.into_iter().collect()));
        }
        Some(faults.swap_remove(random.usize(..faults.len())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use hyper::Request;
    use serde_json::json;

    use super::*;
    use crate::fault_proxy::FaultKind;

    fn batch(number: u64) -> ProxiedRequest {
        let put = |key: &str| json!({ "PutRequest": { "Item": { "key": { "S": key } } } });
        let body = json!({ "RequestItems": { "a": [put("0"), put("1")], "b": [put("2")] } });
        let request = Request::post("/")
            .header("x-amz-target", "DynamoDB_20120810.BatchWriteItem")
            .body(body.to_string().into())
            .unwrap();
        ProxiedRequest::new(number, AwsService::DynamoDb, request)
    }

    fn object(number: u64) -> ProxiedRequest {
        let request = Request::get("/trail/key?x-id=GetObject").body(Bytes::new());
        ProxiedRequest::new(number, AwsService::S3, request.unwrap())
    }

    /// How often each kind comes in 20,000 requests.
    fn kinds(
        seed: u64,
        rate: f64,
        request: impl Fn(u64) -> ProxiedRequest,
    ) -> BTreeMap<FaultKind, u32> {
        let random = RandomFaults { seed, rate };
        let mut kinds = BTreeMap::new();
        for number in 1..=20_000 {
            if let Some(fault) = random.fault(&request(number)) {
                *kinds.entry(fault.kind()).or_default() += 1;
            }
        }
        kinds
    }

    #[test]
    fn ok_the_rate_and_every_kind_alike() {
        // Bounds five and more standard deviations away, whatever the seed.
        for seed in [0, 1, 7, u64::MAX] {
            let batches = kinds(seed, 0.05, batch);
            let faults: u32 = batches.values().sum();
            assert!((840..=1160).contains(&faults), "{seed}: {faults}");
            assert_eq!(batches.len(), 8);
            assert!(batches.values().all(|faults| *faults >= 70), "{batches:?}");

            let objects = kinds(seed, 0.05, object);
            let faults: u32 = objects.values().sum();
            assert!((840..=1160).contains(&faults), "{seed}: {faults}");
            assert_eq!(objects.len(), 6);
            assert!(!objects.contains_key(&FaultKind::ResetAfterApply));
            assert!(!objects.contains_key(&FaultKind::Unprocessed));
        }
    }

    #[test]
    fn ok_never_and_always() {
        assert_eq!(kinds(3, 0.0, batch), BTreeMap::new());
        assert_eq!(kinds(3, 1.0, batch).values().sum::<u32>(), 20_000);
    }

    #[test]
    fn ok_a_seed_gives_the_same_fates_again() {
        let fates = |seed| {
            let random = RandomFaults { seed, rate: 0.5 };
            (1..=100)
                .map(|number| random.fault(&batch(number)))
                .collect::<Vec<_>>()
        };
        assert_eq!(fates(11), fates(11));
        assert_ne!(fates(11), fates(12));
        assert_ne!(fates(11)[1..], fates(12)[..99]);
    }

    #[test]
    fn ok_unprocessed_names_puts_of_the_batch() {
        let random = RandomFaults { seed: 5, rate: 1.0 };
        let mut sizes = BTreeMap::new();
        for number in 1..=2000 {
            if let Some(Fault::Unprocessed(positions)) = random.fault(&batch(number)) {
                assert!(positions.iter().all(|position| *position < 3));
                *sizes.entry(positions.len()).or_insert(0) += 1;
            }
        }
        assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    }
}
