//! How long spans took, counted in buckets.
//!
//! A bucket ends at each `2^(k/8)` seconds, from a microsecond to three centuries, and at each of the bounds that classic
//! histograms of spans and calls have elsewhere. So a native histogram of schema 3 and the classic ones are both exact sums
//! of buckets. Bounds are whole nanoseconds, and belong to the bucket below.

use std::sync::LazyLock;

use model::Nanos;

/// The schema of the native histograms that buckets add up to: the factor from bound to bound is `2^(2^-3)`.
pub const SCHEMA: i32 = 3;
/// More than there are buckets.
pub const MAX_BUCKETS: usize = 512;

/// The exponents of the first and the last bound, in eighths.
const FIRST: i32 = -20 * 8;
const LAST: i32 = 34 * 8;
/// `2^(j/8)`, with 62 binary places, the rest cut off.
const ROOTS: [u64; 8] = [
    0x4000_0000_0000_0000,
    0x45ca_e0f1_f545_eb73,
    0x4c1b_f828_c6dc_54b7,
    0x52ff_6b54_d8a8_9c75,
    0x5a82_7999_fcef_3242,
    0x62b3_9508_aa83_6d6e,
    0x6ba2_7e65_6b4e_b57a,
    0x7560_6373_ee92_1c97,
];
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The bounds of the buckets.
struct Bounds {
    /// The greatest duration of each bucket.
    upper: Vec<u64>,
    /// The exponent, in eighths, of the least power that is not below.
    exponents: Vec<i32>,
    /// By the leading bits of a duration, see [`place`], the first bucket that may hold it.
    starts: [u16; PLACES],
}

/// Durations with the same leading bits: the number of bits, and the three that follow the first. A bucket or two each.
const PLACES: usize = 65 << 3;

/// Where durations like this one are in [`Bounds::starts`].
#[inline]
fn place(duration: u64) -> usize {
    let bits = u64::BITS - duration.leading_zeros();
    let following = if bits > 3 { duration >> (bits - 4) & 7 } else { 0 };
    (bits as usize) << 3 | following as usize
}

/// The least duration of a place; `place` is its inverse.
fn least(place: usize) -> u64 {
    let (bits, following) = (place >> 3, (place & 7) as u64);
    match bits {
        0 => 0,
        1..=3 => 1 << (bits - 1),
        _ => (8 | following) << (bits - 4),
    }
}

static BOUNDS: LazyLock<Bounds> = LazyLock::new(|| {
    let mut upper: Vec<u64> = (FIRST..=LAST).map(exponential).collect();
    upper.extend((0..14).map(|k| 2_000_000 << k).chain((0..8).map(|k| 100_000_000 << k)));
    upper.sort_unstable();
    upper.dedup();
    let exponent = |bound: &u64| (FIRST..=LAST).find(|k| exponential(*k) >= *bound).unwrap_or(LAST);
    let exponents = upper.iter().map(exponent).collect();
    let starts = std::array::from_fn(|at| upper.partition_point(|bound| *bound < least(at)) as u16);
    Bounds { upper, exponents, starts }
});

/// `2^(k/8)` seconds in nanoseconds, rounded down.
fn exponential(k: i32) -> u64 {
    let scaled = NANOS_PER_SECOND * u128::from(ROOTS[k.rem_euclid(8) as usize]);
    u64::try_from(scaled >> (62 - k.div_euclid(8))).unwrap_or(u64::MAX)
}

/// The bucket of a duration; of a negative one that of 0.
#[inline]
pub fn bucket_of(duration: Nanos) -> u16 {
    let bounds = &*BOUNDS;
    let duration = duration.max(0) as u64;
    let start = usize::from(bounds.starts[place(duration)]);
    let above = bounds.upper[start..].iter().take_while(|bound| **bound < duration).count();
    (start + above) as u16
}

/// The greatest duration of a bucket, in nanoseconds.
pub fn upper_bound(bucket: u16) -> u64 {
    BOUNDS.upper.get(usize::from(bucket)).copied().unwrap_or(u64::MAX)
}

/// The greatest duration of the bucket before, in nanoseconds.
fn lower_bound(bucket: u16) -> u64 {
    bucket.checked_sub(1).map_or(0, upper_bound)
}

/// The bucket of a native histogram in seconds that holds a bucket: it ends at `2^(k/8)`. `None` for the first bucket, whose
/// durations count as zero there.
pub fn exponent_of(bucket: u16) -> Option<i32> {
    BOUNDS.exponents.get(usize::from(bucket)).copied().filter(|_| bucket > 0)
}

/// Durations of the spans of one cell: few buckets, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DurationCounts {
    /// In nanoseconds.
    pub sum: u64,
    pub buckets: Vec<(u16, u64)>,
}

impl DurationCounts {
    /// Returns whether the bucket is a new one.
    pub(super) fn add(&mut self, duration: Nanos) -> bool {
        let bucket = bucket_of(duration);
        self.sum = self.sum.saturating_add(duration.max(0) as u64);
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                self.buckets[at].1 += 1;
                false
            }
            Err(at) => {
                self.buckets.insert(at, (bucket, 1));
                true
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.sum = 0;
        self.buckets.clear();
    }

    pub fn n_total(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// A histogram that many cells are added to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// In nanoseconds.
    pub sum: u64,
    /// Counts of the buckets from `first` on.
    counts: Vec<u64>,
    first: u16,
    n_total: u64,
}

impl Durations {
    pub fn n_total(&self) -> u64 {
        self.n_total
    }

