//! Times that do not count: planned work, once or again and again.

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use model::time::DAY;
use model::{Nanos, TimeRange};

use crate::zone;

/// Events of these times are no part of any window, so that they neither burn budget nor earn it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    pub when: When,
    /// For people; may be empty.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum When {
    Once(TimeRange),
    Recurring(Recurrence),
}

/// A length of time that begins at the same time by the clocks of a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrence {
    pub days: Days,
    /// By the clocks of `zone`. Where they skip it, it is as much later; where they show it twice, it is the first.
    pub at: Time,
    /// Time that passes, also where clocks change meanwhile; at most [`Days::most`].
    pub length: Nanos,
    pub zone: TimeZone,
    /// The first and the last day on which it may begin.
    pub from: Date,
    pub until: Date,
}

/// On which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    Every,
    /// In the order of the file, each once.
    Weekdays(Vec<Weekday>),
    /// The day of the month, 1 to 28.
    OfMonth(i8),
}

impl Days {
    /// The longest that one occurrence may be: no more than the time to the next one can be.
    pub fn most(&self) -> Nanos {
        match self {
            Days::Every => DAY,
            Days::Weekdays(_) => 7 * DAY,
            Days::OfMonth(_) => 28 * DAY,
        }
    }

    fn has(&self, day: Date) -> bool {
        match self {
            Days::Every => true,
            Days::Weekdays(days) => days.contains(&day.weekday()),
            Days::OfMonth(number) => day.day() == *number,
        }
    }
}

impl Recurrence {
    /// The occurrences that overlap `range`, in their order.
    fn within(&self, range: TimeRange) -> Vec<TimeRange> {
        // A day more on both sides than the longest occurrence reaches, since clocks change.
        let reach = self.length.saturating_add(DAY);
        let mut day = zone::date_at(&self.zone, range.start.saturating_sub(reach)).max(self.from);
        let last = zone::date_at(&self.zone, range.end.saturating_add(DAY)).min(self.until);
        let mut found = Vec::new();
        while day <= last {
            if self.days.has(day) {
                let start = zone::instant(&self.zone, day.to_datetime(self.at));
                let end = start.saturating_add(self.length);
                if start < range.end && end > range.start {
                    found.push(TimeRange::new(start, end));
                }
            }
            let Ok(next) = day.checked_add(1.day()) else { break };
            day = next;
        }
        found
    }
}

