use std::collections::hash_map::RandomState;
use std::fmt::Debug;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random numbers, for identifiers and jitter: not for secrets.
pub trait Random: Send + Sync + Debug {
    /// Returns 64 random bits.
    fn next_u64(&self) -> u64;
}

/// This machine's randomness, by way of the standard library's hash seeds.
#[derive(Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        RandomState::new().hash_one(0_u64)
    }
}

/// The same numbers again for the same seed.
///
/// # Source
///
/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug)]
pub struct SeededRandom {
    state: AtomicU64,
}

impl SeededRandom {
    /// Returns the sequence that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// Returns a number from 0 to `max`, both included.
    pub fn up_to(&self, max: usize) -> usize {
        let choices = (max as u64).saturating_add(1);
        usize::try_from(self.next_u64() % choices).expect("at most max, which is a usize")
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        let before = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed);
        let mut bits = before.wrapping_add(GOLDEN_GAMMA);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::{Random, SeededRandom, SystemRandom};

    #[test]
    fn the_published_sequence() {
        let random = SeededRandom::new(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn system_numbers_differ() {
        assert_ne!(SystemRandom.next_u64(), SystemRandom.next_u64());
    }
}
