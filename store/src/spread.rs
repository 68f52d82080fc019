//! Rows from all of a range, for what needs no exact answer: a few of each of some row groups that lie evenly in it.

use std::collections::{BTreeSet, VecDeque};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use model::TimeRange;

use crate::chunk::{LogChunk, SpanChunk, Times};
use crate::error::ReadError;
use crate::layout::Layout;
use crate::schema::Table;
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use crate::text::Matches;

/// Where rows are taken, at most: each place costs a page and a dictionary of each column.
const MAX_PLACES: u64 = 16;

impl Snapshot {
    /// About `n_rows` of the spans in `range`; all of them where there are no more.
    pub fn some_spans(&self, range: TimeRange, columns: &'static [&'static str], n_rows: u64) -> Spread<SpanChunk> {
        Spread::new(self, Table::Spans, range, columns, n_rows)
    }

    /// As [`Snapshot::some_spans`], of log records.
    pub fn some_logs(&self, range: TimeRange, columns: &'static [&'static str], n_rows: u64) -> Spread<LogChunk> {
        Spread::new(self, Table::Logs, range, columns, n_rows)
    }

    /// The keys of attributes that have columns of their own in a segment that overlaps `range`, which many of its rows have. What
    /// cannot be opened has none.
    pub fn attribute_keys(&self, table: Table, range: TimeRange) -> BTreeSet<String> {
        let segments = self.segments.iter().filter(|it| it.table() == table && it.layout() == Layout::Wide);
        let inside = segments.filter(|segment| range.overlaps(segment.times().0, segment.times().1));
        inside.flat_map(|segment| segment.attribute_keys().unwrap_or_default()).collect()
    }
}

/// The rows, part by part.
pub struct Spread<T> {
    table: Table,
    range: TimeRange,
    columns: &'static [&'static str],
    picks: VecDeque<(Source, Range<u64>)>,
    errors: VecDeque<ReadError>,
    /// Whether these are all rows of the range, but for what errors name.
    pub is_all: bool,
    rows: PhantomData<T>,
}

#[derive(Clone)]
enum Source {
    Memory(RecordBatch),
    Group(Arc<Segment>, usize),
}

impl<T> Spread<T> {
    fn new(snapshot: &Snapshot, table: Table, range: TimeRange, columns: &'static [&'static str], n_rows: u64) -> Self {
        let (mut sources, mut errors) = (Vec::new(), VecDeque::new());
        let segments = snapshot.segments.iter().filter(|segment| segment.table() == table);
        for segment in segments.filter(|segment| range.overlaps(segment.times().0, segment.times().1)) {
            match segment.row_groups() {
                Ok(groups) => {
                    let groups = groups.iter().enumerate();
                    let inside = groups.filter(|(_, group)| range.overlaps(group.min_time, group.max_time));
                    sources.extend(inside.map(|(at, group)| (Source::Group(Arc::clone(segment), at), group.n_rows())));
                }
                Err(error) => errors.push_back(error),
            }
        }
        let memory = snapshot.memory[table as usize].iter().filter(|it| range.overlaps(it.min_time, it.max_time));
        sources.extend(memory.map(|it| (Source::Memory(it.batch.clone()), it.batch.num_rows() as u64)));
        let total: u64 = sources.iter().map(|(_, n)| n).sum();
        let is_all = total <= n_rows;
        let picks = if is_all {
            sources.into_iter().map(|(source, n)| (source, 0..n)).collect()
        } else {
            evenly(&sources, total, n_rows)
        };
        Spread { table, range, columns, picks, errors, is_all, rows: PhantomData }
    }

    fn read(&self, source: &Source, rows: Range<u64>) -> Result<Option<RecordBatch>, ReadError> {
        match source {
            Source::Memory(batch) => Ok(Some(batch.slice(rows.start as usize, (rows.end - rows.start) as usize))),
            Source::Group(segment, index) => {
                let all = segment.rows_of(*index)?;
                let rows = all.start + rows.start as u32..all.start + rows.end as u32;
                let mut columns = self.columns.to_vec();
                columns.push(self.table.time_column());
                segment.read(*index, &Some(columns), Some(&Matches::part(all, rows)), Vec::new())
            }
        }
    }

    /// The rows of `batch` in the range.
    fn in_range(&self, batch: RecordBatch) -> RecordBatch {
        let times = Times::of(&batch, self.table.time_column());
        let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(self.range.contains(times.get(row)))).collect();
        filter_record_batch(&batch, &mask).expect("the mask has the length of the batch")
    }
}

/// `n_rows` of the `total` rows of `sources`, in equal parts around equally distant places.
fn evenly(sources: &[(Source, u64)], total: u64, n_rows: u64) -> VecDeque<(Source, Range<u64>)> {
    let n_places = MAX_PLACES.min(n_rows).max(1);
    let at_each = (n_rows / n_places).max(1);
    let mut picks = VecDeque::new();
    let (mut before, mut sources) = (0, sources.iter().peekable());
    for place in 0..n_places {
        let at = (u128::from(total) * (2 * u128::from(place) + 1) / (2 * u128::from(n_places))) as u64;
        while let Some((_, n)) = sources.next_if(|(_, n)| before + n <= at) {
            before += n;
        }
        let Some((source, n)) = sources.peek() else { break };
        let start = (at - before).saturating_sub(at_each / 2).min(n.saturating_sub(at_each));
        picks.push_back((source.clone(), start..(start + at_each).min(*n)));
    }
    picks
}

impl<T: From<RecordBatch>> Iterator for Spread<T> {
    type Item = Result<T, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.errors.pop_front() {
            return Some(Err(error));
        }
        loop {
            let (source, rows) = self.picks.pop_front()?;
            match self.read(&source, rows) {
                Ok(Some(batch)) => return Some(Ok(T::from(self.in_range(batch)))),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_evenly_and_do_not_meet() {
        let batch = |n: u64| (Source::Memory(RecordBatch::new_empty(Table::Spans.schema())), n);
        for (sizes, n_rows) in [(vec![100_000], 16), (vec![5, 70_000, 1, 1, 30_000], 4_800), (vec![3; 1_000], 240)] {
            let sources: Vec<_> = sizes.iter().map(|n| batch(*n)).collect();
            let total = sizes.iter().sum();
            let picks = evenly(&sources, total, n_rows);
            assert_eq!(picks.len() as u64, MAX_PLACES);
            let taken: u64 = picks.iter().map(|(_, rows)| rows.end - rows.start).sum();
            assert!(taken <= n_rows && (sizes.len() > 5 || taken == n_rows), "{taken} of {n_rows}");
            let apart =
                picks.iter().zip(picks.iter().skip(1)).all(|((_, a), (_, b))| sizes.len() > 1 || a.end <= b.start);
            assert!(apart);
        }
    }
}
