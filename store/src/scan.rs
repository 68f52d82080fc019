//! Reads the chunks of a scan one at a time: memory chunks, row groups, and of log records parts of row groups, ordered by
//! time.
//!
//! A segment is opened when its turn comes, so a query that stops early opens few.

use std::collections::{BinaryHeap, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use model::{Nanos, TraceId};

use crate::chunk::Times;
use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::{IdFilter, Segment};
use crate::snapshot::{MemoryChunk, Order, Scan, Snapshot};
use crate::text::HoldsAll;
use crate::unique::key_columns;

mod logs;
mod repeated;
mod together;
mod unit;

pub(crate) use logs::LogSegment;
use repeated::Repeats;
use unit::{Part, Source, Unit};

/// The chunks of a scan, as an iterator. What cannot be read, a segment or a row group, comes out as an error, and the
/// iteration goes on: the caller reports it beside the rows that could be read. A chunk of which filters or words leave nothing comes
/// out empty, so that a caller whose time is up can stop there.
pub struct Chunks<T> {
    table: Table,
    scan: Scan,
    /// Of damaged parts of what came out last.
    errors: VecDeque<ReadError>,
    /// Chunks that were read together with one that came out, each with the bound of its times.
    ready: VecDeque<(Nanos, RecordBatch)>,
    units: BinaryHeap<Unit>,
    n_units: usize,
    /// Rows in memory, in the order of storing.
    memory: Vec<MemoryChunk>,
    /// Segments of points or exemplars in the order of storing; none of other tables.
    stored: Vec<Arc<Segment>>,
    words: HoldsAll,
    /// The number of rows that is worth reading at once, where the caller wants few.
    piece: Option<usize>,
    chunk: PhantomData<fn() -> T>,
}

impl<T> Chunks<T> {
    pub(crate) fn new(snapshot: &Snapshot, table: Table, scan: Scan) -> Self {
        let words = HoldsAll::new(&scan.words);
        // Ids leave few rows of many: for those, all that is left of a row group is read at once.
        let piece = scan.first.filter(|_| scan.traces.is_none() && scan.series.is_none());
        let piece = piece.map(logs::first_piece);
        let mut chunks = Chunks {
            table,
            scan,
            errors: VecDeque::new(),
            ready: VecDeque::new(),
            units: BinaryHeap::new(),
            n_units: 0,
            memory: snapshot.memory[table as usize].clone(),
            stored: Vec::new(),
            words,
            piece,
            chunk: PhantomData,
        };
        for number in 0..chunks.memory.len() {
            let MemoryChunk { min_time, max_time, .. } = chunks.memory[number];
            chunks.push(min_time, max_time, Source::Memory(number));
        }
        for segment in snapshot.segments.iter().filter(|segment| segment.table() == table) {
            let (min_time, max_time) = segment.times();
            chunks.push(min_time, max_time, Source::Segment(Arc::clone(segment)));
        }
        if !key_columns(table).is_empty() {
            chunks.stored = snapshot.segments_as_stored(table).into_iter().cloned().collect();
        }
        chunks
    }

    /// Adds what there is to read between two times, if that is in the scan's range.
    fn push(&mut self, min_time: Nanos, max_time: Nanos, source: Source) {
        if self.scan.range.overlaps(min_time, max_time) {
            self.units.push(Unit { order: self.scan.order, min_time, max_time, number: self.n_units, source });
            self.n_units += 1;
        }
    }

    /// The time that no row still to come is beyond: the newest one left when newest first, the oldest one left when
    /// oldest first. `None` when nothing is left. A query for the newest N rows stops when its Nth is newer.
    pub fn bound(&self) -> Option<Nanos> {
        let bounds = self.ready.iter().map(|(bound, _)| *bound).chain(self.units.peek().map(Unit::bound));
        match self.scan.order {
            Order::NewestFirst => bounds.max(),
            Order::OldestFirst => bounds.min(),
        }
    }

    /// Reads a unit, or puts others or what is ready in its place.
    fn read(&mut self, unit: Unit) -> Result<Option<RecordBatch>, ReadError> {
        let inside = self.is_inside(unit.min_time, unit.max_time);
        let (batch, repeats) = match unit.source {
            Source::Memory(number) => {
                (self.filter(self.memory[number].batch.clone()), Repeats::of_memory(self.table, &self.memory, number))
            }
            Source::Segment(segment) => {
                self.push_row_groups(&segment)?;
                return Ok(None);
            }
            Source::RowGroup { part, later } => {
                let repeats = Repeats::of_part(self.table, &part, &later, &self.memory);
                (self.read_row_group(&part, inside, &repeats)?, repeats)
            }
            Source::Logs { .. } => {
                self.read_logs(unit);
                return Ok(None);
            }
        };
        let batch = batch.filter(|batch| batch.num_rows() > 0);
        let batch = batch.and_then(|batch| if inside { Some(batch) } else { self.in_range(batch) });
        let batch = batch.and_then(|batch| repeats.drop_from(batch, &self.ids()));
        Ok(batch.map(|batch| self.project(batch)))
    }

    fn read_row_group(
        &mut self,
        Part { segment, index, .. }: &Part,
        inside: bool,
        repeats: &Repeats,
    ) -> Result<Option<RecordBatch>, ReadError> {
        let mut columns = self.columns(inside);
        columns.iter_mut().for_each(|columns| columns.extend_from_slice(repeats.columns()));
        // Of many traces a row group holds few: for those that it cannot hold, no page need be looked at.
        let traces = self.scan.traces.as_ref().map(|wanted| segment.group_traces_among(*index, wanted));
        let ids = self.ids_with(traces);
        segment.read(*index, &columns, None, ids.clone()).or_else(|error| {
            let (batch, damage) = segment.read_undamaged(*index, &columns, ids).ok_or(error)?;
            self.errors.extend(damage);
            Ok(Some(batch))
        })
    }

    fn is_inside(&self, min_time: Nanos, max_time: Nanos) -> bool {
        self.scan.range.contains(min_time) && self.scan.range.contains(max_time)
    }

    /// Adds the row groups of `segment` that can hold rows of the scan.
    fn push_row_groups(&mut self, segment: &Arc<Segment>) -> Result<(), ReadError> {
        let traces = self.scan.traces.as_ref().map(|wanted| segment.traces_among(wanted));
        if traces.as_ref().is_some_and(Vec::is_empty) {
            return Ok(()); // without a look at the file
        }
        let logs = (self.table == Table::Logs).then(|| Arc::new(LogSegment::new(segment, &self.scan.words)));
        let later: Arc<[Part]> = repeated::later(&self.stored, segment, self.scan.range).into();
        for (index, group) in segment.row_groups()?.into_iter().enumerate() {
            let may_hold_trace = |ids: &Vec<_>| group.may_hold_trace(ids) && segment.group_may_hold_trace(index, ids);
            if traces.as_ref().is_some_and(|ids| !may_hold_trace(ids))
                || self.scan.series.as_ref().is_some_and(|set| !group.may_hold_series(set))
            {
                continue;
            }
            let (min_time, max_time) = (group.min_time, group.max_time);
            let source = match &logs {
                Some(logs) => Source::Logs { logs: Arc::clone(logs), index, rows: None },
                None => {
                    let part = Part { segment: Arc::clone(segment), index, group };
                    Source::RowGroup { part, later: Arc::clone(&later) }
                }
            };
            self.push(min_time, max_time, source);
        }
        Ok(())
    }

    fn ids(&self) -> Vec<IdFilter> {
        self.ids_with(self.scan.traces.clone())
    }

    fn ids_with(&self, traces: Option<Arc<[TraceId]>>) -> Vec<IdFilter> {
        let trace = traces.map(IdFilter::Traces);
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

    /// The rows in memory that are wanted; `None` when there are none.
    fn filter(&self, batch: RecordBatch) -> Option<RecordBatch> {
        let batch = self.ids().iter().try_fold(batch, |batch, ids| keep(&batch, &ids.mask(&batch)))?;
        if self.words.is_empty() {
            return Some(batch);
        }
        let bodies = batch.column_by_name("body").and_then(|it| it.as_string_opt::<i32>())?;
        let mask = bodies.iter().map(|body| Some(self.words.matches(body.unwrap_or_default()))).collect();
        keep(&batch, &mask)
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

impl<T: From<RecordBatch>> Iterator for Chunks<T> {
    type Item = Result<T, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.errors.pop_front() {
                return Some(Err(error));
            }
            if let Some((_, batch)) = self.ready.pop_front() {
                return Some(Ok(T::from(batch)));
            }
            let unit = self.units.pop()?;
            // Much may be read of which filters or words leave nothing: the reader has a say in between.
            let narrows = !self.scan.filters.is_empty() || !self.words.is_empty();
            let pauses = unit.is_read_from_disk() && narrows;
            match self.read(unit) {
                Ok(Some(batch)) => return Some(Ok(T::from(batch))),
                Ok(None) if pauses && self.ready.is_empty() => {
                    return Some(Ok(T::from(self.project(RecordBatch::new_empty(self.table.schema())))));
                }
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
