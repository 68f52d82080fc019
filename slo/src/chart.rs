//! The points of an SLO's chart: burn and budget over its window, from its buckets.

use model::Nanos;

use crate::buckets::{Buckets, Count};
use crate::burn::{budget_windows, burn_rate};
use crate::spec::Slo;
use crate::status::BurnPoint;
use crate::windows::{Windows, window_buckets};

/// At most `points` + 1 points over the window of `slo` until `now`, oldest first, none before the first count.
///
/// The stretch of one point is a whole number of buckets and aligned, so that points stay in place from one evaluation
/// to the next. The budget of a point is that of the whole window: what it allows, less the bad events up to the point.
/// So the line falls from 1 to what is left now.
pub fn points(slo: &Slo, buckets: &Buckets, now: Nanos, points: usize) -> Vec<BurnPoint> {
    let windows = Windows::at(slo, buckets, now);
    let window = window_buckets(buckets, &slo.window, now);
    let step = ((window.end - window.start) as u64).div_ceil(points.max(1) as u64).max(1) as i64;
    let allowed = budget_windows(&windows, now).allowed;
    let mut start = window.start.max(buckets.covered().start).div_euclid(step) * step;
    let end = window.end.min(buckets.covered().end);
    let mut so_far = Count::default();
    let mut line = Vec::new();
    while start < end {
        let stretch = start.max(window.start)..(start + step).min(end);
        let count = windows.count(stretch.clone()).count;
        so_far = so_far + count;
        line.push(BurnPoint {
            time: buckets.time_of(&stretch).end,
            total: count.total,
            bad: count.bad(),
            burn_rate: burn_rate(count, slo.objective),
            budget_remaining: (allowed > 0.0).then(|| 1.0 - so_far.bad() as f64 / allowed),
        });
        start += step;
    }
    line
}

#[cfg(test)]
mod tests {
    use model::time::{HOUR, MINUTE};

    use super::*;
    use crate::spec::parse;

    /// Buckets of a minute over an hour.
    fn slo(more: &str) -> Slo {
        let text = format!(
            "service: s\nindicator: availability\nobjective: 90\nwindow: 1h\nalerting: {{tiers: [{{severity: page, long: 50m, short: 5m, burn_rate: 2}}]}}\n{more}"
        );
        parse("f.yaml", &text).unwrap().remove(0)
    }

    fn buckets(first: i64, counts: &[Count]) -> Buckets {
        let mut buckets = Buckets::new(MINUTE, 61);
        buckets.replace(first, counts);
        buckets
    }

    /// Ten minutes of ten events, two bad in the third, five in the last: 7 of the 10 that 100 events allow.
    #[test]
    fn the_line_falls_from_one_to_what_is_left() {
        let mut counts = [Count { good: 10, total: 10 }; 10];
        counts[2].good = 8;
        counts[9].good = 5;
        let line = points(&slo(""), &buckets(110, &counts), 2 * HOUR - 1, 30);
        let got: Vec<_> = line.iter().map(|p| (p.time / MINUTE, p.total, p.bad)).collect();
        assert_eq!(got, [(112, 20, 0), (114, 20, 2), (116, 20, 0), (118, 20, 0), (120, 20, 5)]);
        let left: Vec<_> = line.iter().map(|p| (p.budget_remaining.unwrap() * 1e6).round() / 1e6).collect();
        assert_eq!(left, [1.0, 0.8, 0.8, 0.8, 0.3]);
        assert_eq!(line[1].burn_rate.map(|rate| (rate * 1e6).round() / 1e6), Some(1.0));
    }

    #[test]
    fn what_is_excluded_is_not_on_the_line() {
        let slo = slo("exclusions: [{from: 1970-01-01T01:52:00Z, to: 1970-01-01T01:53:00Z}]\n");
        let mut counts = [Count { good: 10, total: 10 }; 10];
        counts[2].good = 0;
        let line = points(&slo, &buckets(110, &counts), 2 * HOUR - 1, 60);
        assert_eq!((line[2].total, line[2].burn_rate, line[9].budget_remaining), (0, None, Some(1.0)));
    }

    #[test]
    fn there_are_no_points_before_the_first_count_and_never_more_than_asked() {
        let slo = slo("");
        assert!(points(&slo, &buckets(0, &[]), HOUR, 5).is_empty());
        let line = points(&slo, &buckets(117, &[Count { good: 1, total: 1 }; 3]), 2 * HOUR - 1, 6);
        assert_eq!(line.len(), 1);
        assert_eq!((line[0].time, line[0].total), (2 * HOUR, 3));
    }

    #[test]
    fn a_stretch_without_events_has_no_burn_rate() {
        let line = points(&slo(""), &buckets(116, &[Count::default(); 4]), 2 * HOUR - 1, 60);
        assert!(line.iter().all(|point| point.burn_rate.is_none() && point.budget_remaining.is_none()));
        assert_eq!(line.len(), 4);
    }
}
