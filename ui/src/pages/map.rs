//! `/map`: who calls whom, as a drawing and as a list.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use query::services::{Connection, Edge, Node, NodeKind, edges};

use crate::app::{App, Problem, page};
use crate::format::{self, Stamp};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::parts::{Name, ServiceTag};
use crate::service_map::ServiceMap;
use crate::shell::Shell;
use crate::span_search;

/// Lines of the list; the rest is counted.
const MAX_ROWS: usize = 500;

#[derive(Template)]
#[template(path = "map.html")]
struct MapPage {
    shell: Shell,
    /// The service whose calls alone are shown.
    focus: Option<ServiceTag>,
    everything: PageUrl,
    start: Stamp,
    end: Stamp,
    map: Option<ServiceMap>,
    rows: Vec<CallRow>,
    n_more: usize,
    problem: Option<Problem>,
    warnings: Vec<String>,
    is_untouched: bool,
}

/// The calls between two ends.
pub(super) struct CallRow {
    pub(super) client: EndView,
    pub(super) server: EndView,
    /// How they are connected, in a word.
    pub(super) connection: &'static str,
    pub(super) rate: String,
    pub(super) n_calls: String,
    pub(super) errors: String,
    pub(super) is_failing: bool,
    pub(super) p50: String,
    pub(super) p90: String,
    pub(super) p99: String,
    /// The traces behind it, and those that failed.
    pub(super) traces: PageUrl,
    pub(super) failed: PageUrl,
}

/// One end of calls.
pub(super) enum EndView {
    Service(ServiceTag, PageUrl),
    /// Its name and what it is.
    Peer(Name, &'static str),
}

impl CallRow {
    pub(super) fn ends(&self) -> [&EndView; 2] {
        [&self.client, &self.server]
    }

    pub(super) fn new(app: &App, shell: &Shell, edge: &Edge, range: model::TimeRange) -> Self {
        let end = |node: &Node| match node.kind {
            NodeKind::Service => EndView::Service(app.service(&node.name), shell.service_link(&node.name)),
            kind => EndView::Peer(Name::new(&node.name, 120), kind.name()),
        };
        let duration = |value: Option<i64>| value.map_or("–".to_owned(), format::duration);
        let traces = span_search::calls(edge, range);
        CallRow {
            client: end(&edge.client),
            server: end(&edge.server),
            connection: match edge.connection {
                Connection::Call | Connection::Virtual => "request",
                Connection::Messaging => "message",
                Connection::Database => "query",
            },
            rate: format::rate(edge.rate),
            n_calls: format::count(edge.n_calls),
            errors: format::percent(edge.n_errors as f64 / edge.n_calls.max(1) as f64),
            is_failing: edge.n_errors > 0,
            p50: duration(edge.p50),
            p90: duration(edge.p90),
            p99: duration(edge.p99),
            failed: traces.with("errors", "1"),
            traces,
        }
    }
}

/// `GET /map`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers);
    let range = shell.range.times;
    let focus = Some(shell.url.get("focus").to_owned()).filter(|focus| !focus.is_empty());
    let of = focus.clone();
    let found = app.state.engine.run(move |snapshot, budget| edges(snapshot, budget, range, of.as_deref())).await;
    let (mut found, problem) = match found {
        Ok(found) => (found, None),
        Err(error) => (Default::default(), Some(Problem::of(&error, ""))),
    };
    let map = (!found.edges.is_empty())
        .then(|| ServiceMap::new(&app, &found.edges, |node| shell.link("/map").with("focus", &node.name)));
    found.edges.sort_by_key(|edge| std::cmp::Reverse(edge.n_calls));
    let rows = found.edges.iter().take(MAX_ROWS).map(|edge| CallRow::new(&app, &shell, edge, found.range)).collect();
    let is_untouched = (app.state.ingest)().signals.iter().all(|signal| signal.n_accepted == 0);
    page(
        StatusCode::OK,
        &MapPage {
            focus: focus.map(|focus| app.service(&focus)),
            everything: shell.url.without("focus"),
            start: Stamp::full(found.range.start),
            end: Stamp::full(found.range.end),
            map,
            rows,
            n_more: found.edges.len().saturating_sub(MAX_ROWS),
            problem,
            warnings: found.warnings,
            is_untouched,
            shell,
        },
    )
}
