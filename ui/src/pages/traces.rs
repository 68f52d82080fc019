//! `/traces`: the search for traces.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::{Nanos, StatusCode as SpanStatus, TraceId};
use query::traces::{self, Language, TraceHits, TraceOrder, TraceSearch, TraceSummary, heatmap, search};

use crate::app::{App, Problem, page};
use crate::duration_text;
use crate::format::{self, Stamp, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Choice, DurationBar, Heatmap, Name, ServiceTag};
use crate::shell::Shell;

const LIMITS: [usize; 3] = [50, 200, 1_000];
/// How long the list waits for the heatmap. A search for several spans reads traces whole.
const PATIENCE: Duration = Duration::from_secs(2);
/// Columns of the heatmap.
const N_TIMES: usize = 120;
/// Services named in one row.
const MAX_SERVICES: usize = 5;
const TRACEQL: &str = "traceql";
const LANGUAGES: [(&str, &str); 2] = [("", "Search"), (TRACEQL, "TraceQL")];
const ORDERS: [(TraceOrder, &str); 4] = [
    (TraceOrder::Newest, "Newest"),
    (TraceOrder::Slowest, "Slowest"),
    (TraceOrder::MostErrors, "Most errors"),
    (TraceOrder::MostSpans, "Most spans"),
];

#[derive(Template)]
#[template(path = "traces.html")]
struct TracesPage {
    shell: Shell,
    known_services: Vec<String>,
    q: String,
    service: String,
    operation: String,
    min: String,
    max: String,
    errors_only: bool,
    languages: Vec<Choice>,
    orders: Vec<Choice>,
    limits: Vec<Choice>,
    is_newest_first: bool,
    rows: Vec<Row>,
    total: String,
    /// How many spans match, and when and how long they are.
    n_spans: String,
    heatmap: Option<Heatmap>,
    /// Filters that are set, each with the page without it.
    chips: Vec<(String, PageUrl)>,
    problem: Option<Problem>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

struct Row {
    id: TraceId,
    href: PageUrl,
    start: Stamp,
    root_service: ServiceTag,
    root_name: Name,
    root_missing: bool,
    duration: String,
    bar: DurationBar,
    n_spans: String,
    n_errors: usize,
    first_error: String,
    services: Vec<ServiceTag>,
    n_more_services: usize,
}

/// `GET /traces`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let (wanted, problem) = match read(&shell) {
        Ok(wanted) => (Some(wanted), None),
        Err(error) => (None, Some(Problem { title: "Filter not understood", text: error, pointer: None })),
    };
    let order = wanted.as_ref().map_or(TraceOrder::Newest, |wanted| wanted.order);
    let limit = wanted.as_ref().map_or(LIMITS[0], |wanted| wanted.limit);
    let (mut hits, map, problem) = match wanted {
        None => (TraceHits::default(), traces::Heatmap::default(), problem),
        Some(wanted) => {
            let (text, counted) = (wanted.query.clone(), wanted.clone());
            let found = app.state.engine.run(move |snapshot, budget| search(snapshot, budget, &wanted));
            let map = app.state.engine.run(move |snapshot, budget| heatmap(snapshot, budget, &counted, N_TIMES));
            match tokio::join!(found, tokio::time::timeout(PATIENCE, map)) {
                (Ok(hits), Ok(Ok(map))) => (hits, map, None),
                // The list is worth more than the drawing.
                (Ok(mut hits), Err(_)) => {
                    hits.notes.push(format!(
                        "all matching spans by time and duration would take more than {} s to count; a shorter range is drawn",
                        PATIENCE.as_secs()
                    ));
                    (hits, traces::Heatmap::default(), None)
                }
                (Ok(hits), Ok(Err(error))) => (hits, traces::Heatmap::default(), Some(Problem::of(&error, &text))),
                (Err(error), _) => (TraceHits::default(), traces::Heatmap::default(), Some(Problem::of(&error, &text))),
            }
        }
    };
    let new = map.warnings.iter().filter(|warning| !hits.warnings.contains(warning)).cloned().collect::<Vec<_>>();
    hits.warnings.extend(new);
    let longest = hits.traces.iter().map(|trace| trace.duration).max().unwrap_or(1).max(1);
    let rows: Vec<Row> = hits.traces.iter().map(|trace| row(&app, &shell, trace, longest)).collect();
    let shown = format::count(rows.len() as u64);
    let noun = if hits.n_traces == 1 { "trace" } else { "traces" };
    let total = match (hits.truncated, hits.n_traces > rows.len()) {
        (true, _) if order == TraceOrder::Newest => format!("The newest {shown} {noun}; the range has more"),
        (true, _) => format!("{shown} of at least {} {noun}", format::count(hits.n_traces as u64)),
        (false, true) => format!("{shown} of {} {noun}", format::count(hits.n_traces as u64)),
        (false, false) => format!("{shown} {noun}"),
    };
    page(
        StatusCode::OK,
        &TracesPage {
            known_services: app.known_services(),
            q: shell.url.get("q").to_owned(),
            service: shell.url.get("service").to_owned(),
            operation: shell.url.get("operation").to_owned(),
            min: shell.url.get("min").to_owned(),
            max: shell.url.get("max").to_owned(),
            errors_only: !shell.url.get("errors").is_empty(),
            languages: LANGUAGES
                .map(|(value, words)| Choice {
                    value: value.to_owned(),
                    words: words.to_owned(),
                    is_chosen: value == shell.url.get("lang"),
                })
                .into(),
            orders: ORDERS
                .map(|(choice, words)| Choice {
                    value: choice.name().to_owned(),
                    words: words.to_owned(),
                    is_chosen: choice == order,
                })
                .into(),
            limits: LIMITS
                .map(|choice| Choice {
                    value: choice.to_string(),
                    words: choice.to_string(),
                    is_chosen: choice == limit,
                })
                .into(),
            is_newest_first: order == TraceOrder::Newest,
            rows,
            total,
            n_spans: spans_in_words(&map),
            heatmap: Heatmap::new(&map, &shell.url),
            chips: chips(&shell),
            problem,
            warnings: hits.warnings,
            notes: hits.notes,
            shell,
        },
    )
}