/// The times within `range` that any of `exclusions` excludes: in order, apart from each other, cut off at its ends.
pub fn excluded(exclusions: &[Exclusion], range: TimeRange) -> Vec<TimeRange> {
    let mut found: Vec<TimeRange> = Vec::new();
    for exclusion in exclusions {
        match &exclusion.when {
            When::Once(time) => found.push(*time),
            When::Recurring(recurrence) => found.extend(recurrence.within(range)),
        }
    }
    let cut = |time: &TimeRange| TimeRange::new(time.start.max(range.start), time.end.min(range.end));
    found = found.iter().map(cut).filter(|time| !time.is_empty()).collect();
    found.sort_by_key(|time| time.start);
    let mut joined: Vec<TimeRange> = Vec::with_capacity(found.len());
    for time in found {
        match joined.last_mut() {
            Some(last) if time.start <= last.end => last.end = last.end.max(time.end),
            _ => joined.push(time),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::{date, time};
    use model::time::{HOUR, MINUTE};

    use super::*;

    fn at(text: &str) -> Nanos {
        text.parse::<Timestamp>().unwrap().as_nanosecond() as Nanos
    }

    fn range(start: &str, end: &str) -> TimeRange {
        TimeRange::new(at(start), at(end))
    }

    fn recurring(days: Days, at: Time, length: Nanos, zone: &str) -> Recurrence {
        let zone = zone::find(zone).unwrap();
        Recurrence { days, at, length, zone, from: Date::MIN, until: Date::MAX }
    }

    fn times(when: Recurrence, within: TimeRange) -> Vec<String> {
        let exclusion = Exclusion { when: When::Recurring(when), reason: String::new() };
        let text = |nanos: Nanos| Timestamp::from_nanosecond(nanos.into()).unwrap().to_string();
        excluded(&[exclusion], within).iter().map(|time| format!("{} {}", text(time.start), text(time.end))).collect()
    }

    /// By the calendar: 2026-11-22 is a Sunday.
    #[test]
    fn recurs_on_its_days() {
        let week = range("2026-11-16T00:00:00Z", "2026-11-30T00:00:00Z");
        let weekend = Days::Weekdays(vec![Weekday::Sunday, Weekday::Saturday]);
        assert_eq!(
            times(recurring(weekend, time(2, 0, 0, 0), HOUR, "UTC"), week),
            [
                "2026-11-21T02:00:00Z 2026-11-21T03:00:00Z",
                "2026-11-22T02:00:00Z 2026-11-22T03:00:00Z",
                "2026-11-28T02:00:00Z 2026-11-28T03:00:00Z",
                "2026-11-29T02:00:00Z 2026-11-29T03:00:00Z",
            ]
        );
        assert_eq!(
            times(recurring(Days::OfMonth(20), time(23, 30, 0, 0), 2 * HOUR, "Asia/Seoul"), week),
            ["2026-11-20T14:30:00Z 2026-11-20T16:30:00Z"]
        );
        let mut daily = recurring(Days::Every, time(0, 0, 0, 0), MINUTE, "UTC");
        (daily.from, daily.until) = (date(2026, 11, 17), date(2026, 11, 18));
        assert_eq!(times(daily, week).len(), 2);
    }

    /// Berlin skips 02:00 to 03:00 on 2026-03-29 and has 02:00 to 03:00 twice on 2026-10-25.
    #[test]
    fn follows_the_clocks_of_its_zone() {
        let daily = |clock| recurring(Days::Every, clock, HOUR, "Europe/Berlin");
        let spring = range("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(
            times(daily(time(2, 30, 0, 0)), spring),
            [
                "2026-03-28T01:30:00Z 2026-03-28T02:30:00Z",
                // 02:30 does not exist: half past three, which is 01:30 in UTC.
                "2026-03-29T01:30:00Z 2026-03-29T02:30:00Z",
                "2026-03-30T00:30:00Z 2026-03-30T01:30:00Z",
            ]
        );
        let autumn = range("2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(
            times(daily(time(2, 30, 0, 0)), autumn),
            [
                "2026-10-24T00:30:00Z 2026-10-24T01:30:00Z",
                "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z",
                "2026-10-26T01:30:00Z 2026-10-26T02:30:00Z",
            ]
        );
    }

    #[test]
    fn overlapping_times_are_one_and_are_cut_off_at_the_ends() {
        let once = |start, end| Exclusion { when: When::Once(TimeRange::new(start, end)), reason: String::new() };
        let list = [once(50, 70), once(10, 20), once(20, 30), once(60, 65), once(0, 5), once(95, 200)];
        let got = excluded(&list, TimeRange::new(3, 100));
        assert_eq!(got, [(3, 5), (10, 30), (50, 70), (95, 100)].map(|(start, end)| TimeRange::new(start, end)));
    }

    /// A night that began before the range, and one that has not ended with it.
    #[test]
    fn an_occurrence_may_reach_over_both_ends() {
        let night = recurring(Days::Every, time(22, 0, 0, 0), 8 * HOUR, "UTC");
        assert_eq!(
            times(night, range("2026-11-22T01:00:00Z", "2026-11-22T23:00:00Z")),
            ["2026-11-22T01:00:00Z 2026-11-22T06:00:00Z", "2026-11-22T22:00:00Z 2026-11-22T23:00:00Z"]
        );
    }

    #[test]
    fn the_ends_of_time_do_not_end_the_search_badly() {
        let daily = recurring(Days::Every, time(0, 0, 0, 0), HOUR, "Asia/Seoul");
        assert!(daily.within(TimeRange::new(Nanos::MAX - DAY, Nanos::MAX)).len() <= 2);
        assert!(daily.within(TimeRange::new(Nanos::MIN, Nanos::MIN + DAY)).len() <= 3);
    }
}
