//! The window of an SLO, and the times that are left out of it.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use model::time::{DAY, HOUR, MINUTE};
use model::{Nanos, TimeRange};

use super::{Decoder, Fields};
use crate::spec::exclusion::{Days, Exclusion, Recurrence, When};
use crate::spec::window::{Calendar, CalendarUnit, Window};
use crate::spec::yaml::{Node, Value};
use crate::zone;

const DEFAULT_WINDOW: Nanos = 30 * DAY;
const MAX_EXCLUSIONS: usize = 100;
const DATE: &str = "a date, such as 2026-01-31";
const TIME: &str = "a time, such as 2026-01-31T22:00:00Z, or 2026-01-31T22:00 with `time_zone`";
const CLOCK: &str = "a time of day from 00:00 to 23:59 in quotes, such as \"02:30\"";
const EVERY: [(&str, u8); 3] = [("day", 0), ("week", 1), ("month", 2)];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Decoder<'_> {
    pub(super) fn window(&mut self, fields: &Fields<'_>) -> Option<Window> {
        let Some(node) = fields.get("window") else { return Some(Window::Rolling(DEFAULT_WINDOW)) };
        if !matches!(node.value, Value::Map(_)) {
            return self.duration(fields, "window", HOUR, 366 * DAY).map(Window::Rolling);
        }
        let inner = self.fields(node, &fields.path("window"), &["calendar", "time_zone", "from"])?;
        self.required(&inner, "calendar", "day, week, month, quarter or year");
        let unit = self.word(&inner, "calendar", &CalendarUnit::ALL.map(|unit| (unit.name(), unit)));
        let zone = self.zone(&inner);
        let from = match inner.get("from") {
            Some(node) => {
                let from: Option<Date> = self.parsed(node, &inner.path("from"), DATE);
                if from.is_some_and(|from| from.day() > 28) {
                    self.expected(node, &inner.path("from"), "a day that every month has, the 1st to the 28th");
                    return None;
                }
                Some(from?)
            }
            None => None,
        };
        let unit = unit?;
        let zone = zone?.unwrap_or(TimeZone::UTC);
        Some(Window::Calendar(Calendar { unit, from: from.unwrap_or(unit.default_from()), zone }))
    }

    /// The zone of `time_zone`, if it is given.
    fn zone(&mut self, fields: &Fields<'_>) -> Option<Option<TimeZone>> {
        let Some(node) = fields.get("time_zone") else { return Some(None) };
        let zone = match &node.value {
            Value::Text(name) => zone::find(name),
            _ => None,
        };
        if zone.is_none() {
            self.expected(node, &fields.path("time_zone"), zone::ALLOWED);
        }
        zone.map(Some)
    }

    /// A text that is read by its type.
    fn parsed<T: std::str::FromStr<Err: Display>>(&mut self, node: &Node, key: &str, what: &str) -> Option<T> {
        let parsed = match &node.value {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.expected(node, key, what);
        }
        parsed
    }

    pub(super) fn exclusions(&mut self, fields: &Fields<'_>) -> Vec<Exclusion> {
        let Some(node) = fields.get("exclusions") else { return Vec::new() };
        let path = fields.path("exclusions");
        let Value::List(items) = &node.value else {
            self.expected(node, &path, "a list of times that do not count");
            return Vec::new();
        };
        if items.len() > MAX_EXCLUSIONS {
            self.error(node.place, &path, format!("has {} entries, at most {MAX_EXCLUSIONS} are allowed", items.len()));
            return Vec::new();
        }
        let item = |(index, item)| self.exclusion(item, &format!("{path}[{index}]"));
        items.iter().enumerate().filter_map(item).collect()
    }

    fn exclusion(&mut self, node: &Node, path: &str) -> Option<Exclusion> {
        let is_recurring =
            matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.name == "every"));
        let before = self.errors.len();
        let (when, fields) = if is_recurring {
            let keys = ["every", "on", "at", "for", "time_zone", "from", "until", "reason"];
            let fields = self.fields(node, path, &keys)?;
            (self.recurrence(&fields).map(When::Recurring), fields)
        } else {
            let fields = self.fields(node, path, &["from", "to", "time_zone", "reason"])?;
            (self.once(&fields).map(When::Once), fields)
        };
        let reason = self.text(&fields, "reason").unwrap_or_default();
        if self.errors.len() > before {
            return None;
        }
        Some(Exclusion { when: when?, reason })
    }

    fn once(&mut self, fields: &Fields<'_>) -> Option<TimeRange> {
        let zone = self.zone(fields)?;
        let (from, to) = (self.time(fields, "from", zone.as_ref()), self.time(fields, "to", zone.as_ref()));
        let (from, to) = (from?, to?);
        if to <= from {
            self.error(fields.get("to")?.place, &fields.path("to"), "must be later than `from`".to_owned());
            return None;
        }
        Some(TimeRange::new(from, to))
    }

    fn time(&mut self, fields: &Fields<'_>, key: &str, zone: Option<&TimeZone>) -> Option<Nanos> {
        let node = self.required(fields, key, TIME)?;
        let text = match &node.value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let nanos = match (text.parse::<Timestamp>(), text.parse::<DateTime>(), zone) {
            (Ok(timestamp), ..) => Nanos::try_from(timestamp.as_nanosecond()).ok(),
            (Err(_), Ok(local), Some(zone)) => Some(zone::instant(zone, local)),
            _ => None,
        };
        if nanos.is_none() {
            self.expected(node, &fields.path(key), TIME);
        }
        nanos
    }

    fn recurrence(&mut self, fields: &Fields<'_>) -> Option<Recurrence> {
        let every = self.word(fields, "every", &EVERY);
        let days = every.and_then(|every| self.days(fields, every));
        let at = self.required(fields, "at", CLOCK);
        let at: Option<Time> = at.and_then(|node| self.clock(node, &fields.path("at")));
        self.required(fields, "for", crate::duration::ALLOWED);
        let length = self.duration(fields, "for", MINUTE, days.as_ref().map_or(28 * DAY, Days::most));
        let zone = self.zone(fields);
        let from = fields.get("from").map_or(Some(Date::MIN), |node| self.parsed(node, &fields.path("from"), DATE));
        let until = fields.get("until").map_or(Some(Date::MAX), |node| self.parsed(node, &fields.path("until"), DATE));
        let (from, until) = (from?, until?);
        if until < from {
            self.error(fields.get("until")?.place, &fields.path("until"), "must not be before `from`".to_owned());
            return None;
        }
        let zone = zone?.unwrap_or(TimeZone::UTC);
        Some(Recurrence { days: days?, at: at?, length: length?, zone, from, until })
    }

    fn clock(&mut self, node: &Node, key: &str) -> Option<Time> {
        let text = match &node.value {
            Value::Text(text) if text.len() == 5 => text.as_str(),
            _ => "",
        };
        let clock = text.parse::<Time>().ok();
        if clock.is_none() {
            self.expected(node, key, CLOCK);
        }
        clock
    }

    /// The days of `on`, which `every: week` and `every: month` need.
    fn days(&mut self, fields: &Fields<'_>, every: u8) -> Option<Days> {
        match every {
            0 => {
                if let Some(node) = fields.get("on") {
                    let message = "is for `every: week` and `every: month`; every day has no days to choose".to_owned();
                    self.error(node.place, &fields.path("on"), message);
                    return None;
                }
                Some(Days::Every)
            }
            1 => {
                const WHAT: &str = "a weekday or a list of weekdays: mon, tue, wed, thu, fri, sat, sun";
                let node = self.required(fields, "on", WHAT)?;
                let mut days = Vec::new();
                for item in Self::one_or_more(node) {
                    let found =
                        WEEKDAYS.iter().find(|(word, _)| matches!(&item.value, Value::Text(text) if text == word));
                    let Some((_, day)) = found else {
                        self.expected(item, &fields.path("on"), WHAT);
                        return None;
                    };
                    if !days.contains(day) {
                        days.push(*day);
                    }
                }
                if days.is_empty() {
                    self.expected(node, &fields.path("on"), WHAT);
                    return None;
                }
                Some(Days::Weekdays(days))
            }
            _ => {
                const WHAT: &str = "a day of the month that every month has, 1 to 28";
                self.required(fields, "on", WHAT)?;
                let day = self.whole(fields, "on", 1, 28, WHAT)?;
                i8::try_from(day).ok().map(Days::OfMonth)
            }
        }
    }
}
