//! What was stored since somebody last looked, for who counts every row once as it comes.
//!
//! Rows have a place in the order in which their table got them since the store was opened. As long as they are in memory
//! their place can be told; a flush keeps the rows that the follower has not seen until it looks again.

use arrow::array::RecordBatch;

use crate::chunk::{LogChunk, SpanChunk};
use crate::schema::Table;
use crate::snapshot::{MemoryChunk, Snapshot};
use crate::store::Store;

/// The tables that are followed.
const FOLLOWED: [Table; 2] = [Table::Spans, Table::Logs];

/// What a follower has seen. There is one follower of a store.
#[derive(Default)]
pub(crate) struct Follower {
    /// Rows that have left memory, by place in [`FOLLOWED`]: the place of the first row in memory.
    gone: [u64; 2],
    /// Rows that were flushed before the follower saw them; empty if it saw all.
    kept: [Vec<MemoryChunk>; 2],
    /// The place after the last row seen; `None` before the first look.
    seen: Option<[u64; 2]>,
}

/// All that is stored, and what of it is new.
pub struct News {
    /// With the new rows.
    pub snapshot: Snapshot,
    /// `None` when it is not known which rows are new: at the first look, and when more was flushed since the last one
    /// than is kept.
    pub(crate) rows: Option<[Vec<RecordBatch>; 2]>,
}

impl News {
    /// Takes the new spans, in the order in which they were stored, with all their columns.
    pub fn take_spans(&mut self) -> Option<Vec<SpanChunk>> {
        Some(std::mem::take(&mut self.rows.as_mut()?[0]).into_iter().map(SpanChunk::from).collect())
    }

    /// Takes the new log records, as [`News::take_spans`].
    pub fn take_logs(&mut self) -> Option<Vec<LogChunk>> {
        Some(std::mem::take(&mut self.rows.as_mut()?[1]).into_iter().map(LogChunk::from).collect())
    }
}

impl Store {
    /// All that is stored now, and what came since the call before: each row is in the news of one call, duplicates of a
    /// retry in none. For one caller, and to be called often: until then a flush keeps in memory what it has not seen.
    pub fn news(&self) -> News {
        self.shared.news()
    }
}

impl Follower {
    /// `memory`, the first of the rows in memory, has become segments. What of it was not seen is kept, unless more is missing.
    pub(crate) fn leave(&mut self, memory: &[Vec<MemoryChunk>; 5]) {
        for (index, table) in FOLLOWED.into_iter().enumerate() {
            let chunks = &memory[table as usize];
            let leaving = self.gone[index]..self.gone[index] + rows(chunks);
            let is_next = self.seen.is_some_and(|seen| leaving.contains(&seen[index]));
            self.kept[index] = if is_next { chunks.clone() } else { Vec::new() };
            self.gone[index] = leaving.end;
        }
    }

    /// The rows not seen yet, where `memory` is all that is in memory. From now on they are seen.
    pub(crate) fn look(&mut self, memory: &[Vec<MemoryChunk>; 5]) -> Option<[Vec<RecordBatch>; 2]> {
        let seen = self.seen;
        let (mut ends, mut found, mut is_known) = ([0; 2], [Vec::new(), Vec::new()], seen.is_some());
        for (index, table) in FOLLOWED.into_iter().enumerate() {
            let kept = std::mem::take(&mut self.kept[index]);
            let mut place = self.gone[index] - rows(&kept);
            let from = seen.map_or(0, |seen| seen[index]);
            is_known &= place <= from;
            for chunk in kept.iter().chain(&memory[table as usize]) {
                let n_rows = chunk.batch.num_rows() as u64;
                let n_old = from.saturating_sub(place).min(n_rows);
                if is_known && n_old < n_rows {
                    // Both are within the number of rows of a batch.
                    found[index].push(chunk.batch.slice(n_old as usize, (n_rows - n_old) as usize));
                }
                place += n_rows;
            }
            ends[index] = place;
        }
        self.seen = Some(ends);
        is_known.then_some(found)
    }
}

fn rows(chunks: &[MemoryChunk]) -> u64 {
    chunks.iter().map(|chunk| chunk.batch.num_rows() as u64).sum()
}
