//! The alert state machine of one SLO: `(state, readings, now) -> (state, transitions, notification)`.
//! It has no clock and sends nothing. The caller stores the new state and the notification in one commit, so that a
//! crash between the two cannot lose an alert; whatever is sent twice carries the same idempotency key.

pub mod saved;

use std::collections::BTreeMap;

use model::Nanos;

use crate::burn::Condition;
use crate::duration;
use crate::fingerprint::{self, Fnv};
use crate::spec::{Severity, Slo, Tier};

/// The alerts of one SLO with what their receivers have been told.
#[derive(Debug, Clone, PartialEq)]
pub struct SloAlerts {
    pub slo: String,
    /// The label `alertname`; a change of the file takes effect when nothing fires, so that a group keeps its name.
    pub alert_name: String,
    /// One per tier, the most urgent first.
    pub tiers: Vec<TierAlert>,
    /// Number of the last notification; counts up for ever.
    pub sequence: u64,
    /// Ids of the tiers that were firing in the last notification, sorted.
    pub notified: Vec<String>,
    /// When the last notification was made.
    pub notified_at: Nanos,
    /// When the alerts were last evaluated; 0 for never.
    pub evaluated_at: Nanos,
}

/// The alert of one tier.
#[derive(Debug, Clone, PartialEq)]
pub struct TierAlert {
    /// [`Tier::id`].
    pub id: String,
    pub severity: Severity,
    pub phase: Phase,
    /// When it last stopped firing.
    pub resolved_at: Option<Nanos>,
}

/// Where an alert is in its life.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Inactive,
    /// The condition holds, but not yet for as long as `for` asks.
    Pending {
        since: Nanos,
    },
    Firing(Firing),
}

/// A firing alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// When it began to fire; `startsAt` of the webhook.
    pub since: Nanos,
    /// Since when the condition has been gone, while `keep_firing_for` still holds the alert.
    pub clear_since: Option<Nanos>,
    /// The labels it fired with. Its resolution carries the same ones even if the file has changed in between, or
    /// receivers could not tell what was resolved.
    pub labels: BTreeMap<String, String>,
}

/// A change of one alert, for the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub slo: String,
    pub tier: String,
    pub severity: Severity,
    pub at: Nanos,
    pub to: TransitionTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransitionTo {
    Pending,
    /// The condition went before `for` was over.
    Inactive,
    Firing,
    Resolved,
}

impl TransitionTo {
    /// The word for pages and APIs.
    pub fn name(self) -> &'static str {
        match self {
            TransitionTo::Pending => "pending",
            TransitionTo::Inactive => "inactive",
            TransitionTo::Firing => "firing",
            TransitionTo::Resolved => "resolved",
        }
    }
}

/// What receivers must be told: all alerts of the SLO that fire, and those that were resolved since they were last told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub slo: String,
    pub alert_name: String,
    /// Counts up within the SLO; receivers get them in this order.
    pub sequence: u64,
    pub at: Nanos,
    pub reason: Reason,
    /// Firing ones first, each part the most urgent first; never empty.
    pub alerts: Vec<Alert>,
}

/// One alert within a notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// [`Tier::id`].
    pub tier: String,
    pub labels: BTreeMap<String, String>,
    pub starts_at: Nanos,
    /// `None` while it fires.
    pub ends_at: Option<Nanos>,
}

/// Why a notification is sent; the words of Alertmanager's `notification_reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    First,
    NewAlerts,
    SomeResolved,
    AllResolved,
    Repeat,
}

impl Reason {
    /// The words on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Reason::First => "first notification",
            Reason::NewAlerts => "new alerts added",
            Reason::SomeResolved => "some alerts resolved",
            Reason::AllResolved => "all alerts resolved",
            Reason::Repeat => "repeat interval elapsed",
        }
    }
}

impl Notification {
    /// Whether any of its alerts fires.
    pub fn is_firing(&self) -> bool {
        self.alerts.iter().any(|alert| alert.ends_at.is_none())
    }

    /// The labels that all notifications of one SLO share.
    pub fn group_labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("alertname".to_owned(), self.alert_name.clone()), ("slo".to_owned(), self.slo.clone())])
    }

    /// A key that is the same whenever this notification is sent again and differs for every other one.
    ///
    /// The time is part of it because an older state restored from a backup counts some sequence numbers twice.
    pub fn idempotency_key(&self) -> String {
        let mut hash = Fnv::new();
        hash.field(&self.slo);
        format!("{:016x}-{}-{}", hash.finish(), self.sequence, self.at)
    }
}

impl SloAlerts {
    /// No alert has ever fired.
    pub fn new(slo: &Slo) -> Self {
        Self {
            slo: slo.name.clone(),
            alert_name: slo.alerting.name.clone(),
            tiers: Vec::new(),
            sequence: 0,
            notified: Vec::new(),
            notified_at: 0,
            evaluated_at: 0,
        }
    }

    /// The most urgent severity that fires.
    pub fn firing_severity(&self) -> Option<Severity> {
        self.tiers.iter().filter(|tier| matches!(tier.phase, Phase::Firing(_))).map(|tier| tier.severity).min()
    }
}

