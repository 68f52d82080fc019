//! The summaries of a snapshot.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use model::{Nanos, TimeRange};

use super::{CallCell, Slots, SpanCell, SpanSummary, SummaryBuilder};
use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::Segment;
use crate::snapshot::{Scan, Snapshot};

/// What of a summary is read.
pub struct Wanted<'a> {
    pub slots: Range<i64>,
    /// Whether an operation is wanted, by its index.
    pub operation: &'a dyn Fn(u32) -> bool,
    pub edge: &'a dyn Fn(u32) -> bool,
}

impl SpanSummary {
    /// Calls `visit` with the cells of operations.
    ///
    /// # Errors
    /// When the summary is damaged; some cells have been visited then.
    pub fn spans(&self, wanted: &Wanted<'_>, mut visit: impl FnMut(SpanCell<'_>)) -> Result<(), ReadError> {
        for block in self.blocks.iter().filter(|block| block.overlaps(&wanted.slots)) {
            let known = |operation| (operation as usize) < self.operations.len() && (wanted.operation)(operation);
            block.spans(&wanted.slots, known, &mut visit).ok_or_else(damaged)?;
        }
        Ok(())
    }

    /// As [`SpanSummary::spans`], of edges.
    pub fn calls(&self, wanted: &Wanted<'_>, mut visit: impl FnMut(CallCell<'_>)) -> Result<(), ReadError> {
        for block in self.blocks.iter().filter(|block| block.overlaps(&wanted.slots)) {
            let known = |edge| (edge as usize) < self.edges.len() && (wanted.edge)(edge);
            block.calls(&wanted.slots, known, &mut visit).ok_or_else(damaged)?;
        }
        Ok(())
    }

    /// Calls `visit` with services and when the last of their spans of a slot ended.
    pub fn seen(&self, slots: &Range<i64>, mut visit: impl FnMut(u32, Nanos)) -> Result<(), ReadError> {
        for block in self.blocks.iter().filter(|block| block.overlaps(slots)) {
            let mut of_slot = |service: u32, slot, after: Nanos| {
                if (service as usize) < self.services.len() {
                    visit(service, self.slots.start(slot).saturating_add(after));
                }
            };
            block.seen(slots, &mut of_slot).ok_or_else(damaged)?;
        }
        Ok(())
    }
}

fn damaged() -> ReadError {
    ReadError::new("segments/spans", "a summary of spans cannot be decoded")
}

/// The summaries of a snapshot's spans, one after another: of each segment, and of all rows in memory.
pub struct Summaries {
    snapshot: Snapshot,
    segments: VecDeque<Arc<Segment>>,
    /// Rows in memory are to come.
    has_memory: bool,
    range: TimeRange,
}

impl Snapshot {
    /// Summaries in whole minutes that together have every span that starts in the minutes of `range`. They have others, too.
    pub fn summaries(&self, range: TimeRange) -> Summaries {
        let minutes = Slots::MINUTES;
        let first = minutes.start(minutes.of(range.start));
        let end = minutes.start(minutes.of(range.end.saturating_sub(1)).saturating_add(1));
        let range = TimeRange::new(first, end);
        let of_spans = self.segments.iter().filter(|segment| segment.table() == Table::Spans);
        let mut segments: Vec<_> = of_spans
            .filter(|segment| {
                let (first, last) = segment.times();
                range.overlaps(first, last)
            })
            .cloned()
            .collect();
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.times().1));
        let memory = &self.memory[Table::Spans as usize];
        let has_memory = memory.iter().any(|chunk| range.overlaps(chunk.min_time, chunk.max_time));
        Summaries { snapshot: self.clone(), segments: segments.into(), has_memory, range }
    }

    /// The rows that start in `range` and, as other sides of calls alone, those within `margin` of it. What cannot be read
    /// is left out; `report` is asked after each part whether to go on.
    pub fn summarize(
        &self,
        range: TimeRange,
        margin: Nanos,
        slots: Slots,
        mut report: impl FnMut(Option<ReadError>) -> bool,
    ) -> SpanSummary {
        let around = TimeRange::new(range.start.saturating_sub(margin), range.end.saturating_add(margin));
        let mut builder = SummaryBuilder::of_range(slots, range);
        for chunk in self.batches(Table::Spans, Scan::new(around).columns(SummaryBuilder::COLUMNS)) {
            let error = chunk.map(|batch| builder.add(&batch)).err();
            if !report(error) {
                break;
            }
        }
        builder.finish()
    }
}

impl Iterator for Summaries {
    /// A summary and, where it is of rows that could not all be read, what is wrong with them.
    type Item = (Arc<SpanSummary>, Vec<ReadError>);

    fn next(&mut self) -> Option<Self::Item> {
        if std::mem::take(&mut self.has_memory) {
            let mut builder = SummaryBuilder::new(Slots::MINUTES);
            let chunks = &self.snapshot.memory[Table::Spans as usize];
            let wanted = chunks.iter().filter(|chunk| self.range.overlaps(chunk.min_time, chunk.max_time));
            wanted.for_each(|chunk| builder.add(&chunk.batch));
            return Some((Arc::new(builder.finish()), Vec::new()));
        }
        self.segments.pop_front().map(|segment| segment.summary())
    }
}
