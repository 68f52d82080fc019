//! Parts of dates, in UTC, of samples that are seconds since the epoch.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    DaysInMonth,
    Hour,
    Minute,
    Month,
    Year,
}

/// The seconds of this many years on either side of 1970 are told apart; others count as the nearest of them.
const MAX_SECONDS: i64 = 1_000_000 * 365 * 86_400;

impl Part {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "day_of_month" => Part::DayOfMonth,
            "day_of_week" => Part::DayOfWeek,
            "day_of_year" => Part::DayOfYear,
            "days_in_month" => Part::DaysInMonth,
            "hour" => Part::Hour,
            "minute" => Part::Minute,
            "month" => Part::Month,
            "year" => Part::Year,
            _ => return None,
        })
    }

    /// The part of the time `seconds` after the epoch.
    pub(in super::super) fn of(self, seconds: f64) -> f64 {
        if seconds.is_nan() {
            return f64::NAN;
        }
        let seconds = (seconds as i64).clamp(-MAX_SECONDS, MAX_SECONDS);
        let days = seconds.div_euclid(86_400);
        let date = Date::of(days);
        (match self {
            Part::DayOfMonth => date.day,
            Part::DayOfWeek => (days + 4).rem_euclid(7), // the epoch was a Thursday
            Part::DayOfYear => days - Date::days_to(date.year, 1) + 1,
            Part::DaysInMonth => {
                let (year, month) = if date.month == 12 { (date.year + 1, 1) } else { (date.year, date.month + 1) };
                Date::days_to(year, month) - Date::days_to(date.year, date.month)
            }
            Part::Hour => seconds.rem_euclid(86_400) / 3_600,
            Part::Minute => seconds.rem_euclid(3_600) / 60,
            Part::Month => date.month,
            Part::Year => date.year,
        }) as f64
    }
}

/// A date of the proleptic Gregorian calendar. The arithmetic counts from March, so that the leap day comes last:
/// Howard Hinnant, "chrono-compatible low-level date algorithms".
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

const DAYS_OF_400_YEARS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

impl Date {
    fn of(days: i64) -> Self {
        let days = days + DAYS_TO_EPOCH;
        let era = days.div_euclid(DAYS_OF_400_YEARS);
        let day_of_era = days.rem_euclid(DAYS_OF_400_YEARS);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date { year, month, day: day_of_year - (153 * month_from_march + 2) / 5 + 1 }
    }

    /// The days from the epoch to the first of `month`.
    fn days_to(year: i64, month: i64) -> i64 {
        let year = year - i64::from(month <= 2);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (month + 9) % 12;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * month_from_march + 2) / 5;
        year.div_euclid(400) * DAYS_OF_400_YEARS + day_of_era - DAYS_TO_EPOCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_known_dates() {
        use Part::*;
        // seconds, then the parts in the order of `parts`
        let parts = [Year, Month, DayOfMonth, DayOfWeek, DayOfYear, DaysInMonth, Hour, Minute];
        let cases: [(f64, [f64; 8]); 6] = [
            (0.0, [1970.0, 1.0, 1.0, 4.0, 1.0, 31.0, 0.0, 0.0]),
            (-1.0, [1969.0, 12.0, 31.0, 3.0, 365.0, 31.0, 23.0, 59.0]),
            (1_136_239_445.0, [2006.0, 1.0, 2.0, 1.0, 2.0, 31.0, 22.0, 4.0]),
            (1_456_790_399.0, [2016.0, 2.0, 29.0, 1.0, 60.0, 29.0, 23.0, 59.0]),
            (1_483_191_420.0, [2016.0, 12.0, 31.0, 6.0, 366.0, 31.0, 13.0, 37.0]),
            (951_782_400.0, [2000.0, 2.0, 29.0, 2.0, 60.0, 29.0, 0.0, 0.0]),
        ];
        for (seconds, expected) in cases {
            assert_eq!(parts.map(|part| part.of(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn far_times_do_not_overflow() {
        for seconds in [f64::MAX, f64::MIN, f64::INFINITY, 1e18] {
            assert!(Part::DaysInMonth.of(seconds) >= 28.0);
        }
        assert!(Part::Year.of(f64::NAN).is_nan());
    }
}
