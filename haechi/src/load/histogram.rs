//! A histogram of latencies of fixed size.
//!
//! Values fall into buckets whose width is 1/128 of their power of two, so a percentile is off by less than 1 %, whatever its
//! size. This is the layout of HdrHistogram without its configuration and formats, which nothing here needs.

use std::time::Duration;

/// Bits of a value that tell buckets of one power of two apart.
const FINE: u32 = 7;
const BUCKETS: usize = (64 - FINE as usize + 1) << FINE;

#[derive(Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }
}

/// The bucket of a value in nanoseconds.
fn bucket(value: u64) -> usize {
    let power = (63 - (value | 1).leading_zeros()).max(FINE);
    let shift = power - FINE;
    // Buckets of one power begin where those of the last end; the first two share a width of one.
    ((shift as usize) << FINE) + (value >> shift) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket >> FINE).saturating_sub(1);
    let fine = (bucket - (shift << FINE)) as u64;
    ((fine + 1) << shift) - 1
}

impl Histogram {
    pub(super) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX >> 1);
        self.counts[bucket(nanos).min(BUCKETS - 1)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    pub(super) fn add(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value that `share` (0 to 1) of all values do not exceed; zero without values.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(upper(index).min(self.max));
            }
        }
        Duration::ZERO
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_hold_their_values() {
        let mut before = 0;
        for value in
            (0..64u32).flat_map(|power| [0, 1, 3].map(|more| (1u64 << power).saturating_add(more << power >> 3)))
        {
            let index = bucket(value);
            assert!(index >= before && index < BUCKETS, "{value} in {index}");
            assert!(upper(index) >= value && (upper(index) - value) as f64 <= value as f64 / 100.0, "{value}");
            assert!(index == 0 || upper(index - 1) < value, "{value}");
            before = index;
        }
    }

    #[test]
    fn quantiles_are_within_a_percent() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        (1..=10_000).for_each(|i| histogram.record(Duration::from_micros(i)));
        let mut two = histogram.clone();
        two.add(&histogram);
        for histogram in [histogram, two] {
            for (share, micros) in [(0.5, 5_000.0), (0.9, 9_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
                let found = histogram.quantile(share).as_secs_f64() * 1e6;
                assert!((found / micros - 1.0).abs() < 0.01, "{found} of {micros}");
            }
            assert_eq!(histogram.max(), Duration::from_millis(10));
        }
    }
}
