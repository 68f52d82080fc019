//! Quantiles, fractions and moments of histograms, native and classic.
//!
//! Source of the interpolation rules: <https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile>.

use super::super::kahan::Sum;
use super::{Bucket, Histogram};

/// The value below which `quantile` of the observations lie. Not-a-number without observations.
pub(in super::super) fn native_quantile(quantile: f64, histogram: &Histogram) -> f64 {
    if let Some(outside) = outside_unit(quantile) {
        return outside;
    }
    if histogram.count == 0.0 {
        return f64::NAN;
    }
    // Not-a-number observations are in the count and in no bucket, as if above all others; with them only the way
    // from below is right. Otherwise the shorter way is the more precise one.
    let has_nan = histogram.sum.is_nan();
    let from_below = has_nan || quantile < 0.5;
    let buckets = histogram.buckets();
    let mut rank = if from_below { quantile } else { 1.0 - quantile } * histogram.count;
    let mut seen = 0.0;
    let mut found = None;
    let mut ordered: Box<dyn Iterator<Item = &Bucket>> =
        if from_below { Box::new(buckets.iter()) } else { Box::new(buckets.iter().rev()) };
    for bucket in ordered.by_ref() {
        seen += bucket.count;
        found = Some(*bucket);
        if seen >= rank {
            break;
        }
    }
    let Some(mut bucket) = found else { return f64::NAN };
    if histogram.is_custom() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return bucket.upper;
            }
            bucket.lower = 0.0;
        }
        if bucket.upper == f64::INFINITY {
            return if histogram.bounds.is_empty() { f64::NAN } else { bucket.lower };
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        narrow_zero_bucket(&mut bucket, histogram);
    }
    seen = seen.min(histogram.count);
    if seen < rank && has_nan {
        return f64::NAN;
    }
    rank = if from_below { rank - (seen - bucket.count) } else { seen - rank };
    interpolate(&bucket, rank / bucket.count, histogram.is_custom())
}

/// The zero bucket of a histogram of one sign has nothing on the other side of zero.
fn narrow_zero_bucket(bucket: &mut Bucket, histogram: &Histogram) {
    match (histogram.negative.is_empty(), histogram.positive.is_empty()) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

/// The value at `fraction` of the way through `bucket`: linear where it spans zero or has bounds of its own, otherwise
/// on a logarithmic scale.
fn interpolate(bucket: &Bucket, fraction: f64, linear: bool) -> f64 {
    if linear || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        (lower + (upper - lower) * fraction).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    }
}

/// The share of the observations between `lower` and `upper`. Not-a-number without observations.
pub(in super::super) fn native_fraction(lower: f64, upper: f64, histogram: &Histogram) -> f64 {
    let mut buckets = histogram.buckets();
    let custom = histogram.is_custom();
    for bucket in &mut buckets {
        if !custom && bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            narrow_zero_bucket(bucket, histogram);
        }
    }
    let count = if histogram.sum.is_nan() { buckets.iter().map(|bucket| bucket.count).sum() } else { histogram.count };
    if histogram.count == 0.0 { f64::NAN } else { fraction(lower, upper, &buckets, count, custom) }
}

fn fraction(lower: f64, upper: f64, buckets: &[Bucket], count: f64, linear: bool) -> f64 {
    if lower.is_nan() || upper.is_nan() || count == 0.0 {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets, count, linear) - rank_of(lower, buckets, count, linear)) / count
}

/// How many of `count` observations lie below `value`.
fn rank_of(value: f64, buckets: &[Bucket], count: f64, linear: bool) -> f64 {
    let mut rank = 0.0;
    for bucket in buckets {
        let mut lower = bucket.lower;
        if lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
            lower = 0.0; // as in quantiles: the lowest bucket of positive bounds begins at zero
        }
        if lower >= value {
            break;
        }
        if bucket.upper > value {
            let share = if lower == f64::NEG_INFINITY {
                1.0 // nothing is known about where in an endless bucket observations lie
            } else if linear || (lower <= 0.0 && bucket.upper >= 0.0) {
                (value - lower) / (bucket.upper - lower)
            } else {
                let (low, high, at) = (lower.abs().log2(), bucket.upper.abs().log2(), value.abs().log2());
                if value > 0.0 { (at - low) / (high - low) } else { 1.0 - (at - high) / (low - high) }
            };
            return (rank + bucket.count * share).min(count);
        }
        rank += bucket.count;
    }
    if value == f64::INFINITY { count } else { rank.min(count) }
}

/// The variance of the observations, each taken to be in the middle of its bucket.
pub(in super::super) fn variance(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut sum = Sum::default();
    for bucket in histogram.buckets() {
        let middle = if histogram.is_custom() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            let middle = (bucket.upper * bucket.lower).sqrt();
            if bucket.upper < 0.0 { -middle } else { middle }
        };
        let delta = middle - mean;
        sum.add(bucket.count * delta * delta);
    }
    (sum.sum + sum.compensation) / histogram.count
}

