//! Sums, differences and multiples of histograms, and counter resets between them.

use std::sync::Arc;

use super::{Combined, Histogram, Incompatible, ResetHint, exponential_bound};

impl Histogram {
    /// Adds `other`, bucket by bucket, at the coarser of the two resolutions.
    pub fn add(&mut self, other: &Histogram) -> Result<Combined, Incompatible> {
        let resets_conflict = self.join_reset_hints(other);
        let bounds_differed = self.combine(other, 1.0)?;
        Ok(Combined { bounds_differed, resets_conflict })
    }

    /// Subtracts `other`. A difference can fall, so it is a gauge.
    pub fn sub(&mut self, other: &Histogram) -> Result<Combined, Incompatible> {
        let resets_conflict = self.join_reset_hints(other);
        let bounds_differed = self.combine(other, -1.0)?;
        self.reset = ResetHint::Gauge;
        Ok(Combined { bounds_differed, resets_conflict })
    }

    pub fn scale(&mut self, factor: f64) {
        self.count *= factor;
        self.sum *= factor;
        self.zero_count *= factor;
        self.positive.scale(factor);
        self.negative.scale(factor);
        if factor < 0.0 {
            self.reset = ResetHint::Gauge;
        }
    }

    /// Divides by `divisor`. By zero, nothing is left but the count and the sum that the division gives.
    pub fn divide(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive = Default::default();
            self.negative = Default::default();
        } else {
            self.positive.scale(1.0 / divisor);
            self.negative.scale(1.0 / divisor);
        }
        self.count /= divisor;
        self.sum /= divisor;
        self.zero_count /= divisor;
        if divisor < 0.0 {
            self.reset = ResetHint::Gauge;
        }
    }

    /// The hint that holds for both; whether they contradict each other.
    fn join_reset_hints(&mut self, other: &Histogram) -> bool {
        use ResetHint::{Gauge, NotReset, Reset, Unknown};
        let conflict = matches!((self.reset, other.reset), (Reset, NotReset) | (NotReset, Reset));
        self.reset = match (self.reset, other.reset) {
            (a, b) if a == b => a,
            (Gauge, _) | (_, Gauge) => Gauge,
            _ => Unknown,
        };
        conflict
    }

    fn combine(&mut self, other: &Histogram, sign: f64) -> Result<bool, Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        self.count += other.count * sign;
        self.sum += other.sum * sign;
        if self.is_custom() {
            if self.bounds == other.bounds {
                self.positive.add(&other.positive, sign);
                return Ok(false);
            }
            let common = common_bounds(&self.bounds, &other.bounds);
            self.rebucket(&common);
            let mut other = other.clone();
            other.rebucket(&common);
            self.positive.add(&other.positive, sign);
            return Ok(true);
        }
        let mut other = other.clone();
        self.join_zero_buckets(&mut other);
        self.zero_count += other.zero_count * sign;
        let schema = self.schema.min(other.schema);
        self.reduce(schema);
        other.reduce(schema);
        self.positive.add(&other.positive, sign);
        self.negative.add(&other.negative, sign);
        Ok(false)
    }

    /// Makes the exponential buckets as coarse as `schema`.
    pub fn reduce(&mut self, schema: i32) {
        if schema >= self.schema || self.is_custom() {
            return;
        }
        // Bucket i is (base^(i-1), base^i], so merging 2^n buckets maps i to ceil(i / 2^n).
        let shift = (self.schema - schema).min(31);
        let target = |index: i32| ((i64::from(index) - 1).div_euclid(1 << shift) + 1) as i32;
        self.positive.reindex(target);
        self.negative.reindex(target);
        self.schema = schema;
    }

    /// Moves custom buckets to `bounds`, all of which must be among the present ones.
    fn rebucket(&mut self, bounds: &Arc<[f64]>) {
        let old = Arc::clone(&self.bounds);
        self.positive.reindex(|index| {
            let upper = usize::try_from(index).ok().and_then(|index| old.get(index)).copied();
            upper.map_or(bounds.len(), |upper| bounds.partition_point(|bound| *bound < upper)) as i32
        });
        self.bounds = Arc::clone(bounds);
    }

    /// Widens the zero bucket to at least `threshold`; further where a bucket that holds something straddles it.
    fn widen_zero_bucket(&mut self, threshold: f64) {
        let schema = self.schema;
        let mut wanted = threshold;
        loop {
            let straddles = |(index, _): (i32, f64)| {
                let upper = exponential_bound(index, schema);
                (exponential_bound(index - 1, schema) < wanted && upper > wanted).then_some(upper)
            };
            let wider = self.positive.iter().chain(self.negative.iter()).find_map(straddles);
            match wider {
                Some(upper) => wanted = upper,
                None => break,
            }
        }
        let inside = |index: i32| exponential_bound(index, schema) <= wanted;
        self.zero_count += self.positive.drain(inside) + self.negative.drain(inside);
        self.zero_threshold = wanted;
    }

    fn join_zero_buckets(&mut self, other: &mut Histogram) {
        while self.zero_threshold != other.zero_threshold {
            if self.zero_threshold < other.zero_threshold {
                self.widen_zero_bucket(other.zero_threshold);
            } else {
                other.widen_zero_bucket(self.zero_threshold);
            }
            if self.zero_threshold.is_nan() || other.zero_threshold.is_nan() {
                return; // never equal; only hostile input gets here
            }
        }
    }

    /// Whether the counter behind this histogram started anew since `before`.
    pub fn is_reset_after(&self, before: &Histogram) -> bool {
        match self.reset {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < before.count || self.is_custom() != before.is_custom() {
            return true;
        }
        if self.is_custom() {
            if self.bounds == before.bounds {
                return self.positive.fell_since(&before.positive);
            }
            let common = common_bounds(&self.bounds, &before.bounds);
            let (mut now, mut before) = (self.clone(), before.clone());
            now.rebucket(&common);
            before.rebucket(&common);
            return now.positive.fell_since(&before.positive);
        }
        // A finer schema or a narrower zero bucket cannot come from the same counter.
        if self.schema > before.schema || self.zero_threshold < before.zero_threshold {
            return true;
        }
        let mut before = before.clone();
        if self.zero_threshold > before.zero_threshold {
            before.widen_zero_bucket(self.zero_threshold);
        }
        before.reduce(self.schema);
        before.zero_threshold != self.zero_threshold
            || self.zero_count < before.zero_count
            || self.positive.fell_since(&before.positive)
            || self.negative.fell_since(&before.negative)
    }
}

fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().copied().filter(|bound| b.binary_search_by(|other| other.total_cmp(bound)).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Buckets, CUSTOM};
    use super::*;

    fn exponential(schema: i32, offset: i32, counts: &[f64]) -> Histogram {
        let count = counts.iter().sum();
        Histogram { schema, count, positive: Buckets::dense(offset, counts.iter().copied()), ..Default::default() }
    }

    fn custom(bounds: &[f64], counts: &[f64]) -> Histogram {
        let count = counts.iter().sum();
        Histogram {
            schema: CUSTOM,
            count,
            bounds: bounds.into(),
            positive: Buckets::dense(0, counts.iter().copied()),
            ..Default::default()
        }
    }

    #[test]
    fn sum_has_the_coarser_schema() {
        let mut sum = exponential(1, 1, &[1.0, 1.0, 1.0]);
        sum.add(&exponential(0, 1, &[5.0])).unwrap();
        // of schema 1, indexes 1 and 2 fall into index 1 of schema 0, index 3 into 2
        assert_eq!((sum.schema, sum.positive), (0, Buckets::dense(1, [7.0, 1.0])));
    }

    #[test]
    fn reducing_rounds_negative_indexes_up_too() {
        let mut histogram = exponential(1, -3, &[1.0, 1.0, 1.0, 1.0]);
        histogram.reduce(0);
        assert_eq!(histogram.positive, Buckets::dense(-1, [2.0, 2.0]));
    }

    #[test]
    fn different_bounds_meet_at_those_in_common() {
        let mut difference = custom(&[1.0, 10.0], &[1.0, 1.0, 1.0]);
        let combined = difference.sub(&custom(&[1.0, 5.0], &[1.0, 0.0, 0.0])).unwrap();
        assert!(combined.bounds_differed);
        assert_eq!((&*difference.bounds, difference.positive), (&[1.0][..], Buckets::dense(1, [2.0])));
    }

    #[test]
    fn kinds_do_not_mix() {
        assert_eq!(custom(&[1.0], &[1.0]).add(&exponential(0, 0, &[1.0])), Err(Incompatible));
    }

    #[test]
    fn wider_zero_bucket_swallows_what_it_reaches() {
        let mut sum = exponential(0, -1, &[3.0, 4.0]); // (0.25, 0.5] and (0.5, 1]
        let other = Histogram { zero_threshold: 0.3, zero_count: 1.0, count: 1.0, ..Default::default() };
        sum.add(&other).unwrap();
        // 0.3 lies inside the first bucket, so the zero bucket grows to its end
        assert_eq!((sum.zero_threshold, sum.zero_count), (0.5, 4.0));
        assert_eq!(sum.positive, Buckets::dense(0, [4.0]));
    }

    #[test]
    fn resets_are_falls_of_any_part() {
        let before = exponential(0, 0, &[2.0, 2.0]);
        assert!(!exponential(0, 0, &[2.0, 3.0]).is_reset_after(&before));
        assert!(exponential(0, 0, &[1.0, 9.0]).is_reset_after(&before));
        assert!(exponential(0, 0, &[1.0]).is_reset_after(&before));
        assert!(exponential(1, 0, &[9.0]).is_reset_after(&before));
        assert!(custom(&[1.0], &[9.0]).is_reset_after(&before));
        let hinted = Histogram { reset: ResetHint::NotReset, ..exponential(0, 0, &[1.0]) };
        assert!(!hinted.is_reset_after(&before));
    }
}
