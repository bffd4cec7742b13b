//! Stands for names where there are so many of them that they do not fit the memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

/// What stands for a value: 96 bits, in which a million different values are all different but once in 10^17
/// times. They are made with keys that each run draws anew, so nobody can look for two values with equal
/// ones beforehand; what is written or told must not depend on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint([u32; 3]);

/// Each gives 64 bits.
type Keys = [RandomState; 2];

static KEYS: LazyLock<Keys> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

impl Fingerprint {
    /// That of `value`: equal for equal values, all through one run.
    #[must_use]
    pub fn of(value: impl Hash) -> Self {
        Self::with(&KEYS, value)
    }

    fn with([one, two]: &Keys, value: impl Hash) -> Self {
        let (one, two) = (one.hash_one(&value), two.hash_one(&value));
        Self([one as u32, (one >> 32) as u32, two as u32])
    }

    /// 64 of its bits, by which a table finds it.
    #[must_use]
    pub fn hash(self) -> u64 {
        let [low, high, _] = self.0;
        u64::from(high) << 32 | u64::from(low)
    }

    /// Bits that [`Self::hash`] does not have.
    #[must_use]
    pub fn other_bits(self) -> u32 {
        self.0[2]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn equal_values_have_equal_ones_and_others_do_not() {
        let all: BTreeSet<[u32; 3]> = (0..100_000)
            .map(|number: u32| Fingerprint::of((number, b"name")).0)
            .collect();
        assert_eq!(all.len(), 100_000);
        assert_eq!(Fingerprint::of("a"), Fingerprint::of("a"));
        assert_ne!(Fingerprint::of((1, "a")), Fingerprint::of((2, "a")));
    }

    /// Not the same bits again: each of the three is worth its 32.
    #[test]
    fn every_part_differs_by_itself() {
        let parts: Vec<[u32; 3]> = (0..1000).map(|number| Fingerprint::of(number).0).collect();
        for [a, b, c] in &parts {
            assert!(a != b && b != c && a != c);
        }
        for part in 0..3 {
            let different: BTreeSet<u32> = parts.iter().map(|parts| parts[part]).collect();
            assert!(different.len() > 990);
        }
    }

    #[test]
    fn nobody_knows_them_beforehand() {
        let keys = || [RandomState::new(), RandomState::new()];
        let of = |keys: &Keys| Fingerprint::with(keys, "name");
        assert_ne!(of(&keys()), of(&keys()));
    }

    #[test]
    fn each_takes_twelve_bytes() {
        assert_eq!(size_of::<Fingerprint>(), 12);
    }
}
