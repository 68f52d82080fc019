//! Cuts a range of time into equal steps, for charts and counts.

use model::{Nanos, TimeRange};

/// Equal steps of a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) range: TimeRange,
    pub(crate) width: Nanos,
    pub(crate) n_steps: usize,
}

impl Steps {
    /// `n_steps` steps, fewer when the range has not as many nanoseconds. The last may end after the range.
    pub(crate) fn new(range: TimeRange, n_steps: usize) -> Self {
        let n_steps = Nanos::try_from(n_steps.max(1)).unwrap_or(Nanos::MAX);
        let length = range.length().max(1);
        let width = length / n_steps + Nanos::from(length % n_steps > 0);
        Steps::of_width(range, width)
    }

    /// Steps of `width` nanoseconds.
    pub(crate) fn of_width(range: TimeRange, width: Nanos) -> Self {
        let width = width.max(1);
        let length = range.length();
        let n_steps = length / width + Nanos::from(length % width > 0);
        Steps { range, width, n_steps: usize::try_from(n_steps).unwrap_or(usize::MAX) }
    }

    /// The step that `time`, which is in the range, falls in.
    #[inline]
    pub(crate) fn step_of(&self, time: Nanos) -> usize {
        let step = time.saturating_sub(self.range.start) / self.width;
        usize::try_from(step).unwrap_or(0).min(self.n_steps.saturating_sub(1))
    }

    pub(crate) fn start_of(&self, step: usize) -> Nanos {
        self.range.start.saturating_add(self.width.saturating_mul(step as Nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_cover_the_range_and_no_more() {
        let steps = Steps::new(TimeRange::new(100, 110), 3);
        assert_eq!((steps.width, steps.n_steps), (4, 3));
        let found: Vec<usize> = (100..110).map(|time| steps.step_of(time)).collect();
        assert_eq!(found, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
        assert_eq!(Steps::new(TimeRange::new(5, 5), 10).n_steps, 0);
        assert_eq!(Steps::new(TimeRange::new(0, 2), 10).n_steps, 2);
        assert_eq!(Steps::new(TimeRange::ALL, 4).n_steps, 4);
    }
}
