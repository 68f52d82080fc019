//! `/api/v1/rules`: the groups of Prometheus' rules, then each SLO as a group of alerting rules, one for each of its tiers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::time::SECOND;
use query::promql::LabelMatchers;
use serde::Serialize;
use slo::Status;
use slo::alert::labels;
use slo::fingerprint::Fnv;
use slo::groups;
use slo::status::SloStatus;

use super::of_rules::{self, Alerting, Recording, Wanted};
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
#[serde(rename_all = "camelCase")]
struct Data {
    groups: Vec<Group>,
    /// Of the first group that is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    /// Of the group, or of the SLO.
    pub(super) name: String,
    pub(super) file: String,
    pub(super) rules: Vec<Listed>,
    /// Seconds between evaluations.
    pub(super) interval: f64,
    pub(super) limit: usize,
    /// Seconds.
    pub(super) evaluation_time: f64,
    pub(super) last_evaluation: String,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Recording(Recording),
    Alerting(Alerting),
    Tier(Rule),
}

/// A tier of an SLO as an alerting rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    state: &'static str,
    name: String,
    /// The condition in words: the burn rates are not of PromQL.
    query: String,
    /// Seconds for which the condition must hold.
    duration: f64,
    keep_firing_for: f64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    alerts: Vec<Item>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    last_evaluation: String,
    evaluation_time: f64,
    #[serde(rename = "type")]
    kind: &'static str,
}

pub(super) async fn rules(State(state): State<ApiState>, params: Params) -> Result<Json<Answer>, ApiError> {
    let wanted = wanted(&params)?;
    let page = Page::of(&params)?;
    let status = Arc::clone(&state.status.borrow());
    let slos = status.slos.iter().filter_map(|slo| group(&status, slo, &wanted));
    let groups = of_rules::groups(&status.rules, &wanted).chain(slos).collect();
    Ok(Json(Answer { status: "success", data: page.cut(groups)? }))
}

fn wanted(params: &Params) -> Result<Wanted, ApiError> {
    let kind = params.get("type");
    if kind.is_some_and(|kind| kind != "alert" && kind != "record") {
        return Err(ApiError::bad_parameter("type", "alert and record are allowed"));
    }
    let with_alerts = match params.get("exclude_alerts") {
        None | Some("false" | "0" | "f" | "F" | "FALSE" | "False") => true,
        Some("true" | "1" | "t" | "T" | "TRUE" | "True") => false,
        Some(_) => return Err(ApiError::bad_parameter("exclude_alerts", "true and false are allowed")),
    };
    let matchers = params
        .all("match[]")
        .map(|selector| LabelMatchers::parse(selector).map_err(|error| ApiError::bad_parameter("match[]", error)));
    let list = |name: &str| -> Vec<String> { params.all(name).map(str::to_owned).collect() };
    Ok(Wanted {
        alerting: kind != Some("record"),
        recording: kind != Some("alert"),
        names: list("rule_name[]"),
        groups: list("rule_group[]"),
        files: list("file[]"),
        matchers: matchers.collect::<Result<_, _>>()?,
        with_alerts,
    })
}

/// Which of the groups are asked for at once.
struct Page {
    limit: Option<usize>,
    from: Option<String>,
}

impl Page {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let limit = match params.get("group_limit") {
            None => None,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| *limit > 0);
                Some(limit.ok_or_else(|| ApiError::bad_parameter("group_limit", "a number above 0 is expected"))?)
            }
        };
        let from = params.get("group_next_token").map(str::to_owned);
        if from.is_some() && limit.is_none() {
            return Err(ApiError::bad_parameter("group_limit", "it is needed with group_next_token"));
        }
        Ok(Self { limit, from })
    }

    fn cut(self, mut groups: Vec<Group>) -> Result<Data, ApiError> {
        if let Some(from) = &self.from {
            let first = groups.iter().position(|group| token(group) == *from);
            let first = first.ok_or_else(|| {
                ApiError::bad_parameter("group_next_token", "no group has it; were the rule files changed?")
            })?;
            groups.drain(..first);
        }
        let rest = groups.get(self.limit.unwrap_or(usize::MAX)).map(token);
        groups.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(Data { groups, group_next_token: rest })
    }
}

fn token(group: &Group) -> String {
    let mut hash = Fnv::new();
    hash.field(&group.file);
    hash.field(&group.name);
    format!("{:016x}", hash.finish())
}

fn seconds(nanos: model::Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

/// The SLO as a group; `None` if it is not wanted, or none of its tiers is.
fn group(status: &Status, it: &SloStatus, wanted: &Wanted) -> Option<Group> {
    let slo = it.slo.as_ref();
    if !wanted.has_group(&slo.file, &slo.name) {
        return None;
    }
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
            annotations: slo.annotations.clone(),
            alerts: of_tier.filter(|_| wanted.with_alerts).filter_map(|alert| item(it, alert)).collect(),
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
    let rules: Vec<Rule> = slo.alerting.tiers.iter().map(rule).collect();
    let rules = rules.into_iter().filter(|rule| wanted.has_rule(true, &rule.name, &rule.labels));
    let rules: Vec<Listed> = rules.map(Listed::Tier).collect();
    (!rules.is_empty()).then(|| Group {
        name: slo.name.clone(),
        file: slo.file.clone(),
        interval: seconds(status.interval),
        limit: 0,
        rules,
        evaluation_time: seconds(status.took),
        last_evaluation: time::format(status.evaluated_at),
    })
}
