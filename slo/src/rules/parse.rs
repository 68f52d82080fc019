//! Reads a rule file and checks it as Prometheus does when it loads one: unknown keys, what goes with what, names, durations,
//! expressions, templates. Every mistake of the file is collected.

use std::collections::BTreeMap;

use model::Nanos;
use model::time::{DAY, MILLISECOND};

use super::expand::VARIABLES;
use super::{ALERT_NAME, Alerting, Kind, NAME, Rule, RuleGroup, Text};
use crate::duration;
use crate::spec::parse::{Decoder, Fields};
use crate::spec::yaml::{self, Node, Value};
use crate::spec::{Place, SpecErrors};
use crate::template::Template;

/// Rules of one file.
const MAX_RULES: usize = 20_000;
/// Longest label or annotation, and name.
const MAX_TEXT: usize = 64 << 10;
const MAX_NAME: usize = 1 << 10;
const LEAST_INTERVAL: Nanos = 100 * MILLISECOND;
const MOST_INTERVAL: Nanos = 366 * DAY;

const GROUP_KEYS: [&str; 6] = ["name", "interval", "query_offset", "limit", "labels", "rules"];
const RULE_KEYS: [&str; 7] = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// What holds of a group that does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    pub interval: Nanos,
    pub query_offset: Nanos,
}

/// The groups of a rule file; `file` is the name that errors and [`RuleGroup::file`] carry, and `check` says what is wrong
/// with an expression.
///
/// Errors: every mistake in it, with line, column, key and what is allowed.
pub fn parse(
    file: &str,
    text: &str,
    defaults: Defaults,
    check: &dyn Fn(&str) -> Result<(), String>,
) -> Result<Vec<RuleGroup>, SpecErrors> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let root = yaml::read(file, text).map_err(|error| SpecErrors(vec![error]))?;
    let lines = text.lines().collect();
    let decoder = Decoder { file, errors: Vec::new() };
    let mut reader = Reader { decoder, lines, defaults, check, n_rules: 0 };
    let groups = reader.document(&root);
    let mut errors = reader.decoder.errors;
    errors.sort_by_key(|error| error.place);
    if errors.is_empty() { Ok(groups) } else { Err(SpecErrors(errors)) }
}

struct Reader<'f> {
    decoder: Decoder<'f>,
    lines: Vec<&'f str>,
    defaults: Defaults,
    check: &'f dyn Fn(&str) -> Result<(), String>,
    n_rules: usize,
}

