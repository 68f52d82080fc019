//! Alerts that keep others from being told: while a page fires, nobody wants the ticket of the same fault.

use std::collections::{BTreeMap, HashMap};

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

/// The places of those alerts that `rules` inhibit, of alerts that fire, each with the place of one that inhibits it: of the first
/// rule that does the first alert.
pub(super) fn inhibited(rules: &[InhibitRule], alerts: &[&Labels]) -> BTreeMap<usize, usize> {
    let mut inhibited = BTreeMap::new();
    for rule in rules {
        let values = |labels: &Labels| -> Vec<String> {
            rule.equal.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect()
        };
        let sides: Vec<(bool, bool)> =
            alerts.iter().map(|labels| (all(&rule.source, labels), all(&rule.target, labels))).collect();
        // By the values of the equal labels: the first source, and the first that is no target.
        let mut sources: HashMap<Vec<String>, (usize, Option<usize>)> = HashMap::new();
        for (index, (_, is_target)) in sides.iter().enumerate().filter(|(_, (is_source, _))| *is_source) {
            let (_, pure) = sources.entry(values(alerts[index])).or_insert((index, None));
            if !is_target {
                pure.get_or_insert(index);
            }
        }
        for (index, (is_source, _)) in sides.iter().enumerate().filter(|(_, (_, is_target))| *is_target) {
            let Some((first, pure)) = sources.get(&values(alerts[index])) else { continue };
            if let Some(by) = pure.or((!is_source).then_some(*first)) {
                inhibited.entry(index).or_insert(by);
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
        type Case<'c> = (&'c InhibitRule, &'c [&'c str], &'c [(usize, usize)]);
        let table: [Case<'_>; 10] = [
            (&by_severity, &["slo=a severity=page", "slo=a severity=ticket"], &[(1, 0)]),
            (&by_severity, &["slo=a severity=ticket", "slo=a severity=page", "slo=a severity=page x=y"], &[(0, 1)]),
            (&by_severity, &["slo=a severity=page", "slo=b severity=ticket"], &[]),
            (&by_severity, &["slo=a severity=ticket"], &[]),
            (&by_severity, &["severity=page", "severity=ticket"], &[(1, 0)]),
            (&by_severity, &["slo=a severity=page", "severity=ticket"], &[]),
            // Alone it is both sides, and does not inhibit itself.
            (&two_sided, &["slo=a severity=page"], &[]),
            (&two_sided, &["slo=a severity=page", "slo=a severity=page x=y"], &[]),
            // A source that is no target inhibits it, and it inhibits targets that are no source.
            (&two_sided, &["slo=a severity=page", "slo=b severity=page"], &[(0, 1)]),
            (&two_sided, &["slo=a severity=page", "slo=a severity=ticket"], &[(1, 0)]),
        ];
        for (rule, alerts, expected) in table {
            let alerts: Vec<Labels> = alerts.iter().map(|text| labels(text)).collect();
            let found = inhibited(std::slice::from_ref(rule), &alerts.iter().collect::<Vec<_>>());
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{alerts:?}");
        }
    }
}
