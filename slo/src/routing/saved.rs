//! The groups as they are stored across restarts: plain structs for serde. Only what receivers were told is stored; a group
//! that waits for its first notification is found again by the alerts that fire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Groups;
use super::groups::{Group, GroupId};
use crate::alert::saved::SavedGroup;
use crate::alert::{Alert, RuleAlert};

/// A group of alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedAlertGroup {
    route: String,
    receiver: String,
    labels: BTreeMap<String, String>,
    next_flush: i64,
    told: Vec<SavedAlert>,
    told_at: i64,
    sequence: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedAlert {
    tier: String,
    #[serde(default, skip_serializing_if = "SavedGroup::is_all")]
    group: SavedGroup,
    labels: BTreeMap<String, String>,
    starts_at: i64,
    ends_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<SavedRuleAlert>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedRuleAlert {
    annotations: BTreeMap<String, String>,
    expression: String,
}

impl Groups {
    pub fn to_saved(&self) -> Vec<SavedAlertGroup> {
        let told = self.0.iter().filter(|(_, group)| !group.told.is_empty());
        told.map(|(id, group)| SavedAlertGroup {
            route: id.route.clone(),
            receiver: id.receiver.clone(),
            labels: id.labels.clone(),
            next_flush: group.next_flush,
            told: group.told.iter().map(SavedAlert::from).collect(),
            told_at: group.told_at,
            sequence: group.sequence,
        })
        .collect()
    }

    pub fn from_saved(saved: Vec<SavedAlertGroup>) -> Self {
        let group = |saved: SavedAlertGroup| {
            let SavedAlertGroup { route, receiver, labels, next_flush, told, told_at, sequence } = saved;
            let told = told.into_iter().map(Alert::from).collect();
            (GroupId { route, receiver, labels }, Group { next_flush, has_flushed: true, told, told_at, sequence })
        };
        Self(saved.into_iter().map(group).collect())
    }
}

impl From<&Alert> for SavedAlert {
    fn from(alert: &Alert) -> Self {
        let Alert { tier, group, labels, starts_at, ends_at, rule } = alert;
        Self {
            tier: tier.clone(),
            group: group.into(),
            labels: labels.clone(),
            starts_at: *starts_at,
            ends_at: *ends_at,
            rule: rule.as_ref().map(|rule| SavedRuleAlert {
                annotations: rule.annotations.clone(),
                expression: rule.expression.clone(),
            }),
        }
    }
}

impl From<SavedAlert> for Alert {
    fn from(saved: SavedAlert) -> Self {
        let SavedAlert { tier, group, labels, starts_at, ends_at, rule } = saved;
        let rule = rule.map(|SavedRuleAlert { annotations, expression }| RuleAlert { annotations, expression });
        Self { tier, group: group.into(), labels, starts_at, ends_at, rule }
    }
}
