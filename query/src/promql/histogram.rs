//! Native histograms: a whole distribution as one sample.
//!
//! Two kinds, told apart by the schema: buckets whose bounds are powers of `2^(2^-schema)` (OTLP's exponential
//! histograms), and buckets with bounds of their own (OTLP's explicit ones). Semantics:
//! <https://prometheus.io/docs/specs/native_histograms/>.

use std::sync::Arc;

mod arithmetic;
mod buckets;
mod display;
mod otlp;
pub(super) mod quantile;

pub use buckets::{Bucket, Buckets};

/// The schema of histograms with bounds of their own.
pub const CUSTOM: i32 = -53;
/// The finest exponential schema kept; finer ones are made coarser on the way in, as Prometheus does.
pub(super) const MAX_SCHEMA: i32 = 8;

/// What is known of counter resets between this histogram and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetHint {
    #[default]
    Unknown,
    Reset,
    NotReset,
    /// It is no counter at all.
    Gauge,
}

/// A distribution. Counts are floats, since rates and averages of histograms are histograms too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// [`CUSTOM`], or up to [`MAX_SCHEMA`].
    pub schema: i32,
    pub reset: ResetHint,
    /// Observations of at most this magnitude are in `zero_count`.
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub count: f64,
    pub sum: f64,
    /// With a custom schema, bucket `i` is up to `bounds[i]`, and the last one up to infinity.
    pub positive: Buckets,
    pub negative: Buckets,
    /// The upper bounds of a custom schema, increasing, without infinity.
    pub bounds: Arc<[f64]>,
}

/// Histograms of the two kinds of schema cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incompatible;

/// What had to be done to combine two histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Combined {
    /// Their custom bounds differed; those in common are left.
    pub bounds_differed: bool,
    /// One says that a counter reset came before it, the other that none did.
    pub resets_conflict: bool,
}

impl Histogram {
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM
    }

    /// The bucket from `-zero_threshold` to `zero_threshold`, if it holds something.
    fn zero_bucket(&self) -> Option<Bucket> {
        (self.zero_count != 0.0).then_some(Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        })
    }

    /// The buckets that hold something, from the lowest values to the highest.
    pub fn buckets(&self) -> Vec<Bucket> {
        let negative = self.negative.iter().rev().map(|(index, count)| Bucket {
            lower: -exponential_bound(index, self.schema),
            upper: -exponential_bound(index - 1, self.schema),
            lower_inclusive: true,
            upper_inclusive: false,
            count,
        });
        let positive = self.positive.iter().map(|(index, count)| {
            let (lower, upper) = self.positive_bounds(index);
            let lower_inclusive = self.is_custom() && index == 0;
            Bucket { lower, upper, lower_inclusive, upper_inclusive: true, count }
        });
        negative.chain(self.zero_bucket()).chain(positive).collect()
    }

    fn positive_bounds(&self, index: i32) -> (f64, f64) {
        if !self.is_custom() {
            return (exponential_bound(index - 1, self.schema), exponential_bound(index, self.schema));
        }
        let bound = |index: i32| usize::try_from(index).ok().and_then(|index| self.bounds.get(index)).copied();
        (bound(index - 1).unwrap_or(f64::NEG_INFINITY), bound(index).unwrap_or(f64::INFINITY))
    }

    /// Whether the two hold the same; not-a-number equals itself.
    pub fn same(&self, other: &Histogram) -> bool {
        self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && self.zero_count.to_bits() == other.zero_count.to_bits()
            && self.count.to_bits() == other.count.to_bits()
            && self.sum.to_bits() == other.sum.to_bits()
            && self.positive == other.positive
            && self.negative == other.negative
            && self.bounds == other.bounds
    }
}

/// The upper bound of bucket `index` of an exponential schema: `2^(index * 2^-schema)`. The bucket that holds the
/// largest double ends there.
fn exponential_bound(index: i32, schema: i32) -> f64 {
    let index = i64::from(index);
    let bound = if schema <= 0 {
        let power = index.saturating_mul(1 << (-schema).min(30));
        exp2(power as f64)
    } else {
        let per_octave = 1i64 << schema.min(MAX_SCHEMA);
        let fraction = (index.rem_euclid(per_octave)) as f64 / per_octave as f64;
        fraction.exp2() * exp2(index.div_euclid(per_octave) as f64)
    };
    if bound.is_infinite() && exponential_fits(index - 1, schema) { f64::MAX } else { bound }
}

fn exponential_fits(index: i64, schema: i32) -> bool {
    (index as f64) * (-f64::from(schema)).exp2() < 1024.0
}

/// `2^power`, exact also where the result is subnormal.
fn exp2(power: f64) -> f64 {
    if power < -1000.0 { (power + 1000.0).exp2() * (-1000f64).exp2() } else { power.exp2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_the_base() {
        let cases = [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-1, 0, 0.5),
            (1, -1, 4.0),
            (2, 1, 2.0),
            (1, 1, std::f64::consts::SQRT_2),
            (1024, 0, f64::MAX),
            (-1074, 0, 5e-324),
        ];
        for (index, schema, expected) in cases {
            assert_eq!(exponential_bound(index, schema), expected, "index {index} of schema {schema}");
        }
    }

    #[test]
    fn buckets_come_in_order_of_their_values() {
        let histogram = Histogram {
            zero_threshold: 0.001,
            zero_count: 2.0,
            positive: Buckets::dense(0, [1.0, 0.0, 2.0]),
            negative: Buckets::dense(0, [1.0, 2.0]),
            ..Default::default()
        };
        let found: Vec<_> = histogram.buckets().iter().map(|it| (it.lower, it.upper, it.count)).collect();
        let expected = [(-2.0, -1.0, 2.0), (-1.0, -0.5, 1.0), (-0.001, 0.001, 2.0), (0.5, 1.0, 1.0), (2.0, 4.0, 2.0)];
        assert_eq!(found, expected);
    }

    #[test]
    fn custom_buckets_reach_to_infinity_on_both_sides() {
        let histogram = Histogram {
            schema: CUSTOM,
            bounds: [1.0, 2.0].into(),
            positive: Buckets::dense(0, [1.0, 2.0, 3.0]),
            ..Default::default()
        };
        let found: Vec<_> = histogram.buckets().iter().map(|it| (it.lower, it.upper)).collect();
        assert_eq!(found, [(f64::NEG_INFINITY, 1.0), (1.0, 2.0), (2.0, f64::INFINITY)]);
    }
}
