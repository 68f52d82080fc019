//! `/alerts/silence`: a silence before it is made: who wants it, of what and how long, and what it would keep quiet.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use model::Nanos;
use model::time::DAY;
use serde::Deserialize;
use slo::routing::{Matcher, Operator};
use slo::rules::ALERT_NAME;
use slo::silences::{Draft, PreviewedAlert, Refusal, Silence, SilenceState, preview};

use crate::app::{App, Problem, page};
use crate::format::{self, Stamp, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::security;
use crate::shell::Shell;

/// How far back the preview looks.
const LOOK_BACK: Nanos = 7 * DAY;
/// Rows of a list of alerts.
const MAX_ROWS: usize = 50;
/// What the form offers for how long.
const USUAL: &str = "2h";

/// The texts of the form.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    /// Of the silence that is changed; empty for a new one.
    id: String,
    matchers: String,
    /// A time; empty for now.
    from: String,
    /// A time, or a duration from the start on.
    until: String,
    by: String,
    comment: String,
}

#[derive(Template)]
#[template(path = "silence.html")]
struct SilencePage {
    shell: Shell,
    fields: Fields,
    /// A silence that has not ended is changed, and not made.
    is_change: bool,
    problem: Option<Problem>,
    /// What it would keep quiet, where its matchers are right.
    found: Option<Found>,
}

struct Found {
    firing: Vec<Row>,
    n_firing: usize,
    fired: Vec<Row>,
    n_fired: usize,
    /// When the history begins, if it does not reach back.
    history_from: Option<Stamp>,
}

/// An alert that the silence matches.
struct Row {
    /// The SLO, or the alert of a rule.
    name: String,
    href: PageUrl,
    labels: String,
    at: Stamp,
    age: String,
    times: usize,
}

/// A silence in a list.
pub(super) struct SilenceRow {
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) matchers: String,
    /// Alerts that fire and that it keeps quiet.
    pub(super) n_firing: usize,
    pub(super) by: String,
    pub(super) comment: String,
    pub(super) starts: Stamp,
    pub(super) ends: Stamp,
    pub(super) when: String,
    pub(super) ends_soon: bool,
    pub(super) edit: PageUrl,
    /// Where it is ended, if it can be.
    pub(super) expire: Option<PageUrl>,
}

/// `GET /alerts/silence`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let status = (app.state.slo_status)();
    let text = |key: &str| shell.url.get(key).to_owned();
    let id = text("id");
    let silence = status.silences.get(&id);
    if !id.is_empty() && silence.is_none() {
        return show(&app, shell, Fields::default(), Some(Refusal::Unknown(clip(&id, 80)).to_string()));
    }
    let fields = match silence {
        Some(silence) if shell.url.get("matchers").is_empty() => of(silence, shell.now),
        _ => Fields {
            id,
            matchers: text("matchers"),
            from: text("from"),
            until: Some(text("until")).filter(|until| !until.is_empty()).unwrap_or_else(|| USUAL.to_owned()),
            by: text("by"),
            comment: text("comment"),
        },
    };
    show(&app, shell, fields, None)
}

/// `POST /alerts/silence`
pub(crate) async fn post(State(app): State<App>, uri: Uri, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    if !security::is_own(&headers) {
        return security::refusal();
    }
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let asked = match draft(&fields, shell.now) {
        Ok(draft) => (app.state.silences.set)(draft).await.map_err(|refusal| refusal.to_string()),
        Err(error) => Err(error),
    };
    match asked {
        Ok(_id) => Redirect::to("/alerts#silences").into_response(),
        Err(error) => show(&app, shell, fields, Some(error)),
    }
}

/// `POST /alerts/silence/{id}/expire`
pub(crate) async fn expire(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, uri: Uri) -> Response {
    if !security::is_own(&headers) {
        return security::refusal();
    }
    match (app.state.silences.expire)(id).await {
        Ok(()) => Redirect::to("/alerts#silences").into_response(),
        Err(refusal) => {
            let shell = Shell::new(&app, &uri, &headers).without_range();
            show(&app, shell, Fields::default(), Some(refusal.to_string()))
        }
    }
}

fn show(app: &App, shell: Shell, fields: Fields, error: Option<String>) -> Response {
    let (mut found, mut error) = (None, error);
    if !fields.matchers.is_empty() {
        match Matcher::parse_all(&fields.matchers) {
            Ok(matchers) => found = Some(find(app, &shell, &matchers)),
            Err(mistake) => error = error.or(Some(format!("matchers: {mistake}"))),
        }
    }
    let code = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let problem = error.map(|text| Problem { title: "Not silenced", text, pointer: None });
    let is_change = !fields.id.is_empty();
    page(code, &SilencePage { shell, fields, is_change, problem, found })
}

