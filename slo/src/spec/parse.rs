//! Decodes and checks an SLO file. Every mistake of the file is collected, so that one look mends them all.

mod alerting;

use std::collections::BTreeMap;

use model::time::{DAY, HOUR};
use model::{Nanos, SpanKind};

use super::error::{nearest, one_of};
use super::yaml::{self, Node, Value};
use super::{ErrorsAre, Indicator, Place, Selector, Slo, SpecError, SpecErrors};
use crate::duration;
use crate::ratio::Objective;

const MAX_SLOS: usize = 1000;
const MAX_PAIRS: usize = 32;
const MAX_TEXT: usize = 4096;
/// Labels that alerts get from Haechi itself.
const OWN_LABELS: [&str; 8] =
    ["alertname", "slo", "service", "severity", "long_window", "short_window", "operation", "owner"];

const SLO_KEYS: [&str; 13] = [
    "name",
    "description",
    "owner",
    "labels",
    "annotations",
    "service",
    "operation",
    "kind",
    "attributes",
    "indicator",
    "objective",
    "window",
    "alerting",
];
const KINDS: [&str; 6] = ["server", "client", "producer", "consumer", "internal", "any"];

/// The SLOs of one file, in its order; `file` is the name that errors and [`Slo::file`] carry.
///
/// The file is one mapping: either an SLO itself, or `slos:` with a list of them. Errors: every mistake in it, with
/// line, column, key and what is allowed. Names are unique within the file; see [`reject_duplicates`] for several files.
pub fn parse(file: &str, text: &str) -> Result<Vec<Slo>, SpecErrors> {
    let root = yaml::read(file, text).map_err(|error| SpecErrors(vec![error]))?;
    let mut decoder = Decoder { file, errors: Vec::new() };
    let slos = decoder.document(&root);
    decoder.errors.extend(duplicates(&slos));
    if decoder.errors.is_empty() {
        return Ok(slos);
    }
    decoder.errors.sort_by_key(|error| error.place);
    Err(SpecErrors(decoder.errors))
}

/// An error if two SLOs of different files have one name; each later one is reported at its own place.
pub fn reject_duplicates(slos: &[Slo]) -> Result<(), SpecErrors> {
    let errors = duplicates(slos);
    if errors.is_empty() { Ok(()) } else { Err(SpecErrors(errors)) }
}

fn duplicates(slos: &[Slo]) -> Vec<SpecError> {
    let mut first: BTreeMap<&str, &Slo> = BTreeMap::new();
    let mut errors = Vec::new();
    for slo in slos {
        if let Some(other) = first.get(slo.name.as_str()) {
            let message = format!(
                "the name {:?} is taken by the SLO at {}:{}; names are unique",
                slo.name, other.file, other.place.line
            );
            errors.push(SpecError::new(&slo.file, slo.place, "name", message));
        } else {
            first.insert(&slo.name, slo);
        }
    }
    errors
}

/// The entries of one mapping, with the path of the mapping for error texts.
struct Fields<'n> {
    entries: Vec<(&'n str, &'n Node)>,
    place: Place,
    path: String,
}

impl<'n> Fields<'n> {
    fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

struct Decoder<'f> {
    file: &'f str,
    errors: Vec<SpecError>,
}

