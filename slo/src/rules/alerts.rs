//! The alerts of one rule: `(alerts, samples, now) -> (alerts, changes)`. An alert is inactive, then pending for `for`, then
//! firing, until its series is gone and `keep_firing_for` is over. One that is resolved is remembered for a while.

use std::collections::BTreeMap;

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};

use super::{Alerting, Expanded, Labels, NAME};

/// How long a resolved alert is remembered, as in Prometheus.
pub const RESOLVED_RETENTION: Nanos = 15 * MINUTE;
/// After a longer time without evaluation a pending alert begins anew, as in Prometheus.
const OUTAGE_TOLERANCE: Nanos = HOUR;

/// The alerts of a rule by their labels.
pub type Active = BTreeMap<Labels, ActiveAlert>;

#[derive(Debug, Clone, PartialEq)]
pub struct ActiveAlert {
    pub annotations: Labels,
    /// What the expression gave last.
    pub value: f64,
    /// Since when the expression has given it.
    pub active_at: Nanos,
    pub phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Pending,
    Firing {
        since: Nanos,
        /// Since when the expression has not given it any more, while `keep_firing_for` holds the alert.
        gone_since: Option<Nanos>,
    },
    Resolved {
        at: Nanos,
    },
}

impl Phase {
    /// The word of Prometheus.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Firing { .. } => "firing",
            Phase::Resolved { .. } => "inactive",
        }
    }
}

impl ActiveAlert {
    /// Whether it is pending or firing.
    pub fn is_active(&self) -> bool {
        !matches!(self.phase, Phase::Resolved { .. })
    }

    pub fn firing_since(&self) -> Option<Nanos> {
        match self.phase {
            Phase::Firing { since, .. } => Some(since),
            Phase::Pending | Phase::Resolved { .. } => None,
        }
    }
}

/// A change of one alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub labels: Labels,
    pub to: ChangeTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeTo {
    Pending,
    Firing,
    Resolved,
    /// It was gone before `for` was over.
    Inactive,
}

impl ChangeTo {
    pub fn name(self) -> &'static str {
        match self {
            ChangeTo::Pending => "pending",
            ChangeTo::Firing => "firing",
            ChangeTo::Resolved => "resolved",
            ChangeTo::Inactive => "inactive",
        }
    }
}

/// The alerts of a rule after its expression gave `found` at `now`, and what changed.
///
/// Errors, after which everything stays as it was: two samples come to the same labels; more alerts than `limit`, unless that
/// is 0. (Prometheus forgets all alerts of a rule beyond its limit, and would so resolve what fires when it gets worse.)
pub fn step(
    active: &Active,
    alerting: &Alerting,
    found: Vec<Expanded>,
    limit: usize,
    now: Nanos,
) -> Result<(Active, Vec<Change>), String> {
    let mut fresh: BTreeMap<Labels, Expanded> = BTreeMap::new();
    for expanded in found {
        if fresh.contains_key(&expanded.labels) {
            return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
        }
        fresh.insert(expanded.labels.clone(), expanded);
    }
    let mut changes = Vec::new();
    let mut after = Active::new();
    let mut change = |labels: &Labels, to: ChangeTo| changes.push(Change { labels: labels.clone(), to });
    for (labels, old) in active {
        if fresh.contains_key(labels) {
            continue;
        }
        match old.phase {
            Phase::Pending => change(labels, ChangeTo::Inactive),
            Phase::Firing { since, gone_since } => {
                let gone_since = gone_since.unwrap_or(now);
                let mut kept = old.clone();
                if now.saturating_sub(gone_since) < alerting.keep_firing_for {
                    kept.phase = Phase::Firing { since, gone_since: Some(gone_since) };
                } else {
                    kept.phase = Phase::Resolved { at: now };
                    change(labels, ChangeTo::Resolved);
                }
                after.insert(labels.clone(), kept);
            }
            Phase::Resolved { at } if now.saturating_sub(at) <= RESOLVED_RETENTION => {
                after.insert(labels.clone(), old.clone());
            }
            Phase::Resolved { .. } => {}
        }
    }
    for (labels, expanded) in fresh {
        let known = active.get(&labels).filter(|old| old.is_active());
        let mut alert = ActiveAlert {
            annotations: expanded.annotations,
            value: expanded.value,
            active_at: known.map_or(now, |old| old.active_at),
            phase: Phase::Pending,
        };
        match known.map(|old| old.phase) {
            Some(Phase::Firing { since, .. }) => alert.phase = Phase::Firing { since, gone_since: None },
            _ if now.saturating_sub(alert.active_at) >= alerting.hold => {
                alert.phase = Phase::Firing { since: now, gone_since: None };
                change(&labels, ChangeTo::Firing);
            }
            Some(_) => {}
            None => change(&labels, ChangeTo::Pending),
        }
        after.insert(labels, alert);
    }
    let n_active = after.values().filter(|alert| alert.is_active()).count();
    if limit > 0 && n_active > limit {
        return Err(format!("exceeded limit of {limit} with {n_active} alerts"));
    }
    Ok((after, changes))
}

/// The alerts after a time in which nothing was evaluated, from `last` to `now`, in which `interval` had been usual.
///
/// That time does not count as one for which a pending alert has held, since nobody looked; after more than an hour it begins
/// anew. What fires goes on. As in Prometheus.
pub fn resume(active: &mut Active, last: Nanos, now: Nanos, interval: Nanos) {
    let unseen = now.saturating_sub(last).saturating_sub(interval);
    if unseen <= 0 {
        return;
    }
    if unseen > OUTAGE_TOLERANCE {
        active.retain(|_, alert| alert.phase != Phase::Pending);
    }
    for alert in active.values_mut().filter(|alert| alert.phase == Phase::Pending) {
        alert.active_at = alert.active_at.saturating_add(unseen).min(now);
    }
}

/// The series that tell of `active` alerts, with their values: `ALERTS` and `ALERTS_FOR_STATE` of each.
pub fn series(active: &Active) -> impl Iterator<Item = (Labels, f64)> {
    active.iter().filter(|(_, alert)| alert.is_active()).flat_map(|(labels, alert)| {
        let named = |name: &str| {
            let mut labels = labels.clone();
            labels.insert(NAME.to_owned(), name.to_owned());
            labels
        };
        let mut state = named("ALERTS");
        state.insert("alertstate".to_owned(), alert.phase.name().to_owned());
        [(state, 1.0), (named("ALERTS_FOR_STATE"), alert.active_at.div_euclid(SECOND) as f64)]
    })
}
