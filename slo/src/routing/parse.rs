//! Decodes and checks a file of routes. Every mistake of the file is collected, so that one look mends them all.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use model::Nanos;
use model::time::{DAY, HOUR, MINUTE, SECOND};

use super::times::{clock, days_of_month, months, weekdays, years};
use super::{GroupBy, InhibitRule, Matcher, Route, Routing, TimeInterval};
use crate::spec::SpecErrors;
use crate::spec::parse::{Decoder, Fields};
use crate::spec::yaml::{self, Node, Value};
use crate::zone;

/// Entries of one list.
const MAX_ENTRIES: usize = 1000;

const ROUTE_KEYS: [&str; 10] = [
    "receiver",
    "matchers",
    "continue",
    "group_by",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "mute_time_intervals",
    "active_time_intervals",
    "routes",
];

/// What a file of routes says; `receivers` are those that there are, and `file` is the name that errors carry.
///
/// Errors: every mistake in it, with line, column, key and what is allowed.
pub fn parse(file: &str, text: &str, receivers: &[String]) -> Result<Routing, SpecErrors> {
    parse_for(file, text, Some(receivers))
}

/// [`parse`], for whatever receivers it names.
pub fn parse_for_any(file: &str, text: &str) -> Result<Routing, SpecErrors> {
    parse_for(file, text, None)
}

fn parse_for(file: &str, text: &str, receivers: Option<&[String]>) -> Result<Routing, SpecErrors> {
    let root = yaml::read(file, text).map_err(|error| SpecErrors(vec![error]))?;
    let mut reader = Reader { decoder: Decoder { file, errors: Vec::new() }, receivers, intervals: BTreeSet::new() };
    let routing = reader.document(&root);
    let mut errors = reader.decoder.errors;
    errors.sort_by_key(|error| error.place);
    match routing {
        Some(routing) if errors.is_empty() => Ok(routing),
        _ => Err(SpecErrors(errors)),
    }
}

struct Reader<'f> {
    decoder: Decoder<'f>,
    /// Those that there are; `None` where nobody knows.
    receivers: Option<&'f [String]>,
    /// The names of the time intervals.
    intervals: BTreeSet<String>,
}

/// What routes have from the one above.
struct Inherited {
    receiver: String,
    group_by: GroupBy,
    group_wait: Nanos,
    group_interval: Nanos,
    repeat_interval: Nanos,
    key: String,
}

