//! `/api/v1/slos`: every SLO with its budget, its burn rates and its alerts, as of the last evaluation.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use slo::burn::{Budget, Exhaustion, TierReading, burn_rate};
use slo::spec::{GoodSpan, HttpAnswers, Indicator, Tier};
use slo::status::{GroupStatus, Silence, SloStatus};
use slo::{Slo, Status, duration};

use super::alerts::{state_of, state_of_tier};
use super::{ApiState, time};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/slos", get(slos))
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    data: Data,
    warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    /// `None` before the first evaluation.
    evaluated_at: Option<String>,
    slos: Vec<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    description: String,
    owner: Option<String>,
    service: String,
    operation: Option<String>,
    indicator: IndicatorItem,
    /// Percent of events that are to be good.
    objective: f64,
    window: String,
    /// `ok`, `budget spent`, `degraded`, `burning` or `no data`.
    state: &'static str,
    budget: BudgetItem,
    tiers: Vec<TierItem>,
    /// Share of the window that has been counted, 0 to 1.
    coverage: f64,
    /// Share of the stored data of the window that has been counted, while some has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill: Option<f64>,
    /// Of an SLO with groups: those that burn fastest first; what is above is of all events.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<GroupItem>>,
    /// Why it could not be counted; its alerts stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Why there is no data, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_data: Option<String>,
    file: String,
}

/// One group.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupItem {
    /// The values of the keys of `by`, as labels of its alerts.
    labels: BTreeMap<String, String>,
    state: &'static str,
    budget: BudgetItem,
    tiers: Vec<TierItem>,
}

/// What is counted; of spans also how.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct IndicatorItem {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
    /// What spans with status error are under a threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'static str>,
    /// What spans with 4xx and with 429 are, where the file says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_errors: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limited: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BudgetItem {
    total_events: u64,
    bad_events: u64,
    allowed_bad_events: f64,
    /// Percent of events that were good; `None` without events.
    attained: Option<f64>,
    /// Share of the budget that is left: 1 untouched, below 0 overspent; `None` without events.
    remaining: Option<f64>,
    /// Seconds until it is gone at the present rate; 0 when it is, `None` when it does not end or nothing is known.
    exhausted_in_seconds: Option<f64>,
    /// When a window of the calendar ends and the budget is whole again.
    #[serde(skip_serializing_if = "Option::is_none")]
    renewed_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TierItem {
    severity: &'static str,
    long_window: String,
    short_window: String,
    /// The burn rate above which the tier fires.
    threshold: f64,
    long_burn_rate: Option<f64>,
    short_burn_rate: Option<f64>,
    condition: &'static str,
    /// `inactive`, `pending` or `firing`.
    alert: &'static str,
}

async fn slos(State(state): State<ApiState>) -> Json<Answer> {
    let status: Arc<Status> = Arc::clone(&state.status.borrow());
    let errors = status.file_errors.iter().map(ToString::to_string);
    let problem = |slo: &Arc<SloStatus>| Some(format!("{} cannot be counted: {}", slo.slo.name, slo.problem.as_ref()?));
    let problems = status.slos.iter().filter_map(problem);
    let data = Data {
        evaluated_at: (status.evaluated_at != 0).then(|| time::format(status.evaluated_at)),
        slos: status.slos.iter().map(|slo| item(slo)).collect(),
    };
    Json(Answer { status: "success", data, warnings: errors.chain(status.problem.clone()).chain(problems).collect() })
}

fn item(status: &SloStatus) -> Item {
    let slo = &status.slo;
    let tiers = slo.alerting.tiers.iter().zip(&status.tiers);
    Item {
        name: slo.name.clone(),
        description: slo.description.clone(),
        owner: slo.owner.clone(),
        service: slo.service.clone(),
        operation: slo.indicator.spans().and_then(|spans| spans.selector.operation.clone()),
        indicator: indicator(&slo.indicator),
        objective: slo.objective.percent(),
        window: slo.window.to_string(),
        state: status.health.name(),
        budget: budget(&status.budget),
        tiers: tiers.map(|(tier, reading)| tier_item(slo, tier, reading, state_of_tier(status, tier))).collect(),
        coverage: status.coverage.share,
        backfill: status.coverage.backfill,
        groups: slo.by.is_some().then(|| status.by_burn().into_iter().map(|group| group_item(status, group)).collect()),
        problem: status.problem.clone(),
        no_data: status.silence.map(|silence| words(slo, silence)),
        file: slo.file.clone(),
    }
}

fn indicator(indicator: &Indicator) -> IndicatorItem {
    let mut item = IndicatorItem { kind: indicator.kind(), ..IndicatorItem::default() };
    let Some(spans) = indicator.spans() else { return item };
    if let GoodSpan::Faster { threshold, errors } = spans.good {
        item.threshold = Some(duration::format(threshold));
        item.errors = Some(errors.name());
    }
    if spans.http != HttpAnswers::BY_STATUS {
        item.client_errors = Some(spans.http.client_errors.name());
        item.rate_limited = Some(spans.http.rate_limited.name());
    }
    item
}

fn group_item(status: &SloStatus, group: &GroupStatus) -> GroupItem {
    let slo = &status.slo;
    let mut labels = BTreeMap::new();
    group.group.add_labels(slo.by.as_ref(), &mut labels);
    let tiers = slo.alerting.tiers.iter().zip(&group.tiers).map(|(tier, reading)| {
        let id = tier.id();
        let alert = status.alerts.tiers.iter().find(|alert| alert.id == id && alert.group == group.group);
        tier_item(slo, tier, reading, alert.map_or("inactive", |alert| state_of(&alert.phase)))
    });
    GroupItem { labels, state: group.health.name(), budget: budget(&group.budget), tiers: tiers.collect() }
}

/// Why there is no data, in words.
fn words(slo: &Slo, silence: Silence) -> String {
    match silence {
        Silence::Since(last) => format!("the last event was at {}", time::format(last)),
        silence => silence.words(slo),
    }
}

fn budget(budget: &Budget) -> BudgetItem {
    BudgetItem {
        total_events: budget.events.count.total,
        bad_events: budget.events.count.bad(),
        allowed_bad_events: budget.allowed,
        attained: budget.attained_percent(),
        remaining: budget.remaining,
        exhausted_in_seconds: match budget.exhaustion {
            Exhaustion::Exhausted => Some(0.0),
            Exhaustion::In(left) => Some(left as f64 / model::time::SECOND as f64),
            Exhaustion::NotAtThisRate | Exhaustion::Unknown => None,
        },
        renewed_at: budget.renewed_at.map(time::format),
    }
}

fn tier_item(slo: &Slo, tier: &Tier, reading: &TierReading, alert: &'static str) -> TierItem {
    TierItem {
        severity: tier.severity.name(),
        long_window: duration::format(tier.long),
        short_window: duration::format(tier.short),
        threshold: tier.burn_rate.value(),
        long_burn_rate: burn_rate(reading.long.count, slo.objective),
        short_burn_rate: burn_rate(reading.short.count, slo.objective),
        condition: reading.condition.name(),
        alert,
    }
}
