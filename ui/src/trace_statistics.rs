//! Where the time of a trace went: by service and operation, by service, or by the value of an attribute.

use std::borrow::Cow;

use hashbrown::HashMap;
use model::Nanos;
use query::traces::Trace;

use crate::critical_path::critical_path;

/// By what spans are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By<'a> {
    Operation,
    Service,
    /// An attribute of the span, else of its resource.
    Attribute(&'a str),
}

impl<'a> By<'a> {
    /// As in an address: empty for operations, `service`, or the key of an attribute.
    pub(crate) fn parse(text: &'a str) -> Self {
        match text {
            "" | "operation" => By::Operation,
            "service" => By::Service,
            key => By::Attribute(key),
        }
    }
}

/// The spans of one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statistic<'a> {
    /// Empty when spans of all services are together.
    pub(crate) service: &'a str,
    /// The operation, or the value of the attribute; `None` for spans without it.
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) n_spans: usize,
    pub(crate) n_errors: usize,
    /// The sum of all durations, and the longest.
    pub(crate) total: Nanos,
    pub(crate) longest: Nanos,
    /// Of the sum, the time in which no child ran.
    pub(crate) own: Nanos,
    /// Time on the critical path: by so much the trace could be shorter at best.
    pub(crate) critical: Nanos,
}

/// The lines, those with the most time on the critical path first.
pub(crate) fn statistics<'a>(trace: &'a Trace, by: By<'_>) -> Vec<Statistic<'a>> {
    let mut critical = vec![0i64; trace.spans.len()];
    for segment in critical_path(trace) {
        critical[segment.span] = critical[segment.span].saturating_add(segment.end.saturating_sub(segment.start));
    }
    let mut lines: HashMap<(&str, Option<Cow<'_, str>>), Statistic<'_>> = HashMap::new();
    for (index, at) in trace.spans.iter().enumerate() {
        let span = trace.span(index);
        let (service, name) = match by {
            By::Operation => (span.service, Some(Cow::Borrowed(span.name))),
            By::Service => (span.service, Some(Cow::Borrowed(""))),
            By::Attribute(key) => {
                let value = span.attrs.get(key).or_else(|| span.resource.attrs().get(key));
                ("", value.map(|value| Cow::Owned(value.to_string())))
            }
        };
        let line = lines.entry((service, name)).or_insert_with_key(|(service, name)| Statistic {
            service,
            name: name.clone(),
            n_spans: 0,
            n_errors: 0,
            total: 0,
            longest: 0,
            own: 0,
            critical: 0,
        });
        line.n_spans += 1;
        line.n_errors += usize::from(at.is_error);
        line.total = line.total.saturating_add(at.duration);
        line.longest = line.longest.max(at.duration);
        line.own = line.own.saturating_add(own_time(trace, index));
        line.critical = line.critical.saturating_add(critical[index]);
    }
    let mut lines: Vec<Statistic<'_>> = lines.into_values().collect();
    lines.sort_by(|a, b| {
        let (a_times, b_times) = ((a.critical, a.own), (b.critical, b.own));
        b_times.cmp(&a_times).then_with(|| (a.service, &a.name).cmp(&(b.service, &b.name)))
    });
    lines
}

/// The time of the span at `index` in which none of its children ran.
pub(crate) fn own_time(trace: &Trace, index: usize) -> Nanos {
    let span = &trace.spans[index];
    let mut covered = span.start;
    let mut own = 0;
    // Children come by start.
    for child in trace.children(index) {
        let child = &trace.spans[child];
        own += (child.start.min(span.end())).saturating_sub(covered).max(0);
        covered = covered.max(child.end());
    }
    own + span.end().saturating_sub(covered).max(0)
}
