//! The alert state machine of one SLO and its groups: `(state, readings, now) -> (state, transitions, notification)`.
//! It has no clock and sends nothing. The caller stores the new state and the notification in one commit, so that a
//! crash between the two cannot lose an alert; whatever is sent twice carries the same idempotency key.

pub mod saved;
mod step;

use std::collections::BTreeMap;

use model::Nanos;

use crate::duration;
use crate::fingerprint::{self, Fnv};
use crate::groups::Group;
use crate::spec::{Severity, Slo, Tier};

pub use step::{GroupReading, Step, retire, step, step_groups, step_quietly};

/// The alerts of one SLO with what their receivers have been told.
#[derive(Debug, Clone, PartialEq)]
pub struct SloAlerts {
    pub slo: String,
    /// The label `alertname`; a change of the file takes effect when nothing fires, so that a group keeps its name.
    pub alert_name: String,
    /// One per group and tier, of each group the most urgent first.
    pub tiers: Vec<TierAlert>,
    /// Number of the last notification; counts up for ever.
    pub sequence: u64,
    /// Keys ([`TierAlert::key`]) of the alerts that were firing in the last notification, sorted.
    pub notified: Vec<String>,
    /// When the last notification was made.
    pub notified_at: Nanos,
    /// When the alerts were last evaluated; 0 for never.
    pub evaluated_at: Nanos,
}

/// The alert of one tier of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct TierAlert {
    /// [`Tier::id`].
    pub id: String,
    pub group: Group,
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
    pub group: Group,
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
    pub group: Group,
    pub labels: BTreeMap<String, String>,
    pub starts_at: Nanos,
    /// `None` while it fires.
    pub ends_at: Option<Nanos>,
    /// What the rule says of it, if it is not of an SLO.
    pub rule: Option<RuleAlert>,
}

/// What receivers are told of the alert of a rule besides its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleAlert {
    pub annotations: BTreeMap<String, String>,
    pub expression: String,
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

    /// The most urgent severity that fires of one group.
    pub fn firing_severity_of(&self, group: &Group) -> Option<Severity> {
        let fires = |tier: &&TierAlert| tier.group == *group && matches!(tier.phase, Phase::Firing(_));
        self.tiers.iter().filter(fires).map(|tier| tier.severity).min()
    }
}

impl TierAlert {
    /// What identifies it among the alerts of its SLO.
    pub fn key(&self) -> String {
        key(&self.id, &self.group)
    }
}

/// The id of the tier, and the group as a list of quoted texts: two groups have never one key.
fn key(tier: &str, group: &Group) -> String {
    match group {
        Group::All => tier.to_owned(),
        Group::Values(values) => format!("{tier} {values:?}"),
        Group::Rest => format!("{tier} *"),
    }
}

impl Alert {
    /// The fingerprint of its labels, 16 hex digits.
    pub fn fingerprint(&self) -> String {
        fingerprint::of_labels(&self.labels)
    }
}

/// The labels of the alert of one tier of one group.
pub fn labels(slo: &Slo, alert_name: &str, tier: &Tier, group: &Group) -> BTreeMap<String, String> {
    let mut labels = slo.labels.clone();
    group.add_labels(slo.by.as_ref(), &mut labels);
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

#[cfg(test)]
mod tests;