impl Decoder<'_> {
    fn error(&mut self, place: Place, key: &str, message: String) {
        self.errors.push(SpecError::new(self.file, place, key, message));
    }

    fn expected(&mut self, node: &Node, key: &str, what: &str) {
        self.error(node.place, key, format!("must be {what}, got {}", node.value.describe()));
    }

    fn document(&mut self, root: &Node) -> Vec<Slo> {
        let Value::Map(entries) = &root.value else {
            self.expected(root, "", "a mapping: one SLO, or `slos:` with a list of them");
            return Vec::new();
        };
        if !entries.iter().any(|(key, _)| key.name == "slos") {
            return self.slo(root, "").into_iter().collect();
        }
        let Some(fields) = self.fields(root, "", &["slos"]) else { return Vec::new() };
        let Some(node) = fields.get("slos") else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.expected(node, "slos", "a list of SLOs");
            return Vec::new();
        };
        if items.len() > MAX_SLOS {
            self.error(node.place, "slos", format!("{} SLOs in one file, at most {MAX_SLOS} are allowed", items.len()));
            return Vec::new();
        }
        items.iter().enumerate().filter_map(|(index, item)| self.slo(item, &format!("slos[{index}]"))).collect()
    }

    /// The entries of a mapping; unknown keys are errors, but do not hide those in the known ones.
    fn fields<'n>(&mut self, node: &'n Node, path: &str, allowed: &[&str]) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            self.expected(node, path, &format!("a mapping with {}", one_of(allowed)));
            return None;
        };
        for (key, _) in entries {
            if !allowed.contains(&key.name.as_str()) {
                let message = match nearest(&key.name, allowed) {
                    Some(near) => format!("unknown key, did you mean `{near}`? Allowed are {}", allowed.join(", ")),
                    None => format!("unknown key; allowed are {}", allowed.join(", ")),
                };
                self.error(key.place, &join(path, &yaml::shorten(&key.name)), message);
            }
        }
        let entries = entries.iter().map(|(key, node)| (key.name.as_str(), node)).collect();
        Some(Fields { entries, place: node.place, path: path.to_owned() })
    }

    fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, what: &str) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() {
            self.error(fields.place, &fields.path(key), format!("missing; must be {what}"));
        }
        node
    }

    fn slo(&mut self, node: &Node, path: &str) -> Option<Slo> {
        let fields = self.fields(node, path, &SLO_KEYS)?;
        let before = self.errors.len();
        let name = self.name(&fields);
        let description = self.text(&fields, "description").unwrap_or_default();
        let owner = self.text(&fields, "owner");
        let labels = self.pairs(&fields, "labels", true);
        let annotations = self.pairs(&fields, "annotations", false);
        let selector = self.selector(&fields);
        let indicator = self.indicator(&fields);
        let objective = self.objective(&fields);
        let window = self.window(&fields);
        // Tiers cannot be judged without objective and window; their own mistakes come to light in the next round.
        let (objective, window) = (objective?, window?);
        let alerting = self.alerting(&fields, objective, window);
        if self.errors.len() > before {
            return None;
        }
        Some(Slo {
            name: name?,
            description,
            owner,
            selector: selector?,
            indicator: indicator?,
            objective,
            window,
            alerting,
            labels,
            annotations,
            file: self.file.to_owned(),
            place: fields.place,
        })
    }

    fn name(&mut self, fields: &Fields<'_>) -> Option<String> {
        const WHAT: &str =
            "a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit";
        let node = self.required(fields, "name", WHAT)?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match &node.value {
            Value::Text(name)
                if name.len() <= 100
                    && name.bytes().next().is_some_and(plain)
                    && name.bytes().all(|byte| plain(byte) || b"._-".contains(&byte)) =>
            {
                Some(name.clone())
            }
            _ => {
                self.expected(node, &fields.path("name"), WHAT);
                None
            }
        }
    }

    /// An optional, non-empty text.
    fn text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
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
    fn pairs(&mut self, fields: &Fields<'_>, key: &str, labels: bool) -> BTreeMap<String, String> {
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

    fn selector(&mut self, fields: &Fields<'_>) -> Option<Selector> {
        self.required(fields, "service", "the `service.name` of the service")?;
        let service = self.text(fields, "service");
        let operation = self.text(fields, "operation");
        let kind = self.kind(fields);
        let attributes = self.attributes(fields);
        Some(Selector { service: service?, operation, kind: kind?, attributes })
    }

    fn kind(&mut self, fields: &Fields<'_>) -> Option<Option<SpanKind>> {
        let Some(node) = fields.get("kind") else { return Some(Some(SpanKind::Server)) };
        match &node.value {
            Value::Text(text) if text == "any" => Some(None),
            Value::Text(text) if KINDS.contains(&text.as_str()) => Some(SpanKind::parse(text)),
            _ => {
                self.expected(node, &fields.path("kind"), &one_of(&KINDS));
                None
            }
        }
    }

    fn attributes(&mut self, fields: &Fields<'_>) -> Vec<(String, String)> {
        let Some(node) = fields.get("attributes") else { return Vec::new() };
        let path = fields.path("attributes");
        let Value::Map(entries) = &node.value else {
            self.expected(node, &path, "a mapping of attribute keys to values");
            return Vec::new();
        };
        if entries.len() > MAX_PAIRS {
            self.error(node.place, &path, format!("has {} entries, at most {MAX_PAIRS} are allowed", entries.len()));
            return Vec::new();
        }
        let mut attributes = Vec::new();
        for (key, node) in entries {
            let text = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Integer(value) => value.to_string(),
                Value::Float(value) => value.to_string(),
                Value::Boolean(value) => value.to_string(),
                Value::Null | Value::List(_) | Value::Map(_) => {
                    self.expected(node, &join(&path, &yaml::shorten(&key.name)), "a text, a number or a boolean");
                    continue;
                }
            };
            attributes.push((key.name.clone(), text));
        }
        attributes
    }

    fn indicator(&mut self, fields: &Fields<'_>) -> Option<Indicator> {
        const WHAT: &str = "`availability` or `latency: {threshold: 150ms}`";
        let node = self.required(fields, "indicator", WHAT)?;
        let path = fields.path("indicator");
        match &node.value {
            Value::Text(text) if text == "availability" => return Some(Indicator::Availability),
            Value::Map(entries) if entries.len() == 1 => {}
            _ => {
                self.expected(node, &path, WHAT);
                return None;
            }
        }
        let inner = self.fields(node, &path, &["availability", "latency"])?;
        if let Some(node) = inner.get("availability") {
            return match &node.value {
                Value::Null => Some(Indicator::Availability),
                Value::Map(entries) if entries.is_empty() => Some(Indicator::Availability),
                _ => {
                    self.expected(node, &inner.path("availability"), "empty: good is a span without error");
                    None
                }
            };
        }
        let latency = self.fields(inner.get("latency")?, &inner.path("latency"), &["threshold", "errors"])?;
        self.required(&latency, "threshold", duration::ALLOWED)?;
        let threshold = self.duration(&latency, "threshold", 1, HOUR)?;
        let errors = match latency.get("errors").map(|node| (node, &node.value)) {
            None => ErrorsAre::Bad,
            Some((_, Value::Text(text))) if text == "bad" => ErrorsAre::Bad,
            Some((_, Value::Text(text))) if text == "excluded" => ErrorsAre::Excluded,
            Some((node, _)) => {
                self.expected(node, &latency.path("errors"), "bad or excluded");
                return None;
            }
        };
        Some(Indicator::Latency { threshold, errors })
    }

    fn objective(&mut self, fields: &Fields<'_>) -> Option<Objective> {
        const WHAT: &str = "a percentage above 0 and below 100, such as 99.9";
        let node = self.required(fields, "objective", WHAT)?;
        let percent = match &node.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Text(text) => text.strip_suffix('%').and_then(|number| number.trim().parse().ok()),
            _ => None,
        };
        let objective = percent.and_then(Objective::from_percent);
        if objective.is_none() {
            self.expected(node, &fields.path("objective"), WHAT);
        }
        objective
    }

    fn window(&mut self, fields: &Fields<'_>) -> Option<Nanos> {
        self.required(fields, "window", "the length of the rolling window, such as 30d")?;
        self.duration(fields, "window", HOUR, 366 * DAY)
    }

    /// A duration between two bounds, both included.
    fn duration(&mut self, fields: &Fields<'_>, key: &str, least: Nanos, most: Nanos) -> Option<Nanos> {
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
}

/// Whether Prometheus and every receiver take it as a label name; a leading `__` is reserved there.
fn is_label_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.len() <= 100
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
        && !name.starts_with("__")
}
