//! `/traces/{id}`: one trace as a waterfall, its logs, its exemplars, and where its time went. Logs and exemplars have the page
//! too when no span of the trace is stored.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::time::MINUTE;
use model::{Nanos, SpanId, TraceId};
use query::traces::{Parts, Signals, Trace, TraceNote, links_of, links_to, signals};

use crate::app::{App, Problem, page};
use crate::error_origin::error_origin;
use crate::exemplar_view::ExemplarView;
use crate::format::{self, Stamp};
use crate::icon::Icon;
use crate::link_view::{LinksView, MAX_LINKS, MAX_TRACES, reach};
use crate::log_view::LogView;
use crate::page_url::PageUrl;
use crate::parts::{DurationBar, Name, ServiceTag, Tab};
use crate::service_graph::ServiceGraph;
use crate::shell::Shell;
use crate::span_view::SpanView;
use crate::trace_statistics::{By, Statistic, statistics};
use crate::waterfall::{self, Kind, Scale};

/// Rows in the page itself, as many as a high window shows; the island draws them again, and the rest.
const FIRST_ROWS: usize = 40;
/// Services named above the spans; the rest is counted.
const MAX_SERVICES: usize = 8;
/// Log records on the page, and exemplars.
const MAX_ROWS: usize = 500;
/// Lines of the statistics.
const MAX_STATISTICS: usize = 200;
/// Deeper rows are not indented further.
const MAX_INDENT: usize = 16;
/// A trace whose last span is younger may not be complete.
const SETTLED_AFTER: Nanos = MINUTE / 2;

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    shell: Shell,
    trace_id: TraceId,
    problem: Option<Problem>,
    /// `None` when nothing with this id is stored.
    found: Option<Found>,
    tab: &'static str,
    tabs: Vec<Tab>,
    /// By what the statistics are.
    by_service: bool,
    by_attribute: bool,
}

/// What is there with the id.
struct Found {
    /// `None` when there is no span, or none that could be read.
    view: Option<View>,
    service: Option<ServiceTag>,
    first: Option<Stamp>,
    warnings: Vec<String>,
    logs: Vec<LogView>,
    logs_cut: bool,
    exemplars: Vec<ExemplarView>,
    exemplars_cut: bool,
}

/// What the page shows of the spans.
struct View {
    root_service: ServiceTag,
    root_name: Name,
    start: Stamp,
    duration: String,
    n_spans: String,
    n_errors: usize,
    services: Vec<(ServiceTag, String)>,
    n_more_services: usize,
    first_error: Option<(PageUrl, Name)>,
    notes: Vec<String>,
    /// The trace may still be arriving.
    is_fresh: bool,
    rows: Vec<Row>,
    statistics: Vec<StatisticRow>,
    n_more_statistics: usize,
    graph: Option<ServiceGraph>,
    links: Option<LinksView>,
    span: Option<SpanView>,
}

struct Row {
    name: Name,
    service: ServiceTag,
    /// Width of the indent in the units of the style sheet.
    depth: usize,
    is_error: bool,
    duration: String,
    bar: DurationBar,
    href: PageUrl,
}

struct StatisticRow {
    service: Option<ServiceTag>,
    /// `None` for spans without the attribute.
    name: Option<Name>,
    n_spans: String,
    n_errors: usize,
    total: String,
    longest: String,
    own: String,
    critical: String,
    critical_share: String,
    bar: DurationBar,
}

/// `GET /traces/{id}`
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let Some(trace_id) = TraceId::parse(&id) else { return super::not_found::answer(&app, &uri, &headers) };
    let asked = shell.url.get("view").to_owned();
    let by = shell.url.get("by").to_owned();
    let span = super::span::parse(shell.url.get("span"));
    let context = shell.link("");
    let app_there = app.clone();
    let now = shell.now;
    // What most views show is in the tree, which is a small part of the trace.
    let needs_all = span.is_some() || ["links", "statistics"].contains(&asked.as_str());
    let parts = if needs_all { Parts::All } else { Parts::Tree };
    let found = app.state.engine.run(move |snapshot, budget| {
        let found = signals(snapshot, budget, trace_id, parts, MAX_ROWS)?;
        let tab = tab(&asked, &found);
        let choice = Choice { tab, span, by: By::parse(&by) };
        let mut shown = (!found.is_empty()).then(|| Found::new(&app_there, trace_id, &found, &choice, now, &context));
        let view = shown.as_mut().and_then(|shown| shown.view.as_mut());
        if let (Some(view), Some(trace), "links") = (view, &found.trace, tab) {
            let out = links_of(snapshot, budget, trace, MAX_LINKS + 1, MAX_TRACES)?;
            let into = links_to(snapshot, budget, trace_id, reach(trace), MAX_LINKS)?;
            view.links = Some(LinksView::new(&app_there, trace, &out, &into, &context));
        }
        Ok((shown, tab))
    });
    let (found, tab, problem) = match found.await {
        Ok((found, tab)) => (found, tab, None),
        Err(error) => (None, "waterfall", Some(Problem::of(&error, ""))),
    };
    let tabs = found.as_ref().map_or_else(Vec::new, |found| found.tabs(tab, &shell.url));
    let status = if found.is_some() || problem.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let by = By::parse(shell.url.get("by"));
    let (by_service, by_attribute) = (by == By::Service, matches!(by, By::Attribute(_)));
    page(status, &TracePage { shell, trace_id, problem, found, tab, tabs, by_service, by_attribute })
}

