//! Who is told of which alerts: a tree of routes, groups of alerts that are told together, alerts that inhibit others,
//! and times at which nobody is told. Files and meaning are those of Alertmanager (its docs/configuration.md); where we
//! differ, it is said at the place.

mod groups;
mod inhibit;
mod matcher;
mod parse;
pub mod saved;
mod times;

use std::collections::BTreeMap;

use model::Nanos;

pub use groups::{GroupNotification, Groups};
pub use inhibit::InhibitRule;
pub use matcher::{Matcher, Operator};
pub use parse::{parse, parse_for_any};
pub use times::TimeInterval;

/// What one file says; checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// Its matchers are empty: it takes every alert.
    pub root: Route,
    pub inhibit_rules: Vec<InhibitRule>,
    /// By name; one of a name holds if any of its parts does.
    pub time_intervals: BTreeMap<String, Vec<TimeInterval>>,
}

/// A node of the tree. What it does not say itself it has from the node above.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub receiver: String,
    /// All must match.
    pub matchers: Vec<Matcher>,
    /// Whether the routes after it are asked too when it takes an alert; `continue` of the file.
    pub goes_on: bool,
    pub group_by: GroupBy,
    /// From the first alert of a group to its first notification.
    pub group_wait: Nanos,
    /// From one notification of a group to the next with news.
    pub group_interval: Nanos,
    /// From one notification of a group to the next without news.
    pub repeat_interval: Nanos,
    /// Names of time intervals in which it tells nothing; not inherited.
    pub mute: Vec<String>,
    /// Names of time intervals outside of which it tells nothing, if there are any; not inherited.
    pub active: Vec<String>,
    pub routes: Vec<Route>,
    /// The matchers on the way to it, as Alertmanager writes them in `groupKey`: `{}/{severity="page"}`.
    pub key: String,
}

/// By which labels alerts are grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// `...`: each alert on its own.
    All,
    /// Labels that an alert does not have are left out.
    Labels(Vec<String>),
}

impl Routing {
    /// The routes that tell of alerts with these labels: of each branch the deepest that match. At least one.
    pub fn routes_of(&self, labels: &BTreeMap<String, String>) -> Vec<&Route> {
        let mut found: Vec<&Route> = Vec::new();
        self.root.collect(labels, &mut found);
        // Two routes that differ in nothing would tell everything twice.
        let mut index = 0;
        while index < found.len() {
            let is_repeated = found[..index]
                .iter()
                .any(|other| (&other.key, &other.receiver) == (&found[index].key, &found[index].receiver));
            if is_repeated {
                found.remove(index);
            } else {
                index += 1;
            }
        }
        found
    }

    /// Lets the routes to these receivers tell everything at once, and again after `interval`: they group and repeat themselves.
    pub fn tell_at_once(&mut self, receivers: &[String], interval: Nanos) {
        let mut left = vec![&mut self.root];
        while let Some(route) = left.pop() {
            if receivers.contains(&route.receiver) {
                (route.group_wait, route.group_interval, route.repeat_interval) = (0, 0, interval);
            }
            left.extend(&mut route.routes);
        }
    }

    /// The places of those alerts that are inhibited, of alerts that fire, each with the place of one that inhibits it.
    pub fn inhibited(&self, alerts: &[&BTreeMap<String, String>]) -> BTreeMap<usize, usize> {
        inhibit::inhibited(&self.inhibit_rules, alerts)
    }

    /// Whether `route` tells nothing at that time.
    pub fn is_muted(&self, route: &Route, now: Nanos) -> bool {
        let holds = |name: &String| {
            self.time_intervals.get(name).is_some_and(|parts| parts.iter().any(|part| part.contains(now)))
        };
        route.mute.iter().any(holds) || (!route.active.is_empty() && !route.active.iter().any(holds))
    }
}

impl Route {
    fn collect<'r>(&'r self, labels: &BTreeMap<String, String>, found: &mut Vec<&'r Route>) {
        if !self.matchers.iter().all(|matcher| matcher.matches(labels)) {
            return;
        }
        let before = found.len();
        for route in &self.routes {
            let sofar = found.len();
            route.collect(labels, found);
            if found.len() > sofar && !route.goes_on {
                break;
            }
        }
        if found.len() == before {
            found.push(self);
        }
    }

    /// All routes: it and those below it.
    pub fn all(&self) -> Vec<&Route> {
        let mut found = vec![self];
        let mut index = 0;
        while let Some(route) = found.get(index).copied() {
            found.extend(&route.routes);
            index += 1;
        }
        found
    }

    /// The labels of the group of an alert.
    pub fn group_labels(&self, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => {
                let of = |name: &String| Some((name.clone(), labels.get(name)?.clone()));
                names.iter().filter_map(of).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests;
