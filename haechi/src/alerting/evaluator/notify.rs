//! From a notification of the state machine to the bodies that go to receivers.

use std::collections::BTreeMap;

use model::{Nanos, TimeRange, TraceId};
use slo::alert::{Notification, Reason};
use slo::webhook::{Evidence, annotations, payload};
use slo::{Buckets, Slo, burn};

use crate::alerting::state::NewEntry;
use crate::alerting::{Config, FindBadTraces};

/// Example traces in an alert.
const TRACES: usize = 3;

/// The SLO of a notification with its numbers at that time; `None` of it for one that no file defines any more.
pub(super) struct Subject<'s> {
    pub(super) slo: &'s Slo,
    pub(super) buckets: &'s Buckets,
}

/// One entry per receiver of `notification`.
pub(super) fn entries(
    notification: &Notification,
    subject: Option<&Subject<'_>>,
    bad_traces: &FindBadTraces,
    config: &Config,
) -> Vec<NewEntry> {
    let is_firing = notification.is_firing();
    let told: Vec<_> = config.receivers.iter().filter(|receiver| is_firing || receiver.send_resolved).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let annotations: Vec<_> = notification
        .alerts
        .iter()
        .map(|alert| describe(&alert.tier, notification.at, alert.ends_at.is_none(), subject, bad_traces))
        .collect();
    let entry = |name: &str| {
        let body = payload(notification, &annotations, name, &config.external_url);
        NewEntry {
            receiver: name.to_owned(),
            slo: notification.slo.clone(),
            status: body.status.to_owned(),
            idempotency_key: notification.idempotency_key(),
            body: serde_json::to_vec(&body).expect("the payload has no map with keys other than text"),
            is_repeat: notification.reason == Reason::Repeat,
        }
    };
    told.into_iter().map(|receiver| entry(&receiver.name)).collect()
}

fn describe(
    tier: &str,
    at: Nanos,
    is_firing: bool,
    subject: Option<&Subject<'_>>,
    bad_traces: &FindBadTraces,
) -> BTreeMap<String, String> {
    let tier_of = |subject: &Subject<'_>| subject.slo.alerting.tiers.iter().position(|other| other.id() == tier);
    let Some((subject, index)) = subject.and_then(|subject| Some((subject, tier_of(subject)?))) else {
        return BTreeMap::from([(
            "summary".to_owned(),
            "resolved because no SLO file defines this alert any more".to_owned(),
        )]);
    };
    let Subject { slo, buckets } = subject;
    let tier = &slo.alerting.tiers[index];
    let traces: Vec<TraceId> =
        if is_firing { bad_traces(slo, TimeRange::new(at.saturating_sub(tier.long), at), TRACES) } else { Vec::new() };
    let reading = burn::read(slo, buckets, at, true)[index];
    annotations(&Evidence { slo, tier, reading, budget: burn::budget(slo, buckets, at), traces: &traces })
}
