//! `/slos/{name}`: one SLO: its budget, how fast it burns, what burned it, and what its alerts did.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::time::{HOUR, MINUTE};
use model::{Nanos, TimeRange};
use query::traces::{MatchedSpan, Trace, TraceSearch, search, trace};
use slo::burn::Condition;
use slo::spec::{Alerting, Slo};
use slo::status::SloStatus;

use crate::app::{App, Problem, page};
use crate::error_origin::error_origin;
use crate::format::{self, Stamp, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Chart, Line, Mark, Name, ServiceTag, seconds};
use crate::shell::Shell;
use crate::slo_view::{Notices, SloCard, about_counts, burn, phase_of};

use super::alerts::{Change, changes};
use super::trace::link;
use backtest::BacktestView;
use groups::Groups;

pub(super) mod backtest;
mod bad;
mod groups;

/// Bad requests listed.
const EXAMPLES: usize = 20;
/// How far back they are looked for, at most.
const EXAMPLES_WITHIN: Nanos = 6 * HOUR;
/// Windows that are shorter than this are compressed for a demonstration, which the page must say.
const SHORT_WINDOW: Nanos = 3 * 24 * HOUR;
/// Changes of alerts listed.
const MAX_CHANGES: usize = 20;

#[derive(Template)]
#[template(path = "slo.html")]
struct SloPage {
    shell: Shell,
    notices: Notices,
    card: SloCard,
    counted: String,
    allowed: String,
    /// When a window of the calendar ends.
    renewed: Option<Stamp>,
    is_compressed: bool,
    description: String,
    owner: String,
    file: String,
    /// What 4xx and 429 are taken for; empty where it is not spans that count.
    http: String,
    /// What its counts have to say for themselves.
    about: Vec<(&'static str, String)>,
    groups: Option<Groups>,
    tiers: Vec<TierRow>,
    notes: Vec<String>,
    /// The low-traffic guards, in words; empty where there is none.
    guards: String,
    burn_chart: Chart,
    budget_chart: Chart,
    table: Vec<TableRow>,
    examples: Vec<Example>,
    examples_problem: Option<Problem>,
    /// Where to find all of them, if they are spans or log records.
    all_bad: Option<PageUrl>,
    /// The page with what is different about the bad spans.
    differences: Option<PageUrl>,
    is_of_spans: bool,
    changes: Vec<Change>,
    backtest: BacktestView,
}

struct TierRow {
    severity: &'static str,
    severity_class: &'static str,
    long: String,
    short: String,
    threshold: String,
    long_burn: String,
    short_burn: String,
    long_over: bool,
    short_over: bool,
    bad: String,
    condition: &'static str,
    condition_class: &'static str,
    condition_words: String,
    phase: &'static str,
    phase_class: &'static str,
    since: Option<Stamp>,
    budget: String,
}

struct TableRow {
    time: Stamp,
    total: String,
    bad: String,
    burn: String,
    budget: String,
}

struct Example {
    href: PageUrl,
    start: Stamp,
    what: Name,
    service: ServiceTag,
    duration: String,
    cause: String,
}

/// `GET /slos/{name}`
pub(crate) async fn get(State(app): State<App>, Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let status = (app.state.slo_status)();
    let Some(slo_status) = status.slos.iter().find(|slo| slo.slo.name == name) else {
        return super::not_found::answer(&app, &uri, &headers);
    };
    let slo = &slo_status.slo;
    let now = shell.now;
    let within = slo.window.nominal().min(EXAMPLES_WITHIN);
    let within = TimeRange::new(now.saturating_sub(within), now.saturating_add(MINUTE));
    let bad = bad::requests(slo, within);
    let all_bad = bad::page(slo, bad.as_ref());
    let (examples, examples_problem) = match bad {
        Some(bad) => examples(&app, shell.link(""), bad).await,
        None => (Vec::new(), None),
    };
    let backtest = backtest::view(&app, &shell, slo).await;
    let events = slo_status.budget.events.count;
    page(
        StatusCode::OK,
        &SloPage {
            notices: Notices::of(&status, now, Some(&name)),
            card: SloCard::new(&shell, slo_status),
            counted: format!("{} of {}", format::count(events.bad()), format::count(events.total)),
            allowed: format::number(slo_status.budget.allowed),
            renewed: slo_status.budget.renewed_at.map(Stamp::full),
            is_compressed: slo.window.nominal() < SHORT_WINDOW,
            description: clip(&slo.description, 2_000),
            owner: slo.owner.clone().unwrap_or_default(),
            file: format!("{}:{}", slo.file, slo.place.line),
            http: slo.indicator.spans().map_or(String::new(), |spans| spans.http_sentence()),
            about: about_counts(slo_status),
            groups: groups::groups(slo_status),
            is_of_spans: slo.indicator.spans().is_some(),
            tiers: tiers(slo_status),
            notes: slo.alerting.notes.clone(),
            guards: guards(slo),
            burn_chart: burn_chart(slo_status, now),
            budget_chart: budget_chart(slo_status, now),
            table: table(slo_status),
            examples,
            examples_problem,
            all_bad,
            differences: bad::differences(slo),
            changes: changes(&status, &shell, Some(&name)).into_iter().take(MAX_CHANGES).collect(),
            backtest,
            shell,
        },
    )
}

/// The newest bad requests, each with where its error began.
async fn examples(app: &App, context: PageUrl, bad: TraceSearch) -> (Vec<Example>, Option<Problem>) {
    let (wanted, app_there) = (bad.clone(), app.clone());
    let found = app.state.engine.run(move |snapshot, budget| {
        let hits = search(snapshot, budget, &wanted)?;
        let mut examples = Vec::with_capacity(hits.traces.len());
        for hit in &hits.traces {
            // Read whole: the bad request says that it failed, a span below it says why.
            if let Some(trace) = trace(snapshot, budget, hit.trace_id)? {
                examples.extend(hit.matched.last().map(|span| example(&app_there, &context, &trace, span)));
            }
        }
        Ok(examples)
    });
    match found.await {
        Ok(examples) => (examples, None),
        Err(error) => (Vec::new(), Some(Problem::of(&error, &bad.query))),
    }
}

fn example(app: &App, context: &PageUrl, trace: &Trace, bad: &MatchedSpan) -> Example {
    let cause = error_origin(trace).map(|index| {
        let span = trace.span(index);
        let separator = if span.status_message.is_empty() { "" } else { ": " };
        format!("{} › {}{separator}{}", span.service, span.name, span.status_message)
    });
    Example {
        href: link(context, trace.trace_id).with("span", bad.span_id),
        start: Stamp::full(bad.start),
        what: Name::new(&bad.name, 120),
        service: app.service(&bad.service),
        duration: format::duration(bad.duration),
        cause: clip(&cause.unwrap_or_default(), 160),
    }
}

fn guards(slo: &Slo) -> String {
    let Alerting { min_events, min_bad_events, .. } = slo.alerting;
    let guards = [(min_bad_events, "bad events"), (min_events, "events")];
    let words: Vec<String> = guards
        .into_iter()
        .filter(|(least, _)| *least > 1 && slo.indicator.counts_events())
        .map(|(least, what)| format!("{least} {what}"))
        .collect();
    if words.is_empty() {
        return String::new();
    }
    format!("Fires only with at least {} in the long window.", words.join(" and "))
}

fn tiers(status: &SloStatus) -> Vec<TierRow> {
    let slo = &status.slo;
    let rows = slo.alerting.tiers.iter().zip(&status.tiers).map(|(tier, reading)| {
        let over = |count: slo::Count| tier.burn_rate.is_exceeded(count.bad(), count.total, slo.objective);
        let (phase, phase_class, since) = phase_of(status, tier);
        let condition_words = match reading.condition {
            Condition::Suppressed { guard, counted, needed } => {
                format!("{counted} {}; {needed} are needed to alert", guard.name())
            }
            Condition::Critical => "both windows burn too fast".to_owned(),
            Condition::Recovering => "the short window is calm again".to_owned(),
            Condition::Increasing => "the short window burns too fast, the long one not yet".to_owned(),
            Condition::Acceptable => "neither window burns too fast".to_owned(),
            Condition::NoTraffic => "a window without events says nothing".to_owned(),
            Condition::Excluded => "what happens now does not count".to_owned(),
            Condition::NotCounted => "stored data are still being counted".to_owned(),
        };
        TierRow {
            severity: tier.severity.name(),
            severity_class: if tier.severity == slo::spec::Severity::Page { "error" } else { "warn" },
            long: slo::duration::format(tier.long),
            short: slo::duration::format(tier.short),
            threshold: format!("{}×", tier.burn_rate),
            long_burn: burn(reading.long.count, slo.objective),
            short_burn: burn(reading.short.count, slo.objective),
            long_over: over(reading.long.count),
            short_over: over(reading.short.count),
            bad: format!("{} of {}", format::count(reading.long.count.bad()), format::count(reading.long.count.total)),
            condition: reading.condition.name(),
            condition_class: match reading.condition {
                Condition::Critical => "error",
                Condition::Suppressed { .. } | Condition::Increasing | Condition::Recovering => "warn",
                Condition::Acceptable => "ok",
                Condition::NoTraffic | Condition::NotCounted | Condition::Excluded => "",
            },
            condition_words,
            phase,
            phase_class,
            since: since.map(Stamp::clock),
            budget: format::percent(tier.budget_consumed(&slo.window)),
        }
    });
    rows.collect()
}

/// The time axis of the charts: the window of the SLO, as far as it has been counted.
fn window(status: &SloStatus, now: Nanos) -> TimeRange {
    let whole = status.slo.window.range(now).start;
    let step = match status.burn[..] {
        [first, second, ..] => second.time.saturating_sub(first.time),
        _ => MINUTE,
    };
    let counted = status.burn.first().map_or(whole, |first| first.time.saturating_sub(step));
    // The stretch of the last point is still going on.
    let end = status.burn.last().map_or(now, |last| last.time.max(now));
    TimeRange::new(whole.max(counted), end)
}

fn burn_chart(status: &SloStatus, now: Nanos) -> Chart {
    let values = status.burn.iter().map(|point| point.burn_rate).collect();
    let mut marks: Vec<Mark> = Vec::new();
    for tier in &status.slo.alerting.tiers {
        let value = tier.burn_rate.value();
        if marks.iter().all(|mark| mark.value != value) {
            marks.push(Mark { value, label: format!("{} above {}×", tier.severity.name(), tier.burn_rate) });
        }
    }
    Chart {
        unit: "×".to_owned(),
        times: status.burn.iter().map(|point| seconds(point.time)).collect(),
        lines: vec![Line { label: "burn rate".to_owned(), slot: 0, values, filled: true }],
        marks,
        from_zero: true,
        ..Chart::over(window(status, now))
    }
}

fn budget_chart(status: &SloStatus, now: Nanos) -> Chart {
    let values = status.burn.iter().map(|point| point.budget_remaining.map(|share| share * 100.0)).collect();
    Chart {
        unit: "%".to_owned(),
        times: status.burn.iter().map(|point| seconds(point.time)).collect(),
        lines: vec![Line { label: "budget left".to_owned(), slot: 1, values, filled: true }],
        marks: vec![Mark { value: 0.0, label: "spent".to_owned() }],
        from_zero: true,
        ..Chart::over(window(status, now))
    }
}

/// The numbers of both charts, newest first, without the stretches that had no event.
fn table(status: &SloStatus) -> Vec<TableRow> {
    let points = status.burn.iter().rev().filter(|point| point.total > 0).take(200);
    let rows = points.map(|point| TableRow {
        time: Stamp::full(point.time),
        total: format::count(point.total),
        bad: format::count(point.bad),
        burn: point.burn_rate.map_or("–".to_owned(), |rate| format!("{}×", format::number(rate))),
        budget: point.budget_remaining.map_or("–".to_owned(), format::percent),
    });
    rows.collect()
}
