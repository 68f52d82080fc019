//! The batches that a merge has in memory: each for as long as rows of it are to be written.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use crate::order::{RowKey, keys};
use crate::schema::Table;

pub(super) struct Held {
    table: Table,
    /// Empty ones are free places.
    batches: Vec<RecordBatch>,
    /// Of each batch: the rows not yet let go, its bytes, and when it was stored in relation to the others.
    notes: Vec<Note>,
    free: Vec<usize>,
    bytes: usize,
    rows: usize,
    /// Batches that were taken so far.
    taken: u32,
}

#[derive(Clone, Copy, Default)]
struct Note {
    rows: usize,
    bytes: usize,
    age: u32,
    /// Which batch it is, of all that were taken.
    number: u32,
}

impl Held {
    pub(super) fn new(table: Table) -> Self {
        Held { table, batches: Vec::new(), notes: Vec::new(), free: Vec::new(), bytes: 0, rows: 0, taken: 0 }
    }

    /// Takes `batch`, stored later than batches of a lower `age`, and of the same one later than those taken before, and returns the keys of its rows.
    pub(super) fn add(&mut self, batch: RecordBatch, age: u32) -> Result<Vec<RowKey>, ArrowError> {
        let place = self.free.pop().unwrap_or(self.batches.len());
        let note = Note { rows: batch.num_rows(), bytes: batch.get_array_memory_size(), age, number: self.taken };
        let keys = keys(self.table, place as u32, &batch)?;
        self.bytes += note.bytes;
        self.rows += note.rows;
        self.taken += 1;
        if place == self.batches.len() {
            self.batches.push(batch);
            self.notes.push(note);
        } else {
            self.batches[place] = batch;
            self.notes[place] = note;
        }
        Ok(keys)
    }

    pub(super) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Says of a row when it was stored: a later one has the greater value.
    pub(super) fn age(&self, key: &RowKey) -> (u32, u32, u32) {
        let note = &self.notes[key.batch as usize];
        (note.age, note.number, key.row)
    }

    /// The rows of `keys` are written, or dropped. A batch goes with its last row.
    pub(super) fn let_go(&mut self, keys: &[RowKey]) {
        for key in keys {
            let place = key.batch as usize;
            let note = &mut self.notes[place];
            note.rows -= 1;
            self.rows -= 1;
            if note.rows == 0 {
                self.bytes -= note.bytes;
                self.batches[place] = RecordBatch::new_empty(self.batches[place].schema());
                self.free.push(place);
            }
        }
    }

    /// Memory that the batches take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Of `wanted` rows so many that a batch of them takes no more than `bytes`, by the average of those held.
    pub(super) fn rows_within(&self, bytes: usize, wanted: usize) -> usize {
        let average = self.bytes / self.rows.max(1) + 1;
        wanted.min(bytes / average).max(1)
    }
}
