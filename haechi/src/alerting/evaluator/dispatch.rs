//! Notifications by routes: what fires goes into groups, and receivers are told of groups. Without a file of routes every
//! receiver is told of every SLO ([`super::notify`]) and, by routes of our own, of every alert of a rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Nanos;
use model::time::{HOUR, SECOND};
use slo::alert::{Alert, Phase, Reason, SloAlerts};
use slo::routing::{GroupBy, GroupNotification, Groups, Route, Routing};
use slo::rules::ALERT_NAME;
use slo::silences::Silences;
use slo::spec::SpecError;
use slo::webhook::{Told, group_key};

use super::notify::{Subject, describe, n_traces, of_rule};
use crate::alerting::routes::{self, Routes};
use crate::alerting::state::{Commit, NewEntry, State, Weight};
use crate::alerting::track::Track;
use crate::alerting::{Config, Kind, Receiver, StartError};
use crate::counting::Look;

pub(super) struct Dispatch {
    /// Those of a file.
    routes: Option<Routes>,
    /// Those that hold without one.
    everybody: Arc<Routing>,
    groups: Groups,
}

/// What there is to tell of.
pub(super) struct Alerting<'t> {
    /// The SLOs, by name.
    pub(super) tracks: &'t BTreeMap<String, Track>,
    /// The alerts of rules that fire.
    pub(super) of_rules: Vec<Alert>,
}

impl Dispatch {
    /// `None` if the configuration names no file and there are no rules, or nobody to tell of them.
    pub(super) fn open(config: &Config, state: &State) -> Result<Option<Self>, StartError> {
        let groups = state.groups();
        // What a receiver was told of rules that there were before is still to be told as resolved.
        let has_told = groups != Groups::default();
        if config.routes.is_none() && (config.receivers.is_empty() || config.rules.is_empty() && !has_told) {
            return Ok(None);
        }
        let everybody = Arc::new(everybody(&config.receivers));
        let routes = config.routes.as_ref().map(|path| Routes::open(path, config.receivers.clone()));
        let routes = routes.transpose().map_err(StartError::Routes)?;
        Ok(Some(Self { routes, everybody, groups }))
    }

    pub(super) fn has_routes(&self) -> bool {
        self.routes.is_some()
    }

    /// What the file says.
    pub(super) fn routing(&self) -> Option<Arc<Routing>> {
        self.routes.as_ref().map(Routes::routing)
    }

    /// Reads the file again if it has changed.
    pub(super) fn follow_file(&mut self) {
        if let Some(routes) = &mut self.routes
            && routes.poll()
        {
            for error in routes.errors() {
                tracing::error!("routes refused, the last good version stays in use: {error}");
            }
        }
    }

    pub(super) fn errors(&self) -> &[SpecError] {
        self.routes.as_ref().map_or(&[], Routes::errors)
    }

    /// Whether a group may have something to tell.
    pub(super) fn is_due(&self, now: Nanos) -> bool {
        self.groups.is_due(now)
    }

    /// Adds to `commit` what is to be told of the alerts as they are after it, and the groups after that.
    pub(super) fn tell(
        &self,
        Alerting { tracks, of_rules }: Alerting<'_>,
        commit: &mut Commit,
        now: Nanos,
        look: &dyn Look,
        config: &Config,
        silences: &Silences,
    ) {
        let stepped: BTreeMap<&str, &SloAlerts> =
            commit.alerts.iter().map(|alerts| (alerts.slo.as_str(), alerts)).collect();
        let current = tracks.iter().map(|(name, track)| *stepped.get(name.as_str()).unwrap_or(&&track.alerts));
        let mut firing: Vec<Alert> = current.filter(|_| self.has_routes()).flat_map(firing).collect();
        firing.extend(of_rules);
        let routing = self.routes.as_ref().map_or_else(|| Arc::clone(&self.everybody), Routes::routing);
        let hears_resolved =
            |name: &str| config.receivers.iter().any(|receiver| receiver.name == name && receiver.send_resolved);
        let (groups, told) = self.groups.step(&routing, &firing, now, silences, hears_resolved);
        let entries = told.iter().map(|told| entry(told, tracks, now, look, config));
        commit.entries.extend(entries);
        commit.groups = Some(groups);
    }

    /// Takes over the groups of a commit that has happened, or needs not be stored.
    pub(super) fn adopt(&mut self, groups: Groups) {
        self.groups = groups;
    }
}

/// Each of `receivers` is told of every alert, those of one name together: at once, then of news every ten seconds. One that
/// forgets is told again as by routes of a file.
fn everybody(receivers: &[Receiver]) -> Routing {
    let route = |receiver: &str, key: &str, routes: Vec<Route>| Route {
        receiver: receiver.to_owned(),
        matchers: Vec::new(),
        goes_on: true,
        group_by: GroupBy::Labels(vec![ALERT_NAME.to_owned()]),
        group_wait: 0,
        group_interval: 10 * SECOND,
        repeat_interval: 4 * HOUR,
        mute: Vec::new(),
        active: Vec::new(),
        routes,
        key: key.to_owned(),
    };
    let routes = receivers.iter().map(|receiver| route(&receiver.name, "{}/{}", Vec::new())).collect();
    let first = receivers.first().map_or("", |receiver| receiver.name.as_str());
    let root = route(first, "{}", routes);
    let mut routing = Routing { root, inhibit_rules: Vec::new(), time_intervals: BTreeMap::new() };
    routes::repeat_to_forgetful(&mut routing, receivers);
    routing
}

/// The alerts of an SLO that fire.
pub(super) fn firing(alerts: &SloAlerts) -> impl Iterator<Item = Alert> {
    alerts.tiers.iter().filter_map(|tier| match &tier.phase {
        Phase::Firing(firing) => Some(Alert {
            tier: tier.id.clone(),
            group: tier.group.clone(),
            labels: firing.labels.clone(),
            starts_at: firing.since,
            ends_at: None,
            rule: None,
        }),
        Phase::Inactive | Phase::Pending { .. } => None,
    })
}

fn entry(
    told: &GroupNotification,
    tracks: &BTreeMap<String, Track>,
    now: Nanos,
    look: &dyn Look,
    config: &Config,
) -> NewEntry {
    let describe = |(place, alert): (usize, &Alert)| {
        if let Some(rule) = &alert.rule {
            return of_rule(alert, rule, now, n_traces(place, alert), look);
        }
        let track = alert.labels.get("slo").and_then(|name| tracks.get(name));
        let subject = track.map(|track| Subject { slo: &track.slo, counts: &track.counts });
        describe(alert, now, n_traces(place, alert), subject.as_ref(), look)
    };
    let annotations: Vec<_> = told.alerts.iter().enumerate().map(describe).collect();
    let payload = Told {
        receiver: &told.receiver,
        route: &told.route,
        group_labels: told.group_labels.clone(),
        reason: told.reason,
        alerts: &told.alerts,
        annotations: &annotations,
        external_url: &config.external_url,
    };
    let payload = payload.payload();
    let forgets = |receiver: &Receiver| receiver.name == told.receiver && receiver.kind == Kind::Alertmanager;
    let weight = match told.reason {
        Reason::Repeat if config.receivers.iter().any(forgets) => Weight::Resend,
        Reason::Repeat => Weight::Reminder,
        _ => Weight::News,
    };
    NewEntry {
        receiver: told.receiver.clone(),
        slo: group_key(&told.route, &told.group_labels),
        status: payload.status.to_owned(),
        idempotency_key: told.idempotency_key.clone(),
        body: serde_json::to_vec(&payload).expect("the payload has no map with keys other than text"),
        weight,
    }
}
