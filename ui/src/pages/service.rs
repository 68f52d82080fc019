//! `/services/{name}`: one service, its operations, who calls it and whom it calls.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use query::services::{NodeKind, OTHER, OperationSearch, edges, operations};

use crate::app::{App, Problem, page};
use crate::format::{self, Stamp};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Meter, Name, ServiceTag};
use crate::shell::Shell;
use crate::slo_view::SloCard;
use crate::span_search;

use super::home::Lines;
use super::map::{CallRow, EndView};

const BUCKETS: usize = 40;
/// Operations shown; the rest is counted.
const MAX_OPERATIONS: usize = 200;
/// Lines of calls in each direction.
const MAX_CALLS: usize = 100;

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    shell: Shell,
    service: ServiceTag,
    /// Whether anything is known of the service: spans in the time range, an SLO, or that it sends.
    is_known: bool,
    slos: Vec<SloCard>,
    operations: Vec<Row>,
    n_more: usize,
    /// Who calls it, and whom it calls.
    calls: [Calls; 2],
    start: Stamp,
    end: Stamp,
    problem: Option<Problem>,
    warnings: Vec<String>,
    traces: PageUrl,
    errors: PageUrl,
    logs: PageUrl,
    map: PageUrl,
}

/// Calls in one direction.
struct Calls {
    title: &'static str,
    rows: Vec<CallRow>,
    n_more: usize,
}

struct Row {
    name: Name,
    kind: &'static str,
    /// The traces with such spans, and those of them in which they failed, and in which they took as long as one in twenty.
    href: PageUrl,
    failed: PageUrl,
    slow: Option<PageUrl>,
    is_other: bool,
    rate: String,
    errors: String,
    is_failing: bool,
    p50: String,
    p90: String,
    p95: String,
    p99: String,
    lines: Lines,
    share: String,
    share_bar: Meter,
}

/// `GET /services?name=`, for names that are no path.
pub(crate) async fn named(state: State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let name = PageUrl::of(&uri).get("name").to_owned();
    get(state, Path(name), uri, headers).await
}

/// `GET /services/{name}`
pub(crate) async fn get(State(app): State<App>, Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let search = OperationSearch { service: name.clone(), kind: None, range: shell.range.times, n_buckets: BUCKETS };
    let of = name.clone();
    let found = app.state.engine.run(move |snapshot, budget| {
        let calls = edges(snapshot, budget, search.range, Some(&of))?;
        Ok((operations(snapshot, budget, &search)?, calls))
    });
    let ((mut list, calls), problem) = match found.await {
        Ok(found) => (found, None),
        Err(error) => (Default::default(), Some(Problem::of(&error, ""))),
    };
    let new: Vec<String> = calls.warnings.into_iter().filter(|warning| !list.warnings.contains(warning)).collect();
    list.warnings.extend(new);
    let (mut out, mut incoming) = (calls.edges, Vec::new());
    out.retain(|edge| {
        let is_out = edge.client.kind == NodeKind::Service && edge.client.name == name;
        if !is_out {
            incoming.push(edge.clone());
        }
        is_out
    });
    let calls = [("Called by", incoming), ("Calls", out)].map(|(title, mut edges)| {
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.n_calls));
        let rows = edges.iter().take(MAX_CALLS).map(|edge| CallRow::new(&app, &shell, edge, calls.range)).collect();
        Calls { title, rows, n_more: edges.len().saturating_sub(MAX_CALLS) }
    });
    let traces = shell.link("/traces").with("service", &name);
    let total: i128 = list.operations.iter().map(|operation| i128::from(operation.spans.total_duration)).sum();
    let rows = list.operations.iter().take(MAX_OPERATIONS).map(|operation| {
        let red = &operation.spans;
        let share = red.total_duration as f64 / total.max(1) as f64;
        let duration = |value: Option<i64>| value.map_or("–".to_owned(), format::duration);
        let href = span_search::operation(&name, &operation.name, operation.kind.name(), list.range);
        Row {
            name: Name::new(&operation.name, 160),
            kind: operation.kind.name(),
            failed: href.with("errors", "1"),
            slow: red.p95.map(|p95| href.with("min", format!("{p95}ns")).with("order", "slowest")),
            href,
            is_other: operation.name == OTHER,
            rate: format::rate(red.rate),
            errors: format::percent(red.error_ratio),
            is_failing: red.n_errors > 0,
            p50: duration(red.p50),
            p90: duration(red.p90),
            p95: duration(red.p95),
            p99: duration(red.p99),
            lines: Lines::of(red),
            share: format::percent(share),
            share_bar: Meter::new(share, "none", format!("{} of the time of all spans", format::percent(share))),
        }
    });
    let rows: Vec<Row> = rows.collect();
    let status = (app.state.slo_status)();
    let of_service = status.slos.iter().filter(|slo| slo.slo.service == name);
    let slos: Vec<SloCard> = of_service.map(|slo| SloCard::new(&shell, slo)).collect();
    let sends = || (app.state.ingest)().senders.iter().any(|sender| sender.service == name);
    // What could not be read may have been of this service.
    let is_known = !rows.is_empty() || problem.is_some() || !list.warnings.is_empty() || !slos.is_empty() || sends();
    page(
        if is_known { StatusCode::OK } else { StatusCode::NOT_FOUND },
        &ServicePage {
            // A name that is none takes no colour.
            service: if is_known { app.service(&name) } else { ServiceTag { slot: 0, name: Name::new(&name, 80) } },
            is_known,
            slos,
            n_more: list.operations.len().saturating_sub(rows.len()),
            operations: rows,
            calls,
            start: Stamp::full(list.range.start),
            end: Stamp::full(list.range.end),
            problem,
            warnings: list.warnings,
            errors: traces.with("errors", "1"),
            logs: shell.link("/logs").with("service", &name),
            map: shell.link("/map").with("focus", &name),
            traces,
            shell,
        },
    )
}