/// The outcome of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub state: SloAlerts,
    /// Empty if no alert changed.
    pub transitions: Vec<Transition>,
    pub notification: Option<Notification>,
}

/// The alerts of `slo` after its tiers were found in `conditions` (one per tier, in their order) at `now`.
///
/// An alert fires when its condition is critical and has been for `for`; it is resolved when the short window is back
/// below the threshold and has been for `keep_firing_for`. Without traffic, in an excluded time, or before the windows
/// are counted, it stays as it is. Alerts of tiers that the SLO no longer has are resolved.
pub fn step(state: &SloAlerts, slo: &Slo, conditions: &[Condition], now: Nanos) -> Step {
    let mut run = Run::begin(state, now);
    if state.firing_severity().is_none() {
        run.state.alert_name = slo.alerting.name.clone();
    }
    let mut tiers = Vec::with_capacity(slo.alerting.tiers.len());
    for (tier, condition) in slo.alerting.tiers.iter().zip(conditions) {
        let id = tier.id();
        let old = state.tiers.iter().find(|alert| alert.id == id);
        let fresh = TierAlert { id, severity: tier.severity, phase: Phase::Inactive, resolved_at: None };
        let alert = old.cloned().unwrap_or(fresh);
        tiers.push(run.advance(alert, slo, tier, *condition));
    }
    for gone in state.tiers.iter().filter(|old| slo.alerting.tiers.iter().all(|tier| tier.id() != old.id)) {
        run.resolve(gone);
    }
    run.finish(tiers, Some(slo.alerting.repeat_interval))
}

/// The end of the alerts of an SLO that no file defines any more: whatever fires is resolved.
pub fn retire(state: &SloAlerts, now: Nanos) -> Step {
    let mut run = Run::begin(state, now);
    for alert in &state.tiers {
        run.resolve(alert);
    }
    run.finish(Vec::new(), None)
}

/// The labels of the alert of one tier.
pub fn labels(slo: &Slo, alert_name: &str, tier: &Tier) -> BTreeMap<String, String> {
    let mut labels = slo.labels.clone();
    let mut set = |name: &str, value: &str| {
        labels.insert(name.to_owned(), value.to_owned());
    };
    set("alertname", alert_name);
    set("slo", &slo.name);
    set("service", &slo.service);
    set("severity", tier.severity.name());
    set("long_window", &duration::format(tier.long));
    set("short_window", &duration::format(tier.short));
    if let Some(operation) = slo.indicator.spans().and_then(|spans| spans.selector.operation.as_ref()) {
        set("operation", operation);
    }
    if let Some(owner) = &slo.owner {
        set("owner", owner);
    }
    labels
}

impl Alert {
    /// The fingerprint of its labels, 16 hex digits.
    pub fn fingerprint(&self) -> String {
        fingerprint::of_labels(&self.labels)
    }
}

/// One evaluation while it runs.
struct Run {
    state: SloAlerts,
    now: Nanos,
    transitions: Vec<Transition>,
    resolved: Vec<Alert>,
}

impl Run {
    fn begin(state: &SloAlerts, now: Nanos) -> Self {
        let state = SloAlerts { evaluated_at: now, ..state.clone() };
        Self { state, now, transitions: Vec::new(), resolved: Vec::new() }
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
        let labels = labels(slo, &self.state.alert_name, tier);
        alert.phase = Phase::Firing(Firing { since: self.now, clear_since: None, labels });
        self.change(alert, TransitionTo::Firing);
    }

    /// Notes the resolution of `alert` if it fires.
    fn resolve(&mut self, alert: &TierAlert) {
        if let Phase::Firing(firing) = &alert.phase {
            self.change(alert, TransitionTo::Resolved);
            self.resolved.push(Alert {
                tier: alert.id.clone(),
                labels: firing.labels.clone(),
                starts_at: firing.since,
                ends_at: Some(self.now),
            });
        }
    }

    fn change(&mut self, alert: &TierAlert, to: TransitionTo) {
        self.transitions.push(Transition {
            slo: self.state.slo.clone(),
            tier: alert.id.clone(),
            severity: alert.severity,
            at: self.now,
            to,
        });
    }

    fn finish(mut self, tiers: Vec<TierAlert>, repeat_interval: Option<Nanos>) -> Step {
        let mut alerts = Vec::new();
        for alert in &tiers {
            if let Phase::Firing(firing) = &alert.phase {
                let (tier, labels) = (alert.id.clone(), firing.labels.clone());
                alerts.push(Alert { tier, labels, starts_at: firing.since, ends_at: None });
            }
        }
        let mut firing: Vec<String> = alerts.iter().map(|alert| alert.tier.clone()).collect();
        firing.sort();
        let reason = self.reason(&firing, repeat_interval);
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
        } else if firing.iter().any(|tier| !told.contains(tier)) {
            Some(Reason::NewAlerts)
        } else if told.iter().any(|tier| !firing.contains(tier)) {
            Some(Reason::SomeResolved)
        } else {
            repeat_is_due().then_some(Reason::Repeat)
        }
    }
}

#[cfg(test)]
mod tests;
