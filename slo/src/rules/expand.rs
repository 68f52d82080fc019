//! Labels and annotations of the alert that a sample makes.

use super::{ALERT_NAME, Labels, NAME, Rule, Text};
use crate::template::{Host, Sample, Value};

/// The names that Prometheus sets before each template.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("$labels", "Labels"),
    ("$externalLabels", "ExternalLabels"),
    ("$externalURL", "ExternalURL"),
    ("$value", "Value"),
];

/// What a sample makes of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    pub labels: Labels,
    pub annotations: Labels,
    pub value: f64,
    /// What the first template failed by that did; its text says so too.
    pub problem: Option<String>,
}

/// The alert that `sample`, an element of the vector of the rule's expression, makes.
pub fn expand(rule: &Rule, sample: &Sample, host: &dyn Host) -> Expanded {
    let data = Value::fields(vec![
        ("Labels", Value::labels(&sample.labels)),
        ("ExternalLabels", Value::labels(&Labels::new())),
        ("ExternalURL", Value::text(host.external_url())),
        ("Value", Value::Float(sample.value)),
    ]);
    let mut problem = None;
    let mut render = |name: &str, text: &Text| {
        let Some(template) = &text.template else { return text.source.clone() };
        template.render(&data, host).unwrap_or_else(|error| {
            problem.get_or_insert_with(|| format!("{name}: error expanding template: {error}"));
            format!("<error expanding template: {error}>")
        })
    };
    let mut labels = sample.labels.clone();
    labels.remove(NAME);
    for (name, text) in &rule.labels {
        labels.insert(name.clone(), render(name, text));
    }
    labels.insert(ALERT_NAME.to_owned(), rule.name.clone());
    labels.retain(|_, value| !value.is_empty());
    let annotations = rule.alerting().map(|alerting| &alerting.annotations).into_iter().flatten();
    let annotations = annotations.map(|(name, text)| (name.clone(), render(name, text))).collect();
    Expanded { labels, annotations, value: sample.value, problem }
}
