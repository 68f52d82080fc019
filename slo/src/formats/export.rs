//! SLOs of ours as files of other tools, and what is lost on the way.

mod openslo;
mod pyrra;
mod queries;
mod sloth;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::spec::yaml::{Node, Value};
use crate::spec::{Place, Slo};

/// A format that SLOs can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Sloth,
    Pyrra,
    OpenSlo,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Sloth, Format::Pyrra, Format::OpenSlo];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Sloth => "sloth",
            Format::Pyrra => "pyrra",
            Format::OpenSlo => "openslo",
        }
    }
}

/// SLOs as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// YAML of one or several documents; empty if no SLO can be said in the format.
    pub text: String,
    /// What the file does not say of the SLOs, one sentence each, beginning with the name of the SLO.
    pub lost: Vec<String>,
}

/// `slos` in a format of another tool. Those over spans are said by the span metrics that the OpenTelemetry Collector
/// makes (its connector `spanmetrics`, with its default names); what cannot be said is in [`Export::lost`].
pub fn export(slos: &[Slo], format: Format) -> Export {
    let mut lost = Lost { slo: "", all: Vec::new() };
    let documents = match format {
        Format::Sloth => sloth::documents(slos, &mut lost),
        Format::Pyrra => slos.iter().filter_map(|slo| pyrra::document(slo, lost.of(slo))).collect(),
        Format::OpenSlo => slos.iter().filter_map(|slo| openslo::document(slo, lost.of(slo))).collect(),
    };
    let texts: Vec<String> = documents.iter().map(text_of).collect();
    Export { text: texts.join("---\n"), lost: lost.all }
}

/// What is lost of one SLO after the other.
struct Lost<'s> {
    slo: &'s str,
    all: Vec<String>,
}

impl<'s> Lost<'s> {
    fn of(&mut self, slo: &'s Slo) -> &mut Self {
        self.slo = &slo.name;
        self
    }

    fn add(&mut self, what: &str) {
        self.all.push(format!("{}: {what}", self.slo));
    }

    /// What none of the formats has.
    fn common(&mut self, slo: &Slo) {
        if !slo.exclusions.is_empty() {
            self.add("exclusions are left out");
        }
        let alerting = &slo.alerting;
        if !alerting.tiers.is_empty() && (alerting.min_events > 1 || alerting.min_bad_events > 1) {
            self.add("the low-traffic guard is left out: few bad events may fire");
        }
        if alerting.tiers.iter().any(|tier| tier.keep_firing_for > 0) {
            self.add("keep_firing_for is left out");
        }
    }
}

fn text_of(node: &Node) -> String {
    let text = serde_saphyr::to_string(node);
    // Of texts, numbers, lists and mappings there is nothing that YAML cannot say.
    let mut text = text.expect("a tree of plain values");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, node)| map.serialize_entry(&key.name, node))?;
                map.end()
            }
        }
    }
}

fn text(text: impl Into<String>) -> Node {
    Node::text(Place::START, text)
}

fn number(value: f64) -> Node {
    let whole = value as i64;
    let value = if whole as f64 == value { Value::Integer(whole) } else { Value::Float(value) };
    Node::new(Place::START, value)
}

fn boolean(value: bool) -> Node {
    Node::new(Place::START, Value::Boolean(value))
}

fn list(items: Vec<Node>) -> Node {
    Node::new(Place::START, Value::List(items))
}

fn map(entries: Vec<(&str, Node)>) -> Node {
    Node::map(Place::START, entries)
}

/// Labels or annotations with a prefix to their names; `None` without any.
fn pairs<'p>(pairs: impl IntoIterator<Item = (&'p String, &'p String)>, prefix: &str) -> Option<Node> {
    let pairs: Vec<(String, Node)> =
        pairs.into_iter().map(|(name, value)| (format!("{prefix}{name}"), text(value.as_str()))).collect();
    let entries: Vec<(&str, Node)> = pairs.iter().map(|(name, node)| (name.as_str(), node.clone())).collect();
    (!entries.is_empty()).then(|| map(entries))
}