fn spans_in_words(map: &traces::Heatmap) -> String {
    let at_least = if map.truncated { "At least " } else { "" };
    let noun = if map.n_spans == 1 { "matching span" } else { "matching spans" };
    let failed = if map.n_errors > 0 { format!(", {} failed", format::count(map.n_errors)) } else { String::new() };
    format!("{at_least}{} {noun}{failed}", format::count(map.n_spans))
}

fn read(shell: &Shell) -> Result<TraceSearch, String> {
    let url = &shell.url;
    let text = |key: &str| Some(url.get(key)).filter(|text| !text.is_empty()).map(str::to_owned);
    let limit = url.get("limit").parse().ok().filter(|limit| LIMITS.contains(limit)).unwrap_or(LIMITS[0]);
    Ok(TraceSearch {
        query: url.get("q").to_owned(),
        language: if url.get("lang") == TRACEQL { Language::TraceQl } else { Language::Search },
        service: text("service"),
        operation: text("operation"),
        status: (!url.get("errors").is_empty()).then_some(SpanStatus::Error),
        min_duration: duration_text::parse(url.get("min"))?,
        max_duration: duration_text::parse(url.get("max"))?,
        limit,
        order: TraceOrder::parse(url.get("order")).unwrap_or_default(),
        ..TraceSearch::new(shell.range.times)
    })
}

fn chips(shell: &Shell) -> Vec<(String, PageUrl)> {
    let words = [
        ("q", ""),
        ("service", "service "),
        ("operation", "operation "),
        ("min", "at least "),
        ("max", "at most "),
        ("errors", "with errors"),
    ];
    let set = words.into_iter().filter(|(key, _)| !shell.url.get(key).is_empty());
    set.map(|(key, word)| {
        let value = if key == "errors" { "" } else { shell.url.get(key) };
        (clip(&format!("{word}{value}"), 60), shell.url.without(key))
    })
    .collect()
}

fn row(app: &App, shell: &Shell, trace: &TraceSummary, longest: Nanos) -> Row {
    let slot = app.slot(&trace.root_service);
    let error = trace.first_error.as_ref().map(|span| format!("{} › {}", span.service, span.name));
    Row {
        id: trace.trace_id,
        href: shell.trace_link(trace.trace_id),
        start: Stamp::millis(trace.start),
        root_service: app.service(&trace.root_service),
        root_name: Name::new(&trace.root_name, 160),
        root_missing: trace.root_missing,
        duration: format::duration(trace.duration),
        bar: DurationBar::new(0.0, trace.duration as f64 / longest as f64, slot, trace.n_errors > 0),
        n_spans: format::count(trace.n_spans as u64),
        n_errors: trace.n_errors,
        first_error: clip(&error.unwrap_or_default(), 120),
        services: trace.services.iter().take(MAX_SERVICES).map(|it| app.service(&it.service)).collect(),
        n_more_services: trace.services.len().saturating_sub(MAX_SERVICES),
    }
}
