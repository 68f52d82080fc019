//! The functions that Prometheus adds to those of Go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Nanos;
use model::time::SECOND;
use regex::RegexBuilder;

use super::humanize::{self, number};
use super::run::{Run, vector};
use super::value::Value;
use super::{MAX_OUTPUT, Result, TemplateError, builtins, print};
use crate::duration;

/// Bounds the compiled form of a regular expression.
const MAX_COMPILED: usize = 1 << 20;

/// Name, fewest and most arguments.
const FUNCTIONS: [(&str, usize, usize); 31] = [
    ("query", 1, 1),
    ("first", 1, 1),
    ("label", 2, 2),
    ("value", 1, 1),
    ("strvalue", 1, 1),
    ("args", 0, usize::MAX),
    ("reReplaceAll", 3, 3),
    ("safeHtml", 1, 1),
    ("match", 2, 2),
    ("title", 1, 1),
    ("toUpper", 1, 1),
    ("toLower", 1, 1),
    ("graphLink", 1, 1),
    ("tableLink", 1, 1),
    ("sortByLabel", 2, 2),
    ("stripPort", 1, 1),
    ("stripDomain", 1, 1),
    ("humanize", 1, 1),
    ("humanize1024", 1, 1),
    ("humanizeDuration", 1, 1),
    ("humanizePercentage", 1, 1),
    ("humanizeTimestamp", 1, 1),
    ("toTime", 1, 1),
    ("toDuration", 1, 1),
    ("now", 0, 0),
    ("pathPrefix", 0, 0),
    ("externalURL", 0, 0),
    ("parseDuration", 1, 1),
    ("urlQueryEscape", 1, 1),
    // Evaluated by `Run` itself, which stops at the first that decides.
    ("and", 1, usize::MAX),
    ("or", 1, usize::MAX),
];

pub(super) fn exists(name: &str) -> bool {
    FUNCTIONS.iter().chain(&builtins::FUNCTIONS).any(|(known, ..)| *known == name)
}

pub(super) fn call(run: &mut Run<'_>, name: &str, args: &[Value]) -> Result<Value> {
    let found = FUNCTIONS.iter().chain(&builtins::FUNCTIONS).find(|(known, ..)| *known == name);
    let Some((_, least, most)) = found else {
        return Err(TemplateError::new("it is not defined"));
    };
    if args.len() < *least || args.len() > *most {
        let want = if *most == usize::MAX { format!("at least {least}") } else { least.to_string() };
        return Err(TemplateError::new(format!("wrong number of args: want {want} got {}", args.len())));
    }
    if builtins::FUNCTIONS.iter().any(|(known, ..)| *known == name) {
        return builtins::call(name, args);
    }
    match (name, args) {
        ("query", [expression]) => Ok(vector(run.query(text(expression)?)?)),
        ("first", [Value::List(items)]) => {
            items.first().cloned().ok_or_else(|| TemplateError::new("first() called on vector with no elements"))
        }
        ("label", [name, sample]) => Ok(Value::text(label_of(sample, text(name)?)?)),
        ("strvalue", [sample]) => Ok(Value::text(label_of(sample, "__value__")?)),
        ("value", [sample]) => field(sample, "Value"),
        ("args", args) => {
            let named = args.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone()));
            Ok(Value::Map(Arc::new(named.collect())))
        }
        ("reReplaceAll", [pattern, replacement, subject]) => {
            let replaced = regex(text(pattern)?)?;
            let replaced = replaced.replace_all(text(subject)?, text(replacement)?);
            if replaced.len() > MAX_OUTPUT {
                return Err(TemplateError::new(format!("gives more than {MAX_OUTPUT} bytes")));
            }
            Ok(Value::text(replaced))
        }
        ("match", [pattern, subject]) => Ok(Value::Bool(regex(text(pattern)?)?.is_match(text(subject)?))),
        ("safeHtml", [value]) => Ok(Value::text(text(value)?)),
        ("title", [value]) => Ok(Value::text(title(text(value)?))),
        ("toUpper", [value]) => Ok(Value::text(text(value)?.to_uppercase())),
        ("toLower", [value]) => Ok(Value::text(text(value)?.to_lowercase())),
        ("graphLink" | "tableLink", [expression]) => {
            Ok(Value::text(format!("/metrics?q={}", builtins::query_escape(text(expression)?))))
        }
        ("urlQueryEscape", [value]) => Ok(Value::text(builtins::query_escape(text(value)?))),
        ("sortByLabel", [name, Value::List(items)]) => {
            let name = text(name)?;
            let mut keyed = Vec::with_capacity(items.len());
            for item in items.iter() {
                keyed.push((label_of(item, name)?, item.clone()));
            }
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(Value::List(Arc::new(keyed.into_iter().map(|(_, item)| item).collect())))
        }
        ("stripPort", [value]) => {
            let address = text(value)?;
            Ok(Value::text(host_and_port(address).map_or(address, |(host, _)| host)))
        }
        ("stripDomain", [value]) => Ok(Value::text(strip_domain(text(value)?))),
        ("humanize", [value]) => Ok(Value::text(humanize::decimal(number(value)?))),
        ("humanize1024", [value]) => Ok(Value::text(humanize::binary(number(value)?))),
        ("humanizeDuration", [value]) => Ok(Value::text(humanize::duration(number(value)?))),
        ("humanizePercentage", [value]) => {
            Ok(Value::text(format!("{}%", print::general(number(value)? * 100.0, Some(4)))))
        }
        ("humanizeTimestamp", [value]) => {
            let seconds = number(value)?;
            if !seconds.is_finite() {
                return Ok(Value::text(print::general(seconds, Some(4))));
            }
            Ok(Value::text(print::time(time(seconds)?)))
        }
        ("toTime", [value]) => Ok(Value::Time(time(number(value)?)?)),
        ("toDuration", [value]) => Ok(Value::Duration(time(number(value)?)?)),
        ("now", []) => Ok(Value::Float(run.host.now() as f64 / SECOND as f64)),
        ("pathPrefix", []) => {
            let url = run.host.external_url();
            let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
            Ok(Value::text(if path.is_empty() { String::new() } else { format!("/{path}") }))
        }
        ("externalURL", []) => Ok(Value::text(run.host.external_url())),
        ("parseDuration", [value]) => {
            let value = text(value)?;
            let parsed = duration::parse(value);
            let parsed = parsed.ok_or_else(|| TemplateError::new(format!("not a valid duration string: {value:?}")))?;
            Ok(Value::Float(parsed as f64 / SECOND as f64))
        }
        (_, [.., last]) => Err(TemplateError::new(format!("wrong type of argument: {}", last.type_name()))),
        (_, []) => Err(TemplateError::new("wrong number of args")),
    }
}

