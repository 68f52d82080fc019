//! Quantiles of numbers of any size and sign, in bounded memory.

use std::collections::BTreeMap;

/// Buckets for each doubling: a quantile is off by at most 1/128 of its value.
const BUCKETS: f64 = 64.0;

/// Numbers that are told apart from others: their sign, and their logarithm.
pub(super) type Bucket = (i8, i32);

/// Counts of numbers by their logarithm. At most some 130,000 buckets, of which durations of a service fill a few hundred.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    /// By sign and bucket; negative numbers come first, the largest of them first.
    counts: BTreeMap<Bucket, u64>,
    n_total: u64,
}

impl Sketch {
    pub(super) fn add(&mut self, number: f64) {
        if !number.is_finite() {
            return;
        }
        *self.counts.entry(bucket(number)).or_default() += 1;
        self.n_total += 1;
    }

    /// The number that the share `quantile` of all is not above; NaN of none.
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        let rank = ((quantile * self.n_total as f64).ceil() as u64).clamp(1, self.n_total.max(1));
        let mut n_seen = 0;
        for (key, count) in &self.counts {
            n_seen += count;
            if n_seen >= rank {
                return middle(*key);
            }
        }
        f64::NAN
    }
}

/// The bucket of a finite number.
pub(super) fn bucket(number: f64) -> Bucket {
    let logarithm = |number: f64| (number.log2() * BUCKETS).floor() as i32;
    if number > 0.0 {
        (1, logarithm(number))
    } else if number < 0.0 {
        (-1, -logarithm(-number))
    } else {
        (0, 0)
    }
}

fn middle((sign, bucket): Bucket) -> f64 {
    let of = |bucket: i32| ((f64::from(bucket) + 0.5) / BUCKETS).exp2();
    match sign {
        1 => of(bucket),
        -1 => -of(-bucket),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_part_in_128_of_the_exact_ones() {
        let mut numbers: Vec<f64> = (0..5_000).map(|i| f64::from(i * i % 7_919 - 900) / 13.0).collect();
        let mut sketch = Sketch::default();
        numbers.iter().for_each(|number| sketch.add(*number));
        numbers.sort_by(f64::total_cmp);
        for quantile in [0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0] {
            let rank = ((quantile * numbers.len() as f64).ceil() as usize).clamp(1, numbers.len());
            let (expected, found) = (numbers[rank - 1], sketch.quantile(quantile));
            assert!((found - expected).abs() <= expected.abs() / 128.0, "{quantile}: {found} for {expected}");
        }
        assert!(Sketch::default().quantile(0.5).is_nan());
    }
}
