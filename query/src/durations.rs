//! Counts durations so that quantiles can be read, in bounded memory.
//!
//! Buckets are log-linear as in HdrHistogram: each power of two is cut into 64, so a quantile is off by at most 1/128
//! of its value.

use model::Nanos;

const SUB_BUCKET_BITS: u32 = 6;
const SUB_BUCKETS: u64 = 1 << SUB_BUCKET_BITS;

/// A histogram of durations. Its size follows the spread of what was added: about 250 bytes per power of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// Counts of the buckets from `first` on.
    counts: Vec<u32>,
    first: usize,
    n_total: u64,
    max: Nanos,
}

impl Durations {
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one duration; negative ones count as 0.
    pub fn add(&mut self, duration: Nanos) {
        let duration = duration.max(0);
        self.max = self.max.max(duration);
        self.n_total += 1;
        let bucket = bucket_of(duration as u64);
        self.make_room(bucket, bucket);
        let count = &mut self.counts[bucket - self.first];
        *count = count.saturating_add(1);
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Durations) {
        if other.counts.is_empty() {
            return;
        }
        self.max = self.max.max(other.max);
        self.n_total += other.n_total;
        self.make_room(other.first, other.first + other.counts.len() - 1);
        for (offset, &more) in other.counts.iter().enumerate() {
            let count = &mut self.counts[other.first + offset - self.first];
            *count = count.saturating_add(more);
        }
    }

    pub fn n_total(&self) -> u64 {
        self.n_total
    }

    pub fn max(&self) -> Nanos {
        self.max
    }

    /// The smallest duration that at least the share `quantile` (0 to 1) of all is not above, as the middle of its
    /// bucket; `None` when nothing was added.
    pub fn quantile(&self, quantile: f64) -> Option<Nanos> {
        if self.n_total == 0 {
            return None;
        }
        let rank = ((quantile * self.n_total as f64).ceil() as u64).clamp(1, self.n_total);
        let mut seen = 0;
        for (offset, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return Some(middle_of(self.first + offset).min(self.max));
            }
        }
        Some(self.max)
    }

    /// Widens `counts` to hold the buckets `low` to `high`.
    fn make_room(&mut self, low: usize, high: usize) {
        if self.counts.is_empty() {
            self.first = low;
        }
        if low < self.first {
            let missing = self.first - low;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = low;
        }
        let length = high + 1 - self.first;
        if length > self.counts.len() {
            self.counts.resize(length, 0);
        }
    }
}

fn bucket_of(value: u64) -> usize {
    if value < SUB_BUCKETS {
        return value as usize;
    }
    let shift = value.ilog2() - SUB_BUCKET_BITS;
    let sub_bucket = (value >> shift) - SUB_BUCKETS;
    (u64::from(shift + 1) * SUB_BUCKETS + sub_bucket) as usize
}

fn middle_of(bucket: usize) -> Nanos {
    let (octave, sub_bucket) = (bucket as u64 / SUB_BUCKETS, bucket as u64 % SUB_BUCKETS);
    if octave == 0 {
        return sub_bucket as Nanos;
    }
    let width = 1u64 << (octave - 1);
    ((SUB_BUCKETS + sub_bucket) * width + width / 2) as Nanos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_part_in_128_of_the_exact_ones() {
        let mut durations = Durations::new();
        let mut exact: Vec<Nanos> =
            (0..20_000u64).map(|i| ((i * i * 7_919 + 13 * i) % 9_000_000_007) as Nanos).collect();
        exact.iter().for_each(|&duration| durations.add(duration));
        exact.sort_unstable();
        for quantile in [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let rank = ((quantile * exact.len() as f64).ceil() as usize).clamp(1, exact.len());
            let (expected, found) = (exact[rank - 1] as f64, durations.quantile(quantile).unwrap() as f64);
            assert!((found - expected).abs() <= expected / 128.0 + 1.0, "{quantile}: {found} for {expected}");
        }
        assert_eq!(durations.max(), *exact.last().unwrap());
    }

    #[test]
    fn merging_equals_adding_all_to_one() {
        let values: [&[Nanos]; 3] = [&[5, 1_000_000, 70], &[], &[Nanos::MAX, 0, -3, 12_345]];
        let (mut merged, mut all) = (Durations::new(), Durations::new());
        for part in values {
            let mut durations = Durations::new();
            part.iter().for_each(|&value| durations.add(value));
            part.iter().for_each(|&value| all.add(value));
            merged.merge(&durations);
        }
        assert_eq!(merged, all);
        assert_eq!(merged.quantile(1.0), all.quantile(1.0));
    }

    #[test]
    fn buckets_tile_the_numbers_without_a_gap() {
        let mut last = 0;
        for shift in 0..63 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + (1 << shift) / 3] {
                let bucket = bucket_of(value);
                assert!(bucket >= last, "{value}");
                last = bucket;
                let error = (middle_of(bucket) as i128 - value as i128).abs();
                assert!(error * 128 <= i128::from(value) + 128, "{value}");
            }
        }
    }

    #[test]
    fn has_no_quantile_of_nothing() {
        assert_eq!(Durations::new().quantile(0.5), None);
    }
}
