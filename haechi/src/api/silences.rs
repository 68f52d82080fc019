//! `/api/v2/silences`, `/api/v2/silence/{id}`: silences in the shape of Alertmanager's API, for `amtool` and other tools that know
//! it (`api/v2/openapi.yaml`); and `/api/v1/silences/preview`: what one would keep quiet.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use model::Nanos;
use model::time::DAY;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use slo::routing::{Matcher, Operator};
use slo::silences::{Draft, PreviewedAlert, Refusal, Silence, preview};
use slo::webhook::rfc3339;

use super::{ApiError, ApiState};

/// How far a preview looks back.
const LOOK_BACK: Nanos = 7 * DAY;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v2/silences", get(list).post(set))
        .route("/api/v2/silence/{id}", get(one).delete(expire))
        .route("/api/v1/silences/preview", get(look))
}

/// An error as Alertmanager has it: a text in JSON.
pub(super) struct Problem(pub(super) StatusCode, pub(super) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Unknown(_) => StatusCode::NOT_FOUND,
            Refusal::Wrong(_) => StatusCode::BAD_REQUEST,
            Refusal::NotStored(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, refusal.to_string())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MatcherJson {
    name: String,
    value: String,
    is_regex: bool,
    /// Left out by clients from before there was `!=`.
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SilenceJson {
    id: String,
    status: StateJson,
    updated_at: String,
    comment: String,
    created_by: String,
    ends_at: String,
    starts_at: String,
    matchers: Vec<MatcherJson>,
}

#[derive(Serialize)]
struct StateJson {
    state: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DraftJson {
    #[serde(default)]
    id: String,
    matchers: Vec<MatcherJson>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
}

#[derive(Serialize)]
struct IdJson {
    #[serde(rename = "silenceID")]
    id: String,
}

fn json_of(silence: &Silence, now: Nanos) -> SilenceJson {
    let matcher = |matcher: &Matcher| MatcherJson {
        name: matcher.name.clone(),
        value: matcher.value.clone(),
        is_regex: matches!(matcher.operator, Operator::Matches | Operator::MatchesNot),
        is_equal: matches!(matcher.operator, Operator::Matches | Operator::Equal),
    };
    SilenceJson {
        id: silence.id.clone(),
        status: StateJson { state: silence.state(now).name() },
        updated_at: rfc3339(silence.updated_at),
        comment: silence.comment.clone(),
        created_by: silence.created_by.clone(),
        ends_at: rfc3339(silence.ends_at),
        starts_at: rfc3339(silence.starts_at),
        matchers: silence.matchers.iter().map(matcher).collect(),
    }
}

/// The values of a parameter, which can be given several times.
pub(super) fn values(query: &str, name: &str) -> Vec<String> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value)).collect()
}

/// Those whose matchers have the labels and values that each `filter` wants, as in Alertmanager; the active ones first.
async fn list(State(state): State<ApiState>, RawQuery(query): RawQuery) -> Result<Json<Vec<SilenceJson>>, Problem> {
    let wrong = |error: String| Problem(StatusCode::BAD_REQUEST, format!("bad matcher format: {error}"));
    let mut filters = Vec::new();
    for text in values(&query.unwrap_or_default(), "filter") {
        filters.extend(Matcher::parse_all(&text).map_err(wrong)?);
    }
    let (status, now) = (Arc::clone(&state.status.borrow()), (state.clock)());
    let of = |silence: &Silence| -> BTreeMap<String, String> {
        silence.matchers.iter().map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect()
    };
    let mut found: Vec<&Silence> =
        status.silences.iter().filter(|silence| slo::silences::matches(&filters, &of(silence))).collect();
    found.sort_by_key(|silence| (silence.state(now), silence.ends_at));
    Ok(Json(found.into_iter().map(|silence| json_of(silence, now)).collect()))
}

async fn one(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<SilenceJson>, Problem> {
    let status = Arc::clone(&state.status.borrow());
    let silence = status.silences.get(&id).ok_or(Refusal::Unknown(id))?;
    Ok(Json(json_of(silence, (state.clock)())))
}

async fn set(
    State(state): State<ApiState>,
    draft: Result<Json<DraftJson>, JsonRejection>,
) -> Result<Json<IdJson>, Problem> {
    let Json(draft) = draft.map_err(|error| Problem(error.status(), error.body_text()))?;
    let wrong = |error: String| Problem(StatusCode::BAD_REQUEST, error);
    let id = (state.silences.set)(read(draft).map_err(wrong)?).await?;
    Ok(Json(IdJson { id }))
}

async fn expire(State(state): State<ApiState>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    (state.silences.expire)(id).await?;
    Ok(StatusCode::OK)
}

fn read(draft: DraftJson) -> Result<Draft, String> {
    let DraftJson { id, matchers, starts_at, ends_at, created_by, comment } = draft;
    let time = |name: &str, text: &str| {
        let time = text.parse::<Timestamp>().ok().and_then(|time| Nanos::try_from(time.as_nanosecond()).ok());
        time.ok_or_else(|| format!("{name}: {text:?} is not a time such as 2026-09-01T10:00:00Z"))
    };
    let matcher = |matcher: MatcherJson| {
        let operator = match (matcher.is_regex, matcher.is_equal) {
            (false, true) => Operator::Equal,
            (false, false) => Operator::NotEqual,
            (true, true) => Operator::Matches,
            (true, false) => Operator::MatchesNot,
        };
        Matcher::new(&matcher.name, operator, &matcher.value)
    };
    Ok(Draft {
        id: Some(id).filter(|id| !id.is_empty()),
        matchers: matchers.into_iter().map(matcher).collect::<Result<_, _>>()?,
        starts_at: time("startsAt", &starts_at)?,
        ends_at: time("endsAt", &ends_at)?,
        created_by,
        comment,
    })
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    data: PreviewJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewJson {
    firing: Vec<AlertJson>,
    fired: Vec<AlertJson>,
    /// The time from which on all of `fired` is known.
    since: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertJson {
    /// Of an alert of an SLO.
    #[serde(skip_serializing_if = "Option::is_none")]
    slo: Option<String>,
    labels: BTreeMap<String, String>,
    active_at: String,
    times: usize,
}

async fn look(State(state): State<ApiState>, RawQuery(query): RawQuery) -> Result<Json<Answer>, ApiError> {
    let mut matchers = Vec::new();
    for text in values(&query.unwrap_or_default(), "matchers") {
        matchers.extend(Matcher::parse_all(&text).map_err(|error| ApiError::bad_parameter("matchers", error))?);
    }
    if matchers.is_empty() {
        return Err(ApiError::bad_parameter("matchers", "is missing; matchers such as severity=\"page\" are expected"));
    }
    let since = (state.clock)().saturating_sub(LOOK_BACK);
    let status = Arc::clone(&state.status.borrow());
    let found = preview(&status, &matchers, since, status.most_changes);
    let alert = |alert: PreviewedAlert| AlertJson {
        slo: alert.slo,
        labels: alert.labels,
        active_at: rfc3339(alert.at),
        times: alert.times,
    };
    let data = PreviewJson {
        firing: found.firing.into_iter().map(alert).collect(),
        fired: found.fired.into_iter().map(alert).collect(),
        since: rfc3339(found.history_from.unwrap_or(since)),
    };
    Ok(Json(Answer { status: "success", data }))
}
