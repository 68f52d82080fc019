//! Fields of many different numbers: the range that the selected spans have more often.

use super::statistics::kuiper;

/// A number of a row, whose side and weight it comes with.
pub(super) type Observed = (f64, usize, f64);

/// A range of numbers, its ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// `None` where it goes on.
    pub(super) from: Option<f64>,
    pub(super) to: Option<f64>,
    /// How likely the two distributions are one.
    pub(super) p: f64,
}

/// The range in which the share of selected numbers is above that of the others by most; `None` when there is none, or a side
/// has no number. `effective` are the numbers of observations that the sides are worth.
pub(super) fn range(observed: &mut [Observed], effective: [f64; 2]) -> Option<Range> {
    observed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut totals = [0.0; 2];
    observed.iter().for_each(|&(_, side, weight)| totals[side] += weight);
    if totals.iter().any(|&total| total <= 0.0) {
        return None;
    }
    // The distance of the two distribution functions after each number, and where it was least so far.
    let (mut distance, mut lowest, mut highest): (f64, f64, f64) = (0.0, 0.0, 0.0);
    let (mut least, mut from): (f64, usize) = (0.0, 0);
    let (mut rise, mut best): (f64, Option<(usize, usize)>) = (0.0, None);
    let mut next = 0;
    while next < observed.len() {
        let number = observed[next].0;
        while let Some(&(_, side, weight)) = observed.get(next).filter(|it| it.0.total_cmp(&number).is_eq()) {
            distance += if side == 1 { weight / totals[1] } else { -weight / totals[0] };
            next += 1;
        }
        (lowest, highest) = (lowest.min(distance), highest.max(distance));
        if distance - least > rise {
            (rise, best) = (distance - least, Some((from, next)));
        }
        if distance < least {
            (least, from) = (distance, next);
        }
    }
    let (from, to) = best?;
    Some(Range {
        from: (from > 0).then(|| observed[from].0),
        to: (to < observed.len()).then(|| observed[to - 1].0),
        p: kuiper(highest - lowest, effective[1], effective[0]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(selected: &[f64], rest: &[f64]) -> Option<(Option<f64>, Option<f64>)> {
        let side = |numbers: &[f64], side| numbers.iter().map(move |&it| (it, side, 1.0)).collect::<Vec<Observed>>();
        let mut observed = [side(selected, 1), side(rest, 0)].concat();
        range(&mut observed, [rest.len() as f64, selected.len() as f64]).map(|it| (it.from, it.to))
    }

    #[test]
    fn a_range_is_where_the_selected_are_more_frequent() {
        let rest: Vec<f64> = (0..100).map(f64::from).collect();
        type Case<'c> = (&'c [f64], Option<(Option<f64>, Option<f64>)>);
        let cases: [Case<'_>; 5] = [
            (&[90.0, 95.0, 99.0], Some((Some(90.0), None))),
            (&[0.0, 1.0, 2.0], Some((None, Some(2.0)))),
            (&[40.0, 41.0, 42.0], Some((Some(40.0), Some(42.0)))),
            (&[200.0], Some((Some(200.0), None))),
            (&[], None),
        ];
        for (selected, expected) in cases {
            assert_eq!(found(selected, &rest), expected, "{selected:?}");
        }
        assert_eq!(found(&rest, &rest), None);
    }
}
