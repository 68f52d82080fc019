//! Everything about one span, for the panel beside the waterfall.

use askama::Template;
use askama::filters::HtmlSafe;
use model::{Attrs, Nanos, SpanId, SpanKind};
use query::logs::LogRow;
use query::traces::Trace;

use crate::app::App;
use crate::attributes::{self, Attribute};
use crate::conventions::{Group, grouped};
use crate::format::{self, Stamp, clip};
use crate::link_view::together;
use crate::log_view::LogView;
use crate::page_url::PageUrl;
use crate::pages::trace::link;
use crate::parts::{Name, ServiceTag, plain, written_out};
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
    /// The part of the panel that is loaded after it.
    typical: String,
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
    groups: Vec<Group>,
    n_more_attributes: usize,
    /// Events and log records by time.
    moments: Vec<Moment>,
    n_more_events: usize,
    links: Vec<LinkView>,
    /// Spans of this trace that link here.
    linked_by: Vec<LinkView>,
    /// The links of the whole trace, of other traces too.
    all_links: PageUrl,
    /// What it sent may be handled in another trace.
    is_producer: bool,
    resource: Vec<Attribute>,
    scope_name: String,
    scope: Vec<Attribute>,
    trace_state: String,
    dropped: String,
    similar: PageUrl,
    logs_around: PageUrl,
    service_page: PageUrl,
}

impl HtmlSafe for SpanView {}

/// What happened within a span: an event of it, or a log record that was written in it.
enum Moment {
    Event(EventView),
    Exception(ExceptionView),
    Log(Box<LogView>),
}

struct EventView {
    name: String,
    offset: String,
    attributes: Vec<Attribute>,
}

/// An exception, as an event or as a log record; both carry the same attributes.
struct ExceptionView {
    offset: String,
    /// `event` or `log record`.
    source: &'static str,
    /// What the log record says besides.
    body: String,
    class: String,
    message: String,
    stack: String,
    attributes: Vec<Attribute>,
}

impl ExceptionView {
    /// `None` when `attrs` tell of no exception.
    fn new(attrs: Attrs<'_>, offset: String, source: &'static str, body: &str) -> Option<Self> {
        let text = |key, limit| plain(&clip(attrs.get_str(key).unwrap_or_default(), limit));
        let (class, message) = (text("exception.type", 300), text("exception.message", 4_000));
        let shown = ["exception.type", "exception.message", "exception.stacktrace"];
        let mut attributes = attributes::rows(attrs, None).0;
        attributes.retain(|attribute| !shown.contains(&attribute.key.concat().as_str()));
        (!class.is_empty() || !message.is_empty()).then(|| ExceptionView {
            offset,
            source,
            body: if body == message { String::new() } else { plain(&clip(body, 4_000)) },
            class,
            message,
            stack: text("exception.stacktrace", 32_000),
            attributes,
        })
    }
}

