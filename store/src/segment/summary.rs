//! What the spans of a segment add up to: as it was written, or, of a segment without such a file, made of its rows.

use std::sync::{Arc, PoisonError};

use super::Segment;
use crate::damage::DamageKind;
use crate::error::ReadError;
use crate::summary::{SUFFIX, Slots, SpanSummary, SummaryBuilder};

impl Segment {
    /// The summary and, where it is of rows that could not all be read, what is wrong with them. For segments of spans.
    pub(crate) fn summary(&self) -> (Arc<SpanSummary>, Vec<ReadError>) {
        let mut kept = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = kept.upgrade() {
            return (summary, Vec::new());
        }
        let (summary, errors) = match self.written_summary() {
            Some(Ok(summary)) => (summary, Vec::new()),
            Some(Err(error)) => {
                // The rows still have all of it: that costs time, not numbers.
                self.recent.damage.note(DamageKind::Summary, &error);
                self.summarize()
            }
            None => self.summarize(),
        };
        let summary = Arc::new(summary);
        if errors.is_empty() {
            self.recent.summaries.keep(&summary, summary.memory());
            *kept = Arc::downgrade(&summary);
        }
        (summary, errors)
    }

    /// The summary in its file; `None` when there is none.
    pub(crate) fn written_summary(&self) -> Option<Result<SpanSummary, ReadError>> {
        let entry = self.entry.file(&format!(".{SUFFIX}"))?;
        Some(SpanSummary::load(&self.dir, entry))
    }

    /// The summary of the rows that can be read.
    fn summarize(&self) -> (SpanSummary, Vec<ReadError>) {
        let (mut builder, mut errors) = (SummaryBuilder::new(Slots::MINUTES), Vec::new());
        let n_groups = match self.row_groups() {
            Ok(groups) => groups.len(),
            Err(error) => {
                errors.push(error);
                0
            }
        };
        for group in 0..n_groups {
            match self.read(group, &Some(SummaryBuilder::COLUMNS.to_vec()), None, Vec::new()) {
                Ok(Some(batch)) => builder.add(&batch),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        (builder.finish(), errors)
    }
}
