//! The links of a trace in both directions, with how long what was sent had to wait.

use model::time::{DAY, MINUTE};
use model::{Nanos, SpanId, TimeRange, TraceId};
use query::traces::{LinkingSpan, LinksTo, SpanLink, Trace};

use crate::app::App;
use crate::format::Stamp;
use crate::page_url::PageUrl;
use crate::pages::trace::link;
use crate::parts::{Name, ServiceTag};
use crate::span_view::later;

/// Links shown in each direction, and other traces that are read for the spans that are linked to.
pub(crate) const MAX_LINKS: usize = 200;
pub(crate) const MAX_TRACES: usize = 20;
/// How long after the end of a trace the spans may start that link to it, and by how much clocks may differ.
const REACH: Nanos = DAY;
const SKEW: Nanos = MINUTE;

/// What the view shows.
pub(crate) struct LinksView {
    pub(crate) out: Vec<LinkRow>,
    pub(crate) into: Vec<LinkRow>,
    /// Whether there are more.
    pub(crate) out_cut: bool,
    pub(crate) into_cut: bool,
    pub(crate) warnings: Vec<String>,
}

/// One link.
pub(crate) struct LinkRow {
    /// The span of this trace; of a link that names no span, the trace.
    pub(crate) here: End,
    pub(crate) other: End,
    pub(crate) is_same_trace: bool,
    /// The page of this trace with the spans of the other one below.
    pub(crate) together: Option<PageUrl>,
    /// When the span started that has the link, after the one that it links to.
    pub(crate) wait: Option<String>,
    pub(crate) start: Stamp,
}

/// One end of a link.
pub(crate) struct End {
    pub(crate) href: Option<PageUrl>,
    /// `None` when the span is not stored.
    pub(crate) span: Option<(ServiceTag, Name)>,
    pub(crate) id: String,
}

/// When the spans start that may link to `trace`.
pub(crate) fn reach(trace: &Trace) -> TimeRange {
    TimeRange::new(trace.start.saturating_sub(SKEW), trace.end.saturating_add(REACH))
}

impl LinksView {
    pub(crate) fn new(app: &App, trace: &Trace, out: &[SpanLink], into: &LinksTo, context: &PageUrl) -> Self {
        LinksView {
            out: out.iter().take(MAX_LINKS).map(|it| of_link(app, trace, it, context)).collect(),
            into: into.spans.iter().map(|it| of_linking(app, trace, it, context)).collect(),
            out_cut: out.len() > MAX_LINKS,
            into_cut: into.truncated,
            warnings: into.warnings.clone(),
        }
    }
}

fn of_link(app: &App, trace: &Trace, it: &SpanLink, context: &PageUrl) -> LinkRow {
    let start = trace.spans[it.from].start;
    let to = it.to.as_ref();
    LinkRow {
        here: end_of(app, trace, it.from, context),
        other: End {
            href: it.trace_id.map(|id| page(context, id, it.span_id)),
            span: to.map(|to| (app.service(&to.service), Name::new(&to.name, 160))),
            id: id_of(it.trace_id, it.span_id),
        },
        is_same_trace: it.trace_id == Some(trace.trace_id),
        together: to.and(it.trace_id).and_then(|other| together(context, trace.trace_id, other)),
        wait: to.map(|to| later(start, to.start)),
        start: Stamp::full(start),
    }
}

fn of_linking(app: &App, trace: &Trace, it: &LinkingSpan, context: &PageUrl) -> LinkRow {
    let to = it.to.and_then(|id| trace.find(id));
    let whole = || End { href: None, span: None, id: it.to.map_or("the trace".to_owned(), |id| id.to_string()) };
    LinkRow {
        here: to.map_or_else(whole, |to| end_of(app, trace, to, context)),
        other: End {
            href: Some(page(context, it.trace_id, Some(it.span_id))),
            span: Some((app.service(&it.service), Name::new(&it.name, 160))),
            id: id_of(Some(it.trace_id), Some(it.span_id)),
        },
        is_same_trace: false,
        together: together(context, trace.trace_id, it.trace_id),
        wait: to.map(|to| later(it.start, trace.spans[to].start)),
        start: Stamp::full(it.start),
    }
}

fn end_of(app: &App, trace: &Trace, index: usize, context: &PageUrl) -> End {
    let span = trace.span(index);
    End {
        href: Some(page(context, trace.trace_id, Some(span.span_id))),
        span: Some((app.service(span.service), Name::new(span.name, 160))),
        id: span.span_id.to_string(),
    }
}

/// The page of the trace `id` with the spans of `other` below its own; `None` where they are the same.
pub(crate) fn together(context: &PageUrl, id: TraceId, other: TraceId) -> Option<PageUrl> {
    (id != other).then(|| link(context, id).with("with", other))
}

fn page(context: &PageUrl, trace: TraceId, span: Option<SpanId>) -> PageUrl {
    let page = link(context, trace);
    span.map_or(page.clone(), |span| page.with("span", span))
}

fn id_of(trace: Option<TraceId>, span: Option<SpanId>) -> String {
    match (trace, span) {
        (None, _) => "invalid id".to_owned(),
        (Some(trace), None) => trace.to_string(),
        (Some(trace), Some(span)) => format!("{trace} · {span}"),
    }
}
