//! What a silence would keep quiet: of what fires now, and of what fired before.

use std::collections::BTreeMap;

use model::Nanos;

use super::{Labels, matches};
use crate::Status;
use crate::alert::{Phase, TransitionTo, labels};
use crate::routing::Matcher;
use crate::status::SloStatus;

/// What the matchers match.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Alerts that fire, those first that fire longest.
    pub firing: Vec<PreviewedAlert>,
    /// Alerts that began to fire since the time asked for, whether they fire still or not; the last first.
    pub fired: Vec<PreviewedAlert>,
    /// When the history of alerts begins if that is later than the time asked for: it has only so many changes.
    pub history_from: Option<Nanos>,
}

/// An alert by its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewedAlert {
    pub slo: String,
    pub labels: BTreeMap<String, String>,
    /// When it last began to fire.
    pub at: Nanos,
    /// How often it began to fire since the time asked for.
    pub times: usize,
}

/// What `matchers` match of what fires, and of what began to fire since `since`; `most_changes` is how many changes the history
/// of `status` can have.
///
/// The labels of what is over are those that its SLO would give it now; of an SLO that is gone nothing is known.
pub fn preview(status: &Status, matchers: &[Matcher], since: Nanos, most_changes: usize) -> Preview {
    let mut fired: BTreeMap<(&str, Labels), PreviewedAlert> = BTreeMap::new();
    for (slo, labels, at) in changes(status, since).filter(|(_, labels, _)| matches(matchers, labels)) {
        let new = || PreviewedAlert { slo: slo.to_owned(), labels: labels.clone(), at, times: 0 };
        let alert = fired.entry((slo, labels.clone())).or_insert_with(new);
        (alert.at, alert.times) = (alert.at.max(at), alert.times + 1);
    }
    let mut firing = Vec::new();
    for slo in &status.slos {
        let name = slo.slo.name.as_str();
        for alert in &slo.alerts.tiers {
            let Phase::Firing(phase) = &alert.phase else { continue };
            if matches(matchers, &phase.labels) {
                let times = fired.get(&(name, phase.labels.clone())).map_or(0, |alert| alert.times);
                let (slo, labels) = (name.to_owned(), phase.labels.clone());
                firing.push(PreviewedAlert { slo, labels, at: phase.since, times });
            }
        }
    }
    firing.sort_by_key(|alert| alert.at);
    let mut fired: Vec<PreviewedAlert> = fired.into_values().collect();
    fired.sort_by_key(|alert| std::cmp::Reverse(alert.at));
    let oldest = status.history.last().map(|change| change.at);
    let history_from = oldest.filter(|oldest| status.history.len() >= most_changes && *oldest > since);
    Preview { firing, fired, history_from }
}

/// Each time that an alert began to fire since `since`: its SLO, its labels, and when.
fn changes(status: &Status, since: Nanos) -> impl Iterator<Item = (&str, Labels, Nanos)> {
    let slos: BTreeMap<&str, &SloStatus> =
        status.slos.iter().map(|slo| (slo.slo.name.as_str(), slo.as_ref())).collect();
    let began = status.history.iter().filter(move |change| change.to == TransitionTo::Firing && change.at >= since);
    began.filter_map(move |change| {
        let slo = *slos.get(change.slo.as_str())?;
        let tier = slo.slo.alerting.tiers.iter().find(|tier| tier.id() == change.tier)?;
        Some((slo.slo.name.as_str(), labels(&slo.slo, &slo.alerts.alert_name, tier, &change.group), change.at))
    })
}
