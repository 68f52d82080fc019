//! The rows of a table for other programs: every column, a batch at a time, the oldest first.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use model::TimeRange;
use store::{Chunks, Order, ReadError, Scan, Snapshot};
use thiserror::Error;

use crate::table::{SqlTable, build};

/// Rows of one batch: attributes as JSON are larger than they were.
const BATCH_ROWS: usize = 8_192;

/// Why rows are missing.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("rows of {0} cannot be converted: {1}")]
    Convert(&'static str, ArrowError),
}

/// Yields the rows of a table with the columns that it has in SQL. An error stands for the rows that could not be read; the
/// next batch may be there.
pub struct Export {
    table: SqlTable,
    snapshot: Snapshot,
    source: Source,
    /// Read and not yet converted, and from which row on.
    stored: Option<(RecordBatch, usize)>,
}

enum Source {
    Chunks(Box<Chunks<RecordBatch>>),
    /// All series, which have no time.
    Series(Option<RecordBatch>),
}

impl Export {
    /// The names of the tables.
    pub const TABLES: [&'static str; 5] = ["spans", "logs", "metrics", "exemplars", "series"];

    /// The rows of `table` in `range`; `None` when there is no such table.
    pub fn new(snapshot: &Snapshot, table: &str, range: TimeRange) -> Option<Self> {
        let table = SqlTable::parse(table)?;
        let source = match table {
            SqlTable::Series => Source::Series(build::series_batch(&snapshot.series().all())),
            _ => Source::Chunks(Box::new(snapshot.batches(table.stored(), Scan::new(range).order(Order::OldestFirst)))),
        };
        Some(Export { table, snapshot: snapshot.clone(), source, stored: None })
    }

    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn convert(&self, stored: &RecordBatch) -> Result<RecordBatch, ExportError> {
        let all: Vec<usize> = (0..self.table.columns().len()).collect();
        build::build(self.table, &all, &self.table.schema(), stored, self.snapshot.series())
            .map_err(|error| ExportError::Convert(self.table.name(), error))
    }
}

impl Iterator for Export {
    type Item = Result<RecordBatch, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (stored, from) = match self.stored.take() {
            Some(rest) => rest,
            None => match &mut self.source {
                Source::Series(series) => (series.take()?, 0),
                Source::Chunks(chunks) => match chunks.next()? {
                    Ok(batch) => (batch, 0),
                    Err(error) => return Some(Err(error.into())),
                },
            },
        };
        let n_rows = BATCH_ROWS.min(stored.num_rows() - from);
        let converted = self.convert(&stored.slice(from, n_rows));
        if from + n_rows < stored.num_rows() {
            self.stored = Some((stored, from + n_rows));
        }
        Some(converted)
    }
}
