//! The functions of Go's template language itself.

use std::cmp::Ordering;
use std::sync::Arc;

use super::value::Value;
use super::{Result, TemplateError, print};

/// Name, fewest and most arguments.
pub(super) const FUNCTIONS: [(&str, usize, usize); 16] = [
    ("not", 1, 1),
    ("eq", 2, usize::MAX),
    ("ne", 2, 2),
    ("lt", 2, 2),
    ("le", 2, 2),
    ("gt", 2, 2),
    ("ge", 2, 2),
    ("len", 1, 1),
    ("index", 1, usize::MAX),
    ("slice", 1, 4),
    ("print", 0, usize::MAX),
    ("printf", 1, usize::MAX),
    ("println", 0, usize::MAX),
    ("html", 0, usize::MAX),
    ("js", 0, usize::MAX),
    ("urlquery", 0, usize::MAX),
];

pub(super) fn call(name: &str, args: &[Value]) -> Result<Value> {
    match (name, args) {
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("eq", [first, others @ ..]) => {
            for other in others {
                if order(first, other, true)? == Some(Ordering::Equal) {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        ("ne", [a, b]) => Ok(Value::Bool(order(a, b, true)? != Some(Ordering::Equal))),
        ("lt", [a, b]) => Ok(Value::Bool(order(a, b, false)? == Some(Ordering::Less))),
        ("le", [a, b]) => Ok(Value::Bool(order(a, b, false)?.is_some_and(Ordering::is_le))),
        ("gt", [a, b]) => Ok(Value::Bool(order(a, b, false)? == Some(Ordering::Greater))),
        ("ge", [a, b]) => Ok(Value::Bool(order(a, b, false)?.is_some_and(Ordering::is_ge))),
        ("len", [value]) => Ok(Value::Int(length(value)? as i64)),
        ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), |value, key| index(&value, key)),
        ("slice", [value, bounds @ ..]) => slice(value, bounds),
        ("print", args) => Ok(Value::text(print::print(args))),
        ("println", args) => Ok(Value::text(print::println(args))),
        ("printf", [Value::Text(format), args @ ..]) => Ok(Value::text(print::printf(format, args))),
        ("html", args) => Ok(Value::text(html_escape(&joined(args)))),
        ("js", args) => Ok(Value::text(js_escape(&joined(args)))),
        ("urlquery", args) => Ok(Value::text(query_escape(&joined(args)))),
        (_, [first, ..]) => Err(TemplateError::new(format!("wrong type of argument: {}", first.type_name()))),
        (_, []) => Err(TemplateError::new("wrong number of args")),
    }
}

/// How two values of one kind compare; `None` for numbers that do not. Go compares no whole number with one that is not.
fn order(a: &Value, b: &Value, equality: bool) -> Result<Option<Ordering>> {
    let ordered = match (a, b) {
        (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Int(b)) | (Value::Int(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) if equality => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) if equality => Some(a.cmp(b)),
        (Value::Nil, Value::Nil) if equality => Some(Ordering::Equal),
        (Value::Nil, _) | (_, Value::Nil) if equality => None,
        _ => {
            let message = "incompatible types for comparison";
            return Err(TemplateError::new(format!("{message}: {} and {}", a.type_name(), b.type_name())));
        }
    };
    Ok(ordered)
}

fn length(value: &Value) -> Result<usize> {
    match value {
        Value::Text(text) => Ok(text.len()),
        Value::List(items) => Ok(items.len()),
        Value::Map(map) => Ok(map.len()),
        Value::Labels(map) => Ok(map.len()),
        other => Err(TemplateError::new(format!("len of type {}", other.type_name()))),
    }
}

fn index(value: &Value, key: &Value) -> Result<Value> {
    match (value, key) {
        (Value::Map(map), Value::Text(key)) => Ok(map.get(&**key).cloned().unwrap_or(Value::Nil)),
        (Value::Labels(map), Value::Text(key)) => Ok(Value::text(map.get(&**key).map_or("", String::as_str))),
        (Value::List(items), Value::Int(at)) => {
            let found = usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned();
            found.ok_or_else(|| TemplateError::new(format!("index out of range: {at}")))
        }
        (Value::Text(text), Value::Int(at)) => {
            let found = usize::try_from(*at).ok().and_then(|at| text.as_bytes().get(at));
            found
                .map(|byte| Value::Int((*byte).into()))
                .ok_or_else(|| TemplateError::new(format!("index out of range: {at}")))
        }
        _ => Err(TemplateError::new(format!("can't index {} with {}", value.type_name(), key.type_name()))),
    }
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value> {
    let length = length(value)?;
    let bound = |at: usize, default: usize| match bounds.get(at) {
        None => Ok(default),
        Some(Value::Int(it)) => {
            let bound = usize::try_from(*it).ok().filter(|it| *it <= length);
            bound.ok_or_else(|| TemplateError::new(format!("index out of range: {it}")))
        }
        Some(other) => Err(TemplateError::new(format!("cannot index slice/array with type {}", other.type_name()))),
    };
    let (from, to) = (bound(0, 0)?, bound(1, length)?);
    if from > to {
        return Err(TemplateError::new(format!("invalid slice index: {from} > {to}")));
    }
    match value {
        // Go cuts bytes; half a character would not be text any more.
        Value::Text(text) => Ok(Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to]))),
        Value::List(items) => Ok(Value::List(Arc::new(items[from..to].to_vec()))),
        other => Err(TemplateError::new(format!("can't slice item of type {}", other.type_name()))),
    }
}

fn joined(args: &[Value]) -> String {
    match args {
        [Value::Text(text)] => text.to_string(),
        args => print::print(args),
    }
}

fn html_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\0' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

fn js_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '\'' | '"' => escaped.extend(['\\', character]),
            '<' | '>' | '&' | '=' => escaped.push_str(&format!("\\u{:04X}", u32::from(character))),
            control if u32::from(control) < 0x20 => escaped.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text as Go's `url.QueryEscape` writes it.
pub(crate) fn query_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(byte.into()),
            b' ' => escaped.push('+'),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}
