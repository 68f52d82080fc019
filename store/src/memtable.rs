//! The rows not yet in a segment.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use crate::chunk::Times;
use crate::rows::Rows;
use crate::schema::Table;
use crate::series::SeriesOfRequest;
use crate::snapshot::MemoryChunk;

/// Scans pay by the chunk, so the small ones at the end are merged when together they have this many rows. In steps, so that
/// a row is copied once for each step and not once for each request that follows it.
pub(crate) const MERGE_ROWS: [usize; 4] = [16, 128, 1024, 4096];
/// A chunk of this size is left alone.
const FULL_CHUNK_BYTES: usize = 4 << 20;

/// Chunks by table, in the order in which they were committed.
#[derive(Clone, Default)]
pub(crate) struct Memtable {
    pub(crate) chunks: [Vec<MemoryChunk>; 5],
    pub(crate) bytes: usize,
    pub(crate) rows: u64,
    /// The last log sequence number in it; 0 when empty.
    pub(crate) last_lsn: u64,
}

/// The rows of a request, ready to be committed.
#[derive(Default)]
pub(crate) struct PreparedRequest {
    pub(crate) rows: Vec<Prepared>,
    /// To be known when the rows are.
    pub(crate) series: Option<Box<SeriesOfRequest>>,
}

impl PreparedRequest {
    /// Makes batches of `rows`.
    pub(crate) fn new(mut rows: Rows) -> Self {
        let mut prepared = PreparedRequest::default();
        let known = rows.metrics.take_known();
        let mut described = None;
        for (table, batch) in rows.finish() {
            match table {
                Table::Series => described = Some(batch.into()),
                _ => prepared.rows.push(Prepared::new(table, batch)),
            }
        }
        if described.is_some() || !known.is_empty() {
            prepared.series = Some(Box::new(SeriesOfRequest::new(known, described)));
        }
        prepared
    }
}

/// A batch ready to be committed: all that needs time is done.
pub(crate) struct Prepared {
    table: Table,
    chunk: MemoryChunk,
}

impl Prepared {
    /// `batch` must have rows.
    pub(crate) fn new(table: Table, batch: RecordBatch) -> Self {
        Prepared { table, chunk: MemoryChunk::new(table, batch) }
    }

    pub(crate) fn n_rows(&self) -> u64 {
        self.chunk.batch.num_rows() as u64
    }
}

impl MemoryChunk {
    fn new(table: Table, batch: RecordBatch) -> Self {
        let times = Times::of(&batch, table.time_column());
        let (min_time, max_time) = times.bounds();
        let bytes = batch.get_array_memory_size();
        MemoryChunk { batch, min_time, max_time, bytes }
    }

    fn is_smaller_than(&self, n_rows: usize) -> bool {
        self.batch.num_rows() < n_rows && self.bytes < FULL_CHUNK_BYTES
    }
}

/// Chunks at the end of a table that are to become one.
pub(crate) struct Merge {
    table: Table,
    chunks: Vec<MemoryChunk>,
}

impl Memtable {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn push(&mut self, prepared: Prepared) {
        self.rows += prepared.n_rows();
        self.bytes += prepared.chunk.bytes;
        self.chunks[prepared.table as usize].push(prepared.chunk);
    }

    /// The next merge that is worth its cost. To be run, and given to [`Memtable::replace`] before anything else is pushed.
    /// `steps` are numbers of rows.
    pub(crate) fn merge(&self, steps: &[usize]) -> Option<Merge> {
        Table::ALL.into_iter().find_map(|table| {
            let chunks = &self.chunks[table as usize];
            steps.iter().find_map(|&n_rows| {
                let n_chunks = chunks.iter().rev().take_while(|chunk| chunk.is_smaller_than(n_rows)).count();
                let small = &chunks[chunks.len() - n_chunks..];
                let together: usize = small.iter().map(|chunk| chunk.batch.num_rows()).sum();
                (together >= n_rows).then(|| Merge { table, chunks: small.to_vec() })
            })
        })
    }

    /// Puts the one chunk in the place of those of `merge`.
    pub(crate) fn replace(&mut self, merge: &Merge, merged: MemoryChunk) {
        let chunks = &mut self.chunks[merge.table as usize];
        chunks.truncate(chunks.len().saturating_sub(merge.chunks.len()));
        let before: usize = merge.chunks.iter().map(|chunk| chunk.bytes).sum();
        self.bytes = (self.bytes + merged.bytes).saturating_sub(before);
        chunks.push(merged);
    }
}

impl Merge {
    /// The rows of all chunks as one. Takes time, and memory for a copy.
    pub(crate) fn run(&self) -> Option<MemoryChunk> {
        let batch = concat_batches(&self.table.schema(), self.chunks.iter().map(|chunk| &chunk.batch));
        Some(MemoryChunk::new(self.table, batch.ok()?)) // offsets of 32 bits cannot overflow: the chunks are small
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(n: u64) -> Prepared {
        let batches = crate::tests::rows(0, n).finish();
        let (table, batch) = batches.into_iter().find(|(table, _)| *table == Table::Logs).unwrap();
        Prepared::new(table, batch)
    }

    /// Pushes requests of these sizes; the number of rows copied.
    fn copied(memtable: &mut Memtable, sizes: impl Iterator<Item = u64>) -> usize {
        let mut copied = 0;
        for size in sizes {
            memtable.push(logs(size));
            while let Some(merge) = memtable.merge(&MERGE_ROWS) {
                let merged = merge.run().unwrap();
                copied += merged.batch.num_rows();
                memtable.replace(&merge, merged);
            }
        }
        copied
    }

    #[test]
    fn a_row_is_copied_once_for_each_step() {
        for (n, size) in [(4096, 1), (512, 100), (100, 15), (3, 5000)] {
            let mut memtable = Memtable::default();
            let copied = copied(&mut memtable, std::iter::repeat_n(size, n));
            let rows = n * size as usize;
            let chunks = &memtable.chunks[Table::Logs as usize];
            assert!(copied <= MERGE_ROWS.len() * rows, "{n} of {size}: {copied} copies");
            assert!(chunks.len() <= 32 + rows / 4096, "{n} of {size}: {} chunks", chunks.len());
            assert_eq!(chunks.iter().map(|chunk| chunk.batch.num_rows()).sum::<usize>(), rows);
            assert_eq!(memtable.bytes, chunks.iter().map(|chunk| chunk.bytes).sum::<usize>());
        }
    }

    #[test]
    fn rows_stay_in_the_order_in_which_they_came() {
        let mut memtable = Memtable::default();
        copied(&mut memtable, [3, 5000, 7, 9, 4, 20].into_iter());
        let rows: Vec<_> = memtable.chunks[Table::Logs as usize].iter().map(|chunk| chunk.batch.num_rows()).collect();
        assert_eq!(rows, [3, 5000, 16, 4, 20]);
    }
}
