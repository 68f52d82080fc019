//! The critical path of a trace: the stretches of time that, made shorter, would have ended the trace sooner.
//!
//! From the end of the root backwards: the child that ended last was waited for; before it began, the one that ended
//! last before that, and so on; what lies between children is the span's own. Work that outlives its parent counts up to
//! the parent's end. Yang and Miller, "Critical Path Analysis for the Execution of Parallel and Distributed Programs" (1988),
//! on the tree of a trace.

use model::Nanos;
use query::traces::Trace;

/// A stretch of the path: the span at `span` of [`Trace::spans`] was what the trace waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) span: usize,
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
}

/// The stretches by start; they cover the root from its start to its end without a gap.
pub(crate) fn critical_path(trace: &Trace) -> Vec<Segment> {
    if trace.spans.is_empty() {
        return Vec::new();
    }
    let root = trace.root();
    let mut segments = Vec::new();
    let mut pending = vec![Segment { span: root, start: trace.spans[root].start, end: trace.spans[root].end() }];
    let mut children = Vec::new();
    while let Some(Segment { span, start, end }) = pending.pop() {
        children.clear();
        children.extend(trace.children(span).map(|child| {
            let at = &trace.spans[child];
            Segment { span: child, start: at.start.max(start), end: at.end().min(end) }
        }));
        children.sort_by_key(|child| std::cmp::Reverse((child.end, child.start)));
        let mut cursor = end;
        for child in &children {
            if child.end > cursor || child.start >= child.end {
                continue;
            }
            if child.end < cursor {
                segments.push(Segment { span, start: child.end, end: cursor });
            }
            pending.push(*child);
            cursor = child.start;
        }
        if start < cursor {
            segments.push(Segment { span, start, end: cursor });
        }
    }
    segments.sort_by_key(|segment| segment.start);
    segments
}