/// What of a trace is asked for.
struct Choice<'a> {
    tab: &'static str,
    /// A span, and which one of those with its id.
    span: Option<(SpanId, usize)>,
    by: By<'a>,
}

/// The tab that was asked for, when there is something for it; else the first that has something.
fn tab(asked: &str, found: &Signals) -> &'static str {
    let has_spans = found.trace.is_some();
    let tabs = [
        ("waterfall", has_spans),
        ("flame", has_spans),
        ("logs", has_spans || !found.logs.is_empty()),
        ("exemplars", !found.exemplars.is_empty()),
        ("statistics", has_spans),
        ("graph", has_spans),
        ("links", has_spans),
    ];
    let mut there = tabs.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name);
    there.clone().find(|name| *name == asked).or_else(|| there.next()).unwrap_or("waterfall")
}

impl Found {
    fn new(app: &App, id: TraceId, found: &Signals, choice: &Choice<'_>, now: Nanos, context: &PageUrl) -> Self {
        // Times are told from the first span, and without one from what came first.
        let start = found.trace.as_ref().map(|trace| trace.start).or_else(|| found.start()).unwrap_or_default();
        let view = found.trace.as_ref().map(|trace| {
            let mut view = View::new(app, trace, choice, now, context);
            view.span = choice.span.and_then(|(id, nth)| trace.find_nth(id, nth)).map(|index| {
                let span_id = Some(trace.spans[index].span_id);
                let records = found.logs.iter().filter(|record| record.span_id == span_id).take(50);
                SpanView::new(app, trace, index, records, context)
            });
            view
        });
        let log = |record| LogView::new(app, record, context).at_offset(record.time.saturating_sub(start));
        Found {
            view,
            service: found.service().map(|service| app.service(service)),
            first: found.start().map(Stamp::full),
            warnings: found.warnings.clone(),
            logs: found.logs.iter().map(log).collect(),
            logs_cut: found.logs_cut,
            exemplars: found.exemplars.iter().map(|it| ExemplarView::new(app, it, id, start, context)).collect(),
            exemplars_cut: found.exemplars_cut,
        }
    }

    /// Of what is there; a trace with spans tells of its logs also that there are none.
    fn tabs(&self, current: &str, url: &PageUrl) -> Vec<Tab> {
        let other = |name: &str| url.with("view", name).without("by");
        let n_spans = self.view.as_ref().map(|view| view.n_spans.clone());
        let has_spans = n_spans.is_some();
        let (n_logs, n_exemplars) = (self.logs.len(), self.exemplars.len());
        let tabs = [
            (has_spans, "waterfall", "Waterfall", url.without("view").without("by"), n_spans),
            (has_spans, "flame", "Flame", other("flame"), None),
            (has_spans || n_logs > 0, "logs", "Logs", other("logs"), Some(n_logs.to_string())),
            (n_exemplars > 0, "exemplars", "Exemplars", other("exemplars"), Some(n_exemplars.to_string())),
            (has_spans, "statistics", "Where time went", other("statistics"), None),
            (has_spans, "graph", "Services", other("graph"), None),
            (has_spans, "links", "Links", other("links"), None),
        ];
        let there = tabs.into_iter().filter(|(is_there, ..)| *is_there);
        there.map(|(_, name, words, href, n)| Tab { words, href, is_current: name == current, n }).collect()
    }
}

