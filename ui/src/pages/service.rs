//! `/services/{name}`: one service and its operations.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use query::services::{OperationSearch, operations};

use crate::app::{App, Problem, page};
use crate::format;
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Meter, Name, ServiceTag};
use crate::shell::Shell;
use crate::slo_view::SloCard;

use super::home::Lines;

const BUCKETS: usize = 40;
/// Operations shown; the rest is counted.
const MAX_OPERATIONS: usize = 200;

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    shell: Shell,
    service: ServiceTag,
    /// Whether anything is known of the service: spans in the time range, an SLO, or that it sends.
    is_known: bool,
    slos: Vec<SloCard>,
    rows: Vec<Row>,
    n_more: usize,
    problem: Option<Problem>,
    warnings: Vec<String>,
    traces: PageUrl,
    errors: PageUrl,
    logs: PageUrl,
}

struct Row {
    name: Name,
    kind: &'static str,
    href: PageUrl,
    rate: String,
    errors: String,
    is_failing: bool,
    p50: String,
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
    let found = app.state.engine.run(move |snapshot, budget| operations(snapshot, budget, &search)).await;
    let (list, problem) = match found {
        Ok(list) => (list, None),
        Err(error) => (Default::default(), Some(Problem::of(&error, ""))),
    };
    let traces = shell.link("/traces").with("service", &name);
    let total: i128 = list.operations.iter().map(|operation| i128::from(operation.spans.total_duration)).sum();
    let rows = list.operations.iter().take(MAX_OPERATIONS).map(|operation| {
        let red = &operation.spans;
        let share = red.total_duration as f64 / total.max(1) as f64;
        let duration = |value: Option<i64>| value.map_or("–".to_owned(), format::duration);
        Row {
            name: Name::new(&operation.name, 160),
            kind: operation.kind.name(),
            href: traces.with("operation", &operation.name),
            rate: format::rate(red.rate),
            errors: format::percent(red.error_ratio),
            is_failing: red.n_errors > 0,
            p50: duration(red.p50),
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
            rows,
            problem,
            warnings: list.warnings,
            errors: traces.with("errors", "1"),
            logs: shell.link("/logs").with("service", &name),
            traces,
            shell,
        },
    )
}
