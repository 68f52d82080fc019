//! Decodes and checks an SLO file. Every mistake of the file is collected, so that one look mends them all.

mod alerting;
mod groups;
mod indicator;
mod values;
mod window;

use std::collections::BTreeMap;

pub(crate) use values::is_pair_name;

use super::error::{nearest, one_of};
use super::yaml::{self, Node, Value};
use super::{Indicator, Place, Slo, SpecError, SpecErrors};
use crate::ratio::Objective;

/// SLOs of one file, and documents of one of another format.
pub(crate) const MAX_SLOS: usize = 1000;

/// The keys of an SLO.
pub(crate) const SLO_KEYS: [&str; 17] = [
    "name",
    "description",
    "owner",
    "labels",
    "annotations",
    "service",
    "operation",
    "kind",
    "attributes",
    "filter",
    "indicator",
    "by",
    "max_groups",
    "objective",
    "window",
    "exclusions",
    "alerting",
];

/// The SLOs of one file, in its order; `file` is the name that errors and [`Slo::file`] carry.
///
/// The file is one mapping: either an SLO itself, or `slos:` with a list of them. Errors: every mistake in it, with
/// line, column, key and what is allowed. Names are unique within the file; see [`reject_duplicates`] for several files.
pub fn parse(file: &str, text: &str) -> Result<Vec<Slo>, SpecErrors> {
    let root = yaml::read(file, text).map_err(|error| SpecErrors(vec![error]))?;
    let mut decoder = Decoder { file, errors: Vec::new() };
    let slos = decoder.document(&root);
    decoder.finish(slos)
}

/// The SLOs that were put into our terms from a file of another format, whose mistakes so far are `errors`.
pub(crate) fn decode(file: &str, nodes: &[Node], errors: Vec<SpecError>) -> Result<Vec<Slo>, SpecErrors> {
    let mut decoder = Decoder { file, errors };
    let mut slos = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        slos.extend(decoder.slo(node, &format!("slos[{index}]")));
    }
    decoder.finish(slos)
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
pub(crate) struct Fields<'n> {
    entries: Vec<(&'n str, &'n Node)>,
    place: Place,
    path: String,
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    pub(crate) fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Whether the mapping gives its alerts that label.
    fn has_label(&self, name: &str) -> bool {
        let labels = self.get("labels").map(|node| &node.value);
        matches!(labels, Some(Value::Map(entries)) if entries.iter().any(|(key, _)| key.name == name))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Reads values and collects mistakes; files of routes are read by it too.
pub(crate) struct Decoder<'f> {
    pub(crate) file: &'f str,
    pub(crate) errors: Vec<SpecError>,
}

impl Decoder<'_> {
    fn finish(mut self, slos: Vec<Slo>) -> Result<Vec<Slo>, SpecErrors> {
        self.errors.extend(duplicates(&slos));
        if self.errors.is_empty() {
            return Ok(slos);
        }
        self.errors.sort_by_key(|error| error.place);
        Err(SpecErrors(self.errors))
    }

    pub(crate) fn error(&mut self, place: Place, key: &str, message: String) {
        self.errors.push(SpecError::new(self.file, place, key, message));
    }

    pub(crate) fn expected(&mut self, node: &Node, key: &str, what: &str) {
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
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, path: &str, allowed: &[&str]) -> Option<Fields<'n>> {
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

    pub(crate) fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, what: &str) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() {
            self.error(fields.place, &fields.path(key), format!("missing; must be {what}"));
        }
        node
    }

    fn slo(&mut self, node: &Node, path: &str) -> Option<Slo> {
        let fields = self.fields(node, path, &SLO_KEYS)?;
        let before = self.errors.len();
        let description = self.text(&fields, "description").unwrap_or_default();
        let owner = self.text(&fields, "owner");
        let labels = self.pairs(&fields, "labels", true);
        let annotations = self.pairs(&fields, "annotations", false);
        self.required(&fields, "service", "the `service.name` of the service");
        let service = self.text(&fields, "service");
        let indicator = self.indicator(&fields);
        let name = self.name(&fields, service.as_deref(), indicator.as_ref());
        let by = self.groups(&fields);
        let objective = self.objective(&fields);
        let window = self.window(&fields);
        let exclusions = self.exclusions(&fields);
        // Tiers cannot be judged without objective and window; their own mistakes come to light in the next round.
        let (objective, window) = (objective?, window?);
        let alerting = self.alerting(&fields, objective, &window, indicator.as_ref());
        if self.errors.len() > before {
            return None;
        }
        Some(Slo {
            name: name?,
            description,
            owner,
            service: service?,
            indicator: indicator?,
            by,
            objective,
            window,
            exclusions,
            alerting,
            labels,
            annotations,
            file: self.file.to_owned(),
            place: fields.place,
        })
    }

    /// The name, or else one of service, operation and kind of indicator.
    fn name(&mut self, fields: &Fields<'_>, service: Option<&str>, indicator: Option<&Indicator>) -> Option<String> {
        const WHAT: &str =
            "a name of 1 to 100 lower-case letters, digits, `.`, `_` or `-` that begins with a letter or digit";
        let Some(node) = fields.get("name") else {
            let (service, indicator) = (service?, indicator?);
            let operation = indicator.spans().and_then(|spans| spans.selector.operation.as_deref());
            let parts = [Some(service), operation, Some(indicator.kind())];
            let name = slug(&parts.into_iter().flatten().collect::<Vec<_>>().join("-"));
            // A service without a letter of ASCII would leave nothing but the kind of the indicator.
            if slug(service).is_empty() || name.len() > 100 {
                self.error(fields.place, &fields.path("name"), format!("missing; must be {WHAT}"));
                return None;
            }
            return Some(name);
        };
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
}

/// The text as a name: letters and digits in lower case, one `-` for all that is between them.
pub(crate) fn slug(text: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || (!name.is_empty() && matches!(character, '.' | '_')) {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}
