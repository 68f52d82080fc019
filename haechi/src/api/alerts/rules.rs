//! `/api/v1/rules`: each SLO as a group of alerting rules, one for each of its tiers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::time::SECOND;
use serde::Serialize;
use slo::Status;
use slo::alert::labels;
use slo::groups;
use slo::status::SloStatus;

use super::{Item, item, state_of_tier};
use crate::api::error::ApiError;
use crate::api::params::Params;
use crate::api::{ApiState, time};

#[derive(Serialize)]
pub(super) struct Answer {
    status: &'static str,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    /// The name of the SLO.
    name: String,
    file: String,
    /// Seconds between evaluations.
    interval: f64,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    state: &'static str,
    name: String,
    /// The condition in words: the burn rates are not of PromQL.
    query: String,
    /// Seconds for which the condition must hold.
    duration: f64,
    keep_firing_for: f64,
    labels: BTreeMap<String, String>,
    alerts: Vec<Item>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    last_evaluation: String,
    evaluation_time: f64,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// There are no recording rules: `type=record` gives none.
pub(super) async fn rules(State(state): State<ApiState>, params: Params) -> Result<Json<Answer>, ApiError> {
    let with_alerts = match params.get("type") {
        None | Some("alert") => true,
        Some("record") => false,
        Some(_) => return Err(ApiError::bad_parameter("type", "alert and record are allowed")),
    };
    let status = Arc::clone(&state.status.borrow());
    let slos = status.slos.iter().filter(|_| with_alerts);
    let groups = slos.map(|slo| group(&status, slo)).collect();
    Ok(Json(Answer { status: "success", data: Data { groups } }))
}

fn seconds(nanos: model::Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

fn group(status: &Status, it: &SloStatus) -> Group {
    let slo = it.slo.as_ref();
    let problem = it.problem.as_ref().or(status.problem.as_ref());
    let rule = |tier: &slo::spec::Tier| {
        let id = tier.id();
        let of_tier = it.alerts.tiers.iter().filter(|alert| alert.id == id);
        let labels = labels(slo, &it.alerts.alert_name, tier, &groups::Group::All);
        Rule {
            state: state_of_tier(it, tier),
            name: it.alerts.alert_name.clone(),
            query: format!(
                "burn rate of {} above {} over {} and {}",
                slo.name, tier.burn_rate, labels["long_window"], labels["short_window"]
            ),
            duration: seconds(tier.hold),
            keep_firing_for: seconds(tier.keep_firing_for),
            labels,
            alerts: of_tier.filter_map(|alert| item(it, alert)).collect(),
            health: match (problem, status.evaluated_at) {
                (Some(_), _) => "err",
                (None, 0) => "unknown",
                (None, _) => "ok",
            },
            last_error: problem.cloned(),
            last_evaluation: time::format(status.evaluated_at),
            evaluation_time: seconds(status.took),
            kind: "alerting",
        }
    };
    Group {
        name: slo.name.clone(),
        file: slo.file.clone(),
        interval: seconds(status.interval),
        rules: slo.alerting.tiers.iter().map(rule).collect(),
    }
}
