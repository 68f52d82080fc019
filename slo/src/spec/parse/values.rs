//! The kinds of values that several keys of an SLO file share.

use std::collections::BTreeMap;

use model::Nanos;

use super::{Decoder, Fields};
use crate::duration;
use crate::spec::error::one_of;
use crate::spec::yaml::{self, Node, Value};

/// Entries of labels, annotations and attributes.
pub(super) const MAX_PAIRS: usize = 32;
const MAX_TEXT: usize = 4096;
/// Labels that alerts get from Haechi itself.
pub(super) const OWN_LABELS: [&str; 8] =
    ["alertname", "slo", "service", "severity", "long_window", "short_window", "operation", "owner"];

impl Decoder<'_> {
    /// An optional, non-empty text.
    pub(crate) fn text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        let node = fields.get(key)?;
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() && text.len() <= MAX_TEXT => Some(text.clone()),
            Value::Text(text) if text.len() > MAX_TEXT => {
                let message = format!("has {} bytes, at most {MAX_TEXT} are allowed", text.len());
                self.error(node.place, &fields.path(key), message);
                None
            }
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
                self.expected(node, &fields.path(key), "text (put it in quotes)");
                None
            }
            _ => {
                self.expected(node, &fields.path(key), "text that is not empty");
                None
            }
        }
    }

    /// A mapping of names to texts, for labels and annotations.
    pub(super) fn pairs(&mut self, fields: &Fields<'_>, key: &str, labels: bool) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        let Some(node) = fields.get(key) else { return pairs };
        let path = fields.path(key);
        let Value::Map(entries) = &node.value else {
            self.expected(node, &path, "a mapping of names to texts");
            return pairs;
        };
        if entries.len() > MAX_PAIRS {
            self.error(node.place, &path, format!("has {} entries, at most {MAX_PAIRS} are allowed", entries.len()));
            return pairs;
        }
        let inner =
            Fields { entries: entries.iter().map(|(k, n)| (k.name.as_str(), n)).collect(), place: node.place, path };
        for (name, _) in entries {
            let at = inner.path(&yaml::shorten(&name.name));
            if labels && OWN_LABELS.contains(&name.name.as_str()) {
                let message = format!("Haechi sets this label itself, as it does {}", OWN_LABELS.join(", "));
                self.error(name.place, &at, message);
            } else if !is_label_name(&name.name) {
                let message = "must be letters, digits and `_`, not beginning with a digit or `__`".to_owned();
                self.error(name.place, &at, message);
            } else if let Some(text) = self.text(&inner, &name.name) {
                pairs.insert(name.name.clone(), text);
            }
        }
        pairs
    }

    /// A duration between two bounds, both included.
    pub(crate) fn duration(&mut self, fields: &Fields<'_>, key: &str, least: Nanos, most: Nanos) -> Option<Nanos> {
        let node = fields.get(key)?;
        let value = match &node.value {
            Value::Text(text) => duration::parse(text),
            Value::Integer(0) => Some(0),
            _ => None,
        };
        match value {
            None => self.expected(node, &fields.path(key), duration::ALLOWED),
            Some(value) if value < least || value > most => {
                let least = if least == 1 {
                    "more than 0s".to_owned()
                } else {
                    format!("at least {}", duration::format(least))
                };
                self.expected(node, &fields.path(key), &format!("{least} and at most {}", duration::format(most)));
            }
            Some(value) => return Some(value),
        }
        None
    }

    /// One of several words, by its place among them.
    pub(super) fn word<T: Copy>(&mut self, fields: &Fields<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let node = fields.get(key)?;
        let found = words.iter().find(|(word, _)| matches!(&node.value, Value::Text(text) if text == word));
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.expected(node, &fields.path(key), &one_of(&names));
        }
        found.map(|(_, value)| *value)
    }

    /// A whole number between two bounds, both included.
    pub(super) fn whole(&mut self, fields: &Fields<'_>, key: &str, least: i64, most: i64, what: &str) -> Option<i64> {
        let node = fields.get(key)?;
        match &node.value {
            Value::Integer(number) if (least..=most).contains(number) => Some(*number),
            _ => {
                self.expected(node, &fields.path(key), what);
                None
            }
        }
    }

    /// The elements of a list, or the one value that stands for a list of one.
    pub(crate) fn one_or_more(node: &Node) -> Vec<&Node> {
        match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        }
    }
}

/// Whether Prometheus and every receiver take it as a label name; a leading `__` is reserved there.
pub(super) fn is_label_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.len() <= 100
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
        && !name.starts_with("__")
}

/// Whether a label or an annotation of a file can have that name.
pub(crate) fn is_pair_name(name: &str, label: bool) -> bool {
    is_label_name(name) && !(label && OWN_LABELS.contains(&name))
}
