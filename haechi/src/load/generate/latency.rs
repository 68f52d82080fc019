//! Latencies: lognormal, as those of real services are, from a table of factors.
//!
//! The table is computed with additions and multiplications only, which IEEE 754 defines to the bit; the exponential
//! function of a platform's mathematics library may differ in the last one, and then so would the bytes.

use super::dice::Stream;

const FACTORS: usize = 4096;

/// How far a latency strays from its median: sigma of its logarithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// Work of the processor.
    Narrow,
    /// A query, a call.
    Usual,
    /// Third parties, queues.
    Wide,
}

pub(super) struct Latencies {
    /// By spread; with 16 bits of fraction.
    factors: [Vec<u32>; 3],
}

impl Latencies {
    pub(super) fn new(seed: u64) -> Self {
        let stream = Stream::new(seed, "latency");
        let table = |sigma: f64| -> Vec<u32> {
            let factor = |index| (exp(sigma * normal(stream, index)) * 65536.0) as u32;
            (0..FACTORS as u64).map(factor).collect()
        };
        Latencies { factors: [table(0.25), table(0.5), table(0.9)] }
    }

    /// A latency in nanoseconds whose median is `median`, chosen by the 64 random bits `roll`.
    #[inline]
    pub(super) fn sample(&self, median: u64, spread: Spread, roll: u64) -> u64 {
        let factor = self.factors[spread as usize][roll as usize % FACTORS];
        // Sixteen more bits of the roll keep latencies from being multiples of each other.
        let fine = 65536 - 512 + (roll >> 32 & 1023);
        (((median * u64::from(factor)) >> 16) * fine) >> 16
    }
}

/// Standard normal: the sum of twelve uniform numbers has variance 1 (Irwin and Hall).
fn normal(stream: Stream, index: u64) -> f64 {
    let mut dice = stream.dice(index);
    let sum: f64 = (0..12).map(|_| (dice.roll() >> 11) as f64 / (1u64 << 53) as f64).sum();
    sum - 6.0
}

/// The exponential function for arguments of a few units: (1 + x/1024)^1024 by repeated squaring, good to a per mille.
fn exp(x: f64) -> f64 {
    let mut power = 1.0 + x / 1024.0;
    for _ in 0..10 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_latencies_are_below_the_median_and_the_tail_is_long() {
        let latencies = Latencies::new(1);
        let stream = Stream::new(1, "test");
        for (spread, p99) in [(Spread::Narrow, 1.79), (Spread::Usual, 3.2), (Spread::Wide, 8.1)] {
            let mut samples: Vec<u64> =
                (0..10_000).map(|i| latencies.sample(1_000_000, spread, stream.at(i))).collect();
            samples.sort_unstable();
            assert!((960_000..1_040_000).contains(&samples[5_000]), "{}", samples[5_000]);
            // e^(2.33 sigma) within a tenth.
            let found = samples[9_900] as f64 / 1e6;
            assert!((found / p99 - 1.0).abs() < 0.1, "{found} of {p99}");
        }
    }
}
