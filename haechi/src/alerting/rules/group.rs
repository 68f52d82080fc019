//! A group of rules with what is known of it between two evaluations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::Nanos;
use query::promql::{Labels, outline};
use slo::rules::alerts::{Phase, series};
use slo::rules::saved::{SavedRule, SavedRules};
use slo::rules::status::{GroupStatus, RuleStatus};
use slo::rules::{Rule, RuleGroup};

#[derive(Clone)]
pub(super) struct GroupState {
    pub(super) group: Arc<RuleGroup>,
    /// Of its rules, in their order.
    pub(super) rules: Vec<RuleState>,
    /// Series of rules that it does not have any more, until their end is written.
    pub(super) leaving: Vec<Labels>,
    /// The time for which it was evaluated last, also by the process before; 0 for never.
    pub(super) evaluated_at: Nanos,
    pub(super) took: Nanos,
    pub(super) evaluations: u64,
    pub(super) missed: u64,
    /// Its alerts are from the process before, which nobody looked at since.
    pub(super) is_restored: bool,
}

#[derive(Clone)]
pub(super) struct RuleState {
    pub(super) status: RuleStatus,
    /// The series that it wrote last.
    pub(super) written: Arc<BTreeSet<Labels>>,
    /// The metrics that it reads; `None` if that is not known.
    pub(super) reads: Option<BTreeSet<String>>,
}

impl RuleState {
    fn new(rule: &Rule) -> Self {
        let reads = outline(&rule.expression).ok().and_then(|outline| outline.names);
        // What templates ask for is known when they ask.
        let annotations = rule.alerting().map(|alerting| alerting.annotations.values()).into_iter().flatten();
        let asks = rule.labels.values().chain(annotations).any(|text| text.source.contains("query"));
        let reads = reads.filter(|_| !asks);
        Self { status: RuleStatus::default(), written: Arc::default(), reads }
    }
}

impl GroupState {
    pub(super) fn new(group: Arc<RuleGroup>) -> Self {
        let rules = group.rules.iter().map(RuleState::new).collect();
        Self {
            group,
            rules,
            leaving: Vec::new(),
            evaluated_at: 0,
            took: 0,
            evaluations: 0,
            missed: 0,
            is_restored: false,
        }
    }

    /// The group after its file has changed: rules of the same name and labels go on, those that have gone leave their series to
    /// be ended.
    pub(super) fn changed(&self, group: Arc<RuleGroup>) -> Self {
        let mut known: BTreeMap<String, VecDeque<&RuleState>> = BTreeMap::new();
        for (rule, state) in self.group.rules.iter().zip(&self.rules) {
            known.entry(rule.identity()).or_default().push_back(state);
        }
        let mut after = Self { leaving: self.leaving.clone(), ..Self::new(group) };
        let rules = Arc::clone(&after.group);
        for (rule, state) in rules.rules.iter().zip(&mut after.rules) {
            if let Some(old) = known.get_mut(&rule.identity()).and_then(VecDeque::pop_front) {
                state.status = old.status.clone();
                state.written = Arc::clone(&old.written);
            }
        }
        after.leaving.extend(known.into_values().flatten().flat_map(|old| old.written.iter().cloned()));
        let Self { evaluated_at, took, evaluations, missed, is_restored, .. } = *self;
        Self { evaluated_at, took, evaluations, missed, is_restored, ..after }
    }

    /// Whether one of its alerts waits: then each evaluation counts for how long it has.
    pub(super) fn has_pending(&self) -> bool {
        let mut alerts = self.rules.iter().flat_map(|rule| rule.status.alerts());
        alerts.any(|(_, alert)| alert.phase == Phase::Pending)
    }

    /// The series that nobody writes any more when the group has gone.
    pub(super) fn series(&self) -> impl Iterator<Item = &Labels> {
        self.leaving.iter().chain(self.rules.iter().flat_map(|rule| rule.written.iter()))
    }

    pub(super) fn restored(mut self, saved: SavedRules) -> Self {
        let mut known: BTreeMap<String, VecDeque<SavedRule>> = BTreeMap::new();
        for rule in saved.rules {
            known.entry(rule.identity.clone()).or_default().push_back(rule);
        }
        for (rule, state) in self.group.rules.iter().zip(&mut self.rules) {
            if let Some(saved) = known.get_mut(&rule.identity()).and_then(VecDeque::pop_front) {
                let active = saved.into_active();
                // The process before has written them, and they end like any other.
                state.written = Arc::new(series(&active).map(|(labels, _)| Labels::new(labels)).collect());
                state.status.active = Arc::new(active);
            }
        }
        self.evaluated_at = saved.evaluated_at;
        self.is_restored = true;
        self
    }

    /// Its alerts, if it has any.
    pub(super) fn saved(&self) -> Option<SavedRules> {
        let with_alerts = self.group.rules.iter().zip(&self.rules).filter(|(_, state)| !state.status.active.is_empty());
        let rules: Vec<SavedRule> =
            with_alerts.map(|(rule, state)| SavedRule::new(rule.identity(), &state.status.active)).collect();
        let (file, name) = (self.group.file.clone(), self.group.name.clone());
        (!rules.is_empty()).then_some(SavedRules { file, name, evaluated_at: self.evaluated_at, rules })
    }

    pub(super) fn status(&self) -> GroupStatus {
        GroupStatus {
            group: Arc::clone(&self.group),
            evaluated_at: if self.evaluations > 0 { self.evaluated_at } else { 0 },
            took: self.took,
            evaluations: self.evaluations,
            missed: self.missed,
            rules: self.rules.iter().map(|rule| rule.status.clone()).collect(),
        }
    }
}