pub(super) fn text(value: &Value) -> Result<&str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(TemplateError::new(format!("wrong type for value; expected string; got {}", other.type_name()))),
    }
}

fn field(sample: &Value, name: &str) -> Result<Value> {
    let found = match sample {
        Value::Struct(fields) => fields.iter().find(|(field, _)| *field == name),
        _ => None,
    };
    found
        .map(|(_, value)| value.clone())
        .ok_or_else(|| TemplateError::new(format!("expected a sample of a query, got {}", sample.type_name())))
}

fn label_of(sample: &Value, name: &str) -> Result<String> {
    match field(sample, "Labels")? {
        Value::Labels(labels) => Ok(BTreeMap::get(&labels, name).cloned().unwrap_or_default()),
        _ => Ok(String::new()),
    }
}

fn regex(pattern: &str) -> Result<regex::Regex> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|_| TemplateError::new(format!("invalid regular expression {pattern:?}")))
}

/// Seconds as nanoseconds.
fn time(seconds: f64) -> Result<Nanos> {
    let nanos = seconds * SECOND as f64;
    if nanos.is_nan() || nanos.abs() >= Nanos::MAX as f64 {
        let message = "cannot be represented as a nanoseconds timestamp since it overflows int64";
        return Err(TemplateError::new(format!("{} {message}", print::general(seconds, None))));
    }
    Ok(nanos as Nanos)
}

/// The part of a time in UTC that a method of Go's `time.Time` gives.
pub(super) fn part_of_time(time: Nanos, name: &str) -> Option<i64> {
    let zoned = Timestamp::from_nanosecond(time.into()).ok()?.to_zoned(TimeZone::UTC);
    Some(match name {
        "Year" => zoned.year().into(),
        "Month" => zoned.month().into(),
        "Day" => zoned.day().into(),
        "Hour" => zoned.hour().into(),
        "Minute" => zoned.minute().into(),
        "Second" => zoned.second().into(),
        "YearDay" => zoned.day_of_year().into(),
        "Unix" => time.div_euclid(SECOND),
        _ => return None,
    })
}

/// The first letter of each word as a capital.
fn title(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut is_inside = false;
    for character in text.chars() {
        if is_inside {
            title.push(character);
        } else {
            title.extend(character.to_uppercase());
        }
        is_inside = character.is_alphanumeric() || matches!(character, '_' | '\'');
    }
    title
}

/// The parts of `host:port` or `[host]:port`; `None` without a port.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').map(|host| (host, port));
    }
    (!host.contains(':')).then_some((host, port))
}

fn strip_domain(address: &str) -> String {
    let (host, port) = match host_and_port(address) {
        Some((host, port)) => (host, Some(port)),
        None => (address, None),
    };
    if host.parse::<IpAddr>().is_ok() {
        return address.to_owned();
    }
    let name = host.split('.').next().unwrap_or(host);
    port.map_or(name.to_owned(), |port| format!("{name}:{port}"))
}
