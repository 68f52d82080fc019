//! What a query sees: the rows in memory and the segments on disk at one instant.
//!
//! A snapshot is taken under one lock, so a flush in progress is seen either before or after, never twice. It keeps
//! its segments readable for as long as it lives.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use hashbrown::HashSet;
use model::{Nanos, SeriesId, TimeRange, TraceId};

use crate::chunk::{ExemplarChunk, LogChunk, PointChunk, SpanChunk};
use crate::error::ReadError;
use crate::filter::Filter;
use crate::scan::Chunks;
use crate::schema::Table;
use crate::segment::Segment;
use crate::series::SeriesIndex;

/// Which rows of a table to read, and how. Rows outside never come out.
#[derive(Clone, Debug)]
pub struct Scan {
    pub range: TimeRange,
    pub order: Order,
    /// The columns to read, named as in [`Table::schema`]; `None` reads all. The time column comes along with any other;
    /// chunks without a column still have their number of rows.
    pub columns: Option<&'static [&'static str]>,
    /// Only rows of these traces, in ascending order; [`Scan::traces`] sees to that.
    pub traces: Option<Arc<[TraceId]>>,
    /// Only points or exemplars of these series.
    pub series: Option<Arc<HashSet<SeriesId>>>,
    /// Only spans or log records that satisfy all of these.
    pub filters: Vec<Arc<Filter>>,
    /// Only log records whose body holds all these tokens, as [`crate::text::query_tokens`] gives them.
    pub words: Vec<String>,
    /// Hint that the reader wants about so many rows and will then stop: log records are read in small pieces.
    pub first: Option<usize>,
}

/// In which order a scan yields its chunks. Within and between chunks rows may still be out of order; see
/// [`Chunks::bound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

impl Scan {
    /// Every column of every row in `range`, newest first.
    pub fn new(range: TimeRange) -> Self {
        Scan {
            range,
            order: Order::NewestFirst,
            columns: None,
            traces: None,
            series: None,
            filters: Vec::new(),
            words: Vec::new(),
            first: None,
        }
    }

    pub fn columns(mut self, columns: &'static [&'static str]) -> Self {
        self.columns = Some(columns);
        self
    }

    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Only rows of the trace `id`.
    pub fn trace(self, id: TraceId) -> Self {
        self.traces([id])
    }

    /// Only rows of these traces, all in one pass.
    pub fn traces(mut self, ids: impl IntoIterator<Item = TraceId>) -> Self {
        let ids: BTreeSet<TraceId> = ids.into_iter().collect();
        self.traces = Some(ids.into_iter().collect());
        self
    }

    pub fn series(mut self, series: Arc<HashSet<SeriesId>>) -> Self {
        self.series = Some(series);
        self
    }

    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(Arc::new(filter));
        self
    }

    pub fn words(mut self, words: Vec<String>) -> Self {
        self.words = words;
        self
    }

    /// The reader will stop after about `n` rows.
    pub fn first(mut self, n: usize) -> Self {
        self.first = Some(n);
        self
    }
}

/// A batch in memory with the range of its times.
#[derive(Clone)]
pub(crate) struct MemoryChunk {
    pub(crate) batch: RecordBatch,
    pub(crate) min_time: Nanos,
    pub(crate) max_time: Nanos,
    /// Of its columns in memory.
    pub(crate) bytes: usize,
}

/// The state of the store at one instant; cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    /// By table.
    pub(crate) memory: [Vec<MemoryChunk>; 5],
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    pub(crate) series: Arc<SeriesIndex>,
}

impl Snapshot {
    pub fn spans(&self, scan: Scan) -> Chunks<SpanChunk> {
        Chunks::new(self, Table::Spans, scan)
    }

    pub fn logs(&self, scan: Scan) -> Chunks<LogChunk> {
        Chunks::new(self, Table::Logs, scan)
    }

    pub fn points(&self, scan: Scan) -> Chunks<PointChunk> {
        Chunks::new(self, Table::Points, scan)
    }

    pub fn exemplars(&self, scan: Scan) -> Chunks<ExemplarChunk> {
        Chunks::new(self, Table::Exemplars, scan)
    }

    /// The rows of any table as Arrow batches, columns as in [`Table::schema`], projected to the scan's columns.
    pub fn batches(&self, table: Table, scan: Scan) -> Chunks<RecordBatch> {
        Chunks::new(self, table, scan)
    }

    /// Every series known, also some whose points are outside this snapshot.
    pub fn series(&self) -> &SeriesIndex {
        &self.series
    }

    /// Why series that have points in `range` may be missing: what described them could not be read, and is still to be kept.
    pub fn unread_series(&self, range: TimeRange) -> Vec<ReadError> {
        let mut unread = self.series.unread(range);
        unread.retain(|error| self.segments.iter().any(|segment| segment.path() == error.path));
        unread
    }

    /// The times of the oldest and the newest row of `table`, or `None` when it has none. Both ends included.
    pub fn extent(&self, table: Table) -> Option<(Nanos, Nanos)> {
        let memory = self.memory[table as usize].iter().map(|chunk| (chunk.min_time, chunk.max_time));
        let segments = self.segments.iter().filter(|segment| segment.table() == table).map(|it| it.times());
        memory.chain(segments).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The segments of `table`, those with the rows that were stored first at the front.
    pub(crate) fn segments_as_stored(&self, table: Table) -> Vec<&Arc<Segment>> {
        let mut segments: Vec<_> = self.segments.iter().filter(|segment| segment.table() == table).collect();
        segments.sort_by_key(|segment| (segment.entry().stored(), segment.id()));
        segments
    }

    /// The time of the oldest row in memory of `tables`; the greatest time there is without one.
    pub(crate) fn memory_start<const N: usize>(&self, tables: [Table; N]) -> Nanos {
        let chunks = tables.into_iter().flat_map(|table| &self.memory[table as usize]);
        chunks.map(|chunk| chunk.min_time).min().unwrap_or(Nanos::MAX)
    }

    /// The number of rows of `table`, in memory and on disk.
    pub fn n_rows(&self, table: Table) -> u64 {
        let memory: usize = self.memory[table as usize].iter().map(|chunk| chunk.batch.num_rows()).sum();
        let segments: u64 = self.segments.iter().filter(|it| it.table() == table).map(|it| it.n_rows()).sum();
        memory as u64 + segments
    }
}
