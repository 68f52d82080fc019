//! The stretches of a trace in which nothing ran.

use model::Nanos;
use query::traces::Trace;

/// A stretch is long when it takes so many times what all the busy ones take together.
const LONG: Nanos = 3;
/// More gaps than these, the longest, would be all that an axis shows.
const MAX_GAPS: usize = 40;

/// A long stretch in which no span ran, in nanoseconds after the start of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
}

/// The long gaps by start, and how long anything ran. A trace of spans that all take no time has no gap: there is nothing
/// to compare them with.
pub(super) fn gaps(trace: &Trace) -> (Vec<Gap>, Nanos) {
    let offset = |time: Nanos| time.saturating_sub(trace.start);
    let mut spans: Vec<(Nanos, Nanos)> = trace.spans.iter().map(|it| (offset(it.start), offset(it.end()))).collect();
    spans.sort_unstable();
    let mut idle = Vec::new();
    let (mut busy, mut until) = (0, 0);
    for (start, end) in spans {
        if start > until {
            idle.push(Gap { start: until, end: start });
        }
        busy += (end - start.max(until)).max(0);
        until = until.max(end);
    }
    if busy == 0 {
        return (Vec::new(), 0);
    }
    idle.retain(|gap| gap.end - gap.start > busy.saturating_mul(LONG));
    if idle.len() > MAX_GAPS {
        idle.sort_unstable_by_key(|gap| std::cmp::Reverse(gap.end - gap.start));
        idle.truncate(MAX_GAPS);
        idle.sort_unstable_by_key(|gap| gap.start);
    }
    (idle, busy)
}
