//! Notifications by a file of routes: what fires goes into groups, and receivers are told of groups. Without such a file every
//! receiver is told of every SLO ([`super::notify`]).

use std::collections::BTreeMap;

use model::Nanos;
use slo::alert::{Alert, Phase, Reason, SloAlerts};
use slo::routing::{GroupNotification, Groups};
use slo::silences::Silences;
use slo::spec::SpecError;
use slo::webhook::{Told, group_key};

use super::notify::{Subject, describe, n_traces};
use crate::alerting::routes::Routes;
use crate::alerting::state::{Commit, NewEntry, State, Weight};
use crate::alerting::track::Track;
use crate::alerting::{Config, Kind, Receiver, StartError};
use crate::counting::Look;

pub(super) struct Dispatch {
    routes: Routes,
    groups: Groups,
}

impl Dispatch {
    /// `None` if the configuration names no file.
    pub(super) fn open(config: &Config, state: &State) -> Result<Option<Self>, StartError> {
        let Some(path) = &config.routes else { return Ok(None) };
        let routes = Routes::open(path, config.receivers.clone()).map_err(StartError::Routes)?;
        Ok(Some(Self { routes, groups: state.groups() }))
    }

    /// Reads the file again if it has changed.
    pub(super) fn follow_file(&mut self) {
        if self.routes.poll() {
            for error in self.routes.errors() {
                tracing::error!("routes refused, the last good version stays in use: {error}");
            }
        }
    }

    pub(super) fn errors(&self) -> &[SpecError] {
        self.routes.errors()
    }

    /// Whether a group may have something to tell.
    pub(super) fn is_due(&self, now: Nanos) -> bool {
        self.groups.is_due(now)
    }

    /// Adds to `commit` what is to be told of the alerts as they are after it, and the groups after that.
    pub(super) fn tell(
        &self,
        tracks: &BTreeMap<String, Track>,
        commit: &mut Commit,
        now: Nanos,
        look: &dyn Look,
        config: &Config,
        silences: &Silences,
    ) {
        let stepped: BTreeMap<&str, &SloAlerts> =
            commit.alerts.iter().map(|alerts| (alerts.slo.as_str(), alerts)).collect();
        let current = tracks.iter().map(|(name, track)| *stepped.get(name.as_str()).unwrap_or(&&track.alerts));
        let firing: Vec<Alert> = current.flat_map(firing).collect();
        let hears_resolved =
            |name: &str| config.receivers.iter().any(|receiver| receiver.name == name && receiver.send_resolved);
        let is_silenced = |labels: &BTreeMap<String, String>| silences.is_silenced(labels, now);
        let (groups, told) = self.groups.step(&self.routes.routing(), &firing, now, is_silenced, hears_resolved);
        let entries = told.iter().map(|told| entry(told, tracks, now, look, config));
        commit.entries.extend(entries);
        commit.groups = Some(groups);
    }

    /// Takes over the groups of a commit that has happened, or needs not be stored.
    pub(super) fn adopt(&mut self, groups: Groups) {
        self.groups = groups;
    }
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
