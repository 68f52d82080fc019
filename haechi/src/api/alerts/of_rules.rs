//! Groups of Prometheus' rules and their alerts, field for field as Prometheus' API has them.

use std::collections::BTreeMap;

use model::Nanos;
use model::time::SECOND;
use query::promql::LabelMatchers;
use serde::Serialize;
use slo::rules::alerts::{ActiveAlert, Phase};
use slo::rules::status::{GroupStatus, RuleStatus, RulesStatus};
use slo::rules::{Labels, Rule, written};

use super::Item;
use super::rules::{Group, Listed};
use crate::api::time;

/// Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A recording rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recording {
    name: String,
    query: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: Labels,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// An alerting rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alerting {
    state: &'static str,
    name: String,
    query: String,
    duration: f64,
    keep_firing_for: f64,
    labels: Labels,
    annotations: Labels,
    alerts: Vec<Item>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What is asked for of rules; empty lists ask for all.
pub(super) struct Wanted {
    pub(super) alerting: bool,
    pub(super) recording: bool,
    pub(super) names: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) files: Vec<String>,
    /// One of these must accept the labels of the rule.
    pub(super) matchers: Vec<LabelMatchers>,
    pub(super) with_alerts: bool,
}

impl Wanted {
    pub(super) fn has_group(&self, file: &str, name: &str) -> bool {
        let is_among = |list: &[String], wanted: &str| list.is_empty() || list.iter().any(|it| it == wanted);
        is_among(&self.files, file) && is_among(&self.groups, name)
    }

    /// Whether a rule with that name and those labels is asked for. A label that is a template has no value of its own.
    pub(super) fn has_rule(&self, is_alerting: bool, name: &str, labels: &Labels) -> bool {
        let value = |name: &str| labels.get(name).map_or("", String::as_str);
        let plain = |name: &str| Some(value(name)).filter(|value| !value.contains("{{")).unwrap_or_default();
        (if is_alerting { self.alerting } else { self.recording })
            && (self.names.is_empty() || self.names.iter().any(|it| it == name))
            && (self.matchers.is_empty() || self.matchers.iter().any(|matchers| matchers.accept(plain)))
    }
}

/// The groups of rules that are wanted and have rules that are.
pub(super) fn groups<'s>(status: &'s RulesStatus, wanted: &'s Wanted) -> impl Iterator<Item = Group> + 's {
    status.groups.iter().filter_map(|it| {
        let group = &it.group;
        if !wanted.has_group(&group.file, &group.name) {
            return None;
        }
        let rules = group.rules.iter().zip(&it.rules);
        let rules: Vec<Listed> = rules
            .filter(|(rule, _)| wanted.has_rule(rule.alerting().is_some(), &rule.name, &rule.written_labels()))
            .map(|(rule, known)| listed(rule, known, wanted.with_alerts))
            .collect();
        (!rules.is_empty()).then(|| of(it, rules))
    })
}

fn of(it: &GroupStatus, rules: Vec<Listed>) -> Group {
    Group {
        name: it.group.name.clone(),
        file: it.group.file.clone(),
        interval: seconds(it.group.interval),
        limit: it.group.limit,
        rules,
        evaluation_time: seconds(it.took),
        last_evaluation: moment(it.evaluated_at),
    }
}

fn listed(rule: &Rule, known: &RuleStatus, with_alerts: bool) -> Listed {
    let (health, last_error) = (known.health(), known.error.clone());
    let (evaluation_time, last_evaluation) = (seconds(known.took), moment(known.evaluated_at));
    let (name, query, labels) = (rule.name.clone(), rule.expression.clone(), rule.written_labels());
    let Some(alerting) = rule.alerting() else {
        let kind = "recording";
        return Listed::Recording(Recording {
            name,
            query,
            labels,
            health,
            last_error,
            evaluation_time,
            last_evaluation,
            kind,
        });
    };
    Listed::Alerting(Alerting {
        state: known.state(),
        name,
        query,
        duration: seconds(alerting.hold),
        keep_firing_for: seconds(alerting.keep_firing_for),
        labels,
        annotations: written(&alerting.annotations),
        alerts: known.alerts().filter(|_| with_alerts).map(|(labels, alert)| item(labels, alert)).collect(),
        health,
        last_error,
        evaluation_time,
        last_evaluation,
        kind: "alerting",
    })
}

/// The alerts of all rules that are pending or firing.
pub(super) fn alerts(status: &RulesStatus) -> impl Iterator<Item = Item> {
    let rules = status.groups.iter().flat_map(|group| &group.rules);
    rules.flat_map(|rule| rule.alerts().map(|(labels, alert)| item(labels, alert)))
}

/// The alerts of all rules that fire, and since when.
pub(super) fn firing(status: &RulesStatus) -> impl Iterator<Item = (Item, Nanos)> {
    let rules = status.groups.iter().flat_map(|group| &group.rules);
    rules
        .flat_map(|rule| rule.alerts().filter_map(|(labels, alert)| Some((item(labels, alert), alert.firing_since()?))))
}

fn item(labels: &Labels, alert: &ActiveAlert) -> Item {
    let gone_since = match alert.phase {
        Phase::Firing { gone_since, .. } => gone_since,
        Phase::Pending | Phase::Resolved { .. } => None,
    };
    Item {
        labels: labels.clone(),
        annotations: alert.annotations.clone(),
        state: alert.phase.name(),
        active_at: time::format(alert.active_at),
        keep_firing_since: gone_since.map(time::format),
        value: scientific(alert.value),
    }
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

fn moment(time: Nanos) -> String {
    if time == 0 { NEVER.to_owned() } else { time::format(time) }
}

/// As Go's `strconv.FormatFloat(value, 'e', -1, 64)` writes it.
fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let text = format!("{value:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let table = [
            (0.0, "0e+00"),
            (1.0, "1e+00"),
            (-1234.5, "-1.2345e+03"),
            (1e-7, "1e-07"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expected) in table {
            assert_eq!(scientific(value), expected);
        }
    }
}