/// A classic histogram: cumulative counts by upper bound.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Classic(Vec<(f64, f64)>);

/// Counts that differ by less than this share are taken to be equal: what floating-point sums cost.
const SMALL_DELTA: f64 = 1e-12;

impl Classic {
    pub(in super::super) fn push(&mut self, upper: f64, count: f64) {
        self.0.push((upper, count));
    }

    /// Sorts, joins buckets of the same bound and makes counts monotonic. Whether counts had to be raised for that;
    /// `None` when there is no bucket up to infinity.
    fn prepare(&mut self) -> Option<bool> {
        self.0.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.0.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
        if self.0.last().is_none_or(|(upper, _)| *upper != f64::INFINITY) {
            return None;
        }
        let mut raised = false;
        let mut highest = self.0.first()?.1;
        for (_, count) in &mut self.0[1..] {
            if almost_equal(*count, highest) {
                *count = highest;
            } else if *count < highest {
                *count = highest;
                raised = true;
            } else {
                highest = *count;
            }
        }
        Some(raised)
    }

    /// The quantile, and whether counts were not monotonic.
    pub(in super::super) fn quantile(&mut self, quantile: f64) -> (f64, bool) {
        if let Some(outside) = outside_unit(quantile) {
            return (outside, false);
        }
        let Some(raised) = self.prepare() else { return (f64::NAN, false) };
        let buckets = &self.0;
        let last = buckets.len() - 1;
        let observations = buckets[last].1;
        if last == 0 || observations == 0.0 || observations.is_nan() {
            return (f64::NAN, raised);
        }
        let rank = quantile * observations;
        let found = buckets[..last].partition_point(|(_, count)| *count < rank);
        let (upper, count) = buckets[found];
        let value = if found == last {
            buckets[last - 1].0
        } else if found == 0 && upper <= 0.0 {
            upper
        } else {
            let (lower, below) = if found == 0 { (0.0, 0.0) } else { buckets[found - 1] };
            lower + (upper - lower) * ((rank - below) / (count - below))
        };
        (value, raised)
    }

    /// The share of the observations between `lower` and `upper`, and whether counts were not monotonic.
    pub(in super::super) fn fraction(&mut self, lower: f64, upper: f64) -> (f64, bool) {
        let Some(raised) = self.prepare() else { return (f64::NAN, false) };
        let mut previous = (f64::NEG_INFINITY, 0.0);
        let mut buckets = Vec::with_capacity(self.0.len());
        for &(bound, count) in &self.0 {
            buckets.push(Bucket {
                lower: previous.0,
                upper: bound,
                lower_inclusive: false,
                upper_inclusive: true,
                count: count - previous.1,
            });
            previous = (bound, count);
        }
        (fraction(lower, upper, &buckets, previous.1, true), raised)
    }
}

fn almost_equal(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() / (a.abs() + b.abs()).min(f64::MAX) < SMALL_DELTA
}

/// What a quantile outside `[0, 1]` gives.
fn outside_unit(quantile: f64) -> Option<f64> {
    if quantile.is_nan() {
        Some(f64::NAN)
    } else if quantile < 0.0 {
        Some(f64::NEG_INFINITY)
    } else if quantile > 1.0 {
        Some(f64::INFINITY)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Buckets;
    use super::*;

    #[test]
    fn exponential_buckets_interpolate_on_a_logarithmic_scale() {
        // All in (1, 4], schema -1: the median is at 2, half-way between 2^0 and 2^2.
        let histogram = Histogram { schema: -1, count: 4.0, positive: Buckets::dense(1, [4.0]), ..Default::default() };
        assert_eq!(native_quantile(0.5, &histogram), 2.0);
        assert_eq!(native_fraction(1.0, 2.0, &histogram), 0.5);
        let negative = Histogram { positive: Buckets::default(), negative: Buckets::dense(1, [4.0]), ..histogram };
        assert_eq!(native_quantile(0.5, &negative), -2.0);
        assert_eq!(native_fraction(-2.0, 0.0, &negative), 0.5);
    }

    #[test]
    fn quantile_that_falls_among_nan_observations_is_nan() {
        let histogram =
            Histogram { count: 4.0, sum: f64::NAN, positive: Buckets::dense(1, [2.0]), ..Default::default() };
        assert!(native_quantile(0.9, &histogram).is_nan());
        assert_eq!(native_quantile(0.5, &histogram), 2.0);
    }

    #[test]
    fn classic_without_a_bucket_to_infinity_has_no_quantile() {
        let mut classic = Classic::default();
        classic.push(1.0, 5.0);
        classic.push(2.0, 9.0);
        assert!(classic.quantile(0.5).0.is_nan());
    }

    #[test]
    fn classic_counts_are_made_monotonic() {
        let mut classic = Classic::default();
        for (upper, count) in [(1.0, 5.0), (2.0, 4.0), (f64::INFINITY, 10.0)] {
            classic.push(upper, count);
        }
        assert_eq!(classic.quantile(0.5), (1.0, true));
    }
}
