//! Reads what spans add up to in a range: whole minutes from the summaries that segments have, or the rows themselves where
//! the range is short.

use model::time::{MINUTE, SECOND};
use model::{Nanos, TimeRange};
use store::summary::{Slots, SpanSummary, Wanted};
use store::{ReadError, Snapshot, Table};

use crate::{Budget, QueryError, Warnings};

/// Ranges up to this long are counted to the nanosecond, from rows.
const EXACT: Nanos = 5 * MINUTE;
/// How far outside such a range the other side of a call is looked for.
const MARGIN: Nanos = 10 * SECOND;
/// How far outside a longer range.
const FAR: Nanos = 5 * MINUTE;

/// A range as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// What is counted: as asked, or the minutes that this touches.
    pub(crate) range: TimeRange,
    pub(crate) slots: Slots,
    /// The slots of the range.
    pub(crate) first: i64,
    pub(crate) end: i64,
    is_exact: bool,
}

impl Covered {
    /// `range` in `n_steps` steps at most, fewer where a step would be shorter than a minute.
    pub(crate) fn of(snapshot: &Snapshot, range: TimeRange, n_steps: usize) -> Self {
        let is_exact = range.length() <= EXACT;
        if is_exact {
            let n_steps = Nanos::try_from(n_steps.max(1)).unwrap_or(Nanos::MAX);
            let width = (range.length() / n_steps + Nanos::from(range.length() % n_steps > 0)).max(1);
            let slots = Slots { origin: range.start, width };
            let end = slots.of(range.end.saturating_sub(1)).saturating_add(1);
            return Covered { range, slots, first: 0, end, is_exact };
        }
        Covered { is_exact, ..Covered::minutes(snapshot, range) }
    }

    /// The minutes that `range` touches. The last one ends with the newest span, if that is before: it is not over then.
    pub(crate) fn minutes(snapshot: &Snapshot, range: TimeRange) -> Self {
        let slots = Slots::MINUTES;
        let (first, end) = (slots.of(range.start), slots.of(range.end.saturating_sub(1)).saturating_add(1));
        let newest = snapshot.extent(Table::Spans).map_or(Nanos::MIN, |(_, newest)| newest.saturating_add(1));
        let until = range.end.max(slots.start(end).min(newest));
        Covered { range: TimeRange::new(slots.start(first), until), slots, first, end, is_exact: false }
    }

    /// The minutes from `first` to before `end`.
    pub(crate) fn of_minutes(first: i64, end: i64) -> Self {
        let slots = Slots::MINUTES;
        Covered { range: TimeRange::new(slots.start(first), slots.start(end)), slots, first, end, is_exact: false }
    }

    /// What is read of a summary of which operations and edges are wanted.
    pub(crate) fn wanted<'a>(&self, operation: &'a dyn Fn(u32) -> bool, edge: &'a dyn Fn(u32) -> bool) -> Wanted<'a> {
        Wanted { slots: self.first..self.end, operation, edge }
    }

    /// Calls `each` with the summaries that have the spans of the range, newest first, `far` with those of some minutes
    /// around it. What cannot be read is told to `unreadable`.
    ///
    /// Returns whether that was all; else the time was up.
    ///
    /// # Errors
    /// When the caller has left, or as `each` says.
    pub(crate) fn read<E: From<QueryError>>(
        &self,
        snapshot: &Snapshot,
        budget: &Budget,
        far: bool,
        unreadable: &mut dyn FnMut(&ReadError),
        mut each: impl FnMut(&SpanSummary) -> Result<Result<(), ReadError>, E>,
    ) -> Result<bool, E> {
        if self.is_exact {
            let mut in_time = Ok(true);
            let summary = snapshot.summarize(self.range, MARGIN, self.slots, |error| {
                error.iter().for_each(&mut *unreadable);
                in_time = budget.is_out_of_time().map(|out| !out);
                matches!(in_time, Ok(true))
            });
            each(&summary)?.unwrap_or_else(|error| unreadable(&error));
            return Ok(in_time?);
        }
        let margin = if far { FAR } else { 0 };
        let (start, end) = (self.slots.start(self.first), self.slots.start(self.end));
        for (summary, errors) in
            snapshot.summaries(TimeRange::new(start.saturating_sub(margin), end.saturating_add(margin)))
        {
            errors.iter().for_each(&mut *unreadable);
            if budget.is_out_of_time()? {
                return Ok(false);
            }
            each(&summary)?.unwrap_or_else(|error| unreadable(&error));
        }
        Ok(true)
    }

    /// As [`Covered::read`], with what is wrong as warnings.
    pub(crate) fn read_or_warn(
        &self,
        snapshot: &Snapshot,
        budget: &Budget,
        warnings: &mut Warnings,
        mut each: impl FnMut(&SpanSummary, &mut Warnings) -> Result<(), ReadError>,
    ) -> Result<(), QueryError> {
        let mut errors = Warnings::new();
        let all = self.read(snapshot, budget, false, &mut |error| errors.unreadable(error), |summary| {
            Ok::<_, QueryError>(each(summary, warnings))
        })?;
        errors.into_texts().into_iter().for_each(|text| warnings.push(text));
        if !all {
            warnings.push("the time limit was reached: older spans of the range are not counted");
        }
        Ok(())
    }
}