fn find(app: &App, shell: &Shell, matchers: &[Matcher]) -> Found {
    let status = (app.state.slo_status)();
    let preview = preview(&status, matchers, shell.now.saturating_sub(LOOK_BACK), status.most_changes);
    let row = |alert: PreviewedAlert| Row {
        href: match &alert.slo {
            Some(slo) => shell.link(format!("/slos/{slo}")),
            None => shell.link("/alerts/rules"),
        },
        labels: clip(&words(&alert), 300),
        at: Stamp::full(alert.at),
        age: shell.ago(alert.at),
        times: alert.times,
        name: match alert.slo {
            Some(slo) => slo,
            None => alert.labels.get(ALERT_NAME).map_or(String::new(), |name| clip(name, 120)),
        },
    };
    Found {
        n_firing: preview.firing.len(),
        n_fired: preview.fired.len(),
        firing: preview.firing.into_iter().take(MAX_ROWS).map(row).collect(),
        fired: preview.fired.into_iter().take(MAX_ROWS).map(row).collect(),
        history_from: preview.history_from.map(Stamp::full),
    }
}

/// The labels that tell alerts of one SLO or one name apart.
fn words(alert: &PreviewedAlert) -> String {
    let is_shown = |name: &str| name != ALERT_NAME && (name != "slo" || alert.slo.is_none());
    let shown = alert.labels.iter().filter(|(name, _)| is_shown(name));
    shown.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// The silence of the form.
fn draft(fields: &Fields, now: Nanos) -> Result<Draft, String> {
    let Fields { id, matchers, from, until, by, comment } = fields;
    let starts_at = if from.trim().is_empty() { now } else { time("from", from)? };
    let ends_at = match slo::duration::parse(until.trim()) {
        Some(length) => starts_at.max(now).saturating_add(length),
        None => time("until", until)?,
    };
    Ok(Draft {
        id: Some(id.clone()).filter(|id| !id.is_empty()),
        matchers: Matcher::parse_all(matchers).map_err(|error| format!("matchers: {error}"))?,
        starts_at,
        ends_at,
        created_by: by.trim().to_owned(),
        comment: comment.trim().to_owned(),
    })
}

fn time(name: &str, text: &str) -> Result<Nanos, String> {
    let time = text.trim().parse::<Timestamp>().ok().and_then(|time| Nanos::try_from(time.as_nanosecond()).ok());
    time.ok_or_else(|| {
        let or = if name == "until" { " or a duration such as 2h" } else { "" };
        format!("{name}: {:?} is not a time such as 2026-09-01T10:00:00Z{or}", clip(text, 80))
    })
}

/// The form for a change of a silence, or for another like one that has ended.
fn of(silence: &Silence, now: Nanos) -> Fields {
    let is_over = silence.state(now) == SilenceState::Expired;
    let unless_over = |text: String| if is_over { String::new() } else { text };
    Fields {
        id: unless_over(silence.id.clone()),
        matchers: text(&silence.matchers),
        from: unless_over(slo::webhook::rfc3339(silence.starts_at)),
        until: if is_over { USUAL.to_owned() } else { slo::webhook::rfc3339(silence.ends_at) },
        by: silence.created_by.clone(),
        comment: silence.comment.clone(),
    }
}

fn text(matchers: &[Matcher]) -> String {
    matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Who made it, and why.
pub(super) fn why(silence: &Silence) -> String {
    clip(&format!("{}: {}", silence.created_by, silence.comment), 300)
}

/// The form for a silence of the alert with these labels.
pub(super) fn link(shell: &Shell, labels: &BTreeMap<String, String>) -> PageUrl {
    // The windows of a tier are nothing that anybody thinks in.
    let thought = labels.iter().filter(|(name, _)| !matches!(name.as_str(), "long_window" | "short_window"));
    let equal = thought.filter_map(|(name, value)| Matcher::new(name, Operator::Equal, value).ok());
    shell.link("/alerts/silence").with("matchers", text(&equal.collect::<Vec<_>>()))
}

/// All silences, those first that are active; `firing` are the labels of what fires.
pub(super) fn rows(shell: &Shell, status: &slo::Status, firing: &[&BTreeMap<String, String>]) -> Vec<SilenceRow> {
    let now = shell.now;
    let mut silences: Vec<&Silence> = status.silences.iter().collect();
    silences.sort_by_key(|silence| match silence.state(now) {
        SilenceState::Expired => (SilenceState::Expired, silence.ends_at.saturating_neg()),
        state => (state, silence.ends_at),
    });
    let row = |silence: &Silence| {
        let state = silence.state(now);
        let (class, when) = match state {
            SilenceState::Active => ("accent", format!("ends {}", format::ago(silence.ends_at, now))),
            SilenceState::Pending => ("", format!("starts {}", format::ago(silence.starts_at, now))),
            SilenceState::Expired => ("", format!("ended {}", format::ago(silence.ends_at, now))),
        };
        let keeps = |labels: &&&BTreeMap<String, String>| state == SilenceState::Active && silence.matches(labels);
        SilenceRow {
            state: state.name(),
            class,
            matchers: clip(&text(&silence.matchers), 400),
            n_firing: firing.iter().filter(keeps).count(),
            by: clip(&silence.created_by, 80),
            comment: clip(&silence.comment, 300),
            starts: Stamp::full(silence.starts_at),
            ends: Stamp::full(silence.ends_at),
            when,
            ends_soon: silence.ends_soon(now),
            edit: shell.link("/alerts/silence").with("id", &silence.id),
            expire: (state != SilenceState::Expired)
                .then(|| PageUrl::new(format!("/alerts/silence/{}/expire", silence.id))),
        }
    };
    silences.into_iter().take(MAX_ROWS).map(row).collect()
}
