//! Recurring times, such as the night or the weekend (prometheus/alertmanager, `timeinterval/timeinterval.go`).

use std::ops::{Range, RangeInclusive};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Nanos;

/// A time is within it if all of its parts that are there have it; a part has it if one of its ranges does.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeInterval {
    /// Minutes of the day, up to 1440.
    pub(super) times: Vec<Range<u16>>,
    /// Days of the week from Sunday, which is 0.
    pub(super) weekdays: Vec<RangeInclusive<i64>>,
    /// Days of the month from 1, or from the end of the month, whose last day is -1.
    pub(super) days_of_month: Vec<RangeInclusive<i64>>,
    /// From 1.
    pub(super) months: Vec<RangeInclusive<i64>>,
    pub(super) years: Vec<RangeInclusive<i64>>,
    pub(super) location: TimeZone,
}

impl TimeInterval {
    /// Whether the time, by the clocks of the location, is within it.
    pub fn contains(&self, time: Nanos) -> bool {
        let timestamp = Timestamp::from_nanosecond(time.into()).unwrap_or_default();
        let local = self.location.to_datetime(timestamp);
        let minute = local.hour().unsigned_abs() as u16 * 60 + local.minute().unsigned_abs() as u16;
        let has = |ranges: &[RangeInclusive<i64>], value: i64| {
            ranges.is_empty() || ranges.iter().any(|range| range.contains(&value))
        };
        let (day, days) = (i64::from(local.day()), i64::from(local.date().days_in_month()));
        let from_start = |day: i64| if day < 0 { days + day + 1 } else { day };
        let has_day = |range: &RangeInclusive<i64>| {
            // A range that is beyond the end of a short month has no day of it.
            (from_start(*range.start())..=from_start(*range.end())).contains(&day)
        };
        (self.times.is_empty() || self.times.iter().any(|range| range.contains(&minute)))
            && has(&self.weekdays, local.weekday().to_sunday_zero_offset().into())
            && (self.days_of_month.is_empty() || self.days_of_month.iter().any(has_day))
            && has(&self.months, local.month().into())
            && has(&self.years, local.year().into())
    }
}

/// `18:00` or `24:00` as minutes of the day.
pub(super) fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| -> Option<u16> {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}

/// `from:to` or one value as a range, each read by `value`; `None` if one of them is none or they are the wrong way round.
fn range(text: &str, value: impl Fn(&str) -> Option<i64>) -> Option<RangeInclusive<i64>> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    let (from, to) = (value(from.trim())?, value(to.trim())?);
    (from <= to).then_some(from..=to)
}

fn named(names: &[&str], text: &str) -> Option<i64> {
    names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|index| i64::try_from(index).ok())
}

pub(super) fn weekdays(text: &str) -> Option<RangeInclusive<i64>> {
    const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    range(text, |day| named(&NAMES, day))
}

pub(super) fn months(text: &str) -> Option<RangeInclusive<i64>> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let number = |text: &str| text.parse().ok().filter(|month| (1..=12).contains(month));
    range(text, |month| named(&NAMES, month).map(|index| index + 1).or_else(|| number(month)))
}

pub(super) fn years(text: &str) -> Option<RangeInclusive<i64>> {
    range(text, |year| year.parse().ok().filter(|year| (1970..=9999).contains(year)))
}

