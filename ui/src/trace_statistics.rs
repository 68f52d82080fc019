//! Where the time of a trace went, by service and operation.

use std::collections::BTreeMap;

use model::Nanos;
use query::traces::Trace;

use crate::critical_path::critical_path;

/// The spans of one service with one name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statistic<'a> {
    pub(crate) service: &'a str,
    pub(crate) name: &'a str,
    pub(crate) n_spans: usize,
    pub(crate) n_errors: usize,
    /// The sum of all durations.
    pub(crate) total: Nanos,
    /// Of that, the time in which no child ran.
    pub(crate) own: Nanos,
    /// Time on the critical path: by so much the trace could be shorter at best.
    pub(crate) critical: Nanos,
}

/// One line for each service and span name, those with the most time on the critical path first.
pub(crate) fn statistics(trace: &Trace) -> Vec<Statistic<'_>> {
    let mut critical = vec![0i64; trace.spans.len()];
    for segment in critical_path(trace) {
        critical[segment.span] = critical[segment.span].saturating_add(segment.end.saturating_sub(segment.start));
    }
    let mut lines: BTreeMap<(&str, &str), Statistic<'_>> = BTreeMap::new();
    for (index, at) in trace.spans.iter().enumerate() {
        let span = trace.span(index);
        let (service, name) = (span.service, span.name);
        let line = lines.entry((service, name)).or_insert(Statistic {
            service,
            name,
            n_spans: 0,
            n_errors: 0,
            total: 0,
            own: 0,
            critical: 0,
        });
        line.n_spans += 1;
        line.n_errors += usize::from(at.is_error);
        line.total = line.total.saturating_add(at.duration);
        line.own = line.own.saturating_add(own_time(trace, index));
        line.critical = line.critical.saturating_add(critical[index]);
    }
    let mut lines: Vec<Statistic<'_>> = lines.into_values().collect();
    lines.sort_by_key(|line| std::cmp::Reverse((line.critical, line.own)));
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
