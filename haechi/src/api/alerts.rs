//! `/api/v1/alerts`: alerts that are pending or firing, in the shape of Prometheus' API of that name; and `/api/v2/alerts`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use slo::alert::{Phase, TierAlert, labels};
use slo::burn::burn_rate;
use slo::spec::Tier;
use slo::status::SloStatus;
use slo::webhook::{Evidence, annotations};

use super::{ApiState, time};

mod of_rules;
mod rules;
mod v2;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v2/alerts", get(v2::alerts))
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    alerts: Vec<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// `pending` or `firing`.
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    /// What the expression gave, or the burn rate of the long window; a number in text.
    value: String,
}

async fn alerts(State(state): State<ApiState>) -> Json<Answer> {
    let status = Arc::clone(&state.status.borrow());
    let alerts = status.slos.iter().flat_map(|slo| slo.alerts.tiers.iter().filter_map(|alert| item(slo, alert)));
    let alerts = of_rules::alerts(&status.rules).chain(alerts).collect();
    Json(Answer { status: "success", data: Data { alerts } })
}

/// The word of Prometheus for where an alert is.
pub(super) fn state_of(phase: &Phase) -> &'static str {
    match phase {
        Phase::Inactive => "inactive",
        Phase::Pending { .. } => "pending",
        Phase::Firing(_) => "firing",
    }
}

/// Where the alert of a tier is; of several groups the one that is furthest on.
pub(super) fn state_of_tier(status: &SloStatus, tier: &Tier) -> &'static str {
    let id = tier.id();
    let states = status.alerts.tiers.iter().filter(|alert| alert.id == id).map(|alert| state_of(&alert.phase));
    ["firing", "pending"].into_iter().find(|state| states.clone().any(|it| it == *state)).unwrap_or("inactive")
}

/// The alert of one tier of one group; `None` when it is inactive.
fn item(status: &SloStatus, alert: &TierAlert) -> Option<Item> {
    let slo = status.slo.as_ref();
    // The numbers are those of its group, or of all events where the group has none of its own any more.
    let (budget, readings) = status.of_group(&alert.group).unwrap_or((&status.budget, &status.tiers));
    let tier = slo.alerting.tiers.iter().zip(readings).find(|(tier, _)| tier.id() == alert.id);
    let (active_at, labels) = match &alert.phase {
        Phase::Inactive => return None,
        Phase::Pending { since } => (*since, labels(slo, &status.alerts.alert_name, tier?.0, &alert.group)),
        Phase::Firing(firing) => (firing.since, firing.labels.clone()),
    };
    // A firing alert whose tier has left the file is resolved in the next round; until then it has no readings.
    let evidence = tier.map(|(tier, reading)| {
        let group = &alert.group;
        Evidence { slo, tier, group, reading: *reading, budget: *budget, traces: &[] }
    });
    let rate = tier.and_then(|(_, reading)| burn_rate(reading.long.count, slo.objective));
    Some(Item {
        labels,
        annotations: evidence.as_ref().map(annotations).unwrap_or_default(),
        state: state_of(&alert.phase),
        active_at: time::format(active_at),
        keep_firing_since: None,
        value: rate.unwrap_or(f64::NAN).to_string(),
    })
}
