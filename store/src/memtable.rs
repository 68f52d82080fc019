//! The rows not yet in a segment.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use model::Nanos;

use crate::chunk::Times;
use crate::schema::Table;
use crate::snapshot::MemoryChunk;

/// Small chunks are merged when this many stand at the end: scans pay by the chunk.
const MERGE_CHUNKS: usize = 16;
/// A chunk of this size is left alone.
const FULL_CHUNK_ROWS: usize = 4096;

/// Chunks by table, in the order in which they were committed.
#[derive(Clone, Default)]
pub(crate) struct Memtable {
    pub(crate) chunks: [Vec<MemoryChunk>; 5],
    pub(crate) bytes: usize,
    pub(crate) rows: u64,
    /// The last log sequence number in it; 0 when empty.
    pub(crate) last_lsn: u64,
}

/// A batch ready to be committed: all that needs time is done.
pub(crate) struct Prepared {
    table: Table,
    chunk: MemoryChunk,
    bytes: usize,
}

impl Prepared {
    /// `batch` must have rows.
    pub(crate) fn new(table: Table, batch: RecordBatch) -> Self {
        let times = Times::of(&batch, table.time_column());
        let (mut min_time, mut max_time) = (Nanos::MAX, Nanos::MIN);
        for row in 0..batch.num_rows() {
            min_time = min_time.min(times.get(row));
            max_time = max_time.max(times.get(row));
        }
        let bytes = batch.get_array_memory_size();
        Prepared { table, chunk: MemoryChunk { batch, min_time, max_time }, bytes }
    }

    pub(crate) fn n_rows(&self) -> u64 {
        self.chunk.batch.num_rows() as u64
    }
}

impl Memtable {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn push(&mut self, prepared: Prepared) {
        self.rows += prepared.n_rows();
        self.bytes += prepared.bytes;
        let chunks = &mut self.chunks[prepared.table as usize];
        chunks.push(prepared.chunk);
        let n_small = chunks.iter().rev().take_while(|chunk| chunk.batch.num_rows() < FULL_CHUNK_ROWS).count();
        if n_small >= MERGE_CHUNKS {
            let small = chunks.split_off(chunks.len() - n_small);
            let merged = merge(prepared.table, &small);
            let before: usize = small.iter().map(|chunk| chunk.batch.get_array_memory_size()).sum();
            let after: usize = merged.iter().map(|chunk| chunk.batch.get_array_memory_size()).sum();
            self.bytes = (self.bytes + after).saturating_sub(before);
            chunks.extend(merged);
        }
    }
}

/// One chunk of the rows of `small`; `small` itself when they do not fit one.
fn merge(table: Table, small: &[MemoryChunk]) -> Vec<MemoryChunk> {
    match concat_batches(&table.schema(), small.iter().map(|chunk| &chunk.batch)) {
        Ok(batch) => vec![MemoryChunk {
            batch,
            min_time: small.iter().map(|chunk| chunk.min_time).min().unwrap_or(Nanos::MAX),
            max_time: small.iter().map(|chunk| chunk.max_time).max().unwrap_or(Nanos::MIN),
        }],
        Err(_) => small.to_vec(), // offsets of 32 bits would overflow
    }
}
