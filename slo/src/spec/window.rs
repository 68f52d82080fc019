//! The window of an SLO: the last so many days, or a calendar's day, week, month, quarter or year.

use std::fmt;

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use model::time::{DAY, HOUR};
use model::{Nanos, TimeRange};

use crate::{duration, zone};

/// The most that a change of clocks makes a calendar window longer; `Antarctica/Troll` moves by two hours.
const CLOCK_CHANGE: Nanos = 2 * HOUR;

/// Over what time good and bad events are set against the objective.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// The time of this length that ends now; 1 hour to 366 days.
    Rolling(Nanos),
    /// The part of the calendar in which now lies; the budget is whole again when the next one begins.
    Calendar(Calendar),
}

/// Windows that follow each other without a gap, each from midnight to midnight in one time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    pub unit: CalendarUnit,
    /// A day on which a window begins; not after the 28th, so that every month has it. It says on which weekday a week
    /// begins, on which day a month, and in which month a quarter or a year.
    pub from: Date,
    pub zone: TimeZone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarUnit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl CalendarUnit {
    pub const ALL: [CalendarUnit; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The word in files.
    pub fn name(self) -> &'static str {
        match self {
            CalendarUnit::Day => "day",
            CalendarUnit::Week => "week",
            CalendarUnit::Month => "month",
            CalendarUnit::Quarter => "quarter",
            CalendarUnit::Year => "year",
        }
    }

    /// The day on which windows begin where the file names none: a Monday (ISO 8601), and the first of January.
    pub fn default_from(self) -> Date {
        match self {
            CalendarUnit::Week => date(1970, 1, 5),
            _ => date(1970, 1, 1),
        }
    }

    fn months(self) -> i32 {
        match self {
            CalendarUnit::Day | CalendarUnit::Week => 0,
            CalendarUnit::Month => 1,
            CalendarUnit::Quarter => 3,
            CalendarUnit::Year => 12,
        }
    }

    /// The distance from the first day of one window to that of the next.
    fn span(self) -> Span {
        match self {
            CalendarUnit::Day => 1.day(),
            CalendarUnit::Week => 7.days(),
            _ => self.months().months(),
        }
    }
}

impl Calendar {
    /// The window in which `now` lies.
    pub fn range(&self, now: Nanos) -> TimeRange {
        let today = zone::date_at(&self.zone, now);
        let first = self.first_day(today);
        let next = first.checked_add(self.unit.span()).unwrap_or(Date::MAX);
        let midnight = |day: Date| zone::instant(&self.zone, day.to_datetime(Time::midnight()));
        TimeRange::new(midnight(first), midnight(next))
    }

    /// The first day of the window in which `today` lies.
    fn first_day(&self, today: Date) -> Date {
        if self.unit == CalendarUnit::Day {
            return today;
        }
        if self.unit == CalendarUnit::Week {
            let weekday = |day: Date| i64::from(day.weekday().to_monday_zero_offset());
            let back = (weekday(today) - weekday(self.from)).rem_euclid(7);
            return today.checked_sub(back.days()).unwrap_or(today);
        }
        let month = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month()) - 1;
        let begun = month(today) - i32::from(today.day() < self.from.day());
        let first = begun - (begun - month(self.from)).rem_euclid(self.unit.months());
        let year = i16::try_from(first.div_euclid(12));
        let day = year.ok().and_then(|year| Date::new(year, first.rem_euclid(12) as i8 + 1, self.from.day()).ok());
        day.unwrap_or(today)
    }
}

impl Window {
    /// The time over which the SLO is judged at `now`: for a calendar window to its end, which lies ahead.
    pub fn range(&self, now: Nanos) -> TimeRange {
        match self {
            Window::Rolling(length) => TimeRange::new(now.saturating_sub(*length), now),
            Window::Calendar(calendar) => calendar.range(now),
        }
    }

    /// The length by which alert windows are scaled: that of a month is 30 days, of a quarter 90, of a year 365.
    pub fn nominal(&self) -> Nanos {
        match self {
            Window::Rolling(length) => *length,
            Window::Calendar(calendar) => match calendar.unit {
                CalendarUnit::Day => DAY,
                CalendarUnit::Week => 7 * DAY,
                CalendarUnit::Month => 30 * DAY,
                CalendarUnit::Quarter => 90 * DAY,
                CalendarUnit::Year => 365 * DAY,
            },
        }
    }

