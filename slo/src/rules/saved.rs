//! The alerts of rules as they are stored across restarts: plain structs for serde.

use std::collections::BTreeMap;

use model::Nanos;
use serde::{Deserialize, Serialize};

use super::Labels;
use super::alerts::{Active, ActiveAlert, ChangeTo, Phase};
use super::status::RuleChange;

/// The alerts of a group, by [`super::Rule::identity`]; rules that have none are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedRules {
    pub file: String,
    pub name: String,
    pub evaluated_at: Nanos,
    pub rules: Vec<SavedRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedRule {
    pub identity: String,
    alerts: Vec<SavedAlert>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedAlert {
    labels: Labels,
    annotations: Labels,
    /// In text, since JSON has no infinity.
    value: String,
    active_at: i64,
    phase: SavedPhase,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedPhase {
    Pending,
    Firing { since: i64, gone_since: Option<i64> },
    Resolved { at: i64 },
}

impl SavedRule {
    pub fn new(identity: String, active: &Active) -> Self {
        let alert = |(labels, alert): (&Labels, &ActiveAlert)| SavedAlert {
            labels: labels.clone(),
            annotations: alert.annotations.clone(),
            value: alert.value.to_string(),
            active_at: alert.active_at,
            phase: match alert.phase {
                Phase::Pending => SavedPhase::Pending,
                Phase::Firing { since, gone_since } => SavedPhase::Firing { since, gone_since },
                Phase::Resolved { at } => SavedPhase::Resolved { at },
            },
        };
        Self { identity, alerts: active.iter().map(alert).collect() }
    }

    pub fn into_active(self) -> Active {
        let alert = |saved: SavedAlert| {
            let alert = ActiveAlert {
                annotations: saved.annotations,
                value: saved.value.parse().unwrap_or(f64::NAN),
                active_at: saved.active_at,
                phase: match saved.phase {
                    SavedPhase::Pending => Phase::Pending,
                    SavedPhase::Firing { since, gone_since } => Phase::Firing { since, gone_since },
                    SavedPhase::Resolved { at } => Phase::Resolved { at },
                },
            };
            (saved.labels, alert)
        };
        self.alerts.into_iter().map(alert).collect::<BTreeMap<_, _>>()
    }
}

/// A change of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedChange {
    file: String,
    group: String,
    labels: Labels,
    at: i64,
    to: SavedTo,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedTo {
    Pending,
    Firing,
    Resolved,
    Inactive,
}

impl From<&RuleChange> for SavedChange {
    fn from(change: &RuleChange) -> Self {
        let RuleChange { file, group, labels, at, to } = change.clone();
        let to = match to {
            ChangeTo::Pending => SavedTo::Pending,
            ChangeTo::Firing => SavedTo::Firing,
            ChangeTo::Resolved => SavedTo::Resolved,
            ChangeTo::Inactive => SavedTo::Inactive,
        };
        Self { file, group, labels, at, to }
    }
}

impl From<SavedChange> for RuleChange {
    fn from(saved: SavedChange) -> Self {
        let SavedChange { file, group, labels, at, to } = saved;
        let to = match to {
            SavedTo::Pending => ChangeTo::Pending,
            SavedTo::Firing => ChangeTo::Firing,
            SavedTo::Resolved => ChangeTo::Resolved,
            SavedTo::Inactive => ChangeTo::Inactive,
        };
        Self { file, group, labels, at, to }
    }
}