impl Reader<'_> {
    fn document(&mut self, root: &Node) -> Vec<RuleGroup> {
        if matches!(root.value, Value::Null) {
            return Vec::new();
        }
        let Some(fields) = self.decoder.fields(root, "", &["groups"]) else { return Vec::new() };
        let mut names: BTreeMap<String, Place> = BTreeMap::new();
        let mut groups = Vec::new();
        for (index, node) in self.list(&fields, "groups").iter().enumerate() {
            let path = format!("groups[{index}]");
            let Some(group) = self.group(node, &path) else { continue };
            match names.get(&group.name) {
                Some(first) => {
                    let message = format!(
                        "the name {:?} is taken by the group in line {}; names are unique within a file",
                        group.name, first.line
                    );
                    self.decoder.error(node.place, &format!("{path}.name"), message);
                }
                None => {
                    names.insert(group.name.clone(), node.place);
                    groups.push(group);
                }
            }
        }
        groups
    }

    /// The entries of a list, of which there are none if it is missing or empty.
    fn list<'n>(&mut self, fields: &Fields<'n>, key: &str) -> &'n [Node] {
        match fields.get(key).map(|node| (node, &node.value)) {
            None | Some((_, Value::Null)) => &[],
            Some((_, Value::List(items))) => items,
            Some((node, _)) => {
                self.decoder.expected(node, &fields.path(key), "a list");
                &[]
            }
        }
    }

    fn group(&mut self, node: &Node, path: &str) -> Option<RuleGroup> {
        let fields = self.decoder.fields(node, path, &GROUP_KEYS)?;
        let name = match self.decoder.required(&fields, "name", "the name of the group, unique within its file") {
            Some(node) => self.name(node, &fields.path("name")),
            None => None,
        };
        let interval = self.duration(&fields, "interval", LEAST_INTERVAL);
        let query_offset = self.duration(&fields, "query_offset", 0);
        let limit = match fields.get("limit").map(|node| (node, &node.value)) {
            None | Some((_, Value::Null)) => 0,
            Some((_, Value::Integer(limit))) if *limit >= 0 => usize::try_from(*limit).unwrap_or(usize::MAX),
            Some((node, _)) => {
                self.decoder.expected(node, &fields.path("limit"), "a whole number; 0 is no limit");
                0
            }
        };
        let shared = self.texts(&fields, "labels", true);
        let mut rules = Vec::new();
        for (index, node) in self.list(&fields, "rules").iter().enumerate() {
            self.n_rules += 1;
            if self.n_rules > MAX_RULES {
                let message = format!("is one rule too many; a file may have {MAX_RULES}");
                self.decoder.error(node.place, &format!("{path}.rules[{index}]"), message);
                break;
            }
            rules.extend(self.rule(node, &format!("{path}.rules[{index}]"), &shared));
        }
        Some(RuleGroup {
            file: self.decoder.file.to_owned(),
            place: node.place,
            name: name?,
            interval: interval.unwrap_or(self.defaults.interval),
            query_offset: query_offset.unwrap_or(self.defaults.query_offset),
            limit,
            rules,
        })
    }

    fn rule(&mut self, node: &Node, path: &str, shared: &BTreeMap<String, Source>) -> Option<Rule> {
        let fields = self.decoder.fields(node, path, &RULE_KEYS)?;
        let (record, alert) = (filled(&fields, "record"), filled(&fields, "alert"));
        let name = match (record, alert) {
            (Some(_), Some(second)) => {
                self.decoder.error(second.place, path, "has `record` and `alert`; a rule is one of both".to_owned());
                None
            }
            (None, None) => {
                self.decoder.error(node.place, path, "lacks `record` or `alert`, the name of the rule".to_owned());
                None
            }
            (Some(node), None) => self.metric_name(node, &fields.path("record")),
            (None, Some(node)) => self.name(node, &fields.path("alert")),
        };
        let expression = self.expression(&fields);
        let is_alert = alert.is_some();
        for key in ["for", "keep_firing_for", "annotations"] {
            if let (Some(node), Some(_), false) = (filled(&fields, key), record, is_alert) {
                let message = "belongs to alerts; a rule with `record` has none".to_owned();
                self.decoder.error(node.place, &fields.path(key), message);
            }
        }
        let hold = self.duration(&fields, "for", 0);
        let keep_firing_for = self.duration(&fields, "keep_firing_for", 0);
        let mut sources = shared.clone();
        sources.extend(self.texts(&fields, "labels", true));
        let annotations = self.texts(&fields, "annotations", false);
        let labels = self.templates(sources, &fields.path("labels"), is_alert);
        let annotations = self.templates(annotations, &fields.path("annotations"), is_alert);
        let kind = if is_alert {
            let (hold, keep_firing_for) = (hold.unwrap_or(0), keep_firing_for.unwrap_or(0));
            Kind::Alerting(Alerting { hold, keep_firing_for, annotations })
        } else {
            Kind::Recording
        };
        Some(Rule { place: node.place, name: name?, expression: expression?, labels, kind })
    }

    fn expression(&mut self, fields: &Fields<'_>) -> Option<String> {
        let path = fields.path("expr");
        let node = self.decoder.required(fields, "expr", "an expression of PromQL")?;
        let text = self.scalar(node, &path, "an expression of PromQL")?;
        if let Err(reason) = (self.check)(&text) {
            self.decoder.error(node.place, &path, format!("could not parse expression: {reason}"));
            return None;
        }
        Some(text)
    }

    fn name(&mut self, node: &Node, path: &str) -> Option<String> {
        let name = self.scalar(node, path, "a name")?;
        if name.is_empty() || name.len() > MAX_NAME {
            self.decoder.expected(node, path, &format!("a name of 1 to {MAX_NAME} bytes"));
            return None;
        }
        Some(name)
    }

    fn metric_name(&mut self, node: &Node, path: &str) -> Option<String> {
        let name = self.name(node, path)?;
        if name.contains(['{', '}']) {
            let message = "braces present in the name of a recording rule; should it be in `expr`?".to_owned();
            self.decoder.error(node.place, path, message);
            return None;
        }
        Some(name)
    }

    fn duration(&mut self, fields: &Fields<'_>, key: &str, least: Nanos) -> Option<Nanos> {
        let node = filled(fields, key)?;
        let text = self.scalar(node, &fields.path(key), duration::ALLOWED)?;
        match duration::parse(&text) {
            Some(duration) if duration >= least && duration <= MOST_INTERVAL => return Some(duration),
            Some(_) => {
                let what = format!("from {} to {}", duration::format(least), duration::format(MOST_INTERVAL));
                self.decoder.expected(node, &fields.path(key), &what);
            }
            None => self.decoder.expected(node, &fields.path(key), duration::ALLOWED),
        }
        None
    }

    /// A mapping of names to texts.
    fn texts(&mut self, fields: &Fields<'_>, key: &str, is_labels: bool) -> BTreeMap<String, Source> {
        let Some(node) = filled(fields, key) else { return BTreeMap::new() };
        let path = fields.path(key);
        let Value::Map(entries) = &node.value else {
            self.decoder.expected(node, &path, "a mapping of names to texts");
            return BTreeMap::new();
        };
        let mut texts = BTreeMap::new();
        for (name, node) in entries {
            let at = format!("{path}.{}", yaml::shorten(&name.name));
            if name.name.is_empty() || name.name.len() > MAX_NAME || (is_labels && name.name == NAME) {
                self.decoder.error(name.place, &at, format!("invalid name of a label or annotation: {:?}", name.name));
            } else if is_labels && name.name == ALERT_NAME {
                let message = "is the name of the alert, which `alert` says".to_owned();
                self.decoder.error(name.place, &at, message);
            } else if let Some(text) = self.scalar(node, &at, "text") {
                texts.insert(name.name.clone(), Source { text, place: node.place });
            }
        }
        texts
    }

    fn templates(&mut self, sources: BTreeMap<String, Source>, path: &str, are: bool) -> BTreeMap<String, Text> {
        let mut texts = BTreeMap::new();
        for (name, Source { text, place }) in sources {
            let template = if are {
                match Template::parse(&text, VARIABLES) {
                    Ok(template) => Some(template),
                    Err(error) => {
                        let message = format!("error parsing template: {error}");
                        self.decoder.error(place, &format!("{path}.{}", yaml::shorten(&name)), message);
                        continue;
                    }
                }
            } else {
                None
            };
            texts.insert(name, Text { source: text, template });
        }
        texts
    }

    /// The text of a scalar, numbers and truth values as they are written.
    fn scalar(&mut self, node: &Node, path: &str, what: &str) -> Option<String> {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Null => String::new(),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => self.written(node),
            Value::List(_) | Value::Map(_) => {
                self.decoder.expected(node, path, what);
                return None;
            }
        };
        if text.len() > MAX_TEXT {
            let message = format!("has {} bytes, at most {MAX_TEXT} are allowed", text.len());
            self.decoder.error(node.place, path, message);
            return None;
        }
        Some(text)
    }

    /// What stands in the file where a number or a truth value is: `0.50` and not `0.5`.
    fn written(&self, node: &Node) -> String {
        let line = usize::try_from(node.place.line).ok().and_then(|line| self.lines.get(line.checked_sub(1)?));
        let column = usize::try_from(node.place.column).unwrap_or(1).saturating_sub(1);
        let from: String = line.map(|line| line.chars().skip(column).collect()).unwrap_or_default();
        let token = from.split([' ', '\t', ',', '}', ']', '#']).next().unwrap_or_default();
        // An alias or a tag stands for another text.
        let (plain, is_same) = match node.value {
            Value::Integer(value) => (value.to_string(), token.parse() == Ok(value)),
            Value::Float(value) => (value.to_string(), token.parse() == Ok(value)),
            Value::Boolean(value) => (value.to_string(), false),
            _ => (String::new(), false),
        };
        if is_same { token.to_owned() } else { plain }
    }
}

/// A text with its place.
#[derive(Clone)]
struct Source {
    text: String,
    place: Place,
}

/// The value of a key that has one.
fn filled<'n>(fields: &Fields<'n>, key: &str) -> Option<&'n Node> {
    fields.get(key).filter(|node| !matches!(node.value, Value::Null))
}