pub(super) fn days_of_month(text: &str) -> Option<RangeInclusive<i64>> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    let day = |text: &str| text.trim().parse().ok().filter(|day| (-31..=31).contains(day) && *day != 0);
    let (from, to): (i64, i64) = (day(from)?, day(to)?);
    // From the end to a day from the start is empty in most months and not in others, so it is a mistake.
    let is_forward = (from > 0 && to < 0) || ((from > 0) == (to > 0) && from <= to);
    is_forward.then_some(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn always() -> TimeInterval {
        TimeInterval {
            times: Vec::new(),
            weekdays: Vec::new(),
            days_of_month: Vec::new(),
            months: Vec::new(),
            years: Vec::new(),
            location: TimeZone::UTC,
        }
    }

    fn holds(interval: &TimeInterval, time: &str) -> bool {
        interval.contains(time.parse::<Timestamp>().unwrap().as_nanosecond() as Nanos)
    }

    #[test]
    fn each_part_has_its_times() {
        let night = TimeInterval { times: vec![0..clock("06:00").unwrap(), clock("18:00").unwrap()..1440], ..always() };
        let week = TimeInterval { weekdays: vec![weekdays("monday:friday").unwrap()], ..always() };
        let weekend =
            TimeInterval { weekdays: ["Saturday", "sunday"].map(|day| weekdays(day).unwrap()).into(), ..always() };
        let ends = TimeInterval { days_of_month: vec![days_of_month("-3:-1").unwrap()], ..always() };
        let late = TimeInterval { days_of_month: vec![days_of_month("30:31").unwrap()], ..always() };
        let most = TimeInterval { days_of_month: vec![days_of_month("2:-2").unwrap()], ..always() };
        let summer =
            TimeInterval { months: vec![months("may:8").unwrap()], years: vec![years("2026").unwrap()], ..always() };
        let berlin = TimeInterval {
            times: vec![540..720, 720..1020],
            location: crate::zone::find("Europe/Berlin").unwrap(),
            ..always()
        };
        let table = [
            (&night, "2026-03-02T05:59:59Z", true),
            (&night, "2026-03-02T06:00:00Z", false),
            (&night, "2026-03-02T17:59:59Z", false),
            (&night, "2026-03-02T18:00:00Z", true),
            (&night, "2026-03-02T23:59:59Z", true),
            (&week, "2026-03-02T00:00:00Z", true),
            (&week, "2026-03-06T23:59:59Z", true),
            (&week, "2026-03-07T00:00:00Z", false),
            (&weekend, "2026-03-07T00:00:00Z", true),
            (&weekend, "2026-03-08T23:00:00Z", true),
            (&weekend, "2026-03-09T00:00:00Z", false),
            (&ends, "2026-02-25T00:00:00Z", false),
            (&ends, "2026-02-26T00:00:00Z", true),
            (&ends, "2028-02-26T00:00:00Z", false),
            (&ends, "2028-02-29T23:59:59Z", true),
            (&late, "2026-02-28T12:00:00Z", false),
            (&late, "2026-03-31T12:00:00Z", true),
            (&most, "2026-02-01T12:00:00Z", false),
            (&most, "2026-02-27T12:00:00Z", true),
            (&most, "2026-02-28T12:00:00Z", false),
            (&summer, "2026-05-01T00:00:00Z", true),
            (&summer, "2026-09-01T00:00:00Z", false),
            (&summer, "2027-06-01T00:00:00Z", false),
            // The day that the clocks go forward, and one before.
            (&berlin, "2026-03-28T08:00:00Z", true),
            (&berlin, "2026-03-28T07:30:00Z", false),
            (&berlin, "2026-03-29T07:30:00Z", true),
            (&berlin, "2026-03-29T15:00:00Z", false),
            (&always(), "2026-03-29T15:00:00Z", true),
        ];
        for (interval, time, expected) in table {
            assert_eq!(holds(interval, time), expected, "{time} in {interval:?}");
        }
    }

    #[test]
    fn ranges_are_refused_that_are_none() {
        for text in ["6:00", "25:00", "24:01", "12:60", "12", "ab:cd", "+1:00", "12:00:00"] {
            assert_eq!(clock(text), None, "{text}");
        }
        assert_eq!((clock("00:00"), clock("24:00")), (Some(0), Some(1440)));
        for text in ["friday:monday", "mon", "", "monday:"] {
            assert_eq!(weekdays(text), None, "{text}");
        }
        for text in ["0", "32", "-1:1", "5:1", "-1:-3", "x", "-32"] {
            assert_eq!(days_of_month(text), None, "{text}");
        }
        assert_eq!(days_of_month("1:-1"), Some(RangeInclusive::new(1, -1)));
        for text in ["13", "0", "december:january", "mai"] {
            assert_eq!(months(text), None, "{text}");
        }
        for text in ["2027:2026", "26", "x"] {
            assert_eq!(years(text), None, "{text}");
        }
    }
}
