//! Where the error of a trace began.

use query::traces::Trace;

/// The failed span to look at: errors travel up, so it has no failed child; of several such, the one that ended first.
pub(crate) fn error_origin(trace: &Trace) -> Option<usize> {
    let is_origin = |index: &usize| {
        trace.spans[*index].is_error && !trace.children(*index).any(|child| trace.spans[child].is_error)
    };
    (0..trace.spans.len()).filter(is_origin).min_by_key(|index| trace.spans[*index].end())
}
