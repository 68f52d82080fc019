//! What a silence would keep quiet: of what fires now, and of what fired before.

use std::collections::BTreeMap;

use model::Nanos;

use super::{Labels, matches};
use crate::Status;
use crate::alert::{TransitionTo, labels};
use crate::routing::Matcher;
use crate::rules::alerts::ChangeTo;
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
    /// `None` of an alert of a rule.
    pub slo: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// When it last began to fire.
    pub at: Nanos,
    /// How often it began to fire since the time asked for.
    pub times: usize,
}

/// What `matchers` match of what fires, and of what began to fire since `since`; `most_changes` is how many changes each history
/// of `status` can have.
///
/// The labels of what is over are those that its SLO would give it now; of an SLO that is gone nothing is known. Alerts of rules
/// are known by the labels that they had.
pub fn preview(status: &Status, matchers: &[Matcher], since: Nanos, most_changes: usize) -> Preview {
    let mut fired: BTreeMap<(Option<&str>, Labels), PreviewedAlert> = BTreeMap::new();
    let changes = changes(status, since).chain(changes_of_rules(status, since));
    for (slo, labels, at) in changes.filter(|(_, labels, _)| matches(matchers, labels)) {
        let new = || PreviewedAlert { slo: slo.map(str::to_owned), labels: labels.clone(), at, times: 0 };
        let alert = fired.entry((slo, labels.clone())).or_insert_with(new);
        (alert.at, alert.times) = (alert.at.max(at), alert.times + 1);
    }
    // Rules that give the same alert are one.
    let mut firing: BTreeMap<(Option<&str>, &Labels), Nanos> = BTreeMap::new();
    for (slo, labels, since) in status.firing().filter(|(_, labels, _)| matches(matchers, labels)) {
        firing.entry((slo, labels)).and_modify(|first| *first = since.min(*first)).or_insert(since);
    }
    let previewed = |((slo, labels), at): ((Option<&str>, &Labels), Nanos)| {
        let times = fired.get(&(slo, labels.clone())).map_or(0, |alert| alert.times);
        PreviewedAlert { slo: slo.map(str::to_owned), labels: labels.clone(), at, times }
    };
    let mut firing: Vec<PreviewedAlert> = firing.into_iter().map(previewed).collect();
    firing.sort_by_key(|alert| alert.at);
    let mut fired: Vec<PreviewedAlert> = fired.into_values().collect();
    fired.sort_by_key(|alert| std::cmp::Reverse(alert.at));
    let begins = [
        (status.history.len(), status.history.last().map(|change| change.at)),
        (status.rules.history.len(), status.rules.history.last().map(|change| change.at)),
    ];
    let begins = begins.into_iter().filter(|(changes, _)| *changes >= most_changes);
    let history_from = begins.filter_map(|(_, oldest)| oldest).max().filter(|oldest| *oldest > since);
    Preview { firing, fired, history_from }
}

/// Each time that an alert of an SLO began to fire since `since`: its SLO, its labels, and when.
fn changes(status: &Status, since: Nanos) -> impl Iterator<Item = (Option<&str>, Labels, Nanos)> {
    let slos: BTreeMap<&str, &SloStatus> =
        status.slos.iter().map(|slo| (slo.slo.name.as_str(), slo.as_ref())).collect();
    let began = status.history.iter().filter(move |change| change.to == TransitionTo::Firing && change.at >= since);
    began.filter_map(move |change| {
        let slo = *slos.get(change.slo.as_str())?;
        let tier = slo.slo.alerting.tiers.iter().find(|tier| tier.id() == change.tier)?;
        Some((Some(slo.slo.name.as_str()), labels(&slo.slo, &slo.alerts.alert_name, tier, &change.group), change.at))
    })
}

/// The same of alerts of rules, which have no SLO.
fn changes_of_rules(status: &Status, since: Nanos) -> impl Iterator<Item = (Option<&str>, Labels, Nanos)> {
    let began = status.rules.history.iter().filter(move |change| change.to == ChangeTo::Firing && change.at >= since);
    began.map(|change| (None, change.labels.clone(), change.at))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rules::RuleGroup;
    use crate::rules::alerts::{self, Active, ActiveAlert};
    use crate::rules::status::{GroupStatus, RuleChange, RuleStatus, RulesStatus};
    use crate::spec::Place;

    fn down(instance: &str) -> Labels {
        [("alertname", "Down"), ("instance", instance)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn change(instance: &str, at: Nanos, to: ChangeTo) -> Arc<RuleChange> {
        Arc::new(RuleChange { file: String::new(), group: String::new(), labels: down(instance), at, to })
    }

    /// A rule whose alerts, by their instances, fire since then, and one more that waits.
    fn rule(firing: &[(&str, Nanos)]) -> RuleStatus {
        let alert = |active_at, phase| ActiveAlert { annotations: Labels::new(), value: 1.0, active_at, phase };
        let fires = |since| alert(since, alerts::Phase::Firing { since, gone_since: None });
        let mut active: Active = firing.iter().map(|(instance, since)| (down(instance), fires(*since))).collect();
        active.insert(down("4"), alert(40, alerts::Phase::Pending));
        RuleStatus { active: Arc::new(active), ..RuleStatus::default() }
    }

    #[test]
    fn alerts_of_rules_are_known_by_the_labels_that_they_had() {
        let group = Arc::new(RuleGroup {
            file: String::new(),
            place: Place::START,
            name: "g".to_owned(),
            interval: 1,
            query_offset: 0,
            limit: 0,
            rules: Vec::new(),
        });
        // Two rules give the same alert.
        let rules = vec![rule(&[("1", 30), ("3", 20)]), rule(&[("1", 25)])];
        let group = GroupStatus { group, evaluated_at: 0, took: 0, evaluations: 0, missed: 0, rules };
        let history = vec![
            change("4", 40, ChangeTo::Pending),
            change("1", 30, ChangeTo::Firing),
            change("1", 28, ChangeTo::Resolved),
            change("1", 25, ChangeTo::Firing),
            change("3", 20, ChangeTo::Firing),
            change("2", 15, ChangeTo::Resolved),
            change("2", 12, ChangeTo::Firing),
            change("2", 9, ChangeTo::Firing),
        ];
        let rules = RulesStatus { groups: vec![Arc::new(group)], history, ..RulesStatus::default() };
        let status = Status { rules, ..Status::default() };
        let look = |matchers: &str, since, most| {
            let found = preview(&status, &Matcher::parse_all(matchers).unwrap(), since, most);
            let line = |alert: &PreviewedAlert| (alert.labels["instance"].clone(), alert.at, alert.times);
            assert!(found.firing.iter().chain(&found.fired).all(|alert| alert.slo.is_none()));
            let lines = |alerts: &[PreviewedAlert]| alerts.iter().map(line).collect::<Vec<_>>();
            (lines(&found.firing), lines(&found.fired), found.history_from)
        };
        let one = |instance: &str, at, times| (instance.to_owned(), at, times);
        let (firing, fired, from) = look("alertname=Down", 10, 500);
        assert_eq!(firing, [one("3", 20, 1), one("1", 25, 2)]);
        assert_eq!(fired, [one("1", 30, 2), one("3", 20, 1), one("2", 12, 1)]);
        assert_eq!(from, None);
        assert_eq!(look("instance=3", 21, 500), (vec![one("3", 20, 0)], Vec::new(), None));
        // The history is full: what was before is not known.
        assert_eq!(look("instance=2", 5, 8), (Vec::new(), vec![one("2", 12, 2)], Some(9)));
    }
}
