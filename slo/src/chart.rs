//! The points of an SLO's chart: burn and budget over its window, from its buckets.

use model::Nanos;

use crate::buckets::{Buckets, Count};
use crate::burn::burn_rate;
use crate::ratio::Objective;
use crate::status::BurnPoint;

/// At most `points` + 1 points over the window of `length` that ends at `now`, oldest first, none before the first count.
///
/// The stretch of one point is a whole number of buckets and aligned, so that points stay in place from one evaluation
/// to the next. The budget of a point is that of the whole window: what it allows, less the bad events up to the point.
/// So the line falls from 1 to what is left now.
pub fn points(buckets: &Buckets, objective: Objective, now: Nanos, length: Nanos, points: usize) -> Vec<BurnPoint> {
    let window = buckets.window_buckets(now, length);
    let step = ((window.end - window.start) as u64).div_ceil(points.max(1) as u64).max(1) as i64;
    let allowed = objective.error_budget() * buckets.sum(window.clone()).total as f64;
    let mut start = window.start.max(buckets.covered().start).div_euclid(step) * step;
    let end = window.end.min(buckets.covered().end);
    let mut so_far = Count::default();
    let mut line = Vec::new();
    while start < end {
        let stretch = start.max(window.start)..(start + step).min(end);
        let count = buckets.sum(stretch.clone());
        so_far = so_far + count;
        line.push(BurnPoint {
            time: buckets.time_of(&stretch).end,
            total: count.total,
            bad: count.bad(),
            burn_rate: burn_rate(count, objective),
            budget_remaining: (allowed > 0.0).then(|| 1.0 - so_far.bad() as f64 / allowed),
        });
        start += step;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width 10, objective 90 %: ten buckets of ten events, two bad in the third, five in the last.
    #[test]
    fn the_line_falls_from_one_to_what_is_left() {
        let objective = Objective::from_percent(90.0).unwrap();
        let mut buckets = Buckets::new(10, 20);
        let mut counts = [Count { good: 10, total: 10 }; 10];
        counts[2].good = 8;
        counts[9].good = 5;
        buckets.replace(0, &counts);
        let line = points(&buckets, objective, 99, 100, 5);
        let got: Vec<_> = line.iter().map(|p| (p.time, p.total, p.bad, p.budget_remaining.unwrap())).collect();
        assert_eq!(
            got,
            [(20, 20, 0, 1.0), (40, 20, 2, 0.8), (60, 20, 0, 0.8), (80, 20, 0, 0.8), (100, 20, 5, 0.3)].map(
                |(time, total, bad, left): (i64, u64, u64, f64)| (
                    time,
                    total,
                    bad,
                    if left == 0.3 { 1.0 - 7.0 / 10.0 } else { left }
                )
            )
        );
        assert_eq!(line[1].burn_rate, Some(0.1 / 0.1));
    }

    #[test]
    fn there_are_no_points_before_the_first_count_and_never_more_than_asked() {
        let objective = Objective::from_percent(90.0).unwrap();
        let mut buckets = Buckets::new(10, 1000);
        assert!(points(&buckets, objective, 99, 100, 5).is_empty());
        buckets.replace(997, &[Count { good: 1, total: 1 }; 3]);
        let line = points(&buckets, objective, 9999, 10_000, 100);
        assert_eq!(line.len(), 1);
        assert_eq!((line[0].time, line[0].total), (10_000, 3));
    }

    #[test]
    fn a_stretch_without_events_has_no_burn_rate() {
        let mut buckets = Buckets::new(10, 10);
        buckets.replace(0, &[Count::default(); 4]);
        let line = points(&buckets, Objective::from_percent(99.0).unwrap(), 39, 40, 4);
        assert!(line.iter().all(|point| point.burn_rate.is_none() && point.budget_remaining.is_none()));
        assert_eq!(line.len(), 4);
    }
}
