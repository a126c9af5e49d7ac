//! The one source of chance: seeded, so that the same seed gives the same trail.

use fastrand::Rng;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";

#[derive(Clone, Debug)]
pub(crate) struct Dice(Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// A number from 0 up to, not including, `bound`; 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.0.usize(..bound) }
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low..=high.max(low))
    }

    /// A number of the standard normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.0.f64()).cos()
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// An index into `weights`, each as likely as it weighs.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u32 = weights.iter().sum();
        let mut rest = self.0.u32(..total.max(1));
        for (index, weight) in weights.iter().enumerate() {
            if rest < *weight {
                return index;
            }
            rest -= weight;
        }
        0
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.letters(HEX, length)
    }

    /// Letters and digits, as in the unique string of a log object's name.
    pub(crate) fn mixed(&mut self, length: usize) -> String {
        self.letters(MIXED, length)
    }

    /// An IAM unique id or access key id: its four-letter prefix and 16 or 17 more.
    pub(crate) fn unique_id(&mut self, prefix: &str, length: usize) -> String {
        let rest = self.letters(UPPER, length.saturating_sub(prefix.len()));
        format!("{prefix}{rest}")
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let high = self.0.u64(..);
        let low = self.0.u64(..);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff,
        )
    }

    /// An address from one of the ranges set aside for documentation.
    pub(crate) fn address(&mut self) -> String {
        let range = self.pick(&["192.0.2", "198.51.100", "203.0.113"]);
        format!("{range}.{}", self.between(1, 254))
    }

    fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(self.pick(alphabet)))
            .collect()
    }
}
