//! Alerts that are told together: `(groups, alerts that fire, now) -> (groups, notifications)`. It has no clock and sends
//! nothing; the caller stores the groups and the notifications in one commit.
//!
//! As in Alertmanager, a group is told of after `group_wait`, then every `group_interval` if there is news, else every
//! `repeat_interval`. Differently, nothing a receiver was told of is forgotten: what resolves while it is inhibited or muted is
//! told as resolved, as soon as the route may speak. What fires when its silence ends is told, also if it was told before.

use std::collections::{BTreeMap, BTreeSet};

use model::Nanos;

use super::{Route, Routing};
use crate::alert::{Alert, Reason};
use crate::fingerprint::Fnv;
use crate::silences::Silences;

/// All groups that have alerts, or that their receivers believe to have some.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups(pub(super) BTreeMap<GroupId, Group>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupId {
    /// [`Route::key`].
    pub(super) route: String,
    pub(super) receiver: String,
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    /// When it may tell something next.
    pub(super) next_flush: Nanos,
    /// Whether the first wait is over.
    pub(super) has_flushed: bool,
    /// The alerts that the receiver believes to fire; those that do not any more have an end.
    pub(super) told: Vec<Alert>,
    pub(super) told_at: Nanos,
    /// Number of the last notification.
    pub(super) sequence: u64,
}

/// What the receiver of a route must be told.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupNotification {
    pub receiver: String,
    /// [`Route::key`].
    pub route: String,
    pub group_labels: BTreeMap<String, String>,
    pub reason: Reason,
    /// The same whenever this notification is sent again, and of no other one.
    pub idempotency_key: String,
    /// Firing ones first; never empty.
    pub alerts: Vec<Alert>,
}

impl Groups {
    /// Whether a group may have something to tell.
    pub fn is_due(&self, now: Nanos) -> bool {
        self.0.values().any(|group| group.next_flush <= now)
    }

    /// The groups after `now`, at which `firing` fire, and what is to be told.
    ///
    /// Nobody is told of those that are silenced; what fires when its silence has ended is told, also if it was told before.
    /// Receivers that do not hear of resolved alerts (`hears_resolved`) are told of firing ones only. Groups of routes that
    /// are not in the tree any more are forgotten.
    pub fn step(
        &self,
        routing: &Routing,
        firing: &[Alert],
        now: Nanos,
        silences: &Silences,
        hears_resolved: impl Fn(&str) -> bool,
    ) -> (Self, Vec<GroupNotification>) {
        let routes = routing.routes();
        let labels: Vec<_> = firing.iter().map(|alert| &alert.labels).collect();
        let silent = routing.inhibited(&labels);
        let mut members: BTreeMap<GroupId, Vec<Member<'_>>> = BTreeMap::new();
        for id in self.0.keys() {
            members.insert(id.clone(), Vec::new());
        }
        for (index, alert) in firing.iter().enumerate() {
            let member = Member {
                alert,
                fingerprint: alert.fingerprint(),
                is_inhibited: silent.contains_key(&index),
                is_silenced: silences.is_silenced(&alert.labels, now),
            };
            for route in routing.routes_of(&alert.labels) {
                let labels = route.group_labels(&alert.labels);
                let id = GroupId { route: route.key.clone(), receiver: route.receiver.clone(), labels };
                members.entry(id).or_default().push(member.clone());
            }
        }
        let (mut groups, mut notifications) = (BTreeMap::new(), Vec::new());
        for (id, members) in members {
            let Some(route) = routes.get(&(id.route.as_str(), id.receiver.as_str())) else { continue };
            let mut group = match self.0.get(&id) {
                Some(group) => group.clone(),
                None => Group { next_flush: now.saturating_add(route.group_wait), ..Group::default() },
            };
            let is_muted = routing.is_muted(route, now);
            let told = group.step(route, &members, now, is_muted, silences, hears_resolved(&id.receiver));
            notifications.extend(told.map(|(reason, alerts)| GroupNotification {
                receiver: id.receiver.clone(),
                route: id.route.clone(),
                group_labels: id.labels.clone(),
                reason,
                idempotency_key: group.idempotency_key(&id),
                alerts,
            }));
            if !members.is_empty() || !group.told.is_empty() {
                groups.insert(id, group);
            }
        }
        (Self(groups), notifications)
    }
}

/// An alert of a group that fires.
#[derive(Clone)]
struct Member<'a> {
    alert: &'a Alert,
    fingerprint: String,
    is_inhibited: bool,
    is_silenced: bool,
}