struct LinkView {
    href: Option<PageUrl>,
    /// The page with the other trace below this one.
    together: Option<PageUrl>,
    /// The id for the panel, when the other span is of this trace.
    here: Option<SpanId>,
    words: String,
    /// How much later the span started that was linked from.
    wait: Option<String>,
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
            odd.push(shared_id(trace, index));
        }
        if at.cycle {
            odd.push("Its parents form a circle, which was cut here.".to_owned());
        }
        if at.before_parent > 0 {
            odd.push(format!("It starts {} before its parent.", format::duration(at.before_parent)));
        }
        if at.duration == 0 {
            odd.push("It takes no time: it was sent so, or as ending before it starts, which is stored so.".to_owned());
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
            typical: format!("/traces/{}/spans/{}/typical", trace.trace_id, address(trace, index)),
            kind: span.kind.name(),
            is_ok: span.status == model::StatusCode::Ok,
            is_error: at.is_error,
            status_message: plain(&clip(span.status_message, 2_000)),
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
            groups: grouped(attributes),
            n_more_attributes,
            moments: moments(app, trace, index, logs, context),
            n_more_events: n_events.saturating_sub(MAX_EVENTS),
            links: links(trace, index, context),
            linked_by: linked_by(trace, index, context),
            is_producer: span.kind == SpanKind::Producer,
            all_links: link(context, trace.trace_id).with("view", "links"),
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

/// What to tell of a span whose id another span of the trace has too: above all where those are that name the id as their parent.
fn shared_id(trace: &Trace, index: usize) -> String {
    let id = trace.spans[index].span_id;
    let has_named = |span: usize| {
        trace.children(span).any(|child| trace.parent_span_id(child) == Some(id) && trace.spans[child].span_id != id)
    };
    let mut others = trace.spans.iter().enumerate().filter(|(other, span)| *other != index && span.span_id == id);
    let named = "Which of the two the spans meant that name it as their parent was not sent: they are below";
    if has_named(index) {
        format!("Another span of this trace has the same id. {named} this one.")
    } else if others.any(|(other, _)| has_named(other)) {
        format!("Another span of this trace has the same id. {named} the other.")
    } else {
        "Another span of this trace has the same id.".to_owned()
    }
}

/// What names a span of a trace in an address: its id, and which one of those with the id when it is not the first.
fn address(trace: &Trace, index: usize) -> String {
    let id = trace.spans[index].span_id;
    let above = if trace.spans[index].shared_id { &trace.spans[..index] } else { &[] };
    match above.iter().filter(|span| span.span_id == id).count() {
        0 => id.to_string(),
        n => format!("{id}.{}", n + 1),
    }
}

fn moments<'a>(
    app: &App,
    trace: &Trace,
    index: usize,
    logs: impl Iterator<Item = &'a LogRow>,
    context: &PageUrl,
) -> Vec<Moment> {
    let offset = |time: Nanos| time.saturating_sub(trace.start);
    let in_words = |time: Nanos| format!("+{}", format::duration(offset(time)));
    let events = trace.span(index).events;
    let mut moments: Vec<(Nanos, Moment)> = Vec::new();
    for event in events.iter().take(MAX_EVENTS) {
        let exception =
            (event.name == "exception").then(|| ExceptionView::new(event.attrs, in_words(event.time), "event", ""));
        let moment = match exception.flatten() {
            Some(exception) => Moment::Exception(exception),
            None => Moment::Event(EventView {
                name: written_out(&clip(event.name, 200)),
                offset: in_words(event.time),
                attributes: attributes::rows(event.attrs, None).0,
            }),
        };
        moments.push((event.time, moment));
    }
    for row in logs {
        let moment = match ExceptionView::new(row.attrs(), in_words(row.time), "log record", &row.body) {
            Some(exception) => Moment::Exception(exception),
            None => Moment::Log(Box::new(LogView::new(app, row, context).at_offset(offset(row.time)))),
        };
        moments.push((row.time, moment));
    }
    moments.sort_by_key(|(time, _)| *time);
    moments.into_iter().map(|(_, moment)| moment).collect()
}

fn links(trace: &Trace, index: usize, context: &PageUrl) -> Vec<LinkView> {
    let start = trace.spans[index].start;
    let links = trace.span(index).links;
    let views = links.iter().take(MAX_EVENTS).map(|other| {
        let page = other.trace_id.map(|id| link(context, id));
        let span_id = other.span_id;
        let here = span_id.filter(|_| other.trace_id == Some(trace.trace_id)).and_then(|id| trace.find(id));
        let words = match (here, other.trace_id) {
            (Some(there), _) => name_of(trace, there),
            (None, Some(id)) => span_id.map_or_else(|| id.to_string(), |span| format!("{id} · {span}")),
            (None, None) => "invalid id".to_owned(),
        };
        LinkView {
            href: page.map(|page| span_id.map_or(page.clone(), |span| page.with("span", span))),
            together: other.trace_id.and_then(|other| together(context, trace.trace_id, other)),
            here: here.and(span_id),
            words,
            wait: here.map(|there| later(start, trace.spans[there].start)),
            attributes: attributes::rows(other.attrs, None).0,
        }
    });
    views.collect()
}

fn linked_by(trace: &Trace, index: usize, context: &PageUrl) -> Vec<LinkView> {
    let (id, start) = (trace.spans[index].span_id, trace.spans[index].start);
    let links_here = |from: &usize| {
        trace.links(*from).iter().any(|link| link.trace_id == Some(trace.trace_id) && link.span_id == Some(id))
    };
    let views = (0..trace.spans.len()).filter(links_here).take(MAX_EVENTS).map(|from| {
        let span = trace.spans[from].span_id;
        LinkView {
            href: Some(link(context, trace.trace_id).with("span", span)),
            together: None,
            here: Some(span),
            words: name_of(trace, from),
            wait: Some(later(trace.spans[from].start, start)),
            attributes: Vec::new(),
        }
    });
    views.collect()
}

fn name_of(trace: &Trace, index: usize) -> String {
    let span = trace.span(index);
    format!("{} › {}", written_out(&clip(span.service, 60)), written_out(&clip(span.name, 120)))
}

/// How long after `earlier` something began, of a link: what was sent had to wait so long.
pub(crate) fn later(time: Nanos, earlier: Nanos) -> String {
    let wait = time.saturating_sub(earlier);
    if wait < 0 {
        format!("{} earlier", format::duration(wait.saturating_neg()))
    } else {
        format!("{} later", format::duration(wait))
    }
}

/// What the SDK left out, in words; empty when it left out nothing.
fn dropped(attributes: u32, events: u32, links: u32) -> String {
    let parts = [(attributes, "attributes"), (events, "events"), (links, "links")];
    let words: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    words.join(", ")
}
