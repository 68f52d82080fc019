//! The alert states as they are stored across restarts: plain structs for serde, with their own version.
//! Only these change when the file format does; [`SloAlerts`] itself stays free of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Firing, Phase, SloAlerts, TierAlert};
use crate::groups::Group;
use crate::spec::Severity;

/// The newest version that [`SavedAlerts::into_states`] reads. It has alerts of groups, which version 1 has not:
/// [`SavedAlerts::from_states`] writes it only if there are any, so that without them the program before reads the states.
pub const VERSION: u32 = 2;

/// The alert states of all SLOs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedAlerts {
    pub version: u32,
    pub slos: Vec<SavedSlo>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedSlo {
    pub slo: String,
    pub alert_name: String,
    pub tiers: Vec<SavedTier>,
    pub sequence: u64,
    pub notified: Vec<String>,
    pub notified_at: i64,
    pub evaluated_at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedTier {
    pub id: String,
    #[serde(default, skip_serializing_if = "SavedGroup::is_all")]
    pub group: SavedGroup,
    pub severity: SavedSeverity,
    pub phase: SavedPhase,
    pub resolved_at: Option<i64>,
}

/// A [`Group`]; in an object it is left out if it is all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavedGroup {
    #[default]
    All,
    Values(Vec<String>),
    Rest,
}

impl SavedGroup {
    pub fn is_all(&self) -> bool {
        *self == SavedGroup::All
    }
}

impl From<&Group> for SavedGroup {
    fn from(group: &Group) -> Self {
        match group {
            Group::All => SavedGroup::All,
            Group::Values(values) => SavedGroup::Values(values.clone()),
            Group::Rest => SavedGroup::Rest,
        }
    }
}

impl From<SavedGroup> for Group {
    fn from(saved: SavedGroup) -> Self {
        match saved {
            SavedGroup::All => Group::All,
            SavedGroup::Values(values) => Group::Values(values),
            SavedGroup::Rest => Group::Rest,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavedSeverity {
    Page,
    Ticket,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavedPhase {
    Inactive,
    Pending { since: i64 },
    Firing { since: i64, clear_since: Option<i64>, labels: BTreeMap<String, String> },
}

/// The states were written by a program that knows more than this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("alert states of format {0} are newer than format {VERSION}, the newest that this program reads")]
pub struct NewerFormat(pub u32);

impl SavedAlerts {
    /// The stored form of `states`.
    pub fn from_states<'s>(states: impl IntoIterator<Item = &'s SloAlerts>) -> Self {
        let slos: Vec<SavedSlo> = states.into_iter().map(SavedSlo::from).collect();
        let has_groups = slos.iter().flat_map(|slo| &slo.tiers).any(|tier| !tier.group.is_all());
        Self { version: if has_groups { VERSION } else { 1 }, slos }
    }

    /// The states, or an error if the format is newer than [`VERSION`].
    pub fn into_states(self) -> Result<Vec<SloAlerts>, NewerFormat> {
        if self.version > VERSION {
            return Err(NewerFormat(self.version));
        }
        Ok(self.slos.into_iter().map(SloAlerts::from).collect())
    }
}

impl From<&SloAlerts> for SavedSlo {
    fn from(state: &SloAlerts) -> Self {
        Self {
            slo: state.slo.clone(),
            alert_name: state.alert_name.clone(),
            tiers: state.tiers.iter().filter(|tier| !is_untouched(tier)).map(SavedTier::from).collect(),
            sequence: state.sequence,
            notified: state.notified.clone(),
            notified_at: state.notified_at,
            evaluated_at: state.evaluated_at,
        }
    }
}

/// Whether nothing is lost with the alert of a group, of which there may be many: it never fired and does not now.
fn is_untouched(tier: &TierAlert) -> bool {
    tier.group != Group::All && tier.phase == Phase::Inactive && tier.resolved_at.is_none()
}

impl From<SavedSlo> for SloAlerts {
    fn from(saved: SavedSlo) -> Self {
        Self {
            slo: saved.slo,
            alert_name: saved.alert_name,
            tiers: saved.tiers.into_iter().map(TierAlert::from).collect(),
            sequence: saved.sequence,
            notified: saved.notified,
            notified_at: saved.notified_at,
            evaluated_at: saved.evaluated_at,
        }
    }
}

impl From<&TierAlert> for SavedTier {
    fn from(alert: &TierAlert) -> Self {
        let severity = match alert.severity {
            Severity::Page => SavedSeverity::Page,
            Severity::Ticket => SavedSeverity::Ticket,
        };
        let phase = match &alert.phase {
            Phase::Inactive => SavedPhase::Inactive,
            Phase::Pending { since } => SavedPhase::Pending { since: *since },
            Phase::Firing(firing) => SavedPhase::Firing {
                since: firing.since,
                clear_since: firing.clear_since,
                labels: firing.labels.clone(),
            },
        };
        Self { id: alert.id.clone(), group: (&alert.group).into(), severity, phase, resolved_at: alert.resolved_at }
    }
}

impl From<SavedTier> for TierAlert {
    fn from(saved: SavedTier) -> Self {
        let severity = match saved.severity {
            SavedSeverity::Page => Severity::Page,
            SavedSeverity::Ticket => Severity::Ticket,
        };
        let phase = match saved.phase {
            SavedPhase::Inactive => Phase::Inactive,
            SavedPhase::Pending { since } => Phase::Pending { since },
            SavedPhase::Firing { since, clear_since, labels } => Phase::Firing(Firing { since, clear_since, labels }),
        };
        Self { id: saved.id, group: saved.group.into(), severity, phase, resolved_at: saved.resolved_at }
    }
}
