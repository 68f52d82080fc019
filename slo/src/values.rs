//! From the numbers that PromQL gives for one bucket of time to counted events.
//!
//! A number can be missing (no series), not a number (0 / 0), not whole (`increase` extrapolates), or negative (`delta`
//! over the reset of a counter). None of these may invent an event or fail the SLO: what is unknown counts nothing.

use crate::buckets::Count;
use crate::spec::{Absent, SliceSli};

/// The weight of a bucket of an error ratio, which tells no events: a ratio is kept to a hundredth of a percent.
const PARTS: f64 = 10_000.0;

/// Largest count that is taken; beyond it a double is no longer whole.
const MOST: f64 = 9_007_199_254_740_992.0;

/// So many of `total` were good. Without `good` none was: a service that only fails has no series of successes.
pub fn of_good(good: Option<f64>, total: Option<f64>) -> Count {
    let total = whole(total);
    Count { good: whole(good).min(total), total }
}

/// So many of `total` were bad. Without `bad` none was.
pub fn of_bad(bad: Option<f64>, total: Option<f64>) -> Count {
    let total = whole(total);
    Count { good: total - whole(bad).min(total), total }
}

/// A bucket with an error ratio of 0 to 1; one beyond that is taken as the nearer end.
pub fn of_error_ratio(ratio: Option<f64>) -> Count {
    match ratio.filter(|ratio| !ratio.is_nan()) {
        Some(ratio) => of_bad(Some(ratio.clamp(0.0, 1.0) * PARTS), Some(PARTS)),
        None => Count::default(),
    }
}

/// One slice of time with the values of all series at its end.
pub fn of_slice(sli: &SliceSli, values: &[f64]) -> Count {
    let mut known = values.iter().filter(|value| !value.is_nan()).peekable();
    match (known.peek(), sli.absent) {
        (None, Absent::Excluded) => Count::default(),
        (None, Absent::Bad) => Count { good: 0, total: 1 },
        (Some(_), _) => Count { good: u64::from(known.all(|value| sli.op.holds(*value, sli.value))), total: 1 },
    }
}

fn whole(value: Option<f64>) -> u64 {
    // What is not a number stays so through `clamp`, and the cast makes it 0.
    value.map_or(0, |value| value.clamp(0.0, MOST).round() as u64)
}

#[cfg(test)]
mod tests {
    use model::time::MINUTE;

    use super::*;
    use crate::spec::Comparison;

    #[test]
    fn events_are_whole_and_never_invented() {
        let table = [
            // good, bad, total, then (good, total) by each.
            (Some(90.0), Some(10.0), Some(100.0), (90, 100), (90, 100)),
            // `increase` extrapolates to fractions.
            (Some(89.6), Some(10.4), Some(100.2), (90, 100), (90, 100)),
            // A counter was reset and `delta` is negative: nothing is known of the bucket.
            (Some(-890.0), Some(-10.0), Some(-900.0), (0, 0), (0, 0)),
            // Only one of the two counters was reset.
            (Some(-890.0), Some(10.0), Some(100.0), (0, 100), (90, 100)),
            (Some(90.0), Some(10.0), Some(-5.0), (0, 0), (0, 0)),
            // Extrapolated past the total.
            (Some(101.0), Some(101.0), Some(100.0), (100, 100), (0, 100)),
            // No series of successes, of failures, of either.
            (None, None, Some(100.0), (0, 100), (100, 100)),
            (Some(90.0), Some(10.0), None, (0, 0), (0, 0)),
            (None, None, None, (0, 0), (0, 0)),
            (Some(f64::NAN), Some(f64::NAN), Some(100.0), (0, 100), (100, 100)),
            (Some(1.0), Some(1.0), Some(f64::NAN), (0, 0), (0, 0)),
            (Some(0.0), Some(0.0), Some(0.0), (0, 0), (0, 0)),
        ];
        for (good, bad, total, by_good, by_bad) in table {
            let pair = |count: Count| (count.good, count.total);
            assert_eq!(pair(of_good(good, total)), by_good, "{good:?} of {total:?}");
            assert_eq!(pair(of_bad(bad, total)), by_bad, "all but {bad:?} of {total:?}");
        }
        assert_eq!(of_bad(Some(f64::INFINITY), Some(f64::INFINITY)).good, 0);
    }

    #[test]
    fn an_error_ratio_weighs_each_bucket_the_same() {
        let table = [
            (Some(0.0), 0, 10_000),
            (Some(0.001), 10, 10_000),
            (Some(1.0), 10_000, 10_000),
            (Some(7.0), 10_000, 10_000),
            (Some(-1.0), 0, 10_000),
            (Some(f64::NAN), 0, 0),
            (None, 0, 0),
        ];
        for (ratio, bad, total) in table {
            let count = of_error_ratio(ratio);
            assert_eq!((count.bad(), count.total), (bad, total), "{ratio:?}");
        }
    }

    #[test]
    fn a_slice_is_good_if_all_of_its_series_are() {
        let sli = |absent| SliceSli {
            query: "lag".to_owned(),
            op: Comparison::LessOrEqual,
            value: 30.0,
            slice: MINUTE,
            absent,
        };
        type Row = (&'static [f64], (u64, u64), (u64, u64));
        let table: [Row; 5] = [
            (&[30.0], (1, 1), (1, 1)),
            (&[5.0, 30.1], (0, 1), (0, 1)),
            (&[5.0, f64::NAN], (1, 1), (1, 1)),
            (&[f64::NAN], (0, 0), (0, 1)),
            (&[], (0, 0), (0, 1)),
        ];
        for (values, excluded, bad) in table {
            let pair = |absent| {
                let count = of_slice(&sli(absent), values);
                (count.good, count.total)
            };
            assert_eq!((pair(Absent::Excluded), pair(Absent::Bad)), (excluded, bad), "{values:?}");
        }
    }
}
