//! Randomness that is a pure function of (seed, stream, index), so that any request can be made at any time, in any
//! order, and again.

/// 2^64 divided by the golden ratio: consecutive multiples of it are spread evenly (the increment of SplitMix64).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of MurmurHash3: a bijection of 64 bits in which each bit of the input reaches every bit of the output.
#[inline]
pub(crate) fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// The inverse of [`mix`].
#[cfg(test)]
pub(crate) fn unmix(mut x: u64) -> u64 {
    // The factors are the inverses of those above modulo 2^64; a shift by 33 of 64 bits is its own inverse.
    x ^= x >> 33;
    x = x.wrapping_mul(0x9cb4_b2f8_1293_37db);
    x ^= x >> 33;
    x = x.wrapping_mul(0x4f74_430c_22a5_4005);
    x ^ (x >> 33)
}

/// A sequence of random numbers of its own.
#[derive(Clone, Copy)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream of `name` under `seed`.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let key = name.bytes().fold(mix(seed ^ GOLDEN), |key, byte| mix(key ^ u64::from(byte)));
        Stream(key)
    }

    /// The number at `index`; distinct indexes give distinct numbers.
    #[inline]
    pub(crate) fn at(self, index: u64) -> u64 {
        mix(index.wrapping_mul(GOLDEN) ^ self.0)
    }

    /// As many numbers as wanted for what is at `index`.
    #[inline]
    pub(crate) fn dice(self, index: u64) -> Dice {
        Dice(self.at(index))
    }
}

/// Numbers one after another: SplitMix64.
#[derive(Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    #[inline]
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `n`, which is above zero.
    #[inline]
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.roll()) * u128::from(n)) >> 64) as u64
    }

    /// Whether one of `millionths` in a million came up.
    #[inline]
    pub(crate) fn chance(&mut self, millionths: u32) -> bool {
        self.below(1_000_000) < u64::from(millionths)
    }

    /// One of `choices`, which are not empty.
    #[inline]
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *self.pick_ref(choices)
    }

    /// As [`Dice::pick`], of things that are not copied.
    #[inline]
    pub(crate) fn pick_ref<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn mixing_is_a_bijection() {
        for x in [0, 1, 2, 77, u64::MAX, GOLDEN] {
            assert_eq!(unmix(mix(x)), x);
        }
    }

    #[test]
    fn streams_differ_by_seed_and_name_and_repeat() {
        let streams = [Stream::new(1, "a"), Stream::new(2, "a"), Stream::new(1, "b")];
        let numbers: HashSet<u64> =
            streams.iter().flat_map(|stream| (0..1000).map(move |index| stream.at(index))).collect();
        assert_eq!(numbers.len(), 3000);
        let (mut one, mut two) = (streams[0].dice(7), Stream::new(1, "a").dice(7));
        assert!((0..100).all(|_| one.roll() == two.roll()));
    }

    #[test]
    fn dice_are_fair() {
        let mut dice = Stream::new(1, "fair").dice(0);
        let mut counts = [0; 10];
        (0..100_000).for_each(|_| counts[dice.below(10) as usize] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        let hits = (0..1_000_000).filter(|_| dice.chance(2_000)).count();
        assert!((1_800..2_200).contains(&hits), "{hits}");
    }
}
