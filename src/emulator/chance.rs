//! Chance from a seed: the same seed gives the same ids and the same faults.
//!
//! Never: a secret. What must not be guessed comes from the machine's own randomness.

/// A stream of numbers, by `SplitMix64`.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        if end == 0 { 0 } else { usize::try_from(self.next() % end).unwrap_or_default() }
    }

    /// Whether something of this many in a million happens.
    pub fn hits(&mut self, in_a_million: u32) -> bool {
        self.next() % 1_000_000 < u64::from(in_a_million)
    }

    /// A new id, as a random UUID is written.
    pub fn guid(&mut self) -> String {
        let bytes = u128::from(self.next()) << 64 | u128::from(self.next());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_again_and_no_id_twice() {
        let ids = |seed| {
            let mut chance = Chance::new(seed);
            (0..1000).map(|_| chance.guid()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
        assert_eq!(ids(7).len(), 1000);
    }

    #[test]
    fn what_happens_never_and_always_does() {
        let mut chance = Chance::new(1);
        assert!((0..1000).all(|_| !chance.hits(0)));
        assert!((0..1000).all(|_| chance.hits(1_000_000)));
        assert_eq!(chance.below(0), 0);
        assert!((0..1000).all(|_| chance.below(3) < 3));
    }
}
