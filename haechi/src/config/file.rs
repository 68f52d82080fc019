//! The configuration file: the settings as a YAML mapping, and lists of receivers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::settings::SETTINGS;
use super::{ConfigError, receivers};

/// What a configuration file says; each value with its place, `FILE:LINE`.
#[derive(Default)]
pub(super) struct File {
    pub(super) values: Vec<(String, String, String)>,
    pub(super) receivers: Vec<receivers::Listed>,
}

/// Lists of receivers: `webhooks` is the older name.
const LISTS: [&str; 2] = ["receivers", "webhooks"];

/// A value of the file.
pub(super) enum Value {
    /// A single value as a text.
    Single(String),
    Nothing,
    List(Vec<Spanned<Value>>),
    /// The entries in their order.
    Map(Vec<(String, Spanned<Value>)>),
}

pub(super) fn read(path: &str) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError { place: path.to_owned(), message: error.to_string() })?;
    let options = serde_saphyr::options! { with_snippet: false };
    let value: Spanned<Value> = serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let message = error.to_string();
        let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
        ConfigError { place: format!("{path}:{line}"), message: reason.to_owned() }
    })?;
    let mapping = match value.value {
        Value::Map(mapping) => mapping,
        Value::Nothing => Vec::new(),
        Value::Single(_) | Value::List(_) => {
            let message = "expected settings as `key: value`".to_owned();
            return Err(ConfigError { place: format!("{path}:1"), message });
        }
    };
    let mut file = File::default();
    for (key, value) in mapping {
        let place = format!("{path}:{}", value.referenced.line());
        let error = |message: String| ConfigError { place: place.clone(), message };
        if LISTS.contains(&key.as_str()) {
            file.receivers.extend(receivers::read(path, &key, value)?);
            continue;
        }
        if !SETTINGS.iter().any(|setting| setting.key == key) {
            let allowed: Vec<_> = SETTINGS.iter().map(|setting| setting.key).chain(LISTS).collect();
            return Err(error(format!("unknown key \"{key}\"; allowed: {}", allowed.join(", "))));
        }
        let Value::Single(text) = value.value else { return Err(error(format!("{key}: expected a single value"))) };
        file.values.push((key, text, place));
    }
    Ok(file)
}

impl Value {
    pub(super) fn single(&self) -> Option<&str> {
        match self {
            Value::Single(text) => Some(text),
            Value::Nothing | Value::List(_) | Value::Map(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Single(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Single(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Single(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Single(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Single(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Value>()? {
            let Value::Single(key) = key else { return Err(A::Error::custom("a key must be text")) };
            map.push((key, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}