impl Reader<'_> {
    fn document(&mut self, root: &Node) -> Option<Routing> {
        let fields = self.decoder.fields(root, "", &["route", "inhibit_rules", "time_intervals"])?;
        // First, since routes name them.
        let time_intervals = self.time_intervals(&fields);
        let defaults = Inherited {
            receiver: String::new(),
            group_by: GroupBy::Labels(Vec::new()),
            group_wait: 30 * SECOND,
            group_interval: 5 * MINUTE,
            repeat_interval: 4 * HOUR,
            key: String::new(),
        };
        let node = self.decoder.required(&fields, "route", "the route of all alerts, such as {receiver: default}");
        let route = node.and_then(|node| self.route(node, "route", &defaults));
        let rule = |reader: &mut Self, node: &Node, path: &str| reader.inhibit_rule(node, path);
        let inhibit_rules = self.list(&fields, "inhibit_rules", rule);
        Some(Routing { root: route?, inhibit_rules, time_intervals })
    }

    /// What `item` makes of each entry of a list; empty without the list.
    fn list<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        mut item: impl FnMut(&mut Self, &Node, &str) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = fields.get(key) else { return Vec::new() };
        let path = fields.path(key);
        let Value::List(items) = &node.value else {
            self.decoder.expected(node, &path, "a list");
            return Vec::new();
        };
        if items.len() > MAX_ENTRIES {
            let message = format!("has {} entries, at most {MAX_ENTRIES} are allowed", items.len());
            self.decoder.error(node.place, &path, message);
            return Vec::new();
        }
        let with_index = items.iter().enumerate();
        with_index.filter_map(|(index, node)| item(self, node, &format!("{path}[{index}]"))).collect()
    }

    fn texts(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        self.list(fields, key, |reader, node, path| match &node.value {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => {
                reader.decoder.expected(node, path, "text that is not empty");
                None
            }
        })
    }

    fn route(&mut self, node: &Node, path: &str, above: &Inherited) -> Option<Route> {
        let fields = self.decoder.fields(node, path, &ROUTE_KEYS)?;
        let is_root = above.key.is_empty();
        if is_root {
            for key in ["matchers", "continue", "mute_time_intervals", "active_time_intervals"] {
                if let Some(node) = fields.get(key) {
                    let message = "the first route takes every alert at any time; put this into one of its `routes`";
                    self.decoder.error(node.place, &fields.path(key), message.to_owned());
                }
            }
            self.decoder.required(&fields, "receiver", "the name of a receiver");
        }
        let receiver = self.decoder.text(&fields, "receiver");
        if let (Some(name), Some(node), Some(receivers)) = (&receiver, fields.get("receiver"), self.receivers)
            && !receivers.contains(name)
        {
            let known = if receivers.is_empty() { "none".to_owned() } else { receivers.join(", ") };
            let message = format!("there is no receiver {name:?}; the configuration has {known}");
            self.decoder.error(node.place, &fields.path("receiver"), message);
        }
        let goes_on = match fields.get("continue").map(|node| (node, &node.value)) {
            None => false,
            Some((_, Value::Boolean(goes_on))) => *goes_on,
            Some((node, _)) => {
                self.decoder.expected(node, &fields.path("continue"), "true or false");
                false
            }
        };
        let matchers = self.matchers(&fields, "matchers");
        let shown: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        let key = if is_root { "{}".to_owned() } else { format!("{}/{{{}}}", above.key, shown.join(",")) };
        let mut duration = |key: &str, least: Nanos, most: Nanos| self.decoder.duration(&fields, key, least, most);
        let here = Inherited {
            receiver: receiver.unwrap_or_else(|| above.receiver.clone()),
            group_wait: duration("group_wait", 0, DAY).unwrap_or(above.group_wait),
            group_interval: duration("group_interval", SECOND, DAY).unwrap_or(above.group_interval),
            repeat_interval: duration("repeat_interval", SECOND, 366 * DAY).unwrap_or(above.repeat_interval),
            group_by: self.group_by(&fields).unwrap_or_else(|| above.group_by.clone()),
            key,
        };
        let mute = self.interval_names(&fields, "mute_time_intervals");
        let active = self.interval_names(&fields, "active_time_intervals");
        let routes = self.list(&fields, "routes", |reader, node, path| reader.route(node, path, &here));
        let Inherited { receiver, group_by, group_wait, group_interval, repeat_interval, key } = here;
        Some(Route {
            receiver,
            matchers,
            goes_on,
            group_by,
            group_wait,
            group_interval,
            repeat_interval,
            mute,
            active,
            routes,
            key,
        })
    }

    fn group_by(&mut self, fields: &Fields<'_>) -> Option<GroupBy> {
        let node = fields.get("group_by")?;
        let path = fields.path("group_by");
        let names = self.texts(fields, "group_by");
        let is_all = names.iter().any(|name| name == "...");
        let distinct: BTreeSet<&String> = names.iter().collect();
        if is_all && names.len() > 1 {
            self.decoder.error(node.place, &path, "`...` is every label and stands alone".to_owned());
        } else if distinct.len() < names.len() {
            self.decoder.error(node.place, &path, "a label is there twice".to_owned());
        }
        Some(if is_all { GroupBy::All } else { GroupBy::Labels(names) })
    }

    /// The matchers of a list of texts, or of one text.
    fn matchers(&mut self, fields: &Fields<'_>, key: &str) -> Vec<Matcher> {
        let Some(node) = fields.get(key) else { return Vec::new() };
        let path = fields.path(key);
        let mut matchers = Vec::new();
        for node in Decoder::one_or_more(node) {
            let Value::Text(text) = &node.value else {
                self.decoder.expected(node, &path, "matchers such as severity=\"page\", each a text in single quotes");
                continue;
            };
            match Matcher::parse_all(text) {
                Ok(parsed) => matchers.extend(parsed),
                Err(message) => self.decoder.error(node.place, &path, message),
            }
        }
        matchers
    }

    fn inhibit_rule(&mut self, node: &Node, path: &str) -> Option<InhibitRule> {
        let fields = self.decoder.fields(node, path, &["name", "source_matchers", "target_matchers", "equal"])?;
        for key in ["source_matchers", "target_matchers"] {
            self.decoder.required(&fields, key, "matchers such as ['severity=\"page\"']");
        }
        Some(InhibitRule {
            source: self.matchers(&fields, "source_matchers"),
            target: self.matchers(&fields, "target_matchers"),
            equal: self.texts(&fields, "equal"),
        })
    }

    fn interval_names(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        let names = self.texts(fields, key);
        for name in &names {
            if let Some(node) = fields.get(key).filter(|_| !self.intervals.contains(name)) {
                let known: Vec<&str> = self.intervals.iter().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("there is no time interval {name:?}; `time_intervals` has {known}");
                self.decoder.error(node.place, &fields.path(key), message);
            }
        }
        names
    }

    fn time_intervals(&mut self, fields: &Fields<'_>) -> BTreeMap<String, Vec<TimeInterval>> {
        let named = self.list(fields, "time_intervals", |reader, node, path| {
            let fields = reader.decoder.fields(node, path, &["name", "time_intervals"])?;
            let missing = reader.decoder.required(&fields, "name", "a name that routes can use").is_none();
            reader.decoder.required(&fields, "time_intervals", "a list of times");
            let name = reader.decoder.text(&fields, "name");
            let parts = reader.list(&fields, "time_intervals", |reader, node, path| reader.time_interval(node, path));
            let name = name.filter(|_| !missing)?;
            if !reader.intervals.insert(name.clone()) {
                let message = format!("the name {name:?} is there twice");
                reader.decoder.error(node.place, &fields.path("name"), message);
            }
            Some((name, parts))
        });
        named.into_iter().collect()
    }

    fn time_interval(&mut self, node: &Node, path: &str) -> Option<TimeInterval> {
        let keys = ["times", "weekdays", "days_of_month", "months", "years", "location"];
        let fields = self.decoder.fields(node, path, &keys)?;
        let times = self.list(&fields, "times", |reader, node, path| {
            let fields = reader.decoder.fields(node, path, &["start_time", "end_time"])?;
            let mut time = |key: &str| {
                let node = reader.decoder.required(&fields, key, "a time of day, such as \"18:00\"")?;
                let time = if let Value::Text(text) = &node.value { clock(text) } else { None };
                if time.is_none() {
                    let what = "a time of day from 00:00 to 24:00 in quotes, such as \"18:00\"";
                    reader.decoder.expected(node, &fields.path(key), what);
                }
                time
            };
            let (start, end) = (time("start_time"), time("end_time"));
            let (start, end) = (start?, end?);
            if end <= start {
                let place = fields.get("end_time").map_or(node.place, |node| node.place);
                let message = "must be later than `start_time`; a night is two ranges, to 24:00 and from 00:00";
                reader.decoder.error(place, &fields.path("end_time"), message.to_owned());
                return None;
            }
            Some(start..end)
        });
        let zone = match fields.get("location").map(|node| (node, &node.value)) {
            None => TimeZone::UTC,
            Some((node, value)) => {
                let zone = if let Value::Text(name) = value { zone::find(name) } else { None };
                if zone.is_none() {
                    self.decoder.expected(node, &fields.path("location"), zone::ALLOWED);
                }
                zone?
            }
        };
        Some(TimeInterval {
            times,
            weekdays: self.ranges(&fields, "weekdays", weekdays, "days such as monday or monday:friday"),
            days_of_month: self.ranges(
                &fields,
                "days_of_month",
                days_of_month,
                "days such as \"1\", \"1:15\" or \"-3:-1\"",
            ),
            months: self.ranges(&fields, "months", months, "months such as \"1:3\", may or may:august"),
            years: self.ranges(&fields, "years", years, "years such as \"2026\" or \"2026:2028\""),
            location: zone,
        })
    }

    fn ranges(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        range: fn(&str) -> Option<RangeInclusive<i64>>,
        what: &str,
    ) -> Vec<RangeInclusive<i64>> {
        self.list(fields, key, |reader, node, path| {
            let found = match &node.value {
                Value::Text(text) => range(text),
                Value::Integer(number) => range(&number.to_string()),
                _ => None,
            };
            if found.is_none() {
                reader.decoder.expected(node, path, what);
            }
            found
        })
    }
}
