//! What fires, of SLOs and of rules, and what of it nobody is told of because something else fires.

use std::collections::BTreeMap;

use model::Nanos;

use super::Status;
use crate::alert::Phase;

type Labels = BTreeMap<String, String>;

impl Status {
    /// Each alert that fires: its SLO, which an alert of a rule has not, its labels, and since when.
    pub fn firing(&self) -> impl Iterator<Item = (Option<&str>, &Labels, Nanos)> {
        let of_slos = self.slos.iter().flat_map(|slo| {
            slo.alerts.tiers.iter().filter_map(|alert| match &alert.phase {
                Phase::Firing(phase) => Some((Some(slo.slo.name.as_str()), &phase.labels, phase.since)),
                Phase::Inactive | Phase::Pending { .. } => None,
            })
        });
        of_slos.chain(self.rules.firing().map(|(labels, since)| (None, labels, since)))
    }

    /// The labels of alerts that are inhibited, each with those of one that inhibits it.
    pub fn inhibited(&self) -> BTreeMap<&Labels, &Labels> {
        let Some(routing) = self.routing.as_ref().filter(|routing| !routing.inhibit_rules.is_empty()) else {
            return BTreeMap::new();
        };
        let firing: Vec<&Labels> = self.firing().map(|(_, labels, _)| labels).collect();
        routing.inhibited(&firing).into_iter().map(|(alert, by)| (firing[alert], firing[by])).collect()
    }
}
