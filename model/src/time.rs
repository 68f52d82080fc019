//! Time as the whole workspace counts it: nanoseconds since the Unix epoch, in UTC.

/// Nanoseconds since the Unix epoch. Negative before 1970; `i64` lasts until the year 2262.
pub type Nanos = i64;

pub const MICROSECOND: Nanos = 1_000;
pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000_000_000;
pub const MINUTE: Nanos = 60 * SECOND;
pub const HOUR: Nanos = 60 * MINUTE;
pub const DAY: Nanos = 24 * HOUR;

/// A half-open range of time, `start <= t < end`. The end [`Nanos::MAX`] stands for no end: the last nanosecond belongs to the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TimeRange {
    pub start: Nanos,
    pub end: Nanos,
}

impl TimeRange {
    /// Every time there is.
    pub const ALL: TimeRange = TimeRange { start: Nanos::MIN, end: Nanos::MAX };

    pub fn new(start: Nanos, end: Nanos) -> Self {
        TimeRange { start, end }
    }

    pub fn contains(&self, time: Nanos) -> bool {
        self.start <= time && (time < self.end || self.end == Nanos::MAX)
    }

    /// Whether this range and the closed range `[min, max]` share a point.
    pub fn overlaps(&self, min: Nanos, max: Nanos) -> bool {
        (min < self.end || self.end == Nanos::MAX) && max >= self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Length in nanoseconds, 0 when empty.
    pub fn length(&self) -> Nanos {
        self.end.saturating_sub(self.start).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_half_open() {
        let range = TimeRange::new(10, 20);
        assert!(range.contains(10) && !range.contains(20));
        assert!(range.overlaps(0, 10) && !range.overlaps(20, 30) && range.overlaps(19, 40));
        assert_eq!(range.length(), 10);
        assert_eq!(TimeRange::ALL.length(), Nanos::MAX);
    }

    #[test]
    fn a_range_without_end_has_the_last_nanosecond() {
        assert!(TimeRange::ALL.contains(Nanos::MAX) && TimeRange::ALL.contains(Nanos::MIN));
        assert!(TimeRange::new(5, Nanos::MAX).overlaps(Nanos::MAX, Nanos::MAX));
        assert!(!TimeRange::new(5, Nanos::MAX - 1).contains(Nanos::MAX - 1));
    }
}
