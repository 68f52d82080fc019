//! One evaluation of the alerts of an SLO.

use std::collections::HashMap;

use model::Nanos;

use super::{Alert, Firing, Notification, Phase, Reason, SloAlerts, TierAlert, Transition, TransitionTo, labels};
use crate::burn::Condition;
use crate::groups::Group;
use crate::silences::Silences;
use crate::spec::{Slo, Tier};

/// The outcome of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub state: SloAlerts,
    /// Empty if no alert changed.
    pub transitions: Vec<Transition>,
    pub notification: Option<Notification>,
}

/// What the tiers of one group were found in.
#[derive(Debug, Clone)]
pub struct GroupReading<'r> {
    pub group: &'r Group,
    /// One per tier of the SLO, in their order.
    pub conditions: Vec<Condition>,
}

/// [`step_groups`] for an SLO without groups: its tiers were found in `conditions`, one per tier, in their order.
pub fn step(state: &SloAlerts, slo: &Slo, conditions: &[Condition], now: Nanos) -> Step {
    let reading = GroupReading { group: &Group::All, conditions: conditions.to_vec() };
    step_groups(state, slo, &[reading], now)
}

/// The alerts of `slo` after its groups were read at `now`; every group at most once.
///
/// An alert fires when its condition is critical and has been for `for`; it is resolved when the short window is back
/// below the threshold and has been for `keep_firing_for`. Without traffic, in an excluded time, or before the windows
/// are counted, it stays as it is. Alerts of tiers that the SLO no longer has are resolved.
///
/// Groups are stepped one by one: what one does changes nothing of another. A group that is missing has left, and what
/// fires of it is resolved; the caller says which groups there are ([`crate::groups::admit`]), and so bounds all of it.
pub fn step_groups(state: &SloAlerts, slo: &Slo, readings: &[GroupReading<'_>], now: Nanos) -> Step {
    step_quietly(state, slo, readings, now, &Silences::default())
}

/// [`step_groups`] with silences: of what is silenced nobody is told, but that it was resolved if they were told that it fires.
/// What fires when its silence ends is told then.
pub fn step_quietly(
    state: &SloAlerts,
    slo: &Slo,
    readings: &[GroupReading<'_>],
    now: Nanos,
    silences: &Silences,
) -> Step {
    let mut run = Run::begin(state, now);
    if state.firing_severity().is_none() {
        run.state.alert_name = slo.alerting.name.clone();
    }
    let mut old: HashMap<(&Group, &str), &TierAlert> =
        state.tiers.iter().map(|alert| ((&alert.group, alert.id.as_str()), alert)).collect();
    let ids: Vec<String> = slo.alerting.tiers.iter().map(Tier::id).collect();
    let mut tiers = Vec::with_capacity(readings.len() * ids.len());
    for GroupReading { group, conditions } in readings {
        for ((tier, id), condition) in slo.alerting.tiers.iter().zip(&ids).zip(conditions) {
            let alert = old.remove(&(*group, id.as_str())).cloned().unwrap_or_else(|| TierAlert {
                id: id.clone(),
                group: (*group).clone(),
                severity: tier.severity,
                phase: Phase::Inactive,
                resolved_at: None,
            });
            tiers.push(run.advance(alert, slo, tier, *condition));
        }
    }
    // In the order of the state, not of the table of hashes.
    for gone in state.tiers.iter().filter(|alert| old.contains_key(&(&alert.group, alert.id.as_str()))) {
        run.resolve(gone);
    }
    run.finish(tiers, Some(slo.alerting.repeat_interval), silences)
}

/// The end of the alerts of an SLO that no file defines any more: whatever fires is resolved.
pub fn retire(state: &SloAlerts, now: Nanos) -> Step {
    let mut run = Run::begin(state, now);
    for alert in &state.tiers {
        run.resolve(alert);
    }
    run.finish(Vec::new(), None, &Silences::default())
}

/// One evaluation while it runs.
struct Run {
    state: SloAlerts,
    now: Nanos,
    transitions: Vec<Transition>,
    resolved: Vec<Alert>,
    /// When the alerts were evaluated before.
    before: Nanos,
}

impl Run {
    fn begin(state: &SloAlerts, now: Nanos) -> Self {
        let before = state.evaluated_at;
        let state = SloAlerts { evaluated_at: now, ..state.clone() };
        Self { state, now, before, transitions: Vec::new(), resolved: Vec::new() }
    }

    fn advance(&mut self, mut alert: TierAlert, slo: &Slo, tier: &Tier, condition: Condition) -> TierAlert {
        match (alert.phase.clone(), condition) {
            (_, Condition::NoTraffic | Condition::NotCounted | Condition::Excluded) => {}
            (Phase::Inactive, Condition::Critical) => {
                alert.phase = Phase::Pending { since: self.now };
                if tier.hold > 0 {
                    self.change(&alert, TransitionTo::Pending);
                } else {
                    self.fire(&mut alert, slo, tier);
                }
            }
            (Phase::Pending { since }, Condition::Critical) => {
                if self.now.saturating_sub(since) >= tier.hold {
                    self.fire(&mut alert, slo, tier);
                }
            }
            (Phase::Pending { .. }, _) => {
                alert.phase = Phase::Inactive;
                self.change(&alert, TransitionTo::Inactive);
            }
            (Phase::Firing(firing), Condition::Recovering | Condition::Acceptable) => {
                let clear_since = firing.clear_since.unwrap_or(self.now);
                if self.now.saturating_sub(clear_since) >= tier.keep_firing_for {
                    self.resolve(&alert);
                    alert.phase = Phase::Inactive;
                    alert.resolved_at = Some(self.now);
                } else {
                    alert.phase = Phase::Firing(Firing { clear_since: Some(clear_since), ..firing });
                }
            }
            // The short window is hot: whatever the long one says, it goes on.
            (Phase::Firing(firing), Condition::Critical | Condition::Suppressed { .. } | Condition::Increasing) => {
                alert.phase = Phase::Firing(Firing { clear_since: None, ..firing });
            }
            (Phase::Inactive, _) => {}
        }
        alert
    }

    fn fire(&mut self, alert: &mut TierAlert, slo: &Slo, tier: &Tier) {
        let labels = labels(slo, &self.state.alert_name, tier, &alert.group);
        alert.phase = Phase::Firing(Firing { since: self.now, clear_since: None, labels });
        self.change(alert, TransitionTo::Firing);
    }

    /// Notes the resolution of `alert` if it fires.
    fn resolve(&mut self, alert: &TierAlert) {
        if let Phase::Firing(firing) = &alert.phase {
            self.change(alert, TransitionTo::Resolved);
            self.resolved.push(Alert {
                tier: alert.id.clone(),
                group: alert.group.clone(),
                labels: firing.labels.clone(),
                starts_at: firing.since,
                ends_at: Some(self.now),
                rule: None,
            });
        }
    }

    fn change(&mut self, alert: &TierAlert, to: TransitionTo) {
        self.transitions.push(Transition {
            slo: self.state.slo.clone(),
            tier: alert.id.clone(),
            group: alert.group.clone(),
            severity: alert.severity,
            at: self.now,
            to,
        });
    }

    fn finish(mut self, tiers: Vec<TierAlert>, repeat_interval: Option<Nanos>, silences: &Silences) -> Step {
        let (mut alerts, mut firing, mut has_returned) = (Vec::new(), Vec::new(), false);
        for alert in &tiers {
            let Phase::Firing(phase) = &alert.phase else { continue };
            let key = alert.key();
            let is_told = self.state.notified.binary_search(&key).is_ok();
            if silences.is_silenced(&phase.labels, self.now) {
                // Receivers go on to believe that it fires, which it does.
                firing.extend(is_told.then_some(key));
                continue;
            }
            has_returned |= is_told && silences.has_returned(&phase.labels, self.before, self.now);
            let (tier, group, labels) = (alert.id.clone(), alert.group.clone(), phase.labels.clone());
            alerts.push((
                alert.severity,
                Alert { tier, group, labels, starts_at: phase.since, ends_at: None, rule: None },
            ));
            firing.push(key);
        }
        firing.sort();
        // Of all groups together the most urgent first; within one severity in the order of groups and tiers.
        alerts.sort_by_key(|(severity, _)| *severity);
        let mut alerts: Vec<Alert> = alerts.into_iter().map(|(_, alert)| alert).collect();
        let reason =
            self.reason(&firing, repeat_interval).filter(|reason| *reason != Reason::Repeat || !alerts.is_empty());
        let reason = reason.or(has_returned.then_some(Reason::NewAlerts));
        // Nobody was told of what began and ended in silence.
        let told = std::mem::take(&mut self.state.notified);
        self.resolved.retain(|alert| told.binary_search(&super::key(&alert.tier, &alert.group)).is_ok());
        self.state.notified = told;
        self.state.tiers = tiers;
        let notification = reason.map(|reason| {
            alerts.append(&mut self.resolved);
            self.state.sequence += 1;
            self.state.notified = firing;
            self.state.notified_at = self.now;
            Notification {
                slo: self.state.slo.clone(),
                alert_name: self.state.alert_name.clone(),
                sequence: self.state.sequence,
                at: self.now,
                reason,
                alerts,
            }
        });
        Step { state: self.state, transitions: self.transitions, notification }
    }

    /// Why receivers must be told that `firing` fire now, if they must; the order of the cases is Alertmanager's.
    fn reason(&self, firing: &[String], repeat_interval: Option<Nanos>) -> Option<Reason> {
        let told = &self.state.notified;
        if told.is_empty() {
            return (!firing.is_empty()).then_some(Reason::First);
        }
        let repeat_is_due =
            || repeat_interval.is_some_and(|interval| self.now.saturating_sub(self.state.notified_at) >= interval);
        if firing.is_empty() {
            Some(Reason::AllResolved)
        } else if firing.iter().any(|alert| told.binary_search(alert).is_err()) {
            Some(Reason::NewAlerts)
        } else if told.iter().any(|alert| firing.binary_search(alert).is_err()) {
            Some(Reason::SomeResolved)
        } else {
            repeat_is_due().then_some(Reason::Repeat)
        }
    }
}