impl View {
    fn new(app: &App, trace: &Trace, choice: &Choice<'_>, now: Nanos, context: &PageUrl) -> Self {
        let tab = choice.tab;
        let root = trace.span(trace.root());
        let whole = trace.duration().max(1) as f64;
        let here = |span: SpanId| link(context, trace.trace_id).with("span", span);
        let rows = if tab == "waterfall" { first_rows(app, trace, &here) } else { Vec::new() };
        let lines = if tab == "statistics" { statistics(trace, choice.by) } else { Vec::new() };
        View {
            root_service: app.service(root.service),
            root_name: Name::new(root.name, 160),
            start: Stamp::full(trace.start),
            duration: format::duration(trace.duration()),
            n_spans: format::count(trace.spans.len() as u64),
            n_errors: trace.n_errors,
            services: trace
                .services
                .iter()
                .take(MAX_SERVICES)
                .map(|it| (app.service(&it.service), format::count(it.n_spans as u64)))
                .collect(),
            n_more_services: trace.services.len().saturating_sub(MAX_SERVICES),
            first_error: error_origin(trace).map(|index| {
                let span = trace.span(index);
                (here(span.span_id), Name::new(&format!("{} › {}", span.service, span.name), 120))
            }),
            notes: trace.notes.iter().map(note).collect(),
            is_fresh: now.saturating_sub(trace.end) < SETTLED_AFTER,
            rows,
            statistics: lines.iter().take(MAX_STATISTICS).map(|line| statistic_row(app, line, whole)).collect(),
            n_more_statistics: lines.len().saturating_sub(MAX_STATISTICS),
            graph: (tab == "graph").then(|| ServiceGraph::new(app, trace, context)),
            links: None,
            span: None,
        }
    }
}

/// The first rows of the waterfall, as the island draws them.
fn first_rows(app: &App, trace: &Trace, here: &dyn Fn(SpanId) -> PageUrl) -> Vec<Row> {
    let scale = Scale::new(trace);
    let row = |row: &waterfall::Row| {
        let at = &trace.spans[row.span];
        let (service, name) = (trace.services[at.service].service.as_str(), trace.names[at.name].as_str());
        let name = match row.kind {
            Kind::Span => Name::new(name, 160),
            Kind::Fold => Name::new(&format!("{} × {}", format::count(row.n_below as u64), name), 160),
            Kind::Missing => Name::new("parent that has not arrived", 160),
        };
        let share = |time: Nanos| scale.share(time.saturating_sub(trace.start));
        let (start, end) = (share(row.start), share(row.end));
        let is_error = row.kind == Kind::Span && at.is_error;
        Row {
            name,
            service: app.service(service),
            depth: row.depth.min(MAX_INDENT),
            is_error,
            duration: format::duration(row.end.saturating_sub(row.start)),
            bar: DurationBar::new(start, end - start, app.slot(service), is_error),
            href: here(at.span_id),
        }
    };
    waterfall::first_rows(trace, FIRST_ROWS).iter().map(row).collect()
}

/// The page of the trace `id` with the parameters of `context`.
pub(crate) fn link(context: &PageUrl, id: TraceId) -> PageUrl {
    context.at_path(format!("/traces/{id}"))
}

fn statistic_row(app: &App, line: &Statistic<'_>, whole: f64) -> StatisticRow {
    let share = line.critical as f64 / whole;
    StatisticRow {
        service: (!line.service.is_empty()).then(|| app.service(line.service)),
        name: line.name.as_deref().map(|name| if name.is_empty() { Name::default() } else { Name::new(name, 160) }),
        n_spans: format::count(line.n_spans as u64),
        n_errors: line.n_errors,
        total: format::duration(line.total),
        longest: format::duration(line.longest),
        own: format::duration(line.own),
        critical: format::duration(line.critical),
        critical_share: format::percent(share),
        bar: DurationBar::new(0.0, share, if line.service.is_empty() { 0 } else { app.slot(line.service) }, false),
    }
}

/// What is odd about a trace, in a sentence.
fn note(note: &TraceNote) -> String {
    let spans = |n: usize| if n == 1 { "1 span".to_owned() } else { format!("{} spans", format::count(n as u64)) };
    // With what they do: "1 span starts", "2 spans start".
    let do_what = |n: usize, verb: &str| format!("{} {verb}{}", spans(n), if n == 1 { "s" } else { "" });
    match note {
        TraceNote::MissingParents { n_spans } => {
            format!(
                "{} a parent that has not arrived: it was lost, not sampled, or is still on its way.",
                do_what(*n_spans, "name")
            )
        }
        TraceNote::SeveralRoots { n_roots } => format!("{n_roots} spans have no parent."),
        TraceNote::Duplicates { n_spans } => format!("{} arrived more than once, shown once.", spans(*n_spans)),
        TraceNote::SharedIds { n_spans } => format!("{} an id with a different span.", do_what(*n_spans, "share")),
        TraceNote::Cycles { n_cycles: 1 } => "Parents form a circle, which was cut.".to_owned(),
        TraceNote::Cycles { n_cycles } => format!("Parents form a circle in {n_cycles} places; each was cut."),
        TraceNote::ClockSkew { n_spans, largest } => format!(
            "{} before the parent, by up to {}: clocks may differ, or the work began before its call was recorded. Times are shown as sent.",
            do_what(*n_spans, "start"),
            format::duration(*largest)
        ),
        TraceNote::Cut { limit } => format!("Only the first {} are shown.", spans(*limit)),
    }
}