impl Group {
    fn step(
        &mut self,
        route: &Route,
        members: &[Member<'_>],
        now: Nanos,
        is_muted: bool,
        silences: &Silences,
        hears_resolved: bool,
    ) -> Option<(Reason, Vec<Alert>)> {
        let fire: BTreeSet<&str> = members.iter().map(|member| member.fingerprint.as_str()).collect();
        for alert in &mut self.told {
            alert.ends_at =
                if fire.contains(alert.fingerprint().as_str()) { None } else { alert.ends_at.or(Some(now)) };
        }
        // What has fired for longer than the wait, as after a restart, has waited enough; and a clock that was set back
        // must not make it wait for more than it would have.
        let is_old = |member: &Member<'_>| member.alert.starts_at.saturating_add(route.group_wait) <= now;
        if !self.has_flushed && members.iter().any(is_old) {
            self.next_flush = now;
        }
        self.next_flush = self.next_flush.min(now.saturating_add(route.group_wait.max(route.group_interval)));
        if now < self.next_flush {
            return None;
        }
        self.has_flushed = true;
        self.next_flush = now.saturating_add(route.group_interval);
        if is_muted {
            return None;
        }
        let visible: Vec<&Member<'_>> =
            members.iter().filter(|member| !member.is_inhibited && !member.is_silenced).collect();
        let reason = self.reason(route, &visible, now, silences, hears_resolved)?;
        let (ended, still): (Vec<Alert>, Vec<Alert>) =
            std::mem::take(&mut self.told).into_iter().partition(|alert| alert.ends_at.is_some());
        let shown: BTreeSet<&str> = visible.iter().map(|member| member.fingerprint.as_str()).collect();
        // What is inhibited or silenced is not told of, and the receiver goes on to believe that it fires, which it does.
        self.told = still.into_iter().filter(|alert| !shown.contains(alert.fingerprint().as_str())).collect();
        let mut alerts: Vec<Alert> = visible.iter().map(|member| member.alert.clone()).collect();
        self.told.extend(alerts.iter().cloned());
        if hears_resolved {
            alerts.extend(ended);
        }
        if alerts.is_empty() {
            return None;
        }
        self.told_at = now;
        self.sequence += 1;
        Some((reason, alerts))
    }

    /// Why the receiver is to be told, if it is.
    fn reason(
        &self,
        route: &Route,
        visible: &[&Member<'_>],
        now: Nanos,
        silences: &Silences,
        hears_resolved: bool,
    ) -> Option<Reason> {
        let known: BTreeSet<String> = self.told.iter().map(Alert::fingerprint).collect();
        // A silence that has ended since may have kept back what its receiver is believed to know.
        let has_returned = |member: &Member<'_>| silences.has_returned(&member.alert.labels, self.told_at, now);
        let is_fresh = visible.iter().any(|member| !known.contains(&member.fingerprint) || has_returned(member));
        let has_ended = self.told.iter().any(|alert| alert.ends_at.is_some());
        let has_still = self.told.iter().any(|alert| alert.ends_at.is_none());
        if is_fresh {
            return Some(if known.is_empty() { Reason::First } else { Reason::NewAlerts });
        }
        if has_ended && !has_still {
            return Some(Reason::AllResolved);
        }
        if has_ended && hears_resolved {
            return Some(Reason::SomeResolved);
        }
        let is_repeat = !visible.is_empty() && now.saturating_sub(self.told_at) >= route.repeat_interval;
        is_repeat.then_some(Reason::Repeat)
    }

    /// The time is part of it because the numbers of a group that comes again begin anew.
    fn idempotency_key(&self, id: &GroupId) -> String {
        let mut hash = Fnv::new();
        hash.field(&id.receiver);
        hash.field(&id.route);
        for (name, value) in &id.labels {
            hash.field(name);
            hash.field(value);
        }
        format!("{:016x}-{}-{}", hash.finish(), self.sequence, self.told_at)
    }
}

impl Routing {
    /// All routes by key and receiver.
    fn routes(&self) -> BTreeMap<(&str, &str), &Route> {
        let mut routes = BTreeMap::new();
        let mut left = vec![&self.root];
        while let Some(route) = left.pop() {
            routes.insert((route.key.as_str(), route.receiver.as_str()), route);
            // The first of two that are alike is the one that is asked.
            left.extend(&route.routes);
        }
        routes
    }
}
