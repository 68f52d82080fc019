//! SLO files of other tools: which format a file has, what of it is an SLO here, and what of it is not.
//!
//! A file of another format is put into the terms of ours, value by value with its place, and then read like one of ours:
//! one set of checks for all. What cannot be put into our terms is told and never guessed in silence.

mod export;
mod openslo;
mod promql;
mod pyrra;
mod sloth;
mod yaml;

use crate::spec::parse::{MAX_SLOS, decode};
use crate::spec::yaml::{Node, Value, read_all, shorten};
use crate::spec::{Place, Slo, SpecError, SpecErrors, parse};

pub use export::{Export, Format, export};

/// The SLOs of a file, and what it says that no SLO here can say.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub slos: Vec<Slo>,
    /// With place and key of the file, in its order; an SLO named in one of them may be missing in `slos`.
    pub unmapped: Vec<SpecError>,
}

/// The SLOs of one file, which may be ours, Sloth's (`prometheus/v1`), Pyrra's (`pyrra.dev/v1alpha1`) or OpenSLO's
/// (`openslo/v1`). Errors: every mistake in it. Names are unique within the file, as in [`parse`].
pub fn load(file: &str, text: &str) -> Result<Loaded, SpecErrors> {
    // What names a format that is not ours does so at the top of its first document.
    let is_foreign = |node: &Node| node.get("apiVersion").is_some() || node.get("version").is_some();
    let documents = match read_all(file, text) {
        Ok(documents) if documents.first().is_some_and(is_foreign) => documents,
        _ => return Ok(Loaded { slos: parse(file, text)?, unmapped: Vec::new() }),
    };
    if documents.len() > MAX_SLOS {
        let message = format!("{} documents in one file, at most {MAX_SLOS} are allowed", documents.len());
        return Err(SpecErrors(vec![SpecError::new(file, Place::START, "", message)]));
    }
    let mut reader = Reader { file, errors: Vec::new(), unmapped: Vec::new() };
    let first = &documents[0];
    let named = first.get("apiVersion").or_else(|| first.get("version"));
    let nodes = match named.and_then(Node::as_text) {
        Some("prometheus/v1" | "sloth.slok.dev/v1") => sloth::read(&mut reader, &documents),
        Some("pyrra.dev/v1alpha1") => pyrra::read(&mut reader, &documents),
        Some("openslo/v1") => openslo::read(&mut reader, &documents),
        _ => {
            let place = named.map_or(first.place, |node| node.place);
            let got = named.map_or_else(String::new, |node| node.value.describe());
            let message = format!(
                "must be prometheus/v1 or sloth.slok.dev/v1 (Sloth), pyrra.dev/v1alpha1 (Pyrra) or openslo/v1 (OpenSLO), got {got}; a file of our own format names none"
            );
            let key = if first.get("apiVersion").is_some() { "apiVersion" } else { "version" };
            return Err(SpecErrors(vec![SpecError::new(file, place, key, message)]));
        }
    };
    if nodes.len() > MAX_SLOS {
        reader.error(Place::START, "", &format!("{} SLOs in one file, at most {MAX_SLOS} are allowed", nodes.len()));
    }
    let slos = decode(file, &nodes, reader.errors)?;
    reader.unmapped.sort_by_key(|note| note.place);
    // What several SLOs share is read for each of them.
    reader.unmapped.dedup();
    Ok(Loaded { slos, unmapped: reader.unmapped })
}

/// What is found while a file of another format is read.
struct Reader<'f> {
    file: &'f str,
    errors: Vec<SpecError>,
    unmapped: Vec<SpecError>,
}

impl Reader<'_> {
    fn error(&mut self, place: Place, key: &str, message: &str) {
        self.errors.push(SpecError::new(self.file, place, key, message.to_owned()));
    }

    fn unmapped(&mut self, place: Place, key: &str, message: &str) {
        self.unmapped.push(SpecError::new(self.file, place, key, message.to_owned()));
    }

    /// Notes each key of a mapping that is not among `known`.
    fn known(&mut self, node: &Node, path: &str, known: &[&str]) {
        for (key, _) in node.entries() {
            if !known.contains(&key.name.as_str()) {
                self.unmapped(key.place, &join(path, &shorten(&key.name)), "is not known here and changes nothing");
            }
        }
    }

    /// Notes a key that says something which cannot be said here.
    fn left_out(&mut self, node: &Node, path: &str, key: &str, why: &str) {
        if let Some(value) = node.get(key).filter(|value| !is_nothing(value)) {
            self.unmapped(value.place, &join(path, key), why);
        }
    }

    /// A value that must be there; an error otherwise.
    fn required<'n>(&mut self, node: &'n Node, path: &str, key: &str) -> Option<&'n Node> {
        let value = node.get(key);
        if value.is_none() {
            self.error(node.place, &join(path, key), "missing");
        }
        value
    }

    /// A text that must be there.
    fn text<'n>(&mut self, node: &'n Node, path: &str, key: &str) -> Option<(&'n str, Place)> {
        let value = self.required(node, path, key)?;
        let text = value.as_text();
        if text.is_none() {
            let message = format!("must be text, got {}", value.value.describe());
            self.error(value.place, &join(path, key), &message);
        }
        text.map(|text| (text, value.place))
    }

    /// The pairs of labels or annotations that ours can be, later ones over earlier ones.
    fn pairs(&mut self, maps: &[(&Node, &str)], labels: bool) -> Vec<(String, Node)> {
        let mut pairs: Vec<(String, Node)> = Vec::new();
        for (map, path) in maps {
            for (key, value) in map.entries() {
                let at = join(path, &shorten(&key.name));
                let text = match &value.value {
                    Value::Text(text) => text.clone(),
                    Value::Integer(number) => number.to_string(),
                    Value::Boolean(value) => value.to_string(),
                    _ => {
                        self.unmapped(value.place, &at, "is no text and is left out");
                        continue;
                    }
                };
                if text.trim().is_empty() {
                    continue;
                }
                if text.contains("{{") {
                    self.unmapped(value.place, &at, "is a template and is left out");
                } else if !crate::spec::parse::is_pair_name(&key.name, labels) {
                    let why = if labels {
                        "cannot be a label of alerts here and is left out"
                    } else {
                        "is left out: not a name"
                    };
                    self.unmapped(key.place, &at, why);
                } else {
                    pairs.retain(|(name, _)| *name != key.name);
                    pairs.push((key.name.clone(), Node::text(value.place, text)));
                }
            }
        }
        pairs
    }
}

/// A mapping of pairs, if there are any.
fn map_of(place: Place, pairs: Vec<(String, Node)>) -> Option<Node> {
    let entries: Vec<(&str, Node)> = pairs.iter().map(|(name, node)| (name.as_str(), node.clone())).collect();
    (!entries.is_empty()).then(|| Node::map(place, entries))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Boolean(false) => true,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(true) => false,
    }
}

fn is_true(node: &Node, key: &str) -> bool {
    matches!(node.get(key).map(|node| &node.value), Some(Value::Boolean(true)))
}

fn is_false(node: &Node, key: &str) -> bool {
    matches!(node.get(key).map(|node| &node.value), Some(Value::Boolean(false)))
}

#[cfg(test)]
mod tests;
