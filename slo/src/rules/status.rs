//! What is known of the rules at one moment, for pages and APIs.

use std::sync::Arc;

use model::Nanos;

use super::alerts::{Active, ActiveAlert, ChangeTo};
use super::{Labels, RuleGroup};
use crate::spec::SpecError;

/// All groups, in the order of their files and within them.
#[derive(Debug, Clone, Default)]
pub struct RulesStatus {
    /// What the files are found by; empty when there are no rules.
    pub patterns: Vec<String>,
    pub groups: Vec<Arc<GroupStatus>>,
    /// Mistakes in files whose last good version, if any, is still in use.
    pub file_errors: Vec<SpecError>,
    /// Changes of alerts, newest first; the last few hundred.
    pub history: Vec<Arc<RuleChange>>,
    /// Why the state of alerts could not be stored; `None` when it could.
    pub problem: Option<String>,
}

impl RulesStatus {
    /// Alerts that fire: their labels, and since when.
    pub fn firing(&self) -> impl Iterator<Item = (&Labels, Nanos)> {
        let rules = self.groups.iter().flat_map(|group| &group.rules);
        rules.flat_map(RuleStatus::alerts).filter_map(|(labels, alert)| Some((labels, alert.firing_since()?)))
    }

    /// Alerts that fire.
    pub fn n_firing(&self) -> usize {
        self.firing().count()
    }
}

/// A change of an alert of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleChange {
    pub file: String,
    pub group: String,
    /// With the name of the alert among them.
    pub labels: Labels,
    pub at: Nanos,
    pub to: ChangeTo,
}

#[derive(Debug, Clone)]
pub struct GroupStatus {
    pub group: Arc<RuleGroup>,
    /// The time for which it was evaluated last; 0 for never.
    pub evaluated_at: Nanos,
    /// How long that took.
    pub took: Nanos,
    /// Evaluations since the start, and those that were left out because one before took too long.
    pub evaluations: u64,
    pub missed: u64,
    /// Of its rules, in their order.
    pub rules: Vec<RuleStatus>,
}

#[derive(Debug, Clone, Default)]
pub struct RuleStatus {
    /// 0 for never.
    pub evaluated_at: Nanos,
    pub took: Nanos,
    /// Why the last evaluation failed, if it did; its alerts stay as they were.
    pub error: Option<String>,
    /// What went wrong and did not stop it, such as a template that fails.
    pub warning: Option<String>,
    /// Series that it gave last.
    pub n_series: usize,
    pub active: Arc<Active>,
}

impl RuleStatus {
    /// The word of Prometheus.
    pub fn health(&self) -> &'static str {
        match (&self.error, self.evaluated_at) {
            (Some(_), _) => "err",
            (None, 0) => "unknown",
            (None, _) => "ok",
        }
    }

    /// Alerts that are pending or firing.
    pub fn alerts(&self) -> impl Iterator<Item = (&Labels, &ActiveAlert)> {
        self.active.iter().filter(|(_, alert)| alert.is_active())
    }

    /// Where it is as a whole, in the word of Prometheus: as far as the one of its alerts that is furthest.
    pub fn state(&self) -> &'static str {
        let names: Vec<&str> = self.alerts().map(|(_, alert)| alert.phase.name()).collect();
        ["firing", "pending"].into_iter().find(|state| names.contains(state)).unwrap_or("inactive")
    }
}
