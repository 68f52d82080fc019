//! Prometheus' recording and alerting rules without I/O and without a clock: what a rule file says ([`parse`]), what its alerts
//! do ([`alerts`]), what is known of them ([`status`]). Expressions are evaluated by whoever calls.
//!
//! Sources: Prometheus' documentation of recording and alerting rules, and the alert generator specification of
//! prometheus/compliance. Where we differ, it is said at the place and in `docs/rules.md`.

pub mod alerts;
mod expand;
mod parse;
pub mod saved;
pub mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::Nanos;

use crate::spec::Place;
use crate::template::Template;

pub use expand::{Expanded, expand};
pub use parse::{Defaults, parse};

/// The name of a series.
pub(crate) const NAME: &str = "__name__";
/// The label with the name of an alert.
pub const ALERT_NAME: &str = "alertname";

pub type Labels = BTreeMap<String, String>;

/// Rules that are evaluated one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleGroup {
    /// As errors and APIs name it.
    pub file: String,
    pub place: Place,
    /// Unique within its file.
    pub name: String,
    /// Between evaluations.
    pub interval: Nanos,
    /// How much earlier expressions are evaluated, and samples written, than the clock says.
    pub query_offset: Nanos,
    /// The most series or alerts that one of its rules may give; 0 for no limit.
    pub limit: usize,
    pub rules: Vec<Rule>,
}

/// One rule; the labels of its group are among its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub place: Place,
    /// Of the series that it records, or of the alert.
    pub name: String,
    pub expression: String,
    pub labels: BTreeMap<String, Text>,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Recording,
    Alerting(Alerting),
}

/// What an alerting rule says besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// `for`
    pub hold: Nanos,
    pub keep_firing_for: Nanos,
    pub annotations: BTreeMap<String, Text>,
}

/// A text of a rule file, which may be a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub source: String,
    /// `None` for labels of recording rules, which are as they are written.
    template: Option<Template>,
}

impl RuleGroup {
    /// What tells it from all others.
    pub fn key(&self) -> (&str, &str) {
        (&self.file, &self.name)
    }
}

impl Rule {
    pub fn alerting(&self) -> Option<&Alerting> {
        match &self.kind {
            Kind::Recording => None,
            Kind::Alerting(alerting) => Some(alerting),
        }
    }

    /// What it keeps its state by when its file changes: its name and its labels, as in Prometheus.
    pub fn identity(&self) -> String {
        let labels: Vec<_> = self.labels.iter().map(|(name, text)| (name, &text.source)).collect();
        let kind = if self.alerting().is_some() { "alert" } else { "record" };
        format!("{kind} {} {labels:?}", self.name)
    }

    /// Its labels as they are written.
    pub fn written_labels(&self) -> Labels {
        written(&self.labels)
    }
}

/// Texts as they are written.
pub fn written(texts: &BTreeMap<String, Text>) -> Labels {
    texts.iter().map(|(name, text)| (name.clone(), text.source.clone())).collect()
}
