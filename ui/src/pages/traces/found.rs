//! What a search found, as the rows of its mode.

use model::{Nanos, TraceId};
use query::QueryError;
use query::traces::{
    self, SpanHit, SpanHits, TraceGroup, TraceGroups, TraceHits, TraceOrder, TraceSummary, groups, of_group, search,
    spans,
};

use crate::app::App;
use crate::format::{self, Stamp, clip};
use crate::page_url::PageUrl;
use crate::parts::{DurationBar, Name, ServiceTag};
use crate::shell::Shell;

use super::wanted::{Mode, Wanted};

/// Services named in one row.
const MAX_SERVICES: usize = 5;
/// … and with a group, which has more columns.
const MAX_GROUP_SERVICES: usize = 2;

pub(super) enum Hits {
    Traces(TraceHits),
    Spans(SpanHits),
    Groups(TraceGroups),
}

impl Hits {
    pub(super) fn warnings(&self) -> &[String] {
        match self {
            Hits::Traces(hits) => &hits.warnings,
            Hits::Spans(hits) => &hits.warnings,
            Hits::Groups(hits) => &hits.warnings,
        }
    }

    pub(super) fn notes(&self) -> &[String] {
        match self {
            Hits::Traces(hits) => &hits.notes,
            Hits::Spans(hits) => &hits.notes,
            Hits::Groups(hits) => &hits.notes,
        }
    }
}

pub(super) async fn search_as(app: &App, wanted: &Wanted) -> Result<Hits, QueryError> {
    let (narrowed, mode, group) = (wanted.narrowed(), wanted.mode, wanted.group);
    let run = app.state.engine.run(move |snapshot, budget| {
        Ok(match (mode, group) {
            (Mode::Traces, None) => Hits::Traces(search(snapshot, budget, &narrowed)?),
            (Mode::Traces, Some(group)) => Hits::Traces(of_group(snapshot, budget, &narrowed, group)?),
            (Mode::Spans, _) => Hits::Spans(spans(snapshot, budget, &narrowed)?),
            (Mode::Groups, _) => Hits::Groups(groups(snapshot, budget, &narrowed)?),
        })
    });
    run.await
}

/// The list. Rows of the mode only.
pub(super) struct Found {
    pub(super) mode: Mode,
    /// How many there are, and how they are chosen.
    pub(super) total: String,
    pub(super) order: &'static str,
    pub(super) traces: Vec<TraceRow>,
    pub(super) spans: Vec<SpanRow>,
    pub(super) groups: Vec<GroupRow>,
}

pub(super) struct TraceRow {
    pub(super) id: TraceId,
    pub(super) href: PageUrl,
    pub(super) start: Stamp,
    pub(super) root_service: ServiceTag,
    pub(super) root_name: Name,
    pub(super) root_missing: bool,
    pub(super) duration: String,
    pub(super) bar: DurationBar,
    pub(super) n_spans: String,
    pub(super) n_errors: usize,
    pub(super) first_error: String,
    pub(super) services: Vec<ServiceTag>,
    pub(super) n_more_services: usize,
}

pub(super) struct SpanRow {
    pub(super) href: PageUrl,
    pub(super) start: Stamp,
    pub(super) service: ServiceTag,
    pub(super) name: Name,
    pub(super) kind: &'static str,
    pub(super) is_root: bool,
    pub(super) duration: String,
    pub(super) bar: DurationBar,
    pub(super) is_error: bool,
    pub(super) message: String,
}

pub(super) struct GroupRow {
    pub(super) href: PageUrl,
    pub(super) root_service: Option<ServiceTag>,
    pub(super) root_name: Name,
    pub(super) n_traces: String,
    pub(super) failed: String,
    pub(super) has_failed: bool,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) bar: DurationBar,
    pub(super) n_spans: String,
    pub(super) services: Vec<ServiceTag>,
    pub(super) n_more_services: usize,
    pub(super) median: PageUrl,
    pub(super) slowest: PageUrl,
    /// Empty where both are one trace.
    pub(super) compare: Option<PageUrl>,
}

