//! Where a time lies on the axis when long gaps take little of it.

use model::Nanos;
use query::traces::Trace;

use super::gaps::{Gap, gaps};

/// Of the time in which anything ran: as how long one gap is drawn, and all of them at most.
const ONE_GAP: f64 = 0.12;
const ALL_GAPS: f64 = 0.4;

/// The axis of a trace. Its unit is the nanosecond, but within gaps.
pub(crate) struct Scale {
    pub(crate) gaps: Vec<Gap>,
    /// As how long each gap is drawn.
    pub(crate) gap_length: f64,
    /// By gap: where on the axis it begins.
    begins: Vec<f64>,
    pub(crate) whole: f64,
}

impl Scale {
    pub(crate) fn new(trace: &Trace) -> Self {
        let (gaps, busy) = gaps(trace);
        let busy = busy as f64;
        let gap_length = (busy * ONE_GAP).min(busy * ALL_GAPS / gaps.len().max(1) as f64);
        let mut left_out = 0.0;
        let begins = gaps.iter().map(|gap| {
            let begin = gap.start as f64 - left_out;
            left_out += (gap.end - gap.start) as f64 - gap_length;
            begin
        });
        let begins = begins.collect();
        Scale { whole: (trace.duration() as f64 - left_out).max(1.0), gaps, gap_length, begins }
    }

    /// The place of `offset`, which is after the start of the trace, between 0 and 1.
    pub(crate) fn share(&self, offset: Nanos) -> f64 {
        let before = self.gaps.partition_point(|gap| gap.start < offset);
        let place = match before.checked_sub(1) {
            None => offset as f64,
            Some(last) => {
                let gap = self.gaps[last];
                let within = (offset.min(gap.end) - gap.start) as f64 / (gap.end - gap.start) as f64;
                self.begins[last] + within * self.gap_length + (offset - gap.end).max(0) as f64
            }
        };
        place / self.whole
    }
}