    pub fn add(&mut self, cell: &DurationCounts) {
        let (Some((low, _)), Some((high, _))) = (cell.buckets.first(), cell.buckets.last()) else { return };
        self.sum = self.sum.saturating_add(cell.sum);
        self.make_room(*low, *high);
        for (bucket, count) in &cell.buckets {
            self.counts[usize::from(bucket - self.first)] += count;
            self.n_total += count;
        }
    }

    #[cfg(test)]
    fn add_one(&mut self, duration: Nanos) {
        let bucket = bucket_of(duration);
        self.sum = self.sum.saturating_add(duration.max(0) as u64);
        self.make_room(bucket, bucket);
        self.counts[usize::from(bucket - self.first)] += 1;
        self.n_total += 1;
    }

    pub fn merge(&mut self, other: &Durations) {
        if other.counts.is_empty() {
            return;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.n_total += other.n_total;
        self.make_room(other.first, other.first + (other.counts.len() - 1) as u16);
        let offset = usize::from(other.first - self.first);
        self.counts[offset..].iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// The buckets that hold something, in ascending order, with their counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(offset, count)| (self.first + offset as u16, *count))
    }

    /// The duration that the share `quantile` (0 to 1) of all is not above, taken to rise evenly within a bucket; `None`
    /// of nothing. It is off by 9 % at most, the width of a bucket.
    pub fn quantile(&self, quantile: f64) -> Option<Nanos> {
        if self.n_total == 0 {
            return None;
        }
        let rank = (quantile * self.n_total as f64).clamp(1.0, self.n_total as f64);
        let mut seen = 0;
        for (bucket, count) in self.buckets() {
            if (seen + count) as f64 >= rank {
                let share = (rank - seen as f64) / count as f64;
                let (lower, upper) = (lower_bound(bucket), upper_bound(bucket));
                let value = lower as f64 + share * (upper - lower) as f64;
                // No quantile is above the sum of all.
                return Some(value.min(self.sum as f64) as Nanos);
            }
            seen += count;
        }
        None
    }

    /// Widens `counts` to hold the buckets `low` to `high`.
    fn make_room(&mut self, low: u16, high: u16) {
        if self.counts.is_empty() {
            self.first = low;
        }
        if low < self.first {
            let missing = usize::from(self.first - low);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = low;
        }
        let length = usize::from(high - self.first) + 1;
        if length > self.counts.len() {
            self.counts.resize(length, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_the_bucket_whose_bounds_hold_it() {
        let n = BOUNDS.upper.len();
        assert!(n < MAX_BUCKETS && BOUNDS.upper.is_sorted_by(|a, b| a < b));
        let around = |time: u64| [time.saturating_sub(1), time, time.saturating_add(1)];
        let edges = BOUNDS.upper.iter().copied().chain((0..64).map(|shift| 1 << shift)).flat_map(around);
        for duration in edges.chain([0, 1, i64::MAX as u64]).filter_map(|it| i64::try_from(it).ok()) {
            let bucket = bucket_of(duration);
            let expected = BOUNDS.upper.iter().position(|bound| *bound >= duration as u64).unwrap();
            assert_eq!(usize::from(bucket), expected, "{duration}");
        }
        assert_eq!(bucket_of(-5), 0);
    }

    #[test]
    fn buckets_are_parts_of_those_of_native_and_of_classic_histograms() {
        for bucket in 1..BOUNDS.upper.len() as u16 {
            let k = exponent_of(bucket).unwrap();
            assert!(upper_bound(bucket) <= exponential(k), "{bucket}");
            assert!(k == FIRST || lower_bound(bucket) >= exponential(k - 1), "{bucket}");
        }
        assert_eq!((exponential(0), exponential(8), exponential(-8)), (1_000_000_000, 2_000_000_000, 500_000_000));
        for bound in [2_000_000, 16_384_000_000, 100_000_000, 12_800_000_000] {
            assert_eq!(upper_bound(bucket_of(bound)), bound as u64);
        }
        assert_eq!(exponent_of(0), None);
    }

    #[test]
    fn quantiles_are_off_by_a_bucket_at_most() {
        let mut durations = Durations::default();
        let mut exact: Vec<Nanos> = (0..20_000i64).map(|i| (i * i * 7_919 + 13 * i) % 9_000_000_007).collect();
        exact.iter().for_each(|duration| durations.add_one(*duration));
        exact.sort_unstable();
        for quantile in [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 1.0] {
            let rank = ((quantile * exact.len() as f64).ceil() as usize).clamp(1, exact.len());
            let (expected, found) = (exact[rank - 1] as f64, durations.quantile(quantile).unwrap() as f64);
            assert!((found - expected).abs() <= expected * 0.09 + 1000.0, "{quantile}: {found} for {expected}");
        }
        assert_eq!(Durations::default().quantile(0.5), None);
    }

    #[test]
    fn merging_equals_adding_all_to_one() {
        let values: [&[Nanos]; 3] = [&[5, 1_000_000, 70], &[], &[i64::MAX, 0, -3, 12_345]];
        let (mut merged, mut all, mut of_cells) = <(Durations, Durations, Durations)>::default();
        for part in values {
            let (mut durations, mut cell) = (Durations::default(), DurationCounts::default());
            for value in part {
                durations.add_one(*value);
                all.add_one(*value);
                cell.add(*value);
            }
            merged.merge(&durations);
            of_cells.add(&cell);
        }
        assert_eq!((&merged, &of_cells), (&all, &all));
    }
}
