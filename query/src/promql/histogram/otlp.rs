//! Native histograms of OTLP's points.

use std::sync::Arc;

use model::metric::distribution;

use super::{Buckets, CUSTOM, Histogram, MAX_SCHEMA};

impl Histogram {
    /// A histogram with explicit bounds. A missing sum is not-a-number, since zero would be a claim.
    pub(in super::super) fn of_explicit(point: &distribution::Histogram) -> Self {
        Histogram {
            schema: CUSTOM,
            count: point.count as f64,
            sum: point.sum.unwrap_or(f64::NAN),
            bounds: Arc::from(point.bounds.as_slice()),
            // Without buckets all that is known is that everything is below infinity.
            positive: if point.counts.is_empty() {
                Buckets::dense(0, [point.count as f64])
            } else {
                Buckets::dense(0, point.counts.iter().map(|count| *count as f64))
            },
            ..Default::default()
        }
    }

    /// An exponential histogram, made as coarse as [`MAX_SCHEMA`] if it is finer. OTLP's bucket `i` begins at
    /// `base^i`, Prometheus' ends there, so indexes differ by one.
    pub(in super::super) fn of_exponential(point: &distribution::ExponentialHistogram) -> Self {
        let buckets = |side: &distribution::ExponentialBuckets| {
            Buckets::dense(side.offset.saturating_add(1), side.counts.iter().map(|count| *count as f64))
        };
        let mut histogram = Histogram {
            schema: point.scale,
            count: point.count as f64,
            sum: point.sum.unwrap_or(f64::NAN),
            zero_threshold: point.zero_threshold,
            zero_count: point.zero_count as f64,
            positive: buckets(&point.positive),
            negative: buckets(&point.negative),
            ..Default::default()
        };
        histogram.reduce(MAX_SCHEMA);
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_bucket_zero_begins_at_one() {
        let point = distribution::ExponentialHistogram {
            count: 3,
            sum: Some(6.0),
            positive: distribution::ExponentialBuckets { offset: 0, counts: vec![3] },
            ..Default::default()
        };
        let bucket = Histogram::of_exponential(&point).buckets()[0];
        assert_eq!((bucket.lower, bucket.upper), (1.0, 2.0));
    }

    #[test]
    fn too_fine_a_scale_is_reduced() {
        let point = distribution::ExponentialHistogram {
            scale: 20,
            positive: distribution::ExponentialBuckets { offset: 0, counts: vec![1; 160] },
            ..Default::default()
        };
        let histogram = Histogram::of_exponential(&point);
        assert_eq!((histogram.schema, histogram.positive.len()), (MAX_SCHEMA, 1));
    }

    #[test]
    fn explicit_without_buckets_is_all_below_infinity() {
        let point = distribution::Histogram { count: 5, ..Default::default() };
        let histogram = Histogram::of_explicit(&point);
        assert_eq!(histogram.buckets()[0].count, 5.0);
        assert!(histogram.sum.is_nan());
    }
}
