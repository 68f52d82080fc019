//! Everything about one span, for the panel beside the waterfall.

use askama::Template;
use model::{Nanos, SpanId};
use query::logs::LogRow;
use query::traces::Trace;

use crate::app::App;
use crate::attributes::{self, Attribute};
use crate::format::{self, Stamp, clip};
use crate::log_view::LogView;
use crate::page_url::PageUrl;
use crate::pages::trace::link;
use crate::parts::{Name, ServiceTag};
use crate::trace_statistics::own_time;

/// Events and links shown of one span.
const MAX_EVENTS: usize = 100;
/// How far around a span its service's logs are looked for.
const LOGS_AROUND: Nanos = model::time::MINUTE;

/// A span with all it carries.
#[derive(Template)]
#[template(path = "parts/span.html")]
pub(crate) struct SpanView {
    name: Name,
    service: ServiceTag,
    span_id: SpanId,
    kind: &'static str,
    is_ok: bool,
    is_error: bool,
    status_message: String,
    start: Stamp,
    offset: String,
    duration: String,
    own: String,
    share: String,
    parent: Option<(PageUrl, SpanId, Name)>,
    n_children: usize,
    odd: Vec<String>,
    attributes: Vec<Attribute>,
    n_more_attributes: usize,
    events: Vec<EventView>,
    n_more_events: usize,
    logs: Vec<LogView>,
    links: Vec<LinkView>,
    resource: Vec<Attribute>,
    scope_name: String,
    scope: Vec<Attribute>,
    trace_state: String,
    dropped: String,
    similar: PageUrl,
    logs_around: PageUrl,
    service_page: PageUrl,
}

struct EventView {
    name: String,
    offset: String,
    is_exception: bool,
    attributes: Vec<Attribute>,
}

struct LinkView {
    href: Option<PageUrl>,
    trace_id: String,
    span_id: String,
    is_here: bool,
    attributes: Vec<Attribute>,
}

impl SpanView {
    /// The span at `index` of `trace` with the log records that belong to it. `context` has the range of the page.
    pub(crate) fn new<'a>(
        app: &App,
        trace: &Trace,
        index: usize,
        logs: impl Iterator<Item = &'a LogRow>,
        context: &PageUrl,
    ) -> Self {
        let (at, span) = (&trace.spans[index], trace.span(index));
        let offset = |time: Nanos| format::duration(time.saturating_sub(trace.start));
        let search = context.at_path("/traces");
        let (attributes, n_more_attributes) = attributes::rows(span.attrs, Some(&search));
        let of = |attrs| attributes::rows(attrs, Some(&search)).0;
        let n_events = span.events.iter().count();
        let mut odd = Vec::new();
        if at.missing_parent {
            odd.push("Its parent has not arrived.".to_owned());
        }
        if at.shared_id {
            odd.push("Another span of this trace has the same id.".to_owned());
        }
        if at.cycle {
            odd.push("Its parents form a circle, which was cut here.".to_owned());
        }
        if at.before_parent > 0 {
            odd.push(format!("It starts {} before its parent.", format::duration(at.before_parent)));
        }
        let around = context
            .at_path("/logs")
            .with("service", span.service)
            .with("from", format::rfc3339(at.start.saturating_sub(LOGS_AROUND)))
            .with("to", format::rfc3339(at.end().saturating_add(LOGS_AROUND)));
        SpanView {
            name: Name::new(span.name, 400),
            service: app.service(span.service),
            span_id: at.span_id,
            kind: span.kind.name(),
            is_ok: span.status == model::StatusCode::Ok,
            is_error: at.is_error,
            status_message: clip(span.status_message, 2_000),
            start: Stamp::full(at.start),
            offset: offset(at.start),
            duration: format::duration(at.duration),
            own: format::duration(own_time(trace, index)),
            share: format::percent(at.duration as f64 / trace.duration().max(1) as f64),
            parent: at.parent.map(|parent| {
                let id = trace.spans[parent].span_id;
                (link(context, trace.trace_id).with("span", id), id, Name::new(trace.span(parent).name, 80))
            }),
            n_children: trace.children(index).count(),
            odd,
            attributes,
            n_more_attributes,
            events: span
                .events
                .iter()
                .take(MAX_EVENTS)
                .map(|event| EventView {
                    name: clip(event.name, 200),
                    offset: offset(event.time),
                    is_exception: event.name == "exception",
                    attributes: of(event.attrs),
                })
                .collect(),
            n_more_events: n_events.saturating_sub(MAX_EVENTS),
            logs: logs
                .map(|record| LogView::new(app, record, context).at_offset(record.time.saturating_sub(trace.start)))
                .collect(),
            links: span
                .links
                .iter()
                .take(MAX_EVENTS)
                .map(|other| LinkView {
                    href: other.trace_id.map(|id| match other.span_id {
                        Some(span_id) => link(context, id).with("span", span_id),
                        None => link(context, id),
                    }),
                    trace_id: other.trace_id.map_or("invalid id".to_owned(), |id| id.to_string()),
                    span_id: other.span_id.map_or(String::new(), |id| id.to_string()),
                    is_here: other.trace_id == Some(trace.trace_id),
                    attributes: of(other.attrs),
                })
                .collect(),
            resource: of(span.resource.attrs()),
            scope_name: clip(&format!("{} {}", span.scope.name(), span.scope.version()), 200).trim().to_owned(),
            scope: of(span.scope.attrs()),
            trace_state: clip(span.trace_state, 1_000),
            dropped: dropped(span.dropped_attributes, span.dropped_events, span.dropped_links),
            similar: search.with("service", span.service).with("operation", span.name),
            logs_around: around,
            service_page: context.to_service(span.service),
        }
    }
}

/// What the SDK left out, in words; empty when it left out nothing.
fn dropped(attributes: u32, events: u32, links: u32) -> String {
    let parts = [(attributes, "attributes"), (events, "events"), (links, "links")];
    let words: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    words.join(", ")
}
