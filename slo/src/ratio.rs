//! The two numbers that decide whether an alert fires, kept as integers so that "exactly at the threshold" is exact:
//! in floating point 144 bad of 10,000 against 14.4 × (1 − 0.999) comes out on either side by rounding.

use std::fmt;

/// Billion parts of a whole: the unit of [`Objective`].
const WHOLE: u64 = 1_000_000_000;

/// The promised share of good events, between 0 and 1 exclusive, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objective(u64);

impl Objective {
    /// The objective of so many percent, or `None` unless it lies strictly between 0 and 100.
    ///
    /// Rounded to seven decimals of a percent (99.99999 % is five seconds per six days; nobody promises finer).
    pub fn from_percent(percent: f64) -> Option<Self> {
        if !(percent > 0.0 && percent < 100.0) {
            return None;
        }
        // In (0, 1e9), so the cast neither truncates nor changes the sign.
        let parts = (percent * 1e7).round() as u64;
        (parts > 0 && parts < WHOLE).then_some(Self(parts))
    }

    /// The objective in percent, for example 99.9.
    pub fn percent(self) -> f64 {
        self.0 as f64 / 1e7
    }

    /// The share of events that may be bad: 1 − objective, between 0 and 1.
    pub fn error_budget(self) -> f64 {
        self.allowed_parts() as f64 / WHOLE as f64
    }

    fn allowed_parts(self) -> u64 {
        WHOLE - self.0
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent())
    }
}

/// How many times faster than sustainable the error budget is spent, in thousandths; a threshold of an alert tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BurnRate(u64);

impl BurnRate {
    /// The burn rate of `thousandths` / 1000; zero is a threshold that any bad event exceeds.
    pub const fn from_thousandths(thousandths: u64) -> Self {
        Self(thousandths)
    }

    /// The burn rate nearest to `value` in thousandths, or `None` unless it lies in 0.001 ..= 1e9.
    ///
    /// 1e9 is the burn rate of a total outage at the strictest objective there is.
    pub fn from_value(value: f64) -> Option<Self> {
        if !(value > 0.0 && value <= 1e9) {
            return None;
        }
        let thousandths = (value * 1e3).round() as u64;
        (thousandths > 0).then_some(Self(thousandths))
    }

    /// The burn rate as a number, for example 14.4.
    pub fn value(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// Whether `bad` of `total` events burn strictly faster than this rate; never so without events.
    ///
    /// Strictly, as in the SRE workbook's expression `error_ratio > 14.4 * (1 - objective)`.
    pub fn is_exceeded(self, bad: u64, total: u64, objective: Objective) -> bool {
        // bad / total > rate × allowed, multiplied out. The left side stays below 2^64 × 1e12 < 2^104, so a right side
        // that saturates is rightly not exceeded.
        let left = u128::from(bad) * u128::from(WHOLE) * 1000;
        let right = (u128::from(self.0) * u128::from(objective.allowed_parts())).saturating_mul(u128::from(total));
        total > 0 && left > right
    }

    /// Whether some mixture of events can exceed this rate; a total outage burns at 1 / (1 − objective), nothing is faster.
    pub fn is_reachable(self, objective: Objective) -> bool {
        self.is_exceeded(1, 1, objective)
    }
}

impl fmt::Display for BurnRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective(percent: f64) -> Objective {
        Objective::from_percent(percent).unwrap()
    }

    fn rate(value: f64) -> BurnRate {
        BurnRate::from_value(value).unwrap()
    }

    #[test]
    fn objective_lies_strictly_between_0_and_100_percent() {
        for bad in [0.0, -1.0, 100.0, 100.1, f64::NAN, f64::INFINITY, 1e-9, 99.999_999_999_9] {
            assert_eq!(Objective::from_percent(bad), None, "{bad}");
        }
        for (good, text) in [(99.9, "99.9%"), (50.0, "50%"), (99.95, "99.95%"), (99.99999, "99.99999%"), (0.1, "0.1%")]
        {
            assert_eq!(objective(good).to_string(), text);
        }
        assert_eq!(objective(99.9).error_budget(), 0.001);
    }

    #[test]
    fn burn_rate_is_positive_and_bounded() {
        for bad in [0.0, -1.0, 1e9 + 1.0, f64::NAN, f64::INFINITY, 0.000_1] {
            assert_eq!(BurnRate::from_value(bad), None, "{bad}");
        }
        assert_eq!(rate(14.4).to_string(), "14.4");
        assert_eq!(rate(1.0).to_string(), "1");
    }

    /// By hand: at 99.9 % and 14.4 the threshold ratio is 0.0144, that is 144 of 10,000.
    #[test]
    fn exactly_at_the_threshold_is_not_exceeded() {
        let table = [
            (99.9, 14.4, 144, 10_000, false),
            (99.9, 14.4, 145, 10_000, true),
            (99.9, 14.4, 1_440_001, 100_000_000, true),
            (99.9, 6.0, 6, 1_000, false),
            (99.9, 6.0, 7, 1_000, true),
            (99.9, 3.0, 3, 1_000, false),
            (99.9, 1.0, 1, 1_000, false),
            (99.9, 1.0, 1, 999, true),
            (99.5, 14.4, 72, 1_000, false),
            (99.5, 14.4, 73, 1_000, true),
            (95.0, 14.4, 72, 100, false),
            (95.0, 14.4, 73, 100, true),
            (90.0, 14.4, 100, 100, false),
            (99.99, 14.4, 144, 100_000, false),
            (99.99, 14.4, 145, 100_000, true),
            (99.9, 14.4, 0, 0, false),
            (99.9, 14.4, 0, 10, false),
            (99.9, 14.4, u64::MAX, u64::MAX, true),
        ];
        for (percent, burn, bad, total, expected) in table {
            assert_eq!(
                rate(burn).is_exceeded(bad, total, objective(percent)),
                expected,
                "{bad}/{total} at {burn} of {percent}"
            );
        }
    }

    /// The highest possible burn rate is 1 / (1 − objective): 1000 at 99.9 %, 20 at 95 %, 14.2857 at 93 %, 10 at 90 %.
    #[test]
    fn a_rate_above_that_of_a_total_outage_is_unreachable() {
        let table = [
            (99.9, 999.9, true),
            (99.9, 1000.0, false),
            (95.0, 14.4, true),
            (95.0, 20.0, false),
            (93.0, 14.4, false),
            (93.06, 14.4, true),
            (90.0, 14.4, false),
            (90.0, 6.0, true),
            (50.0, 2.0, false),
            (50.0, 1.999, true),
        ];
        for (percent, burn, expected) in table {
            assert_eq!(rate(burn).is_reachable(objective(percent)), expected, "{burn} at {percent}");
        }
    }
}
