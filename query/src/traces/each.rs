//! Every span that a search finds, by few of its columns: what lists, counts and samples of spans begin with.

use model::{Nanos, TimeRange, TraceId};
use store::{Scan, Snapshot, SpanChunk};

use crate::ids::Ids;
use crate::lang::{Plan, SpanFilter};
use crate::{Budget, QueryError, Warnings};

use super::sets::{each_trace, joined, select};

/// What comes out of [`each_span`].
pub(crate) enum Found {
    Span {
        trace_id: TraceId,
        start: Nanos,
        duration: Nanos,
        is_error: bool,
    },
    /// A part of the range has been read.
    Part,
}

/// Hands over each span of `range` that `plan` selects, by and large the newest first, and after each part the time that no
/// span to come is beyond, where that is known. `each` ends the reading by saying true to a part. False when not all were read.
pub(crate) fn each_span(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    range: TimeRange,
    warnings: &mut Warnings,
    mut each: impl FnMut(Found, Option<Nanos>) -> bool,
) -> Result<bool, QueryError> {
    match plan.single() {
        Some(filter) => alone(snapshot, budget, filter, range, warnings, each),
        None => {
            let found = select::candidates(snapshot, budget, plan, range, warnings)?;
            let read = each_trace(snapshot, budget, plan, &found.ids, false, warnings, |trace, sets| {
                let spans = joined(&sets).into_iter().map(|index| trace.span(index as usize));
                spans.filter(|span| range.contains(span.start)).for_each(|span| {
                    let (start, duration) = (span.start, span.duration);
                    each(Found::Span { trace_id: trace.id, start, duration, is_error: span.is_error() }, None);
                });
            })?;
            if !read {
                warnings.push("the time limit was reached: not all spans were looked at");
            }
            Ok(read && !found.truncated)
        }
    }
}

fn alone(
    snapshot: &Snapshot,
    budget: &Budget,
    filter: &SpanFilter,
    range: TimeRange,
    warnings: &mut Warnings,
    mut each: impl FnMut(Found, Option<Nanos>) -> bool,
) -> Result<bool, QueryError> {
    let mut complete = true;
    let mut chunks = snapshot.spans(filter.with_durations_and_ids(filter.with_hints(Scan::new(range))));
    while let Some(chunk) = chunks.next() {
        if budget.is_out_of_time()? {
            warnings.push("the time limit was reached: not all spans were looked at");
            return Ok(false);
        }
        match chunk {
            Ok(chunk) => each_row(filter, &chunk, |found| _ = each(found, None)),
            Err(error) => {
                complete = false;
                warnings.unreadable(&error);
            }
        }
        let bound = chunks.bound();
        if bound.is_some() && each(Found::Part, bound) {
            return Ok(false);
        }
    }
    Ok(complete)
}

fn each_row(filter: &SpanFilter, chunk: &SpanChunk, mut each: impl FnMut(Found)) {
    let all = filter.is_all();
    let mut bound = filter.bind(chunk);
    let ids = Ids::of(chunk.batch(), "trace_id");
    for row in 0..chunk.len() {
        if (all || bound.matches(row))
            && let Some(id) = ids.get(row)
        {
            let (start, duration) = (chunk.start(row), chunk.duration(row));
            each(Found::Span { trace_id: TraceId(id), start, duration, is_error: chunk.is_error(row) });
        }
    }
}
