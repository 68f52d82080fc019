//! Reads the chunks of a scan one at a time: memory chunks and row groups, ordered by time.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use model::Nanos;

use crate::chunk::Times;
use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::{IdFilter, Segment};
use crate::snapshot::{MemoryChunk, Order, Scan, Snapshot};
use crate::text::Candidates;

/// The chunks of a scan, as an iterator. An unreadable row group comes out as an error, and the iteration goes on: the
/// caller reports it beside the rows that could be read.
pub struct Chunks<T> {
    table: Table,
    scan: Scan,
    errors: VecDeque<ReadError>,
    units: VecDeque<Unit>,
    chunk: PhantomData<fn() -> T>,
}

/// The rows that a read brings into memory at once.
struct Unit {
    min_time: Nanos,
    max_time: Nanos,
    source: Source,
}

enum Source {
    Memory(RecordBatch),
    RowGroup { segment: Arc<Segment>, index: usize, candidates: Arc<OnceLock<Candidates>> },
}

impl<T> Chunks<T> {
    pub(crate) fn new(snapshot: &Snapshot, table: Table, scan: Scan) -> Self {
        let mut units = Vec::new();
        let mut errors = VecDeque::new();
        let range = scan.range;
        for MemoryChunk { batch, min_time, max_time, .. } in &snapshot.memory[table as usize] {
            if range.overlaps(*min_time, *max_time) {
                let source = Source::Memory(batch.clone());
                units.push(Unit { min_time: *min_time, max_time: *max_time, source });
            }
        }
        for segment in snapshot.segments.iter().filter(|segment| segment.table() == table) {
            if let Err(error) = push_row_groups(segment, &scan, &mut units) {
                errors.push_back(error);
            }
        }
        match scan.order {
            Order::NewestFirst => units.sort_by_key(|unit| std::cmp::Reverse(unit.max_time)),
            Order::OldestFirst => units.sort_by_key(|unit| unit.min_time),
        }
        Chunks { table, scan, errors, units: units.into(), chunk: PhantomData }
    }

    /// The time that no row still to come is beyond: the newest one left when newest first, the oldest one left when
    /// oldest first. `None` when nothing is left. A query for the newest N rows stops when its Nth is newer.
    pub fn bound(&self) -> Option<Nanos> {
        let unit = self.units.front()?;
        Some(match self.scan.order {
            Order::NewestFirst => unit.max_time,
            Order::OldestFirst => unit.min_time,
        })
    }

    fn read(&mut self, unit: Unit) -> Result<Option<RecordBatch>, ReadError> {
        let inside = self.scan.range.contains(unit.min_time) && self.scan.range.contains(unit.max_time);
        let ids = self.ids();
        let batch = match unit.source {
            Source::Memory(batch) => ids.iter().try_fold(batch, |batch, ids| keep(&batch, &ids.mask(&batch))),
            Source::RowGroup { segment, index, candidates } => {
                let rows = if self.scan.words.is_empty() {
                    &Candidates::All
                } else {
                    candidates.get_or_init(|| segment.rows_with_all(&self.scan.words))
                };
                let columns = self.columns(inside);
                match segment.read(index, &columns, rows, ids.clone()) {
                    Ok(batch) => batch,
                    Err(error) => {
                        let Some((batch, damage)) = segment.read_undamaged(index, &columns, ids) else {
                            return Err(error);
                        };
                        self.errors.extend(damage);
                        Some(batch)
                    }
                }
            }
        };
        let batch = batch.filter(|batch| batch.num_rows() > 0);
        let batch = batch.and_then(|batch| if inside { Some(batch) } else { self.in_range(batch) });
        Ok(batch.map(|batch| self.project(batch)))
    }

    fn ids(&self) -> Vec<IdFilter> {
        let trace = self.scan.traces.clone().map(IdFilter::Traces);
        let series = self.scan.series.clone().map(IdFilter::Series);
        let filters = self.scan.filters.iter().cloned().map(IdFilter::Filter);
        trace.into_iter().chain(series).chain(filters).collect()
    }

    /// The columns to read from disk: those asked for and the time. Of rows that are `inside` the range, none if none are
    /// asked for: to count them.
    fn columns(&self, inside: bool) -> Option<Vec<&'static str>> {
        let mut columns = self.scan.columns?.to_vec();
        if !columns.is_empty() || !inside {
            columns.push(self.table.time_column());
        }
        Some(columns)
    }

    /// The rows of `batch` in the scan's range; `None` when there are none.
    fn in_range(&self, batch: RecordBatch) -> Option<RecordBatch> {
        let times = Times::of(&batch, self.table.time_column());
        let mask = (0..batch.num_rows()).map(|row| Some(self.scan.range.contains(times.get(row)))).collect();
        keep(&batch, &mask)
    }

    /// `batch` with the columns asked for and the time, in the order of the schema.
    fn project(&self, batch: RecordBatch) -> RecordBatch {
        let Some(columns) = self.scan.columns else { return batch };
        let indices: Vec<usize> = (0..batch.num_columns())
            .filter(|index| {
                let name = batch.schema_ref().field(*index).name().as_str();
                columns.contains(&name) || (name == self.table.time_column() && !columns.is_empty())
            })
            .collect();
        batch.project(&indices).expect("the indices come from the batch itself")
    }
}

/// The rows of `batch` that `mask` has; `None` when there are none.
fn keep(batch: &RecordBatch, mask: &BooleanArray) -> Option<RecordBatch> {
    match mask.true_count() {
        0 => None,
        all if all == batch.num_rows() => Some(batch.clone()),
        _ => Some(filter_record_batch(batch, mask).expect("the mask has the length of the batch")),
    }
}

/// Adds the row groups of `segment` that can hold rows of `scan`.
fn push_row_groups(segment: &Arc<Segment>, scan: &Scan, units: &mut Vec<Unit>) -> Result<(), ReadError> {
    let (min_time, max_time) = segment.times();
    if !scan.range.overlaps(min_time, max_time) {
        return Ok(());
    }
    let traces = scan.traces.as_ref().map(|wanted| segment.traces_among(wanted));
    if traces.as_ref().is_some_and(Vec::is_empty) {
        return Ok(()); // without a look at the file
    }
    let candidates = Arc::new(OnceLock::new());
    for (index, group) in segment.row_groups()?.iter().enumerate() {
        if !scan.range.overlaps(group.min_time, group.max_time)
            || traces
                .as_ref()
                .is_some_and(|ids| !group.may_hold_trace(ids) || !segment.group_may_hold_trace(index, ids))
            || scan.series.as_ref().is_some_and(|set| !group.may_hold_series(set))
        {
            continue;
        }
        let source = Source::RowGroup { segment: Arc::clone(segment), index, candidates: Arc::clone(&candidates) };
        units.push(Unit { min_time: group.min_time, max_time: group.max_time, source });
    }
    Ok(())
}

impl<T: From<RecordBatch>> Iterator for Chunks<T> {
    type Item = Result<T, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.errors.pop_front() {
            return Some(Err(error));
        }
        loop {
            let unit = self.units.pop_front()?;
            match self.read(unit) {
                Ok(Some(batch)) => return Some(Ok(T::from(batch))),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
