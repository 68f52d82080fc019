//! The groups of an SLO (`by:`): which there are, and which of them are counted on their own.
//!
//! The values come from telemetry, so their number is not ours to choose. As many as the file allows have counts and
//! alerts of their own; all others are counted together, and alert together, so that no event is without an alert.

use std::collections::BTreeMap;

use crate::spec::GroupBy;

/// Bytes of one value that are kept; longer ones with the same beginning are one group.
const MAX_VALUE: usize = 200;

/// As much of a value as tells its group.
pub fn clip(value: &str) -> &str {
    &value[..value.floor_char_boundary(MAX_VALUE)]
}

/// What alerts of [`Group::Rest`] have in place of values.
pub const REST_LABEL: &str = "rest_of_groups";

/// Whose events a count is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Every event; what an SLO without groups has.
    All,
    /// Those with these values of the keys of [`GroupBy`], in their order; an attribute that is missing is empty.
    Values(Vec<String>),
    /// Those of all groups that are not counted on their own.
    Rest,
}

impl Group {
    /// The group of these values.
    pub fn of<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        Group::Values(values.into_iter().map(|value| clip(value).to_owned()).collect())
    }

    /// The group in words: `http.route=/v1/bookings, tenant=acme`; `None` for all events.
    pub fn words(&self, by: Option<&GroupBy>) -> Option<String> {
        match self {
            Group::All => None,
            Group::Rest => Some("all other groups".to_owned()),
            Group::Values(values) => {
                let keys = by.map_or(&[][..], |by| &by.keys);
                let pairs = keys.iter().zip(values).map(|(key, value)| match value.as_str() {
                    "" => format!("no {key}"),
                    value => format!("{key}={value}"),
                });
                Some(pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Adds the labels that tell its alerts from those of other groups.
    pub fn add_labels(&self, by: Option<&GroupBy>, labels: &mut BTreeMap<String, String>) {
        match self {
            Group::All => {}
            Group::Values(values) => {
                let names = by.into_iter().flat_map(GroupBy::labels);
                labels.extend(names.zip(values.iter().cloned()));
            }
            Group::Rest => {
                labels.insert(REST_LABEL.to_owned(), "true".to_owned());
            }
        }
    }
}

/// A group that asks to be counted on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The values of the keys.
    pub group: Group,
    /// Its events in the window of the SLO.
    pub events: u64,
    /// Whether it has been counted on its own so far.
    pub is_counted: bool,
    /// Whether one of its alerts is pending or firing.
    pub is_alerting: bool,
}

/// Those of `candidates` that are counted on their own from now on, at most `max`, in their order.
///
/// Whoever alerts stays, so that its alert is resolved by its own events and by nothing else. Then come those with the
/// most events; who is counted already keeps its place against one with up to a quarter more, so that equals do not take
/// turns, and a flood of values that occur once displaces nobody. A group without an event in the window leaves.
pub fn admit(candidates: &[Candidate], max: usize) -> Vec<Group> {
    let weight = |candidate: &Candidate| {
        let bonus = if candidate.is_counted { candidate.events / 4 } else { 0 };
        candidate.events.saturating_add(bonus)
    };
    let mut ranked: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.events > 0).collect();
    ranked.sort_by_cached_key(|candidate| {
        let stays = candidate.is_counted && candidate.is_alerting;
        (std::cmp::Reverse((stays, weight(candidate))), candidate.group.clone())
    });
    ranked.truncate(max);
    let mut groups: Vec<Group> = ranked.into_iter().map(|candidate| candidate.group.clone()).collect();
    groups.sort();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name events`, with `+` for one that is counted and `!` for one that alerts too.
    fn admitted(max: usize, candidates: &[(&str, u64, &str)]) -> String {
        let candidates: Vec<Candidate> = candidates
            .iter()
            .map(|(name, events, marks)| Candidate {
                group: Group::of([*name]),
                events: *events,
                is_counted: !marks.is_empty(),
                is_alerting: marks.contains('!'),
            })
            .collect();
        let names = admit(&candidates, max).into_iter().map(|group| match group {
            Group::Values(values) => values.concat(),
            other => format!("{other:?}"),
        });
        names.collect()
    }

    #[test]
    fn the_busiest_are_counted_and_whoever_alerts_stays() {
        type Candidates<'c> = &'c [(&'c str, u64, &'c str)];
        let table: [(usize, Candidates<'_>, &str); 9] = [
            (2, &[("a", 1, ""), ("b", 5, ""), ("c", 3, "")], "bc"),
            (5, &[("b", 1, ""), ("a", 5, "")], "ab"),
            // Equals: the name decides, and who is there stays.
            (1, &[("b", 5, ""), ("a", 5, "")], "a"),
            (1, &[("b", 5, "+"), ("a", 5, "")], "b"),
            (1, &[("b", 100, "+"), ("a", 124, "")], "b"),
            (1, &[("b", 100, "+"), ("a", 126, "")], "a"),
            // It alerts on one event, and keeps its place against any number.
            (2, &[("a", 1, "!"), ("b", 1_000, ""), ("c", 900, "+")], "ac"),
            // Gone for a whole window.
            (2, &[("a", 0, "!"), ("b", 0, "+"), ("c", 1, "")], "c"),
            (0, &[("a", 5, "!")], ""),
        ];
        for (max, candidates, expected) in table {
            assert_eq!(admitted(max, candidates), expected, "{max} {candidates:?}");
        }
    }

    #[test]
    fn a_flood_of_new_values_displaces_nobody() {
        let mut candidates: Vec<Candidate> = (0..50)
            .map(|index| Candidate {
                group: Group::of([format!("route {index}").as_str()]),
                events: 2,
                is_counted: true,
                is_alerting: false,
            })
            .collect();
        let before: Vec<Group> = {
            let mut groups: Vec<Group> = candidates.iter().map(|candidate| candidate.group.clone()).collect();
            groups.sort();
            groups
        };
        candidates.extend((0..100_000).map(|index| Candidate {
            group: Group::of([format!("{index:032x}").as_str()]),
            events: 1,
            is_counted: false,
            is_alerting: false,
        }));
        assert_eq!(admit(&candidates, 50), before);
    }

    #[test]
    fn values_are_bounded_and_become_labels() {
        let long = "가".repeat(100);
        let Group::Values(values) = Group::of([long.as_str(), ""]) else { unreachable!() };
        assert_eq!((values[0].len(), values[1].as_str()), (198, ""));
        let by = GroupBy { keys: vec!["http.route".to_owned(), "tenant".to_owned()], max: 5 };
        let labels = |group: Group| {
            let mut labels = BTreeMap::new();
            group.add_labels(Some(&by), &mut labels);
            labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(labels(Group::of(["/v1", "acme"])), ["http_route=/v1", "tenant=acme"]);
        assert_eq!(labels(Group::Rest), ["rest_of_groups=true"]);
        assert!(labels(Group::All).is_empty());
        let words = |group: Group| group.words(Some(&by));
        assert_eq!(words(Group::of(["/v1", ""])).as_deref(), Some("http.route=/v1, no tenant"));
        assert_eq!(words(Group::Rest).as_deref(), Some("all other groups"));
        assert_eq!(words(Group::All), None);
    }
}
