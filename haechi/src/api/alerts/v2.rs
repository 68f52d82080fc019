//! `/api/v2/alerts`: alerts that fire, in the shape of Alertmanager's API (`api/v2/openapi.yaml`), with what keeps them quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use model::Nanos;
use model::time::MINUTE;
use regex::Regex;
use serde::Serialize;
use slo::Status;
use slo::alert::{Phase, TierAlert};
use slo::fingerprint::of_labels;
use slo::routing::Matcher;
use slo::status::SloStatus;
use slo::webhook::rfc3339;

use super::{Item, item, of_rules};
use crate::api::ApiState;
use crate::api::silences::{Problem, values};

type Labels = BTreeMap<String, String>;

/// What fires is taken to fire for so long, as Prometheus says to Alertmanager.
const FIRES_FOR: Nanos = 4 * MINUTE;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertJson {
    annotations: Labels,
    ends_at: String,
    fingerprint: String,
    receivers: Vec<ReceiverJson>,
    starts_at: String,
    status: StatusJson,
    updated_at: String,
    labels: Labels,
}

#[derive(Serialize)]
struct ReceiverJson {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson {
    /// Fingerprints of alerts.
    inhibited_by: Vec<String>,
    /// Empty, as in Alertmanager's answer: it is groups that are muted.
    muted_by: Vec<String>,
    /// Ids of silences.
    silenced_by: Vec<String>,
    state: &'static str,
}

/// Which alerts are asked for; each switch is on unless it is said to be off.
struct Wanted {
    active: bool,
    silenced: bool,
    inhibited: bool,
    filters: Vec<Matcher>,
    /// One of its receivers must match.
    receiver: Option<Regex>,
}

impl Wanted {
    fn of(query: &str) -> Result<Self, String> {
        let switch = |name: &str| match values(query, name).last().map(String::as_str) {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(format!("{name}: {other:?} is neither true nor false")),
        };
        let mut filters = Vec::new();
        for text in values(query, "filter") {
            filters.extend(Matcher::parse_all(&text).map_err(|error| format!("bad matcher format: {error}"))?);
        }
        let receiver = values(query, "receiver").pop().filter(|text| !text.is_empty());
        let receiver =
            receiver.map(|text| Regex::new(&format!("^(?:{text})$")).map_err(|error| format!("receiver: {error}")));
        // What is evaluated here is always processed.
        switch("unprocessed")?;
        Ok(Self {
            active: switch("active")?,
            silenced: switch("silenced")?,
            inhibited: switch("inhibited")?,
            filters,
            receiver: receiver.transpose()?,
        })
    }

    fn takes(&self, alert: &AlertJson) -> bool {
        let StatusJson { inhibited_by, silenced_by, state, .. } = &alert.status;
        let named =
            |receiver: &ReceiverJson| self.receiver.as_ref().is_none_or(|wanted| wanted.is_match(&receiver.name));
        (self.active || *state != "active")
            && (self.silenced || silenced_by.is_empty())
            && (self.inhibited || inhibited_by.is_empty())
            && slo::silences::matches(&self.filters, &alert.labels)
            && (self.receiver.is_none() || alert.receivers.iter().any(named))
    }
}

pub(super) async fn alerts(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<AlertJson>>, Problem> {
    let wanted = Wanted::of(&query.unwrap_or_default()).map_err(|error| Problem(StatusCode::BAD_REQUEST, error))?;
    let (status, now) = (Arc::clone(&state.status.borrow()), (state.clock)());
    let inhibited = status.inhibited();
    // Rules that give the same alert are one.
    let mut found: BTreeMap<String, AlertJson> = BTreeMap::new();
    let of_rules = of_rules::firing(&status.rules);
    let of_slos = status.slos.iter().flat_map(|slo| slo.alerts.tiers.iter().filter_map(|alert| of_slo(slo, alert)));
    for (item, since) in of_rules.chain(of_slos) {
        let alert = described(&status, &inhibited, item, since, now);
        if wanted.takes(&alert) {
            found.entry(alert.fingerprint.clone()).or_insert(alert);
        }
    }
    Ok(Json(found.into_values().collect()))
}

/// An alert of an SLO that fires, and since when.
fn of_slo(slo: &SloStatus, alert: &TierAlert) -> Option<(Item, Nanos)> {
    let Phase::Firing(firing) = &alert.phase else { return None };
    Some((item(slo, alert)?, firing.since))
}

fn described(
    status: &Status,
    inhibited: &BTreeMap<&Labels, &Labels>,
    item: Item,
    since: Nanos,
    now: Nanos,
) -> AlertJson {
    let Item { labels, annotations, .. } = item;
    let inhibited_by: Vec<String> = inhibited.get(&labels).map(|by| of_labels(by)).into_iter().collect();
    let silenced_by: Vec<String> = status.silences.of(&labels, now).map(|silence| silence.id.clone()).collect();
    let is_told = inhibited_by.is_empty() && silenced_by.is_empty();
    let names: BTreeSet<&str> = match &status.routing {
        Some(routing) => routing.routes_of(&labels).into_iter().map(|route| route.receiver.as_str()).collect(),
        None => status.delivery.receivers.iter().map(|receiver| receiver.name.as_str()).collect(),
    };
    AlertJson {
        annotations,
        ends_at: rfc3339(now.saturating_add(FIRES_FOR)),
        fingerprint: of_labels(&labels),
        receivers: names.into_iter().map(|name| ReceiverJson { name: name.to_owned() }).collect(),
        starts_at: rfc3339(since),
        status: StatusJson {
            inhibited_by,
            muted_by: Vec::new(),
            silenced_by,
            state: if is_told { "active" } else { "suppressed" },
        },
        updated_at: rfc3339(status.evaluated_at),
        labels,
    }
}