impl Found {
    pub(super) fn nothing(mode: Mode) -> Self {
        Found { mode, total: String::new(), order: "", traces: Vec::new(), spans: Vec::new(), groups: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.traces.is_empty() && self.spans.is_empty() && self.groups.is_empty()
    }

    pub(super) fn is_of(&self, mode: &str) -> bool {
        match self.mode {
            Mode::Traces => mode == "traces",
            Mode::Spans => mode == "spans",
            Mode::Groups => mode == "groups",
        }
    }

    pub(super) fn new(app: &App, shell: &Shell, wanted: &Wanted, hits: &Hits, map: &traces::Heatmap) -> Self {
        let order = wanted.search.order;
        let mut found = Found::nothing(wanted.mode);
        found.order = match (wanted.mode, order) {
            (Mode::Groups, _) => "same root and same structure",
            (_, TraceOrder::Newest) => "newest first",
            _ => "chosen among all matches of the range",
        };
        match hits {
            Hits::Traces(hits) => {
                let longest = hits.traces.iter().map(|trace| trace.duration).max().unwrap_or(1).max(1);
                found.traces = hits.traces.iter().map(|trace| trace_row(app, shell, trace, longest)).collect();
                let is_newest = order == TraceOrder::Newest && wanted.group.is_none();
                found.total = of_traces(hits, is_newest, map.n_traces.filter(|_| wanted.chosen.is_none()));
            }
            Hits::Spans(hits) => {
                let longest = hits.spans.iter().map(|it| it.span.duration).max().unwrap_or(1).max(1);
                found.spans = hits.spans.iter().map(|span| span_row(app, shell, span, longest)).collect();
                // The heatmap counts them all where the list needs not, but for what is chosen of it.
                let counted = Some(map.n_spans).filter(|n| *n > 0 && !map.truncated && wanted.chosen.is_none());
                found.total = of_spans(hits, counted);
            }
            Hits::Groups(hits) => {
                let longest = hits.groups.iter().map(|group| group.p95).max().unwrap_or(1).max(1);
                found.groups = hits.groups.iter().map(|group| group_row(app, shell, group, longest)).collect();
                found.total = of_groups(hits);
            }
        }
        found
    }
}

fn noun(n: usize, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}

/// `counted` is how many traces match, where the heatmap tells.
fn of_traces(hits: &TraceHits, is_newest: bool, counted: Option<u64>) -> String {
    let shown = format::count(hits.traces.len() as u64);
    let noun = noun(hits.n_traces, "trace", "traces");
    match (hits.truncated, hits.n_traces > hits.traces.len()) {
        (true, _) if is_newest && counted > Some(hits.traces.len() as u64) => {
            format!("{shown} of {} {noun}", format::count(counted.unwrap_or_default()))
        }
        (true, _) if is_newest => format!("The newest {shown} {noun}; the range has more"),
        (true, _) => format!("{shown} of at least {} {noun}", format::count(hits.n_traces as u64)),
        (false, true) => format!("{shown} of {} {noun}", format::count(hits.n_traces as u64)),
        (false, false) => format!("{shown} {noun}"),
    }
}

fn of_spans(hits: &SpanHits, counted: Option<u64>) -> String {
    let n = hits.spans.len() as u64;
    let shown = format::count(n);
    let all = if hits.truncated { counted } else { Some(hits.n_spans) };
    match all {
        Some(all) if all > n => format!("{shown} of {} spans", format::count(all)),
        Some(_) => format!("{shown} {}", noun(hits.spans.len(), "span", "spans")),
        None => format!("{shown} of at least {} spans", format::count(hits.n_spans)),
    }
}

fn of_groups(hits: &TraceGroups) -> String {
    let shown = hits.groups.len();
    let of_all =
        if hits.n_groups > shown { format!(" of {}", format::count(hits.n_groups as u64)) } else { String::new() };
    let groups = noun(hits.n_groups, "group", "groups");
    let (grouped, all) = (format::count(hits.n_grouped as u64), format::count(hits.n_traces as u64));
    let traces = match (hits.n_grouped < hits.n_traces, hits.truncated) {
        (_, true) => format!("the newest {grouped} of at least {all} traces"),
        (true, false) => format!("the newest {grouped} of {all} traces"),
        (false, false) => format!("{grouped} {}", noun(hits.n_grouped, "trace", "traces")),
    };
    format!("{}{of_all} {groups} of {traces}", format::count(shown as u64))
}

fn trace_row(app: &App, shell: &Shell, trace: &TraceSummary, longest: Nanos) -> TraceRow {
    let slot = app.slot(&trace.root_service);
    let error = trace.first_error.as_ref().map(|span| format!("{} › {}", span.service, span.name));
    TraceRow {
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

fn span_row(app: &App, shell: &Shell, hit: &SpanHit, longest: Nanos) -> SpanRow {
    let span = &hit.span;
    SpanRow {
        href: shell.trace_link(hit.trace_id).with("span", span.span_id),
        start: Stamp::millis(span.start),
        service: app.service(&span.service),
        name: Name::new(&span.name, 160),
        kind: hit.kind.name(),
        is_root: hit.is_root,
        duration: format::duration(span.duration),
        bar: DurationBar::new(0.0, span.duration as f64 / longest as f64, app.slot(&span.service), span.is_error),
        is_error: span.is_error,
        message: clip(&hit.status_message, 80),
    }
}

fn group_row(app: &App, shell: &Shell, group: &TraceGroup, longest: Nanos) -> GroupRow {
    let root = (!group.root_service.is_empty()).then(|| app.service(&group.root_service));
    let (fewest, most) = (format::count(group.fewest_spans as u64), format::count(group.most_spans as u64));
    let compare = shell.link("/traces/compare").with("a", group.median).with("b", group.slowest);
    GroupRow {
        href: shell.url.without("mode").with("group", format!("{:016x}", group.structure)),
        root_name: Name::new(if root.is_some() { &group.root_name } else { "root missing" }, 160),
        root_service: root,
        n_traces: format::count(group.n_traces as u64),
        failed: format::percent(group.n_failed as f64 / group.n_traces.max(1) as f64),
        has_failed: group.n_failed > 0,
        p50: format::duration(group.p50),
        p95: format::duration(group.p95),
        bar: DurationBar::new(0.0, group.p95 as f64 / longest as f64, app.slot(&group.root_service), false),
        n_spans: if fewest == most { fewest } else { format!("{fewest}–{most}") },
        services: group.services.iter().take(MAX_GROUP_SERVICES).map(|it| app.service(it)).collect(),
        n_more_services: group.services.len().saturating_sub(MAX_GROUP_SERVICES),
        median: shell.trace_link(group.median),
        slowest: shell.trace_link(group.slowest),
        compare: (group.median != group.slowest).then_some(compare),
    }
}
