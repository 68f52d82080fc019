//! Alerts that keep others from being told: while a page fires, nobody wants the ticket of the same fault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Matcher;

/// While an alert fires that `source` matches, those that `target` matches are not told of if both have the same values in
/// the labels `equal`; two that have none of a label agree in it.
///
/// An alert that both sides match is not inhibited by such a one, so that none inhibits itself.
#[derive(Debug, Clone, PartialEq)]
pub struct InhibitRule {
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    pub equal: Vec<String>,
}

type Labels = BTreeMap<String, String>;

fn all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

/// The places of those alerts that `rules` inhibit, of alerts that fire.
pub(super) fn inhibited(rules: &[InhibitRule], alerts: &[&Labels]) -> BTreeSet<usize> {
    let mut inhibited = BTreeSet::new();
    for rule in rules {
        let values = |labels: &Labels| -> Vec<String> {
            rule.equal.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect()
        };
        let sides: Vec<(bool, bool)> =
            alerts.iter().map(|labels| (all(&rule.source, labels), all(&rule.target, labels))).collect();
        // By the values of the equal labels: whether there is a source that is no target.
        let mut sources: HashMap<Vec<String>, bool> = HashMap::new();
        for (labels, (_, is_target)) in alerts.iter().zip(&sides).filter(|(_, (is_source, _))| *is_source) {
            *sources.entry(values(labels)).or_default() |= !is_target;
        }
        for (index, (is_source, _)) in sides.iter().enumerate().filter(|(_, (_, is_target))| *is_target) {
            if let Some(has_pure) = sources.get(&values(alerts[index]))
                && (*has_pure || !is_source)
            {
                inhibited.insert(index);
            }
        }
    }
    inhibited
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        text.split(' ').filter_map(pair).collect()
    }

    #[test]
    fn sources_inhibit_targets_with_equal_labels() {
        let matchers = |text| Matcher::parse_all(text).unwrap();
        let rule = |source, target, equal: &[&str]| InhibitRule {
            source: matchers(source),
            target: matchers(target),
            equal: equal.iter().map(|&name| name.to_owned()).collect(),
        };
        let by_severity = rule("severity=page", "severity=ticket", &["slo"]);
        let two_sided = rule("severity=page", "slo=a", &[]);
        let table: [(&InhibitRule, &[&str], &[usize]); 9] = [
            (&by_severity, &["slo=a severity=page", "slo=a severity=ticket"], &[1]),
            (&by_severity, &["slo=a severity=page", "slo=b severity=ticket"], &[]),
            (&by_severity, &["slo=a severity=ticket"], &[]),
            (&by_severity, &["severity=page", "severity=ticket"], &[1]),
            (&by_severity, &["slo=a severity=page", "severity=ticket"], &[]),
            // Alone it is both sides, and does not inhibit itself.
            (&two_sided, &["slo=a severity=page"], &[]),
            (&two_sided, &["slo=a severity=page", "slo=a severity=page x=y"], &[]),
            // A source that is no target inhibits it, and it inhibits targets that are no source.
            (&two_sided, &["slo=a severity=page", "slo=b severity=page"], &[0]),
            (&two_sided, &["slo=a severity=page", "slo=a severity=ticket"], &[1]),
        ];
        for (rule, alerts, expected) in table {
            let alerts: Vec<Labels> = alerts.iter().map(|text| labels(text)).collect();
            let found = inhibited(std::slice::from_ref(rule), &alerts.iter().collect::<Vec<_>>());
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{alerts:?}");
        }
    }
}