    /// The greatest length that a window can have.
    pub fn longest(&self) -> Nanos {
        match self {
            Window::Rolling(length) => *length,
            Window::Calendar(calendar) => match calendar.unit {
                CalendarUnit::Day => DAY + CLOCK_CHANGE,
                CalendarUnit::Week => 7 * DAY + CLOCK_CHANGE,
                CalendarUnit::Month => 31 * DAY + CLOCK_CHANGE,
                CalendarUnit::Quarter => 92 * DAY + CLOCK_CHANGE,
                CalendarUnit::Year => 366 * DAY + CLOCK_CHANGE,
            },
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Rolling(length) => f.write_str(&duration::format(*length)),
            Window::Calendar(calendar) => {
                write!(f, "a calendar {}", calendar.unit.name())?;
                if calendar.from != calendar.unit.default_from() {
                    write!(f, " from {}", calendar.from)?;
                }
                write!(f, " ({})", calendar.zone.iana_name().unwrap_or("UTC"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn calendar(unit: CalendarUnit, from: Option<Date>, name: &str) -> Calendar {
        Calendar { unit, from: from.unwrap_or(unit.default_from()), zone: zone::find(name).unwrap() }
    }

    fn at(text: &str) -> Nanos {
        text.parse::<Timestamp>().unwrap().as_nanosecond() as Nanos
    }

    /// Clocks: Berlin goes forward on 2026-03-29 and back on 2026-10-25, New York on 2026-03-08 and 2026-11-01.
    /// Cairo has no midnight on 2026-04-24, Havana had two on 2023-11-05.
    #[test]
    fn a_window_is_what_the_calendar_of_its_zone_says() {
        use CalendarUnit::*;
        let table = [
            (Day, None, "UTC", "2026-11-23T19:00:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
            (Day, None, "Asia/Seoul", "2026-11-23T19:00:00Z", "2026-11-23T15:00:00Z", "2026-11-24T15:00:00Z"),
            (Day, None, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Day, None, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            (Day, None, "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
            (Day, None, "America/Havana", "2023-11-05T12:00:00Z", "2023-11-05T04:00:00Z", "2023-11-06T05:00:00Z"),
            (Week, None, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Week, None, "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
            (
                Week,
                Some(date(2026, 1, 4)),
                "UTC",
                "2026-11-22T23:59:59Z",
                "2026-11-22T00:00:00Z",
                "2026-11-29T00:00:00Z",
            ),
            (Week, None, "America/New_York", "2026-11-01T12:00:00Z", "2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z"),
            (Month, None, "UTC", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            (Month, None, "Europe/Berlin", "2026-03-31T22:30:00Z", "2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z"),
            (Month, None, "Europe/Berlin", "2026-03-31T21:30:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
            (
                Month,
                Some(date(2026, 1, 15)),
                "UTC",
                "2026-03-14T23:00:00Z",
                "2026-02-15T00:00:00Z",
                "2026-03-15T00:00:00Z",
            ),
            (
                Month,
                Some(date(2026, 1, 15)),
                "UTC",
                "2026-01-10T00:00:00Z",
                "2025-12-15T00:00:00Z",
                "2026-01-15T00:00:00Z",
            ),
            (
                Month,
                Some(date(2026, 1, 28)),
                "UTC",
                "2026-03-01T00:00:00Z",
                "2026-02-28T00:00:00Z",
                "2026-03-28T00:00:00Z",
            ),
            (Quarter, None, "UTC", "2026-11-23T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (
                Quarter,
                Some(date(2020, 2, 1)),
                "UTC",
                "2026-01-31T00:00:00Z",
                "2025-11-01T00:00:00Z",
                "2026-02-01T00:00:00Z",
            ),
            (Year, None, "Asia/Seoul", "2026-12-31T15:00:00Z", "2026-12-31T15:00:00Z", "2027-12-31T15:00:00Z"),
            (
                Year,
                Some(date(2020, 4, 1)),
                "UTC",
                "2026-03-31T00:00:00Z",
                "2025-04-01T00:00:00Z",
                "2026-04-01T00:00:00Z",
            ),
        ];
        for (unit, from, name, now, start, end) in table {
            let window = Window::Calendar(calendar(unit, from, name));
            let range = window.range(at(now));
            assert_eq!(range, TimeRange::new(at(start), at(end)), "{window} at {now}");
            assert!(range.length() <= window.longest() && range.contains(at(now)), "{window} at {now}");
        }
    }

    /// Every hour of eight years: each window holds its time, and the next begins where it ends.
    #[test]
    fn windows_follow_each_other_without_a_gap() {
        for unit in CalendarUnit::ALL {
            for name in ["UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Antarctica/Troll"] {
                let calendar = calendar(unit, Some(date(2023, 5, 28)), name);
                let (mut now, end) = (at("2022-01-01T00:30:00Z"), at("2030-01-01T00:00:00Z"));
                while now < end {
                    let range = calendar.range(now);
                    assert!(range.contains(now), "{unit:?} {name} {now}");
                    assert_eq!(calendar.range(range.end - 1), range, "{unit:?} {name} {now}");
                    assert_eq!(calendar.range(range.end).start, range.end, "{unit:?} {name} {now}");
                    now = range.end + HOUR;
                }
            }
        }
    }

    #[test]
    fn times_at_the_ends_of_time_have_a_window() {
        for unit in CalendarUnit::ALL {
            let calendar = calendar(unit, None, "Asia/Seoul");
            assert!(calendar.range(Nanos::MAX).start > 0 && calendar.range(Nanos::MIN).end < 0);
        }
    }

    #[test]
    fn says_itself() {
        let window = |unit, from| Window::Calendar(calendar(unit, from, "Europe/Berlin")).to_string();
        assert_eq!(window(CalendarUnit::Month, None), "a calendar month (Europe/Berlin)");
        assert_eq!(
            window(CalendarUnit::Week, Some(date(2026, 1, 4))),
            "a calendar week from 2026-01-04 (Europe/Berlin)"
        );
        assert_eq!(Window::Rolling(30 * DAY).to_string(), "30d");
    }
}
