//! From a notification of the state machine to the bodies that go to receivers.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::time::MINUTE;
use model::{Nanos, TimeRange, TraceId};
use slo::alert::{Alert, Notification, Reason, RuleAlert};
use slo::groups::Group;
use slo::webhook::{Evidence, annotations, payload};
use slo::{Counts, Slo, burn, spec};

use crate::alerting::state::{NewEntry, Weight};
use crate::alerting::{Config, Receiver};
use crate::counting::Look;

/// Example traces in an alert.
const TRACES: usize = 3;
/// Alerts of one notification that are given examples: looking for them takes time.
const WITH_TRACES: usize = 10;

/// Labels that name a service.
const SERVICE_LABELS: [&str; 4] = ["service_name", "service.name", "service", "job"];
const TRACE_IDS: &str = "trace_ids";
/// Traces of what a rule saw before it fired.
const BEFORE: Nanos = 15 * MINUTE;

/// The SLO of a notification with its numbers at that time; `None` of it for one that no file defines any more.
pub(super) struct Subject<'s> {
    pub(super) slo: &'s Arc<Slo>,
    pub(super) counts: &'s Counts,
}

/// One entry per receiver of `notification`.
pub(super) fn entries(
    notification: &Notification,
    subject: Option<&Subject<'_>>,
    look: &dyn Look,
    config: &Config,
) -> Vec<NewEntry> {
    let weight = if notification.reason == Reason::Repeat { Weight::Reminder } else { Weight::News };
    entries_to(&|_| true, weight, notification, subject, look, config)
}

/// One entry per receiver of `notification` that is `wanted`.
pub(super) fn entries_to(
    wanted: &dyn Fn(&Receiver) -> bool,
    weight: Weight,
    notification: &Notification,
    subject: Option<&Subject<'_>>,
    look: &dyn Look,
    config: &Config,
) -> Vec<NewEntry> {
    let is_firing = notification.is_firing();
    let is_told = |receiver: &&Receiver| wanted(receiver) && (is_firing || receiver.send_resolved);
    let told: Vec<_> = config.receivers.iter().filter(is_told).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let annotations: Vec<_> = notification
        .alerts
        .iter()
        .enumerate()
        .map(|(place, alert)| describe(alert, notification.at, n_traces(place, alert), subject, look))
        .collect();
    let entry = |name: &str| {
        let body = payload(notification, &annotations, name, &config.external_url);
        NewEntry {
            receiver: name.to_owned(),
            slo: notification.slo.clone(),
            status: body.status.to_owned(),
            idempotency_key: notification.idempotency_key(),
            body: serde_json::to_vec(&body).expect("the payload has no map with keys other than text"),
            weight,
        }
    };
    told.into_iter().map(|receiver| entry(&receiver.name)).collect()
}

/// Example traces that the alert at that place of a notification is given.
pub(super) fn n_traces(place: usize, alert: &Alert) -> usize {
    if alert.ends_at.is_none() && place < WITH_TRACES { TRACES } else { 0 }
}

/// The annotations of the alert of a rule; with so many traces of spans that failed, if its labels name a service and the rule
/// says nothing of traces itself.
pub(super) fn of_rule(
    alert: &Alert,
    rule: &RuleAlert,
    at: Nanos,
    n_traces: usize,
    look: &dyn Look,
) -> BTreeMap<String, String> {
    let mut annotations = rule.annotations.clone();
    let service = SERVICE_LABELS.iter().find_map(|name| alert.labels.get(*name));
    let Some(service) = service.filter(|_| n_traces > 0 && !annotations.contains_key(TRACE_IDS)) else {
        return annotations;
    };
    // `job` has the namespace of the service before its name.
    let service = service.rsplit('/').next().unwrap_or(service);
    let text = format!("{{name: alert, service: {service:?}, indicator: availability, objective: 99}}");
    let Some(slo) = spec::parse("", &text).ok().and_then(|slos| slos.into_iter().next()) else { return annotations };
    let range = TimeRange::new(alert.starts_at.min(at).saturating_sub(BEFORE), at);
    let traces = look.bad_traces(&Arc::new(slo), &|_| true, range, n_traces);
    if !traces.is_empty() {
        let ids: Vec<String> = traces.iter().map(TraceId::to_string).collect();
        annotations.insert(TRACE_IDS.to_owned(), ids.join(","));
    }
    annotations
}

/// The annotations of an alert, with so many example traces.
pub(super) fn describe(
    alert: &Alert,
    at: Nanos,
    n_traces: usize,
    subject: Option<&Subject<'_>>,
    look: &dyn Look,
) -> BTreeMap<String, String> {
    let gone = |what: &str| BTreeMap::from([("summary".to_owned(), format!("resolved because {what}"))]);
    let tier_of = |subject: &Subject<'_>| subject.slo.alerting.tiers.iter().position(|tier| tier.id() == alert.tier);
    let Some((subject, index)) = subject.and_then(|subject| Some((subject, tier_of(subject)?))) else {
        return gone("no SLO file defines this alert any more");
    };
    let Subject { slo, counts } = subject;
    let Some(ring) = counts.ring(&alert.group) else {
        return gone("its group has no counts of its own any more");
    };
    let tier = &slo.alerting.tiers[index];
    let range = TimeRange::new(at.saturating_sub(tier.long), at);
    let wanted = |group: &Group| match alert.group {
        Group::All => true,
        Group::Rest => *group == Group::Rest || counts.ring(group).is_none(),
        Group::Values(_) => *group == alert.group,
    };
    let traces: Vec<TraceId> = if n_traces > 0 { look.bad_traces(slo, &wanted, range, n_traces) } else { Vec::new() };
    let reading = burn::read(slo, ring, at, true)[index];
    annotations(&Evidence {
        slo,
        tier,
        group: &alert.group,
        reading,
        budget: burn::budget(slo, ring, at),
        traces: &traces,
    })
}
